# SPDX-License-Identifier: Apache-2.0
"""Who did what: the request's id, the audit, the access log; also for what nobody should send."""

import json
import os
import pwd
import re
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.lib import access, oci
from tests.lib.access import basic, bearer
from tests.lib.oci import expect
from tests.lib.paths import BUILD

ID = "0f8fad5b-d9cb.469f:A165+70867728~/=@"
HOSTILE = ['"; DROP', "\\", "a\x01b\x7f", "tab\there", "ü\u2028", "x" * 8192, "\xff\xfe", '{"a": "b"}', "%00%0a", "' \" ` $(reboot)"]
COMBINED = re.compile(r'(\S+) - (\S+) \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000)\] "(\S+) (\S+) (\S+)" (\d{3}) (\d+) '
                      r'"([^"]*)" "([^"]*)" "([^"]*)" (\d+\.\d{6}) (\d+) (\d+)')


def lines(path) -> list[dict]:
    """Each parses, and no control character is in any."""
    text = path.read_bytes()
    assert text.endswith(b"\n") and not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", text)
    return [json.loads(line) for line in text.decode().split("\n")[:-1]]


@pytest.fixture
def site():
    with access.site() as site:
        yield site


@pytest.fixture
def audit(tmp_path):
    return tmp_path / "audit.log"


# The request's id.


def test_an_id_is_taken_over_or_made(front):
    assert front.request("GET", "/v2/", {"X-Request-Id": ID}).headers["X-Request-Id"] == ID
    long = "a" * 128
    assert front.request("GET", "/nothing", {"X-Request-Id": long}).headers.get_all("X-Request-Id") == [long]
    made = {front.request("GET", "/v2/", headers).headers["X-Request-Id"]
            for headers in ({}, {"X-Request-Id": "a" * 129}, {"X-Request-Id": "a b"}, {"X-Request-Id": 'a"'},
                            {"X-Request-Id": "ü"}, {"X-Request-Id": "a\\"})}
    assert len(made) == 6 and all(re.fullmatch("[0-9a-f-]{36}", one) for one in made)


def test_it_is_in_each_line_and_answer(front):
    """Of errors and denials too, and of what is no request."""
    for variables in {}, {"CONTENT_LENGTH": "x"}, {"QUERY_STRING": "a=%zz"}:
        process = front.spawn("GET", "/v2/", {"X-Request-Id": ID}, variables={"BERTH_LOG_LEVEL": "debug", **variables})
        output, log = process.communicate(timeout=60)
        assert front.response("GET", output).headers["X-Request-Id"] == ID
        logged = [line for line in log.decode().splitlines() if "SANITIZE" not in line]
        assert logged and all(line.endswith(f" (request {ID})") for line in logged), logged


# The audit.


def test_changes(start_cgi, site, audit):
    front = start_cgi(conf=site.conf, audit=audit)
    name = "private/app"
    repo, other = oci.Repository(front, name), oci.Repository(front, "private/other")
    token = site.token(access=access.grants(**{name: "pull,push,delete", other.name: "pull,push"}), jti="the-token")
    headers = {**bearer(token), "X-Request-Id": ID, "User-Agent": "docker/29", "X-Forwarded-For": "10.1.1.1"}
    front.env["REMOTE_ADDR"] = "192.0.2.7"
    blob = oci.blob(5)
    location = expect(front.request("POST", f"/v2/{name}/blobs/uploads/", headers, b""), 202).headers["Location"]
    expect(front.request("PUT", oci.complete(location, blob.digest), headers, blob.data), 201)
    expect(front.request("POST", f"/v2/{other.name}/blobs/uploads/?mount={blob.digest}&from={name}", headers, b""), 201)
    image = oci.image(blob.descriptor(), [])
    expect(front.request("PUT", f"/v2/{name}/manifests/v1", {**headers, "Content-Type": image.media_type}, image.data), 201)
    expect(front.request("DELETE", f"/v2/{name}/manifests/v1", headers), 202)
    expect(front.request("GET", f"/v2/{name}/tags/list", headers), 200)
    expect(front.request("DELETE", f"/v2/{name}/blobs/{blob.digest}", basic("root", "r")), 202)
    found = lines(audit)
    assert [line["action"] for line in found] == ["blob-pushed", "blob-mounted", "manifest-pushed", "tag-pushed", "tag-deleted",
                                                  "blob-deleted"]
    who = {"user": "alice", "how": "token", "tokenId": "the-token", "address": "192.0.2.7", "agent": "docker/29", "requestId": ID}
    for line in found[:-1]:
        assert line["result"] == "done" and {key: line[key] for key in who} == who
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert (found[1]["repository"], found[1]["from"], found[1]["digest"]) == (other.name, name, blob.digest)
    assert (found[3]["repository"], found[3]["reference"], found[3]["digest"]) == (name, "v1", image.digest)
    assert (found[5]["user"], found[5]["how"]) == ("root", "password") and "tokenId" not in found[5]
    assert token not in audit.read_text() and audit.stat().st_mode & 0o777 == 0o640


