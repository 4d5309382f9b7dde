# SPDX-License-Identifier: Apache-2.0
"""`berth export` as tests run it, and what they export."""

import subprocess
from pathlib import Path

from tests.lib import oci
from tests.lib.paths import BUILD

SIGNATURE = {"artifactType": "application/vnd.example.signature"}


def run(berth, *args, **options):
    """With standard output and error as bytes, whatever the status."""
    return subprocess.run([BUILD / "berth", "export", *args, "--root", berth.root], capture_output=True, timeout=60,
                          **options)


def stream(berth, *args):
    done = run(berth, *args)
    assert done.returncode == 0, done
    return done.stdout


def blobs_of(*manifests):
    """The digests of images, and of all that they name."""
    found = set()
    for content in manifests:
        document = content.document
        found |= {content.digest, *(part["digest"] for part in [document["config"], *document["layers"]])}
    return found


def platform(architecture, **fields):
    return {"platform": {"os": "linux", "architecture": architecture, **fields}}


def push_index(repo, tag, *architectures, **fields):
    """An index of new images, and those."""
    images = [repo.push_image() for _ in architectures]
    children = [image.descriptor(**platform(architecture)) for image, architecture in zip(images, architectures)]
    return repo.push_manifest(oci.index(children, **fields), tag), images


def push_wide(repo, tag):
    """An image of which all is named by sha512. (Pushed by a tag, a manifest gets a sha256.)"""
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG, "sha512"))
    layer = repo.push_blob(oci.blob(128, oci.OCI_LAYER, "sha512"))
    content = oci.image(config.descriptor(), [layer.descriptor()], "sha512")
    return repo.push_manifest(content, f"{content.digest}?tag={tag}")


def blob_path(front, digest):
    algorithm, value = digest.split(":")
    return Path(front.root) / "docker/registry/v2/blobs" / algorithm / value[:2] / value / "data"
