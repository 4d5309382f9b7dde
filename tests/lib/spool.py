# SPDX-License-Identifier: Apache-2.0
"""What a web server has taken of bodies that are still coming in, in files with and without a name."""

import contextlib
import os
import socket
import stat
from pathlib import Path

from tests.lib import client

MIB = 1 << 20
SENT = 24 * MIB
PIECE = bytes(MIB)


def open_files(pid: int):
    """(device, inode) and size of each plain file that the process has open for writing."""
    with contextlib.suppress(OSError):
        for entry in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                status = os.stat(f"/proc/{pid}/fd/{entry}")
                flags = int(Path(f"/proc/{pid}/fdinfo/{entry}").read_text().split("flags:")[1].split()[0], 8)
                if stat.S_ISREG(status.st_mode) and flags & os.O_ACCMODE != os.O_RDONLY:
                    yield (status.st_dev, status.st_ino), status.st_size


def parts_of_lighttpd(front):
    """Of a long body it closes each file of a MiB, and opens it again when it is read."""
    for path in front.home.rglob("lighttpd-upload-*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            yield (status.st_dev, status.st_ino), status.st_size


def spooled(front) -> int:
    """Bytes, without logs."""
    logs = {(path.stat().st_dev, path.stat().st_ino) for path in (front.home / "log").iterdir()}
    files = {file: size for pid in front.pids() for file, size in open_files(pid)} | dict(parts_of_lighttpd(front))
    return sum(size for file, size in files.items() if file not in logs)


def sent_without_waiting(front, method, target, headers, size):
    """How much of a body the server took before it answered or closed, at the most, in its files."""
    most = 0
    with client.connect(front.port) as connection:
        connection.settimeout(10)
        chunked = size is None
        framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(size)}
        connection.sendall(client.request_head(method, target, {**headers, **framing}))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(SENT // MIB):
                connection.sendall(b"%x\r\n%s\r\n" % (MIB, PIECE) if chunked else PIECE)
                most = max(most, spooled(front))
            most = max(most, spooled(front))
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(1)  # for what it took last; some wait for the rest before they answer
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            while connection.recv(65536):
                pass
    return max(most, spooled(front))
