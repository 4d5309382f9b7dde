# SPDX-License-Identifier: Apache-2.0
"""Large stores in little time: written straight to disk, as Distribution would have left them, always the same, and old.

Of twenty manifests of a repository five are garbage, images from which a tag moved away; two are indexes of two platforms
each, whose four children have no tag; the other nine have a tag each. Layers are shared by all repositories, by the images
of one, or belong to one image. A hundredth of the blobs were pushed, and no manifest followed. Their contents are tiny.
"""

import hashlib
import json
import multiprocessing
import os
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lib.oci import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST

YEAR = 365 * 24 * 3600
CYCLE = 20
GARBAGE = {0, 3, 5, 10, 13}
INDEXES = {9, 19}  # of the two before it
SHARED = 40  # layers that any image may be based on


@dataclass(frozen=True)
class Shape:
    repositories: int
    manifests: int
    blobs: int  # besides the manifests
    garbage: bool = True  # False: what would be garbage has a tag of its own, and each blob a manifest

    def share(self, total: int, number: int, of: int) -> int:
        """How many of the total the number-th takes, if all take alike."""
        return total * (number + 1) // of - total * number // of


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Writer:
    def __init__(self, top: Path, shape: Shape):
        self.top, self.shape = str(top), shape
        self.blobs = self.top + "/blobs/sha256/"
        then = time.time() - YEAR
        self.then = then, then
        self.shared = [b"shared %d" % number
                       for number in range(max(1, min(SHARED, shape.blobs // 100, shape.repositories)))]

    def file(self, directory: str, name: str, data: bytes):
        """In a directory that is new."""
        os.mkdir(directory, 0o750)
        path = f"{directory}/{name}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        os.write(fd, data)
        os.close(fd)
        os.utime(path, self.then)

    def blob(self, data: bytes) -> str:
        digest = digest_of(data)
        self.file(f"{self.blobs}{digest[:2]}/{digest}", "data", data)
        return digest

    def link(self, directory: str, digest: str):
        self.file(f"{directory}/{digest}", "link", b"sha256:" + digest.encode())

    def base(self):
        """What all repositories share."""
        for number in range(256):
            os.makedirs(f"{self.blobs}{number:02x}", 0o750)
        for data in self.shared:
            self.blob(data)

    def tag(self, name: str, current: str, past: tuple = ()):
        directory = f"{self.tags}/{name}"
        os.makedirs(f"{directory}/index/sha256", 0o750)
        self.file(f"{directory}/current", "link", b"sha256:" + current.encode())
        for digest in {*past, current}:
            self.link(f"{directory}/index/sha256", digest)

    def manifest(self, document: dict) -> tuple[str, int]:
        data = json.dumps(document).encode()
        digest = self.blob(data)
        self.link(self.revisions, digest)
        return digest, len(data)

    def part(self, data: bytes, media_type: str) -> dict:
        """The descriptor of a new blob that the repository has."""
        digest = self.blob(data)
        self.link(self.layers, digest)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    def repository(self, number: int):
        shape = self.shape
        directory = f"{self.top}/repositories/group{number % 10}/app{number}"
        self.layers, self.revisions = f"{directory}/_layers/sha256", f"{directory}/_manifests/revisions/sha256"
        self.tags = f"{directory}/_manifests/tags"
        for path in (self.layers, self.revisions, self.tags, f"{directory}/_uploads"):
            os.makedirs(path, 0o750)
        count = shape.share(shape.manifests, number, shape.repositories)
        images = sum(place % CYCLE not in INDEXES for place in range(count))
        budget = shape.share(shape.blobs - len(self.shared), number, shape.repositories)
        abandoned = budget // 100 if shape.garbage else 0
        common = [self.part(b"common %d" % number, OCI_LAYER)] if budget > images else []
        self._use_shared(number)
        own = budget - abandoned - len(common) - images
        for place in range(abandoned):
            self.part(b"abandoned %d %d" % (number, place), OCI_LAYER)
        self._manifests(number, count, common, images, own)

    def _use_shared(self, number: int):
        """Two of them for each repository."""
        chosen = {number % len(self.shared), number // 7 % len(self.shared)}
        self.used = []
        for data in (self.shared[place] for place in sorted(chosen)):
            self.link(self.layers, digest_of(data))
            self.used.append({"mediaType": OCI_LAYER, "digest": "sha256:" + digest_of(data), "size": len(data)})

    def _manifests(self, number: int, count: int, common: list, images: int, own: int):
        made, past, image = [], [], 0
        for place in range(count):
            kind = place % CYCLE
            if kind in INDEXES:
                children = [{"mediaType": OCI_MANIFEST, "digest": "sha256:" + digest, "size": size,
                             "platform": {"os": "linux", "architecture": architecture}}
                            for (digest, size), architecture in zip(made[-2:], ("amd64", "arm64"))]
                made.append(self.manifest({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}))
            else:
                layers = [self.part(b"own %d %d %d" % (number, place, layer), OCI_LAYER)
                          for layer in range(self.shape.share(own, image, images))]
                image += 1
                config = self.part(b'{"architecture":"amd64","os":"linux","n":"%d.%d"}' % (number, place), OCI_CONFIG)
                made.append(self.manifest({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config,
                                           "layers": self.used + common + layers}))
            if kind in GARBAGE and self.shape.garbage:
                past.append(made[-1][0])
            elif not any(kind + ahead in INDEXES and place + ahead < count for ahead in (1, 2)):
                self.tag(f"v{place}", made[-1][0])
        if made:
            self.tag("latest", made[-1][0], tuple(past))


def write_part(top: Path, shape: Shape, part: range):
    writer = Writer(top, shape)
    for number in part:
        writer.repository(number)


def make(root: Path, shape: Shape):
    """Makes the store at root, which is empty or not there."""
    top = Path(root) / "docker/registry/v2"
    top.mkdir(parents=True)
    Writer(top, shape).base()
    jobs = os.cpu_count() or 1
    with multiprocessing.Pool(jobs) as pool:
        pool.starmap(write_part, [(top, shape, range(job, shape.repositories, jobs)) for job in range(jobs)])


WIDTH = 2_000  # layers of a manifest in a wide store
NAMES_MAX = 50_000  # ext4 lets a file have 65,000


def make_wide(root: Path, blobs: int):
    """So many blobs, half of them garbage, in one repository whose few manifests have very many layers each. The layers
    are empty, whatever their names say, and the repository has no links to them: enough for who reads manifests only."""
    top = Path(root) / "docker/registry/v2"
    top.mkdir(parents=True)
    writer = Writer(top, Shape(1, 0, 1))
    writer.base()
    writer.repository(0)
    manifests = blobs // 2 // WIDTH
    digests = [digest_of(b"wide %d" % number) for number in range(blobs - manifests - 1)]
    kept = blobs // 2 - manifests - 1
    for number, digest in enumerate(digests):
        directory = f"{writer.blobs}{digest[:2]}/{digest}"
        if number % NAMES_MAX == 0:
            writer.file(directory, "data", b"")
            first = f"{directory}/data"
        else:
            os.mkdir(directory, 0o750)
            os.link(first, f"{directory}/data")
    for number in range(manifests):
        layers = [{"mediaType": OCI_LAYER, "digest": "sha256:" + digest, "size": 0}
                  for digest in digests[number:kept:manifests]]
        digest, _ = writer.manifest({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": writer.used[0],
                                     "layers": layers})
        writer.tag(f"v{number}", digest)


def discard(root: Path):
    """Removes it, which takes longer than to make it unless several do it."""
    with multiprocessing.Pool(os.cpu_count()) as pool:
        pool.map(remove, [path for pattern in ("blobs/sha256/*", "repositories/*")
                          for path in (Path(root) / "docker/registry/v2").glob(pattern)])
    remove(root)


def remove(path: Path):
    os.spawnlp(os.P_WAIT, "rm", "rm", "-rf", str(path))
