# SPDX-License-Identifier: Apache-2.0
"""tests/lib/refuse.py, under which the rings without openat2(2) run."""

import subprocess
import sys

from tests.lib.paths import CHECKOUT

# The number that openat2 answers, with no arguments that it could take.
ASK = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); libc.syscall(437, -1, 0, 0, 0); print(ctypes.get_errno())"
ENOSYS = "38"


def answer(*before) -> str:
    return subprocess.run([*before, sys.executable, "-c", ASK], check=True, capture_output=True, text=True).stdout.strip()


def test_openat2_is_missing_for_all_that_a_command_starts():
    refuse = CHECKOUT / "tests/lib/refuse.py"
    assert answer() != ENOSYS
    assert answer(sys.executable, refuse) == ENOSYS
    assert answer(sys.executable, refuse, "sh", "-c", '"$@"', "sh") == ENOSYS
