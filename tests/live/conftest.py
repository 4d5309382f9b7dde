# SPDX-License-Identifier: Apache-2.0
"""The ring of web servers: each is started once, and tests keep to repositories of their own."""

import pytest

from tests.conftest import running_front

SERVERS = ["lighttpd", "lighttpd-socket", "apache-fcgid", "apache-proxy", "nginx"]


@pytest.fixture(scope="session", params=SERVERS)
def front(request):
    with running_front(request.param, workers=4, tls=True) as front:
        yield front
