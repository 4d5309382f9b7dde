# SPDX-License-Identifier: Apache-2.0
"""Bodies from those who may not send one, bodies that do not come, and the errors that web servers make themselves."""

import concurrent.futures
import contextlib
import os
import socket
import threading
import time

import pytest

from tests.conftest import running_front
from tests.lib import access, client, oci
from tests.lib.access import USERS, basic
from tests.lib.oci import expect, expect_error
from tests.lib.spool import sent_without_waiting
from tests.live.conftest import SERVERS

MIB = 1 << 20
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.fixture(scope="module", params=SERVERS)
def guarded(request):
    """berth itself checks passwords and tokens; the web server lets everybody come."""
    with access.site() as site, running_front(request.param, env=site.env) as front:
        yield front


TARGETS = {
    "a layer": ("PATCH", "/v2/private/app/blobs/uploads/b755c01e-2391-4050-833e-285e84a1a3fd"),
    "a whole layer": ("POST", "/v2/private/app/blobs/uploads/?digest=" + oci.digest_of(b"x")),
    "the end of a layer": ("PUT", "/v2/private/app/blobs/uploads/b755c01e-2391-4050-833e-285e84a1a3fd?digest=" +
                           oci.digest_of(b"x")),
    "a manifest": ("PUT", "/v2/private/app/manifests/latest"),
    "a token": ("POST", "/token"),
    "an unknown path": ("POST", "/v2/unknown"),
    "a GET": ("GET", "/v2/private/app/tags/list"),
    "a DELETE": ("DELETE", "/v2/private/app/manifests/latest"),
    "another method": ("PROPFIND", "/v2/private/app/manifests/latest"),
}
STRANGERS = {"nobody": {}, "a wrong password": basic("alice", "wrong"), "no token": access.bearer("x.y.z")}


@pytest.mark.parametrize("announced", [10 << 30, None], ids=["content-length", "chunked"])
@pytest.mark.parametrize("what", TARGETS)
def test_10_nobody_fills_the_disk_without_a_login(guarded, what, announced):
    method, target = TARGETS[what]
    for who, headers in STRANGERS.items():
        taken = sent_without_waiting(guarded, method, target, headers, announced)
        assert taken <= MIB, f"{who} sent {taken} bytes"


def test_10_a_login_lets_a_body_pass(guarded):
    """The same requests by who may send them."""
    alice = basic("alice", USERS["alice"])
    blob = oci.blob(3 * MIB)
    expect(guarded.request("POST", f"/v2/private/app/blobs/uploads/?digest={blob.digest}",
                           {**alice, "Content-Type": "application/octet-stream"}, blob.data), 201)
    started = expect(guarded.request("POST", "/v2/private/app/blobs/uploads/", alice, b""), 202)
    location = started.headers["Location"]
    expect(guarded.request("PATCH", location, alice, iter([blob.data, b"more"])), 202)
    response = guarded.request("GET", f"/v2/private/app/blobs/{blob.digest}", alice)
    assert response.body == blob.data


def test_10_a_refusal_is_answered_before_the_body(guarded):
    """Who waits for `100 Continue` learns that he may not, and sends nothing. Apache asks for the body in any case, and gives
    the same answer when it has come."""
    with client.connect(guarded.port) as connection:
        connection.sendall(client.request_head("PUT", "/v2/private/app/manifests/latest",
                                               {"Content-Length": "100000", "Expect": "100-continue"}))
        if "apache" in guarded.name:
            assert connection.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE
            connection.sendall(bytes(100000))
        response = client.receive(connection)
    expect_error(response, 401, "UNAUTHORIZED")


@pytest.mark.parametrize("names", [("Content_Length", "Content-Length"), ("Content-Length", "Content_Length")],
                         ids=["before", "behind"])
def test_10_a_second_length_counts_for_nothing(guarded, names):
    """CGI has one name for both, and lighttpd hands both over: who may push could have a manifest of any length spooled."""
    headers = {**basic("alice", USERS["alice"]), **dict.fromkeys(names, "5")}  # the size takes the place of the right one
    target = "/v2/private/app/manifests/latest"
    taken = sent_without_waiting(guarded, "PUT", target, headers, 24 * MIB)
    assert taken <= MIB
    body = oci.index([]).data
    response = guarded.request("PUT", target, {**headers, "Content-Length": str(len(body))}, body)
    expect(response, 400 if "lighttpd" in guarded.name else 201)  # the others let no such header pass


