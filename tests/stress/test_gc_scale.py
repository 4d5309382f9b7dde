# SPDX-License-Identifier: Apache-2.0
"""The collector is fast and small: a tenth of the tree that `make bench` measures, so that the figures keep. In memory,
since a disk would make both collectors wait alike, and this machine's may be busy. What is compared is the work of
processors, since others may want them too; that berth's is done by two of them at once shows in make bench alone.
"""

import statistics

import pytest

from tests.lib import collectors, measure, tree
from tests.lib.ramdisk import ramdisk

SHAPE = (100, 2_000, 6_000)
ROUNDS = 3
FASTER = 4  # than docker-registry, at least: it is 5.7 to 6.5 times here, and ten times by the clock and on make bench's tree
MEMORY_MAX = 64  # MiB
MANY = 200_000  # blobs
MANY_MEMORY_MAX = 10 + 128 * MANY / 1_000_000  # MiB: what a million may take, and a program's own


@pytest.fixture
def place():
    with ramdisk("1g") as directory:
        yield directory


def assert_much_faster(berth, other):
    """They are lists of runs."""
    ours, theirs = (statistics.median(run.cpu for run in runs) for runs in (berth, other))
    assert theirs / ours > FASTER, f"berth {ours:.3f} s of processors, docker-registry {theirs:.3f} s"
    assert max(run.mebibytes for run in berth) < MEMORY_MAX


def test_collects_garbage_much_faster(place):
    def once(collector, *options):
        tree.make(place / "store", tree.Shape(*SHAPE))
        measure.warm(place / "store")
        done = collector(place / "store", *options)
        tree.discard(place / "store")
        return done

    assert_much_faster(*measure.alternate(ROUNDS, lambda: once(collectors.berth, "--grace", "0s"),
                                                lambda: once(collectors.docker_registry, "--delete-untagged")))


def test_finds_no_garbage_much_faster(place):
    tree.make(place / "store", tree.Shape(*SHAPE, garbage=False))
    measure.warm(place / "store")
    assert_much_faster(*measure.alternate(ROUNDS, lambda: collectors.berth(place / "store", "--grace", "0s"),
                                                lambda: collectors.docker_registry(place / "store")))


def test_memory_grows_little(place):
    tree.make_wide(place / "store", MANY)
    done = collectors.berth(place / "store", "--grace", "0s")
    print(f"{MANY} blobs: {done.seconds:.2f} s, {done.mebibytes:.1f} MiB")
    assert done.mebibytes < MANY_MEMORY_MAX
    assert sum(1 for _ in (place / "store").glob("docker/registry/v2/blobs/sha256/*/*")) == MANY // 2
