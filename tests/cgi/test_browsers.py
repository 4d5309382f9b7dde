# SPDX-License-Identifier: Apache-2.0
"""What browsers and caches make of answers: nothing that was pushed becomes a page, and only what never changes is kept."""

import pytest

from tests.lib import oci
from tests.lib.oci import expect

FOR_EVER = "max-age=31536000, immutable"


def is_harmless(response):
    """Also where the web server sends what berth names, or answers itself: each header is there once."""
    return response.headers.get_all("X-Content-Type-Options") == ["nosniff"] and \
        response.headers.get_all("Content-Security-Policy") == ["default-src 'none'; sandbox"]


def test_13_no_answer_is_a_page(front, repo):
    image = repo.push_image("v1")
    layer = image.document["layers"][0]["digest"]
    for method, target, status in (
            ("GET", f"/v2/{repo.name}/manifests/v1", 200), ("HEAD", f"/v2/{repo.name}/manifests/v1", 200),
            ("GET", f"/v2/{repo.name}/blobs/{layer}", 200), ("HEAD", f"/v2/{repo.name}/blobs/{layer}", 200),
            ("GET", f"/v2/{repo.name}/tags/list", 200), ("GET", "/v2/", 200), ("GET", "/v2/_catalog", 200),
            ("OPTIONS", "/v2/", 200), ("GET", "/v2/nothing", 404), ("GET", f"/v2/{repo.name}/manifests/v9", 404),
            ("POST", f"/v2/{repo.name}/blobs/uploads/", 202), ("PUT", f"/v2/{repo.name}/manifests/v2", 400),
            ("DELETE", f"/v2/{repo.name}/manifests/v1", 202)):
        response = expect(front.request(method, target, body=b"" if method in ("POST", "PUT") else None), status)
        assert is_harmless(response), (method, target, response.headers.items())


def test_13_parts_of_a_blob_are_no_pages(repo):
    """Which most servers cut out themselves."""
    blob = repo.push_blob(oci.blob(1000))
    for headers, status in (({"Range": "bytes=0-9"}, 206), ({"Range": "bytes=0-9,20-29"}, 206), ({"Range": "bytes=1000-"}, 416)):
        response = expect(repo.get(f"blobs/{blob.digest}", headers), status)
        assert is_harmless(response), (headers, response.headers.items())
        if status == 206:
            assert cached(response) == f"public, {FOR_EVER}"
    etag = expect(repo.get(f"blobs/{blob.digest}"), 200).headers["ETag"]
    assert is_harmless(expect(repo.get(f"blobs/{blob.digest}", {"If-None-Match": etag}), 304))


@pytest.mark.parametrize("media_type, served", [
    ("text/html", "application/octet-stream"), ("image/svg+xml", "application/octet-stream"),
    ("multipart/mixed", "application/octet-stream"), ("applicationx/y", "application/octet-stream"),
    ("application/vnd.example+json", "application/vnd.example+json"), ("Application/JSON", "Application/JSON"),
])
def test_13_stored_media_types(repo, media_type, served):
    manifest = repo.push_manifest(oci.manifest(schemaVersion=2, mediaType=media_type,
                                               annotations={"x": "<script>alert(1)</script>"}), "v1")
    for reference in ("v1", manifest.digest):
        response = expect(repo.get(f"manifests/{reference}"), 200)
        assert response.headers["Content-Type"].lower() == served.lower()  # Apache writes them all in lower case
        assert response.body == manifest.data


def cached(response):
    return response.headers["Cache-Control"]


def test_36_what_may_be_kept(front, repo):
    image = repo.push_image("v1")
    blob = f"blobs/{image.document['config']['digest']}"
    for path in (blob, f"manifests/{image.digest}"):
        assert cached(expect(repo.get(path), 200)) == f"public, {FOR_EVER}"
        assert cached(expect(repo.head(path), 200)) == f"public, {FOR_EVER}"
        etag = expect(repo.get(path), 200).headers["ETag"]
        assert cached(expect(repo.get(path, {"If-None-Match": etag}), 304)) == f"public, {FOR_EVER}"
    tag = expect(repo.get("manifests/v1"), 200)
    assert tag.headers["ETag"] == f'"{image.digest}"'
    assert cached(expect(repo.get("manifests/v1", {"If-None-Match": tag.headers["ETag"]}), 304)) == "no-cache"
    for response in (tag, repo.get("tags/list"), repo.get(f"referrers/{image.digest}"),
                     front.request("GET", "/v2/_catalog"), front.request("GET", "/v2/")):
        assert cached(expect(response, 200)) == "no-cache"
    for response in (repo.get("manifests/v9"), repo.get(f"blobs/{oci.digest_of(b'none')}"), front.request("GET", "/v2/x")):
        assert cached(expect(response, 404)) == "no-cache"


def test_39_n_without_a_number_was_not_said(repo):
    image = repo.push_image("a")
    for tag in ("b", "c"):
        repo.push_manifest(image, tag)
    response = expect(repo.get("tags/list?n="), 200)
    assert response.json()["tags"] == ["a", "b", "c"] and "Link" not in response.headers
    assert expect(repo.get("tags/list?n=&last=a"), 200).json()["tags"] == ["b", "c"]
    oci.expect_error(repo.get("tags/list?n=x"), 400, "PAGINATION_NUMBER_INVALID")


def test_39_an_unknown_method_is_json(front, repo):
    """Whoever answers it: some servers know fewer methods than HTTP has."""
    for method in ("PROPFIND", "BREW"):
        response = expect(front.request(method, f"/v2/{repo.name}/tags/list"), 405)
        assert {"GET", "HEAD", "OPTIONS"} <= set(response.headers["Allow"].split(", "))
        assert oci.error_code(response) == "UNSUPPORTED"
        assert is_harmless(response)
