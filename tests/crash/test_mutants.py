# SPDX-License-Identifier: Apache-2.0
"""What the ring must see: a berth that leaves out one sync, or does two rounds of them in the wrong order."""

import random

import pytest

from tests.crash.explore import explore
from tests.crash.mutants import drops, swaps
from tests.crash.operations import OPERATIONS

FEW, MANY, ALL = 32, 1024, 65536  # states at one point
MOST = 24  # of an operation's mutants, in the short run


def verdict(mutant, run) -> str:
    """In the short run, who has an explanation is not looked at twice. Nothing: there is none."""
    for states in [MANY, ALL] if run.long else [FEW] if mutant.explanation() else [FEW, MANY]:
        found = explore(mutant.play, states, run.seed, stop=True)
        if found.violations:
            return "caught"
        if not found.sampled or (mutant.explanation() and not (run.long and mutant.is_looked_at_whole())):
            break
    if run.long and mutant.is_looked_at_whole():
        return "" if found.sampled else "right in every state"
    return "explained" if mutant.explanation() else ""


@pytest.mark.parametrize("scenario", OPERATIONS, ids=lambda scenario: scenario.name)
def test_mutants_are_caught(theatre, run, scenario):
    """Or it is told why they break nothing."""
    play = theatre.play(scenario)
    mutants = [*drops(play), *swaps(play)]
    if not run.long:
        mutants = random.Random(run.seed + scenario.name).sample(mutants, min(MOST, len(mutants)))
    missed = []
    for mutant in mutants:
        run.count("mutants")
        if mutant.idle:
            run.count("with nothing left to sync")
            continue
        try:
            if found := verdict(mutant, run):
                run.count(found)
            else:
                missed.append(mutant.what)
        except FileNotFoundError:
            run.count("impossible")  # what comes first needs what comes second
    assert not missed, missed
