# SPDX-License-Identifier: Apache-2.0
"""What the packages' scripts do to a web server, where the programs that they call are stand-ins. tests/package, which is no
part of the run, has the real ones."""

import os
import subprocess

import pytest

from tests.lib.paths import CHECKOUT

SERVERS = {"lighttpd": "restart", "nginx": "reload"}


class Host:
    def __init__(self, directory):
        self.directory, self.log = directory, directory / "log"

    def stand_in(self, name, status=0):
        """A program that ends so; its arguments are noted."""
        path = self.directory / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.log}\nexit {status}\n')
        path.chmod(0o755)

    def helper(self, server, text):
        """What is said when `text` is run with the helper, under the scripts' own rules."""
        path = f"{self.directory}:{os.environ['PATH']}"
        done = subprocess.run(["sh", "-ec", f"server={server}\n. {CHECKOUT}/debian/maintscript-helper\n{text}"],
                              env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def ran(self):
        return self.log.read_text().splitlines()


@pytest.fixture
def host(tmp_path):
    host = Host(tmp_path)
    for name in ("systemctl", "invoke-rc.d"):
        host.stand_in(name)
    return host


@pytest.mark.parametrize("server, verb", SERVERS.items())
def test_a_removal_tells_the_server(host, server, verb):
    host.stand_in(server)
    assert not host.helper(server, f"berth_serve_no_more {verb}")
    assert f"invoke-rc.d {server} {verb}" in host.ran()


@pytest.mark.parametrize("server, verb", SERVERS.items())
def test_a_removal_leaves_a_server_alone_that_would_not_come_back(host, server, verb):
    """Another site's mistake neither ends the others nor keeps the package from going."""
    host.stand_in(server, status=1)
    said = host.helper(server, f"berth_serve_no_more {verb}")
    assert f"systemctl {verb} {server}" in said
    assert not [line for line in host.ran() if line.startswith("invoke-rc.d")]


@pytest.mark.parametrize("server, verb", SERVERS.items())
def test_an_installation_starts_no_server_that_was_stopped(host, server, verb):
    """It is said how the registry gets there; and where the server runs, it is told."""
    host.stand_in(server)
    host.stand_in("systemctl", status=3)  # is-active, of what is not
    said = host.helper(server, f"berth_server_runs() {{ systemctl -q is-active {server}; }}; berth_serve {verb}")
    assert f"{server} does not run" in said and f"systemctl enable --now {server}" in said
    assert host.ran() == [f"systemctl -q is-active {server}"]
    host.stand_in("systemctl")
    assert not host.helper(server, f"berth_server_runs() {{ systemctl -q is-active {server}; }}; berth_serve {verb}")
    assert host.ran()[-1] == f"invoke-rc.d {server} {verb}"
