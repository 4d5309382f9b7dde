# SPDX-License-Identifier: Apache-2.0
"""How the lists grow: pages and whole lists of tags, repositories and referrers, the removal of a manifest, and the commands that
look at all repositories. What doubles in size shall at most double in time, or the run fails (what takes a moment counts for
nothing): BERTH_GROWTH names the sizes, BERTH_GROWTH_ONLY what is looked at (tags, referrers, repositories, commands).

Each figure is the median of some runs, of a store in memory and warm, by one FastCGI process and no web server.
"""

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

from tests.bench import figures
from tests.lib import fastcgi, measure, tree
from tests.lib.oci import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from tests.lib.paths import BUILD

SIZES = [int(size) for size in os.environ.get("BERTH_GROWTH", "10000,100000").split(",")]
ONLY = set(os.environ.get("BERTH_GROWTH_ONLY", "tags,referrers,repositories,commands").split(","))
ROUNDS = 5
PATIENCE = 600  # seconds


class Worker:
    """One berth.fcgi on a socket of its own."""

    def __init__(self, place: Path, root: Path, **settings):
        self.path = str(place / "fcgi.socket")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen(64)
            environment = {"PATH": os.environ["PATH"], "BERTH_ROOT": str(root), "BERTH_LOG_LEVEL": "error", **settings}
            self.process = subprocess.Popen([BUILD / "berth.fcgi", "--workers", "2"], stdin=listener, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait()

    def ask(self, method: str, target: str, status: int) -> tuple[dict, bytes]:
        path, _, query = target.partition("?")
        answer = fastcgi.request(self.path, {
            "REQUEST_METHOD": method, "REQUEST_URI": target, "SCRIPT_NAME": unquote(path), "PATH_INFO": "", "QUERY_STRING": query,
            "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "lighttpd", "REMOTE_ADDR": "127.0.0.1"}, PATIENCE)
        head, _, body = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        assert headers["Status"].startswith(str(status)), f"{method} {target}: {headers['Status']} {body[:300]}"
        return headers, body

    def timed(self, method: str, target: str, status: int = 200, rounds: int = ROUNDS) -> float:
        """Milliseconds."""
        figures = []
        for _ in range(rounds):
            started = time.monotonic()
            self.ask(method, target, status)
            figures.append(1000 * (time.monotonic() - started))
        return statistics.median(figures)

    def walk(self, target: str) -> tuple[float, int]:
        """All pages of a list: milliseconds, and how many pages."""
        started, pages = time.monotonic(), 0
        while target:
            headers, _ = self.ask("GET", target, 200)
            link = headers.get("Link")
            target = link[1:link.index(">")] if link else None
            pages += 1
        return 1000 * (time.monotonic() - started), pages


FIGURES = {}  # what: {size: milliseconds}
SLACK, MOMENT = 3, 50  # times as long as in proportion, since others may be at work; ms


def too_steep(taken: dict[int, float]) -> bool:
    (small, first), (large, last) = min(taken.items()), max(taken.items())
    return last > MOMENT and last > SLACK * first * large / small


def say(what: str, size: int, milliseconds: float, more: str = ""):
    FIGURES.setdefault(what, {})[size] = milliseconds
    print(f"{what:<44} {size:>7} {milliseconds:12.1f} ms {more}", flush=True)


class Planter(tree.Writer):
    """One repository with what is asked for."""

    def __init__(self, root: Path):
        top = root / "docker/registry/v2"
        top.mkdir(parents=True)
        super().__init__(top, tree.Shape(1, 0, 1))
        self.base()

    def repository(self, name: str):
        self.directory = f"{self.top}/repositories/{name}"
        self.layers, self.revisions = f"{self.directory}/_layers/sha256", f"{self.directory}/_manifests/revisions/sha256"
        self.tags = f"{self.directory}/_manifests/tags"
        for path in (self.layers, self.revisions, self.tags, f"{self.directory}/_uploads"):
            os.makedirs(path, 0o750)

    def image(self, seed: str, **more) -> tuple[str, int]:
        config = self.part(b'{"architecture":"amd64","os":"linux","n":"%s"}' % seed.encode(), OCI_CONFIG)
        return self.manifest({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [], **more})

    def light_tag(self, name: str, digest: str):
        directory = f"{self.tags}/{name}"
        os.makedirs(f"{directory}/current", 0o750)
        with open(f"{directory}/current/link", "w", encoding="ascii") as link:
            link.write(f"sha256:{digest}")
        os.utime(f"{directory}/current/link", self.then)


def waits_of_another(worker: Worker, ended: threading.Event) -> list[float]:
    """What a client waits meanwhile who wants the locks of the same repository, sorted."""
    waits = []
    while not (waits and ended.is_set()):
        waits.append(worker.timed("DELETE", "/v2/many/manifests/none", 404, rounds=1))  # which it sees under the locks
    return sorted(waits)


def tags(place: Path, size: int):
    root = place / f"tags-{size}"
    planter = Planter(root)
    planter.repository("many")
    lone, popular = planter.image("lone")[0], planter.image("popular")[0]
    planter.light_tag("lone", lone)
    for number in range(size - 1):
        planter.light_tag(f"v{number}", popular)
    with Worker(place, root) as worker:
        say("tags, first page of 100", size, worker.timed("GET", "/v2/many/tags/list?n=100"))
        say("tags, page of 100 in the middle", size, worker.timed("GET", "/v2/many/tags/list?n=100&last=v5"))
        say("tags, whole list", size, worker.timed("GET", "/v2/many/tags/list", rounds=3))
        milliseconds, pages = worker.walk("/v2/many/tags/list?n=1000")
        say("tags, walk by pages of 1000", size, milliseconds, f"{pages} pages")
        say("GET by tag", size, worker.timed("GET", "/v2/many/manifests/lone"))
        for what, digest in (("one tag", lone), ("all tags", popular)):
            ended = threading.Event()
            with ThreadPoolExecutor() as pool:
                other = pool.submit(waits_of_another, worker, ended)
                try:
                    milliseconds = worker.timed("DELETE", f"/v2/many/manifests/sha256:{digest}", 202, rounds=1)
                finally:
                    ended.set()
                waits = other.result()
            say(f"another's wait meanwhile, at most ({what})", size, waits[-1])
            usual = waits[len(waits) * 99 // 100]
            say(f"DELETE of a digest with {what}", size, milliseconds, f"another waits {waits[-1]:.1f} ms at the most, {usual:.1f} in 99 %")
    tree.remove(root)


def referrers(place: Path, size: int):
    root = place / f"referrers-{size}"
    planter = Planter(root)
    planter.repository("many")
    subject, length = planter.image("subject")
    entries = f"{planter.directory}/_referrers/sha256/{subject}/sha256"
    os.makedirs(entries, 0o750)
    for number in range(size):
        kind = f"application/vnd.test.{'rare' if number % 1000 == 0 else 'common'}"
        digest, own = planter.image(f"r{number}", artifactType=kind, subject={
            "mediaType": OCI_MANIFEST, "digest": f"sha256:{subject}", "size": length})
        with open(f"{entries}/{digest}", "w", encoding="ascii") as entry:
            json.dump({"mediaType": OCI_MANIFEST, "digest": f"sha256:{digest}", "size": own, "artifactType": kind}, entry)
    # Notes the types, as pushes would have.
    subprocess.run([BUILD / "berth", "fsck", "--fast", "--repair", "--quiet", "--root", root], stdout=subprocess.DEVNULL, check=False)
    target = f"/v2/many/referrers/sha256:{subject}"
    with Worker(place, root) as worker:
        say("referrers, first page", size, worker.timed("GET", target))
        say("referrers, page of 10", size, worker.timed("GET", f"{target}?n=10"))
        say("referrers, filter for nothing, whole", size, worker.walk(f"{target}?artifactType=none")[0])
        say("referrers, filter for nothing, again", size, worker.walk(f"{target}?artifactType=none")[0])
        say("referrers, filter for a thousandth", size, worker.walk(f"{target}?artifactType=application/vnd.test.rare")[0])
        say("referrers, walk", size, worker.walk(target)[0])
    tree.remove(root)


def flat(place: Path, size: int) -> Path:
    """All in one directory, which is the worst case."""
    root = place / f"flat-{size}"
    planter = Planter(root)
    planter.repository("first")
    image, layer = planter.image("image")[0], planter.part(b"layer", OCI_LAYER)["digest"].removeprefix("sha256:")
    for number in range(size):
        planter.repository(f"app{number}")
        planter.link(planter.revisions, image)
    planter.link(planter.layers, layer)
    return root


def repositories(place: Path, size: int):
    root = flat(place, size)
    digest = "sha256:" + tree.digest_of(b"layer")
    with Worker(place, root) as worker:
        say("catalog, first page of 100", size, worker.timed("GET", "/v2/_catalog?n=100"))
        say("catalog, page of 100 in the middle", size, worker.timed("GET", "/v2/_catalog?n=100&last=app5"))
        milliseconds, pages = worker.walk("/v2/_catalog")
        say("catalog, whole, by pages", size, milliseconds, f"{pages} pages")
        say("mount without from, not noted", size, worker.timed("POST", f"/v2/new/blobs/uploads/?mount={digest}", 201, rounds=1))
        say("mount without from, noted", size, worker.timed("POST", f"/v2/newer/blobs/uploads/?mount={digest}", 201))
    tree.remove(root)


def commands(place: Path, size: int):
    root = place / f"repositories-{size}"
    tree.make(root, tree.Shape(size, size * 2, size * 4))
    conf = place / "berth.conf"
    conf.write_text(f'root = "{root}"\n')
    for command in (["ls"], ["du"], ["gc", "--dry-run"], ["fsck", "--fast"]):
        runs = [measure.run([BUILD / "berth", command[0], "--config", conf, *command[1:]]) for _ in range(3)]
        median = sorted(runs, key=lambda run: run.seconds)[1]
        say(" ".join(command), size, 1000 * median.seconds, f"CPU {median.cpu:.2f} s, {median.mebibytes:.0f} MiB")
    tree.discard(root)


def main():
    with tempfile.TemporaryDirectory(prefix="berth-growth-", dir=os.environ.get("TMPDIR", "/dev/shm")) as directory:
        place = Path(directory)
        for name, what in (("tags", tags), ("referrers", referrers), ("repositories", repositories), ("commands", commands)):
            for size in SIZES if name in ONLY else []:
                what(place, size if name not in ("commands", "referrers") else size // 10)
    for what, taken in FIGURES.items():
        figures.keep(figures.Figure("growth", what, "ms", False, {str(size): [taken[size]] for size in sorted(taken)}))
    steep = [what for what, taken in FIGURES.items() if too_steep(taken)]
    for what in steep:
        print(f"grows faster than its size: {what}", flush=True)
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main())
