# SPDX-License-Identifier: Apache-2.0
"""An upload session is not promised against a power cut. But whoever goes on with what is left of one gets the blob that he
sent, or an error: never other bytes under its digest."""

import copy
import random

import pytest

from tests.crash.explore import Mark, Play
from tests.crash.judge import View
from tests.crash.operations import APP, BLOB, blob_steps
from tests.crash.steps import Scenario
from tests.lib import oci
from tests.lib.fronts import Cgi

STATES = 200


@pytest.fixture(scope="module")
def play(theatre):
    """All but the last request."""
    return theatre.play(Scenario("session", blob_steps(chunks=2)[:3]))


def whole_sessions(play: Play, seed: str):
    """The states that a cut may leave then in which a session seems to be there, and where."""
    disk = copy.deepcopy(play.disk)
    for event in play.timeline:
        if not isinstance(event, Mark):
            disk.follow(event)
    for _, make in disk.states(STATES, random.Random(seed)):
        state = make()
        for (name, session), files in View(state).sessions.items():
            if {"data", "state"} <= files.keys():
                yield state, f"/v2/{name}/blobs/uploads/{session}"


def finish(theatre, state, location, *, comes_up=True) -> tuple[int, list[str]]:
    """How the last request is answered, and what is wrong with the store then."""
    with theatre.place(empty=True) as place:
        state.write(place.disk, comes_up)
        front = Cgi(place.home, root=place.store)
        status = oci.Repository(front, APP).close_upload(location, BLOB.digest).status
        return status, View(theatre.look(place)).wrong()


def test_what_is_left_of_a_session_holds_no_other_bytes(theatre, play, run):
    statuses = set()
    for state, location in whole_sessions(play, run.seed):
        status, wrong = finish(theatre, state, location)
        assert not wrong
        statuses.add(status)
    assert statuses <= {201, 400, 404, 416}
    assert 201 in statuses


def test_this_sees_a_berth_that_believes_the_hash_after_a_cut(theatre, play, run):
    """One that does not look at which run of the kernel wrote the bytes."""
    assert any(finish(theatre, state, location, comes_up=False)[1] for state, location in whole_sessions(play, run.seed))


def test_a_session_costs_no_sync(play):
    """It is promised against a process that is killed, for which nothing needs to be on the disk."""
    assert not [str(event) for event in play.timeline if not isinstance(event, Mark) and event.is_sync]
