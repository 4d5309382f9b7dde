# SPDX-License-Identifier: Apache-2.0
"""The ring of power cuts: nothing that was acknowledged is lost in any state of the disk that a cut may leave.

BERTH_CRASH=long looks at all of it (`make crash`), and BERTH_CRASH_SEED at other samples."""

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


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    add(getattr(node, "workeroutput", {}).get("figures", {}))


def pytest_terminal_summary(terminalreporter):
    if total.figures:
        figures = ", ".join(f"{number} {what}" for what, number in total.figures.items())
        terminalreporter.write_line(f"seed {total.seed}: {figures}, in {time.monotonic() - BEGAN:.0f} s")
