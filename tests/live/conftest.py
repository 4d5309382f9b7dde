# SPDX-License-Identifier: Apache-2.0
"""The ring of web servers: each is started once, and tests keep to repositories of their own."""

import pytest

from tests.conftest import running_front

SERVERS = ["lighttpd", "lighttpd-socket", "apache-fcgid", "apache-proxy", "nginx"]


def pytest_collection_modifyitems(items):
    """Where processes share the tests, those of a front are one process's, as they start it."""
    for item in items:
        for param in item.callspec.params.values() if hasattr(item, "callspec") else ():
            for word in param if isinstance(param, tuple) else str(param).split():
                if word in SERVERS:
                    item.add_marker(pytest.mark.xdist_group(word))


@pytest.fixture(scope="session", params=SERVERS)
def front(request):
    with running_front(request.param, workers=4, tls=True) as front:
        yield front
