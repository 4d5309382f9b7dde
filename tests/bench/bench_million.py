# SPDX-License-Identifier: Apache-2.0
"""Garbage collection of a million blobs, 200,000 of them manifests, in 5,000 repositories, by berth alone.

It takes some minutes to make the tree, 20 GB of disk and 5 million inodes.
"""

import sys
import tempfile
from pathlib import Path

from tests.lib import collectors, tree


def main():
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as directory:
        place = Path(directory) / "tree"
        tree.make(place, tree.Shape(5_000, 200_000, 800_000))
        for what, *options in (("look", "--dry-run"), ("collect",), ("again",)):
            done = collectors.berth(place, "--grace", "0s", *options)
            print(f"a million blobs, {what:<10} {done.seconds:9.3f} s   {done.mebibytes:9.1f} MiB", flush=True)
        tree.discard(place)


if __name__ == "__main__":
    sys.exit(main())
