# SPDX-License-Identifier: Apache-2.0
"""Plays scenarios, cuts the power at every point of what was recorded, and judges each state that this may leave."""

import contextlib
import copy
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash import base
from tests.crash.disk import Disk, State
from tests.crash.judge import LINK_ALONE, V2, View, broken, values
from tests.crash.operations import BLOB, CONFIG, IMAGE, Pair
from tests.crash.steps import Place, Scenario, Step
from tests.crash.trace import Event, settle_clock
from tests.fault import sample
from tests.lib import oci
from tests.lib.fronts import Cgi
from tests.lib.paths import BUILD

TMP = V2 + "_berth/tmp"


def careless(path: str) -> bool:
    """What lies there directly is nobody's, by whatever name."""
    return path == TMP


@dataclass(frozen=True)
class Mark:
    """A step begins, or has been acknowledged."""

    step: Step
    acknowledged: bool
    goes_on: bool = False  # it stood still meanwhile, and others were done beside it


@dataclass
class Play:
    """What was recorded: the disk before, what was promised then, and events with marks between."""

    name: str
    disk: Disk
    promises: dict
    timeline: list
    start: int = 0  # where cuts begin
    damaged: bool = False  # until its steps have mended it


@dataclass
class Violation:
    where: str
    problems: list
    state: State

    def __str__(self):
        return f"{self.where}: " + "; ".join(self.problems[:3])


@dataclass
class Found:
    """What came of one play."""

    states: int = 0
    points: int = 0
    sampled: int = 0  # points with more states than were looked at
    violations: list = field(default_factory=list)
    kept: list = field(default_factory=list)  # some states, with what was promised in them, for berth to judge


def on_the_way(key: tuple, value) -> set:
    """What may be so before it is promised. A blob and its link are put on disk in one round."""
    return {value, LINK_ALONE} if key[0] == "blob" and value is True else {value}


class Promises:
    """What may be there at a time: key -> the values that it may have."""

    def __init__(self, promises: dict):
        self.allowed = dict(promises)
        self.before = {}
        self.version = 0
        self.beside = None, {}  # the step that goes on beside the others, and what it promises
        self.during = set()  # what was promised meanwhile

    def plain(self) -> dict:
        return {key: next(iter(allowed)) for key, allowed in self.allowed.items() if key[0] != "fresh"}

    def mark(self, mark: Mark):
        step = mark.step
        self.version += 1
        if not mark.acknowledged:
            self.before = self.plain()
            promised = step.promises(self.before)
            if mark.goes_on:
                self.beside = step, promised
            for key in self.allowed:
                if key[0] != "fresh" and step.may_go(key):
                    self.allowed[key] = self.allowed[key] | {None}
            for key, value in promised.items():
                if key[0] != "fresh" and key in self.allowed:
                    self.allowed[key] = self.allowed[key] | on_the_way(key, value)
            return
        for key, value in (self.beside[1] if mark.goes_on else step.promises(self.before)).items():
            if key[0] == "fresh":
                self.allowed[key] = value
            elif mark.goes_on and key in self.during:
                self.allowed[key] = self.allowed[key] | on_the_way(key, value)
            else:
                self.allowed[key] = {value} if mark.goes_on else {value} | self._may_become(key)
                self.during.add(key)

    def _may_become(self, key: tuple) -> set:
        """By the one that goes on beside."""
        other, others = self.beside
        if not other:
            return set()
        return (on_the_way(key, others[key]) if key in others else set()) | ({None} if other.may_go(key) else set())


