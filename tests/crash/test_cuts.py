# SPDX-License-Identifier: Apache-2.0
"""The power is cut at every point of each operation, chain and pair."""

import pytest

from tests.crash.explore import Found, Play, explore
from tests.crash.operations import CHAINS, OPERATIONS, PAIRS

KEPT = 1  # states of each play that berth judges, in the short run
KEPT_LONG = 10
STRIDE = 7  # of the calls at which the first of a pair is killed or stands still, in the short run
PLACES = 8  # of these at most, since a copy and an import have hundreds of calls

def look(run, play: Play, most: int, keep: int) -> Found:
    found = explore(play, most, run.seed + play.name, keep=keep)
    run.count("states", found.states)
    run.count("points", found.points)
    run.count("points sampled", found.sampled)
    return found


def check(run, judge, found: Found):
    """No state breaks a promise, and berth agrees."""
    assert not found.violations, f"{len(found.violations)} of {found.states} states, such as {found.violations[0]}"
    for kept in found.kept:
        run.count("states judged by berth")
        assert not (problems := judge.problems(*kept)), problems


@pytest.mark.parametrize("scenario", OPERATIONS + CHAINS, ids=lambda scenario: scenario.name)
def test_cut(theatre, judge, run, scenario):
    found = look(run, theatre.play(scenario), run.states, KEPT_LONG if run.long else KEPT)
    run.count("operations and chains")
    check(run, judge, found)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@pytest.mark.parametrize("way", ["killed", "beside"])
def test_cut_of_pair(theatre, judge, run, pair, way):
    """The second builds on what the first has not finished."""
    play = theatre.play_killed if way == "killed" else theatre.play_beside
    calls = theatre.count(pair)
    for at in range(1, calls + 1, 1 if run.long else max(STRIDE, calls // PLACES)):
        found = look(run, play(pair, at), run.states_of_pair, int(run.long or at == 1))
        run.count("pairs")
        assert not found.violations, f"{way} at {at}: {len(found.violations)} states, such as {found.violations[0]}"
        check(run, judge, found)
