# SPDX-License-Identifier: Apache-2.0
"""Archives and directories with images, as docker, podman and skopeo write them, and as nobody should."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.lib import oci

OCI_TAR = "application/vnd.oci.image.layer.v1.tar"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def layer(size=20_000) -> bytes:
    """A layer as it is on docker's disk: a tar file, here of a file like no other, half of it text."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        data = os.urandom(size // 2) + b"line of text\n" * (size // 26)
        info = tarfile.TarInfo("file-" + os.urandom(4).hex())
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@dataclass
class Image:
    layers: list[bytes]
    names: list[str] | None = None

    @property
    def config(self) -> bytes:
        return json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/hello"]}, "rootfs": {
            "type": "layers", "diff_ids": [f"sha256:{sha(data)}" for data in self.layers]}}).encode()


def image(*names: str, layers=2, size=20_000) -> Image:
    return Image([layer(size) for _ in range(layers)], list(names) or None)


def docker_archive(*images: Image) -> dict:
    """`docker save` before version 25: the members by their names. A tuple is a symbolic link."""
    members, listing, seen = {}, [], {}
    for each in images:
        paths = []
        for data in each.layers:
            path = f"{sha(data + each.config)}/layer.tar"
            members[path] = ("../" + seen[data],) if data in seen else data
            seen.setdefault(data, path)
            paths.append(path)
        members[f"{sha(each.config)}.json"] = each.config
        listing.append({"Config": f"{sha(each.config)}.json", "RepoTags": each.names, "Layers": paths})
    members["manifest.json"] = json.dumps(listing).encode()
    return members


class Layout:
    """An OCI image layout: the files by their names."""

    def __init__(self):
        self.annotations, self.entries, self.files = {}, [], {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(self, content: oci.Content) -> dict:
        algorithm, hexadecimal = content.digest.split(":")
        self.files[f"blobs/{algorithm}/{hexadecimal}"] = content.data
        return content.descriptor()

    def image(self, layers=2, algorithm="sha256", **fields) -> oci.Content:
        """An image with compressed layers; not listed yet."""
        config = self.blob(oci.blob(64, oci.OCI_CONFIG, algorithm))
        contents = [self.blob(oci.blob(3000, oci.OCI_LAYER, algorithm)) for _ in range(layers)]
        return self.manifest(oci.image(config, contents, algorithm, **fields))

    def manifest(self, content: oci.Content) -> oci.Content:
        self.blob(content)
        return content

    def list(self, content: oci.Content, ref=None, name=None, repository=None):
        annotations = {"org.opencontainers.image.ref.name": ref, "io.containerd.image.name": name,
                       "dev.berth.repository": repository}
        present = {key: value for key, value in annotations.items() if value}
        self.entries.append(content.descriptor(**({"annotations": present} if present else {})))
        return content

    def all(self) -> dict:
        return {**self.files, "index.json": json.dumps({"schemaVersion": 2, "manifests": self.entries,
                                                        "annotations": self.annotations}).encode()}


def docker25(*images: Image, compressed=False) -> dict:
    """`docker save` of version 25 and later: an OCI layout, and manifest.json beside it."""
    layout, listing = Layout(), []
    for each in images:
        config = layout.blob(oci.Content(each.config, oci.OCI_CONFIG))
        contents = [oci.Content(gzip.compress(data, mtime=0) if compressed else data,
                                OCI_TAR + ("+gzip" if compressed else "")) for data in each.layers]
        layers = [layout.blob(content) for content in contents]
        manifest = layout.manifest(oci.image(config, layers))
        for name in each.names or [None]:
            layout.list(manifest, ref=name and name.rpartition(":")[2], name=name and f"docker.io/{name}")
        listing.append({"Config": f"blobs/sha256/{sha(each.config)}", "RepoTags": each.names,
                        "Layers": [f"blobs/sha256/{content.digest[7:]}" for content in contents],
                        "LayerSources": {f"sha256:{sha(data)}": descriptor for data, descriptor in
                                         zip(each.layers, layers)}})
    return {**layout.all(), "manifest.json": json.dumps(listing).encode()}


def skopeo_directory(layout: Layout, top: oci.Content) -> dict:
    """What `skopeo copy dir:` makes of a manifest in a layout."""
    files = {"version": b"Directory Transport Version: 1.1\n", "manifest.json": top.data}
    for name, data in layout.files.items():
        if name.startswith("blobs/"):
            is_manifest = b'"schemaVersion"' in data[:40]
            files[Path(name).name + (".manifest.json" if is_manifest else "")] = data
    return files


def write_directory(directory: Path, files: dict) -> Path:
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return directory


def member(name: str, data) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    if isinstance(data, tuple):
        info.type, info.linkname = tarfile.SYMTYPE, data[0]
        return info, b""
    info.size = len(data)
    return info, data


def write_tar(path: Path, files, mode="w") -> Path:
    """files: by their names, or pairs where a name is to stand twice."""
    with tarfile.open(path, mode) as tar:
        for name, data in files.items() if isinstance(files, dict) else files:
            info, content = member(name, data)
            tar.addfile(info, io.BytesIO(content))
    return path
