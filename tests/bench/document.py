# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md, from the rows of one run. Nobody writes it by hand."""

import os
import platform
import textwrap
import time
from pathlib import Path

from tests.bench import registries
from tests.bench.figures import Figure

# What the page has of each.
BENCHMARKS = {
    "pull": "Reading, from memory",
    "push": "Pushing",
    "whole": "The registry as a whole",
    "import": "Images in and out, beside skopeo (which copies to and from a running berth serve)",
    "growth": "How lists, removals and commands grow",
}

HEAD = """Written by `{settings}make -C build bench BENCH="--document docs/performance.md"`: {versions}, in turns in one run on {machine}, {date}.
{rounds}; in brackets by how much berth is better (below 1: worse). {busy}

Load comes from wrk and from a generator in C (`tests/bench/load.c`) on the same machine. Any answer but the expected one fails
the run. berth is `berth serve` (lighttpd and its workers) with `durability = "full"`; docker-registry syncs no directory. `disk` is
{disk}."""

BUSY = "The ratios are what to look at: others worked on the machine at the same time (load {load:.0f} on {processors} processors)," \
       " so that the figures themselves say little, and a single ratio is out by a third easily."
QUIET = "Figures of another machine are others."
WIDTH = 125


def machine() -> str:
    models = {line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")}
    return f"{os.cpu_count()} processors ({', '.join(sorted(models)) or platform.machine()}), Linux {platform.release()}"


def file_system(directory: str) -> str:
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    return max((mount for mount in mounts if (directory + "/").startswith(mount[0].rstrip("/") + "/")), key=lambda mount: len(mount[0]))[1]


def busy() -> str:
    """Our own load is about two while this runs."""
    load = os.getloadavg()[2]
    return BUSY.format(load=load, processors=os.cpu_count()) if load > os.cpu_count() + 1 else QUIET


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(figures: list[Figure]) -> list[str]:
    names = list(figures[0].values)
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for figure in figures:
        ratios, medians = figure.ratios(), figure.medians()
        cells = [number(medians[name]) + (f" ({ratios[name]:.2f})" if name in ratios else "") for name in names]
        lines.append(f"| {figure.what}, {figure.unit} | {' | '.join(cells)} |")
    return lines


def growth(figures: list[Figure]) -> list[str]:
    """By sizes, each of which not all figures have; last how many times as long the largest takes as the smallest."""
    sizes = sorted({size for figure in figures for size in figure.values}, key=int)
    lines = [f"| ms | {' | '.join(f'{int(size):,}' for size in sizes)} | grows by |", f"|---|{'---|' * len(sizes)}---|"]
    for figure in figures:
        medians = figure.medians()
        cells = [number(medians[size]) if size in medians else "" for size in sizes]
        lines.append(f"| {figure.what} | {' | '.join(cells)} | {number(list(medians.values())[-1] / list(medians.values())[0])} |")
    return lines


def settings() -> str:
    """What the run was told beyond its command line."""
    return "".join(f"{name}={os.environ[name]} " for name in ("BENCH_ROUNDS", "BENCH_SECONDS") if name in os.environ)


def head(figures: list[Figure]) -> list[str]:
    disk = file_system(os.path.realpath(registries.places()["disk"] or os.environ.get("TMPDIR", "/tmp")))
    rounds = max(len(values) for figure in figures for values in figure.values.values())
    text = HEAD.format(settings=settings(), versions=", ".join(kind.version() for kind in registries.all_kinds()), machine=machine(),
                       date=time.strftime("%Y-%m-%d", time.gmtime()), disk=disk, busy=busy(),
                       rounds=f"Medians of {rounds} rounds" if rounds > 1 else "One round")
    paragraphs = [textwrap.wrap(paragraph, WIDTH, break_on_hyphens=False) for paragraph in text.split("\n\n")]
    return ["# How fast berth is", *(line for paragraph in paragraphs for line in ("", *paragraph))]


def page(figures: list[Figure]) -> str:
    lines = head(figures)
    for name, title in BENCHMARKS.items():
        mine = [figure for figure in figures if figure.benchmark == name]
        if mine:
            lines += ["", f"## {title}", "", *(growth if name == "growth" else table)(mine)]
    return "\n".join(lines) + "\n"
