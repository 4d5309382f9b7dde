# SPDX-License-Identifier: Apache-2.0
"""Reading: manifests, blobs, ranges of them, and lists of tags, all from memory. By wrk, and where it cannot, by our generator."""

import contextlib
import os
import re
import sys
from dataclasses import dataclass

from tests.bench import figures, generator, registries
from tests.lib import oci
from tests.lib.paths import MEMORY

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "2"))
REPOSITORY = "bench/pull"
MB = 1_000_000
SMALL, MIDDLE, LARGE = 4_000, MB, 256 << 20
COUNT = 4  # of the largest
RANGE = "bytes=1000000-1999999"


class Pulled(oci.Repository):
    """A repository with blobs of each size, and an image of the small one."""

    def __init__(self, front, kind):
        super().__init__(front, REPOSITORY)
        self.kind = kind
        self.blobs = {size: self.push_blob(oci.blob(size)) for size in (SMALL, MIDDLE, LARGE)}
        config = self.push_blob(oci.blob(64, oci.OCI_CONFIG))
        self.image = oci.image(config.descriptor(), [self.blobs[SMALL].descriptor()])
        self.push_manifest(self.image, "1")
        ranged = oci.expect(self.get(f"blobs/{self.blobs[LARGE].digest}", {"Range": RANGE}), 206)
        assert ranged.body == self.blobs[LARGE].data[MB:2 * MB]

    def with_tags(self, number: int) -> str:
        """Another repository, in which one image has that many tags."""
        other = oci.Repository(self.front, f"bench/tags{number}")
        config = other.push_blob(oci.blob(64, oci.OCI_CONFIG))
        image = other.push_manifest(oci.image(config.descriptor(), []), "t00000")
        tags = [f"t{n:05}" for n in range(1, number)]
        if self.kind.shares_layout:
            link_tags(self.front.root / "docker/registry/v2/repositories" / other.name, image.digest, tags)
        else:
            for tag in tags:
                other.push_manifest(image, tag)
        return other.name


def link_tags(repository, digest: str, tags: list[str]):
    for tag in tags:
        for link in ("current", "index/" + digest.replace(":", "/")):
            place = repository / "_manifests/tags" / tag / link
            place.mkdir(parents=True)
            (place / "link").write_text(digest)


@dataclass
class Row:
    what: str
    target: str
    clients: int
    size: int  # of the answer's body
    headers: tuple = ()
    in_bytes: bool = False  # its figure is MB/s
    head: bool = False
    or_more: bool = False  # a page, which docker-registry 2.8 does not know: it sends the whole list

    def once(self, port: int) -> float:
        if self.head:
            done = generator.load(port, "head", T=self.target, c=self.clients, t=SECONDS)
            return done["operations"] / done["seconds"]
        if self.size >= LARGE:  # of which few come to their end in a second
            done = generator.load(port, "get", T=self.target, c=self.clients, n=COUNT, s=self.size)
            return done["received"] / MB / done["seconds"]
        done = generator.wrk(port, self.target, self.clients, SECONDS, self.size, *self.headers, or_more=self.or_more)
        return (done["received"] / MB if self.in_bytes else done["requests"]) / done["seconds"]


def plural(clients: int) -> str:
    return f"{clients} client{'s' * (clients > 1)}"


def rows(repository: Pulled) -> list[Row]:
    """Digests are others in each registry, so each has its own."""
    base = f"/v2/{REPOSITORY}"
    small, middle, large = (f"{base}/blobs/{repository.blobs[size].digest}" for size in (SMALL, MIDDLE, LARGE))
    accept = (f"Accept: {oci.OCI_MANIFEST}",)
    manifest = len(repository.image.data)
    return [*(Row(f"GET manifest by tag, {plural(n)}", f"{base}/manifests/1", n, manifest, accept) for n in (1, 16, 64)),
            *(Row(f"HEAD blob, {plural(n)}", small, n, 0, head=True) for n in (1, 16)),
            Row("GET blob of 4 kB, 16 clients", small, 16, SMALL),
            Row("GET blob of 1 MB, 8 clients", middle, 8, MIDDLE, in_bytes=True),
            Row("GET blob of 256 MiB, 1 client", large, 1, LARGE, in_bytes=True),
            Row("range of 1 MB of 256 MiB, 8 clients", large, 8, MB, (f"Range: {RANGE}",)),
            Row("tags, all of 1,000, 1 client", f"/v2/{repository.with_tags(1_000)}/tags/list?n=1000", 1, 8_000),
            Row("tags, a page of 100 in 10,000, 1 client",
                f"/v2/{repository.with_tags(10_000)}/tags/list?n=100&last=t05000", 1, 800, or_more=True)]


def main(only: str = ""):
    generator.make()
    kinds = registries.all_kinds()
    with contextlib.ExitStack() as running:
        fronts = {kind.name: running.enter_context(kind.running(MEMORY)) for kind in kinds}
        repositories = {kind.name: rows(Pulled(fronts[kind.name], kind)) for kind in kinds}
        for number, row in enumerate(repositories["berth"]):
            if re.search(only, row.what):
                values = figures.in_turns(kinds, ROUNDS, lambda kind, number=number: repositories[kind.name][number].once(
                    fronts[kind.name].port))
                figures.keep(figures.Figure("pull", row.what, "MB/s" if row.in_bytes else "/s", True, values))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
