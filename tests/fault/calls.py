# SPDX-License-Identifier: Apache-2.0
"""Steps of an operation with a fault at one of their file system calls, and what has to be so afterwards."""

import errno
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.crash.explore import Mark, Promises, Theatre
from tests.crash.judge import View, broken
from tests.crash.steps import Place, Request, Scenario, Step
from tests.crash.trace import RECORDER, Recorded
from tests.lib.graph import Store
from tests.lib.paths import BUILD

INJECTOR = BUILD / "tests/fault/inject"
NOT_THERE, EX_IOERR = 66, 74  # of sysexits.h; the first is EX_NOINPUT
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
HALF = "half"
PLACES = "ENOSPC EDQUOT EIO ENOMEM"
# What each kind of call may fail with; + is for it and all of its kind after it.
FAULTS = {
    "open": "EIO EMFILE ENOMEM EINTR EIO+",
    "create": "EIO EMFILE ENOMEM EINTR ENOSPC EDQUOT ENOSPC+",
    "read": "EIO ENOMEM EINTR half half+",
    "pread": "EIO ENOMEM EINTR half half+",
    "getdents": "EIO ENOMEM",
    "readlink": "EIO ENOMEM",
    "stat": "EIO ENOMEM",
    "fstat": "EIO ENOMEM",
    "access": "EIO ENOMEM",
    "statfs": "EIO ENOMEM",
    "lock": "EIO ENOMEM EINTR",
    "flock": "EIO ENOMEM EINTR",
    "write": "EIO EINTR ENOSPC EDQUOT half half+ ENOSPC+",
    "pwrite": "EIO EINTR ENOSPC EDQUOT half half+ ENOSPC+",
    "writev": "EIO EINTR ENOSPC EDQUOT",
    "sendfile": "EIO EINTR ENOSPC EDQUOT",
    "copy": "EIO EINTR ENOSPC EDQUOT half half+",
    "fallocate": "EIO EINTR ENOSPC EDQUOT",
    "ftruncate": "EIO EINTR",
    "sync_file_range": "EIO",
    "fsync": "EIO ENOSPC EDQUOT EINTR EIO+",
    "mkdir": PLACES + " ENOSPC+",
    "rename": PLACES + " EIO+",
    "link": PLACES,
    "symlink": PLACES,
    "unlink": "EIO ENOMEM EIO+",
    "utime": "EIO ENOMEM",
    "chmod": "EIO ENOMEM",
    "chown": "EIO ENOMEM",
}


@dataclass(frozen=True)
class Call:
    kind: str
    path: str

    def nameless(self) -> str:
        """Without what is different each time."""
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{2,64}(?=/|$)", "*", self.path)


@dataclass(frozen=True)
class Fault:
    step: int  # of the operation's
    number: int  # of the call, from 1
    call: Call
    what: str

    @property
    def errno(self) -> int:
        return 0 if self.what.startswith(HALF) else getattr(errno, self.what.rstrip("+"))

    def is_lost_sync(self) -> bool:
        """One that can be made again in vain: the kernel holds the pages for clean then. Not one that was interrupted."""
        return self.call.kind == "fsync" and self.errno != errno.EINTR

    def option(self) -> str:
        lasting = "+" if self.what.endswith("+") else ""
        return f"{self.number}:{self.errno or HALF}{lasting}"

    def key(self) -> tuple:
        """Of those that have this in common, one stands for all."""
        return self.step, self.call.kind, self.call.nameless(), self.what

    def __str__(self):
        return f"{self.what} in step {self.step}, call {self.number}, {self.call.kind} {self.call.path}"


@dataclass(frozen=True)
class Done:
    """A step that was run under the injector."""

    recorded: Recorded
    calls: list
    struck: bool
    inode: int  # of the file that the fault hit, 0 if it has none
    left_open: int  # descriptors below the directory when processes exited, the most of any


def run(place: Place, step: Step) -> Recorded:
    argv, env, body = step.command(place)
    done = subprocess.run([*map(str, argv)], env=dict(env), input=body, capture_output=True, timeout=60)
    recorded = Recorded(done.returncode, done.stdout, done.stderr, [])
    if step.acknowledged(recorded):
        step.learn(place, recorded)
    return recorded


def run_injected(place: Place, step: Step, fault: Fault | None = None) -> Done:
    argv, env, body = step.command(place)
    log = place.home / "calls"
    options = ["-f", fault.option()] if fault else []
    done = subprocess.run([*map(str, (INJECTOR, *options, place.disk, log, *argv))], env=dict(env), input=body,
                          capture_output=True, timeout=60)
    assert done.returncode != 125, done.stderr.decode()
    recorded = Recorded(done.returncode, done.stdout, done.stderr, [])
    lines = [line.split("\t") for line in log.read_text(errors="replace").splitlines()]
    struck = [int(inode) for kind, inode in lines if kind == "struck"]
    if step.acknowledged(recorded):
        step.learn(place, recorded)
    return Done(recorded, [Call(*line) for line in lines if line[0] not in ("struck", "exit")], bool(struck),
                struck[0] if struck else 0, max((int(n) for kind, n in lines if kind == "exit"), default=0))


@dataclass
class Rehearsal:
    """A scenario's calls when nothing fails."""

    calls: list  # of each step
    left_open: list

    def faults(self) -> Iterator[Fault]:
        for step, calls in enumerate(self.calls):
            for number, call in enumerate(calls, 1):
                for what in FAULTS[call.kind].split():
                    yield Fault(step, number, call, what)


def rehearse(theatre: Theatre, scenario: Scenario) -> Rehearsal:
    with theatre.place(scenario.empty) as place:
        theatre.open(place, scenario.before, scenario.damage)
        done = []
        for step in scenario.steps:
            done.append(run_injected(place, step))
            assert step.acknowledged(done[-1].recorded), (step.name, done[-1].recorded)
        return Rehearsal([each.calls for each in done], [each.left_open for each in done])


