# SPDX-License-Identifier: Apache-2.0
"""The directories beside base, and what docs/kubernetes.md has nodes told: each is run, pushed to and pulled from."""

import base64
from pathlib import Path

import pytest
import yaml

from tests.lib import shared
from tests.lib.authority import Authority
from tests.lib.clients import GREETING
from tests.lib.pod_config import NODE_NAME
from tests.pods.site import LIVE, READY, WELL, configuration_digest, password_line

ALICE = ("alice", "secret")
NAME = "registry.internal:5000"
BASE = "  - ../base\n"


@pytest.fixture
def guarded(site):
    """The registry of the page, with a user, to which nothing was applied yet."""
    site.name = NAME
    site.cluster.file("htpasswd").write_text(password_line(*ALICE))
    return site


def check(site, layout, page):
    """Alice pushes from the host, and an application comes from there by the secret of the page."""
    assert site.pod.ask(LIVE) == site.pod.ask(READY) == WELL
    pushed = layout()
    site.push(pushed, "team/app:1", ALICE)
    assert site.pull("team/app:1", ALICE) == configuration_digest(pushed)
    site.forget("team/app:1")
    site.cluster.create(*secret_of(page))
    objects = site.cluster.objects
    site.cluster.apply()
    assert site.run("team/app:1", "berth") == GREETING
    site.cluster.objects = objects


def secret_of(page):
    """What is typed for a user, as words after `kubectl create`."""
    first = page.take("Logins of nodes", 0).replace("\\\n", " ").splitlines()[0].split()
    assert first[:2] == ["kubectl", "create"] and f"--docker-server={NAME}" in first
    return first[2:]


def make_ready(site, page, built, url, *authority):
    """The node, by the line of the page, with what is different here."""
    typed = page.take("Without a network", 0).split()
    assert typed == ["packaging/kubernetes/air-gapped/node", "build/image/berth.tar", NAME, "http://127.0.0.1:30500"]
    containerd = site.cluster.node.containerd
    return site.cluster.node.run("env", f"CONTAINERD_ADDRESS={containerd.socket}", f"CERTS={containerd.hosts}",
                                 f"CONFIG={containerd.config}", site.cluster.manifests / "air-gapped/node", built.archive, NAME,
                                 url, *authority)


@pytest.fixture
def without_image(node, built):
    """The node has never seen berth."""
    for name in node.containerd.ctr("-n", "k8s.io", "images", "list", "-q").split():
        if name.startswith(("docker.io/library/berth:", "sha256:")) and "pause" not in name:
            node.containerd.ctr("-n", "k8s.io", "images", "remove", "--sync", name)
    yield
    node.import_image(built.archive)


def test_without_a_network(guarded, layout, page, built, without_image):
    """The image comes from a tar, and the node's port leads to the registry."""
    with pytest.raises(AssertionError, match="is not on the node, and imagePullPolicy is Never"):
        guarded.start("air-gapped")
    guarded.cluster.kubelet.clear()
    said = make_ready(guarded, page, built, "http://127.0.0.1:30500")
    assert "imported  docker.io/library/berth:0.1.0" in said
    guarded.start("air-gapped")
    guarded.host = "127.0.0.1:30500"
    check(guarded, layout, page)
    guarded.host = f"{guarded.cluster.node.machine.address}:30500"
    guarded.push(layout(), "team/app:2", ALICE)
    pinned = guarded.cluster.node.containerd.ctr("-n", "k8s.io", "images", "list", "name==docker.io/library/berth:0.1.0")
    assert "io.cri-containerd.pinned=pinned" in pinned


def test_on_a_port_of_the_node(guarded, layout, page, built):
    """A new pod waits for the old one to go."""
    guarded.start("host-port")
    assert guarded.pod.host_ports() == [5000]
    guarded.host = f"{guarded.cluster.node.machine.address}:5000"
    make_ready(guarded, page, built, f"http://{guarded.host}")
    check(guarded, layout, page)
    guarded.cluster.roll_out()
    guarded.push(layout(), "team/app:2", ALICE)
    assert guarded.pull("team/app:1", ALICE)


def test_in_a_directory_of_the_node(guarded, layout, page, built):
    """Which root has made, and which stays when the pod goes."""
    made, *_, applied = page.take("In a directory of a node").splitlines()
    assert (made, applied) == ("mkdir -p /var/lib/berth", "kubectl apply -k packaging/kubernetes/host-path")
    guarded.cluster.node.run(*made.split())
    guarded.start("host-path")
    make_ready(guarded, page, built, f"http://{guarded.cluster.address()}")
    check(guarded, layout, page)
    there = guarded.cluster.node.path("/var/lib/berth")
    assert (there / "docker/registry/v2/repositories/team/app").is_dir()
    guarded.pod.remove()
    guarded.cluster.deploy()
    assert guarded.pull("team/app:1", ALICE)


