# SPDX-License-Identifier: Apache-2.0
"""`berth serve --htpasswd`: who has no login gets nothing."""

import base64
import os
import subprocess

import pytest

from tests.admin.test_serve import copy_programs
from tests.lib import client, htpasswd, oci
from tests.lib.oci import expect
from tests.lib.paths import BUILD

ALICE = {"Authorization": "Basic " + base64.b64encode(b"alice:secret").decode()}
WRONG = {"Authorization": "Basic " + base64.b64encode(b"alice:guess").decode()}
BEARER = {"Authorization": "Bearer abc"}
USAGE, CONFIG = 64, 78


@pytest.fixture
def users(tmp_path):
    return htpasswd.write(tmp_path / "users", {"alice": "secret"})


def refused(tmp_path, *args, status, prefix=(), programs=BUILD, **options):
    """What it says instead of serving."""
    done = subprocess.run([*prefix, programs / "berth", "serve", "--listen", "127.0.0.1:0", "--root", tmp_path / "store", *args],
                          capture_output=True, text=True, timeout=20, **options)
    assert done.returncode == status, done
    return done.stderr


@pytest.mark.parametrize("headers", [{}, WRONG, BEARER])
def test_a_401_as_clients_want_it(serve, users, headers):
    registry = serve("--htpasswd", users)
    answer = expect(registry.request("GET", "/v2/", headers), 401)
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="berth"')
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"


@pytest.mark.parametrize("method, target", [
    ("GET", "/v2/_catalog"), ("HEAD", "/v2/a/manifests/latest"), ("POST", "/v2/a/blobs/uploads/"), ("DELETE", "/v2/a/tags/x"),
    ("GET", "//v2/_catalog"), ("GET", "/%762/_catalog"), ("GET", "/x/../v2/_catalog"), ("GET", "/v2/./_catalog"),
    ("GET", "/v2?n=1"), ("OPTIONS", "/v2/"),
])
def test_everything_below_v2_is_closed(serve, users, method, target):
    registry = serve("--htpasswd", users)
    assert registry.request(method, target, body=b"" if method == "POST" else None).status == 401


def test_a_login_pushes_and_pulls(serve, users):
    registry = serve("--htpasswd", users)
    answer = expect(registry.request("GET", "/v2/", ALICE), 200)
    assert answer.headers.get_all("Docker-Distribution-Api-Version") == ["registry/2.0"]
    content = oci.blob(100_000)
    target = f"/v2/a/blobs/uploads/?digest={content.digest}"
    expect(registry.request("POST", target, {**ALICE, "Content-Type": "application/octet-stream"}, body=content.data), 201)
    assert expect(registry.request("GET", f"/v2/a/blobs/{content.digest}", ALICE), 200).body == content.data


def test_a_new_user_needs_no_restart(serve, users):
    registry = serve("--htpasswd", users)
    bob = {"Authorization": "Basic " + base64.b64encode(b"bob:other").decode()}
    expect(registry.request("GET", "/v2/", bob), 401)
    htpasswd.write(users, {"alice": "secret", "bob": "other"})
    expect(registry.request("GET", "/v2/", bob), 200)


def test_the_realm(serve, users):
    registry = serve("--htpasswd", users, "--realm", "Our images, $HTTP {x} # 1")
    challenge = expect(registry.request("GET", "/v2/"), 401).headers["WWW-Authenticate"]
    assert challenge.startswith('Basic realm="Our images, $HTTP {x} # 1"')


def test_a_file_named_from_here(tmp_path):
    """With a space and a $ in its path, which mean nothing there."""
    place = tmp_path / "a $b #c"
    place.mkdir()
    htpasswd.write(place / "users", {"alice": "secret"})
    with subprocess.Popen([BUILD / "berth", "serve", "--listen", "127.0.0.1:0", "--root", tmp_path / "store", "--htpasswd",
                           "users"], stdout=subprocess.PIPE, text=True, cwd=place) as process:
        port = int(process.stdout.readline().split("/v2/")[0].rpartition(":")[2])
        try:
            expect(client.request(port, "GET", "/v2/"), 401)
            expect(client.request(port, "GET", "/v2/", ALICE), 200)
        finally:
            process.terminate()


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a\tb"])
def test_a_path_that_lighttpd_would_misread(tmp_path, name):
    htpasswd.write(tmp_path / name, {"alice": "secret"})
    assert "--htpasswd" in refused(tmp_path, "--htpasswd", tmp_path / name, status=USAGE)


@pytest.mark.parametrize("realm", ['a"b', "a\\b", "a\nb", ""])
def test_a_realm_that_lighttpd_would_misread(tmp_path, users, realm):
    assert "realm" in refused(tmp_path, "--htpasswd", users, "--realm", realm, status=USAGE)


def test_a_realm_alone(tmp_path):
    assert "--htpasswd" in refused(tmp_path, "--realm", "x", status=USAGE)


def test_no_such_file(tmp_path):
    assert "berth user add" in refused(tmp_path, "--htpasswd", tmp_path / "none", status=CONFIG)


def test_a_directory(tmp_path):
    assert "not a plain file" in refused(tmp_path, "--htpasswd", tmp_path, status=CONFIG)


@pytest.mark.parametrize("setting", ['htpasswd = "{}"', 'token_keys = "{}"'])
def test_not_besides_berths_own_logins(tmp_path, users, setting):
    conf = tmp_path / "berth.conf"
    conf.write_text(setting.format(users) + "\n")
    assert "itself" in refused(tmp_path, "--config", conf, "--htpasswd", users, status=CONFIG)


@pytest.fixture
def open_place(tmp_path):
    """A directory into which ordinary users may go, with the programs."""
    for place in (tmp_path, *tmp_path.parents[:-2]):
        place.chmod(place.stat().st_mode | 0o111)
    copy_programs(tmp_path / "programs")
    (tmp_path / "store").mkdir()
    os.chown(tmp_path / "store", 33, 33)
    return tmp_path


@pytest.mark.parametrize("prefix", [[], ["setpriv", "--reuid=33", "--regid=33", "--clear-groups"]], ids=["root", "user"])
def test_a_file_that_lighttpd_cannot_read(open_place, users, prefix):
    """Root's own, before it has become the owner of the store, would be no help."""
    users.chmod(0o600)
    said = refused(open_place, "--htpasswd", users, status=CONFIG, prefix=prefix, programs=open_place / "programs")
    assert str(users) in said and "user 33" in said


def test_a_note_for_other_addresses(serve, users):
    for args, word in (((), "without TLS"), (("--htpasswd", users), "unencrypted")):
        registry = serve("--listen", "0.0.0.0:0", *args)
        notes = [line for line in registry.output().splitlines() if line.startswith("Note: ")]
        assert len(notes) == 1 and word in notes[0]
    assert "Note: " not in serve().output()
