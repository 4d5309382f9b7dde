# SPDX-License-Identifier: Apache-2.0
"""What a run of tests leaves behind on the machine: its own processes and mounts, never those of others who use it."""

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE, MS_SHARED = 0x4000, 1 << 18, 1 << 20

libc = ctypes.CDLL(None, use_errno=True)


def supervise(main: Callable[[], int]) -> int:
    """Runs main in a child. Processes that lose their parent on the way become children of this one, which tells those of
    the run from all others, and buries them as init would."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    worker = os.fork()
    if worker == 0:
        status = 1
        try:
            status = main()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker gets it, too
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(worker, number))
    while True:
        pid, status = os.wait()
        if pid == worker:
            return abs(os.waitstatus_to_exitcode(status))


def children() -> dict[int, list[int]]:
    """Of each process."""
    found = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue  # it is gone
        state, parent = text.rpartition(")")[2].split()[:2]
        if state != "Z":
            found.setdefault(int(parent), []).append(pid)
    return found


def processes(top: int, but: int) -> dict[int, str]:
    """The command lines of all that descend from a process, without one of them."""
    below, todo, found = children(), [top], {}
    while todo:
        for pid in below.get(todo.pop(), ()):
            if pid != but:
                todo.append(pid)
                found[pid] = command_line(pid)
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def mounts() -> set[str]:
    """Those that this process sees, network namespaces that have a name among them."""
    return {" ".join(line.split()[:5]) for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def separate_mounts():
    """From here on only this process and what it starts see what they mount. Only root can, and only root mounts."""
    if os.geteuid() != 0:
        return
    shared = any(" / / " in line and " shared:" in line for line in Path("/proc/self/mountinfo").read_text().splitlines())
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for flags in (MS_PRIVATE, *((MS_SHARED,) if shared else ())):
        if libc.mount(b"none", b"/", None, MS_REC | flags, None) != 0:
            raise OSError(ctypes.get_errno(), "mount")


class Watch:
    """Begun in the child of supervise()."""

    def __init__(self):
        separate_mounts()
        self.known = set(self._look())

    def left(self, patience: float = 20) -> list[str]:
        """What there is more than before. Whoever is about to end has time for it. Each thing is told once."""
        deadline = time.monotonic() + patience
        while (found := set(self._look()) - self.known) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.known |= found
        return sorted(found)

    def _look(self) -> list[str]:
        return [*(f"process {pid} {text}" for pid, text in processes(os.getppid(), os.getpid()).items()),
                *(f"mount {line}" for line in mounts())]
