# SPDX-License-Identifier: Apache-2.0
"""Real clients with logins: by the web server, by berth, and by tokens whose password either of them checks. What a
client says of a refusal is what its users search for, so it must be what they know from other registries."""

import base64
import json
import shutil
import time
from dataclasses import dataclass

import pytest

from tests.conftest import running_front
from tests.lib import access, cri
from tests.lib.access import USERS
from tests.lib.clients import DOCKER, GREETING, attempt, blobs

SERVERS = ["lighttpd", "apache-fcgid"]
ALICE, BOB, EVE = ((name, USERS[name]) for name in ("alice", "bob", "eve"))
WRONG = ("alice", "wrong")
RULES = """
repository "team/*" {{ pull = {{"alice", "bob"}} push = {{"alice"}} }}
repository "public/*" {{ pull = {{"*"}} push = {{"users"}} }}
"""

# How users log in: the login of the web server, if any, and whether berth has passwords and keys for tokens.
LOGINS = {
    "server": ("login", False, False),
    "server-anonymous": ("anonymous", False, False),
    "server-tokens": ("tokens", False, True),
    "basic": (None, True, False),
    "tokens": (None, True, True),
}


@dataclass
class Place:
    host: str
    tokens: bool


def place_with(*logins):
    @pytest.fixture(scope="module", params=[(server, login) for server in SERVERS for login in logins],
                    ids=lambda param: "-".join(param))
    def place(request, containerd):
        server, login = request.param
        auth, passwords, tokens = LOGINS[login]
        with access.site(rules=RULES, passwords=passwords, tokens=tokens) as site:
            with running_front(server, env=site.env, workers=8, auth=auth, users=USERS) as front:
                host = f"127.0.0.1:{front.port}"
                containerd.route(host, server=f"http://{host}")
                yield Place(host, tokens)
    return place


place = place_with("server", "server-tokens", "basic", "tokens")
open_to_read = place_with("server-anonymous")
with_tokens = place_with("server-tokens", "tokens")


class Client:
    """One of the clients. `push` and `pull` return what it says of a refusal, and None if it was let through.
    Credentials are a user and a password, or None."""

    def __init__(self, request, tmp_path):
        self.fixture, self.directory = request.getfixturevalue, tmp_path

    def authfile(self, name, credentials):
        """The file in which docker and the others keep logins."""
        auths = {}
        if credentials:
            auths[name.partition("/")[0]] = {"auth": base64.b64encode(":".join(credentials).encode()).decode()}
        path = self.directory / "authfile/config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"auths": auths}))
        return path

    @staticmethod
    def said(*argv, env):
        done = attempt(*argv, env=env)
        return done.stdout + done.stderr if done.returncode else None


class Docker(Client):
    def __init__(self, request, tmp_path):
        super().__init__(request, tmp_path)
        self.dockerd = self.fixture("dockerd")

    def make(self, name):
        self.dockerd.docker("build", "--tag", name, self.fixture("context")())

    def run(self, command, name, credentials):
        config = self.authfile(name, credentials).parent
        return self.said(DOCKER, command, name, env={**self.dockerd.client, "DOCKER_CONFIG": str(config)})

    def push(self, name, credentials):
        return self.run("push", name, credentials)

    def pull(self, name, credentials):
        return self.run("pull", name, credentials)


class Podman(Client):
    def __init__(self, request, tmp_path):
        super().__init__(request, tmp_path)
        self.containers = self.fixture("containers")

    def make(self, name):
        self.containers.buildah("build", "--layers", "--tag", name, self.fixture("context")())

    def run(self, command, name, credentials):
        return self.said("podman", command, "--tls-verify=false", "--quiet",
                         f"--authfile={self.authfile(name, credentials)}", name, env=self.containers.env)

    def push(self, name, credentials):
        return self.run("push", name, credentials)

    def pull(self, name, credentials):
        return self.run("pull", name, credentials)


class Skopeo(Client):
    def __init__(self, request, tmp_path):
        super().__init__(request, tmp_path)
        self.containers = self.fixture("containers")

    def make(self, name):
        self.layout = self.fixture("layout")

    def push(self, name, credentials):
        return self.said("skopeo", "copy", "--dest-tls-verify=false",
                         f"--dest-authfile={self.authfile(name, credentials)}", f"oci:{self.layout}:amd64",
                         f"docker://{name}", env=self.containers.skopeo_env)

    def pull(self, name, credentials):
        return self.said("skopeo", "copy", "--src-tls-verify=false",
                         f"--src-authfile={self.authfile(name, credentials)}", f"docker://{name}",
                         f"oci:{self.directory}/pulled:1", env=self.containers.skopeo_env)


