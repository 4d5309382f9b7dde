# SPDX-License-Identifier: Apache-2.0
"""Berths that sync less, or in another order: made of what the real one was recorded to do, which comes to the same."""

import copy
import dataclasses
import re
from collections.abc import Iterator

from tests.crash.disk import Disk
from tests.crash.explore import Mark, Play

# Why a mutant that was not caught breaks nothing: (play, mutant, reason), the first two as regular expressions.
EXPLAINED = [
    ("", "^without fsync _berth/(holders$|tmp/UUID for _berth/holders/)",
     "a memory of links, of which nothing is believed before the link was looked at (store/holder.h)"),
    ("", "^without fsync _berth$", "a store without a version is of version 1, and gets it when it is opened"),
    ("", "^without fsync _berth/(lost|tmp/UUID for _berth/lost/)", "what is lost is found and noted again by the next repair"),
    ("", "^without fsync _berth/quarantine/.*/[0-9a-f]{64}$", "a rename is one thing, and the directory that it left is synced, too"),
    ("^cancel$", "^without fsync .*/_uploads$", "the session was never on the disk; cancel-old is where one was"),
    ("^(blob|manifest)-(again|heals|same)$", " and what it ends before ",
     "all of it had its names before, so no name comes without what it is for"),
    ("^retain$", " and what it ends before ",
     "they remove different tags and manifests, none of which names another; what removes a manifest before its tag is caught"),
    ("^(cp|tag|(first-)?import|fsck-repair)$", " and what it ends before ",
     "a command is acknowledged at its end alone, and what it does there is many requests: one of the two is none that the "
     "other builds on, or was there before, or is synced again by the request that builds on it"),
]
# As the last of them is a reason of many, the long form looks at every state that such a mutant may leave.
LOOKED_AT_WHOLE = EXPLAINED[-1:]


@dataclasses.dataclass(frozen=True)
class Mutant:
    what: str
    play: Play
    idle: bool = False  # nothing was left to sync there
    harmless: str = ""  # why it may break nothing

    def explanation(self) -> str:
        """For one that was not caught."""
        return self.harmless or next((reason for _, _, reason in self._explained_by(EXPLAINED)), "")

    def is_looked_at_whole(self) -> bool:
        """One of which a sample does not do in the long form."""
        return not self.harmless and any(self._explained_by(LOOKED_AT_WHOLE))

    def _explained_by(self, rules: list) -> Iterator[tuple]:
        return (rule for rule in rules if re.search(rule[0], self.play.name) and re.search(rule[1], self.what))


def syncs_nothing(disk: Disk, event) -> bool:
    """Whether all that it would make durable is so."""
    if event.call == "syncfs":
        return not disk.open_changes() and not disk.dirty_files()
    number = disk.find(event.path)
    if number in disk.files:
        file = disk.files[number]
        return file.is_clean() and file.durable_mtime == file.mtime
    return not any(place[0] == number for change in disk.pending for place in change.entries)


def renews(disk: Disk, path: str) -> bool:
    """Whether all that is open in a directory are names that come to stand for the bytes that they stood for."""
    number, files = disk.find(path), disk.files
    places = {place: inode for change in disk.pending for place, inode in change.entries.items() if place[0] == number}
    return bool(places) and all(inode in files and disk.durable[number].get(name) in files and
                                files[disk.durable[number][name]].durable == files[inode].live
                                for (_, name), inode in places.items())


def is_repeated(play: Play, at: int) -> bool:
    """Whether the same is synced again before anything is promised."""
    for item in play.timeline[at + 1:]:
        if isinstance(item, Mark):
            if item.acknowledged and item.step.promises({}):
                return False
        elif item.is_sync and item.path == play.timeline[at].path:
            return True
    return False


@dataclasses.dataclass
class Survey:
    """Of a play's syncs, where they are in the timeline."""

    directories: set = dataclasses.field(default_factory=set)  # and those of all
    idle: set = dataclasses.field(default_factory=set)
    harmless: dict = dataclasses.field(default_factory=dict)  # why it may be left out


def survey(play: Play) -> Survey:
    disk, found = copy.deepcopy(play.disk), Survey()
    for at, item in enumerate(play.timeline):
        if isinstance(item, Mark):
            continue
        if item.is_sync:
            if disk.find(item.path) not in disk.files:
                found.directories.add(at)
            if syncs_nothing(disk, item):
                found.idle.add(at)
            elif renews(disk, item.path):
                found.harmless[at] = "the same bytes had that name before; blob-heals and manifest-heals are where others had"
            elif is_repeated(play, at):
                found.harmless[at] = "it is synced again before anything is promised, by who builds on what is young"
        disk.follow(item)
    return found


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
    found = survey(play)
    for at, item in enumerate(play.timeline):
        if at >= play.start and not isinstance(item, Mark) and item.is_sync:
            without = play.timeline[:at] + play.timeline[at + 1:]
            yield Mutant(f"without {nameless(item)}{becomes(play, at)}", dataclasses.replace(play, timeline=without, start=at),
                         at in found.idle, found.harmless.get(at, ""))


def rounds_of(play: Play) -> Iterator[tuple[int, int]]:
    """From where to where: changes, and the syncs of directories that end them; never across steps."""
    directories = survey(play).directories
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
    idle = survey(play).idle
    for (first, middle), (second, end) in zip(rounds, rounds[1:]):
        if middle == second:
            line = play.timeline
            swapped = line[:first] + line[second:end] + line[first:middle] + line[end:]
            yield Mutant(f"{nameless(line[end - 1])} and what it ends before {nameless(line[middle - 1])}",
                         dataclasses.replace(play, timeline=swapped, start=first),
                         any(syncs_of(play, *round) <= idle for round in ((first, middle), (second, end))))
