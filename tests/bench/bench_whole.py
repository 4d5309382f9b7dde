# SPDX-License-Identifier: Apache-2.0
"""What a registry costs as a whole: pulls and pushes mixed, memory of all its processes, and processor time of a push."""

import os
import sys

from tests.bench import figures, generator, registries
from tests.lib.paths import MEMORY

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
LARGE, PUSHES = 256 << 20, 4  # together a GiB


def mixed(kind: registries.Kind) -> float:
    with kind.running(MEMORY) as registry:
        done = generator.load(registry.port, "mixed", c=16, t=SECONDS, s=4_000)
    return done["operations"] / done["seconds"]


def memory(kind: registries.Kind) -> tuple[float, float]:
    """Idle, after a few requests to each of its processes; at the most while layers come."""
    with kind.running(MEMORY) as registry:
        processes = registry.processes_of
        generator.load(registry.port, "get", c=16, n=20)
        idle = processes.memory()
        with processes.watched() as peak:
            generator.load(registry.port, "push", c=8, n=1, s=LARGE)
            generator.load(registry.port, "mixed", c=16, t=1, s=4_000)
    return idle, peak[0]


def processor(kind: registries.Kind) -> float:
    """Seconds for a GiB."""
    with kind.running(MEMORY) as registry:
        before = registry.processes_of.cpu()
        generator.load(registry.port, "push", n=PUSHES, s=LARGE)
        return registry.processes_of.cpu() - before


def keep(what: str, unit: str, more_is_better: bool, values: dict[str, list]):
    figures.keep(figures.Figure("whole", what, unit, more_is_better, values))


def main():
    generator.make()
    kinds = registries.all_kinds()
    keep("mixed: 80 % pulls, 20 % pushes, 16 clients, memory", "/s", True, figures.in_turns(kinds, ROUNDS, mixed))
    taken = figures.in_turns(kinds, ROUNDS, memory)
    for at, when in enumerate(("idle", "at the most")):
        keep(f"memory of all processes, {when}", "MB", False, {name: [one[at] for one in all_of] for name, all_of in taken.items()})
    keep("processor time of a GiB pushed", "s", False, figures.in_turns(kinds, ROUNDS, processor))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
