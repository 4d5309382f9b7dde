# SPDX-License-Identifier: Apache-2.0
"""How long a client may pause, on each front: as long as the files of etc/ say, and no longer.

They say five minutes, which the run has not: the fronts are given the same limits, shorter. BERTH_IDLE_SECONDS=300 takes the
files as they are.
"""

import contextlib
import os
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import client, oci
from tests.lib.oci import expect
from tests.lib.paths import ETC
from tests.live.conftest import SERVERS

IDLE = int(os.environ.get("BERTH_IDLE_SECONDS", 5))
TICK = 1  # servers look once a second, or count whole ones
# What a server does by itself cuts off after 60 s and more. Who waits longer here waits for such a limit.
LIMIT = IDLE + 45

SIZE = 64_000_000  # more than all buffers between a server and a client


def is_established(connection):
    """Whether the server still holds its end, by the kernel's table: a client that doesn't read would not see that."""
    port = connection.getsockname()[1]
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(int(line.split()[2].rpartition(":")[2], 16) == port and line.split()[3] == "01" for line in lines)


def seconds_until_let_go(connection):
    """From now on, for a client that is silent."""
    paused = time.monotonic()
    while is_established(connection):
        assert time.monotonic() - paused < LIMIT, "the server waits longer than its file says"
        time.sleep(0.1)
    return time.monotonic() - paused


def pause_upload(front):
    """In the middle of a body."""
    repo = oci.Repository(front)
    location = repo.start_upload()
    with client.connect(front.port, timeout=None) as connection:
        connection.sendall(client.request_head("PATCH", location, {"Transfer-Encoding": "chunked"}))
        connection.sendall(b"%x\r\n%s\r\n" % (100_000, bytes(100_000)))
        seconds = seconds_until_let_go(connection)
    expect(front.request("GET", location), 204)  # the upload can go on
    return seconds


def pause_download(front):
    digest = oci.digest_of(bytes(SIZE))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.connect(("127.0.0.1", front.port))
        connection.sendall(client.request_head("GET", f"/v2/idle/blobs/{digest}"))
        assert connection.recv(1024).startswith(b"HTTP/1.1 200")
        return seconds_until_let_go(connection)


@pytest.fixture(scope="module")
def fronts():
    with contextlib.ExitStack() as started:
        fronts = [started.enter_context(running_front(name, workers=2, idle=IDLE)) for name in SERVERS]
        for front in fronts:
            repo = oci.Repository(front, "idle")
            repo.push_blob(oci.Content(bytes(SIZE), oci.OCTET_STREAM))
        yield dict(zip(SERVERS, fronts))


@pytest.fixture(scope="module")
def paused(fronts):
    """How long each was waited for: all at once, as they take no time of the machine's."""
    cases = [(name, pause) for name in SERVERS for pause in (pause_upload, pause_download)]
    with ThreadPoolExecutor(len(cases)) as clients:
        return dict(zip(cases, [clients.submit(pause, fronts[name]) for name, pause in cases]))


@pytest.mark.parametrize("pause", [pause_upload, pause_download])
@pytest.mark.parametrize("name", SERVERS)
def test_21_a_client_may_pause(paused, name, pause):
    assert paused[name, pause].result() >= IDLE - TICK


@pytest.mark.parametrize("file, limits", [
    ("lighttpd-berth.conf", ["server.max-read-idle = 300", "server.max-write-idle = 300"]),
    ("apache-fcgid.conf.in", ["Timeout 300", "body=300,MinRate=500"]),
    ("apache-proxy.conf.in", ["Timeout 300", "body=300,MinRate=500"]),
    ("nginx.conf.in", ["client_body_timeout 300s", "send_timeout 300s"]),
])
def test_21_five_minutes(file, limits):
    text = (ETC / file).read_text()
    assert [limit for limit in limits if not re.search(rf"^ *(\w+ .*)?{re.escape(limit)}", text, re.M)] == []
