# SPDX-License-Identifier: Apache-2.0
"""Referrers: end-12, and the tags in which clients of older registries kept them."""

import shutil
from urllib.parse import quote

import pytest

from tests.lib import oci
from tests.lib.oci import expect, expect_error

TYPE_1 = "application/vnd.example.sbom+json"
TYPE_2 = "application/vnd.example.signature.v1"


def make_referrers(repo, subject):
    """Five that refer to a subject: typed by their configuration, by artifactType, and an index of each kind."""
    def config(media_type):
        return repo.push_blob(oci.Content(b"{}", media_type)).descriptor()

    layer = repo.push_blob(oci.blob(32)).descriptor()
    child = repo.push_image().descriptor()

    def fields(number, artifact_type=None):
        return {"subject": subject, "artifactType": artifact_type, "annotations": {"org.example.number": str(number)}}

    return [
        oci.image(config(TYPE_1), [layer], **fields(1)),
        oci.image(config(oci.OCI_EMPTY), [layer], **fields(2, TYPE_1)),
        oci.image(config(TYPE_2), [layer], **fields(3)),
        oci.image(config(oci.OCI_EMPTY), [layer], **fields(4, TYPE_2)),
        oci.index([child], **fields(5, TYPE_2)),
    ]


def described(manifest, artifact_type):
    fields = {"artifactType": artifact_type} if artifact_type else {}
    return manifest.descriptor(annotations=manifest.document["annotations"], **fields)


def by_digest(descriptors):
    return sorted(descriptors, key=lambda descriptor: descriptor["digest"])


def expect_list(repo, digest, expected, query=""):
    response = expect(repo.get(f"referrers/{digest}{query}"), 200)
    assert response.headers["Content-Type"] == oci.OCI_INDEX
    document = response.json()
    assert set(document) == {"schemaVersion", "mediaType", "manifests"}
    assert document["schemaVersion"] == 2 and document["mediaType"] == oci.OCI_INDEX
    assert by_digest(document["manifests"]) == by_digest(expected)
    return response


@pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
def test_no_referrers(repo, algorithm):
    """3a.24, 3b.2: an empty index, even in a repository that does not exist; never 404."""
    expect_list(repo, oci.blob(algorithm=algorithm).digest, [])
    manifest = repo.push_image()
    expect_list(repo, oci.blob(algorithm=algorithm).digest, [])
    expect_list(repo, manifest.digest, [])
    expect(repo.head(f"referrers/{manifest.digest}"), 200)


@pytest.mark.parametrize("digest", ["sha256:abc", "latest", "md5:" + "0" * 32, "sha256:" + "g" * 64])
def test_malformed_subject(repo, digest):
    expect_error(repo.get(f"referrers/{digest}"), 400, "DIGEST_INVALID")


@pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
@pytest.mark.parametrize("order", ["subject-first", "subject-last", "no-subject"])
def test_referrers(repo, order, algorithm):
    """3a.23, 3a.25, 3a.26, 3b.11: all with type and annotations, whenever the subject comes; filtered by type."""
    config = repo.push_blob(oci.blob(32, oci.OCI_CONFIG, algorithm))
    subject = oci.image(config.descriptor(), [], algorithm)
    if order == "subject-first":
        repo.push_manifest(subject)
    referrers = make_referrers(repo, subject.descriptor())
    for manifest in referrers:
        response = expect(repo.put_manifest(manifest), 201)
        assert response.headers["OCI-Subject"] == subject.digest
    if order == "subject-last":
        response = expect(repo.put_manifest(subject), 201)
        assert "OCI-Subject" not in response.headers
    types = [TYPE_1, TYPE_1, TYPE_2, TYPE_2, TYPE_2]
    expected = [described(*pair) for pair in zip(referrers, types)]
    response = expect_list(repo, subject.digest, expected)
    assert "OCI-Filters-Applied" not in response.headers
    for artifact_type, matching in ((TYPE_1, expected[:2]), (TYPE_2, expected[2:]), ("application/x.other", [])):
        response = expect_list(repo, subject.digest, matching, f"?artifactType={quote(artifact_type, safe='')}")
        assert response.headers["OCI-Filters-Applied"] == "artifactType"


def test_missing_subject(repo):
    """3a.27: one entry for a subject that was never pushed."""
    subject = oci.image({}, [])
    referrer = repo.push_manifest(make_referrers(repo, subject.descriptor())[1])
    expect_list(repo, subject.digest, [described(referrer, TYPE_1)])


def test_index_without_artifact_type(repo):
    """3b.11: it has none in the list either; annotations that are absent stay absent."""
    subject, child = repo.push_image(), repo.push_image()
    referrer = repo.push_manifest(oci.index([child.descriptor()], subject=subject.descriptor()))
    expect_list(repo, subject.digest, [referrer.descriptor()])
    expect_list(repo, subject.digest, [], f"?artifactType={quote(TYPE_1, safe='')}")


