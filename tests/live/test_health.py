# SPDX-License-Identifier: Apache-2.0
"""/readyz behind each web server: on a full disk, and with a file system that hangs."""

import contextlib
import time
from pathlib import Path

import pytest

from tests.cgi.test_only_health import HEALTHY
from tests.conftest import running_front
from tests.lib import oci
from tests.lib.mounts import hanging
from tests.lib.oci import expect
from tests.lib.ramdisk import ramdisk
from tests.live.conftest import SERVERS

PATIENCE = 30


def await_answer(front, status) -> dict:
    """The answer of /readyz once it has this status: each worker gives its last one for a second."""
    deadline = time.monotonic() + PATIENCE
    while (response := front.request("GET", "/readyz")).status != status:
        assert time.monotonic() < deadline, response
        time.sleep(0.1)
    return response.json()


@pytest.mark.parametrize("server", SERVERS)
def test_a_full_disk(server):
    """It is not ready for a push any more, and pulls go on."""
    with ramdisk("4M") as disk, running_front(server, root=disk, env={"BERTH_READY_ROOM": str(1 << 20)}) as front:
        repo = oci.Repository(front)
        blob = repo.push_blob(oci.blob(1000))
        assert await_answer(front, 200) == HEALTHY
        (disk / "ballast").write_bytes(bytes(3 << 20))
        assert await_answer(front, 503)["reason"] == "storage-full"
        assert expect(repo.get(f"blobs/{blob.digest}"), 200).body == blob.data
        for target in ("/livez", "/readyz?for=pull"):
            assert expect(front.request("GET", target), 200).json() == HEALTHY
        (disk / "ballast").unlink()
        assert await_answer(front, 200) == HEALTHY


@pytest.mark.parametrize("server", ["lighttpd", "nginx"])
def test_a_file_system_that_hangs(server):
    """Who asks is told so within seconds, again and again, and the workers serve on."""
    with running_front(server) as front:
        assert await_answer(front, 200) == HEALTHY
        with hanging(front.root):
            assert await_answer(front, 503)["reason"] == "storage-slow"
            for _ in range(4):  # more than there are workers: none of them waits for the file system
                assert expect(front.request("GET", "/readyz"), 503).json()["reason"] == "storage-slow"
            assert expect(front.request("GET", "/livez"), 200).json() == HEALTHY
        assert await_answer(front, 200) == HEALTHY


def children(pid) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return []


def test_one_child_waits_however_often_it_is_asked():
    """Which cannot be killed before the file system answers; and nobody is told to wait for it."""
    with running_front("nginx") as front:
        assert await_answer(front, 200) == HEALTHY
        workers = front.worker_pids()
        with hanging(front.root, taken=True):
            assert await_answer(front, 503)["reason"] == "storage-slow"
            deadline = time.monotonic() + 4  # each worker gives its answer for a second, and then looks again
            while time.monotonic() < deadline:
                asked = time.monotonic()
                assert expect(front.request("GET", "/readyz"), 503).json()["reason"] == "storage-slow"
                assert time.monotonic() - asked < PATIENCE / 2
                assert all(len(children(pid)) <= 1 for pid in workers)
            assert any(children(pid) for pid in workers)
        assert await_answer(front, 200) == HEALTHY
        assert front.worker_pids() == workers
