# SPDX-License-Identifier: Apache-2.0
"""File systems for a while. Only root mounts them."""

import contextlib
import os
import select
import struct
import subprocess
import threading


@contextlib.contextmanager
def read_only(path):
    """A mount at this path of what is there."""
    subprocess.run(["mount", "--bind", path, path], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


INIT_OUT = struct.Struct("=4I2H2I36x")  # struct fuse_init_out of linux/fuse.h


def take_and_say_nothing(fuse, end):
    """Greets the kernel, and then takes all that it asks, until `end` can be read."""
    greeted = False
    while end not in select.select([fuse, end], [], [])[0]:
        with contextlib.suppress(OSError):  # what was asked is asked no more
            unique = struct.unpack_from("=Q", os.read(fuse, 1 << 20), 8)[0]
            if not greeted:
                greeting = INIT_OUT.pack(7, 31, 0, 0, 0, 0, 4096, 1)
                os.write(fuse, struct.pack("=IiQ", 16 + len(greeting), 0, unique) + greeting)
            greeted = True


@contextlib.contextmanager
def hanging(path, taken=False):
    """A file system at this path that answers nothing, as that of a server that has gone; it ends with errors. Where it is
    `taken` what is asked, nobody who waits for an answer can be killed before."""
    with open("/dev/fuse", "r+b", buffering=0) as nobody, contextlib.ExitStack() as before_it_is_closed:
        options = f"fd={nobody.fileno()},rootmode=40000,user_id=0,group_id=0,allow_other"
        subprocess.run(["mount", "-i", "-t", "fuse", "-o", options, "nobody", path], check=True,
                       pass_fds=[nobody.fileno()])
        if taken:
            end, tell = os.pipe()
            taker = threading.Thread(target=take_and_say_nothing, args=(nobody.fileno(), end))
            taker.start()
            for done in (lambda: os.close(end), taker.join, lambda: os.close(tell)):
                before_it_is_closed.callback(done)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", path], check=True)
