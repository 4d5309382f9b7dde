# SPDX-License-Identifier: Apache-2.0
"""The ring of faults: each command is killed, interrupted and out of space at each of its steps."""

import tempfile
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.fault import sample
from tests.fault.harness import Harness
from tests.lib.faults import make_library
from tests.lib.paths import MEMORY


@pytest.fixture(scope="session")
def harness():
    make_library()
    with tempfile.TemporaryDirectory(prefix="berth-fault-", dir=MEMORY) as directory:
        home = Path(directory)
        home.chmod(0o755)
        with running_front("cgi", root=home / "model") as front:
            sample.fill(front)
        sample.age(home / "model")
        (home / "layout").mkdir()
        sample.write_layout(home / "layout")
        yield Harness(home)
