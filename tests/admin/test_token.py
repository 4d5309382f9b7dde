# SPDX-License-Identifier: Apache-2.0
"""`berth token`: keys, their rotation, and robots' tokens, as the registry takes them."""

import base64
import json
import os
import re
import subprocess
import time
from datetime import datetime, timezone

import pytest

from tests.lib.mounts import read_only
from tests.lib.paths import BUILD

USAGE = 64
NO_SUCH = 66
IO = 74
CONFIG = 78
ID = re.compile(r"\d{8}T\d{6}Z")
SCOPE = "repository:team/*:pull registry:catalog:*"


@pytest.fixture
def keyed(machine):
    machine.configure(f'token_keys = "{machine.keys}"')
    machine.run("token", "init")
    return machine


def issue(machine, *args) -> str:
    return machine.run("token", "issue", "--user", "ci", "--scope", SCOPE, *args).stdout.rstrip("\n")


def status_of(machine, token: str) -> int:
    """What the registry answers to it."""
    done = subprocess.run([BUILD / "berth.fcgi"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                          env={"BERTH_CONF": str(machine.conf), "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
                               "SCRIPT_NAME": "", "PATH_INFO": "/v2/_catalog", "HTTP_AUTHORIZATION": f"Bearer {token}"})
    return int(re.search(rb"Status: (\d+)", done.stdout)[1])


def part(token: str, number: int) -> dict:
    text = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def key_files(machine):
    return sorted(path.name for path in machine.keys.glob("*.pem"))


def test_first_key(machine):
    umask = os.umask(0o077)
    try:
        done = machine.run("token", "init", machine.home / "new/keys")
    finally:
        os.umask(umask)
    machine.keys = machine.home / "new/keys"
    assert f'token_keys = "{machine.keys}"' in done.stdout and str(machine.conf) in done.stdout
    assert "rm " not in done.stdout
    [name] = key_files(machine)
    assert ID.fullmatch(name.removesuffix(".pem"))
    assert machine.keys.stat().st_mode & 0o777 == 0o750
    assert (machine.keys / name).stat().st_mode & 0o777 == 0o640
    assert os.listdir(machine.keys) == [name]


def test_rotation(keyed):
    old = issue(keyed, "old")
    done = keyed.run("token", "init", "--algorithm", "ES256")
    first, second = key_files(keyed)
    assert f"rm {keyed.keys}/{first}" in done.stdout and second not in done.stdout.split("rm ", 1)[1]
    assert "token_keys =" not in done.stdout
    new = issue(keyed, "new")
    assert (part(old, 0)["alg"], part(new, 0)["alg"]) == ("EdDSA", "ES256")
    assert part(new, 0)["kid"] == second.removesuffix(".pem")
    assert (status_of(keyed, old), status_of(keyed, new)) == (200, 200)
    (keyed.keys / first).unlink()
    assert (status_of(keyed, old), status_of(keyed, new)) == (401, 200)


def test_init_many_times_within_a_second(machine):
    made = [machine.json("token", "init", machine.keys) for _ in range(4)]
    ids = [one["id"] for one in made]
    assert ids == sorted(set(ids))
    assert [one["older"] for one in made] == [ids[:n] for n in range(4)]
    assert made[0]["directory"] == str(machine.keys)
    assert made[0]["configured"] is False


def test_a_key_that_would_go_on_signing(keyed):
    (keyed.keys / key_files(keyed)[0]).rename(keyed.keys / "main.pem")
    assert "main.pem sorts behind" in keyed.run("token", "init", status=CONFIG).stderr
    assert key_files(keyed) == ["main.pem"]


def test_keys(keyed):
    keyed.run("token", "init", "--algorithm", "ES256")
    first, second = (name.removesuffix(".pem") for name in key_files(keyed))
    assert keyed.json("token", "keys") == {"keys": [{"id": first, "algorithm": "EdDSA", "signs": False},
                                                    {"id": second, "algorithm": "ES256", "signs": True}]}
    assert [line.split() for line in keyed.run("token", "keys").stdout.splitlines()[1:]] == [
        [first, "EdDSA", "verifies"], [second, "ES256", "signs"]]


@pytest.mark.parametrize("owner, group", [(33, 33), (0, 33), (33, 34)])
def test_files_belong_to_the_owner_of_the_directory(keyed, owner, group):
    for path in (keyed.home, keyed.keys, *keyed.keys.iterdir()):
        os.chown(path, owner, group)
    for above in (keyed.home, *keyed.home.parents):
        if above.stat().st_mode & 0o001 == 0:
            above.chmod(0o755)
    umask = os.umask(0o077)
    try:
        keyed.run("token", "init")
        issue(keyed)
    finally:
        os.umask(umask)
    made = [*keyed.keys.glob("*.pem"), keyed.keys / "robots/ci"]
    assert len(made) == 3
    for path in made:
        status = path.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (owner, group, 0o640)


def test_a_new_directory_is_for_the_group_of_the_store(machine):
    store = machine.root / "docker/registry/v2"
    store.mkdir(parents=True)
    os.chown(store, 33, 33)
    assert machine.run("token", "init", machine.keys).stderr == f"berth: {machine.keys} is for group www-data to read\n"
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (machine.keys, *machine.keys.iterdir())} == {(0, 33)}
    assert "chgrp" in machine.run("token", "init", machine.home / "elsewhere" , "--root", machine.home).stderr


