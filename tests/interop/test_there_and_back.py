# SPDX-License-Identifier: Apache-2.0
"""One store, served by berth and by CNCF Distribution in turn: what either of them acknowledged, the other gives back,
and Distribution's collector keeps."""

import shutil

import pytest

from tests.interop.ledger import Ledger
from tests.lib import oci

APP, OTHER = "library/app", "team/deep/other"


@pytest.fixture
def ledger():
    return Ledger()


def push_multi_arch(ledger, front, name, tag, list_type):
    children = [ledger.push_image(front, name).descriptor(platform={"os": "linux", "architecture": architecture})
                for architecture in ("amd64", "arm64")]
    return ledger.push_manifest(front, name, oci.index(children, mediaType=list_type), tag)


def push_everything(ledger, front):
    """What both programs can keep. Returns an image to delete."""
    ledger.push_docker_image(front, APP, "1", "latest")
    ledger.push_image(front, APP, "oci")
    push_multi_arch(ledger, front, APP, "list", oci.DOCKER_LIST)
    push_multi_arch(ledger, front, APP, "index", oci.OCI_INDEX)
    ledger.push_image(front, OTHER, "kept")
    return ledger.push_image(front, OTHER, "doomed", "doomed-too")


def push_what_only_berth_keeps(ledger, front):
    """Natively stored sha512 content, and an artifact that refers to an image: that gets an entry in `_referrers`."""
    ledger.push_image(front, APP, "sha512", algorithm="sha512")
    layer = ledger.push_blob(front, APP, oci.blob(algorithm="sha512"))
    config = ledger.push_blob(front, APP, oci.blob(media_type=oci.OCI_CONFIG))
    ledger.push_manifest(front, APP, oci.image(config, [layer]), "mixed")
    subject = ledger.manifests[APP, ledger.tags[APP, "oci"]]
    ledger.push_image(front, APP, subject=subject.descriptor(), artifactType="application/vnd.test.signature")


def blob_path(store, digest):
    algorithm, hexadecimal = digest.split(":")
    return store / "docker/registry/v2/blobs" / algorithm / hexadecimal[:2] / hexadecimal / "data"


def test_store_of_distribution(ledger, distribution, berth, place, store):
    with distribution(store) as front:
        doomed = push_everything(ledger, front)

    with berth(store) as front:
        ledger.check(front)
        ledger.check_lists(front)
        ledger.push_docker_image(front, APP, "2", "latest")  # the tag moves, and the old image keeps another
        ledger.push_image(front, "new/repository", "1")
        push_what_only_berth_keeps(ledger, front)
        ledger.delete_tag(front, APP, "list")
        ledger.delete_manifest(front, OTHER, doomed)
        ledger.check(front)

    with distribution(store) as front:
        ledger.check(front)
        ledger.check_lists(front)
        oci.expect(oci.Repository(front, OTHER).get(f"manifests/{doomed.digest}"), 404)

    copy = shutil.copytree(store, place / "copy", symlinks=True)
    distribution(store).collect()
    assert not blob_path(store, doomed.digest).exists()
    with distribution(store) as front:
        ledger.check(front)
    with berth(store) as front:
        ledger.check(front)
        ledger.check_lists(front)
        oci.expect(oci.Repository(front, OTHER).head(f"blobs/{doomed.document['layers'][0]['digest']}"), 404)

    distribution(copy).collect("--delete-untagged")
    for serving in distribution, berth:
        with serving(copy) as front:
            ledger.tagged_images().check(front)


def test_store_of_berth(ledger, distribution, berth, store):
    with berth(store) as front:
        doomed = push_everything(ledger, front)
        push_what_only_berth_keeps(ledger, front)
        gone = ledger.push_image(front, "gone", "1")
        ledger.check(front)

    with distribution(store) as front:
        ledger.check(front)
        ledger.check_lists(front)
        ledger.push_docker_image(front, APP, "2", "latest")
        push_multi_arch(ledger, front, OTHER, "list", oci.DOCKER_LIST)
        ledger.push_image(front, "new/repository", "1")
        ledger.delete_manifest(front, OTHER, doomed)
        ledger.delete_manifest(front, "gone", gone)
        ledger.check(front)
    distribution(store).collect()

    with berth(store) as front:
        ledger.check(front)
        ledger.check_lists(front)  # without the repository of which nothing is left
        ledger.push_image(front, OTHER, "kept")
        ledger.push_docker_image(front, "gone", "2")
        ledger.check(front)
    with distribution(store) as front:
        ledger.check(front)
        ledger.check_lists(front)
