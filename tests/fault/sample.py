# SPDX-License-Identifier: Apache-2.0
"""A small store that has something of everything, a month old, so that each command has something to do in it."""

import json
import os
import shutil
import time
from pathlib import Path

from tests.lib import oci
from tests.lib.graph import Store

MONTH = 30 * 24 * 3600
APP, OTHER, EMPTY = "team/app", "other", "team/empty"


def age(tree: Path, seconds: int = MONTH):
    """Makes it and all that is in it look as old."""
    then = time.time() - seconds
    for path in (tree, *tree.rglob("*")):
        os.utime(path, (then, then), follow_symlinks=False)


def push_image(repository, base, reference=None, algorithm="sha256", **fields):
    """An image with a layer that others have too, and one of its own."""
    config = repository.push_blob(oci.blob(64, oci.OCI_CONFIG, algorithm))
    layers = [base, repository.push_blob(oci.blob(900, oci.OCI_LAYER, algorithm))]
    return repository.push_manifest(oci.image(config.descriptor(), [layer.descriptor() for layer in layers], algorithm,
                                              **fields), reference)


def push_index(repository, base, reference):
    children = [push_image(repository, base).descriptor(platform={"os": "linux", "architecture": architecture})
                for architecture in ("amd64", "arm64")]
    return repository.push_manifest(oci.index(children), reference)


def fill(front):
    """Pushes, moves and deletes, as clients do."""
    app, other, empty = (oci.Repository(front, name) for name in (APP, OTHER, EMPTY))
    base = app.push_blob(oci.blob(2000, oci.OCI_LAYER))
    for tag in ("1", "moved", "moved", "gone", "doomed"):
        push_image(app, base, tag)
    push_index(app, base, "multi-moved")
    push_index(app, base, "multi-moved")
    push_index(app, base, "multi")
    oci.expect(app.delete("manifests/gone"), 202)
    oci.expect(app.delete(f"manifests/{push_image(app, base).digest}"), 202)
    signed = push_image(app, base, "signed")
    push_image(app, base, subject=signed.descriptor(), artifactType="application/vnd.test.signature")
    push_image(app, base, signed.digest.replace(":", "-") + ".sig")
    push_image(app, base, subject=push_image(app, base).descriptor(), artifactType="application/vnd.test.sbom")

    oci.expect(other.post_upload(f"?mount={base.digest}&from={APP}"), 201)
    for tag in ("1", "2"):
        push_image(other, base, tag)
    sha512 = other.push_blob(oci.blob(500, oci.OCI_LAYER, "sha512"))
    document = push_image(other, sha512, algorithm="sha512")
    other.push_manifest(document, f"{document.digest}?tag=sha512")
    other.push_blob(oci.blob(300))
    oci.expect(other.send_chunk(other.start_upload(), os.urandom(700)), 202)
    other.start_upload()

    oci.expect(empty.delete(f"manifests/{push_image(empty, empty.push_blob(oci.blob(100))).digest}"), 202)


def damage(root: Path):
    """What fsck --repair can mend so that all tags are whole again, and a blob of nobody that it can't."""
    store = Store(root)
    digest = store.tags(APP)["1"]
    document = store.manifest(digest)
    repository = root / "docker/registry/v2/repositories" / APP
    for layer in document["layers"]:
        shutil.rmtree(repository / "_layers" / layer["digest"].replace(":", "/"))
    (repository / "_manifests/revisions" / digest.replace(":", "/") / "link").write_text("")
    (repository / "_manifests/tags/1/index" / digest.replace(":", "/") / "link").unlink()
    shutil.rmtree(repository / "_referrers")
    garbage = min(set().union(*map(store.layers, store.repositories())) -
                  set().union(*(content for name in store.repositories() for content in store.live(name)[1:])))
    store.blob_path(garbage).write_bytes(b"damaged")


def write_layout(directory: Path):
    """An image that the store does not have, as an OCI layout."""
    def write(content):
        path = directory / "blobs" / content.digest.replace(":", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.data)
        return content

    diff = bytes(10240)  # an empty tar
    layer = write(oci.Content(diff, "application/vnd.oci.image.layer.v1.tar"))
    config = write(oci.Content(json.dumps({"architecture": "amd64", "os": "linux", "rootfs":
                                           {"type": "layers", "diff_ids": [oci.digest_of(diff)]}}).encode(), oci.OCI_CONFIG))
    manifest = write(oci.image(config.descriptor(), [layer.descriptor()]))
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    name = {"org.opencontainers.image.ref.name": "new/image:1"}
    (directory / "index.json").write_bytes(oci.index([manifest.descriptor(annotations=name)]).data)