def test_27_a_group_that_was_named(machine):
    """Also for a directory that is there, with the keys in it."""
    def groups():
        return {path.stat().st_gid for path in (machine.keys, *machine.keys.iterdir())}

    assert "group www-data" in machine.run("token", "init", "--group", "www-data", machine.keys).stderr
    assert groups() == {33}
    assert "group 54321" in machine.run("token", "init", "--group", "54321", machine.keys).stderr
    assert groups() == {54321} and len(list(machine.keys.iterdir())) == 2
    assert machine.run("token", "init", machine.keys).stderr == ""
    assert groups() == {54321}
    assert "no such group" in machine.run("token", "init", "--group", "nosuchgroup", machine.keys, status=USAGE).stderr


def test_issue(keyed):
    done = keyed.run("token", "issue", "--user", "ci", "--scope", SCOPE, "--expires", "90d", "nightly")
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
    token = done.stdout.rstrip("\n")
    claims = part(token, 1)
    assert (claims["sub"], claims["robot"]) == ("ci", "nightly")
    assert claims["access"][0] == {"type": "repository", "name": "team/*", "actions": ["pull"]}
    assert claims["exp"] - claims["iat"] == 90 * 86400
    assert status_of(keyed, token) == 200
    assert status_of(keyed, token[:-4] + "AAAA") == 401


@pytest.mark.parametrize("scope, missing", [
    ("repository:team/app:pull", ()), ("repository:team/app:pull,push", ("push team/app",)),
    ("repository:other:pull,delete", ("pull other", "delete other")),
    ("repository:team/*:push", ("push team/*",)), ("repository:**:push", ()), ("repository:own/*:pull,push,delete", ()),
    ("repository:team/app:pull repository:elsewhere/**:pull registry:catalog:*", ("pull elsewhere/**",))])
def test_31_a_scope_beyond_the_rules(keyed, scope, missing):
    """The token is issued, since the rules may change, and whoever issues it is warned."""
    keyed.configure(f'token_keys = "{keyed.keys}"', 'repository "team/*" { pull = {"ci"} }',
                    'repository "own/**" { push = {"ci"} delete = {"ci"} }')
    done = keyed.run("token", "issue", "--user", "ci", "--scope", scope)
    assert done.stdout.count("\n") == 1
    assert re.findall(r"the rules do not let ci (\w+ \S+), so", done.stderr) == list(missing)
    assert done.stderr.count("\n") == len(missing)


def test_keys_that_are_read_only(keyed):
    """It is not the storage that is."""
    token = issue(keyed, "old")
    with read_only(keyed.keys):
        for args in ["issue", "--user", "ci", "--scope", SCOPE], ["revoke", "old"], ["init"]:
            line = keyed.run("token", *args, status=IO).stderr
            assert str(keyed.keys) in line and "Read-only file system" in line and "storage" not in line
    assert status_of(keyed, token) == 200


def test_issue_json(keyed):
    issued = keyed.json("token", "issue", "--user", "ci", "--scope", SCOPE)
    assert (issued["name"], issued["user"], issued["scope"]) == ("ci", "ci", SCOPE)
    expires = datetime.fromisoformat(issued["expires"].replace("Z", "+00:00"))
    assert abs((expires - datetime.now(timezone.utc)).total_seconds() - 90 * 86400) < 60
    assert status_of(keyed, issued["token"]) == 200


