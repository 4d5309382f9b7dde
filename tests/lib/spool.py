# SPDX-License-Identifier: Apache-2.0
"""What a web server has taken of bodies that are still coming in, in files with and without a name."""

import contextlib
import os
import stat
from pathlib import Path


def open_files(pid: int):
    """(device, inode) and size of each plain file that the process has open for writing."""
    with contextlib.suppress(OSError):
        for entry in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                status = os.stat(f"/proc/{pid}/fd/{entry}")
                flags = int(Path(f"/proc/{pid}/fdinfo/{entry}").read_text().split("flags:")[1].split()[0], 8)
                if stat.S_ISREG(status.st_mode) and flags & os.O_ACCMODE != os.O_RDONLY:
                    yield (status.st_dev, status.st_ino), status.st_size


def spooled(front) -> int:
    """Bytes, without logs."""
    logs = {(path.stat().st_dev, path.stat().st_ino) for path in (front.home / "log").iterdir()}
    files = {file: size for pid in front.pids() for file, size in open_files(pid)}
    return sum(size for file, size in files.items() if file not in logs)
