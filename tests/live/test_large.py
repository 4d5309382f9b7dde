# SPDX-License-Identifier: Apache-2.0
"""Layers of gigabytes: more than fits into 32 bits, and into the memory of a small machine."""

import contextlib
import hashlib
import http.client
import os
import random
import threading
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import client, oci
from tests.lib.oci import expect, expect_progress

SIZE = 5 << 30
PATIENCE = 600  # seconds without a byte: a server that spools hands all of it to berth before it answers

# Layers repeat this. It is no multiple of any buffer's size, so that nothing fits where it does not belong.
BLOCK = random.Random(0).randbytes((1 << 20) + 7)

WORKER_LIMIT, SERVER_LIMIT = 10 << 20, 50 << 20  # bytes resident


def pieces(size):
    """A layer of this size."""
    for _ in range(size // len(BLOCK)):
        yield BLOCK
    yield BLOCK[: size % len(BLOCK)]


@cache
def digest(size):
    sha256 = hashlib.sha256()
    for piece in pieces(size):
        sha256.update(piece)
    return f"sha256:{sha256.hexdigest()}"


def most_resident(pid):
    """The bytes that a process has ever had in memory."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) << 10


class Memory:
    """Watches all processes of a front while it is open: how much each has ever had in memory."""

    def __init__(self, front):
        self.front = front
        self.workers, self.servers = {}, {}
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.closed.set()
        self.thread.join()

    def _watch(self):
        while not self.closed.wait(0.1):
            workers = self.front.worker_pids()
            for pid in self.front.pids():
                with contextlib.suppress(OSError, KeyError):  # it is gone
                    (self.workers if pid in workers else self.servers)[pid] = most_resident(pid)


def send_layer(front, location, size, announced):
    """A PATCH of the whole, its length announced or not."""
    with client.connect(front.port) as connection:
        connection.settimeout(PATIENCE)
        if announced:
            connection.sendall(client.request_head("PATCH", location, {"Content-Length": str(size)}))
            for piece in pieces(size):
                connection.sendall(piece)
        else:
            client.send(connection, "PATCH", location, None, pieces(size))
        return expect_progress(client.receive(connection, "PATCH"), 202, size)


def push_layer(front, repo, size, announced):
    """The file of the blob; berth has verified the digest."""
    location = send_layer(front, repo.start_upload(), size, announced)
    expect(repo.close_upload(location, digest(size)), 201)
    assert expect(repo.head(f"blobs/{digest(size)}"), 200).headers["Content-Length"] == str(size)
    algorithm, _, hexadecimal = digest(size).partition(":")
    file = Path(front.root, "docker/registry/v2/blobs", algorithm, hexadecimal[:2], hexadecimal, "data")
    assert file.stat().st_size == size
    return file


def check_layer(front, repo, first=0, last=SIZE - 1, headers=None):
    """Pulls the layer, or a range of it, and compares all its bytes."""
    with client.connect(front.port) as connection:
        connection.settimeout(PATIENCE)
        client.send(connection, "GET", f"/v2/{repo.name}/blobs/{digest(SIZE)}", headers)
        with http.client.HTTPResponse(connection) as response:
            response.begin()
            assert response.status == (206 if headers else 200)
            assert response.getheader("Content-Length") == str(last - first + 1)
            assert response.getheader("Content-Range") == (f"bytes {first}-{last}/{SIZE}" if headers else None)
            start = first % len(BLOCK)
            expected = BLOCK[start:] + BLOCK[:start]
            received = bytearray(len(BLOCK))
            left = last - first + 1
            while left > 0:
                wanted = min(left, len(BLOCK))
                del received[wanted:]
                read_whole(response, received)
                assert received == expected[:wanted]
                left -= wanted


def read_whole(stream, buffer):
    view = memoryview(buffer)
    while view:
        count = stream.readinto(view)
        assert count, "the answer is cut short"
        view = view[count:]


def roomy_directory():
    """Memory where there is plenty and programs may lie in it: most disks need minutes for all this. Else None, for where
    temporary files belong."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        return None
    status = os.statvfs(memory)
    meminfo = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    room = min(status.f_bavail * status.f_frsize, int(meminfo["MemAvailable"].split()[0]) << 10)
    return memory if room > 3 * SIZE and not status.f_flag & os.ST_NOEXEC else None


@pytest.fixture(scope="module", params=["lighttpd", "apache-fcgid", "apache-proxy", "nginx"])
def large_front(request):
    with running_front(request.param, within=roomy_directory()) as front:
        yield front


@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "chunked"])
def test_in_and_out(large_front, announced):
    """Whole and by range, and no process keeps it in memory."""
    front, repo = large_front, oci.Repository(large_front)
    with Memory(front) as memory:
        file = push_layer(front, repo, SIZE, announced)
        if announced:
            check_layer(front, repo)
        for first, last in ((0, 0), ((2 << 30) - 500_000, (2 << 30) + 500_000), ((4 << 30) - 1, 4 << 30)):
            check_layer(front, repo, first, last, {"Range": f"bytes={first}-{last}"})
        check_layer(front, repo, SIZE - 3_000_000, SIZE - 1, {"Range": "bytes=-3000000"})
    file.unlink()
    assert memory.workers and memory.servers
    assert max(memory.workers.values()) < WORKER_LIMIT
    assert max(memory.servers.values()) < SERVER_LIMIT


@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "chunked"])
def test_only_mod_fcgid(announced):
    """Apache's default LimitRequestBody would cut it off at 1 GiB, and neither client nor berth would know."""
    size = 1100 << 20
    with running_front("apache-fcgid-only", within=roomy_directory()) as front:
        push_layer(front, oci.Repository(front), size, announced)
