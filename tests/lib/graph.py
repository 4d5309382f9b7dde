# SPDX-License-Identifier: Apache-2.0
"""What a store on disk holds, and what of it the tags need: berth's collector must agree, so it is told here again."""

import contextlib
import hashlib
import json
import os
import re
from pathlib import Path

# The tags of cosign, and the fallback tag of referrers: they belong to the manifest that they name.
BELONGS = re.compile(r"(sha256|sha512(?=-[0-9a-f]{64}$))-([0-9a-f]{64})(\.(sig|att|sbom))?")


def listed(directory: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return sorted(os.listdir(directory))
    return []


class Store:
    """Reads the disk anew with each call. Digests are strings."""

    def __init__(self, root: Path):
        self.top = Path(root) / "docker/registry/v2"

    def repositories(self) -> list[str]:
        found = []
        for directory, below, _ in os.walk(self.top / "repositories"):
            if "_manifests" in below:
                found.append(str(Path(directory).relative_to(self.top / "repositories")))
            below[:] = [name for name in below if not name.startswith("_")]
        return sorted(found)

    def _repository(self, name: str) -> Path:
        return self.top / "repositories" / name

    @staticmethod
    def _digests(directory: Path) -> set[str]:
        return {f"{algorithm}:{hexadecimal}" for algorithm in listed(directory) for hexadecimal in listed(directory / algorithm)
                if (directory / algorithm / hexadecimal / "link").is_file()}

    def revisions(self, name: str) -> set[str]:
        return self._digests(self._repository(name) / "_manifests/revisions")

    def layers(self, name: str) -> set[str]:
        return self._digests(self._repository(name) / "_layers")

    def tags(self, name: str) -> dict[str, str]:
        directory, found = self._repository(name) / "_manifests/tags", {}
        for tag in listed(directory):
            with contextlib.suppress(FileNotFoundError):
                found[tag] = (directory / tag / "current/link").read_text()
        return found

    def all_tags(self) -> dict[tuple[str, str], str]:
        return {(name, tag): digest for name in self.repositories() for tag, digest in self.tags(name).items()}

    def blob_path(self, digest: str) -> Path:
        algorithm, _, hexadecimal = digest.partition(":")
        return self.top / "blobs" / algorithm / hexadecimal[:2] / hexadecimal / "data"

    def manifest(self, digest: str) -> dict:
        """{} if there is none."""
        with contextlib.suppress(FileNotFoundError):
            return json.loads(self.blob_path(digest).read_bytes())
        return {}

    def live(self, name: str) -> tuple[set[str], set[str]]:
        """The manifests of a repository that its tags reach, and the other content that these need."""
        documents = {digest: self.manifest(digest) for digest in self.revisions(name)}
        tags = self.tags(name)
        manifests = reached(documents, [digest for tag, digest in tags.items() if not BELONGS.fullmatch(tag)])
        while more := [tags[tag] for tag in tags if (match := BELONGS.fullmatch(tag)) and tags[tag] not in manifests
                       and f"{match[1]}:{match[2]}" in manifests]:
            manifests = reached(documents, [*manifests, *more])
        content = {descriptor["digest"] for digest in manifests
                   for descriptor in [documents.get(digest, {}).get("config"), *documents.get(digest, {}).get("layers", ())]
                   if descriptor}
        return manifests, content

    def problems(self) -> list[str]:
        """Why what is tagged can't be pulled whole."""
        found = []
        for name in self.repositories():
            revisions, layers = self.revisions(name), self.layers(name)
            manifests, content = self.live(name)
            found += [f"{name}: no revision {digest}" for digest in manifests - revisions]
            found += [f"{name}: no link to {digest}" for digest in content - layers]
            found += [f"{name}: {digest} {wrong}" for digest in manifests | content if (wrong := self.damage(digest))]
        return found

    def damage(self, digest: str) -> str | None:
        algorithm, _, hexadecimal = digest.partition(":")
        try:
            data = self.blob_path(digest).read_bytes()
        except FileNotFoundError:
            return "is not there"
        return None if hashlib.new(algorithm, data).hexdigest() == hexadecimal else "is damaged"

    def live_bytes(self) -> int:
        """What the tags of all repositories reach, each blob once."""
        digests = set().union(*(part for name in self.repositories() for part in self.live(name)))
        return sum(self.blob_path(digest).stat().st_size for digest in digests)

    def blob_bytes(self) -> int:
        """All below blobs."""
        return sum((Path(directory) / name).stat().st_size for directory, _, names in os.walk(self.top / "blobs")
                   for name in names)

    def litter(self) -> list[str]:
        """What a collector should have taken out of berth's own directory."""
        return listed(self.top / "_berth/tmp")


def reached(documents: dict[str, dict], roots: list[str]) -> set[str]:
    """The roots, the children of each that is an index, and what has one of them as its subject."""
    referrers = {}
    for digest, document in documents.items():
        if subject := document.get("subject"):
            referrers.setdefault(subject["digest"], []).append(digest)
    found, todo = set(), list(roots)
    while todo:
        digest = todo.pop()
        if digest not in found:
            found.add(digest)
            todo += [child["digest"] for child in documents.get(digest, {}).get("manifests", ())]
            todo += referrers.get(digest, ())
    return found
