# SPDX-License-Identifier: Apache-2.0
"""Berths that sync less, or in another order: made of what the real one was recorded to do, which comes to the same."""

import copy
import dataclasses
import re
from collections.abc import Iterator

from tests.crash.disk import Disk
from tests.crash.explore import Mark, Play

# Why a mutant breaks nothing: (play, mutant, reason), the first two as regular expressions.
EXPLAINED = [
    ("", "without fsync .*/_uploads/UUID/data",
     "the last request syncs the bytes before it names them; so that what is left of a session after a cut has no other bytes "
     "than the state of its hash, which test_sessions.py looks at"),
    ("", "without fsync _berth/(holders$|tmp/UUID for _berth/holders/)",
     "a memory of links, of which nothing is believed before the link was looked at (store/holder.h)"),
    ("", "without fsync _berth$", "a store without a version is of version 1, and gets it when it is opened"),
]


@dataclasses.dataclass(frozen=True)
class Mutant:
    what: str
    play: Play
    harmless: str = ""  # why it cannot break anything

    def explanation(self) -> str:
        return self.harmless or next((reason for play, what, reason in EXPLAINED
                                      if re.search(play, self.play.name) and re.search(what, self.what)), "")


def syncs_nothing(disk: Disk, event) -> bool:
    """Whether all that it would make durable is so."""
    if event.call == "syncfs":
        return not disk.open_changes() and not disk.dirty_files()
    number = disk.find(event.path)
    if number in disk.files:
        file = disk.files[number]
        return file.is_clean() and file.durable_mtime == file.mtime
    return not any(place[0] == number for change in disk.pending for place in change.entries)


def survey(play: Play) -> tuple[set, set]:
    """Where it syncs a directory or all, and where that changes nothing."""
    disk, directories, empty = copy.deepcopy(play.disk), set(), set()
    for at, item in enumerate(play.timeline):
        if isinstance(item, Mark):
            continue
        if item.is_sync:
            if disk.find(item.path) not in disk.files:
                directories.add(at)
            if syncs_nothing(disk, item):
                empty.add(at)
        disk.follow(item)
    return directories, empty


def nameless(event) -> str:
    """Without what is different each time."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", str(event).replace("store/docker/registry/v2/", ""))


def becomes(play: Play, at: int) -> str:
    """Where the file is going that is synced there."""
    path = play.timeline[at].path
    for item in play.timeline[at:]:
        if not isinstance(item, Mark) and item.call == "rename" and item.path == path:
            return nameless(f" for {item.other}")
    return ""


def drops(play: Play) -> Iterator[Mutant]:
    _, empty = survey(play)
    for at, item in enumerate(play.timeline):
        if at >= play.start and not isinstance(item, Mark) and item.is_sync:
            without = play.timeline[:at] + play.timeline[at + 1:]
            yield Mutant(f"without {nameless(item)}{becomes(play, at)}", dataclasses.replace(play, timeline=without, start=at),
                         "nothing was left to sync there" if at in empty else "")


def rounds_of(play: Play) -> Iterator[tuple[int, int]]:
    """From where to where: changes, and the syncs of directories that end them; never across steps."""
    directories, _ = survey(play)
    begin, ending = 0, False
    for at, item in enumerate(play.timeline):
        if isinstance(item, Mark) or (ending and at not in directories):
            if ending:
                yield begin, at
            begin, ending = at + isinstance(item, Mark), False
        if at in directories:
            ending = True


def syncs_of(play: Play, begin: int, end: int) -> set:
    return {at for at in range(begin, end) if play.timeline[at].is_sync}


def swaps(play: Play) -> Iterator[Mutant]:
    rounds = list(rounds_of(play))
    _, empty = survey(play)
    for (first, middle), (second, end) in zip(rounds, rounds[1:]):
        if middle == second:
            line = play.timeline
            swapped = line[:first] + line[second:end] + line[first:middle] + line[end:]
            yield Mutant(f"{nameless(line[end - 1])} and what it ends before {nameless(line[middle - 1])}",
                         dataclasses.replace(play, timeline=swapped, start=first),
                         "one of them syncs nothing that anybody sees"
                         if any(syncs_of(play, *round) <= empty for round in ((first, middle), (second, end))) else "")
