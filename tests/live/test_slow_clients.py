# SPDX-License-Identifier: Apache-2.0
"""Clients that take their answers slowly, where berth sends the bytes and the server hands them on as they come; and clients
that send what a worker waits for."""

import socket
import threading

import pytest

from tests.conftest import running_front
from tests.lib import client, oci
from tests.lib.oci import expect
from tests.live.conftest import SERVERS

SIZE = 64_000_000  # more than all buffers between berth and a client


# mod_fcgid keeps a worker for as long as the client takes, whether the worker has ended its answer or not.
@pytest.fixture(scope="module", params=[name for name in SERVERS if name != "apache-fcgid"])
def front(request):
    with running_front(request.param, workers=1, workers_max=1,
                       env={"BERTH_SENDFILE": "off", "BERTH_CLIENT_TIMEOUT": "2"}) as front:
        oci.Repository(front, "slow").push_blob(oci.Content(bytes(SIZE), oci.OCTET_STREAM))
        yield front


def begin(front):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.settimeout(client.TIMEOUT)
    connection.connect(("127.0.0.1", front.port))
    connection.sendall(client.request_head("GET", f"/v2/slow/blobs/{oci.digest_of(bytes(SIZE))}"))
    assert connection.recv(1024).startswith(b"HTTP/1.1 200")
    return connection


def test_8_who_does_not_read_holds_no_worker(front):
    """The one worker serves the next, while the one before still has not read."""
    with begin(front):
        assert expect(front.request("GET", "/v2/slow/tags/list"), 200)


def test_8_who_reads_slowly_gets_all(front):
    """Slower than the timeout for the whole, and not for each MiB."""
    with begin(front) as connection:
        received, pause = 0, threading.Event()
        while data := connection.recv(65536):
            received += len(data)
            if received % 1_000_000 < len(data):
                pause.wait(0.05)  # 64 times
    assert received > SIZE - 1024


def test_12_who_does_not_send_a_manifest_holds_no_worker(front):
    with client.connect(front.port) as connection:
        connection.sendall(client.request_head("PUT", "/v2/slow/manifests/v1", {"Content-Length": "1000"}) + b"{")
        expect(front.request("GET", "/v2/slow/tags/list"), 200)
