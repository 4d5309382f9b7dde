# SPDX-License-Identifier: Apache-2.0
"""`berth serve --htpasswd`: who has no login gets nothing."""

import base64
import os
import subprocess
import time

import pytest

from tests.admin.test_serve import copy_programs
from tests.cgi.test_browsers import is_harmless
from tests.lib import access, client, htpasswd, oci
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
    assert "password is missing or wrong" in answer.json()["errors"][0]["message"]  # 31
    assert is_harmless(answer)


@pytest.mark.parametrize("method, target", [
    ("GET", "/v2/_catalog"), ("HEAD", "/v2/a/manifests/latest"), ("POST", "/v2/a/blobs/uploads/"), ("DELETE", "/v2/a/tags/x"),
    ("GET", "//v2/_catalog"), ("GET", "/%762/_catalog"), ("GET", "/x/../v2/_catalog"), ("GET", "/v2/./_catalog"),
    ("GET", "/v2?n=1"), ("PROPFIND", "/v2/"),
])
def test_everything_below_v2_is_closed(serve, users, method, target):
    registry = serve("--htpasswd", users)
    assert registry.request(method, target, body=b"" if method == "POST" else None).status == 401


def test_39_browsers_ask_without_a_login(serve, users):
    answer = expect(serve("--htpasswd", users).request("OPTIONS", "/v2/a/tags/list"), 200)
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_a_login_pushes_and_pulls(serve, users):
    registry = serve("--htpasswd", users)
    answer = expect(registry.request("GET", "/v2/", ALICE), 200)
    assert answer.headers.get_all("Docker-Distribution-Api-Version") == ["registry/2.0"]
    assert f"  docker login 127.0.0.1:{registry.port}\n" in registry.output()
    content = oci.blob(100_000)
    target = f"/v2/a/blobs/uploads/?digest={content.digest}"
    expect(registry.request("POST", target, {**ALICE, "Content-Type": "application/octet-stream"}, body=content.data), 201)
    assert expect(registry.request("GET", f"/v2/a/blobs/{content.digest}", ALICE), 200).body == content.data


def test_stopping_leaves_nothing(serve, users):
    registry = serve("--htpasswd", users)
    assert list((registry.home / "run").iterdir())
    registry.stop()
    assert not list((registry.home / "run").iterdir())


def test_a_password_is_remembered(serve, tmp_path):
    """Else every request would take as long as the first."""
    registry = serve("--htpasswd", htpasswd.write(tmp_path / "users", {"alice": "secret"}, cost=12))
    seconds = []
    for _ in range(4):
        started = time.monotonic()
        expect(registry.request("GET", "/v2/", ALICE), 200)
        seconds.append(time.monotonic() - started)
    assert min(seconds[1:]) < seconds[0] / 4, seconds


def test_rules_for_who_logged_in(serve, tmp_path):
    """lighttpd says who it is, berth what he may do."""
    conf = tmp_path / "berth.conf"
    conf.write_text('repository "**" { pull = {"users"} push = {"alice"} }\n')
    registry = serve("--config", conf, "--htpasswd", htpasswd.write(tmp_path / "users", {"alice": "secret", "bob": "other"}))
    expect(registry.request("POST", "/v2/a/blobs/uploads/", ALICE, body=b""), 202)
    expect(registry.request("POST", "/v2/a/blobs/uploads/", access.basic("bob", "other"), body=b""), 403)
    expect(registry.request("POST", "/v2/a/blobs/uploads/", body=b""), 401)


def test_logins_by_berth_itself(serve, tmp_path, users):
    """With `htpasswd` and `token_keys` in its configuration; the tokens are had at /token."""
    keys, conf = tmp_path / "keys", tmp_path / "berth.conf"
    keys.mkdir()
    subprocess.run([BUILD / "berth", "token", "init", keys], check=True, capture_output=True)
    conf.write_text(f'htpasswd = "{users}"\ntoken_keys = "{keys}"\nrepository "**" {{ pull = {{"*"}} push = {{"users"}} }}\n')
    registry = serve("--config", conf)
    upload, scope = "/v2/a/blobs/uploads/", "/token?service=berth&scope=repository:a:pull,push"
    host = {"Host": f"registry.example:{registry.port}"}
    challenge = expect(registry.request("POST", upload, host, body=b""), 401).headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ") and f'realm="http://registry.example:{registry.port}/token"' in challenge
    expect(registry.request("GET", scope, WRONG), 401)
    token = expect(registry.request("GET", scope, ALICE), 200).json()["token"]
    expect(registry.request("POST", upload, {"Authorization": f"Bearer {token}"}, body=b""), 202)


def test_it_is_ready_when_berth_answers(tmp_path, users):
    """And not when lighttpd asks for a login. (These workers close every connection.)"""
    programs = copy_programs(tmp_path / "programs")
    (programs / "berth.fcgi").write_text("#!/usr/bin/python3\nimport socket\nwhile True:\n"
                                         "    socket.fromfd(0, socket.AF_UNIX, socket.SOCK_STREAM).accept()[0].close()\n")
    said = refused(tmp_path, "--htpasswd", users, status=70, programs=programs)
    assert "the first request was answered with" in said


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
