# SPDX-License-Identifier: Apache-2.0
"""A disk under the rules that POSIX lets a file system have, and the states in which a power cut may leave it.

What was not synced may be lost, in any combination: an entry of a directory is durable once that directory was synced, or the
file system; a file's bytes, size and times once the file was; the one says nothing about the other. A rename is there or not, as a
whole, and is durable once one of its two directories was synced. Bytes that were not synced are old, new, or torn: the size is
new, and of the bytes one half.
"""

import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = 0  # the number of the root's inode


@dataclass
class File:
    live: bytes
    mtime: int
    durable: bytes | None  # None: nothing of it is
    durable_mtime: int

    def is_clean(self) -> bool:
        return self.live == self.durable

    def versions(self) -> list[bytes]:
        """What it may hold after a cut."""
        if self.is_clean():
            return [self.live]
        half = len(self.live) // 2
        torn = self.live[:half] + bytes(len(self.live) - half)
        return list(dict.fromkeys([self.live, self.durable or b"", torn]))


@dataclass(eq=False)
class Change:
    """Entries that change at once: (directory, name) -> inode, or None where it is gone."""

    entries: dict
    number: int
    what: str = ""


ANOTHER_BOOT = b"boot 00000000-0000-4000-8000-000000000000"


@dataclass
class State:
    """A tree: what lies where, and its bytes."""

    files: dict = field(default_factory=dict)  # path -> bytes
    times: dict = field(default_factory=dict)  # path -> mtime
    directories: set = field(default_factory=set)
    lost: str = ""  # what of the recorded it lacks

    def write(self, root: Path, comes_up: bool = True):
        """Makes it a tree on disk, as a machine finds it that comes up again: with another run of its kernel than that which
        sessions were written in."""
        for path in sorted(self.directories):
            (root / path).mkdir(mode=0o750, exist_ok=True)
        for path, data in self.files.items():
            fd = os.open(root / path, os.O_WRONLY | os.O_CREAT, 0o640)
            os.write(fd, re.sub(rb"(?m)^boot .*", ANOTHER_BOOT, data) if comes_up and path.endswith("/state") else data)
            os.close(fd)
            os.utime(root / path, (self.times[path],) * 2)


