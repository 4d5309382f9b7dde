# SPDX-License-Identifier: Apache-2.0
"""Large layers whose clients say how long they are: they are stored while they come, on every front, so that the answer
follows the last byte soon. containerd, and docker with it, waits for no more than 30 seconds."""

import contextlib

import pytest

from tests.admin.conftest import Serve
from tests.conftest import running_front
from tests.lib import access, client, oci
from tests.lib.oci import complete, expect, expect_progress, expect_stored
from tests.lib.servers import command_line
from tests.lib.stores import assert_unchanged
from tests.lib.workers import busy_workers, wait_for, wait_until_idle
from tests.live.conftest import SERVERS
from tests.live.test_broken_clients import HOW, break_off

LARGE, PART = 20_000_000, 12_000_000
SPOOLING = ["lighttpd", "lighttpd-socket"]  # where other bodies come to berth whole


@pytest.fixture(scope="module", params=[*SERVERS, "serve"])
def front(request, tmp_path_factory):
    with (Serve(tmp_path_factory.mktemp("serve")) if request.param == "serve" else
          running_front(request.param, workers=4)) as front:
        yield front


@pytest.fixture(scope="module", params=SPOOLING)
def spooling(request):
    with running_front(request.param, workers=2, workers_max=4) as front:
        yield front


def begin(front, method, target, blob, headers=()):
    """Sends the head of a request, and a part of its body."""
    connection = client.connect(front.port)
    connection.sendall(client.request_head(method, target, {"Content-Length": str(len(blob.data)), **dict(headers)}))
    connection.sendall(blob.data[:PART])
    return connection


def session_size(front, repo):
    """Bytes in the only upload session of a repository."""
    data, = (front.root / "docker/registry/v2/repositories" / repo.name / "_uploads").glob("*/data")
    return data.stat().st_size


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_23_a_large_layer_is_stored_while_it_comes(front, method):
    """All but a MiB of what was sent, while the client still has the rest."""
    repo, blob = oci.Repository(front, f"silence/{method.lower()}"), oci.blob(LARGE)
    location = repo.start_upload()
    with begin(front, method, complete(location, blob.digest) if method == "PUT" else location, blob) as connection:
        wait_for(lambda: session_size(front, repo) > PART - (1 << 20))
        connection.sendall(blob.data[PART:])
        response = client.receive(connection)
    if method == "PATCH":
        response = repo.close_upload(expect_progress(response, 202, LARGE), blob.digest)
    expect_stored(repo, response, blob)


@HOW
def test_23_a_large_layer_that_is_broken_off_leaves_nothing(spooling, how):
    """As a small one, of which berth never hears: the session stays as it was, and can be finished."""
    repo, blob = oci.Repository(spooling, f"broken/{how}"), oci.blob(LARGE)
    location = expect_progress(repo.send_chunk(repo.start_upload(), blob.data[:1000]), 202, 1000)
    break_off(spooling, how, "PATCH", location, {"Content-Type": oci.OCTET_STREAM}, blob.data[1000:PART], LARGE - 1000)
    expect_progress(spooling.request("GET", location), 204, 1000)
    expect_stored(repo, repo.close_upload(location, blob.digest, blob.data[1000:], 1000), blob)


def test_23_a_large_layer_that_is_refused(spooling):
    """The answer does not wait for its end."""
    blob = oci.blob(LARGE)
    target = "/v2/silence/refused/blobs/uploads/b755c01e-2391-4050-833e-285e84a1a3fd"
    with assert_unchanged(spooling.root), client.connect(spooling.port) as connection:
        connection.sendall(client.request_head("PATCH", target, {"Content-Length": str(LARGE)}) + blob.data[:1000])
        oci.expect_error(client.receive(connection), 404, "BLOB_UPLOAD_UNKNOWN")


def own_processes(front):
    """Those that lighttpd started for one layer each: programs that are no pool's."""
    return [pid for pid in front.program_pids() if b"--workers" not in command_line(pid)]


def test_23_small_and_chunked_bodies_hold_no_worker(spooling):
    """They still wait in lighttpd's spool; a large one has the only process that is busy: a worker, or one of its own where
    lighttpd may start that."""
    repo, blob = oci.Repository(spooling, "silence/held"), oci.blob(LARGE)
    own = spooling.name == "lighttpd"
    small = client.request_head("PATCH", repo.start_upload(), {"Content-Length": "9999999"}) + b"x"
    endless = client.request_head("PATCH", repo.start_upload(), {"Transfer-Encoding": "chunked"}) + b"1\r\nx\r\n"
    with client.connect(spooling.port) as first, client.connect(spooling.port) as second:
        first.sendall(small)
        second.sendall(endless)
        with begin(spooling, "PATCH", repo.start_upload(), blob):
            wait_for(lambda: own_processes(spooling) if own else busy_workers(spooling))
            expect(repo.get("tags/list"), 404)
            wait_for(lambda: len(busy_workers(spooling)) == (0 if own else 1))  # the others would keep theirs
            assert len(own_processes(spooling)) == (1 if own else 0)
    wait_until_idle(spooling)
    wait_for(lambda: not own_processes(spooling))


@pytest.mark.parametrize("name", SPOOLING)
def test_23_who_may_not_push_does_not_get_that_far(name):
    """The gate is asked first, as for what is spooled."""
    alice = access.basic("alice", access.USERS["alice"])
    with access.site() as site, running_front(name, env=site.env) as front:
        location = expect(front.request("POST", "/v2/private/app/blobs/uploads/", alice, b""), 202).headers["Location"]
        blob = oci.blob(LARGE)
        with client.connect(front.port) as connection:
            connection.sendall(client.request_head("PATCH", location, {"Content-Length": str(LARGE)}) + blob.data[:1000])
            oci.expect_error(client.receive(connection), 401, "UNAUTHORIZED")
        expect_progress(front.request("PATCH", location, alice, blob.data), 202, LARGE)


@pytest.fixture(scope="module", params=["lighttpd", "serve"])
def narrow(request, tmp_path_factory):
    """One worker, and lighttpd that runs as its user."""
    with (Serve(tmp_path_factory.mktemp("serve"), "--workers", "1", "--workers-max", "1") if request.param == "serve" else
          running_front(request.param, workers=1)) as front:
        yield front


def test_23_a_slow_client_with_a_large_layer_holds_no_worker(narrow):
    """Three of them, and one worker, which answers others meanwhile; then the layers come to their end."""
    repo, blob = oci.Repository(narrow, "silence/slow"), oci.blob(LARGE)
    locations = [repo.start_upload() for _ in range(3)]
    with contextlib.ExitStack() as opened:
        slow = [opened.enter_context(begin(narrow, "PATCH", location, blob)) for location in locations]
        sessions = narrow.root / "docker/registry/v2/repositories" / repo.name / "_uploads"
        wait_for(lambda: all(data.stat().st_size > PART - (1 << 20) for data in sessions.glob("*/data")))
        expect(repo.get("tags/list"), 404)
        for connection in slow:
            connection.sendall(blob.data[PART:])
            location = expect_progress(client.receive(connection), 202, LARGE)
            expect_stored(repo, repo.close_upload(location, blob.digest), blob)
    assert not list(sessions.glob("*"))
