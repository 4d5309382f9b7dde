# SPDX-License-Identifier: Apache-2.0
"""Whatever can be pushed, all commands take: none calls damaged what another accepts. Repositories are made by chance.

A failure says its seed: BERTH_ANY_SEED=N tries that one alone. BERTH_ANY_CASES=N tries N, `make property` a thousand."""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lib.anything import Maker, View, differences, grow_old, room_of
from tests.lib.fronts import Cgi
from tests.lib.graph import BELONGS
from tests.lib.oci import Repository, expect
from tests.lib.paths import BUILD
from tests.lib.retention import Aged

OK, DATA, NO_INPUT, IO_ERROR = 0, 65, 66, 74
CASES = int(os.environ.get("BERTH_ANY_CASES") or 12)
FIRST = int(os.environ.get("BERTH_ANY_SEED") or random.SystemRandom().randrange(1 << 40))
# Tests are named by their number: processes that share them agree on names, and need not on seeds.
NUMBERS = range(1 if os.environ.get("BERTH_ANY_SEED") else CASES)
NAMES = "whole/a", "whole/b", "thin/a"
CONF = """root = "{root}"
durability = "none"
repository "**" {{ admin = {{"*"}} }}
repository "thin/**" {{ admin = {{"*"}} sparse = true }}
retain "**" {{ newest = 1000 }}
"""


class Place:
    def __init__(self, home: Path):
        home.mkdir()
        self.home, self.root = home, home / "store"
        self.root.mkdir()
        self.conf = home / "berth.conf"
        self.conf.write_text(CONF.format(root=self.root))
        self.front = Cgi(home, root=self.root, env={"BERTH_CONF": str(self.conf)})

    def repo(self, name: str) -> Repository:
        return Repository(self.front, name)

    def berth(self, *args, statuses=(OK,)) -> str:
        done = subprocess.run([BUILD / "berth", *args, "--config", self.conf], capture_output=True, text=True, timeout=120)
        assert done.returncode in statuses, (args, done)
        return done.stdout

    def views(self, attached=True, whole=True) -> dict:
        """Without `attached` not of tags that belong to a manifest, with which they go; or of what is there."""
        return {name: View.of_tags(self.repo(name), [tag for tag in self.tags(name)
                                                     if attached or not BELONGS.fullmatch(tag)], whole) for name in NAMES}

    def tags(self, name: str) -> list[str]:
        response = expect(self.repo(name).get("tags/list"), 200, 404)
        return response.json()["tags"] if response.status == 200 else []


def check_copies(place: Place):
    for name in NAMES:
        for tag in place.tags(name):
            target = f"{name.partition('/')[0]}/copy/{tag.lower()}"
            place.berth("cp", f"{name}:{tag}", f"{target}:copy")
            wanted = View.of_tags(place.repo(name), [tag])
            got = View.of_tags(place.repo(target), ["copy"])
            wanted["manifests/copy"] = wanted.pop(f"manifests/{tag}")
            assert not differences({target: got}, {target: wanted})


def check_exports(place: Place, other: Place, target: str):
    where = f"{place.home}/{target}"
    place.berth("export", "--all", "-o", where)
    place.berth("export", "--all", "-o", where)  # over what is there
    other.berth("import", where)
    assert not differences(other.views(), place.views())
    other.berth("import", where)
    assert not differences(other.views(), place.views())
    other.berth("fsck")
    for name in NAMES:
        for tag in place.tags(name):
            place.berth("export", f"{name}:{tag}", "-o", f"{place.home}/one.tar", statuses=(OK, NO_INPUT))


def check_room(place: Place):
    for usage in json.loads(place.berth("du", "--json"))["repositories"]:
        manifests, blobs, size = room_of(place.root, usage["name"])
        assert (usage["manifests"], usage["total"]["bytes"]) == (manifests, size), usage


def told_to_go(report: str) -> set[tuple[str, str]]:
    return {(repository["name"], tag["tag"]) for repository in json.loads(report)["repositories"]
            for tag in repository["tags"] if tag["verdict"] == "remove"}