class Disk:
    """Follows what was recorded. `careless` says of a directory that what is entered there is nobody's concern."""

    def __init__(self, root: Path, careless: Callable[[str], bool]):
        self.careless = careless
        self.live, self.durable, self.files = {ROOT: {}}, {ROOT: {}}, {}
        self.pending, self.count = [], 0
        self.parent = {ROOT: (ROOT, "")}
        self.changes = 0
        self.settled = 0  # of which changes all is durable, as bits
        self.writes = 0
        self._load(root, ROOT)

    def _number(self) -> int:
        self.count += 1
        return self.count

    def _load(self, path: Path, directory: int):
        for entry in os.scandir(path):
            number = self._number()
            self.live[directory][entry.name] = self.durable[directory][entry.name] = number
            if entry.is_dir(follow_symlinks=False):
                self.live[number], self.durable[number] = {}, {}
                self.parent[number] = directory, entry.name
                self._load(Path(entry.path), number)
            else:
                data, mtime = Path(entry.path).read_bytes(), int(entry.stat().st_mtime)
                self.files[number] = File(data, mtime, data, mtime)

    # --- following ---

    def find(self, path: str) -> int | None:
        at = ROOT
        for name in path.split("/"):
            if name not in (".", ""):
                at = self.live.get(at, {}).get(name)
        return at

    def _place(self, path: str) -> tuple[int, str]:
        directory, _, name = path.rpartition("/")
        at = self.find(directory)
        if at not in self.live:
            raise FileNotFoundError(path)
        return at, name

    def path_of(self, directory: int) -> str:
        names = []
        while directory != ROOT:
            directory, name = self.parent[directory]
            names.append(name)
        return "/".join(reversed(names))

    def _change(self, what: str, *entries):
        for (directory, name), inode in entries:
            if inode is None:
                self.live[directory].pop(name, None)
            else:
                self.live[directory][name] = inode
                if inode in self.live:
                    self.parent[inode] = directory, name
        self.changes += 1
        self.pending.append(Change(dict(entries), self.changes, what))

    def follow(self, event):
        """FileNotFoundError: the events cannot have come in this order."""
        self.writes += event.call in ("write", "truncate", "extend", "utime", "fsync", "syncfs")
        getattr(self, "_" + event.call)(event)

    def _create(self, event):
        number = self._number()
        self.files[number] = File(b"", event.now, None, 0)
        self._change(f"create {event.path}", (self._place(event.path), number))

    def _mkdir(self, event):
        number = self._number()
        self.live[number], self.durable[number] = {}, {}
        self._change(f"mkdir {event.path}", (self._place(event.path), number))

    def _file(self, path: str) -> File:
        try:
            return self.files[self.find(path)]
        except KeyError:
            raise FileNotFoundError(path) from None

    def _write(self, event):
        file = self._file(event.path)
        data = file.live.ljust(event.offset, b"\0")
        file.live = data[:event.offset] + event.data + data[event.offset + len(event.data):]
        file.mtime = event.now

    def _truncate(self, event):
        file = self._file(event.path)
        file.live = file.live[:event.length].ljust(event.length, b"\0")

    def _extend(self, event):
        file = self._file(event.path)
        file.live = file.live.ljust(event.length, b"\0")

    def _utime(self, event):
        number = self.find(event.path)
        if number in self.files:
            self.files[number].mtime = event.offset

    def _rename(self, event):
        source, target = self._place(event.path), self._place(event.other)
        inode = self.live[source[0]].get(source[1])
        if inode is None:
            raise FileNotFoundError(event.path)
        self._change(f"rename {event.path} {event.other}", (source, None), (target, inode))

    def _link(self, event):
        inode = self.find(event.path)
        if inode is None:
            raise FileNotFoundError(event.path)
        self._change(f"link {event.path} {event.other}", (self._place(event.other), inode))

    def _remove(self, event):
        place = self._place(event.path)
        if place[1] not in self.live[place[0]]:
            raise FileNotFoundError(event.path)
        self._change(f"{event.call} {event.path}", (place, None))

    _unlink = _rmdir = _remove

    def _fsync(self, event):
        number = self.find(event.path)
        if number in self.files:
            self._sync_file(self.files[number])
        elif number is not None:
            self._settle([change for change in self.pending if any(place[0] == number for place in change.entries)])

    def _syncfs(self, _):
        for file in self.files.values():
            self._sync_file(file)
        self._settle(list(self.pending))

    @staticmethod
    def _sync_file(file: File):
        file.durable, file.durable_mtime = file.live, file.mtime

    def _settle(self, changes: list):
        for change in changes:
            for (directory, name), inode in change.entries.items():
                if inode is None:
                    self.durable[directory].pop(name, None)
                else:
                    self.durable[directory][name] = inode
            # What came before at the same places can no more be seen.
            for earlier in self.pending:
                if earlier is change:
                    break
                if earlier not in changes:
                    for place in change.entries:
                        earlier.entries.pop(place, None)
        self.settled |= sum(1 << change.number for change in changes)
        settled = set(map(id, changes))
        self.pending = [change for change in self.pending if id(change) not in settled and change.entries]

    # --- states ---

    def open_changes(self) -> list[Change]:
        """Those that a cut may undo and that somebody may see."""
        return [change for change in self.pending
                if not all(self.careless(self.path_of(directory)) for directory, _ in change.entries)]

    def dirty_files(self) -> list[int]:
        return [number for number, file in self.files.items() if not file.is_clean()]

    def state(self, applied: list[Change], chosen: dict) -> State:
        over = {}
        for change in applied:
            for (directory, name), inode in change.entries.items():
                over.setdefault(directory, {})[name] = inode
        state = State()
        self._walk(state, ROOT, "", over, chosen)
        return state

    def _walk(self, state: State, directory: int, prefix: str, over: dict, chosen: dict):
        entries = self.durable[directory]
        if directory in over:
            entries = {name: inode for name, inode in {**entries, **over[directory]}.items() if inode is not None}
        for name, inode in entries.items():
            path = prefix + name
            file = self.files.get(inode)
            if file is None:
                state.directories.add(path)
                self._walk(state, inode, path + "/", over, chosen)
            else:
                state.files[path] = chosen[inode] if inode in chosen else file.live
                state.times[path] = file.durable_mtime

    def possible(self) -> int:
        """How many states there are now."""
        total = 2 ** len(self.open_changes())
        for number in self.dirty_files():
            total *= len(self.files[number].versions())
        return total

    def states(self, most: int, rng: random.Random) -> Iterator[tuple]:
        """(key, function that makes the state), all of them if they are not more than `most`."""
        changes, dirty = self.open_changes(), self.dirty_files()
        versions = {number: self.files[number].versions() for number in dirty}
        picks = every(changes, versions) if self.possible() <= most else some(changes, versions, most, rng)
        for mask, choice in picks:
            applied = [change for at, change in enumerate(changes) if mask >> at & 1]
            chosen = {number: versions[number][which] for number, which in choice.items()}
            made = self.settled | sum(1 << change.number for change in applied)
            yield (made, self.writes, tuple(sorted(choice.items()))), \
                lambda applied=applied, chosen=chosen: self.state(applied, chosen)


def every(changes, versions) -> Iterator[tuple]:
    choices = [{}]
    for number, those in versions.items():
        choices = [{**choice, number: which} for choice in choices for which in range(len(those))]
    for mask in range(2 ** len(changes)):
        for choice in choices:
            yield mask, choice


def some(changes, versions, most: int, rng: random.Random) -> Iterator[tuple]:
    """All or nothing, all but one, one alone, up to one and from one on; then any."""
    n = len(changes)
    full = 2 ** n - 1
    masks = [full, 0, *(full ^ 1 << at for at in range(n)), *(1 << at for at in range(n)),
             *((1 << at) - 1 for at in range(n)), *(full ^ (1 << at) - 1 for at in range(n))]
    seen = set()
    for number in range(most):
        mask = masks[number] if number < len(masks) else rng.getrandbits(n) if n else 0
        choice = {file: rng.randrange(len(those)) for file, those in versions.items()}
        key = mask, tuple(choice.items())
        if key not in seen:
            seen.add(key)
            yield mask, choice
