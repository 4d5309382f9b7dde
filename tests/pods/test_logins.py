# SPDX-License-Identifier: Apache-2.0
"""A registry that asks who is there: probes need not say, all others do. Nodes know it from an imagePullSecret."""

import pytest

from tests.lib.clients import GREETING
from tests.lib.manifests import pull_credentials
from tests.lib.workers import wait_for
from tests.pods.site import LIVE, READY, WELL, configuration_digest, password_line

ALICE, BOB = ("alice", "s3cret"), ("bob", "hunter2")
RULES = """group "dev" { members = { "alice" } }
repository "**" {
    pull  = { "users" }
    push  = { "@dev" }
    delete = { "@dev" }
}
"""


@pytest.fixture
def guarded(site):
    """Alice may do everything, Bob may pull."""
    site.cluster.file("htpasswd").write_text(password_line(*ALICE) + password_line(*BOB))
    with open(site.cluster.file("berth.conf"), "a") as conf:
        conf.write(RULES)
    site.start()
    site.route()
    return site


def test_probes_need_no_login(guarded):
    assert guarded.pod.ask(LIVE) == WELL
    assert guarded.pod.ask(READY) == WELL
    assert guarded.get("/v2/").status == 401


def test_pushed_and_pulled_by_who_logs_in(guarded, layout):
    pushed = layout()
    assert "authentication required" in guarded.refused_push(pushed, "team/app:1")
    assert "denied" in guarded.refused_push(pushed, "team/app:1", BOB)
    guarded.push(pushed, "team/app:1", ALICE)
    for credentials in None, ("alice", "wrong"), ("carol", "s3cret"):
        said = guarded.refused_pull("team/app:1", credentials)
        assert said and ("401" in said or "authorization failed" in said), (credentials, said)
    assert guarded.pull("team/app:1", BOB) == configuration_digest(pushed)


def test_jobs_need_no_logins(guarded, layout):
    """They read the same berth.conf, but do not have the file of the logins."""
    guarded.push(layout(), "team/app:1", ALICE)
    for job in "berth-retain", "berth-gc":
        guarded.cluster.job(job)
    assert guarded.pull("team/app:1", BOB)


def test_an_application_whose_image_is_there(guarded, layout):
    """By the imagePullSecret of a user."""
    guarded.push(layout(), "team/app:1", ALICE)
    guarded.pull_secret(*BOB)
    guarded.cluster.apply()
    assert guarded.run("team/app:1") == GREETING


def test_an_application_with_a_wrong_secret(guarded, layout):
    guarded.push(layout(), "team/app:1", ALICE)
    guarded.pull_secret("bob", "wrong")
    guarded.cluster.apply()
    with pytest.raises(AssertionError, match="401 Unauthorized"):
        guarded.run("team/app:1")


def test_a_robot(guarded, layout, page):
    """As the page says: an imagePullSecret with a token that can do no more than pull, until it is revoked."""
    with open(guarded.cluster.file("berth.conf"), "a") as conf:
        conf.write('repository "team/*" { pull = { "bob", "nodes" } push = { "@dev" } }\n')
    base = guarded.cluster.file(".")
    guarded.type(page.take("Logins of nodes", 1), base)
    for repository in "team/app:1", "other/app:1":
        guarded.push(layout(), repository, ALICE)
    guarded.name = "registry.internal:5000"
    guarded.route()
    guarded.type(page.take("Logins of nodes", 2), base)
    login, = pull_credentials(guarded.cluster.more[-1]).values()
    guarded.cluster.apply()
    assert guarded.run("team/app:1", "berth") == GREETING
    assert "denied" in guarded.refused_push(layout(), "team/app:1", login)
    guarded.pod.exec("/usr/bin/berth", "token", "revoke", "nodes")
    guarded.forget("team/app:1")
    wait_for(lambda: guarded.refused_pull("team/app:1", login))


def test_who_is_new_in_the_secret(guarded, layout):
    """A new pod, since the Secret has a new name; the one before it serves until then."""
    guarded.push(layout(), "team/app:1", ALICE)
    carol = ("carol", "opensesame")
    assert guarded.refused_pull("team/app:1", carol)
    with open(guarded.cluster.file("htpasswd"), "a") as file:
        file.write(password_line(*carol))
    before = guarded.cluster.objects
    guarded.cluster.apply()
    assert names(before, "Secret") != names(guarded.cluster.objects, "Secret")
    guarded.cluster.roll_out()
    assert guarded.pull("team/app:1", carol)


def names(objects, kind):
    return {document["metadata"]["name"] for document in objects.all(kind)}


def test_rules_that_change_in_a_running_pod(guarded, layout):
    """As `kubectl edit configmap` changes them: the kubelet brings them, and berth reads them without a restart."""
    assert "denied" in guarded.refused_push(layout(), "team/app:1", BOB)
    process = guarded.pod.process()
    config, = guarded.cluster.objects.all("ConfigMap")
    assert config["data"]["berth.conf"].count('{ "alice" }') == 1
    config["data"]["berth.conf"] = config["data"]["berth.conf"].replace('{ "alice" }', '{ "alice", "bob" }')
    guarded.pod.volumes.refresh()
    guarded.push(layout(), "team/app:1", BOB)
    assert guarded.pod.process() == process