def explore(play: Play, most: int, seed: str, *, stop: bool = False, keep: int = 0) -> Found:
    """Cuts before each sync, where the most is open, and after each acknowledgement. FileNotFoundError: cannot have been."""
    disk, promises = copy.deepcopy(play.disk), Promises(play.promises)
    rng, found, seen = random.Random(seed), Found(), set()
    marks = sum(isinstance(item, Mark) and item.acknowledged for item in play.timeline)

    def cut(where: str):
        found.points += 1
        found.sampled += disk.possible() > most
        for key, make in disk.states(most, rng):
            if (key, promises.version) in seen:
                continue
            seen.add((key, promises.version))
            found.states += 1
            state = make()
            view = View(state)
            problems = broken(view, promises.allowed)
            mended = not play.damaged or promises.version == 2 * marks
            if mended:
                problems += view.wrong()
            if problems:
                found.violations.append(Violation(where, problems, state))
                if stop:
                    return
            elif keep and mended and rng.random() < 1 / found.states ** 0.5:
                given = {key for key in promises.allowed if key[0] == "tag" or key not in play.promises}
                found.kept.append((state, dict(promises.allowed), given))

    for at, item in enumerate(play.timeline):
        if isinstance(item, Mark):
            promises.mark(item)
            if item.acknowledged and at >= play.start:
                cut(f"{item.step.name} was acknowledged")
        else:
            if item.is_sync and at >= play.start:
                cut(f"at {at}, before {item}")
            disk.follow(item)
        if stop and found.violations:
            break
    else:
        cut("at the end")
    found.kept = rng.sample(found.kept, min(keep, len(found.kept)))
    return found


class Judge:
    """berth itself, on states that are made real."""

    def __init__(self, home: Path):
        self.home = home

    def problems(self, state: State, promises: dict, given: set) -> list[str]:
        """What fsck, pulls, a push and the collector have to say; which keeps what was given within its grace."""
        home = Path(tempfile.mkdtemp(prefix="state-", dir=self.home))
        try:
            (home / "disk").mkdir()
            state.write(home / "disk")
            place = Place(home)
            place.store.mkdir(exist_ok=True)
            Cgi(place.home, root=place.store).request("GET", "/v2/")  # who serves makes its own directories again
            found = self._command(place, "fsck") + list(self._pulls(place, promises)) + self._push(place)
            found += self._command(place, "gc", "--grace", "24h") + self._command(place, "fsck")
            view = View(Disk(home / "disk", careless).state([], {}))
            kept = {key: promises[key] for key in given if key[2] != base.DEAD_TAG and key[0] != "session"}
            return found + view.wrong() + broken(view, kept)
        finally:
            shutil.rmtree(home)

    @staticmethod
    def _command(place: Place, *args: str) -> list[str]:
        done = subprocess.run([BUILD / "berth", *args], env={"BERTH_CONF": str(place.conf("none"))}, capture_output=True, text=True)
        return [f"{' '.join(args)}: {done.returncode} {done.stdout[-500:]} {done.stderr[-500:]}"] if done.returncode else []

    @staticmethod
    def _pulls(place: Place, promises: dict) -> Iterator[str]:
        front = Cgi(place.home, root=place.store)
        for (kind, name, what), allowed in promises.items():
            if kind not in ("tag", "manifest", "blob") or len(allowed) > 1:
                continue
            answer = front.request("GET", f"/v2/{name}/{'blobs' if kind == 'blob' else 'manifests'}/{what}")
            value, = allowed
            if answer.status != (404 if value is None else 200):
                yield f"GET {kind} {name} {what}: {answer.status}"
            elif value and oci.digest_of(answer.body, what.split(":")[0] if kind != "tag" else "sha256") != \
                    (what if kind != "tag" else value) and (kind != "tag" or value.startswith("sha256")):
                yield f"GET {kind} {name} {what}: other bytes"

    @staticmethod
    def _push(place: Place) -> list[str]:
        """As if the client came back, into the repository in which most was under way."""
        front = Cgi(place.home, root=place.store, env={"BERTH_DURABILITY": "none"})
        try:
            for name in (base.APP, base.NEW):
                repository = oci.Repository(front, name)
                for item in (CONFIG, BLOB):
                    repository.push_blob(item)
                repository.push_manifest(IMAGE, "afterwards")
                oci.expect(repository.get("manifests/afterwards"), 200)
        except AssertionError as error:
            return [f"push again: {error}"]
        return []


