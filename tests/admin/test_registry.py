# SPDX-License-Identifier: Apache-2.0
"""`berth registry`: in the place of a registry:2, with its config.yml, its environment and its arguments."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.admin.conftest import Serve
from tests.admin.test_serve import copy_programs
from tests.cgi.test_only_health import HEALTHY, probe
from tests.lib import htpasswd, oci, upstreams
from tests.lib.access import Key, basic, bearer, grants, token
from tests.lib.distribution import Distribution
from tests.lib.oci import expect, expect_error
from tests.lib.paths import BUILD
from tests.lib.servers import make_certificate
from tests.lib.workers import wait_for

ALICE = basic("alice", "a")


class StandIn(Serve):
    """`berth registry` with these variables; without a file of its own, where the machine has one."""

    def __init__(self, home, *args, **variables):
        super().__init__(home, *args)
        self.variables = variables

    def command(self):
        return ["registry", *self.args]

    def environment(self):
        # What stands in /etc/berth on this machine is not asked.
        (self.home / "berth.conf").touch()
        return {**super().environment(), "BERTH_CONF": str(self.home / "berth.conf"),
                "REGISTRY_HTTP_ADDR": f":{self.port}", "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(self.root),
                "REGISTRY_CONFIGURATION_PATH": str(empty(self.home)), **self.variables}


def empty(home):
    (home / "empty.yml").write_text("version: 0.1\n")
    return home / "empty.yml"


def push_and_pull(registry, headers={}):
    data = os.urandom(100)
    digest = oci.digest_of(data)
    expect(registry.request("POST", f"/v2/a/b/blobs/uploads/?digest={digest}", headers, data), 201)
    assert expect(registry.request("GET", f"/v2/a/b/blobs/{digest}", headers), 200).body == data
    return digest


def test_without_a_login_and_as_registry_2_by_default(tmp_path):
    """On each address; and no client can delete."""
    with StandIn(tmp_path) as registry:
        digest = push_and_pull(registry)
        expect_error(registry.request("DELETE", f"/v2/a/b/blobs/{digest}"), 405, "UNSUPPORTED")
        with contextlib.closing(socket.create_connection(("::1", registry.port))):
            """It listens there, too."""
        note, = (line for line in registry.output().splitlines() if line.startswith("Note: "))
        assert "REGISTRY_AUTH" in note and "REGISTRY_HTTP_TLS_CERTIFICATE" in note and "--" not in note


def test_14_a_cache_of_another_registry(tmp_path):
    """As registry:2 with proxy.remoteurl: its names, and nobody pushes."""
    with upstreams.running() as upstream:
        image = upstream.add_manifest("team/app", oci.image(oci.blob(64).descriptor(), []), "1")
        with StandIn(tmp_path, REGISTRY_PROXY_REMOTEURL=upstream.url) as registry:
            for status in (None, 500):
                upstream.status = status
                assert expect(registry.request("GET", "/v2/team/app/manifests/1"), 200).body == image.data
            expect_error(registry.request("POST", "/v2/team/app/blobs/uploads/", body=b""), 405, "UNSUPPORTED")


def test_a_login(tmp_path):
    htpasswd.write(tmp_path / "users", {"alice": "a"}, 5)
    with StandIn(tmp_path, "serve", empty(tmp_path), REGISTRY_AUTH="htpasswd", REGISTRY_AUTH_HTPASSWD_REALM="Registry Realm",
                 REGISTRY_AUTH_HTPASSWD_PATH=str(tmp_path / "users"), REGISTRY_STORAGE_DELETE_ENABLED="true") as registry:
        for headers in ({}, basic("alice", "b")):
            answer = expect_error(registry.request("GET", "/v2/", headers), 401, "UNAUTHORIZED")
            assert answer.headers["WWW-Authenticate"].startswith('Basic realm="Registry Realm"')
        expect_error(registry.request("POST", "/v2/a/b/blobs/uploads/", body=b""), 401, "UNAUTHORIZED")
        digest = push_and_pull(registry, ALICE)
        expect(registry.request("DELETE", f"/v2/a/b/blobs/{digest}", ALICE), 202)
        assert probe(registry) == HEALTHY


def test_a_missing_file_of_passwords_is_made(tmp_path):
    """As by registry:2: with one user, whose password its log has once, and nobody but its owner reads it."""
    users = tmp_path / "auth/sub/htpasswd"
    said = {"REGISTRY_AUTH": "htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM": "x", "REGISTRY_AUTH_HTPASSWD_PATH": str(users)}
    with StandIn(tmp_path, **said) as registry:
        line, = (line for line in registry.output().splitlines() if "the password" in line)
        assert line.startswith(f"berth: auth.htpasswd.path: {users} was missing: it is made")
        password = re.search("the user docker and the password ([-_A-Za-z0-9]{43}),", line)[1]
        expect_error(registry.request("GET", "/v2/", basic("docker", "x")), 401, "UNAUTHORIZED")
        push_and_pull(registry, basic("docker", password))
    assert [path.stat().st_mode & 0o777 for path in (users, users.parent, users.parent.parent)] == [0o600, 0o700, 0o700]
    assert password not in users.read_text() and users.read_text().startswith("docker:$2")
    written = users.read_text()
    with StandIn(tmp_path, **said) as registry:
        expect(registry.request("GET", "/v2/", basic("docker", password)), 200)
        assert "the password" not in registry.output()
    assert users.read_text() == written


@pytest.fixture
def owned_by_nobody():
    """Its data directory is somebody else's, whose programs are where he reaches them."""
    with tempfile.TemporaryDirectory(prefix="berth-registry-") as directory:
        home = Path(directory)
        home.chmod(0o755)
        (home / "store").mkdir()
        (home / "run").mkdir()
        for path in ("store", "run"):
            shutil.chown(home / path, "nobody")
        stand_in = StandIn(home)
        stand_in.programs = copy_programs(home / "programs")
        yield stand_in


