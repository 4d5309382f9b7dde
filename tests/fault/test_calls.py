# SPDX-License-Identifier: Apache-2.0
"""Each file system call of each operation fails, as disks and kernels do: the answer is right, nothing is half visible, nothing
is leaked, and the next request works.

BERTH_FAULT=long tries every fault at every call (`make faults`), and BERTH_FAULT_SEED another sample."""

import dataclasses
import os
import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.explore import Theatre
from tests.crash.operations import OPERATIONS
from tests.fault.calls import Attempt, make_injector, rehearse
from tests.lib.paths import MEMORY

LONG = os.environ.get("BERTH_FAULT") == "long"
SEED = os.environ.get("BERTH_FAULT_SEED", "berth")
SAMPLES = 8  # of an operation, in the short run


@pytest.fixture(scope="module")
def theatre():
    make_injector()
    with tempfile.TemporaryDirectory(prefix="berth-calls-", dir=MEMORY) as directory:
        Path(directory).chmod(0o755)
        yield Theatre(Path(directory))


def chosen(rehearsal, name: str) -> list:
    faults = list(rehearsal.faults())
    if LONG:
        return faults
    random.Random(SEED + name).shuffle(faults)
    return list({fault.key(): fault for fault in faults}.values())[:SAMPLES]


def check(theatre, scenario, rehearsal, faults: list):
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        tried = threads.map(lambda fault: Attempt(theatre, scenario, rehearsal).problems(fault), faults)
        problems = [problem for found in tried for problem in found]
    assert not problems, f"{len(problems)} problems with {len(faults)} faults, such as\n" + "\n".join(problems[:8])


@pytest.mark.parametrize("scenario", OPERATIONS, ids=lambda scenario: scenario.name)
def test_faults_at_calls(theatre, scenario):
    rehearsal = rehearse(theatre, scenario)
    check(theatre, scenario, rehearsal, chosen(rehearsal, scenario.name))


def test_a_tag_that_cannot_be_read_keeps_its_manifest(theatre):
    """Which of them point at it has to be known before it goes."""
    scenario = next(scenario for scenario in OPERATIONS if scenario.name == "delete-manifest")
    rehearsal = rehearse(theatre, scenario)
    faults = [fault for fault in rehearsal.faults()
              if fault.call.path.endswith("/doomed/current/link") and fault.what in ("EIO", "EMFILE")]
    assert {fault.call.kind for fault in faults} >= {"open", "pread"}
    check(theatre, scenario, rehearsal, faults)


def test_this_sees_who_acknowledges_what_was_not_synced(theatre):
    scenario = next(scenario for scenario in OPERATIONS if scenario.name == "blob-single-post")
    rehearsal = rehearse(theatre, scenario)
    faults = [fault for fault in rehearsal.faults() if fault.is_lost_sync() and fault.what == "EIO"]
    liar = dataclasses.replace(scenario, steps=(dataclasses.replace(scenario.steps[0], expected=(201, 500)),))
    problems = [problem for fault in faults for problem in Attempt(theatre, liar, rehearsal).problems(fault)]
    assert len([problem for problem in problems if "though an fsync had failed" in problem]) > 3
