# SPDX-License-Identifier: Apache-2.0
"""Pushing and pulling of blobs: berth behind lighttpd, durable, and docker-registry by itself.

Several clients, each a process with a connection that it keeps. docker-registry does not sync directories.
"""

import http.client
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.conftest import running_front
from tests.lib import measure, oci
from tests.lib.distribution import Distribution

ROUNDS = 3
CLIENTS = 4
SMALL, SMALL_COUNT = 4_000, 100  # bytes, and how many of them for each client
LARGE, LARGE_COUNT = 64 << 20, 2


class Connection:
    def __init__(self, port: int, repository: str):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.base = f"/v2/{repository}"

    def request(self, method: str, target: str, body: bytes | None, *statuses: int):
        self.http.request(method, target, body)
        answer = self.http.getresponse()
        data = answer.read()
        assert answer.status in statuses, (method, target, answer.status, data[:200])
        return answer, data

    def push(self, content: oci.Content):
        location = self.request("POST", f"{self.base}/blobs/uploads/", b"", 202)[0].headers["Location"]
        target = oci.complete(location[location.index("/v2/"):], content.digest)
        self.request("PUT", target, content.data, 201)

    def pull(self, digest: str, size: int):
        assert len(self.request("GET", f"{self.base}/blobs/{digest}", None, 200)[1]) == size


def work(port: int, number: int, size: int, count: int) -> tuple[float, float]:
    """Seconds of one client, to push and to pull."""
    connection = Connection(port, f"bench/client{number}")
    contents = [oci.blob(size) for _ in range(count)]
    digests = [content.digest for content in contents]
    started = time.monotonic()
    for content in contents:
        connection.push(content)
    pushed = time.monotonic()
    for digest in digests:
        connection.pull(digest, size)
    return pushed - started, time.monotonic() - pushed


def rates(front, size: int, count: int) -> tuple[float, float]:
    """Blobs a second, all clients together."""
    with ProcessPoolExecutor(CLIENTS) as clients:
        times = [client.result() for client in
                 [clients.submit(work, front.port, number, size, count) for number in range(CLIENTS)]]
    return tuple(CLIENTS * count / max(part) for part in zip(*times))


def compare(berth, other, what: str, unit: str, size: int, count: int, scale: float):
    ours, theirs = measure.alternate(ROUNDS, lambda: rates(berth, size, count), lambda: rates(other, size, count))
    for verb, index in (("push", 0), ("pull", 1)):
        measure.row(f"{verb} of {what}", unit, [rate[index] * scale for rate in ours],
                    [rate[index] * scale for rate in theirs], more_is_better=True)


def main():
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as directory:
        root = Path(directory) / "store"
        root.mkdir()
        with running_front("lighttpd", workers=os.cpu_count() * 2, env={"BERTH_DURABILITY": "full"}) as berth, \
                Distribution(root, Path(directory)) as other:
            compare(berth, other, f"blobs of {SMALL} bytes", "blobs/s", SMALL, SMALL_COUNT, 1)
            compare(berth, other, f"blobs of {LARGE >> 20} MiB", "MiB/s", LARGE, LARGE_COUNT, LARGE >> 20)


if __name__ == "__main__":
    sys.exit(main())
