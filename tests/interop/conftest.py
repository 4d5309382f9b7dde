# SPDX-License-Identifier: Apache-2.0
"""Two programs that serve one store in turn: each is a context manager over a store, as long as which it serves."""

import pytest

from tests.conftest import running_front
from tests.lib.distribution import Distribution


@pytest.fixture
def store(tmp_path):
    directory = tmp_path / "store"
    directory.mkdir()
    return directory


@pytest.fixture
def distribution(tmp_path):
    return lambda root: Distribution(root, tmp_path)


@pytest.fixture
def berth():
    return lambda root: running_front("lighttpd", root=root, workers=2)