@pytest.mark.parametrize("text, seconds", [("1s", 1), ("5m", 300), ("12h", 43200), ("2w", 1209600), ("36500d", 3153600000)])
def test_duration(keyed, text, seconds):
    claims = part(issue(keyed, "--expires", text), 1)
    assert claims["exp"] - claims["iat"] == seconds


@pytest.mark.parametrize("text", ["", "d", "90", "0d", "-1d", "1.5h", "90 d", "1y", "36501d", "99999999999999999999s"])
def test_no_duration(keyed, text):
    refused = keyed.run("token", "issue", "--user", "ci", "--scope", SCOPE, f"--expires={text}", status=USAGE)
    assert "like 90d" in refused.stderr
    assert not (keyed.keys / "robots").exists()


@pytest.mark.parametrize("scope", ["", "team/app", "repository:team/app", "repository:team/app:", "repository:a:pusch",
                                   "repository:a:pull,pusch", "repository:a:pull repository:b:pusch", "registry:x:*",
                                   "repository:a:pull," + "x" * 600])
def test_no_scope(keyed, scope):
    assert "--scope" in keyed.run("token", "issue", "--user", "ci", "--scope", scope, status=USAGE).stderr
    assert not (keyed.keys / "robots").exists()


@pytest.mark.parametrize("args", [("--user", "ci"), ("--scope", SCOPE), ("--user", "", "--scope", SCOPE),
                                  ("--user", "a:b", "--scope", SCOPE), ("--user", "ci", "--scope", SCOPE, "../x"),
                                  ("--user", "ci", "--scope", SCOPE, "a", "b")])
def test_issue_wrong_usage(keyed, args):
    keyed.run("token", "issue", *args, status=USAGE)


def test_revoke(keyed):
    kept, revoked = issue(keyed, "kept"), issue(keyed, "revoked")
    keyed.run("token", "revoke", "revoked")
    assert (status_of(keyed, kept), status_of(keyed, revoked)) == (200, 401)
    assert "berth token ls" in keyed.run("token", "revoke", "revoked", status=NO_SUCH).stderr
    keyed.run("token", "revoke", "../../berth.conf", status=USAGE)


def test_issued_again(keyed):
    old = issue(keyed)
    done = keyed.run("token", "issue", "--user", "ci", "--scope", SCOPE)
    assert "earlier token ci is revoked" in done.stderr
    assert (status_of(keyed, old), status_of(keyed, done.stdout.strip())) == (401, 200)


def test_ls(keyed):
    assert keyed.json("token", "ls") == {"tokens": []}
    issue(keyed, "short", "--expires", "1s")
    issue(keyed, "long")
    time.sleep(1.1)
    listed = keyed.json("token", "ls")["tokens"]
    assert [(entry["name"], entry["user"], entry["scope"], entry["expired"]) for entry in listed] == [
        ("long", "ci", SCOPE, False), ("short", "ci", SCOPE, True)]
    lines = keyed.run("token", "ls").stdout.splitlines()
    assert lines[0].split() == ["NAME", "EXPIRES", "USER", "SCOPE"]
    assert lines[1].split() == ["long", listed[0]["expires"], "ci", *SCOPE.split()]
    assert lines[2].endswith("(expired)")


def test_ls_with_a_damaged_file(keyed):
    issue(keyed)
    (keyed.keys / "robots/broken").write_text("{")
    done = keyed.run("token", "ls")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["NAME", "ci"]
    assert "the token broken" in done.stderr


def test_broken_issuers_do_not_matter(keyed):
    keyed.configure(f'token_keys = "{keyed.keys}"', 'issuer "x" { keys = "/nowhere" }')
    issue(keyed)


@pytest.mark.parametrize("args", [("keys",), ("ls",), ("issue", "--user", "ci", "--scope", SCOPE), ("revoke", "ci")])
def test_nothing_is_configured(machine, args):
    assert "berth token init" in machine.run("token", *args, status=CONFIG).stderr


def test_init_wrong_usage(machine):
    assert "directory" in machine.run("token", "init", status=USAGE).stderr
    assert "ES256" in machine.run("token", "init", machine.keys, "--algorithm", "RS256", status=USAGE).stderr
    assert not machine.keys.exists()
    assert "usage: berth token" in machine.run("token", status=USAGE).stderr
