#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How many of the lines of each folder of src ran, as gcov counts them in a tree that was configured with
--enable-coverage.  coverage.py [--forget] TREE

A process adds what ran to the files of its tree when it ends by itself, not when it is killed.
"""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"
# The least share of lines that are to run, in percent. Where a folder is not named, whatever it has will do.
LEAST = {"store": 90, "gc": 90, "fsck": 90, "registry": 90, "auth": 90, "api": 90, "remote": 90, "transfer": 85}

Lines = dict[int, int]  # how often each of a file ran


def forget(tree: Path):
    """What ran so far."""
    for path in tree.rglob("*.gcda"):
        path.unlink()


def let_all_count(tree: Path):
    """Some tests start programs as other users, who would complain that they cannot write."""
    for path in tree.rglob("*.gcno"):
        counts = path.with_suffix(".gcda")
        counts.touch()
        counts.chmod(0o666)


def lines_of(tree: Path, source: Path = SOURCE) -> dict[str, Lines]:
    """Of the files below source, by their path there. What is part of several programs has run if it did in one of them."""
    for counts in tree.rglob("*.gcda"):
        if counts.stat().st_size == 0:  # nobody has counted there, and gcov would take it for damage
            counts.unlink()
    notes = sorted(str(path.resolve()) for path in tree.rglob("*.gcno"))
    files: dict[str, Lines] = defaultdict(lambda: defaultdict(int))
    if not notes:
        return files
    with tempfile.TemporaryDirectory() as nowhere:
        output = subprocess.run(["gcov", "--json-format", "--stdout", *notes], cwd=nowhere, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, text=True).stdout
    for unit in map(json.loads, filter(None, output.splitlines())):
        for file in unit["files"]:
            path = Path(unit["current_working_directory"], file["file"]).resolve()
            if path.is_relative_to(source):
                for line in file["lines"]:
                    files[str(path.relative_to(source))][line["line_number"]] += line["count"]
    return files


def judge(files: dict[str, Lines], least: dict[str, int]) -> tuple[list[str], int]:
    """A line of text for each folder, and how many have less than they are to have."""
    ran, lines = defaultdict(int), dict.fromkeys(least, 0)
    for path, counts in files.items():
        folder = path.partition("/")[0]
        ran[folder] += sum(count > 0 for count in counts.values())
        lines[folder] = lines.get(folder, 0) + len(counts)
    report, short = [], 0
    for folder in sorted(lines):
        share = 100 * ran[folder] / lines[folder] if lines[folder] else 0
        enough = share >= least.get(folder, 0)
        short += not enough
        report.append(f"coverage of src/{folder:<10}{share:5.1f} %  {ran[folder]} of {lines[folder]} lines"
                      + (f", at least {least[folder]} %" if folder in least else "") + ("" if enough else ": FAILED"))
    return report, short


def main(*args: str) -> int:
    tree = Path(args[-1])
    if args[0] == "--forget":
        forget(tree)
        let_all_count(tree)
        return 0
    report, short = judge(lines_of(tree), LEAST)
    print("\n".join(report))
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
