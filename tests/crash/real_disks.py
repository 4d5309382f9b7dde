# SPDX-License-Identifier: Apache-2.0
"""The same operations and chains on ext4, XFS and btrfs: the power is cut at every flush of the disk and between, the file
system is mounted again, as it does after a cut, and what is in it is judged. `make crash-disk`; it takes mkfs.xfs and mkfs.btrfs."""

import random
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash import operations
from tests.crash.disk import Disk
from tests.crash.explore import careless
from tests.crash.judge import View, broken
from tests.crash.steps import Request, Scenario
from tests.crash.tape import BLOCK, FILE_SYSTEMS, cuts, mounted, promised, record
from tests.lib.paths import BUILD


@pytest.fixture(scope="session", autouse=True)
def block():
    subprocess.run(["make", "-s", "-C", BUILD, BLOCK.relative_to(BUILD)], check=True)


def look(theatre, run, scenario: Scenario, kind) -> tuple[list, list]:
    """What is wrong in which state, and one state, with what was promised in it, for berth to judge."""
    violations, kept = [], []
    with tempfile.TemporaryDirectory(prefix="disk-", dir=theatre.home) as directory:
        home = Path(directory)
        tape = record(theatre, scenario, kind, home)
        rng = random.Random(run.seed + tape.name)
        for cut in cuts(tape, home, rng):
            run.count(f"states of {kind}")
            with mounted(cut.image, home / "disk", kind.options):
                state = Disk(home / "disk", careless).state([], {})
            cut.image.unlink()
            view = View(state)
            promises, whole = promised(tape, cut)
            problems = broken(view, promises.allowed)
            if whole or not tape.damaged:
                problems += view.wrong()
                given = {key for key in promises.allowed if key[0] == "tag" or key not in tape.promises}
                kept.append((state, dict(promises.allowed), given))
            violations += [f"{tape.name}, {cut.what}: {problem}" for problem in problems]
        return violations, rng.sample(kept, min(1, len(kept)))


@pytest.mark.parametrize("scenario", operations.OPERATIONS + operations.CHAINS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("kind", FILE_SYSTEMS, ids=str)
def test_cut_of_real_disk(theatre, judge, run, kind, scenario):
    violations, kept = look(theatre, run, scenario, kind)
    run.count(f"operations and chains on {kind}")
    assert not violations, f"{len(violations)} violations, such as {violations[:3]}"
    for state in kept:
        assert not (problems := judge.problems(*state)), problems


@dataclass(frozen=True)
class Careless(Request):
    """Answered by a berth that syncs nothing."""

    def command(self, place):
        argv, env, body = super().command(place)
        return argv, {**env, "BERTH_DURABILITY": "none"}, body


@pytest.mark.parametrize("kind", FILE_SYSTEMS, ids=str)
def test_this_sees_a_berth_that_syncs_nothing(theatre, run, kind):
    step, = next(scenario for scenario in operations.OPERATIONS if scenario.name == "blob-single-post").steps
    violations, _ = look(theatre, run, Scenario("careless", (Careless(**vars(step)),)), kind)
    assert any("promised blob" in violation for violation in violations)
