# SPDX-License-Identifier: Apache-2.0
"""Garbage collection of 1,000 repositories, 20,000 manifests and 60,000 blobs besides them, all in the page cache.

Of garbage: docker-registry removes untagged manifests, the parts of multi-platform images too, whose content is garbage
then. It leaves the links to layers, and syncs nothing. berth keeps the parts, removes the links, and is durable.
Without garbage: both find out that all is needed.
"""

import sys
import tempfile
from pathlib import Path

from tests.lib import collectors, measure, tree

ROUNDS = 3
SHAPE = (1000, 20_000, 60_000)


def made(place: Path, garbage: bool) -> Path:
    tree.make(place, tree.Shape(*SHAPE, garbage=garbage))
    measure.warm(place)
    return place


def collect_garbage(home: Path):
    """The same tree is made for each run."""
    def of(collector, *options):
        def once():
            place = made(home / "tree", garbage=True)
            done = collector(place, *options)
            tree.discard(place)
            return done
        return once

    return measure.alternate(ROUNDS, of(collectors.berth, "--grace", "0s"),
                             of(collectors.docker_registry, "--delete-untagged"))


def find_none(home: Path):
    place = made(home / "clean", garbage=False)
    return measure.alternate(ROUNDS, lambda: collectors.berth(place, "--grace", "0s"),
                             lambda: collectors.docker_registry(place))


def report(what: str, berth, other):
    measure.row(f"gc, {what}", "s", [run.seconds for run in berth], [run.seconds for run in other])
    measure.row(f"gc, {what}: memory", "MiB", [run.mebibytes for run in berth], [run.mebibytes for run in other])


def main():
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as directory:
        report("a third of it garbage", *collect_garbage(Path(directory)))
        report("without garbage", *find_none(Path(directory)))


if __name__ == "__main__":
    sys.exit(main())
