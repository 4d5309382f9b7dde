# SPDX-License-Identifier: Apache-2.0
"""Two programs that serve one store in turn: each is a context manager over a store, as long as which it serves."""

import tempfile
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib.distribution import Distribution


@pytest.fixture
def place():
    """A directory for stores, which web servers can enter."""
    with tempfile.TemporaryDirectory(prefix="berth-interop-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
def store(place):
    directory = place / "store"
    directory.mkdir()
    return directory


@pytest.fixture
def distribution(tmp_path):
    return lambda root: Distribution(root, tmp_path)


@pytest.fixture
def berth():
    return lambda root: running_front("lighttpd", root=root)
