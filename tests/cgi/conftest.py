# SPDX-License-Identifier: Apache-2.0
import contextlib

import pytest

from tests.conftest import running_front
from tests.lib import oci


@pytest.fixture
def start_cgi():
    """Starts a front with a store and settings of its own: `start_cgi(page_limit=2)`."""
    with contextlib.ExitStack() as started:
        def start(**settings):
            env = {f"BERTH_{key.upper()}": str(value) for key, value in settings.items()}
            return started.enter_context(running_front("cgi", env=env))
        yield start


@pytest.fixture
def front(start_cgi):
    return start_cgi()


@pytest.fixture
def repo(front):
    """A repository that does not exist yet."""
    return oci.Repository(front)


@pytest.fixture
def other_repo(front):
    return oci.Repository(front)
