# SPDX-License-Identifier: Apache-2.0
"""A layer of 5 GiB, which is beyond what 32 bits count and beyond Apache's default limit, and the memory that it takes."""

import contextlib
import hashlib
import os
import threading
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import client, oci
from tests.lib.oci import complete, expect, expect_progress

MIB, GIB = 1 << 20, 1 << 30
WORKER_LIMIT, SERVER_LIMIT = 10 * MIB, 50 * MIB

# Seconds: a server that spools, and a slow disk.
TIMEOUT = 600


class Layer:
    """Megabytes of noise, each with its number in front, so that none can be lost or take the place of another."""

    def __init__(self, size):
        self.size = size
        self.noise = os.urandom(MIB - 8)
        digest = hashlib.sha256()
        for block in self.blocks():
            digest.update(block)
        self.digest = f"sha256:{digest.hexdigest()}"

    def block(self, number):
        return number.to_bytes(8, "big") + self.noise

    def blocks(self):
        return map(self.block, range(self.size // MIB))

    def read(self, first, last):
        """The bytes of a range, as HTTP counts them."""
        start = first // MIB
        data = b"".join(map(self.block, range(start, last // MIB + 1)))
        return data[first - start * MIB : last + 1 - start * MIB]


def roomy_directory(size):
    """Memory where there is plenty and programs may lie in it: disks take minutes for this. Else where temporary files
    belong."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        return None
    status = os.statvfs(memory)
    meminfo = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    room = min(status.f_bavail * status.f_frsize, int(meminfo["MemAvailable"].split()[0]) * 1024)
    return memory if room > 3 * size and not status.f_flag & os.ST_NOEXEC else None


class PeakMemory:
    """The most resident memory that any process of a front, by its program's name, has had while this is open."""

    def __init__(self, front):
        self.front, self.peaks = front, defaultdict(int)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def _look(self):
        for pid in self.front.pids():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, KeyError):  # KeyError: a zombie has none
                status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
                name = status["Name"].strip()
                self.peaks[name] = max(self.peaks[name], int(status["VmHWM"].split()[0]) * 1024)

    def _watch(self):
        while not self.stopped.wait(0.1):
            self._look()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def check(self):
        for name, peak in self.peaks.items():
            assert peak <= (WORKER_LIMIT if name == "berth.fcgi" else SERVER_LIMIT), f"{name}: {peak / MIB:.1f} MiB"
        assert "berth.fcgi" in self.peaks
        assert len(self.peaks) > 1  # the server's


def send(front, method, target, layer, framing):
    headers = {"Content-Type": oci.OCTET_STREAM}
    if framing == "content-length":
        headers["Content-Length"] = str(layer.size)
    with client.connect(front.port, timeout=TIMEOUT) as connection:
        client.send(connection, method, target, headers, layer.blocks())
        return client.receive(connection)


def push(repo, layer, framing):
    """With its length as containerd pushes, in chunks as docker does."""
    location = repo.start_upload()
    if framing == "content-length":
        answer = send(repo.front, "PUT", complete(location, layer.digest), layer, framing)
    else:
        location = expect_progress(send(repo.front, "PATCH", location, layer, framing), 202, layer.size)
        answer = repo.close_upload(location, layer.digest)
    assert expect(answer, 201).headers["Docker-Content-Digest"] == layer.digest
    assert expect(repo.head(f"blobs/{layer.digest}"), 200).headers["Content-Length"] == str(layer.size)


def expect_whole(repo, layer):
    """It comes back as it was sent."""
    with client.connect(repo.front.port, timeout=TIMEOUT) as connection:
        client.send(connection, "GET", f"/v2/{repo.name}/blobs/{layer.digest}")
        with connection.makefile("rb", buffering=MIB) as stream:
            while stream.readline() != b"\r\n":
                pass
            received = bytearray(MIB)
            for number, block in enumerate(layer.blocks()):
                assert stream.readinto(received) == MIB, f"ends in MiB {number}"
                assert received == block, f"differs in MiB {number}"
            assert not stream.read(1)


def expect_range(repo, layer, first, last):
    answer = expect(repo.get(f"blobs/{layer.digest}", {"Range": f"bytes={first}-{last}"}), 206)
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{layer.size}"
    assert answer.body == layer.read(first, last)


@pytest.fixture(scope="module")
def layer():
    return Layer(5 * GIB)


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
@pytest.mark.parametrize("server", ["lighttpd", "apache-fcgid", "apache-proxy", "nginx"])
def test_five_gibibytes(server, layer, framing):
    with running_front(server, within=roomy_directory(layer.size)) as front, PeakMemory(front) as memory:
        repo = oci.Repository(front)
        push(repo, layer, framing)
        expect_whole(repo, layer)
        for first in (0, 2 * GIB - 5, 4 * GIB - 5, layer.size - 10):
            expect_range(repo, layer, first, first + 9)
        expect_range(repo, layer, 4 * GIB - 32 * MIB, 4 * GIB + 32 * MIB)
    memory.check()


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_more_than_one_gibibyte_through_mod_fcgid_alone(framing):
    """By default Apache cuts it there, and passes the rest off as the whole."""
    layer = Layer(GIB + 100 * MIB)
    with running_front("apache-fcgid-only", within=roomy_directory(layer.size)) as front:
        repo = oci.Repository(front)
        push(repo, layer, framing)
        expect_range(repo, layer, GIB - 5, GIB + 5)
