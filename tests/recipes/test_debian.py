# SPDX-License-Identifier: Apache-2.0
"""docs/debian.md, from a clone to a registry that survives a reboot; tests/package has the other servers, upgrades and removals."""

import pytest

from tests.recipes import judge
from tests.recipes.hands import SERVING
from tests.recipes.machine import Machine
from tests.recipes.test_web_servers import after_reboot


@pytest.fixture
def machine(place, clone):
    with Machine(place / "debian", clone) as machine:
        yield machine


def test_debian_package(machine, pages):
    machine.type(pages["debian"].take("Install"))
    judge.wait(machine, SERVING)
    after_reboot(machine, SERVING)
    assert machine.run("systemctl is-active berth-gc.timer").strip() == "active"
    # Where the texts of the package say that they are.
    machine.run("for page in tls logins from-registry-2; do test -e /usr/share/doc/berth/$page.md.gz; done")
