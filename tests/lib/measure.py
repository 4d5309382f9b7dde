# SPDX-License-Identifier: Apache-2.0
"""How long commands take and how much memory, and how two programs compare."""

import os
import statistics
import subprocess
import tempfile
from dataclasses import dataclass


# The kernel counts what a process took before it called exec, too, so the command is started by one that is small.
LAUNCHER = """import os, sys, time
figures = int(sys.argv[1])
os.set_inheritable(figures, False)
started = time.monotonic()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
cpu = usage.ru_utime + usage.ru_stime
os.write(figures, b"%f %f %d %d" % (time.monotonic() - started, cpu, usage.ru_maxrss, os.waitstatus_to_exitcode(status)))
"""


@dataclass
class Run:
    seconds: float
    cpu: float  # seconds that processors worked for it, which others on the machine hardly change
    mebibytes: float  # of memory, at the most; below 10 it is not known how many
    output: str


def run(command, status=0) -> Run:
    """The command must end with this status. What it prints goes to a file, so that it waits for no reader."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as figures:
        subprocess.run(["/usr/bin/python3", "-IS", "-c", LAUNCHER, str(figures.fileno()), *map(str, command)],
                       stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[figures.fileno()], check=True)
        output.seek(0)
        figures.seek(0)
        text = output.read().decode(errors="replace")
        seconds, cpu, kibibytes, ended = map(float, figures.read().split())
    assert ended == status, f"{command}: {ended}\n{text[-2000:]}"
    return Run(seconds, cpu, kibibytes / 1024, text)


def warm(tree):
    """Brings all of it into the caches, and has everything written that waits for it."""
    os.sync()
    for directory, _, names in os.walk(tree):
        for name in names:
            with open(f"{directory}/{name}", "rb") as file:
                while file.read(1 << 20):
                    pass


def alternate(rounds: int, first, second) -> tuple[list, list]:
    """The results of both in each round; which comes first changes."""
    results = [], []
    for number in range(rounds):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            results[which].append((first, second)[which]())
    return results


def row(what: str, unit: str, berth: list[float], other: list[float], more_is_better: bool = False) -> float:
    """Prints the medians, and by how much berth is better."""
    ours, theirs = statistics.median(berth), statistics.median(other)
    ratio = ours / theirs if more_is_better else theirs / ours
    print(f"{what:<44} berth {ours:9.3f} {unit}   docker-registry {theirs:9.3f} {unit}   {ratio:6.2f} times as good",
          flush=True)
    return ratio
