# SPDX-License-Identifier: Apache-2.0
"""What all rings share."""

import contextlib
import os
import tempfile
from pathlib import Path

import pytest

# Fronts and commands that count have a place of their own for it; all others leave nothing in shared memory.
os.environ.setdefault("BERTH_METRICS", "off")

pytest.register_assert_rewrite("tests.lib")

from tests.lib import fronts  # noqa: E402 - after its asserts are rewritten


@contextlib.contextmanager
def running_front(name, within=None, **options):
    """A front in a directory, of its own within that for temporary files, that web servers can enter, that has room for
    the path of a Unix socket, and that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"berth-{name}-", dir=within) as directory:
        home = Path(directory)
        home.chmod(0o755)
        with fronts.make(name, home, **options) as front:
            yield front


@pytest.fixture(scope="session")
def start_front():
    """Starts fronts: `start_front("nginx", workers=2)`. They serve until the end of the run."""
    with contextlib.ExitStack() as started:
        yield lambda name, **options: started.enter_context(running_front(name, **options))
