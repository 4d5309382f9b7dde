# SPDX-License-Identifier: Apache-2.0
"""What lintian says of the packages."""

import subprocess


def test_lintian(packages):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0",
                           next(packages.glob("berth_*.changes"))], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
