# SPDX-License-Identifier: Apache-2.0
"""Manifests as some clients make them, on every front."""

from tests.lib import oci
from tests.lib.oci import expect, expect_error


def test_1_a_layer_as_subject(repo):
    """Any pusher can say so."""
    empty = repo.push_blob(oci.blob(2))
    referrer = repo.push_manifest(oci.index([], subject=empty.descriptor()), "v1")
    assert [entry["digest"] for entry in repo.referrers(empty.digest)] == [referrer.digest]


def test_4_blobs_of_an_unknown_type_are_needed(repo):
    """The withdrawn artifact manifest of OCI: the collector keeps what it names, so it has to be there."""
    blob = oci.blob(10)
    artifact = oci.manifest(schemaVersion=2, mediaType="application/vnd.oci.artifact.manifest.v1+json",
                            blobs=[blob.descriptor()])
    expect_error(repo.put_manifest(artifact, "v1"), 400, "MANIFEST_BLOB_UNKNOWN")
    repo.push_blob(blob)
    expect(repo.put_manifest(artifact, "v1"), 201)


def test_39_each_missing_blob_is_named(repo):
    missing = [oci.blob() for _ in range(20)]
    manifest = oci.image(missing[0].descriptor(), [content.descriptor() for content in missing[1:]])
    response = expect(repo.put_manifest(manifest, "v1"), 400)
    assert oci.error_code(response) == "MANIFEST_BLOB_UNKNOWN"
    errors = response.json()["errors"]
    assert [error["detail"]["digest"] for error in errors] == [content.digest for content in missing[:16]]
    assert all(error["code"] == "MANIFEST_BLOB_UNKNOWN" for error in errors)
