# SPDX-License-Identifier: Apache-2.0
"""debian/tests, by the program with which Debian tests its packages: it installs what they depend on, and runs them in the
source."""

import re
import subprocess

import pytest

from tests.lib.paths import CHECKOUT


def names():
    return re.findall(r"^Features: test-name=(\S+)$", (CHECKOUT / "debian/tests/control").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", names())
def test_autopkgtest(machine, packages, name):
    subprocess.run(["dpkg-source", "-q", "-x", next(packages.glob("berth_*.dsc")), machine.root / "root/source"], check=True)
    machine.run("apt-get install -y -qq --no-install-recommends autopkgtest")
    done = machine.attempt(f"autopkgtest --no-built-binaries --test-name={name} --summary-file=/root/summary "
                           "/root/now/*.deb /root/source/ -- null")
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    assert machine.run("cat /root/summary").split() == [name, "PASS"]


def test_each_server_has_one():
    assert names() == ["lighttpd", "apache2", "nginx"]
