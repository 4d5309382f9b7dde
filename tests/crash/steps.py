# SPDX-License-Identifier: Apache-2.0
"""What is done to a store, one acknowledged step after the other, and what each step then promises."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.crash.trace import Paused, Recorded, record
from tests.lib.fronts import Cgi
from tests.lib.paths import BUILD


@dataclass
class Place:
    """Where a scenario is played: a recorded directory with the store in it, and what its steps learn."""

    home: Path
    lock_timeout: int = 5
    old_before: int = 0
    patience: float = 60  # seconds for one step
    location: str = ""  # of the upload session

    @property
    def disk(self) -> Path:
        return self.home / "disk"

    @property
    def store(self) -> Path:
        return self.disk / "store"

    def conf(self, durability: str = "full", settings: str = "") -> Path:
        path = self.home / "berth.conf"
        path.write_text(f'root = "{self.store}"\ndurability = "{durability}"\nlock_timeout = "{self.lock_timeout}"\n'
                        f'metrics_dir = "{self.home}/metrics"\n{settings}\n')
        return path


def nothing(_) -> dict:
    return {}


def nobody(_) -> bool:
    return False


@dataclass(frozen=True)
class Step:
    """`promises` are what holds once it is acknowledged, by what held before; `may_go` is of what it may take away besides."""

    name: str
    promises: Callable[[dict], dict] = nothing
    may_go: Callable[[tuple], bool] = nobody

    def command(self, place: Place) -> tuple[list, Mapping[str, str], bytes]:
        raise NotImplementedError

    def acknowledged(self, recorded: Recorded) -> bool:
        raise NotImplementedError

    def learn(self, place: Place, recorded: Recorded):
        """What the next step needs to know."""

    def run(self, place: Place, kill_at: int = 0) -> Recorded:
        argv, env, body = self.command(place)
        recorded = record(place.disk, argv, env, body, old_before=place.old_before, kill_at=kill_at,
                          patience=place.patience)
        if self.acknowledged(recorded):
            self.learn(place, recorded)
        return recorded

    def pause(self, place: Place, pause_at: int) -> Paused:
        argv, env, body = self.command(place)
        return Paused(place.disk, argv, env, body, old_before=place.old_before, pause_at=pause_at)


@dataclass(frozen=True)
class Request(Step):
    method: str = "GET"
    target: str = ""  # {location} is that of the session
    headers: tuple = ()
    body: bytes | None = None
    expected: tuple = (201,)  # how it is acknowledged

    def command(self, place):
        target = self.target.replace("{location}", place.location)
        front = Cgi(place.home, root=place.store, env={"BERTH_CONF": str(place.conf()), "BERTH_DURABILITY": "full"})
        return [BUILD / "berth.fcgi"], front.environment(self.method, target, dict(self.headers), self.body), self.body or b""

    def response(self, recorded):
        return Cgi.response(self.method, recorded.output)

    def acknowledged(self, recorded):
        return recorded.status == 0 and self.response(recorded).status in self.expected

    def learn(self, place, recorded):
        place.location = self.response(recorded).headers["Location"] or place.location


@dataclass(frozen=True)
class Command(Step):
    args: tuple = ()  # {home} is where the place is
    settings: str = ""
    expected: tuple = (0,)

    def command(self, place):
        args = [arg.format(home=place.home) for arg in self.args]
        return [BUILD / "berth", *args], {"PATH": "/usr/bin:/bin", "BERTH_CONF": str(place.conf(settings=self.settings))}, b""

    def acknowledged(self, recorded):
        return recorded.status in self.expected


@dataclass(frozen=True)
class Scenario:
    name: str
    steps: tuple
    empty: bool = False  # no store is there yet
    before: tuple = ()  # steps after which everything was synced and became old
    damage: Callable[[Path], None] | None = None  # what was wrong with the store before