def test_a_missing_file_of_passwords_is_for_the_owner_of_the_images(owned_by_nobody):
    users = owned_by_nobody.home / "auth/htpasswd"
    owned_by_nobody.variables["REGISTRY_AUTH_HTPASSWD_PATH"] = str(users)
    with owned_by_nobody as registry:
        password = re.search("the password ([-_A-Za-z0-9]{43}),", registry.output())[1]
        push_and_pull(registry, basic("docker", password))
    assert (users.owner(), users.parent.owner()) == ("nobody", "nobody")


def test_commands_in_its_container(tmp_path):
    """They find the data directory as it did."""
    with StandIn(tmp_path) as registry:
        oci.Repository(registry, "a/b").push_image("v1")

        def berth(*args, **more):
            return subprocess.run([BUILD / "berth", *args], check=True, capture_output=True, text=True, timeout=60,
                                  env={**registry.environment(), **more}).stdout
        assert "a/b" in berth("ls") and "kept: 1 repository" in berth("gc", "--dry-run")
        (tmp_path / "other/docker/registry/v2/repositories").mkdir(parents=True)
        assert "a/b" not in berth("ls", BERTH_ROOT=str(tmp_path / "other"))
        assert "a/b" not in berth("ls", "--root", tmp_path / "other")


def test_tls_and_the_file(tmp_path):
    certificate, key = make_certificate(tmp_path)
    config = tmp_path / "config.yml"
    config.write_text(f"http:\n  tls:\n    certificate: {certificate}\n    key: {key}\nstorage:\n  maintenance:\n"
                      "    readonly:\n      enabled: true\n")
    with StandIn(tmp_path, config) as registry:
        done = subprocess.run(["curl", "-sS", "--cacert", certificate, "-X", "POST",
                               f"https://localhost:{registry.port}/v2/a/blobs/uploads/"], capture_output=True, text=True, timeout=20)
        assert "read-only for maintenance" in done.stdout, done


