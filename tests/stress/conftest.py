# SPDX-License-Identifier: Apache-2.0
"""The ring of load: eight workers behind one server, and as durable as in earnest in one of the runs."""

import pytest

from tests.conftest import running_front


@pytest.fixture(scope="session", params=[("lighttpd", "full"), ("apache-proxy", "none")], ids="-".join)
def front(request):
    name, durability = request.param
    with running_front(name, workers=8, env={"BERTH_DURABILITY": durability}) as front:
        yield front
