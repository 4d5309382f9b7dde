# SPDX-License-Identifier: Apache-2.0
"""TLS as it is between machines: every client trusts 127.0.0.1 in some way, so here the registry has an address of a
network of its own."""

import contextlib
import ctypes
import json
import os
import shutil
import signal

import pytest

from tests.conftest import running_front
from tests.lib import cri
from tests.lib.clients import Containerd, Containers, Dockerd, refusal, run
from tests.lib.workers import wait_for

ADDRESS, OTHER = "10.201.7.1", "10.201.7.2"  # the certificate is for the first alone

PLAIN = "http: server gave HTTP response to HTTPS client"
UNKNOWN = "x509: certificate signed by unknown authority"
MISNAMED = f"x509: certificate is valid for 127.0.0.1, {ADDRESS}, not {OTHER}"

CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def own_network():
    """This thread, and what it starts, is in a network of its own that is gone with the last of them."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            run("ip", "link", "set", "lo", "up")
            run("ip", "link", "add", "berth0", "type", "veth", "peer", "name", "berth1")
            for address in ADDRESS, OTHER:
                run("ip", "address", "add", f"{address}/24", "dev", "berth0")
            for link in "berth0", "berth1":
                run("ip", "link", "set", link, "up")
            yield
        finally:
            assert libc.setns(before, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(before)


@pytest.fixture(scope="module")
def network():
    with own_network():
        yield


@pytest.fixture(scope="module", params=["lighttpd", "apache-fcgid"])
def front(request, network):
    with running_front(request.param, workers=4, tls=True, address=ADDRESS) as front:
        yield front


class Docker:
    """Its daemon has an /etc of its own, as it looks for certificates in /etc/docker/certs.d and nowhere else."""

    def __init__(self, home):
        for name in "docker-tls-etc/upper", "docker-tls-etc/work", "docker-tls-certs":
            (home / name).mkdir(parents=True)
        etc, self.certificates = home / "docker-tls-etc", home / "docker-tls-certs"
        enter = ["unshare", "--mount", "sh", "-ec", f"""
            mount -t overlay -o lowerdir=/etc,upperdir={etc}/upper,workdir={etc}/work overlay /etc
            mkdir -p /etc/docker/certs.d
            mount --bind {self.certificates} /etc/docker/certs.d
            exec "$@" """, "sh"]
        self.daemon = Dockerd(home / "docker-tls", enter)

    def make(self, name, context, layout):
        self.daemon.docker("build", "--tag", name, context())

    def push(self, name):
        self.daemon.docker("push", name)

    def pull(self, name):
        self.daemon.docker("rmi", "--force", name)
        self.daemon.docker("pull", name)

    def refusals(self, name):
        yield self.daemon.refusal("push", name)
        yield self.daemon.refusal("pull", name)

    def allow_plain(self, host):
        (self.daemon.home / "daemon.json").write_text(json.dumps({"insecure-registries": [host]}))
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: host in self.daemon.docker("info", "--format", "{{json .RegistryConfig.IndexConfigs}}"))

    def trust(self, host, certificate):
        (self.certificates / host).mkdir()
        shutil.copy(certificate, self.certificates / host / "ca.crt")


class Podman:
    def __init__(self, home):
        self.containers = Containers(home / "podman-tls")

    def make(self, name, context, layout):
        self.containers.buildah("build", "--layers", "--tag", name, context())

    def push(self, name):
        self.containers.podman("push", name)

    def pull(self, name):
        self.containers.podman("rmi", "--force", name)
        self.containers.podman("pull", name)

    def refusals(self, name):
        for command in "push", "pull":
            yield refusal("podman", command, name, env=self.containers.env)

    def allow_plain(self, host):
        with open(self.containers.env["CONTAINERS_REGISTRIES_CONF"], "a") as configuration:
            configuration.write(f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')

    def trust(self, host, certificate):
        directory = self.containers.home / ".config/containers/certs.d" / host
        directory.mkdir(parents=True)
        shutil.copy(certificate, directory / "ca.crt")


class Kubelet:
    """containerd as a kubelet pulls through it; images come into it by its own command."""

    def __init__(self, home):
        self.daemon = Containerd(home / "containerd-tls")

    def make(self, name, context, layout):
        archive = shutil.make_archive(layout.parent / "image", "tar", layout)
        repository = name.rpartition(":")[0]
        self.daemon.ctr("images", "import", "--base-name", repository, archive)
        self.daemon.ctr("images", "tag", f"{repository}:amd64", name)

    def push(self, name):
        self.daemon.ctr("images", "push", "--hosts-dir", self.daemon.hosts, name)

    def pull(self, name):
        cri.pull_image(self.daemon.socket, name)
        self.daemon.ctr("images", "pull", "--hosts-dir", self.daemon.hosts, name)

    def refusals(self, name):
        for command in "push", "pull":
            yield refusal("ctr", "images", command, "--hosts-dir", self.daemon.hosts, name, env=self.daemon.client)
        yield cri.refusal(self.daemon.socket, name)

    def allow_plain(self, host):
        self.daemon.route(host, server=f"http://{host}")

    def trust(self, host, certificate):
        self.daemon.route(host, server=f"https://{host}", ca=certificate)


@pytest.fixture(scope="module")
def clients(home, network):
    """One of each, which begins with the trust that it has by default."""
    with contextlib.ExitStack() as running:
        docker, podman, kubelet = Docker(home), Podman(home), Kubelet(home)
        running.enter_context(docker.daemon)
        running.enter_context(kubelet.daemon)
        running.enter_context(contextlib.closing(podman.containers))
        yield {"docker": docker, "podman": podman, "kubelet": kubelet}


@pytest.fixture(params=["docker", "podman", "kubelet"])
def client(request, clients):
    return clients[request.param]


@pytest.fixture
def image(client, context, layout):
    """Makes an image that is to be pushed to a host."""
    def make(host):
        name = f"{host}/tls/{type(client).__name__.lower()}:1"
        client.make(name, context, layout)
        return name
    return make


def check_refused(client, name, message):
    for said in client.refusals(name):
        assert message in said


def check_through(client, name):
    client.push(name)
    client.pull(name)


def test_plain_http_only_where_allowed(front, client, image):
    host = f"{ADDRESS}:{front.port}"
    name = image(host)
    check_refused(client, name, PLAIN)
    client.allow_plain(host)
    check_through(client, name)


def test_certificate_must_be_known(front, client, image):
    host = f"{ADDRESS}:{front.tls_port}"
    name = image(host)
    check_refused(client, name, UNKNOWN)
    client.trust(host, front.certificate)
    check_through(client, name)


def test_certificate_must_be_for_the_address(front, client, image):
    host = f"{OTHER}:{front.tls_port}"
    name = image(host)
    client.trust(host, front.certificate)
    check_refused(client, name, MISNAMED)