def check_retention(chance: random.Random, place: Place):
    """Of tags of all ages those go that no rule keeps, some in each repository; what the others lead to stays."""
    aged = {name: Aged(chance, place.root, place.repo(name)) for name in NAMES}
    kept, stores = {name: one.kept() for name, one in aged.items()}, {name: one.store for name, one in aged.items()}
    before = {name: store.tags(name) for name, store in stores.items()}
    doomed = {(name, tag) for name, one in aged.items() for tag in one.tags() - kept[name]}
    assert {name for name, _ in doomed} == set(NAMES)
    reached = {name: View.of_tags(place.repo(name), kept[name], whole=False) for name in NAMES}
    place.conf.write_text(CONF.format(root=place.root) + "".join(one.rules.lines(name) for name, one in aged.items()))
    announced = told_to_go(place.berth("retain", "--dry-run", "--json"))
    assert {name: store.tags(name) for name, store in stores.items()} == before
    report = place.berth("retain", "--json")
    gone = {(name, tag) for name, store in stores.items() for tag in before[name].keys() - store.tags(name).keys()}
    assert gone == told_to_go(report) == announced
    assert json.loads(report)["summary"]["tagsRemoved"] == len(gone)
    assert {(name, tag) for name, tag in gone if not BELONGS.fullmatch(tag)} == doomed
    for name, one in aged.items():
        assert one.tags() == kept[name]
        one.check_belonging(before[name])
    grow_old(place.root)
    for command in "fsck", "gc", "fsck":
        place.berth(command)
    after = {name: View.of_tags(place.repo(name), kept[name], whole=False) for name in NAMES}
    assert not [line for line in differences(after, reached) if ": lost " in line]


def check(chance: random.Random, home: Path):
    place, other = Place(home / "one"), Place(home / "two")
    for name in NAMES:
        Maker(chance, place.repo(name), name.startswith("thin")).make(chance.randrange(2, 14))
    rooted = place.views(attached=False)
    place.berth("fsck")
    check_room(place)
    place.berth("retain")
    grow_old(place.root)
    place.berth("gc")
    assert not differences(place.views(attached=False), rooted)
    before = place.views()
    place.berth("fsck")
    check_exports(place, other, chance.choice(("all.tar", "all/", "all.tar.gz")))
    check_copies(place)
    place.berth("fsck")
    check_room(place)
    grow_old(other.root)
    other.berth("gc")
    assert not differences(other.views(), before)
    grow_old(place.root)
    place.berth("gc")
    assert not differences(place.views(), before)
    check_retention(chance, place)


def check_each_tag(place: Place, home: Path):
    """A tag is whole for an export where it is for a copy."""
    for name in NAMES:
        for tag in place.tags(name):
            outcomes = []
            for args in (["export", f"{name}:{tag}", "--all", "-o", home / "one.tar"],
                         ["cp", f"{name}:{tag}", f"{name.partition('/')[0]}/copy/{tag.lower()}:copy"]):
                outcomes.append(subprocess.run([BUILD / "berth", *args, "--config", place.conf], capture_output=True, text=True,
                                               timeout=120))
            assert outcomes[0].returncode in (OK, IO_ERROR), outcomes
            assert outcomes[1].returncode in (OK, DATA, NO_INPUT), outcomes
            assert (outcomes[0].returncode == OK) == (outcomes[1].returncode == OK), outcomes


def check_hurt(chance: random.Random, home: Path):
    """What fsck does not complain of, all others take; and after a repair it complains of nothing."""
    place = Place(home / "one")
    makers = [Maker(chance, place.repo(name), name.startswith("thin")) for name in NAMES]
    for maker in makers:
        maker.make(chance.randrange(4, 16))
    for maker in makers:
        maker.hurt(place.root)
    done = subprocess.run([BUILD / "berth", "fsck", "--config", place.conf], capture_output=True, text=True, timeout=120)
    assert done.returncode in (OK, DATA), done
    if done.returncode == OK:
        place.berth("export", "--all", "-o", home / "all.tar")
    else:
        place.berth("gc", "--dry-run", statuses=(OK, IO_ERROR))
        place.berth("fsck", "--repair")
        place.berth("fsck")
    before = place.views(attached=False, whole=False)
    grow_old(place.root)
    place.berth("gc")
    assert not differences(place.views(attached=False, whole=False), before)
    place.berth("retain")
    check_room(place)
    check_each_tag(place, home)
    place.berth("fsck")
    check_retention(chance, place)


@pytest.mark.parametrize("what", [check, check_hurt])
@pytest.mark.parametrize("number", NUMBERS)
def test_any_content(number, what, tmp_path):
    seed = FIRST + number
    print(f"BERTH_ANY_SEED={seed}")
    home = tmp_path / "home"
    home.mkdir()
    what(random.Random(seed), home)
    shutil.rmtree(home)
