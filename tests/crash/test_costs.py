# SPDX-License-Identifier: Apache-2.0
"""What an operation costs is how often it waits for the disk."""

import pytest

from tests.crash.explore import events_of
from tests.crash.operations import OPERATIONS

# Into a repository that exists; docker sends a blob by POST, PATCH and PUT.
SYNCS_MAX = {"blob": 7, "manifest-new-tag": 15, "mount": 3}


@pytest.mark.parametrize("name", SYNCS_MAX)
def test_syncs(theatre, name):
    scenario = next(scenario for scenario in OPERATIONS if scenario.name == name)
    syncs = [str(event) for event in events_of(theatre.play(scenario).timeline) if event.is_sync]
    assert 0 < len(syncs) <= SYNCS_MAX[name], "\n".join(syncs)
