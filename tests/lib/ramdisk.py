# SPDX-License-Identifier: Apache-2.0
"""File systems in memory: small ones that fill up, and fast ones, whose speed is that of no disk."""

import contextlib
import subprocess
import tempfile
from pathlib import Path


@contextlib.contextmanager
def ramdisk(size: str, within=None):
    """An empty one, on a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="berth-ramdisk-", dir=within) as directory:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", directory], check=True)
        try:
            yield Path(directory)
        finally:
            subprocess.run(["umount", directory], check=True)
