# SPDX-License-Identifier: Apache-2.0
"""Whom the clients trust. That takes a registry on another address than loopback, whose certificates docker does not
check. Each test has a name of the registry for itself, so that no other has told a client to trust it."""

import contextlib
import json
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from tests.lib import access, cri
from tests.lib.access import USERS
from tests.lib.authority import Authority
from tests.lib.clients import DOCKER, Containerd, Containers, Dockerd, attempt, oci_layout, run
from tests.lib.machine import Machine, new_machine
from tests.lib.servers import PATIENCE, ApacheFcgid, Lighttpd

IMAGE = "localhost/app:amd64"  # which the daemons have from the start
RULES = 'repository "**" {{ pull = {{"alice"}} push = {{"alice"}} }}'

DOMAIN, ELSEWHERE = "berth.example", "elsewhere.example"
CERTIFIED = f"DNS:*.{DOMAIN},IP:{Machine.address}"

PLAIN = "http: server gave HTTP response to HTTPS client"
UNKNOWN = "x509: certificate signed by unknown authority"
OTHER_NAME = f"x509: certificate is valid for *.{DOMAIN}, not "

REFUSED = 7  # curl's status where nobody listens


class Remote:
    """Mixed into a web server: it runs on another machine, with a certificate by an authority."""

    def __init__(self, home, machine, authority, **options):
        super().__init__(home, tls=True, workers=4, **options)
        self.machine, self.authority = machine, authority

    def _install(self):
        super()._install()
        self.certificate, self.key = self.authority.issue(self.home, CERTIFIED)

    def _main(self):
        return super()._main().replace("127.0.0.1", self.machine.address)

    def _command(self, main):
        return [*self.machine.enter, *super()._command(main)]

    def _await(self, port):
        deadline = time.monotonic() + PATIENCE
        url = f"http://{self.machine.address}:{port}/v2/"
        while attempt(*self.machine.enter, "curl", "--silent", url).returncode == REFUSED:
            assert all(process.poll() is None for process in self.processes), self.logs()
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.02)

    def new_host(self, tls, domain=DOMAIN):
        """What names of images in the registry begin with: a name that no client knows yet."""
        return f"{self.machine.new_name(domain)}:{self.tls_port if tls else self.port}"


class RemoteLighttpd(Remote, Lighttpd):
    pass


class RemoteApache(Remote, ApacheFcgid):
    pass


@contextlib.contextmanager
def running(server, *arguments, **options):
    with tempfile.TemporaryDirectory(prefix="berth-remote-") as directory:
        Path(directory).chmod(0o755)
        with server(Path(directory), *arguments, **options) as front:
            yield front


class Client:
    """`push` and `pull` return what a client says of a refusal, and None if it did as it was told; their options are
    those of the client's commands. `login` makes both use a password. How a client is told to trust whom is its own."""

    def __init__(self, machine, authority, layout):
        self.machine, self.authority, self.layout = machine, authority, layout

    def said(self, *argv, env):
        done = attempt(*self.machine.enter, *argv, env=env)
        return done.stdout + done.stderr if done.returncode else None

    def put_authority(self, directory, host):
        """Where docker's convention has it: certs.d/HOST:PORT/ca.crt."""
        place = directory / "certs.d" / host
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.authority.certificate, place / "ca.crt")


class Docker(Client):
    def __init__(self, dockerd, *arguments):
        super().__init__(*arguments)
        self.dockerd = dockerd

    def run(self, *args):
        return self.said(DOCKER, *args, env=self.dockerd.client)

    def make(self, name):
        self.dockerd.docker("tag", IMAGE, name)

    def push(self, name):
        return self.run("push", name)

    def pull(self, name):
        return self.run("pull", name)

    def login(self, host, user, password):
        return self.run("login", "--username", user, "--password", password, host)

    def do_without_security(self, host, tls):
        (self.dockerd.home / "daemon.json").write_text(json.dumps({"insecure-registries": [host]}))
        self.dockerd.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + PATIENCE
        while host not in self.dockerd.docker("info", "--format", "{{json .RegistryConfig}}"):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def trust(self, host):
        self.put_authority(self.machine.etc / "docker", host)


