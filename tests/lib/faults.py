# SPDX-License-Identifier: Apache-2.0
"""Commands under the library that counts their steps, and has a fault at one of them: tests/fault/fault.c."""

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.lib.paths import BUILD

LIBRARY = BUILD / "tests/fault/libfault.so"
STATE_SIZE = 256  # of fault.c's struct state


@dataclass
class Seen:
    """What the library saw."""

    steps: int
    struck: str  # the call that the fault hit, "" if none


def make_library():
    subprocess.run(["make", "-s", "-C", BUILD, LIBRARY.relative_to(BUILD)], check=True)


def environment(state: Path, fault: str | None = None) -> dict:
    """For a command with a fault such as "kill 3". `state` is a file that is written here."""
    state.write_bytes(bytes(STATE_SIZE))
    return {"LD_PRELOAD": str(LIBRARY), "FAULT_STATE": str(state), **({"FAULT": fault} if fault else {})}


def seen(state: Path) -> Seen:
    data = state.read_bytes()
    return Seen(int.from_bytes(data[:8], "little"), data[8:].split(b"\0")[0].decode())


def start_and_stop(command, state: Path, step: int) -> subprocess.Popen:
    """Starts the command, and returns when it stands still before that step."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, **environment(state, f"stop {step}")})
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP, f"{command}: {status}"
    return process
