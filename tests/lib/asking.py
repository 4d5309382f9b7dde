# SPDX-License-Identifier: Apache-2.0
"""Asks a registry through libremote (tests/remote/ask.c)."""

import json
import os
import subprocess
from types import SimpleNamespace

from tests.lib.paths import BUILD, SANITIZING

PROGRAM = BUILD / "tests/remote/ask"
# Nothing of the machine's own proxies.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
# No limit of time is reached where something is right, however busy the machine is.
LIMITS = {"connect_seconds": 50, "stall_seconds": 50, "answer_seconds": 100, "tries": 2}
# For what is to be too slow.
SHORT = {"stall_seconds": 1, "answer_seconds": 2}


def build():
    subprocess.run(["make", "-s", "-C", BUILD, PROGRAM.relative_to(BUILD)], check=True)


def start(*commands, environment=None, **options) -> subprocess.Popen:
    """Each command is a list of words. Options may be lists: `url=[one, other]`."""
    words = [f"{key}={one}" for key, value in {**LIMITS, **options}.items()
             for one in (value if isinstance(value, (list, tuple)) else [value])]
    for command in commands:
        words += ["--", *map(str, command)]
    return subprocess.Popen([PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**ENVIRONMENT, **SANITIZING, **(environment or {})})


def end(process) -> SimpleNamespace:
    """What came of the last command. `text` is all that was said, for who looks for a secret in it."""
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and not errors, (process.returncode, output, errors)
    return SimpleNamespace(**{"error": None, **json.loads(output)}, text=output)


def ask(*commands, environment=None, **options) -> SimpleNamespace:
    return end(start(*commands, environment=environment, **options))