def test_10_what_is_too_long_for_its_route(guarded):
    alice = basic("alice", USERS["alice"])
    manifest = bytes(5 * MIB)
    expect_error(guarded.request("PUT", "/v2/private/app/manifests/latest", alice, manifest), 413,
                 "MANIFEST_INVALID")


@pytest.mark.parametrize("name", SERVERS)
def test_12_slow_forms_hold_nobody_up(name):
    """More forms to /token than there are workers, two bytes a second each: others are served meanwhile."""
    with access.site() as site, running_front(name, env=site.env, workers=2, workers_max=2) as front:
        form = b"grant_type=password&service=berth&username=eve&password=" + b"x" * 4000
        stop = threading.Event()

        def slow():
            with client.connect(front.port) as connection:
                connection.sendall(client.request_head("POST", "/token", {
                    "Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form))}))
                for byte in form:
                    with contextlib.suppress(OSError):
                        connection.sendall(bytes([byte]))
                    if stop.wait(0.5):
                        return

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(slow) for _ in range(6)]
            try:
                time.sleep(1)  # they are on their way
                for _ in range(20):
                    expect(front.request("GET", "/v2/", basic("alice", USERS["alice"])), 200)
            finally:
                stop.set()
            for each in waiting:
                each.result()


@pytest.mark.parametrize("target", ["/v2/{name}/blobs/uploads/", "/v2/{name}/blobs/uploads/?mount={digest}", "/token",
                                    "/v2/{name}/blobs/uploads/?digest={digest}", "/v2/"])
def test_20_a_post_without_content_length(front, target):
    """`curl -X POST` begins an upload. Elsewhere it is an error as any other."""
    name, digest = "bodies/post", oci.digest_of(b"")
    target = target.format(name=name, digest=digest)
    with client.connect(front.port) as connection:
        connection.sendall(client.request_head("POST", target))
        response = client.receive(connection, "POST")
    if target.endswith("/uploads/"):
        location = expect(response, 202).headers["Location"]
        expect(front.request("PUT", f"{location}?digest={oci.digest_of(b'x')}", body=b"x"), 201)
    elif response.status not in (201, 202):
        assert response.headers["Content-Type"] == "application/json"
        assert response.json()["errors"][0]["code"], response


def test_20_nothing_else_is_taken_up_again(front):
    """What a client sends of what a server's error handler gets counts for nothing."""
    forged = {"Redirect-Status": "411", "Request-Uri": "/v2/a/blobs/uploads/"}
    for method in ("GET", "POST", "PUT"):
        response = front.request(method, "/v2/_error", forged, b"" if method != "GET" else None)
        assert response.status in (400, 404), response
        assert response.json()["errors"]


def expect_json(response, *statuses):
    assert response.status in statuses, response
    assert response.headers["Content-Type"].startswith("application/json"), response
    error, = response.json()["errors"]
    assert error["code"].isupper() and error["message"]


def test_20_errors_of_the_server_are_json(front):
    expect_json(front.request("GET", "/v2/" + "a" * 9000), 400, 403, 404, 414)
    expect_json(front.request("POST", "/token", body=bytes(5 * MIB)), 400, 404, 413)
    expect_json(front.request("BREW", "/v2/"), 405)


@pytest.mark.parametrize("name", SERVERS)
def test_20_without_workers_too(name):
    """berth does not run: what the server says of it is JSON."""
    with running_front(name) as front:
        expect(front.request("GET", "/v2/"), 200)  # all has started
        (front.home / "libexec/berth/berth.fcgi").unlink()
        for process in front.processes[:-1]:  # those that systemd would start
            process.terminate()
            process.wait()
        deadline = time.monotonic() + 20
        response = None
        while not response or response.status < 400:
            assert time.monotonic() < deadline
            front.kill_program()
            with contextlib.suppress(ConnectionResetError):  # of a process that was killed with it
                response = front.request("GET", "/v2/")
        expect_json(response, 403, 404, 500, 502, 503)
