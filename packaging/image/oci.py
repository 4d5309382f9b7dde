# SPDX-License-Identifier: Apache-2.0
"""An image, as an OCI image layout and as an archive for `docker load`."""

import gzip
import hashlib
import io
import json
import tarfile
from datetime import datetime, timezone

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
EMPTY = b"{}"
SPDX = "application/spdx+json"
SECOND = 1_000_000_000  # as docker counts


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def as_json(value):
    return json.dumps(value, indent=1, sort_keys=True).encode()


def time_of(epoch):
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Layer:
    def __init__(self, tar, what):
        self.tar, self.what = tar, what
        self.compressed = gzip.compress(tar, 9, mtime=0)


def labels(version, epoch):
    return {
        "org.opencontainers.image.title": "berth",
        "org.opencontainers.image.description": "A container registry that keeps its images as registry:2 does",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.created": time_of(epoch),
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.base.name": "scratch",
    }


class Image:
    def __init__(self, layers, made, epoch, user):
        self.layers, self.epoch, self.labels = layers, epoch, labels(made.version, epoch)
        self.platform = {"architecture": made.target.name, "os": "linux"}
        self.config = as_json({
            **self.platform,
            "created": time_of(epoch),
            "config": {
                "User": f"{user}:{user}",
                "ExposedPorts": {"5000/tcp": {}},
                "Env": ["PATH=/usr/sbin:/usr/bin"],
                "Entrypoint": ["/usr/bin/berth", "registry"],
                "WorkingDir": "/",
                "Volumes": {"/var/lib/registry": {}},
                "StopSignal": "SIGTERM",
                "Healthcheck": {"Test": ["CMD", "/usr/bin/berth", "health"], "Interval": 30 * SECOND, "Timeout": 10 * SECOND,
                                "StartPeriod": 5 * SECOND, "Retries": 3},
                "Labels": self.labels,
            },
            "rootfs": {"type": "layers", "diff_ids": [digest(layer.tar) for layer in layers]},
            "history": [{"created": time_of(epoch), "created_by": "packaging/image/build", "comment": layer.what} for layer in layers],
        })
        self.manifest = as_json({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", self.config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer.compressed) for layer in layers],
            "annotations": self.labels,
        })
        self.digest = digest(self.manifest)
        self.size = sum(len(layer.tar) for layer in layers)
        self.compressed_size = sum(len(layer.compressed) for layer in layers)


def descriptor(media_type, data, **more):
    return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}


def sbom_manifest(image, document):
    return as_json({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": SPDX,
        "config": descriptor("application/vnd.oci.empty.v1+json", EMPTY),
        "layers": [descriptor(SPDX, document)],
        "subject": descriptor(MANIFEST, image.manifest),
        "annotations": {"org.opencontainers.image.created": time_of(image.epoch)},
    })


def write_layout(directory, image, tags, document):
    """The image once for each tag (in a layout a name is the tag alone), and its SBOM without a name."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    attached = sbom_manifest(image, document)
    for data in [*(layer.compressed for layer in image.layers), image.config, image.manifest, document, EMPTY, attached]:
        (blobs / digest(data).partition(":")[2]).write_bytes(data)
    manifests = [descriptor(MANIFEST, image.manifest, platform=image.platform,
                            annotations={"org.opencontainers.image.ref.name": tag.rpartition(":")[2]}) for tag in tags]
    manifests.append(descriptor(MANIFEST, attached, artifactType=SPDX))
    (directory / "oci-layout").write_bytes(as_json({"imageLayoutVersion": "1.0.0"}))
    (directory / "index.json").write_bytes(as_json({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    }))


def write_archive(path, image, tags):
    """As `docker save` writes it: layers as they are unpacked, since docker counts with those."""
    def name(data):
        return digest(data).partition(":")[2]
    files = {f"{name(layer.tar)}.tar": layer.tar for layer in image.layers}
    entry = {"Config": f"{name(image.config)}.json", "RepoTags": tags, "Layers": list(files)}
    files[entry["Config"]] = image.config
    files["manifest.json"] = as_json([entry])
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for file, data in files.items():
            info = tarfile.TarInfo(file)
            info.size, info.mtime = len(data), image.epoch
            archive.addfile(info, io.BytesIO(data))
