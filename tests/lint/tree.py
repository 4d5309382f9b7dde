# SPDX-License-Identifier: Apache-2.0
"""The files that a check looks at, and the commands that it runs on them."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

JOBS = 2
DIRECTORIES = ("src", "cgi-bin", "tests", "etc", "man", "packaging", "debian", ".ci")
TOP_LEVEL = ("configure.ac", "Makefile.am", "quickstart")
NOT_SOURCE = {"__pycache__", ".pytest_cache", "corpus", "errors"}  # etc/errors holds JSON, which has no comments


class Tree:
    """A checkout, or a copy of a part of one."""

    def __init__(self, root: Path):
        self.root = root
        self.files = sorted(self._find())

    def _find(self):
        for name in TOP_LEVEL:
            if (self.root / name).is_file():
                yield self.root / name
        for top in DIRECTORIES:
            for directory, below, names in os.walk(self.root / top):
                below[:] = [name for name in below if name not in NOT_SOURCE]
                yield from (Path(directory) / name for name in names)

    def named(self, *suffixes: str, within: tuple = DIRECTORIES) -> list[Path]:
        return [path for path in self.files if path.suffix in suffixes and self.name(path).split("/")[0] in within]

    def texts(self) -> list[Path]:
        """For people to read: they have no SPDX line."""
        return sorted([*self.root.glob("*.md"), *self.root.glob("docs/**/*.md")])

    def name(self, path: Path) -> str:
        return str(path.relative_to(self.root))

    def scripts(self, interpreter: str) -> list[Path]:
        """Files that say at their top that `interpreter` runs them, or those that include them."""
        says = re.compile(rb"(?:\A#!.*\b|^# shellcheck shell=)%s\b" % interpreter.encode(), re.MULTILINE)
        return [path for path in self.files if says.search(path.read_bytes()[:120])]


def code_of(path: Path) -> str:
    """C source with its comments and the contents of its literals blanked out; lines stay where they are."""
    def blank(match):
        text = match.group()
        return text[0] + text[0] if text[0] in "\"'" else re.sub(r"[^\n]", " ", text)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, path.read_text(), flags=re.DOTALL)


def output_of(command: list) -> str:
    """What the command has to complain about; "" if it succeeds."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"status {done.returncode}"


def complaints(commands) -> list[str]:
    with ThreadPoolExecutor(JOBS) as pool:
        return [text for text in pool.map(output_of, commands) if text]
