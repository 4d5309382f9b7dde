# SPDX-License-Identifier: Apache-2.0
"""Whose files are: tests run as root, the workers of some web servers do not."""

import os
from pathlib import Path


def hand_over(tree: Path, model: Path):
    """Gives a tree to the owner of another file, so that what a test made looks as if berth had."""
    status = model.stat()
    for path in (tree, *tree.rglob("*")):
        os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
