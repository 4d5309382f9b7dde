# SPDX-License-Identifier: Apache-2.0
"""Real file systems on a disk that remembers what was written between its flushes, and the states in which a power cut may have
left that disk: all that was flushed, and of the rest any part."""

import contextlib
import os
import random
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.crash.explore import Mark, Promises, Theatre
from tests.crash.steps import Place, Scenario
from tests.lib.paths import BUILD
from tests.lib.workers import wait_for

BLOCK = BUILD / "tests/crash/block"
HEAD = struct.Struct("=QQ")
FLUSHED = 2 ** 64 - 1


@dataclass(frozen=True)
class FileSystem:
    name: str
    size: int  # megabytes, about the least that it takes
    make: tuple
    options: str = "loop"

    def __str__(self):
        return self.name


FILE_SYSTEMS = [
    FileSystem("ext4", 64, ("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard")),
    FileSystem("xfs", 320, ("mkfs.xfs", "-q", "-f", "-K"), "loop,nouuid"),
    FileSystem("btrfs", 128, ("mkfs.btrfs", "-q", "-f", "-K")),
]


def run(*command):
    subprocess.run([*map(str, command)], check=True, capture_output=True)


def copy(image: Path, to: Path):
    run("cp", "--sparse=always", image, to)


@contextlib.contextmanager
def mounted(image: Path, at: Path, options: str) -> Iterator[None]:
    run("mount", "-o", options, image, at)
    try:
        yield
    finally:
        run("umount", at)


def detach(device: str):
    """The kernel does so when nobody looks at it any more."""
    run("losetup", "-d", device)
    wait_for(lambda: not Path(f"/sys/block/{Path(device).name}/loop/backing_file").exists())


@contextlib.contextmanager
def recorded(image: Path, log: Path, at: Path) -> Iterator[None]:
    """The image's file system, with all that reaches the disk in the log."""
    with tempfile.TemporaryDirectory(dir=image.parent) as directory:
        process = subprocess.Popen([BLOCK, image, log, directory], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        try:
            device = subprocess.run(["losetup", "-f", "--show", f"{directory}/disk"], check=True, capture_output=True,
                                    text=True).stdout.strip()
            try:
                run("mount", device, at)
                try:
                    yield
                finally:
                    run("umount", at)
            finally:
                detach(device)
        finally:
            run("umount", "-l", directory)
            process.terminate()
            process.wait(20)


@dataclass(frozen=True)
class Write:
    offset: int
    data: bytes
    end: int  # where the log was then


@dataclass
class Tape:
    """What was played: the disk before, what was promised then, what reached the disk, and the steps with their places in the log."""

    name: str
    image: Path
    promises: dict
    log: bytes
    start: int
    marks: list  # (place, Mark)
    damaged: bool

    def segments(self) -> Iterator[tuple[list, int | None]]:
        """(writes, where the log was behind the flush that came after them, None if there was none), from its beginning on."""
        at, writes = 0, []
        while at < len(self.log):
            offset, length = HEAD.unpack_from(self.log, at)
            at += HEAD.size
            if offset == FLUSHED:
                yield writes, at
                writes = []
            else:
                at += length
                writes.append(Write(offset, self.log[at - length:at], at))
        yield writes, None


def record(theatre: Theatre, scenario: Scenario, kind: FileSystem, home: Path) -> Tape:
    """Plays it in `home`, where the image stays as it was before."""
    place = Place(home)
    (home / "layout").symlink_to(theatre.home / "layout")
    place.disk.mkdir()
    image, before, log = home / "image", home / "before", home / "writes"
    with open(image, "wb") as file:
        file.truncate(kind.size << 20)
    run(*kind.make, image)
    with mounted(image, place.disk, kind.options):
        if not scenario.empty:
            run("cp", "-a", f"{theatre.base}/.", place.disk)
    copy(image, before)
    marks = []
    with recorded(image, log, place.disk):
        _, promises = theatre.open(place, scenario.before, scenario.damage)
        run("sync", "-f", place.disk)
        start = log.stat().st_size
        for step in scenario.steps:
            marks.append((log.stat().st_size, Mark(step, False)))
            done = step.run(place)
            assert step.acknowledged(done), (step.name, done.output[:500], done.errors[-500:])
            marks.append((log.stat().st_size, Mark(step, True)))
        end = log.stat().st_size
    with open(log, "rb") as file:
        written = file.read(end)
    return Tape(f"{scenario.name} on {kind}", before, promises, written, start, marks, bool(scenario.damage))


def apply(image: int, writes):
    for write in writes:
        os.pwrite(image, write.data, write.offset)


@dataclass(frozen=True)
class Cut:
    """A state of the disk is in `image`; `at` is how far the log had come when the power went."""

    image: Path
    at: int
    what: str


def cuts(tape: Tape, home: Path, rng: random.Random) -> Iterator[Cut]:
    """At each flush; and between two, nothing of what came after the first, and any part of what came until some point."""
    current = home / "current"
    copy(tape.image, current)
    places = [place for place, _ in tape.marks]
    fd, flushed = os.open(current, os.O_RDWR), 0

    def state(writes, at, what):
        handle, name = tempfile.mkstemp(dir=home)  # another each time, of which no loop device knows anything
        copy(current, Path(name))
        apply(handle, writes)
        os.close(handle)
        return Cut(Path(name), at, what)

    try:
        for writes, at in tape.segments():
            end = at - HEAD.size if at else len(tape.log)  # before the flush
            if at is None or end > tape.start:
                if any(flushed < place <= end for place in places) or at is None:
                    yield state([], end, f"nothing after the flush at {flushed}")
                if writes:
                    until = rng.randrange(len(writes)) + 1
                    some = [write for write in writes[:until] if rng.random() < 0.5]
                    yield state(some, writes[until - 1].end, f"{len(some)} of {until} writes after the flush at {flushed}")
            apply(fd, writes)
            if at and at > tape.start and writes:
                yield state([], at, f"the flush at {at}")
            flushed = at or flushed
    finally:
        os.close(fd)
        current.unlink()


def promised(tape: Tape, cut: Cut) -> tuple[Promises, bool]:
    """What holds at that time, and whether all was done."""
    promises = Promises(tape.promises)
    reached = [mark for place, mark in tape.marks if place <= cut.at]
    for mark in reached:
        promises.mark(mark)
    return promises, len(reached) == len(tape.marks)
