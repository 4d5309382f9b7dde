# SPDX-License-Identifier: Apache-2.0
"""Workers that are killed, or told to stop: a request that has begun is finished, and others go on."""

import contextlib
import os
import signal
import threading

import pytest

from tests.conftest import running_front
from tests.lib import client, oci
from tests.lib.oci import expect, expect_progress, expect_stored
from tests.lib.workers import busy_workers, wait_for, wait_until_idle
from tests.live.conftest import SERVERS

WORKERS = 2
SIZE, SENT = 200_000, 100_000

# Where `berth.fcgi --workers` is not started by the web server, and where that streams bodies as well.
BEHIND_A_SOCKET = ["lighttpd-socket", "apache-proxy", "nginx"]
STREAMING = ["apache-proxy", "nginx"]

STOP = [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1]


@pytest.fixture
def start():
    """Starts a front of which a test may stop what it likes. Nothing may be left of it afterwards."""
    with contextlib.ExitStack() as started:
        yield lambda server: started.enter_context(running_front(server, workers=WORKERS))


class SlowUpload:
    """A PATCH of which half is sent."""

    def __init__(self, front):
        self.repo = oci.Repository(front)
        self.blob = oci.blob(SIZE)
        self.location = self.repo.start_upload()
        wait_until_idle(front)
        self.idle = set(front.worker_pids())
        self.connection = client.connect(front.port)
        head = client.request_head("PATCH", self.location, body=self.blob.data)
        self.connection.sendall(head + self.blob.data[:SENT])

    def finish(self):
        """Sends the rest; the location where the session goes on."""
        with self.connection:
            self.connection.sendall(self.blob.data[SENT:])
            return expect_progress(client.receive(self.connection), 202, SIZE)

    def push(self):
        """Ends the session too."""
        expect_stored(self.repo, self.repo.close_upload(self.finish(), self.blob.digest), self.blob)


def wait_for_workers(front, without):
    """Until there are as many as there should be, and none of those that were to go."""
    def restored():
        workers = set(front.worker_pids())
        return len(workers) == WORKERS and not workers & set(without)
    wait_for(restored)


@pytest.mark.parametrize("server", BEHIND_A_SOCKET)
def test_idle_worker_killed(start, server):
    front = start(server)
    workers = set(front.worker_pids())
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    wait_for_workers(front, workers)
    oci.Repository(front).push_image("latest")


@pytest.mark.parametrize("server", ["lighttpd", "apache-fcgid"])
def test_worker_of_the_server_killed(start, server):
    """The server starts another: lighttpd at once, mod_fcgid when it needs one."""
    front = start(server)
    oci.Repository(front).push_image("latest")
    wait_until_idle(front)
    killed, *_ = front.worker_pids()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: killed not in front.worker_pids())
    for _ in range(2 * WORKERS):
        expect(front.request("GET", "/v2/"), 200)
    if server == "lighttpd":
        wait_for_workers(front, [killed])


def sole_parent(front) -> list[int]:
    """Empty while there are workers that are about to go, as their parent was killed: they have none either."""
    parents = list(filter(front.is_pool, front.program_pids()))
    return parents if len(parents) == 1 else []


def kill_parent(front, stopped):
    """Those who are stopped find out only when lighttpd has looked whether somebody still has the socket."""
    parent, = wait_for(lambda: sole_parent(front))
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    os.kill(parent, signal.SIGKILL)
    wait_for(lambda: parent not in front.pids())
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)


def wait_for_others(front, workers):
    """How many, depends: lighttpd's look is a connection, which one has taken for a moment."""
    wait_for(lambda: (now := set(front.worker_pids())) and not now & set(workers))


def expect_service(front):
    for _ in range(2 * WORKERS):
        expect(front.request("GET", "/v2/"), 200)


def expect_end_with_server(front):
    front.processes[-1].terminate()
    wait_for(lambda: not front.program_pids())
    assert not (front.home / "run/berth.sock-0").exists()


@pytest.mark.parametrize("standby", (False, True), ids=("at once", "late"))
@pytest.mark.parametrize("stopped", range(WORKERS + 1))
def test_parent_killed_that_lighttpd_started(start, stopped, standby):
    """Another takes its place, and that one's."""
    front = start("lighttpd")
    wait_for(lambda: len(front.worker_pids()) == WORKERS)
    for _ in range(2):
        workers, waiting = front.worker_pids(), wait_for(front.standby_pids)
        kill_parent(front, [*workers[:stopped], *(waiting if standby else ())])
        wait_for_others(front, workers)
        expect_service(front)
    oci.Repository(front).push_image("latest")
    expect_end_with_server(front)