def test_denials(start_cgi, site, audit):
    front = start_cgi(conf=site.conf, audit=audit, trusted_proxies="127.0.0.1")
    front.env["REMOTE_ADDR"] = "127.0.0.1"
    seen = {"X-Forwarded-For": "198.51.100.3"}
    front.request("GET", "/v2/", seen)  # asks to log in, which is no denial
    front.request("GET", "/v2/", {**seen, **basic("bob", "hunter2")})
    front.request("PUT", "/v2/private/app/manifests/v1", {**seen, **basic("eve", "e")}, b"{}")
    front.request("GET", "/v2/private/app/manifests/v1", {**seen, **basic("eve", "e")})
    front.request("DELETE", "/v2/public/app/manifests/v1", {**seen, **basic("eve", "e")})
    front.request("GET", "/v2/_catalog", {**seen, **bearer("x.y.z")})
    form = b"grant_type=password&username=bob&password=hunter2"
    front.request("POST", "/token", {**seen, "Content-Type": "application/x-www-form-urlencoded"}, form)
    front.request("GET", "/metrics", {**seen, **basic("bob", "hunter2")})
    found = lines(audit)
    assert [(line["action"], line["status"], line.get("user")) for line in found] == [
        ("login", 401, "bob"), ("push", 403, "eve"), ("pull", 403, "eve"), ("delete", 403, "eve"), ("catalog", 401, None),
        ("login", 401, "bob"), ("metrics", 401, None)]
    assert all(line["result"] == "denied" and line["address"] == "198.51.100.3" and line["reason"] for line in found)
    assert (found[1]["repository"], found[1]["reference"], found[1]["method"]) == ("private/app", "v1", "PUT")
    assert "hunter2" not in audit.read_text() and "x.y.z" not in audit.read_text()


def test_hostile_input(start_cgi, site, audit, tmp_path):
    """Each line parses, is whole, and has a bound."""
    accesses = tmp_path / "access.log"
    front = start_cgi(conf=site.conf, audit=audit, access_log=accesses)
    for text in HOSTILE:
        variables = {"HTTP_USER_AGENT": text.encode("latin-1", "ignore"), "REMOTE_ADDR": text.encode("latin-1", "ignore")[:200],
                     "HTTP_REFERER": text.encode("latin-1", "ignore"), "REQUEST_URI": text.encode("latin-1", "ignore")}
        variables = {name: value.replace(b"\0", b"") for name, value in variables.items()}
        front.request("PUT", "/v2/private/app/manifests/x", basic(text.replace(":", ""), "x"), b"{}", variables=variables)
        front.request("BREW", "/v2/" + "x" * 300 + "/manifests/" + "y" * 4000, basic("eve", "e"), variables=variables)
        front.request("GET", "/v2/private/app/manifests/" + "%22%0a%5c" * 300, basic("eve", "x"), variables=variables)
    found = lines(audit)
    assert len(found) >= 2 * len(HOSTILE) and all(len(json.dumps(line)) < 4096 for line in found)
    assert {line["result"] for line in found} == {"denied"}
    rows = accesses.read_text().splitlines()
    assert len(rows) == 3 * len(HOSTILE) and all(COMBINED.fullmatch(row) for row in rows), rows


@pytest.mark.parametrize("rotate", [lambda path: path.rename(path.with_suffix(".1")), lambda path: path.unlink()])
def test_rotation(start_cgi, audit, rotate):
    """By a command that goes on meanwhile."""
    front = start_cgi(audit=audit)
    oci.Repository(front).push_blob(oci.blob())
    rotate(audit)
    oci.Repository(front).push_blob(oci.blob())
    assert len(lines(audit)) == 1


