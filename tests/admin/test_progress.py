# SPDX-License-Identifier: Apache-2.0
"""The progress bar of a command that takes long, on a terminal. What it shows in detail: tests/unit/admin."""

import fcntl
import struct
import subprocess
import time

import pytest

from tests.lib import oci
from tests.lib.paths import BUILD
from tests.lib.terminal import Terminal

OFD_SETLK = 37


WAIT = 2.5  # seconds, of which the bar takes one to appear and the command some to start


class CollectorsLock:
    """While it is held, a command that links something waits."""

    def __init__(self, front):
        self.file = open(front.root / "docker/registry/v2/_berth/lock/gc", "r+b")
        fcntl.fcntl(self.file, OFD_SETLK, struct.pack("hhqqixxxx", fcntl.F_WRLCK, 0, 0, 0, 0))

    def release(self):
        self.file.close()


def copy(front, repo, *options):
    return [BUILD / "berth", "cp", f"{repo.name}:v1", "copy", "--root", front.root, *options]


def slow_copy(front, repo, *options) -> str:
    """What a copy shows that has to wait for more than a second at its first blob."""
    lock = CollectorsLock(front)
    with Terminal(copy(front, repo, *options), only_stderr=True, stdin=subprocess.DEVNULL,
                  stdout=subprocess.DEVNULL) as terminal:
        time.sleep(WAIT)
        lock.release()
        shown = terminal.rest()
        assert terminal.process.returncode == 0, shown
    return shown


def test_it_appears_and_goes(front, repo):
    repo.push_image("v1")
    shown = slow_copy(front, repo)
    assert shown.startswith("\rcopying  1  ")
    assert shown.endswith("\r\x1b[K")
    assert shown.count("\r\x1b[K") == 1


@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_quiet(front, repo, option):
    repo.push_image("v1")
    assert slow_copy(front, repo, option) == ""


def test_not_for_a_pipe(front, repo):
    repo.push_image("v1")
    lock = CollectorsLock(front)
    with subprocess.Popen(copy(front, repo), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(WAIT)
        lock.release()
        assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 0


def test_not_for_what_is_fast(front, repo):
    oci.Repository(front).push_image("v1")
    for args in (["du"], ["ls"]):
        with Terminal([BUILD / "berth", *args, "--root", front.root], only_stderr=True, stdin=subprocess.DEVNULL,
                      stdout=subprocess.DEVNULL) as terminal:
            assert terminal.rest() == ""
