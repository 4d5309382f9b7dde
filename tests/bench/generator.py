# SPDX-License-Identifier: Apache-2.0
"""Load on a registry, by wrk and by the generator in C. An answer that is not the expected one is an error of the run."""

import json
import os
import subprocess
from pathlib import Path

from tests.lib.paths import BUILD

LOAD = BUILD / "tests/bench/load"
COUNTED = Path(__file__).with_name("load.lua")


def make():
    subprocess.run(["make", "-s", "-C", BUILD, LOAD.relative_to(BUILD)], check=True)


class Unexpected(Exception):
    """What was answered, or that nothing was."""


def load(port: int, work: str, **options) -> dict:
    """options by the letters of tests/bench/load.c."""
    words = [str(word) for name, value in options.items() for word in (f"-{name}", value)]
    done = subprocess.run([LOAD, "-p", str(port), "-w", work, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unexpected(done.stderr.strip() or f"load ended with {done.returncode}")
    return json.loads(done.stdout)


def wrk(port: int, target: str, clients: int, seconds: int, size: int, *headers: str, or_more=False) -> dict:
    """GETs, each of which has an answer with about that many bytes."""
    threads = min(clients, os.cpu_count())
    lines = [word for header in headers for word in ("-H", header)]
    done = subprocess.run(["wrk", "-t", str(threads), "-c", str(clients), "-d", str(seconds), "-s", COUNTED, *lines,
                           f"http://127.0.0.1:{port}{target}"], capture_output=True, text=True, check=True)
    counted = json.loads(done.stdout.strip().rpartition("\n")[2])
    if counted["errors"] or not counted["requests"]:
        raise Unexpected(f"GET {target}: {counted['errors']} of {counted['requests']} answers were none that was expected")
    # The head of each answer is in it, and of the last ones not all has come.
    each = counted["received"] / counted["requests"]
    most = float("inf") if or_more else size * (1 + clients / counted["requests"]) + 2000
    if not size <= each <= most:
        raise Unexpected(f"GET {target}: answers have {each:.0f} bytes, not {size}")
    return counted
