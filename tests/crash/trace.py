# SPDX-License-Identifier: Apache-2.0
"""Commands under the recorder, and what they changed."""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lib.paths import BUILD

RECORDER = BUILD / "tests/crash/record"


@dataclass(frozen=True)
class Event:
    """A call that took effect; paths are relative to the recorded directory."""

    call: str
    path: str = ""
    other: str = ""
    offset: int = 0
    length: int = 0
    data: bytes = b""
    now: int = 0

    @property
    def is_sync(self) -> bool:
        return self.call in ("fsync", "syncfs")

    def __str__(self):
        return " ".join(filter(None, (self.call, self.path, self.other)))


def read_log(log: Path) -> list[Event]:
    """What is in it so far."""
    events, at, now = [], 0, int(time.time())
    lines = log.read_text().split("\n")[:-1]
    data = Path(f"{log}.data").read_bytes()
    for line in lines:
        call, path, other, offset, length = line.split("\t")
        piece = b""
        if call == "write":
            piece = data[at:at + int(length)]
            at += int(length)
        if call != "symlink":
            events.append(Event(call, path, other, int(offset), int(length), piece, now))
    return events


@dataclass(frozen=True)
class Recorded:
    status: int
    output: bytes
    errors: bytes
    events: list

    @property
    def killed(self) -> bool:
        return self.status == 128 + 9


def record(root: Path, argv, env: Mapping[str, str], body: bytes = b"", *, old_before: int = 0, kill_at: int = 0,
           patience: float = 60) -> Recorded:
    """Runs it to its end, or until it is killed: before its kill_at-th change, or because it waits too long for a lock."""
    log = root.parent / "log"
    options = ["-a", old_before] if old_before else []
    options += ["-k", kill_at] if kill_at else []
    process = subprocess.Popen([*map(str, (RECORDER, *options, root, log, *argv))], env=dict(env), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        output, errors = process.communicate(body, timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()  # and what it traces goes with it
        output, errors = process.communicate()
    assert process.returncode != 125, errors.decode()
    return Recorded(process.returncode, output, errors, read_log(log))


class Paused:
    """A command that stands still before one of its changes, until it is let go on."""

    def __init__(self, root: Path, argv, env: Mapping[str, str], body: bytes, *, old_before: int, pause_at: int):
        self.log = root.parent / "log-paused"
        given = root.parent / "body-paused"
        given.write_bytes(body)
        # Its standard input is the recorder's, by which that is told to go on.
        self.output = open(root.parent / "output-paused", "w+b")
        shell = 'exec "$@" <"$BODY" >"$OUTPUT" 2>&1'
        self.process = subprocess.Popen(
            [*map(str, (RECORDER, "-a", old_before, "-p", pause_at, root, self.log, "sh", "-c", shell, "sh", *argv))],
            env={**env, "BODY": str(given), "OUTPUT": self.output.name}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.paused = self.process.stdout.readline() == b"paused\n"

    def so_far(self) -> list[Event]:
        return read_log(self.log)

    def go_on(self) -> Recorded:
        self.process.communicate(b"\n", timeout=60)
        self.output.seek(0)
        output = self.output.read()
        self.output.close()
        return Recorded(self.process.returncode, output, b"", read_log(self.log))


def settle_clock(root: Path) -> int:
    """What is there now counts as old from here on, in nanoseconds of the file system's clock."""
    probe = root.parent / "probe"
    probe.write_bytes(b"")
    now = os.stat(probe).st_ctime_ns
    probe.unlink()
    while True:
        probe.write_bytes(b"")
        later = os.stat(probe).st_ctime_ns
        probe.unlink()
        if later > now:
            return now
        time.sleep(0.001)