class Theatre:
    """Where scenarios are played: each on a copy of the base."""

    def __init__(self, home: Path):
        self.home = home
        self.base = home / "base"
        self.base.mkdir()
        with Cgi(home, root=self.base / "store") as front:
            base.make(front)
        (home / "layout").mkdir()
        sample.write_layout(home / "layout")
        self.imported = {}

    @contextlib.contextmanager
    def place(self, empty: bool, **options) -> Iterator[Place]:
        home = Path(tempfile.mkdtemp(prefix="place-", dir=self.home))
        (home / "layout").symlink_to(self.home / "layout")
        if empty:
            (home / "disk").mkdir()
        else:
            subprocess.run(["cp", "-a", self.base, home / "disk"], check=True)
        try:
            yield Place(home, **options)
        finally:
            shutil.rmtree(home)

    def open(self, place: Place, before: tuple, damage=None) -> tuple[Disk, dict]:
        """What is there once `before` was done, and grew old, and what was promised."""
        for step in before:
            recorded = step.run(place)
            assert step.acknowledged(recorded), (step.name, recorded.output, recorded.errors)
        if damage:
            damage(place.store)
        place.old_before = settle_clock(place.disk)
        disk = Disk(place.disk, careless)
        view = View(disk.state([], {}))
        assert damage or not view.wrong(), view.wrong()
        promises = {key: {value} if value not in (False, LINK_ALONE) else {value, True} for key, value in values(view).items()}
        promises |= {("session", *key): {True, None} for key in view.sessions}
        return disk, promises

    @staticmethod
    def look(place: Place) -> State:
        """What is there now."""
        return Disk(place.disk, careless).state([], {})

    @staticmethod
    def play_step(place: Place, step: Step) -> list:
        recorded = step.run(place)
        assert step.acknowledged(recorded), (step.name, recorded.output[:500], recorded.errors[-500:])
        return [Mark(step, False), *recorded.events, Mark(step, True)]

    def play(self, scenario: Scenario) -> Play:
        with self.place(scenario.empty) as place:
            disk, promises = self.open(place, scenario.before, scenario.damage)
            timeline = [item for step in scenario.steps for item in self.play_step(place, step)]
            return Play(scenario.name, disk, promises, timeline, damaged=bool(scenario.damage))

    def count(self, pair: Pair) -> int:
        """Of the calls of the first."""
        with self.place(pair.empty) as place:
            self.open(place, pair.before)
            recorded = pair.first.run(place)
            return len(recorded.events)

    def play_killed(self, pair: Pair, kill_at: int) -> Play:
        with self.place(pair.empty, lock_timeout=1) as place:
            disk, promises = self.open(place, pair.before)
            first = pair.first.run(place, kill_at=kill_at)
            timeline = [Mark(pair.first, False), *first.events]
            start = len(timeline)
            for step in pair.second:
                recorded = step.run(place)
                timeline += [Mark(step, False), *recorded.events]
                if step.acknowledged(recorded):
                    timeline.append(Mark(step, True))
            return Play(f"{pair.name} killed at {kill_at}", disk, promises, timeline, start)

    def play_beside(self, pair: Pair, pause_at: int) -> Play:
        with self.place(pair.empty, lock_timeout=0, patience=1) as place:
            disk, promises = self.open(place, pair.before)
            first = pair.first.pause(place, pause_at)
            so_far = first.so_far() if first.paused else []
            timeline = [Mark(pair.first, False, goes_on=True), *so_far]
            start = len(timeline)
            for step in pair.second if first.paused else ():
                recorded = step.run(place)
                timeline += [Mark(step, False), *recorded.events]
                if step.acknowledged(recorded):
                    timeline.append(Mark(step, True))
            rest = first.go_on()
            timeline += rest.events[len(so_far):]
            if pair.first.acknowledged(rest):
                timeline.append(Mark(pair.first, True, goes_on=True))
            return Play(f"{pair.name} beside {pause_at}", disk, promises, timeline, start)


def events_of(timeline: list) -> list[Event]:
    return [item for item in timeline if isinstance(item, Event)]
