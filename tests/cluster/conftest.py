# SPDX-License-Identifier: Apache-2.0
"""The ring of several hosts with one store."""

import tempfile
from pathlib import Path

import pytest

from tests.lib import gluster, groups
from tests.lib.paths import CHECKOUT
from tests.recipes.document import Document

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items):
    groups.keep_together(items, HERE)


@pytest.fixture(scope="session")
def cluster():
    """Three hosts, their volume mounted with the options that it has by itself. What is typed there is the page's."""
    document = Document(CHECKOUT / "docs/several-hosts.md")
    check, settings = document.take("Several hosts, one data directory"), document.take("Several hosts, one data directory", 1)
    assert not document.left
    with tempfile.TemporaryDirectory(prefix="berth-cluster-", dir="/var/tmp") as home:
        cluster = gluster.Cluster(Path(home), check, settings)
        try:
            for host in cluster.hosts:
                host.mount()
            yield cluster
        finally:
            cluster.end()
