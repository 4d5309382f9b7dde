# SPDX-License-Identifier: Apache-2.0
"""Two hundred clients push at once, as docker does, and everything comes back whole."""

import random
from concurrent.futures import ThreadPoolExecutor

from tests.lib import oci

IMAGES = 200
REPOSITORIES = 50  # so that several images go to one repository, and layers to several
CHUNK = 32 * 1024


def push_blob_as_docker(repository, content):
    if repository.head(f"blobs/{content.digest}").status == 200:
        return
    location = repository.start_upload()
    chunks = (content.data[start : start + CHUNK] for start in range(0, len(content.data), CHUNK))
    answer = oci.expect(repository.front.request("PATCH", location, body=chunks), 202)
    location = oci.complete(answer.headers["Location"], content.digest)
    oci.expect(repository.front.request("PUT", location, body=b""), 201)
    answer = oci.expect(repository.head(f"blobs/{content.digest}"), 200)
    assert int(answer.headers["Content-Length"]) == len(content.data)


def make_images(seed):
    """(repository name, tag, manifest, blobs) of each image: it has a layer of its own, and three that others have."""
    choose = random.Random(seed)
    shared = [oci.blob(choose.randrange(1_000_000), oci.DOCKER_LAYER) for _ in range(20)]
    for number in range(IMAGES):
        layers = [*choose.sample(shared, 3), oci.blob(choose.randrange(50_000), oci.DOCKER_LAYER)]
        config = oci.blob(1_000, oci.DOCKER_CONFIG)
        manifest = oci.image(config.descriptor(), [layer.descriptor() for layer in layers],
                             mediaType=oci.DOCKER_MANIFEST)
        yield f"stress/{number % REPOSITORIES}", f"v{number}", manifest, [*layers, config]


def push(front, name, tag, manifest, blobs):
    repository = oci.Repository(front, name)
    for content in blobs:
        push_blob_as_docker(repository, content)
    repository.push_manifest(manifest, tag)


def pull(front, name, tag, manifest, blobs):
    repository = oci.Repository(front, name)
    for reference in tag, manifest.digest:
        answer = oci.expect(repository.get(f"manifests/{reference}"), 200)
        assert answer.body == manifest.data
        assert answer.headers["Docker-Content-Digest"] == manifest.digest
    for content in blobs:
        assert oci.expect(repository.get(f"blobs/{content.digest}"), 200).body == content.data


def everywhere(front, act, images):
    """Does the same with all images at once, and raises what any of them raised."""
    with ThreadPoolExecutor(len(images)) as clients:
        for outcome in [clients.submit(act, front, *image) for image in images]:
            outcome.result()


def test_two_hundred_pushes_at_once(front):
    images = list(make_images(seed=front.name))
    everywhere(front, push, images)
    everywhere(front, pull, images)
    for number in range(REPOSITORIES):
        tags = sorted(f"v{image}" for image in range(number, IMAGES, REPOSITORIES))
        assert oci.Repository(front, f"stress/{number}").tags() == tags
