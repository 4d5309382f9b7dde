# SPDX-License-Identifier: Apache-2.0
"""OCI image layouts, as a directory or a tar, read by the specification's rules alone."""

import hashlib
import io
import json
import re
import subprocess
import tarfile
from pathlib import Path

REPOSITORY = "dev.berth.repository"
REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"
INCOMPLETE = "dev.berth.incomplete"

FILE = r"oci-layout|index\.json|manifest\.json|blobs/sha256/[0-9a-f]{64}|blobs/sha512/[0-9a-f]{128}"


class Layout:
    """All files of a layout, which must be whole, except for the digests that it may lack."""

    def __init__(self, source, may_lack=()):
        """`source` is a directory, a tar, or the bytes of one."""
        self.files = self.read_directory(source) if not isinstance(source, bytes) and Path(source).is_dir() else \
            self._read_tar(source)
        self.lacks = set()
        self._check(set(may_lack))

    @staticmethod
    def read_directory(path):
        return {str(file.relative_to(path)): file.read_bytes() for file in Path(path).rglob("*") if file.is_file()}

    @staticmethod
    def _read_tar(source):
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        if data[:4] == b"\x28\xb5\x2f\xfd":
            data = subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True).stdout
        files = {}
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                assert member.isreg(), member
                assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
                assert member.name not in files, f"{member.name} is there twice"
                files[member.name] = tar.extractfile(member).read()
        return files

    def _check(self, may_lack):
        assert json.loads(self.files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
        for name in self.files:
            assert re.fullmatch(FILE, name), name
        for digest, data in self.blobs.items():
            algorithm, value = digest.split(":")
            assert hashlib.new(algorithm, data).hexdigest() == value
        assert self.index["schemaVersion"] == 2
        assert self.index["mediaType"] == "application/vnd.oci.image.index.v1+json"
        reached = set()
        for entry in self.entries:
            self._follow(entry, reached)
        self.lacks = reached - set(self.blobs)
        assert self.lacks <= may_lack, self.lacks
        assert set(self.blobs) <= reached, "something in it is named by nothing"

    def _follow(self, descriptor, reached):
        digest = descriptor["digest"]
        reached.add(digest)
        data = self.blobs.get(digest)
        if data is None:
            return
        assert len(data) == descriptor["size"]
        if "manifest" not in descriptor["mediaType"] and "index" not in descriptor["mediaType"]:
            return
        document = json.loads(data)
        for child in [document.get("config"), *document.get("layers", []), *document.get("manifests", [])]:
            if child:
                self._follow(child, reached)

    @property
    def blobs(self):
        return {":".join(name.split("/")[1:]): data for name, data in self.files.items() if name.startswith("blobs/")}

    @property
    def index(self):
        return json.loads(self.files["index.json"])

    @property
    def entries(self):
        return self.index["manifests"]

    def names(self):
        """(repository, ref.name or None, digest) of each entry."""
        return [(entry["annotations"].get(REPOSITORY), entry["annotations"].get(REF_NAME), entry["digest"])
                for entry in self.entries]

    def image_names(self):
        return {entry["annotations"][IMAGE_NAME] for entry in self.entries if IMAGE_NAME in entry["annotations"]}

    def docker(self):
        """docker's manifest.json, of which everything must be there."""
        images = json.loads(self.files["manifest.json"])
        for image in images:
            assert set(image) == {"Config", "RepoTags", "Layers"}
            assert {image["Config"], *image["Layers"]} <= set(self.files)
        return images