def test_tokens_of_an_issuer(tmp_path):
    """With registry:2's own variables."""
    key = Key(tmp_path / "key.pem", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", alg="RS256")
    (tmp_path / "root.pem").write_bytes(key.public())
    said = {"REGISTRY_AUTH": "token", "REGISTRY_AUTH_TOKEN_REALM": "https://sso.example/auth",
            "REGISTRY_AUTH_TOKEN_SERVICE": "a registry", "REGISTRY_AUTH_TOKEN_ISSUER": "sso"}
    with StandIn(tmp_path, **said, REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=str(tmp_path / "root.pem")) as registry:
        answer = expect_error(registry.request("GET", "/v2/"), 401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="https://sso.example/auth",service="a registry"'
        right = token(key, iss="sso", aud="a registry", access=grants(**{"a/b": "pull,push"}))
        push_and_pull(registry, bearer(right))
        wrong = token(key, iss="another", aud="a registry", access=grants(**{"a/b": "pull,push"}))
        expect_error(registry.request("GET", "/v2/a/b/tags/list", bearer(wrong)), 401, "UNAUTHORIZED")
    assert "rootcertbundle: /none" in fails(tmp_path, **said, REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE="/none")


def test_a_data_directory_of_somebody_else(owned_by_nobody):
    """As root it is served as its owner, who can read what it is told nevertheless."""
    users = owned_by_nobody.home / "users"
    htpasswd.write(users, {"alice": "a"}, 5)
    owned_by_nobody.variables["REGISTRY_AUTH_HTPASSWD_PATH"] = str(users)
    with owned_by_nobody as registry:
        push_and_pull(registry, ALICE)
        assert (owned_by_nobody.home / "store/docker/registry/v2").owner() == "nobody"


def test_a_berth_conf_counts_between_defaults_and_what_is_said(tmp_path):
    with StandIn(tmp_path) as registry:
        registry.stop()
    (tmp_path / "berth.conf").write_text(f'root = "{tmp_path}/nowhere"\ndelete = true\npage_limit = 1\n')
    with StandIn(tmp_path) as registry:
        digest = push_and_pull(registry)
        expect(registry.request("DELETE", f"/v2/a/b/blobs/{digest}"), 202)
        assert not (tmp_path / "nowhere").exists()


class Volume:
    """Files as kubelet mounts those of a ConfigMap or Secret: links into a directory, which another one replaces at once."""

    def __init__(self, directory, **files):
        self.directory, self.written = directory, 0
        directory.mkdir()
        self.put(**files)
        for name in files:
            (directory / name).symlink_to(f"..data/{name}")

    def put(self, **files):
        before = (self.directory / "..data").resolve()
        self.written += 1
        fresh = self.directory / f"..{self.written}"
        fresh.mkdir()
        for name, text in files.items():
            (fresh / name).write_text(text)
        (self.directory / "..data_tmp").symlink_to(fresh.name)
        (self.directory / "..data_tmp").rename(self.directory / "..data")
        if before.name != "..data":
            shutil.rmtree(before)

    def __truediv__(self, name):
        return self.directory / name


def test_a_volume_of_kubernetes_is_followed(tmp_path):
    """To the files that are there now: those with which it started are gone."""
    users = {name: f"{name}:{htpasswd.bcrypt('a')}\n" for name in ("alice", "bob")}
    volume = Volume(tmp_path / "etc", conf=f'htpasswd = "{tmp_path}/etc/users"\n', users=users["alice"])
    with StandIn(tmp_path, BERTH_CONF=str(volume / "conf")) as registry:
        push_and_pull(registry, ALICE)
        volume.put(conf=f'htpasswd = "{tmp_path}/etc/users"\nreadonly = true\n', users=users["bob"])

        def statuses():
            return [registry.request("POST", "/v2/a/b/blobs/uploads/", basic(name, "a"), b"").status for name in users]
        wait_for(lambda: statuses() == [401, 403])


def test_docker_registry_and_back(tmp_path):
    """The same file over the same directory, this one, that one, and this one again."""
    root = tmp_path / "store"
    with Distribution(root, tmp_path) as old:
        first = oci.Repository(old, "a/b").push_image("v1")
    with StandIn(tmp_path, old.config, REGISTRY_HTTP_ADDR=f"127.0.0.1:{old.port}",
                 REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="") as berth:
        berth.port = old.port
        repo = oci.Repository(berth, "a/b")
        assert expect(repo.get("manifests/v1"), 200).body == first.data
        second = repo.push_image("v2")
        expect(repo.request("DELETE", "manifests/v1"), 202)
    with Distribution(root, tmp_path) as old:
        answer = oci.Repository(old, "a/b").request("GET", "manifests/v2", {"Accept": second.media_type})
        assert expect(answer, 200).body == second.data


def fails(tmp_path, *args, status=78, **variables) -> str:
    """The one line that it says."""
    registry = StandIn(tmp_path, *args, **variables)
    done = subprocess.run([BUILD / "berth", *registry.command()], capture_output=True, text=True, timeout=60,
                          env=registry.environment())
    assert done.returncode == status, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("name, value, said", [
    ("REGISTRY_PROXY_REMOTEURL", "example.com", "must be https://HOST"),
    ("REGISTRY_NOTIFICATIONS_ENDPOINTS", "[{url: x}]", "calls nobody"),
    ("REGISTRY_STORAGE_S3_BUCKET", "x", "a directory alone"),
    ("REGISTRY_REDIS_ADDR", "redis:6379", "no cache beside the kernel's"),
    ("REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR", "redis", "no cache beside the kernel's"),
    ("REGISTRY_STORAGE_DELETE_ENABLED", "perhaps", "must be true or false"),
    ("REGISTRY_LOG_LEVEL", "loud", "must be error, warn, info or debug"),
    ("REGISTRY_HTTP_ADDR", "5000x", "must be HOST:PORT"),
    ("REGISTRY_AUTH", "htpasswd", "REGISTRY_AUTH_HTPASSWD_PATH"),
    ("REGISTRY_NONSENSE", "x", "is it spelt right?"),
])
def test_what_is_not_understood_stops_it(tmp_path, name, value, said):
    line = fails(tmp_path, **{name: value})
    assert name in line and said in line


def test_files_that_are_not_there(tmp_path):
    line = fails(tmp_path, REGISTRY_HTTP_TLS_CERTIFICATE=str(empty(tmp_path)), REGISTRY_HTTP_TLS_KEY="/none")
    assert "http.tls.key: /none: No such file or directory: mount it there" in line
    line = fails(tmp_path, REGISTRY_AUTH_HTPASSWD_PATH="/proc/none")
    assert "auth.htpasswd.path: /proc/none is missing" in line and "No such file or directory: mount it there" in line
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    line = fails(tmp_path, REGISTRY_AUTH_HTPASSWD_PATH=f"{tmp_path}/link")
    assert f"auth.htpasswd.path: {tmp_path}/link: No such file or directory: mount it there" in line
    assert not (tmp_path / "elsewhere").exists()
    line = fails(tmp_path, REGISTRY_AUTH_HTPASSWD_PATH=str(tmp_path))
    assert f'auth.htpasswd.path: htpasswd = "{tmp_path}": it cannot be read: it is no plain file' in line
    assert "none.yml: " in fails(tmp_path, tmp_path / "none.yml")
    assert "berth gc" in fails(tmp_path, "garbage-collect", empty(tmp_path), status=64)


def test_a_certificate_that_is_none(tmp_path):
    """It is named as it was said; there are no options."""
    certificate, key = make_certificate(tmp_path)
    for said in (key, key), (certificate, empty(tmp_path)):
        line = fails(tmp_path, REGISTRY_HTTP_TLS_CERTIFICATE=str(said[0]), REGISTRY_HTTP_TLS_KEY=str(said[1]))
        assert f"http.tls.certificate (REGISTRY_HTTP_TLS_CERTIFICATE) {said[0]}, http.tls.key (REGISTRY_HTTP_TLS_KEY) {said[1]}: " in line
        assert "--tls" not in line


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = fails(tmp_path, REGISTRY_HTTP_ADDR=f"127.0.0.1:{taken.getsockname()[1]}")
        assert "in use" in line and "take another with http.addr (REGISTRY_HTTP_ADDR)" in line
    assert "http.addr (REGISTRY_HTTP_ADDR) nowhere.invalid: " in fails(tmp_path, REGISTRY_HTTP_ADDR="nowhere.invalid:1", status=64)


def test_a_volume_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    line = fails(tmp_path, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=f"{tmp_path}/file/store", status=74)
    assert f"{tmp_path}/file/store" in line


def test_images_of_root(owned_by_nobody):
    """As the image of registry:2 leaves them, on a volume that anybody may write to."""
    with owned_by_nobody as registry:
        registry.stop()
    store = owned_by_nobody.home / "store"
    store.chmod(0o1777)
    for path in (store, *store.rglob("*")):
        shutil.chown(path, "root")
    done = subprocess.run([owned_by_nobody.programs / "berth", *owned_by_nobody.command()], capture_output=True, text=True, timeout=60,
                          env=owned_by_nobody.environment(), user="nobody", group="nogroup", extra_groups=[], cwd="/")
    assert (done.returncode, done.stderr.count("\n")) == (74, 1), done
    assert f"user nobody cannot write to {store}: Permission denied" in done.stderr and f"chown -R nobody {store}" in done.stderr
    assert "what is there is of user 0: a container can run as that one, `docker run --user 0`" in done.stderr