def test_tls(guarded, layout, page, built, tmp_path):
    """By a certificate of one's own authority, which the node trusts when it was told; on the node's port, too."""
    address = guarded.cluster.node.machine.address
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.issue(tmp_path, f"IP:{address}")
    file = guarded.cluster.manifests / "air-gapped/kustomization.yaml"
    assert file.read_text().count(BASE) == 1
    file.write_text(file.read_text().replace(BASE, "  - ../tls\n"))
    _, create, apply = page.take("TLS", 0).splitlines()
    words = create.replace("registry.crt", str(certificate)).replace("registry.key", str(key)).split()
    assert words[:4] == ["kubectl", "-n", "berth", "create"] and apply == "kubectl apply -k packaging/kubernetes/tls"
    guarded.cluster.create(*words[4:])
    guarded.start("air-gapped")
    assert guarded.pod.containers["berth"].probes[READY].action["tls"]
    guarded.host = f"{address}:30500"
    make_ready(guarded, page, built, f"https://{guarded.host}")
    assert "x509: certificate signed by unknown authority" in guarded.refused_pull("team/app:1", ALICE)
    make_ready(guarded, page, built, f"https://{guarded.host}", authority.certificate)
    guarded.trusted = authority.directory
    check(guarded, layout, page)


def test_prometheus_has_a_token(guarded, page):
    """Of the page, which opens /metrics and nothing else; another one counts when the kubelet has brought it."""
    _, create, apply = page.take("Prometheus", 0).splitlines()
    assert create.startswith("kubectl -n berth create secret generic berth-metrics ") and apply.endswith("/service-monitor")
    guarded.cluster.create("secret", "generic", "berth-metrics", "--from-literal=token=s3cret")
    guarded.start("service-monitor")

    def status(path="/metrics", **headers):
        return guarded.get(path, headers=headers).status
    login = "Basic " + base64.b64encode(":".join(ALICE).encode()).decode()
    assert status() == status(Authorization="Bearer secret") == status("/v2/", Authorization="Bearer s3cret") == 401
    assert status(Authorization="Bearer s3cret") == status(Authorization=login) == 200
    assert b"berth_metrics_shared 1" in guarded.get("/metrics", headers={"Authorization": login}).body
    guarded.cluster.more[-1]["data"]["token"] = base64.b64encode(b"another").decode()
    guarded.pod.volumes.refresh()
    assert status(Authorization="Bearer another") == 200 and status(Authorization="Bearer s3cret") == 401


def test_a_volume_that_is_not_shared_is_told(guarded):
    """The pods of `shared` do not start, and the job says of this disk that no other node has it."""
    guarded.cluster.apply("shared")
    pod = guarded.cluster.kubelet.start(guarded.cluster.objects.one("Deployment", "berth"), guarded.cluster.objects)
    assert pod.end_of() == 75 and "No such file or directory" in pod.log(), pod.log()
    job = yaml.safe_load((guarded.cluster.manifests / "shared/check-storage.yaml").read_text())
    check = guarded.cluster.kubelet.start(job, guarded.cluster.objects)
    assert check.end_of() == 78 and "a file system of this host alone" in check.log(), check.log()


def test_two_pods_share_a_volume(guarded, layout, page, built):
    """What one takes, the other gives at once. The volume is as `berth check-storage` leaves it on two nodes: others first, then
    this one, whose pods have its name."""
    guarded.cluster.apply("shared")
    images = Path(guarded.cluster.kubelet.claims["berth"])
    shared.make(images)
    guarded.cluster.node.run("chown", "-R", "1000:1000", images / "docker")
    guarded.cluster.deploy()
    make_ready(guarded, page, built, f"http://{guarded.cluster.address()}")
    first = guarded.pod
    second = guarded.cluster.deploy()
    assert guarded.cluster.objects.one("Deployment", "berth")["spec"]["replicas"] == 2 and second.ip != first.ip
    check(guarded, layout, page)
    login = {"Authorization": "Basic " + base64.b64encode(":".join(ALICE).encode()).decode()}
    tag = guarded.get("/v2/team/app/manifests/1", headers=login).headers["ETag"]
    conditional = guarded.get("/v2/team/app/manifests/1", "DELETE", {**login, "If-Match": tag})
    assert conditional.status == 501 and b"check-storage" in conditional.body, conditional
    shared.note(images, NODE_NAME)
    stale = guarded.get("/v2/team/app/manifests/1", "DELETE", {**login, "If-Match": f'"sha256:{"0" * 64}"'})
    assert stale.status == 412, stale
    guarded.cluster.pod = first
    guarded.cluster.route()
    assert guarded.pull("team/app:1", ALICE)
    guarded.cluster.job("berth-gc")
    assert guarded.pull("team/app:1", ALICE)