class Ctr(Client):
    """containerd by its own command."""

    def __init__(self, request, tmp_path):
        super().__init__(request, tmp_path)
        self.containerd = self.fixture("containerd")

    def make(self, name):
        self.layout = self.fixture("layout")
        archive = shutil.make_archive(self.directory / "image", "tar", self.layout)
        repository = name.rpartition(":")[0]
        self.containerd.ctr("images", "import", "--base-name", repository, archive)
        self.containerd.ctr("images", "tag", f"{repository}:amd64", name)

    def run(self, command, name, credentials):
        user = ["--user", ":".join(credentials)] if credentials else []
        return self.said("ctr", "images", command, "--plain-http", *user, name, env=self.containerd.client)

    def push(self, name, credentials):
        """Now and then, on a busy machine, ctr loses its connection to containerd itself, from which it reads the image
        (containerd's issue 5734). That says nothing of the registry, and is tried again."""
        for _ in range(3):
            said = self.run("push", name, credentials)
            if not said or "rpc error: code = Internal desc = unexpected EOF" not in said:
                break
        return said

    def pull(self, name, credentials):
        return self.run("pull", name, credentials)


class Kubelet(Ctr):
    """containerd, asked for an image as by a kubelet that has an imagePullSecret."""

    def pull(self, name, credentials):
        return cri.refusal(self.containerd.socket, name, credentials)


CLIENTS = {"docker": Docker, "podman": Podman, "skopeo": Skopeo, "ctr": Ctr, "kubelet": Kubelet}


@pytest.fixture
def client(request, tmp_path):
    return CLIENTS[request.param](request, tmp_path)


def with_clients(*names):
    return pytest.mark.parametrize("client", names, indirect=True)


# What each client says, by its name: with a password that the server asked for, and with tokens.
NO_PASSWORD_PUSH = {
    "docker": ("no basic auth credentials", "denied: requested access to the resource is denied"),
    "podman": ("unauthorized: authentication required", "denied: requested access to the resource is denied"),
    "ctr": ("unexpected status: 401 Unauthorized", "insufficient_scope: authorization failed"),
}
NO_PASSWORD_PULL = {
    "docker": ("no basic auth credentials", "repository does not exist or may require 'docker login'"),
    "podman": ("unauthorized", "unauthorized: authentication required"),
    "ctr": ("401 Unauthorized", "pull access denied, repository does not exist or may require authorization"),
}
WRONG_PASSWORD = {
    "docker": ("unauthorized: authentication required", "unauthorized: authentication required"),
    "podman": ("unauthorized: authentication required", "unable to retrieve auth token: invalid username/password"),
    "ctr": ("401 Unauthorized", "failed to fetch oauth token: unexpected status: 401 Unauthorized"),
}
WRONG_LOGIN = {
    "docker": ("failed with status: 401 Unauthorized", "unauthorized: authentication required"),
    "podman": ("invalid username/password", "invalid username/password"),
}
NO_RIGHT_TO_PUSH = {
    "docker": "denied: requested access to the resource is denied",
    "podman": "denied: requested access to the resource is denied",
    "ctr": "unexpected status: 403 Forbidden",
}
NO_RIGHT_TO_PULL = {"docker": "not found: manifest unknown", "podman": "manifest unknown", "ctr": ": not found"}


def message(messages, client, place):
    """The kin of a client say the same."""
    said = messages[{"skopeo": "podman", "kubelet": "ctr"}.get(name_of(client), name_of(client))]
    return said if isinstance(said, str) else said[place.tokens]


def name_of(client):
    return type(client).__name__.lower()


def image_of(client, place, directory="team"):
    """An image that the client has and no test has pushed."""
    name = f"{place.host}/{directory}/{name_of(client)}-{client.directory.name.replace('_', '-').lower()}:1"
    client.make(name)
    return name


def test_docker_logs_in(place, dockerd, context, tmp_path):
    name = f"{place.host}/team/docker-login:1"
    dockerd.docker("build", "--tag", name, context())
    config = str(tmp_path)
    dockerd.docker("login", "--username", ALICE[0], "--password", ALICE[1], place.host, DOCKER_CONFIG=config)
    dockerd.docker("push", name, DOCKER_CONFIG=config)
    dockerd.docker("rmi", name)
    dockerd.docker("pull", name, DOCKER_CONFIG=config)
    assert dockerd.docker("run", "--rm", "--net=none", name) == GREETING

    dockerd.docker("logout", place.host, DOCKER_CONFIG=config)
    assert attempt(DOCKER, "pull", name, env={**dockerd.client, "DOCKER_CONFIG": config}).returncode != 0


