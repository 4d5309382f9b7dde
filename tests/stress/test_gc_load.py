# SPDX-License-Identifier: Apache-2.0
"""Clients push, move, delete and pull while the collector runs without a pause.

It takes BERTH_STRESS_SECONDS, 30 if that is not said, and a fifth of it before that without a collector, to compare.
BERTH_STRESS_DURABILITY=full measures the disk as well.
"""

import json
import os
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.conftest import running_front
from tests.lib.graph import Store
from tests.lib.paths import BUILD
from tests.stress import load

SECONDS = float(os.environ.get("BERTH_STRESS_SECONDS") or 30)
DURABILITY = os.environ.get("BERTH_STRESS_DURABILITY") or "none"
GRACE = 5
CLIENTS = 8  # of either kind
STALL_MAX = 0.25


@pytest.fixture
def front():
    with running_front("lighttpd", workers=8, env={"BERTH_GRACE": str(GRACE), "BERTH_DURABILITY": DURABILITY}) as front:
        yield front


def berth(front, *args) -> subprocess.CompletedProcess:
    """The command, with the configuration of the processes that serve."""
    environment = {"PATH": "/usr/bin:/bin", "BERTH_CONF": str(front.home / "etc/berth/berth.conf"),
                   "BERTH_ROOT": str(front.root)}
    return subprocess.run([BUILD / "berth", *args], env=environment, capture_output=True, text=True, timeout=120)


def collect(front, grace="5s") -> dict:
    done = berth(front, "gc", "--grace", grace, "--json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def run_load(front) -> tuple[load.Report, float, list[dict]]:
    """What all clients report, when the collector began, and what it says of each run."""
    began = time.monotonic()
    gc_begins = began + SECONDS / 5
    deadline = gc_begins + SECONDS
    runs, total = [], load.Report()
    with ProcessPoolExecutor(2 * CLIENTS) as processes:
        clients = [processes.submit(load.work, kind, front.port, number, GRACE, deadline)
                   for number in range(CLIENTS) for kind in ("pusher", "puller")]
        time.sleep(gc_begins - time.monotonic())
        while time.monotonic() < deadline and not any(client.done() for client in clients):
            runs.append(collect(front))
        for client in clients:
            total.add(client.result())
    return total, gc_begins, runs


def longest(durations) -> tuple[float, str]:
    return max(((seconds, request) for _, seconds, request in durations), default=(0, ""))


def describe(what: str, durations) -> float:
    """Prints the figures, and returns the longest."""
    seconds, request = longest(durations)
    ordered = sorted(entry[1] for entry in durations)
    print(f"{what}: {len(durations)} requests, median {ordered[len(ordered) // 2] * 1000:.1f} ms, 99.9 % "
          f"{ordered[len(ordered) * 999 // 1000] * 1000:.0f} ms, longest {seconds * 1000:.0f} ms: {request}")
    return seconds


def summary(report: load.Report, gc_begins: float, runs: list[dict]) -> tuple[float, float]:
    """Prints the figures, and returns the longest request of a push, and the longest for which that is not to blame."""
    stall = describe("pushes with gc", [entry for entry in report.durations if entry[0] >= gc_begins])
    innocent = max(describe("pushes without gc", [entry for entry in report.durations if entry[0] < gc_begins]),
                   describe("pulls with gc", [entry for entry in report.reads if entry[0] >= gc_begins]))
    removed = {kind: sum(run[kind]["removed"] for run in runs) for kind in ("manifests", "layerLinks", "blobs")}
    print(f"{len(runs)} runs of gc removed {removed} and {sum(run['bytes'] for run in runs)} bytes, longest "
          f"{max(run['seconds'] for run in runs)} s, longest pause {max(run['longestPause'] for run in runs)} s")
    print(f"done: {dict(report.done)}\nexcused: {dict(report.excused)}")
    return stall, innocent


def test_collector_disturbs_nobody(front):
    report, gc_begins, runs = run_load(front)
    assert not report.failures, "\n".join(report.failures[:20])
    stall, innocent = summary(report, gc_begins, runs)
    assert max(run["longestPause"] for run in runs) < STALL_MAX
    # Requests that wait for no lock tell how long the machine alone makes them wait.
    assert stall < max(STALL_MAX, 2 * innocent)

    checked = berth(front, "fsck")
    assert checked.returncode == 0, checked
    store = Store(front.root)
    assert not store.problems()
    collect(front, "0s")
    assert berth(front, "fsck").returncode == 0
    assert not store.problems()
    assert store.blob_bytes() == store.live_bytes() > 0
    assert not store.litter()
    for kind in ("manifests pushed", "layers there", "layers pushed", "pulled by tag", "pulled by digest", "deleted 202"):
        assert report.done[kind] > SECONDS, f"{kind}: too few to say anything"
