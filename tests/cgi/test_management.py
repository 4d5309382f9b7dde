# SPDX-License-Identifier: Apache-2.0
"""Deleting tags, manifests and blobs: end-9, end-10."""

import re

import pytest

from tests.lib import oci
from tests.lib.oci import expect, expect_error


def test_delete_tag(repo):
    """3a.28, 3a.31, 3b.12: the tag alone goes; the manifest stays under its digest and its other tags."""
    manifest = repo.push_image("one")
    repo.push_manifest(manifest, "two")
    assert expect(repo.delete("manifests/one"), 202).body == b""
    for method in ("GET", "HEAD"):
        expect(repo.request(method, "manifests/one"), 404)
    assert repo.tags() == ["two"]
    assert repo.get("manifests/two").body == manifest.data
    assert repo.get(f"manifests/{manifest.digest}").body == manifest.data


@pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
def test_delete_manifest(repo, algorithm):
    """3a.29, 3a.30, 3a.31, 3b.12: all its tags go along, and nothing else."""
    manifest, other = repo.push_image(algorithm=algorithm), repo.push_image("other")
    repo.push_manifest(manifest, f"{manifest.digest}?tag=one&tag=two")
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)
    for reference in (manifest.digest, "one", "two"):
        expect_error(repo.get(f"manifests/{reference}"), 404, "MANIFEST_UNKNOWN")
        expect(repo.head(f"manifests/{reference}"), 404)
    assert repo.tags() == ["other"]
    assert repo.get("manifests/other").body == other.data


def test_delete_the_last_manifest(repo):
    """3a.31: an empty list of tags, or 404."""
    manifest = repo.push_image("latest")
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)
    response = expect(repo.get("tags/list"), 200, 404)
    assert response.status == 404 or response.json()["tags"] == []


@pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
def test_delete_blob(repo, other_repo, algorithm):
    """3a.32, 3b.12: it is gone at once from this repository, and stays in others."""
    blob = repo.push_blob(oci.blob(algorithm=algorithm))
    other_repo.push_blob(blob)
    expect(repo.delete(f"blobs/{blob.digest}"), 202)
    expect(repo.get(f"blobs/{blob.digest}"), 404)
    expect(repo.head(f"blobs/{blob.digest}"), 404)
    assert other_repo.get(f"blobs/{blob.digest}").body == blob.data
    repo.push_blob(blob)
    assert repo.get(f"blobs/{blob.digest}").body == blob.data


@pytest.mark.parametrize("path, code", [
    ("manifests/unknown", "MANIFEST_UNKNOWN"),
    ("manifests/.invalid", "MANIFEST_UNKNOWN"),
    ("manifests/sha256:" + "0" * 64, "MANIFEST_UNKNOWN"),
    ("blobs/sha256:" + "0" * 64, "BLOB_UNKNOWN"),
    ("blobs/sha512:" + "0" * 128, "BLOB_UNKNOWN"),
])
def test_delete_what_is_not_there(repo, path, code):
    """3a.29, 3a.32: 404, whether the repository exists or not."""
    expect_error(repo.delete(path), 404, code, "NAME_UNKNOWN")
    repo.push_image("latest")
    expect_error(repo.delete(path), 404, code)
    assert repo.tags() == ["latest"]


def test_31_delete_says_that_the_space_comes_back_later(repo):
    """In the specification's way ("Warnings"); what failed, or frees at once, has none."""
    image = repo.push_image("latest")
    repo.push_manifest(image, "other")
    blob = repo.push_blob(oci.blob())
    location = repo.start_upload()
    for path in ("manifests/other", f"manifests/{image.digest}", f"blobs/{blob.digest}"):
        warning = expect(repo.delete(path), 202).headers["Warning"]
        assert re.fullmatch(r'299 - "[^"\\]*berth gc[^"\\]*grace \(24 hours\)"', warning)
        assert "Warning" not in repo.delete(path).headers
    assert "Warning" not in expect(repo.front.request("DELETE", location), 204).headers


@pytest.mark.parametrize("path", ["manifests/sha256:abc", "blobs/sha256:abc", "blobs/latest"])
def test_delete_by_a_malformed_digest(repo, path):
    expect_error(repo.delete(path), 400, "DIGEST_INVALID")


def test_delete_twice(repo):
    manifest = repo.push_image("latest")
    for path in ("manifests/latest", f"manifests/{manifest.digest}"):
        expect(repo.delete(path), 202)
        expect_error(repo.delete(path), 404, "MANIFEST_UNKNOWN")


def test_push_after_delete(repo):
    manifest = repo.push_image("latest")
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)
    repo.push_manifest(manifest, "latest")
    assert repo.get("manifests/latest").body == manifest.data


def test_delete_a_child_of_an_index(repo):
    """Who deletes a manifest by its digest wants that, even if an index names it."""
    child = repo.push_image()
    index = repo.push_manifest(oci.index([child.descriptor()]), "latest")
    expect(repo.delete(f"manifests/{child.digest}"), 202)
    expect(repo.head(f"manifests/{child.digest}"), 404)
    assert repo.get("manifests/latest").body == index.data


def test_moved_tag_is_not_deleted_with_its_old_manifest(repo):
    old = repo.push_image("latest")
    new = repo.push_image("latest")
    expect(repo.delete(f"manifests/{old.digest}"), 202)
    assert repo.get("manifests/latest").body == new.data
