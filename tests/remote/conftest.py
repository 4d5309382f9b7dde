# SPDX-License-Identifier: Apache-2.0
"""What asks, and a registry to ask."""

import os

import pytest

from tests.lib import asking
from tests.lib.authority import Authority
from tests.lib.upstream import Upstream


@pytest.fixture(scope="session", autouse=True)
def program():
    asking.build()


@pytest.fixture
def upstream():
    with Upstream() as made:
        yield made


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="session")
def certificate(authority, tmp_path_factory):
    """Of this host, by the names under which tests ask it."""
    return authority.issue(tmp_path_factory.mktemp("certificate"), "DNS:localhost,IP:127.0.0.1,IP:::1")


@pytest.fixture
def state(tmp_path):
    """A directory for what processes share."""
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    os.chmod(directory, 0o700)
    return directory
