# SPDX-License-Identifier: Apache-2.0
"""Debian packages, as `make deb` leaves them in the build tree, installed in fresh machines. BERTH_RECIPES_BASE and
BERTH_PACKAGE_BEFORE name directories where what debootstrap made, and the packages of the version before, are kept."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.lib.paths import BUILD
from tests.recipes.machine import Machine, a_base

NEEDED = {"debootstrap": "debootstrap", "dpkg-buildpackage": "dpkg-dev", "dh": "debhelper", "lintian": "lintian",
          "systemd-nspawn": "systemd-container"}
BEFORE = "0.0.9"  # a version that nobody has


def pytest_sessionstart(session):
    missing = [package for program, package in NEEDED.items() if not shutil.which(program)]
    if missing:
        pytest.exit(f"these tests need more: apt-get install {' '.join(missing)}", returncode=2)


@pytest.fixture(scope="session")
def place():
    """Neither on an overlay nor in memory, as both may be unfit for the layers of another overlay."""
    with tempfile.TemporaryDirectory(prefix="berth-package-", dir="/var/tmp") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def packages():
    """The directory of what `make deb` has built."""
    directory = BUILD / "deb"
    assert list(directory.glob("berth_*.changes")), f"nothing is in {directory}: make package-test builds it"
    return directory


@pytest.fixture(scope="session")
def before(packages, place):
    """The packages of a version before: the same source, except for its number and for what it had in conffiles."""
    directory = Path(os.environ.get("BERTH_PACKAGE_BEFORE") or place / "before")
    if list(directory.glob("*.deb")):
        return directory
    directory.mkdir(exist_ok=True)
    source = directory / "source"
    subprocess.run(["dpkg-source", "-q", "-x", next(packages.glob("berth_*.dsc")), source], check=True)
    changelog = source / "debian/changelog"
    changelog.write_text(re.sub(r"\(.*?\)", f"({BEFORE})", changelog.read_text(), count=1))
    for name in ("etc/berth.conf.in", "debian/lighttpd/50-berth.conf", "debian/apache2/berth-apache2.conf", "debian/nginx/site/berth"):
        with open(source / name, "a", encoding="utf-8") as file:
            file.write("\n# as it was before\n")
    done = subprocess.run(["dpkg-buildpackage", "-us", "-uc", "-b"], cwd=source, capture_output=True, text=True, check=False,
                          env={**os.environ, "DEB_BUILD_OPTIONS": "nocheck noautodbgsym parallel=2"})
    assert done.returncode == 0, done.stderr[-2000:]
    shutil.rmtree(source)
    return directory


@pytest.fixture(scope="session")
def base(place):
    return a_base(place)


@pytest.fixture
def machine(place, base, packages, before, request):
    """With the packages in /root/before and /root/now."""
    home = place / re.sub(r"\W", "_", request.node.name)
    with Machine(home, [base]) as machine:
        for name, directory in (("before", before), ("now", packages)):
            (machine.root / "root" / name).mkdir()
            for package in directory.glob("berth*.deb"):
                shutil.copy(package, machine.root / "root" / name)
        machine.run("apt-get update -qq")
        yield machine
