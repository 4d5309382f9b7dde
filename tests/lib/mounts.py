# SPDX-License-Identifier: Apache-2.0
"""File systems for a while. Only root mounts them."""

import contextlib
import subprocess


@contextlib.contextmanager
def read_only(path):
    """A mount at this path of what is there."""
    subprocess.run(["mount", "--bind", path, path], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@contextlib.contextmanager
def hanging(path):
    """A file system at this path that answers nothing, as that of a server that has gone; it ends with errors."""
    with open("/dev/fuse", "r+b", buffering=0) as nobody:
        options = f"fd={nobody.fileno()},rootmode=40000,user_id=0,group_id=0,allow_other"
        subprocess.run(["mount", "-i", "-t", "fuse", "-o", options, "nobody", path], check=True,
                       pass_fds=[nobody.fileno()])
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", path], check=True)
