# SPDX-License-Identifier: Apache-2.0
"""What helm makes of the chart, run as the manifests are. Debian has no helm, so `make kubernetes-test` runs it."""

import pytest

from tests.lib.clients import GREETING
from tests.lib.helm import MEANING, charted, is_hook
from tests.pods.site import LIVE, LOGINS, READY, WELL, password_line

ALICE = ("alice", "secret")


@pytest.fixture
def install(site, tmp_path):
    def make(*values, logins=True):
        """helm install, with a user unless nobody has to log in. Hooks are started by themselves."""
        (tmp_path / "htpasswd").write_text(password_line(*ALICE))
        files = {"htpasswd": tmp_path / "htpasswd"}
        if not logins:
            site.cluster.edit("berth.conf", (LOGINS, ""))
            files = {"config": site.cluster.file("berth.conf")}
        documents = charted(*values, files=files)
        site.cluster.take([one for one in documents if not is_hook(one)])
        site.cluster.deploy()
        site.route()
        return [one for one in documents if is_hook(one)]
    return make


@pytest.mark.parametrize("logins", [True, False])
def test_installed(site, install, layout, logins):
    credentials = ALICE if logins else None
    test, = install(logins=logins)
    assert site.pod.ask(LIVE) == site.pod.ask(READY) == WELL
    site.push(layout(), "team/app:1", credentials)
    assert bool(site.refused_pull("team/app:1")) == logins
    assert site.pull("team/app:1", credentials)
    for job in "berth-retain", "berth-gc":
        site.cluster.job(job)
    assert site.cluster.finish(test)  # helm test


def test_on_a_port_of_the_node(site, install, layout):
    install(*MEANING["host-port"])
    site.host = f"{site.cluster.node.machine.address}:5000"
    site.push(layout(), "team/app:1", ALICE)
    site.pull_secret(*ALICE)
    site.cluster.take(site.cluster.objects.documents.values())
    assert site.run("team/app:1") == GREETING
