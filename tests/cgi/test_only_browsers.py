# SPDX-License-Identifier: Apache-2.0
"""What browsers and caches make of answers: nothing that was pushed becomes a page, and only what never changes is kept."""

import pytest

from tests.conftest import running_front
from tests.lib import oci
from tests.lib.access import USERS, Site, basic
from tests.lib.oci import expect

FOR_EVER = "max-age=31536000, immutable"


def is_harmless(response):
    return response.headers["X-Content-Type-Options"] == "nosniff" and \
        response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_13_no_answer_is_a_page(front, repo):
    image = repo.push_image("v1")
    layer = image.document["layers"][0]["digest"]
    for method, target, status in (
            ("GET", f"/v2/{repo.name}/manifests/v1", 200), ("HEAD", f"/v2/{repo.name}/manifests/v1", 200),
            ("GET", f"/v2/{repo.name}/blobs/{layer}", 200), ("GET", f"/v2/{repo.name}/tags/list", 200),
            ("GET", "/v2/", 200), ("GET", "/v2/_catalog", 200), ("GET", "/nothing", 404), ("OPTIONS", "/v2/", 200),
            ("GET", f"/v2/{repo.name}/manifests/v9", 404), ("POST", f"/v2/{repo.name}/blobs/uploads/", 202),
            ("PUT", f"/v2/{repo.name}/manifests/v2", 400), ("DELETE", f"/v2/{repo.name}/manifests/v1", 202)):
        assert is_harmless(expect(front.request(method, target, body=b"" if method in ("POST", "PUT") else None), status))
    assert is_harmless(expect(front.request("GET", "/v2/?x=%zz"), 400))  # no request at all


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
        assert response.headers["Content-Type"] == served
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
    for response in (repo.get("manifests/v9"), repo.get(f"blobs/{oci.digest_of(b'none')}"), front.request("GET", "/x")):
        assert cached(expect(response, 404)) == "no-cache"


def test_36_where_a_login_is_needed(tmp_path):
    """What everybody may have is everybody's to keep, also when it was somebody who asked."""
    site = Site(tmp_path)
    with running_front("cgi", env=site.env) as front:
        alice = basic("alice", USERS["alice"])
        for name, whose in (("public/app", "public"), ("private/app", "private")):
            data = b"content of " + name.encode()
            digest = oci.digest_of(data)
            expect(front.request("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", alice, data), 201)
            response = expect(front.request("GET", f"/v2/{name}/blobs/{digest}", alice), 200)
            assert cached(response) == f"{whose}, {FOR_EVER}"
        refused = expect(front.request("GET", f"/v2/private/app/blobs/{digest}"), 401)
        assert cached(refused) == "no-cache"


def test_36_where_the_server_knows_who_asks(front, repo):
    """It may ask everyone for a login, of which berth knows only the one who came."""
    config = repo.push_blob(oci.blob(10))
    response = front.request("GET", f"/v2/{repo.name}/blobs/{config.digest}", variables={"REMOTE_USER": "alice"})
    assert cached(expect(response, 200)) == f"private, {FOR_EVER}"


def test_39_an_empty_n_was_not_said(start_cgi):
    front = start_cgi(page_limit=2)
    repo = oci.Repository(front)
    image = repo.push_image("a")
    for tag in ("b", "c"):
        repo.push_manifest(image, tag)
    response = expect(repo.get("tags/list?n="), 200)
    assert response.json()["tags"] == ["a", "b", "c"] and "Link" not in response.headers
    response = expect(repo.get("tags/list?n=&last=a"), 200)
    assert response.json()["tags"] == ["b", "c"]
    oci.expect_error(repo.get("tags/list?n=x"), 400, "PAGINATION_NUMBER_INVALID")
    assert len(expect(front.request("GET", "/v2/_catalog?n="), 200).json()["repositories"]) == 1


def test_31_a_tags_list_without_n_is_whole(start_cgi):
    front = start_cgi(page_limit=2)
    repo = oci.Repository(front)
    image = repo.push_image("a")
    tags = [f"t{i}" for i in range(9)]
    for tag in tags:
        repo.push_manifest(image, tag)
    response = expect(repo.get("tags/list"), 200)
    assert response.json()["tags"] == ["a", *tags] and "Link" not in response.headers
