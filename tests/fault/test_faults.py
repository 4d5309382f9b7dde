# SPDX-License-Identifier: Apache-2.0
"""A fault at each step of each command that changes a store leaves nothing but litter, and the command can be repeated."""

import re
import signal
import subprocess

import pytest

from tests.fault.harness import Case
from tests.fault.sample import APP, OTHER, damage
from tests.lib.faults import LIBRARY
from tests.lib.paths import BUILD

NOT_THERE = 66  # EX_NOINPUT: there is no such tag, manifest or repository

# What libc has for it, without stdio, which berth prints with.
CHANGING = """open openat creat syscall write pwrite writev pwritev pwritev2 copy_file_range sendfile splice fallocate
posix_fallocate truncate ftruncate fsync fdatasync syncfs mkdir mkdirat mknod mknodat rename renameat renameat2 link linkat
symlink symlinkat unlink unlinkat remove rmdir utime utimes utimensat futimens futimes lutimes fchmod fchown fsetxattr
setxattr""".split()



def doomed(name, tag):
    return (name, tag) == (APP, "doomed")


def within_other(name, tag):
    return name == OTHER


# To add a command is to add a line.
CASES = [
    Case("gc", ("gc", "--grace", "0s"), needs_space=False),
    Case("expire", ("expire", "--grace", "0s"), needs_space=False),
    Case("fsck-repair", ("fsck", "--repair"), prepare=damage, finds=True),
    Case("rm-tag", ("rm", f"{APP}:doomed"), goes=doomed, again=(0, NOT_THERE), needs_space=False),
    Case("rm-manifest", ("rm", APP + "@{doomed}"), goes=doomed, again=(0, NOT_THERE), needs_space=False),
    Case("rm-repository", ("rm", "-r", OTHER), goes=within_other, again=(0, NOT_THERE), needs_space=False),
    Case("tag", ("tag", f"{APP}:1", "new"), brings=frozenset({(APP, "new")})),
    Case("retain", ("retain",), goes=doomed, needs_space=False,
         settings=('retain "team/**" {', 'tags = { "1", "m*", "signed" }', "}")),
    Case("import", ("import", "{home}/layout"), brings=frozenset({("new/image", "1")})),
    Case("export", ("export", f"{APP}:multi", "--all", "-o", "{output}")),
    Case("cp", ("cp", f"{APP}:multi", "new/place:1"), brings=frozenset({("new/place", "1")})),
]

each_command = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def may_lack_space(outcome) -> bool:
    """It may succeed if it could do without, or else says what is wrong."""
    return outcome.status == 0 or (outcome.status > 0 and re.search("No space left|are needed, .* free", outcome.output))


@each_command
def test_killed_at_each_step(harness, case):
    harness.try_steps(case, "kill", "none", lambda outcome: outcome.status == -signal.SIGKILL)


@each_command
def test_interrupted_at_each_step(harness, case):
    """It may finish what it does, or say in its own words that it has stopped."""
    harness.try_steps(case, "int", "none", lambda outcome: outcome.struck)


@each_command
@pytest.mark.parametrize("fault", ["full", "once"])
def test_disk_full_at_each_step(harness, case, fault):
    """From there on, or just then."""
    harness.try_steps(case, fault, "full", may_lack_space)


@each_command
@pytest.mark.parametrize("pages", [0, 1, 2, 3, 5, 8])
def test_disk_with_little_room(harness, case, pages):
    """What removes does so on a full disk, too: that is when it is needed."""
    harness.try_small_disk(case, pages, may_lack_space if case.needs_space else lambda outcome: outcome.status == 0)


def test_no_step_escapes_the_library(harness):
    """Each function by which a program changes files, and that berth calls, is one of the library's."""
    def symbols(path, *options):
        lines = subprocess.run(["nm", "-D", *options, path], check=True, capture_output=True, text=True).stdout.splitlines()
        return {line.split()[-1].partition("@")[0] for line in lines}

    changing = {name + width for name in CHANGING for width in ("", "64")}
    assert not symbols(BUILD / "berth", "--undefined-only") & changing - symbols(LIBRARY, "--defined-only")
