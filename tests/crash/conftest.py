# SPDX-License-Identifier: Apache-2.0
"""The ring of power cuts: nothing that was acknowledged is lost in any state of the disk that a cut may leave.

BERTH_CRASH=long looks at all of it (`make crash`), and BERTH_CRASH_SEED at other samples. BERTH_CRASH_DONE names a file of what
has passed, which is not looked at again: who stops a long run goes on there, until berth or this ring changes."""

import contextlib
import functools
import hashlib
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.crash.explore import Judge, Theatre
from tests.crash.trace import RECORDER
from tests.lib.paths import BUILD, MEMORY


@dataclass
class Run:
    """How much is looked at, and what has been."""

    long: bool = os.environ.get("BERTH_CRASH") == "long"
    seed: str = os.environ.get("BERTH_CRASH_SEED", "berth")
    figures: dict = field(default_factory=dict)
    noted: dict = field(default_factory=dict)  # which of them are in the file of what has passed

    @property
    def states(self) -> int:
        """At most so many at one point."""
        return 4096 if self.long else 128

    @property
    def states_of_pair(self) -> int:
        """There are thousands of pairs in the long run."""
        return 256 if self.long else 128

    def count(self, what: str, number: int = 1):
        self.figures[what] = self.figures.get(what, 0) + number


@pytest.fixture(scope="session")
def theatre():
    subprocess.run(["make", "-s", "-C", BUILD, RECORDER.relative_to(BUILD)], check=True)
    with tempfile.TemporaryDirectory(prefix="berth-crash-", dir=MEMORY) as directory:
        Path(directory).chmod(0o755)
        yield Theatre(Path(directory))


@pytest.fixture(scope="session")
def judge(theatre):
    return Judge(theatre.home)


# What all processes of pytest have looked at.
total = Run()
BEGAN = time.monotonic()


@pytest.fixture(scope="session")
def run(pytestconfig):
    run = Run()
    yield run
    if hasattr(pytestconfig, "workeroutput"):  # of pytest-xdist; the process that started this one tells the sum
        pytestconfig.workeroutput["figures"] = run.figures
    else:
        add(run.figures)


def add(figures: dict):
    for what, number in figures.items():
        total.count(what, number)


# --- a run that is done in pieces ---

DONE = os.environ.get("BERTH_CRASH_DONE")


@functools.lru_cache
def subject() -> str:
    """What a note is good for: these programs, this ring, this length."""
    digest = hashlib.sha256(f"{total.long} {total.seed}".encode())
    for path in (BUILD / "berth", BUILD / "berth.fcgi", *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def notes_of(path: Path, of: str) -> dict:
    """The figures of each test that has passed. Who was stopped may have left half a line."""
    figures = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        with contextlib.suppress(ValueError, KeyError):
            note = json.loads(line)
            if note["subject"] == of:
                figures[note["test"]] = note["figures"]
    return figures


@functools.lru_cache
def done() -> dict:
    """When this run began."""
    return notes_of(Path(DONE), subject()) if DONE else {}


def pytest_configure():
    done()  # before anything is added to it


def pytest_collection_modifyitems(config, items):
    left = [item for item in items if item.nodeid not in done()]
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in done()])
    items[:] = left


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not (DONE and report.when == "call" and report.passed):
        return
    figures = {}
    if run := item.funcargs.get("run"):
        figures = {what: number - run.noted.get(what, 0) for what, number in run.figures.items()}
        run.noted = dict(run.figures)
    with open(DONE, "a", encoding="utf-8") as file:
        file.write(json.dumps({"subject": subject(), "test": item.nodeid, "figures": figures}) + "\n")


def pytest_sessionfinish(session, exitstatus):
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and done():
        session.exitstatus = pytest.ExitCode.OK


# --- figures ---

@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    add(getattr(node, "workeroutput", {}).get("figures", {}))


def pytest_terminal_summary(terminalreporter):
    for figures in done().values():
        add(figures)
    if done():
        terminalreporter.write_line(f"{len(done())} tests had passed before, as {DONE} says")
    if total.figures:
        figures = ", ".join(f"{number} {what}" for what, number in total.figures.items())
        terminalreporter.write_line(f"seed {total.seed}: {figures}, in {time.monotonic() - BEGAN:.0f} s")