def test_empty_artifact_type(repo):
    """An empty artifactType counts as none."""
    subject = repo.push_image()
    config = repo.push_blob(oci.Content(b"{}", TYPE_1))
    referrer = repo.push_manifest(oci.image(config.descriptor(), [], artifactType="", subject=subject.descriptor()))
    expect_list(repo, subject.digest, [referrer.descriptor(artifactType=TYPE_1)])


def test_referrer_pushed_twice(repo):
    subject = repo.push_image()
    referrer = make_referrers(repo, subject.descriptor())[0]
    for reference in (None, "signature", "signature"):
        repo.push_manifest(referrer, reference)
    expect_list(repo, subject.digest, [described(referrer, TYPE_1)])


def test_referrer_under_both_algorithms(repo):
    """One document under two digests is two manifests."""
    subject = repo.push_image()
    referrer = repo.push_manifest(make_referrers(repo, subject.descriptor())[0])
    twin = repo.push_manifest(oci.Content(referrer.data, referrer.media_type, "sha512"))
    expect_list(repo, subject.digest, [described(referrer, TYPE_1), described(twin, TYPE_1)])


def test_deleted_referrer(repo):
    """It leaves the list; deleting the subject does not touch the list, deleting a tag of the referrer neither."""
    subject = repo.push_image()
    first, second = make_referrers(repo, subject.descriptor())[:2]
    repo.push_manifest(first, "first")
    repo.push_manifest(second, "second")
    expect(repo.delete("manifests/first"), 202)
    expect_list(repo, subject.digest, [described(first, TYPE_1), described(second, TYPE_1)])
    expect(repo.delete(f"manifests/{first.digest}"), 202)
    expect_list(repo, subject.digest, [described(second, TYPE_1)])
    expect(repo.delete(f"manifests/{subject.digest}"), 202)
    expect_list(repo, subject.digest, [described(second, TYPE_1)])


def test_referrers_belong_to_their_repository(repo, other_repo):
    subject = repo.push_image()
    repo.push_manifest(make_referrers(repo, subject.descriptor())[0])
    expect_list(other_repo, subject.digest, [])


def fallback_tag(digest):
    """The referrers tag schema, for the digests that berth has: cut to 64 characters behind the algorithm."""
    algorithm, encoded = digest.split(":")
    return f"{algorithm}-{encoded[:64]}"


def forget_referrers(repo):
    """As a store is that CNCF Distribution or an older registry has served."""
    shutil.rmtree(repo.directory / "_referrers")


@pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
def test_fallback_tag(repo, algorithm):
    """What a client of an older registry listed in the subject's tag is in the list, once."""
    config = repo.push_blob(oci.blob(32, oci.OCI_CONFIG, algorithm))
    subject = repo.push_manifest(oci.image(config.descriptor(), [], algorithm))
    referrers = make_referrers(repo, subject.descriptor())
    for manifest in referrers[:3]:
        repo.push_manifest(manifest)
    forget_referrers(repo)
    entries = [described(manifest, kind) for manifest, kind in zip(referrers, (TYPE_1, TYPE_1, TYPE_2))]
    repo.push_manifest(oci.index(entries), fallback_tag(subject.digest))
    expect_list(repo, subject.digest, entries)
    response = expect_list(repo, subject.digest, entries[:2], f"?artifactType={quote(TYPE_1, safe='')}")
    assert response.headers["OCI-Filters-Applied"] == "artifactType"
    # Now one is pushed again, and a new one: neither appears twice, none is lost.
    repo.push_manifest(referrers[0])
    repo.push_manifest(referrers[3])
    expect_list(repo, subject.digest, [*entries, described(referrers[3], TYPE_2)])
    expect(repo.delete(f"manifests/{referrers[1].digest}"), 202)
    expect_list(repo, subject.digest, [entries[0], entries[2], described(referrers[3], TYPE_2)])


def test_fallback_tag_that_claims_too_much(repo):
    """An entry counts only if its manifest is here and names the subject; the list says what the manifest says."""
    subject = repo.push_image()
    referrer = repo.push_manifest(make_referrers(repo, subject.descriptor())[0])
    unrelated = repo.push_image()
    forget_referrers(repo)
    claims = [referrer.descriptor(artifactType="application/x.lie", annotations={"a": "lie"}), unrelated.descriptor()]
    repo.push_manifest(oci.index(claims), fallback_tag(subject.digest))
    expect_list(repo, subject.digest, [described(referrer, TYPE_1)])


def test_fallback_tag_that_is_no_index(repo):
    subject = repo.push_image()
    repo.push_image(fallback_tag(subject.digest))
    expect_list(repo, subject.digest, [])


def test_referrers_index_that_is_stale(repo):
    """An entry whose manifest is gone, as CNCF Distribution leaves it when it deletes one, is not listed."""
    subject = repo.push_image()
    referrer = repo.push_manifest(make_referrers(repo, subject.descriptor())[0])
    algorithm, encoded = referrer.digest.split(":")
    (repo.directory / "_manifests/revisions" / algorithm / encoded / "link").unlink()
    expect_list(repo, subject.digest, [])
