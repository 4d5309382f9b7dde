# SPDX-License-Identifier: Apache-2.0
"""What a build of the image has left."""

import contextlib
import gzip
import io
import json
import os
import subprocess
import tarfile
import tempfile
from datetime import datetime
from pathlib import Path

from tests.lib.paths import CHECKOUT


@contextlib.contextmanager
def short_directory(ring):
    """One for all users, whose name is short enough for Unix sockets below it."""
    with tempfile.TemporaryDirectory(prefix=f"berth-{ring}-", dir="/var/tmp") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def kept_packages(place):
    return Path(os.environ.get("BERTH_IMAGE_PACKAGES") or place / "packages")


def given_or_built(place):
    there = os.environ.get("BERTH_IMAGE")
    return Built(Path(there)) if there else build(CHECKOUT, place / "image", kept_packages(place))


def build(checkout, directory, packages, *options, **variables):
    argv = [checkout / "packaging/image/build", "--output", directory, "--packages", packages, *options]
    done = subprocess.run(argv, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Built(directory, done.stdout)


class Built:
    def __init__(self, directory, said=""):
        self.directory, self.said = directory.resolve(), said
        self.layout, self.archive = self.directory / "oci", self.directory / "berth.tar"
        self.index = json.loads((self.layout / "index.json").read_text())
        self.manifest = self.json(self.index["manifests"][0]["digest"])
        self.config = self.json(self.manifest["config"]["digest"])

    @property
    def epoch(self):
        """As SOURCE_DATE_EPOCH."""
        return str(int(datetime.fromisoformat(self.config["created"]).timestamp()))

    def blob(self, digest):
        return (self.layout / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()

    def json(self, digest):
        return json.loads(self.blob(digest))

    @property
    def digest(self):
        return self.index["manifests"][0]["digest"]

    def archives(self):
        """The layers."""
        for layer in self.manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.blob(layer["digest"])))) as tar:
                yield tar

    def files(self):
        """{path: member} of all layers."""
        return {member.name: member for tar in self.archives() for member in tar}

    def contents(self):
        """{path: bytes} of all files."""
        return {member.name: tar.extractfile(member).read() for tar in self.archives() for member in tar if member.isfile()}

    def machines(self):
        """{path: what processor it is for, as ELF counts them} of all programs and libraries."""
        heads = {member.name: tar.extractfile(member).read(20) for tar in self.archives() for member in tar if member.isfile()}
        return {path: int.from_bytes(head[18:20], "little") for path, head in heads.items() if head.startswith(b"\x7fELF")}
