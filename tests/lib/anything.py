# SPDX-License-Identifier: Apache-2.0
"""Repositories made by chance: graphs of indexes, images, artifacts, layers as children and parts that are missing, as any
client may push them and as other programs left them."""

import json
import os
import random
from pathlib import Path

from tests.lib import graph, oci
from tests.lib.oci import Repository, expect

TYPES = (oci.OCI_MANIFEST, oci.OCI_INDEX, oci.DOCKER_MANIFEST, oci.OCI_LAYER, oci.OCI_CONFIG, oci.OCTET_STREAM, oci.OCI_EMPTY)
PLATFORMS = ({"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm", "variant": "v7"},
             {"os": "windows", "architecture": "amd64", "os.version": "10.0.1.1"},
             {"os": "windows", "architecture": "amd64", "os.version": "10.0.1.2"}, {"os": "unknown", "architecture": "unknown"})


class Maker:
    """Pushes to one repository. `sparse`: what a manifest names need not be there."""

    def __init__(self, chance: random.Random, repo: Repository, sparse: bool):
        self.chance, self.repo, self.sparse = chance, repo, sparse
        self.blobs, self.manifests = [], []  # that are there

    def bytes(self, size: int) -> bytes:
        return self.chance.randbytes(size)

    def algorithm(self) -> str:
        return self.chance.choice(("sha256", "sha256", "sha256", "sha512"))

    def push_blob(self):
        kind = self.chance.randrange(6)
        if kind == 0:
            data = b"{}"
        elif kind == 1 and self.manifests:
            data = self.chance.choice(self.manifests).data  # a manifest as a layer
        elif kind == 2:
            data = json.dumps({"layer": self.bytes(8).hex()}).encode()
        elif kind == 3:
            data = b""
        else:
            data = self.bytes(self.chance.randrange(1, 3000))
        content = oci.Content(data, self.chance.choice(TYPES), self.algorithm())
        self.blobs.append(self.repo.push_blob(content))

    def named(self, content: oci.Content, child=False) -> dict:
        descriptor = content.descriptor()
        if self.chance.random() < 0.2:
            descriptor["mediaType"] = self.chance.choice(TYPES)
        if child and self.chance.random() < 0.6:
            descriptor["platform"] = self.chance.choice(PLATFORMS)
        return descriptor

    def missing(self) -> dict:
        content = oci.Content(self.bytes(20), self.chance.choice(TYPES), self.algorithm())
        return self.named(content, True)

    def some(self, contents: list, most: int, child=False) -> list[dict]:
        found = [self.named(self.chance.choice(contents), child) for _ in range(self.chance.randrange(most + 1) if contents else 0)]
        if self.sparse and self.chance.random() < 0.4:
            found.insert(self.chance.randrange(len(found) + 1), self.missing())
        elif not child and self.chance.random() < 0.1:  # a layer whose content is elsewhere
            found.append({**self.missing(), "urls": ["https://elsewhere.example/layer"]})
        return found

    def extras(self) -> dict:
        fields = {}
        if self.chance.random() < 0.35:
            fields["subject"] = self.chance.choice([self.named(self.chance.choice(self.blobs + self.manifests)), self.missing()]) \
                if self.blobs + self.manifests else self.missing()
            fields["subject"].pop("platform", None)
        if self.chance.random() < 0.2:
            fields["artifactType"] = "application/vnd.example.sbom"
        if self.chance.random() < 0.2:
            fields["annotations"] = {"made": self.bytes(4).hex()}
        return fields

    def make_manifest(self) -> oci.Content:
        kind, algorithm, extras = self.chance.randrange(6), self.algorithm(), self.extras()
        if kind < 3 and self.blobs:
            return oci.image(self.named(self.chance.choice(self.blobs)), self.some(self.blobs, 4), algorithm,
                             mediaType=self.chance.choice((oci.OCI_MANIFEST, oci.OCI_MANIFEST, oci.DOCKER_MANIFEST)), **extras)
        if kind < 5:
            children = self.some(self.manifests or self.blobs, 4, True) + self.some(self.blobs, 1, True)
            return oci.index(children, algorithm, mediaType=self.chance.choice((oci.OCI_INDEX, oci.DOCKER_LIST)), **extras)
        return oci.manifest(algorithm, schemaVersion=2, mediaType="application/vnd.oci.artifact.manifest.v1+json",
                            blobs=self.some(self.blobs, 3), **extras)

    def tag(self) -> str:
        if self.manifests and self.chance.random() < 0.15:  # a tag of cosign's, or that of a list of referrers
            digest = self.chance.choice(self.manifests).digest
            return digest.replace(":", "-")[:100] + self.chance.choice(("", ".sig", ".att", ".sbom"))
        return f"v{self.chance.randrange(6)}"

    def push_manifest(self):
        content = self.make_manifest()
        reference = None
        if self.chance.random() < 0.6:
            reference = f"{content.digest}?tag={self.tag()}"
        self.manifests.append(self.repo.push_manifest(content, reference))

    def remove(self):
        """A tag alone: what it pointed at may still be a child or have a subject."""
        tags = expect(self.repo.get("tags/list"), 200, 404)
        names = tags.json()["tags"] if tags.status == 200 else []
        if names:
            expect(self.repo.delete(f"manifests/{self.chance.choice(names)}"), 202)

    def hurt(self, root: Path):
        """What clients may remove although something needs it, and what a disk may lose."""
        store = graph.Store(root)
        revisions, layers = sorted(store.revisions(self.repo.name)), sorted(store.layers(self.repo.name))
        if revisions and self.chance.random() < 0.6:
            expect(self.repo.delete(f"manifests/{self.chance.choice(revisions)}"), 202)
        if layers and self.chance.random() < 0.5:
            expect(self.repo.delete(f"blobs/{self.chance.choice(layers)}"), 202)
        there = [path for digest in revisions + layers if (path := store.blob_path(digest)).exists()]
        if there and self.chance.random() < 0.4:
            self.chance.choice(there).unlink()

    def make(self, steps: int):
        self.push_blob()
        for _ in range(steps):
            self.chance.choices((self.push_blob, self.push_manifest, self.remove), (4, 6, 0.5))[0]()


