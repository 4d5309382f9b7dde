# SPDX-License-Identifier: Apache-2.0
"""How long a client that has sent the last byte of a layer waits for the answer: through each front, and docker-registry.

In chunks, as docker with its own store of images sends, and with the length said before, as containerd and BuildKit do,
who wait for no more than 30 seconds. lighttpd spools the former and streams the latter, so one run compares the two.
"""

import http.client
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.admin.conftest import Serve
from tests.conftest import running_front
from tests.lib.distribution import Distribution
from tests.live.conftest import SERVERS

ROUNDS = 3
SIZES = 256 << 20, 1 << 30
LINE = 110 << 20  # bytes a second: what a line of a gigabit carries
PIECE = bytes(range(256)) * 4096


def pieces(size: int):
    """Of a MiB, none like another, at the pace of the line."""
    started = time.monotonic()
    for sent in range(0, size, len(PIECE)):
        time.sleep(max(0, started + sent / LINE - time.monotonic()))
        yield sent.to_bytes(8, "big") + PIECE[8:]


def silence(port: int, size: int, announced: bool) -> float:
    """Seconds between the last byte of a PATCH and its answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("POST", "/v2/bench/silence/blobs/uploads/", b"")
    answer = connection.getresponse()
    answer.read()
    target = answer.headers["Location"].partition("/v2/")
    target = target[1] + target[2]
    connection.putrequest("PATCH", target)
    connection.putheader("Content-Type", "application/octet-stream")
    connection.putheader(*("Content-Length", str(size)) if announced else ("Transfer-Encoding", "chunked"))
    connection.endheaders()
    for piece in pieces(size):
        connection.send(piece if announced else b"%x\r\n%s\r\n" % (len(piece), piece))
    if not announced:
        connection.send(b"0\r\n\r\n")
    sent = time.monotonic()
    answer = connection.getresponse()
    answer.read()
    seconds = time.monotonic() - sent
    assert answer.status == 202, answer.status
    connection.request("DELETE", target)
    connection.getresponse().read()
    return seconds


def measure(name: str, front):
    for size in SIZES:
        taken = {True: [], False: []}
        for _ in range(ROUNDS):
            for announced, seconds in taken.items():
                seconds.append(silence(front.port, size, announced))
        said, chunked = (statistics.median(taken[announced]) for announced in (True, False))
        print(f"{name:<16} {size >> 20:5} MiB   length said {said:6.2f} s   in chunks {chunked:6.2f} s   "
              f"{chunked / said:6.1f} times as long", flush=True)


def main():
    for name in SERVERS:
        with running_front(name, workers=2, env={"BERTH_DURABILITY": "full"}) as front:
            measure(name, front)
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as directory:
        with Serve(Path(directory)) as serve:
            measure("berth serve", serve)
        root = Path(directory) / "other"
        root.mkdir()
        with Distribution(root, Path(directory)) as other:
            measure("docker-registry", other)


if __name__ == "__main__":
    sys.exit(main())
