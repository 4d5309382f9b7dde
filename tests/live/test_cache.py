# SPDX-License-Identifier: Apache-2.0
"""Layers that come from another registry while clients pull them, on each front."""

import os
import signal
import socket
import tempfile
import threading
from http.client import IncompleteRead
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import client, oci, upstreams
from tests.lib.oci import expect
from tests.lib.workers import wait_for

SERVERS = ["lighttpd", "apache-fcgid", "apache-proxy", "nginx"]
SIZE, STOP = 3_000_000, 1_500_000
PULLS = 10


@pytest.fixture
def upstream():
    with upstreams.running() as upstream:
        yield upstream


@pytest.fixture
def conf(upstream):
    """Where a web server's user can read it."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield upstreams.configuration(Path(directory) / "berth.conf", ("docker.io", upstream.url))


@pytest.fixture(params=SERVERS)
def front(request, conf):
    with running_front(request.param, workers=4, workers_max=2 * PULLS + 4, env={"BERTH_CONF": str(conf)}) as front:
        yield front
        wait_for(lambda: not fillers(front))


def fillers(front):
    """The processes that draw something from an upstream."""
    program = str(front.home / "libexec/berth/berth-fetch")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "exe") == program:
                found.append(int(process.name))
        except OSError:
            continue
    return found


class Pull(threading.Thread):
    """A client that pulls a layer."""

    def __init__(self, front, digest, headers=None):
        super().__init__()
        self.connection = client.connect(front.port)
        self.connection.sendall(client.request_head("GET", f"/v2/docker.io/library/app/blobs/{digest}", headers))
        self.response = self.broken = None
        self.begun = threading.Event()
        self.start()

    def run(self):
        try:
            self.connection.recv(1, socket.MSG_PEEK)
            self.begun.set()
            self.response = client.receive(self.connection)
        except (IncompleteRead, OSError) as error:
            self.broken = error
        self.connection.close()


def files(front):
    """What is left of fetches."""
    return sorted(path.suffix for path in front.root.glob("docker/registry/v2/_berth/fetch/sha256/*/*"))


def assert_bounded(front):
    """No process takes more memory than it may."""
    for pid in [*front.program_pids(), *fillers(front)]:
        status = Path(f"/proc/{pid}/status")
        peak = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")] if status.exists() else []
        assert not peak or int(peak[0].split()[1]) < 16384, peak


def test_14_clients_share_one_download(front, upstream):
    """All of them get what there is, before it is whole; one that leaves takes nothing from the others."""
    layer = oci.blob(SIZE)
    upstream.add(layer)
    upstream.stop_at = STOP
    pulls = [Pull(front, layer.digest) for _ in range(PULLS)]
    leaver = client.connect(front.port)
    leaver.sendall(client.request_head("GET", f"/v2/docker.io/library/app/blobs/{layer.digest}"))
    assert b" 200 " in leaver.recv(1024)
    leaver.close()
    assert_bounded(front)
    upstream.gate.set()
    for pull in pulls:
        pull.join()
        assert expect(pull.response, 200).body == layer.data
    assert upstream.sent == SIZE
    assert upstream.count("GET", "/blobs/") == 1
    wait_for(lambda: not fillers(front))
    assert not files(front)
    again = expect(front.request("GET", f"/v2/docker.io/library/app/blobs/{layer.digest}"), 200)
    assert again.body == layer.data
    assert upstream.sent == SIZE


def test_14_nobody_takes_what_is_wrong_for_the_whole(front, upstream):
    layer, other = oci.blob(SIZE), oci.blob(SIZE)
    upstream.blobs[layer.digest] = other.data
    upstream.stop_at = STOP
    pulls = [Pull(front, layer.digest) for _ in range(2)]
    for pull in pulls:
        assert pull.begun.wait(20)
    upstream.gate.set()
    for pull in pulls:
        pull.join()
        assert pull.broken, pull.response
    wait_for(lambda: not fillers(front))
    assert ".bad" in files(front)
    assert not list(front.root.glob("docker/registry/v2/blobs/*/*/*/data"))
    upstream.add(layer)
    assert expect(front.request("GET", f"/v2/docker.io/library/app/blobs/{layer.digest}"), 200).body == layer.data


def test_14_what_breaks_off_is_gone_on_with(front, upstream):
    """The client is told at once; the next pull draws only the rest."""
    layer = oci.blob(SIZE)
    upstream.add(layer)
    upstream.stop_at, upstream.cut = STOP, True
    pull = Pull(front, layer.digest)
    assert pull.begun.wait(20)
    upstream.gate.set()
    pull.join()
    assert pull.broken, pull.response
    wait_for(lambda: not fillers(front))
    upstream.stop_at = None
    assert expect(front.request("GET", f"/v2/docker.io/library/app/blobs/{layer.digest}"), 200).body == layer.data
    assert upstream.sent == SIZE


def test_14_a_filler_that_is_killed_is_replaced(front, upstream):
    """Its lock is free then; who waits starts another, which goes on where it ended."""
    layer = oci.blob(SIZE)
    upstream.add(layer)
    upstream.stop_at = STOP
    pulls = [Pull(front, layer.digest) for _ in range(3)]
    filler, = wait_for(lambda: upstream.sent == STOP and fillers(front))
    os.kill(filler, signal.SIGKILL)
    upstream.stop_at = None
    for pull in pulls:
        pull.join()
        assert expect(pull.response, 200).body == layer.data
    upstream.gate.set()
    assert upstream.sent <= SIZE + STOP


def test_14_the_fill_goes_on_when_all_clients_have_left(front, upstream):
    layer = oci.blob(SIZE)
    upstream.add(layer)
    upstream.stop_at = STOP
    leaver = client.connect(front.port)
    leaver.sendall(client.request_head("GET", f"/v2/docker.io/library/app/blobs/{layer.digest}"))
    wait_for(lambda: upstream.sent == STOP)
    leaver.close()
    upstream.gate.set()
    wait_for(lambda: not fillers(front))
    assert expect(front.request("GET", f"/v2/docker.io/library/app/blobs/{layer.digest}"), 200).body == layer.data
    assert upstream.sent == SIZE


def test_14_parts_of_a_cold_layer_make_one_download(front, upstream):
    """As containerd 2.1 pulls a layer."""
    layer = oci.blob(SIZE)
    upstream.add(layer)
    parts = range(0, SIZE, SIZE // 4)
    pulls = [Pull(front, layer.digest, {"Range": f"bytes={at}-{at + SIZE // 4 - 1}"}) for at in parts]
    for at, pull in zip(parts, pulls, strict=True):
        pull.join()
        assert expect(pull.response, 206).body == layer.data[at:at + SIZE // 4]
    assert upstream.sent == SIZE


def test_14_connections_are_bounded(upstream):
    layers = [oci.blob(SIZE) for _ in range(3)]
    upstream.add(*layers)
    upstream.stop_at = STOP
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        conf = upstreams.configuration(Path(directory) / "berth.conf", ("docker.io", upstream.url, 'connections = "2"'))
        with running_front("lighttpd", workers=12, env={"BERTH_CONF": str(conf)}) as front:
            pulls = [Pull(front, layer.digest) for layer in layers]
            wait_for(lambda: upstream.sent == 2 * STOP and len(fillers(front)) == 3)
            assert upstream.count("GET", "/blobs/") == 2
            upstream.gate.set()
            for layer, pull in zip(layers, pulls, strict=True):
                pull.join()
                assert expect(pull.response, 200).body == layer.data
            wait_for(lambda: not fillers(front))


def test_14_hits_are_served_while_many_wait(upstream, conf):
    """Half of the workers may wait for upstreams; who comes then is told to come again."""
    layers = [oci.blob(SIZE) for _ in range(3)]
    upstream.add(*layers)
    with running_front("lighttpd", workers=2, workers_max=4, env={"BERTH_CONF": str(conf)}) as front:
        hit = oci.Repository(front, "team/hit").push_blob(oci.blob())
        upstream.stop_at = STOP
        pulls = [Pull(front, layer.digest) for layer in layers[:2]]
        wait_for(lambda: upstream.sent == 2 * STOP)
        refused = expect(front.request("GET", f"/v2/docker.io/library/app/blobs/{layers[2].digest}"), 503)
        assert refused.headers["Retry-After"]
        assert expect(front.request("GET", f"/v2/team/hit/blobs/{hit.digest}"), 200).body == hit.data
        upstream.gate.set()
        for layer, pull in zip(layers, pulls, strict=False):
            pull.join()
            assert expect(pull.response, 200).body == layer.data
        assert expect(front.request("GET", f"/v2/docker.io/library/app/blobs/{layers[2].digest}"), 200).body == layers[2].data
        wait_for(lambda: not fillers(front))