def test_commands(start_cgi, audit):
    """With the Unix user, and the collector with what it removed."""
    front = start_cgi(audit=audit)
    repo = oci.Repository(front)
    image = repo.push_image("v1")
    audit.unlink()
    environment = {"PATH": "/usr/bin:/bin", **front.env}
    subprocess.run([BUILD / "berth", "tag", f"{repo.name}:v1", "v2"], env=environment, check=True, capture_output=True)
    subprocess.run([BUILD / "berth", "rm", f"{repo.name}:v2"], env=environment, check=True, capture_output=True)
    found = lines(audit)
    assert [(line["action"], line.get("reference")) for line in found][0] == ("tag-pushed", "v2")
    assert ("tag-deleted", "v2") in [(line["action"], line.get("reference")) for line in found]
    assert {(line["user"], line["how"]) for line in found} == {(pwd.getpwuid(os.getuid()).pw_name, "command")}
    assert image.digest in {line.get("digest") for line in found}


def test_what_cannot_be_written_is_said(start_cgi, tmp_path):
    """And nobody waits for it: the change was made."""
    front = start_cgi(audit=tmp_path / "no/such/audit.log")
    process = front.spawn("POST", "/v2/a/blobs/uploads/?digest=" + oci.digest_of(b"abc"), {}, b"abc")
    output, log = process.communicate(b"abc", timeout=60)
    assert front.response("POST", output).status == 201
    assert b"audit.log: No such file or directory: lines are lost until that is cured" in log


@pytest.fixture
def short():
    """A directory whose path leaves room for the name of a socket."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.mark.parametrize("to, name", [("syslog", "dev-log"), ("journal", "socket")])
def test_the_systems_log(start_cgi, short, to, name):
    """By its socket, which here is one of ours: in a mount namespace where /run is another."""
    (short / "run/systemd/journal").mkdir(parents=True)
    script = f'mount --bind {short}/run /run && {{ [ -L /dev/log ] || mount --bind /run/systemd/journal/dev-log /dev/log; }} && exec "$@"'
    front = start_cgi(audit=to)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(short / "run/systemd/journal" / name))
        listener.settimeout(60)
        data = b"abc"
        target = "/v2/a/blobs/uploads/?digest=" + oci.digest_of(data)
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script if to == "syslog" else script.replace("[ -L /dev/log ]", "true"),
                               "sh", BUILD / "berth.fcgi"], input=data, capture_output=True,
                              env=front.environment("POST", target, {}, data) | {"PATH": os.environ["PATH"]}, timeout=60)
        assert b"Status: 201" in done.stdout, done
        text = listener.recv(65536).decode()
    assert ("berth-audit[" if to == "syslog" else "SYSLOG_IDENTIFIER=berth-audit\nMESSAGE={") in text
    assert json.loads(text[text.index("{"):])["action"] == "blob-pushed"


# The access log.


def test_access_log(start_cgi, site, tmp_path):
    accesses = tmp_path / "access.log"
    front = start_cgi(conf=site.conf, access_log=accesses)
    front.env |= {"REMOTE_ADDR": "192.0.2.7", "SERVER_PROTOCOL": "HTTP/1.1"}
    data = b"abcdef"
    front.request("POST", "/v2/public/a/blobs/uploads/?digest=" + oci.digest_of(data), basic("alice", access.USERS["alice"]), data,
                  variables={"REQUEST_URI": "/v2/public/a/blobs/uploads/?digest=x"})
    front.request("GET", "/v2/public/a/blobs/" + oci.digest_of(data), {"X-Request-Id": ID, "User-Agent": "a b", "Referer": "r"})
    front.request("HEAD", "/v2/none/such")
    rows = [COMBINED.fullmatch(row).groups() for row in accesses.read_text().splitlines()]
    assert [row[:2] for row in rows] == [("192.0.2.7", "alice"), ("192.0.2.7", "-"), ("192.0.2.7", "-")]
    assert rows[0][3:8] == ("POST", "/v2/public/a/blobs/uploads/?digest=x", "HTTP/1.1", "201", "0") and rows[0][12] == "6"
    assert rows[1][6:11] == ("200", "6", "r", "a b", ID) and rows[1][12] == "0"
    assert rows[2][3:8] == ("HEAD", "/v2/none/such", "HTTP/1.1", "404", "0")
    assert all(0 < float(row[11]) < 60 and int(row[13]) > 1 for row in rows)
