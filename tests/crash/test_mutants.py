# SPDX-License-Identifier: Apache-2.0
"""What the ring must see: a berth that leaves out one sync, or does two rounds of them in the wrong order."""

import pytest

from tests.crash.conftest import Run
from tests.crash.explore import explore
from tests.crash.mutants import drops, swaps
from tests.crash.operations import OPERATIONS

# Each kind of step is in one of these; the long run takes all.
SHORT = {"blob", "blob-new-repository", "mount", "manifest-new-tag", "manifest-subject", "delete-manifest", "delete-referrer",
         "delete-blob", "delete-tag", "cancel-old", "head-blob", "head-manifest", "rm-repository", "gc", "first-push"}
STATES = 512  # at one point, which is more than most mutants need
CHOSEN = [scenario for scenario in OPERATIONS if Run.long or scenario.name in SHORT]


@pytest.mark.parametrize("scenario", CHOSEN, ids=lambda scenario: scenario.name)
def test_mutants_are_caught(theatre, run, scenario):
    """Or it is told why they break nothing."""
    play = theatre.play(scenario)
    missed = []
    for mutant in (*drops(play), *swaps(play)):
        run.count("mutants")
        if reason := mutant.explanation():
            run.count("of them explained")
            continue
        try:
            if explore(mutant.play, STATES, run.seed, stop=True).violations:
                run.count("caught")
                continue
        except FileNotFoundError:
            run.count("impossible")  # what comes first needs what comes second
            continue
        missed.append(mutant.what)
    assert not missed, missed