def grow_old(root: Path):
    """So that a collector takes what nothing needs."""
    for path in (root, *root.rglob("*")):
        os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)


class View:
    """What of a repository can be pulled by its tags, and by what these lead to: each path with its bytes."""

    def __init__(self, repo: Repository):
        self.repo, self.found = repo, {}

    def get(self, path: str):
        response = expect(self.repo.get(path), 200, 404)
        return response.body if response.status == 200 else None

    def blob(self, digest: str):
        data = self.found[f"blobs/{digest}"] = self.get(f"blobs/{digest}")
        return data

    def manifest(self, reference: str):
        """False: there is none."""
        path = f"manifests/{reference}"
        if path in self.found:
            return True
        response = expect(self.repo.get(path), 200, 404)
        if response.status == 404:
            return False
        self.found[path] = response.body
        self.follow(response.headers["Docker-Content-Digest"], json.loads(response.body))
        return True

    def follow(self, digest: str, document: dict):
        for part in [document.get("config"), *document.get("layers", ()), *document.get("blobs", ())]:
            if part:
                self.blob(part["digest"])
        for child in document.get("manifests", ()):
            if not self.manifest(child["digest"]):
                self.blob(child["digest"])
        subject = document.get("subject")
        if subject and self.get(f"manifests/{subject['digest']}") is None:  # else its own tags keep it
            data = self.get(f"blobs/{subject['digest']}")
            if data is not None:
                self.found[f"blobs/{subject['digest']}"] = data
        for referrer in self.repo.referrers(digest):
            self.manifest(referrer["digest"])

    @classmethod
    def of_tags(cls, repo: Repository, tags: list[str], whole=True) -> dict:
        view = cls(repo)
        for tag in tags:
            assert view.manifest(tag) or not whole, tag
        return {path: data for path, data in view.found.items() if whole or data is not None}


def room_of(root: Path, name: str) -> tuple[int, int, int]:
    """Manifests, blobs and bytes that a repository has links to, as the disk says."""
    store = graph.Store(root)
    revisions, layers = store.revisions(name), store.layers(name)
    there = [digest for digest in revisions | layers if store.blob_path(digest).is_file()]
    return len(revisions), len(there), sum(store.blob_path(digest).stat().st_size for digest in there)


def differences(got: dict, wanted: dict) -> list[str]:
    """Of what View finds: what is no longer there, and what was not."""
    return [f"{name}: {what} {path}" for name in sorted({*got, *wanted})
            for what, one, two in (("lost", wanted, got), ("new", got, wanted))
            for path in sorted(one.get(name, {})) if one[name][path] != two.get(name, {}).get(path, ...)]