class Podman(Client):
    tool = "podman"
    plain_http = unchecked = "--tls-verify=false"

    def __init__(self, containers, *arguments):
        super().__init__(*arguments)
        self.containers = containers

    def own_authority(self):
        return f"--cert-dir={self.authority.directory}"

    def make(self, name):
        self.image = self.containers.podman("pull", "--quiet", f"oci:{self.layout}:amd64")

    def push(self, name, *options):
        return self.said("podman", "push", "--quiet", *options, self.image, name, env=self.containers.env)

    def pull(self, name, *options):
        return self.said("podman", "pull", "--quiet", *options, name, env=self.containers.env)

    def login(self, host, user, password):
        return self.said(self.tool, "login", "--username", user, "--password", password, host, env=self.containers.env)

    def do_without_security(self, host, tls):
        with open(self.machine.etc / "containers/registries.conf.d/insecure.conf", "a") as conf:
            conf.write(f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')

    def trust(self, host):
        self.put_authority(self.machine.etc / "containers", host)


class Skopeo(Podman):
    tool = "skopeo"

    def make(self, name):
        """It sends the layout."""

    def copy(self, side, source, destination, options):
        options = [option.replace("--", f"--{side}-") for option in options]
        return self.said("skopeo", "copy", *options, source, destination, env=self.containers.skopeo_env)

    def push(self, name, *options):
        return self.copy("dest", f"oci:{self.layout}:amd64", f"docker://{name}", options)

    def pull(self, name, *options):
        with tempfile.TemporaryDirectory(dir=self.containers.home) as directory:
            return self.copy("src", f"docker://{name}", f"oci:{directory}:pulled", options)


class Ctr(Client):
    """containerd by its own command."""

    plain_http, unchecked = "--plain-http", "--skip-verify"

    def __init__(self, containerd, *arguments):
        super().__init__(*arguments)
        self.containerd = containerd
        self.credentials = None

    def own_authority(self):
        return f"--tlscacert={self.authority.certificate}"

    def make(self, name):
        self.containerd.ctr("images", "tag", "--force", IMAGE, name)

    def run(self, command, name, options):
        options = options or [f"--hosts-dir={self.containerd.hosts}"]
        user = ["--user", ":".join(self.credentials)] if self.credentials else []
        return self.said("ctr", "images", command, *user, *options, name, env=self.containerd.client)

    def push(self, name, *options):
        return self.run("push", name, options)

    def pull(self, name, *options):
        return self.run("pull", name, options)

    def login(self, host, user, password):
        self.credentials = user, password

    def write_hosts(self, host, *lines):
        directory = self.containerd.hosts / host
        directory.mkdir(exist_ok=True)
        (directory / "hosts.toml").write_text("\n".join(lines) + "\n")

    def do_without_security(self, host, tls):
        if tls:
            self.write_hosts(host, f'[host."https://{host}"]', "  skip_verify = true")
        else:
            self.write_hosts(host, f'[host."http://{host}"]')

    def trust(self, host):
        self.write_hosts(host, f'[host."https://{host}"]', f'  ca = "{self.authority.certificate}"')


class Kubelet(Ctr):
    """containerd as a kubelet asks it for an image. The image comes to the registry by ctr."""

    def pull(self, name):
        return cri.refusal(self.containerd.socket, name, self.credentials)


CLIENTS = {"docker": Docker, "podman": Podman, "skopeo": Skopeo, "ctr": Ctr, "kubelet": Kubelet}


def give_image(containerd, layout):
    archive = shutil.make_archive(containerd.home / "image", "tar", layout)
    containerd.ctr("images", "import", "--base-name", IMAGE.partition(":")[0], archive)


@contextlib.contextmanager
def new_clients(home, machine, authority, layout):
    """Makes clients on a machine by their names."""
    home.mkdir()
    containerd = Containerd(home / "containerd", machine.enter, machine.etc)
    containerd.reads_hosts()
    with (Dockerd(home / "docker", machine.enter) as dockerd, containerd,
          contextlib.closing(Containers(home / "containers", enter=machine.enter)) as containers):
        for env in containers.env, containers.skopeo_env:
            del env["CONTAINERS_REGISTRIES_CONF"]  # in favour of the machine's
        run("skopeo", "copy", f"oci:{layout}:amd64", f"docker-daemon:{IMAGE}",
            f"--dest-daemon-host={dockerd.client['DOCKER_HOST']}")
        give_image(containerd, layout)
        daemons = {"docker": dockerd, "podman": containers, "skopeo": containers, "ctr": containerd,
                   "kubelet": containerd}
        yield lambda name: CLIENTS[name](daemons[name], machine, authority, layout)


@pytest.fixture(scope="module")
def machine():
    with new_machine(DOMAIN, ELSEWHERE) as machine:
        yield machine


@pytest.fixture(scope="module")
def authority(home):
    return Authority(home / "authority")


each_server = {"params": [RemoteLighttpd, RemoteApache], "ids": ["lighttpd", "apache-fcgid"]}


@pytest.fixture(scope="module", **each_server)
def registry(request, machine, authority):
    with running(request.param, machine, authority) as front:
        yield front


@pytest.fixture(scope="module", **each_server)
def with_tokens(request, machine, authority):
    with access.site(rules=RULES) as site, running(request.param, machine, authority, env=site.env) as front:
        yield front


@pytest.fixture(scope="module")
def layout(home, program):
    """An OCI image layout."""
    return oci_layout(home / "tls-layout", ["amd64"], [program])


@pytest.fixture(scope="module")
def clients(home, machine, authority, layout):
    with new_clients(home / "tls", machine, authority, layout) as clients:
        yield clients


@pytest.fixture(params=CLIENTS)
def client(request, clients):
    return clients(request.param)


def image_at(host, client):
    """The name of an image there that the client has."""
    name = f"{host}/app:1"
    client.make(name)
    return name


def expect_refusals(client, name, message):
    for said in client.push(name), client.pull(name):
        assert said and message in said, said


def expect_transfers(client, name, *options):
    for said in client.push(name, *options), client.pull(name, *options):
        assert said is None, said


def test_plain_http(registry, client):
    host = registry.new_host(tls=False)
    name = image_at(host, client)
    expect_refusals(client, name, PLAIN)
    client.do_without_security(host, tls=False)
    expect_transfers(client, name)


def test_authority(registry, client):
    host = registry.new_host(tls=True)
    name = image_at(host, client)
    expect_refusals(client, name, UNKNOWN)
    client.trust(host)
    expect_transfers(client, name)


def test_authority_and_address(registry, client):
    host = f"{Machine.address}:{registry.tls_port}"
    client.trust(host)
    expect_transfers(client, image_at(host, client))


def test_unchecked_certificate(registry, client):
    host = registry.new_host(tls=True)
    name = image_at(host, client)
    expect_refusals(client, name, UNKNOWN)
    client.do_without_security(host, tls=True)
    expect_transfers(client, name)


def test_certificate_of_another_name(registry, client):
    host = registry.new_host(tls=True, domain=ELSEWHERE)
    client.trust(host)
    expect_refusals(client, image_at(host, client), OTHER_NAME + host.partition(":")[0])


@pytest.mark.parametrize("name", ["podman", "skopeo", "ctr"])
def test_options_of_commands(registry, clients, name):
    client = clients(name)
    expect_transfers(client, image_at(registry.new_host(tls=False), client), client.plain_http)
    image = image_at(registry.new_host(tls=True), client)
    expect_transfers(client, image, client.unchecked)
    expect_transfers(client, image, client.own_authority())


def test_tokens(with_tokens, client):
    """berth names the address where tokens are issued by what it hears of TLS and of the request's Host."""
    host = with_tokens.new_host(tls=True)
    client.trust(host)
    name = image_at(host, client)
    assert client.push(name) is not None
    assert client.login(host, "alice", USERS["alice"]) is None
    expect_transfers(client, name)


def test_authority_of_the_system(home, authority, layout):
    """A machine's administrator can make it known to all clients at once."""
    with new_machine(DOMAIN) as machine, running(RemoteLighttpd, machine, authority) as registry:
        run(*machine.enter, "update-ca-certificates", "--localcertsdir", authority.directory)
        with new_clients(home / "tls-system", machine, authority, layout) as clients:
            for client in map(clients, CLIENTS):
                expect_transfers(client, image_at(registry.new_host(tls=True), client))


def test_26_a_kubelet_reads_hosts_toml_once_config_toml_says_where(home, authority, layout):
    """With the file of Debian's package as it is, and then with what docs/tls.md adds to it."""
    with (new_machine(DOMAIN) as machine, running(RemoteLighttpd, machine, authority) as registry,
          Containerd(home / "containerd-26", machine.enter, machine.etc) as containerd):
        give_image(containerd, layout)
        kubelet = Kubelet(containerd, machine, authority, layout)
        hosts = registry.new_host(tls=False), registry.new_host(tls=True)
        plain, certified = (image_at(host, kubelet) for host in hosts)
        kubelet.do_without_security(hosts[0], tls=False)
        kubelet.trust(hosts[1])
        assert [kubelet.push(name) for name in (plain, certified)] == [None, None]
        assert PLAIN in kubelet.pull(plain)
        assert UNKNOWN in kubelet.pull(certified)

        containerd.reads_hosts()
        containerd.stop()
        containerd.start()
        assert [kubelet.pull(name) for name in (plain, certified)] == [None, None]
