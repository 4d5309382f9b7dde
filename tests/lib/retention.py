# SPDX-License-Identifier: Apache-2.0
"""Rules of retention made by chance, tags that have come of age, and which of them berth.conf(5) says stay: told here again,
since `berth retain` must agree."""

import json
import os
import random
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.lib import graph
from tests.lib.oci import Repository

DAY = 86400
OLD = 4  # tags that are older than any age in a rule, and one more than `newest` may keep: of them some always go


def set_age(path: Path, days: float, now: float):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (now - days * DAY,) * 2)


def age(path: Path, now: float) -> float:
    """In days."""
    return (now - path.stat().st_mtime) / DAY


@dataclass
class Rules:
    """Of one repository; None: there is no such rule."""

    newest: int | None
    tags: list[str] | None
    younger: int | None  # days, as all of them
    pulled: int | None
    untagged: str | None

    @classmethod
    def by_chance(cls, chance: random.Random):
        rules = cls(chance.choice((None, 1, 2, 3)), chance.choice((None, ["v1"], ["v?"], ["v0", "*5"])),
                    chance.choice((None, 5, 30)), chance.choice((None, None, 20)), chance.choice((None, "forever", "7d")))
        if rules.newest is rules.tags is rules.younger is rules.pulled is None:
            rules.newest = 2  # without any, all tags stay
        return rules

    def lines(self, name: str) -> str:
        said = {"newest": self.newest, "tags": self.tags and "{%s}" % ", ".join(map(json.dumps, self.tags)),
                "younger": self.younger and f'"{self.younger}d"', "pulled": self.pulled and f'"{self.pulled}d"',
                "untagged": self.untagged and f'"{self.untagged}"'}
        return f'retain "{name}" {{ {" ".join(f"{key} = {value}" for key, value in said.items() if value)} }}\n'


class Aged:
    """A repository whose tags were set, and some of them pulled, at different times."""

    def __init__(self, chance: random.Random, root: Path, repo: Repository):
        self.store, self.repo, self.rules = graph.Store(root), repo, Rules.by_chance(chance)
        self.pulls = self.store.top / "_berth/pulled" / repo.name
        self.now = time.time()
        for number in range(OLD):
            repo.push_image(f"old-{number}")
        set_age(self.pulls / "_since", 70, self.now)
        for tag in self.store.tags(repo.name):
            old = tag.startswith("old-")
            set_age(self._link(tag), chance.randrange(200, 203) if old else chance.randrange(60) + 0.5, self.now)
            if not old and chance.random() < 0.3:
                set_age(self.pulls / "_tags" / tag, chance.randrange(60) + 0.5, self.now)

    def _link(self, tag: str) -> Path:
        return self.repo.directory / "_manifests/tags" / tag / "current/link"

    def _used(self, tag: str) -> float:
        pulled = self.pulls / "_tags" / tag
        return min(age(self._link(tag), self.now), age(pulled if pulled.exists() else self.pulls / "_since", self.now))

    def tags(self) -> set[str]:
        """Without those that belong to a manifest, which follow no rule."""
        return {tag for tag in self.store.tags(self.repo.name) if not graph.BELONGS.fullmatch(tag)}

    def kept(self) -> set[str]:
        tags, rules = self.tags(), self.rules
        by_time = sorted(tags, key=lambda tag: (self._link(tag).stat().st_mtime_ns, tag), reverse=True)
        return set(by_time[:rules.newest or 0]) | {
            tag for tag in tags if any(fnmatchcase(tag, pattern) for pattern in rules.tags or ())
            or (rules.younger and age(self._link(tag), self.now) < rules.younger)
            or (rules.pulled and self._used(tag) < rules.pulled)}

    def check_belonging(self, before: dict[str, str]):
        """Such a tag goes with its manifest, and only with it; `before` is what tags() of graph said."""
        revisions = self.store.revisions(self.repo.name)
        for tag in before.keys() - self.store.tags(self.repo.name).keys():
            if belongs := graph.BELONGS.fullmatch(tag):
                assert f"{belongs[1]}:{belongs[2]}" not in revisions, tag
