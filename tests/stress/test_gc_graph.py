# SPDX-License-Identifier: Apache-2.0
"""What belongs together stays together through the grace, and goes together."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.interop.ledger import ACCEPT
from tests.lib import oci
from tests.lib.distribution import Distribution
from tests.lib.paths import BUILD

HOUR = 3600
GRACE = "1h"


@pytest.fixture
def front():
    with running_front("cgi") as front:
        yield front


@pytest.fixture
def repo(front):
    return oci.Repository(front, "team/app")


@pytest.fixture
def collect(front):
    def run(grace=GRACE):
        done = subprocess.run([BUILD / "berth", "gc", "--grace", grace, "--root", front.root], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, done
    return run


@pytest.fixture
def wait(front):
    """So many seconds go by: all that the store holds grows older."""
    def grow_older(seconds):
        for path in (front.root, *Path(front.root).rglob("*")):
            then = path.lstat().st_mtime - seconds
            os.utime(path, (then, then), follow_symlinks=False)
    return grow_older


def push_index(repo, reference, **fields):
    children = [repo.push_image() for _ in range(2)]
    platforms = ({"os": "linux", "architecture": architecture} for architecture in ("amd64", "arm64"))
    return repo.push_manifest(oci.index([child.descriptor(platform=platform) for child, platform in zip(children, platforms)],
                                        **fields), reference)


def parts(document):
    return [part["digest"] for part in (document["config"], *document["layers"])] if "config" in document else []


def assert_whole(repo, reference):
    """It can be pulled with all that it needs."""
    document = oci.expect(repo.get(f"manifests/{reference}", ACCEPT), 200).json()
    for child in document.get("manifests", ()):
        assert_whole(repo, child["digest"])
    for digest in parts(document):
        assert oci.digest_of(oci.expect(repo.get(f"blobs/{digest}"), 200).body) == digest


def blob_directory(repo, digest):
    algorithm, _, hexadecimal = digest.partition(":")
    return Path(repo.front.root) / "docker/registry/v2/blobs" / algorithm / hexadecimal[:2] / hexadecimal


def assert_gone(repo, *contents):
    """With all that only they needed, from the repository and from the disk."""
    for content in contents:
        oci.expect(repo.get(f"manifests/{content.digest}"), 404)
        assert not blob_directory(repo, content.digest).exists()
        for digest in parts(content.document):
            oci.expect(repo.get(f"blobs/{digest}"), 404)
            assert not blob_directory(repo, digest).exists()


def children(repo, index):
    """The manifests of an index, as they are now."""
    return [oci.Content(oci.expect(repo.get(f"manifests/{child['digest']}"), 200).body, child["mediaType"])
            for child in index.document["manifests"]]


def test_moved_index_lives_through_the_grace_and_goes_whole(repo, collect, wait):
    old = push_index(repo, "stable")
    old_children = children(repo, old)
    wait(30 * HOUR)
    collect()
    assert_whole(repo, "stable")
    new = push_index(repo, "stable")
    collect()
    assert_whole(repo, old.digest)  # although it, its children and their layers are older than the grace
    for child in old_children:
        assert_whole(repo, child.digest)
    wait(0.5 * HOUR)
    collect()
    assert_whole(repo, old.digest)
    wait(HOUR)
    collect()
    assert_gone(repo, old, *old_children)
    assert_whole(repo, "stable")
    assert_whole(repo, new.digest)


def test_deleted_tag_has_the_grace_too(repo, collect, wait):
    image = repo.push_image("gone")
    wait(30 * HOUR)
    oci.expect(repo.delete("manifests/gone"), 202)
    collect()
    assert_whole(repo, image.digest)
    wait(2 * HOUR)
    collect()
    assert_gone(repo, image)


def test_child_that_another_index_needs_stays(repo, collect, wait):
    first = push_index(repo, "moving")
    shared, other = children(repo, first)
    repo.push_manifest(oci.index([shared.descriptor()]), "other")
    push_index(repo, "moving")
    wait(2 * HOUR)
    collect()
    assert_whole(repo, "other")
    assert_whole(repo, shared.digest)
    assert_gone(repo, first, other)


def test_index_within_an_index(repo, collect, wait):
    inner = push_index(repo, None)
    repo.push_manifest(oci.index([inner.descriptor()]), "outer")
    inner_children = children(repo, inner)
    wait(2 * HOUR)
    collect()
    assert_whole(repo, "outer")
    oci.expect(repo.delete("manifests/outer"), 202)
    wait(2 * HOUR)
    collect()
    assert_gone(repo, inner, *inner_children)


def signed_image(repo, tag):
    """An image, and all ways to sign it: [the image, a referrer, the referrer of that, cosign's tags, the fallback tag]."""
    subject = repo.push_image(tag)
    sbom = repo.push_image(subject=subject.descriptor(), artifactType="application/vnd.test.sbom")
    signature = repo.push_image(subject=sbom.descriptor(), artifactType="application/vnd.test.signature")
    prefix = subject.digest.replace(":", "-")
    cosign = [repo.push_image(prefix + suffix) for suffix in (".sig", ".att", ".sbom")]
    attested = repo.push_image()
    fallback = repo.push_manifest(oci.index([attested.descriptor()]), prefix)
    return [subject, sbom, signature, *cosign, attested, fallback]


def test_signatures_go_with_their_subject_and_not_before(repo, collect, wait):
    signed = signed_image(repo, "v1")
    subject, sbom, signature = signed[:3]
    other = signed_image(repo, "v2")
    wait(2 * HOUR)
    collect()
    for content in signed:
        assert_whole(repo, content.digest)
    assert [entry["digest"] for entry in repo.referrers(sbom.digest)] == [signature.digest]

    repo.push_image("v1")  # the tag moves
    collect()
    for content in signed:
        assert_whole(repo, content.digest)
    assert len(repo.tags()) == 2 + 8
    wait(2 * HOUR)
    collect()
    assert_gone(repo, *signed)
    assert len(repo.tags()) == 2 + 4
    assert repo.referrers(subject.digest) == []
    for content in other:
        assert_whole(repo, content.digest)


def test_signature_of_a_platform_stays_with_its_index(repo, collect, wait):
    index = push_index(repo, "multi")
    child = children(repo, index)[0]
    signature = repo.push_image(subject=child.descriptor())
    tagged = repo.push_image(child.digest.replace(":", "-") + ".sig")
    wait(2 * HOUR)
    collect()
    assert_whole(repo, signature.digest)
    assert_whole(repo, tagged.digest)
    oci.expect(repo.delete("manifests/multi"), 202)
    collect()
    assert_whole(repo, signature.digest)
    wait(2 * HOUR)
    collect()
    assert_gone(repo, index, child, signature, tagged)
    assert not repo.directory.exists()


def test_signature_of_what_never_came_is_kept_for_the_grace(repo, collect, wait):
    """A signature may be pushed before its subject."""
    subject = oci.image(repo.push_blob(oci.blob()).descriptor(), [])
    early = repo.push_image(subject=subject.descriptor())
    collect()
    assert_whole(repo, early.digest)
    repo.push_manifest(subject, "late")
    wait(2 * HOUR)
    collect()
    assert_whole(repo, early.digest)


def serve_by_distribution(root, check):
    with tempfile.TemporaryDirectory(prefix="berth-gc-") as directory, Distribution(root, Path(directory)) as front:
        check(oci.Repository(front, "team/app"))


def push_what_is_to_stay(repo):
    """Tags, of which those of multi-platform images are what docker-registry's collector breaks."""
    push_index(repo, "index")
    push_index(repo, "list", mediaType=oci.DOCKER_LIST)
    for _ in range(2):
        repo.push_image("image")
    return ["index", "list", "image"]


def test_dockers_trap(repo, collect, wait):
    """`garbage-collect --delete-untagged` takes the parts of multi-platform images; that is not what berth does."""
    tags = push_what_is_to_stay(repo)
    wait(2 * HOUR)
    with tempfile.TemporaryDirectory(prefix="berth-gc-") as directory:
        copy = shutil.copytree(repo.front.root, Path(directory) / "store")
        Distribution(copy, Path(directory)).collect("--delete-untagged")

        def assert_broken(there):
            assert_whole(there, "image")
            for tag in "index", "list":
                for child in oci.expect(there.get(f"manifests/{tag}", ACCEPT), 200).json()["manifests"]:
                    oci.expect(there.get(f"manifests/{child['digest']}", ACCEPT), 404)

        serve_by_distribution(copy, assert_broken)
    collect("0s")
    for tag in tags:
        assert_whole(repo, tag)


def test_distribution_serves_what_is_left(repo, collect, wait):
    """All of it, and its own collector finds nothing wrong, and nothing to do."""
    tags = push_what_is_to_stay(repo)
    garbage = [repo.push_image("moved"), *signed_image(repo, "doomed")]
    repo.push_image("moved")
    oci.expect(repo.delete("manifests/doomed"), 202)
    gone = oci.Repository(repo.front, "team/gone")
    oci.expect(gone.delete(f"manifests/{gone.push_image().digest}"), 202)
    wait(2 * HOUR)
    collect()
    assert_gone(repo, *garbage)

    def check(there):
        for tag in (*tags, "moved"):
            assert_whole(there, tag)
        assert sorted(there.tags()) == sorted((*tags, "moved"))
        assert oci.expect(there.front.request("GET", "/v2/_catalog"), 200).json() == {"repositories": ["team/app"]}

    serve_by_distribution(repo.front.root, check)
    with tempfile.TemporaryDirectory(prefix="berth-gc-") as directory:
        output = Distribution(repo.front.root, Path(directory)).collect()
        assert "0 blobs and 0 manifests eligible for deletion" in str(output), output
    serve_by_distribution(repo.front.root, check)
    for tag in tags:
        assert_whole(repo, tag)
