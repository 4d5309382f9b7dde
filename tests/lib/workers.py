# SPDX-License-Identifier: Apache-2.0
"""What berth's processes behind a web server do just now."""

import contextlib
import os
import time
from pathlib import Path

CONNECTED = "03"  # of a Unix socket


def connected_sockets() -> set[str]:
    """The Unix sockets of connections, as links in /proc name them."""
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    return {f"socket:[{fields[6]}]" for fields in map(str.split, lines) if fields[5] == CONNECTED}


def descriptors(pid: int) -> set[str]:
    """The files that a process has open; none if it is gone."""
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.add(os.readlink(link))
    return found


def busy_workers(front) -> list[int]:
    """The processes that have a request, as they hold a connection to the web server."""
    connected = connected_sockets()
    return [pid for pid in front.worker_pids() if descriptors(pid) & connected]


def wait_for(condition, patience: float = 20):
    """What the condition returns once that is true."""
    deadline = time.monotonic() + patience
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)
    return result


def wait_until_idle(front):
    """Until no request is being served."""
    wait_for(lambda: not busy_workers(front))