def test_podman_logs_in(place, containers, context, tmp_path):
    name, login = f"{place.host}/team/podman-login:1", f"--authfile={tmp_path}/auth.json"
    containers.buildah("build", "--layers", "--tag", name, context())
    built = containers.podman("image", "inspect", "--format", "{{.Id}}", name)
    containers.podman("login", "--tls-verify=false", login, "--username", ALICE[0], "--password", ALICE[1], place.host)
    containers.podman("push", "--tls-verify=false", login, name)
    containers.podman("rmi", "--force", built)
    assert containers.podman("pull", "--quiet", "--tls-verify=false", login, name) == built


def test_skopeo_logs_in(place, containers, layout, tmp_path):
    image, login = f"docker://{place.host}/team/skopeo-login:1", f"{tmp_path}/auth.json"
    containers.skopeo("login", "--tls-verify=false", f"--authfile={login}", "--username", ALICE[0], "--password",
                      ALICE[1], place.host)
    containers.skopeo("copy", "--dest-tls-verify=false", f"--dest-authfile={login}", f"oci:{layout}:amd64", image)
    containers.skopeo("copy", "--src-tls-verify=false", f"--src-authfile={login}", image, f"oci:{tmp_path}/copy:1")
    assert blobs(tmp_path / "copy").items() <= blobs(layout).items()


@with_clients("docker", "podman", "skopeo")
def test_wrong_login(place, client, tmp_path):
    if name_of(client) == "docker":
        said = client.said(DOCKER, "login", "--username", WRONG[0], "--password", WRONG[1], place.host,
                           env={**client.dockerd.client, "DOCKER_CONFIG": str(tmp_path)})
    else:
        said = client.said(name_of(client), "login", "--tls-verify=false", f"--authfile={tmp_path}/auth.json",
                           "--username", WRONG[0], "--password", WRONG[1], place.host, env=client.containers.env)
    assert message(WRONG_LOGIN, client, place) in said


@with_clients("docker", "podman", "skopeo", "ctr")
def test_refusals(place, client):
    """Without a password, with one that is not right any more, and without the right."""
    name = image_of(client, place)
    for credentials, messages in (None, NO_PASSWORD_PUSH), (WRONG, WRONG_PASSWORD), (BOB, NO_RIGHT_TO_PUSH):
        started = time.monotonic()
        assert message(messages, client, place) in client.push(name, credentials)
        # docker makes five attempts, with ever more seconds between them, where it does not understand the answer.
        assert time.monotonic() - started < 10
    assert client.push(name, ALICE) is None
    check_pulls(place, client, name)


@with_clients("kubelet")
def test_kubelet_is_refused(place, client):
    name = image_of(client, place)
    assert client.push(name, ALICE) is None
    check_pulls(place, client, name)


def check_pulls(place, client, name):
    """Who may not read an image is told what he would be told if it did not exist. Who may gets it."""
    for credentials, messages in (None, NO_PASSWORD_PULL), (WRONG, WRONG_PASSWORD), (EVE, NO_RIGHT_TO_PULL):
        assert message(messages, client, place) in client.pull(name, credentials)
    assert client.pull(name, ALICE) is None


@with_clients("docker", "podman", "kubelet")
def test_anonymous_pull_with_tokens(with_tokens, client):
    """Of what everybody may read; who pushes it logs in. That docker can do this takes tokens."""
    name = image_of(client, with_tokens, "public")
    assert message(NO_PASSWORD_PUSH, client, with_tokens) in client.push(name, None)
    assert client.push(name, BOB) is None
    assert client.pull(name, None) is None


@with_clients("podman", "skopeo", "ctr", "kubelet")
def test_anonymous_pull_by_the_server(open_to_read, client):
    """podman and skopeo show an empty password once /v2/ has told them that there are logins, which counts as none. docker
    does not go on without one."""
    name = image_of(client, open_to_read, "public")
    assert message(NO_PASSWORD_PUSH, client, open_to_read) in client.push(name, None)
    assert client.push(name, BOB) is None
    assert client.pull(name, None) is None