def test_parent_and_all_workers_killed_of_a_service_that_lighttpd_does_not_know(start):
    """Nobody is left but who waits for that."""
    front = start("lighttpd")
    kill_parent(front, wait_for(front.standby_pids))
    for _ in range(3):
        parent, = wait_for(lambda: sole_parent(front))
        standby, = wait_for(front.standby_pids)
        os.kill(standby, signal.SIGKILL)
        wait_for(lambda killed=standby: set(front.standby_pids()) - {killed})
        while workers := front.worker_pids():
            for pid in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        os.kill(parent, signal.SIGKILL)
        wait_for(lambda killed=parent: killed not in front.pids())
    wait_for_others(front, workers)
    expect_service(front)
    expect_end_with_server(front)


@pytest.mark.parametrize("server", STREAMING)
def test_worker_killed_during_an_upload(start, server):
    """Of that nothing is kept; the next request finds another worker."""
    front = start(server)
    upload = SlowUpload(front)
    worker, = wait_for(lambda: busy_workers(front))
    os.kill(worker, signal.SIGKILL)
    expect(front.request("GET", "/v2/"), 200)
    upload.connection.close()
    wait_for_workers(front, [worker])
    location = expect_progress(front.request("GET", upload.location), 204, 0)
    expect_stored(upload.repo, upload.repo.close_upload(location, upload.blob.digest, upload.blob.data), upload.blob)


def test_worker_killed_behind_a_spooling_server(start):
    """Its client learns of it, and the next request works at once."""
    front = start("lighttpd-socket")
    repo = oci.Repository(front)
    location = repo.start_upload()
    wait_until_idle(front)
    blob = oci.Content(bytes(100_000_000))
    answers, taken = [], threading.Event()

    def pieces():
        """Without a length they are spooled. Once most are taken the gate, which is asked first, is no longer busy."""
        for at in range(0, len(blob.data), 1 << 20):
            yield blob.data[at:at + (1 << 20)]
        taken.set()

    sending = threading.Thread(target=lambda: answers.append(repo.send_chunk(location, pieces())))
    sending.start()
    assert taken.wait(60)
    worker, = wait_for(lambda: busy_workers(front))
    os.kill(worker, signal.SIGKILL)
    sending.join()
    expect(answers[0], 500)
    expect(front.request("GET", "/v2/"), 200)
    expect_progress(front.request("GET", location), 204, 0)
    wait_for_workers(front, [worker])
    expect_stored(repo, repo.close_upload(location, blob.digest, blob.data), blob)


@pytest.mark.parametrize("number", STOP, ids=lambda number: number.name)
@pytest.mark.parametrize("server", STREAMING)
def test_worker_stopped_during_an_upload(start, server, number):
    """It takes the rest of the body, answers, and goes; another takes its place."""
    front = start(server)
    upload = SlowUpload(front)
    worker, = wait_for(lambda: busy_workers(front))
    os.kill(worker, number)
    expect(front.request("GET", "/v2/"), 200)
    assert worker in busy_workers(front)
    location = upload.finish()
    wait_for_workers(front, [worker])
    expect_stored(upload.repo, upload.repo.close_upload(location, upload.blob.digest), upload.blob)


@pytest.mark.parametrize("number", [*STOP, signal.SIGKILL], ids=lambda number: number.name)
@pytest.mark.parametrize("server", STREAMING)
def test_parent_stopped_during_an_upload(start, server, number):
    """All workers go, but one of them finishes its request before; even if their parent could not tell them."""
    front = start(server)
    parent, _ = front.processes
    upload = SlowUpload(front)
    worker, = wait_for(lambda: busy_workers(front))
    parent.send_signal(number)
    wait_for(lambda: set(front.worker_pids()) <= {worker})
    upload.finish()
    assert parent.wait(20) == (-number if number == signal.SIGKILL else 0)
    wait_for(lambda: not front.worker_pids())


@pytest.mark.parametrize("server", SERVERS)
def test_graceful_restart_during_an_upload(start, server):
    """As logrotate and package managers make the web server do it."""
    front = start(server)
    upload = SlowUpload(front)
    if server == "apache-fcgid":  # it has begun when its CGI runs; to others mod_cgid answers 503 while it restarts
        wait_for(lambda: set(front.worker_pids()) - upload.idle)
    before = front.worker_pids()
    front.processes[-1].send_signal(signal.SIGHUP if server == "nginx" else signal.SIGUSR1)
    location = upload.finish()
    blob = oci.blob()
    wait_for(lambda: expect(upload.repo.request("POST", oci.complete("blobs/uploads/", blob.digest), body=blob.data),
                            201, 503).status == 201)
    expect_stored(upload.repo, upload.repo.close_upload(location, upload.blob.digest), upload.blob)
    oci.Repository(front).push_image("latest")
    if server == "lighttpd":
        wait_for_workers(front, before)
