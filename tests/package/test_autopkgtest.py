# SPDX-License-Identifier: Apache-2.0
"""debian/tests, as a machine that tests Debian's packages runs them: what they depend on is installed, then the command runs
in the source."""

import shutil

import pytest

from tests.lib.paths import CHECKOUT

TESTS = CHECKOUT / "debian/tests"


def stanzas():
    text = "".join(line for line in (TESTS / "control").read_text().splitlines(keepends=True) if not line.startswith("#"))
    return [dict(line.split(": ", 1) for line in stanza.splitlines()) for stanza in text.strip().split("\n\n")]


@pytest.mark.parametrize("stanza", stanzas(), ids=lambda stanza: stanza["Features"].partition("=")[2])
def test_autopkgtest(machine, stanza):
    shutil.copytree(TESTS, machine.root / "root/source/debian/tests")
    names = stanza["Depends"].split(", ")
    files = [f"/root/now/{name}_*.deb" for name in ("berth", *names) if name.startswith("berth")]
    others = [name for name in names if not name.startswith("berth")]
    machine.run(f"apt-get install -y -qq {' '.join(files + others)}")
    done = machine.attempt(stanza["Test-Command"], where="/root/source")
    assert done.returncode == 0, done.stdout + done.stderr