class Attempt:
    """An operation with one fault, on a copy of the base."""

    def __init__(self, theatre: Theatre, scenario: Scenario, rehearsal: Rehearsal):
        self.theatre, self.scenario, self.rehearsal = theatre, scenario, rehearsal

    def problems(self, fault: Fault) -> list[str]:
        with self.theatre.place(self.scenario.empty) as self.place:
            _, promises = self.theatre.open(self.place, self.scenario.before, self.scenario.damage)
            self.promises, self.found = Promises(promises), []
            self._play(fault)
            return [f"{fault}: {problem}" for problem in self.found]

    def _play(self, fault: Fault):
        for step in self.scenario.steps[:fault.step]:
            self._succeed(step)
        step = self.scenario.steps[fault.step]
        self.promises.mark(Mark(step, False))
        done = run_injected(self.place, step, fault)
        acknowledged = step.acknowledged(done.recorded)
        if acknowledged:
            self.promises.mark(Mark(step, True))
        self._check_answer(step, fault, done, acknowledged)
        if not self.scenario.damage:
            self._check_state("then")
        distrusted = done.inode if done.struck and fault.is_lost_sync() else 0
        self._repeat(fault.step, acknowledged)
        if distrusted and (name := self._holds(distrusted)):
            self.found.append(f"{name} is the file of which an fsync has failed")
        self._check_end()

    # --- the client's view ---

    def _check_answer(self, step: Step, fault: Fault, done: Done, acknowledged: bool):
        recorded = done.recorded
        told = (recorded.output + recorded.errors).decode(errors="replace")
        if done.left_open > self.rehearsal.left_open[fault.step]:
            self.found.append(f"{done.left_open} files were left open, not {self.rehearsal.left_open[fault.step]}")
        if acknowledged:
            if done.struck and fault.is_lost_sync() and not is_advice(fault.call):
                self.found.append("it was acknowledged though an fsync had failed")
        elif isinstance(step, Request):
            # Where the store cannot be opened, the program ends, and the web server says so.
            opened = recorded.status == 0
            status = step.response(recorded).status if opened else 500 if recorded.status == EX_IOERR else 0
            if status < 500 or (opened and fault.errno in NO_SPACE and status != 507):
                self.found.append(f"answered with {status}, exit status {recorded.status}: {told[-600:]}")
        elif not 0 < recorded.status < 128 or not recorded.errors.strip():
            self.found.append(f"ended with {recorded.status}: {told[-600:]}")
        elif fault.errno in NO_SPACE and not re.search("No space left|quota|is full|space", told):
            self.found.append(f"does not say that there is no space: {told[-600:]}")

    def _succeed(self, step: Step) -> bool:
        """Without a fault. It may also be told that all was done before."""
        self.promises.mark(Mark(step, False))
        recorded = run(self.place, step)
        acknowledged = step.acknowledged(recorded)
        if acknowledged:
            self.promises.mark(Mark(step, True))
        elif not self._says_done(step, recorded):
            self.found.append(f"{step.name} afterwards: {(recorded.output + recorded.errors)[-600:].decode(errors='replace')}")
        return acknowledged

    def _says_done(self, step: Step, recorded: Recorded) -> bool:
        if isinstance(step, Request):
            gone = recorded.status == 0 and step.response(recorded).status == 404
        else:
            gone = recorded.status == NOT_THERE
        promised = step.promises(self.promises.before)
        return gone and (not promised or None in promised.values() or "{location}" in getattr(step, "target", ""))

    def _repeat(self, at: int, acknowledged: bool):
        """What failed is tried again, as clients do, and if that is of no avail, all from the beginning."""
        steps = self.scenario.steps
        if acknowledged or self._succeed(steps[at]):
            rest = steps[at + 1:]
        else:
            rest = steps
        for step in rest:
            self._succeed(step)

    # --- the store ---

    def _view(self) -> View:
        return View(self.theatre.look(self.place))

    def _check_state(self, when: str):
        view = self._view()
        self.found += [f"{when}: {problem}" for problem in view.wrong() + broken(view, self.promises.allowed)]

    def _holds(self, inode: int) -> str:
        """The name under which a client may get it."""
        for path in self.place.store.rglob("*"):
            if path.is_file() and path.stat().st_ino == inode and "_uploads" not in path.parts and "_berth" not in path.parts:
                return str(path.relative_to(self.place.store))
        return ""

    def _berth(self, *args: str):
        done = subprocess.run([BUILD / "berth", *args], env={"BERTH_CONF": str(self.place.conf("none"))}, capture_output=True,
                              text=True)
        if done.returncode:
            self.found.append(f"berth {' '.join(args)}: {done.returncode} {done.stdout[-500:]} {done.stderr[-500:]}")

    def _check_end(self):
        """All was done in the end, and what is left over is found by the collector."""
        self._check_state("in the end")
        self._berth("fsck")
        self._berth("expire", "--grace", "0s")
        self._berth("gc", "--grace", "0s")
        self._berth("fsck")
        store = Store(self.place.store)
        self.found += store.problems()
        if store.blob_bytes() != store.live_bytes():
            self.found.append(f"{store.blob_bytes() - store.live_bytes()} bytes of blobs were leaked")
        self.found += [f"left behind: {name}" for name in store.litter()]


def is_advice(call: Call) -> bool:
    """Of what nothing is promised and nothing believed: docs/durability.md."""
    return "/_berth/" in call.path


def make_injector():
    subprocess.run(["make", "-s", "-C", BUILD, INJECTOR.relative_to(BUILD), RECORDER.relative_to(BUILD)], check=True)
