# SPDX-License-Identifier: Apache-2.0
"""What browsers and caches make of answers: nothing that was pushed becomes a page, and only what never changes is kept."""

from tests.cgi.test_browsers import FOR_EVER, cached, is_harmless
from tests.conftest import running_front
from tests.lib import oci
from tests.lib.access import USERS, Site, basic
from tests.lib.oci import expect


def test_13_what_no_server_lets_pass(front):
    """A path that is none of the registry's, and no request at all."""
    assert is_harmless(expect(front.request("GET", "/nothing"), 404))
    assert is_harmless(expect(front.request("GET", "/v2/?x=%zz"), 400))
    assert cached(expect(front.request("GET", "/x"), 404)) == "no-cache"


def test_36_what_does_not_say_so_is_not_kept(front, repo):
    """Also what changes something, and a question about methods."""
    image = repo.push_image("v1")
    for response, status in ((repo.post_upload(), 202), (repo.put_manifest(image, "v2"), 201), (repo.delete("manifests/v2"), 202),
                             (repo.get("manifests/v2"), 404), (front.request("OPTIONS", "/v2/"), 200)):
        assert expect(response, status).headers.get_all("Cache-Control") == ["no-cache"]


def test_13_a_media_type_is_spelt_as_in_the_manifest(repo):
    manifest = repo.push_manifest(oci.manifest(schemaVersion=2, mediaType="Application/JSON"), "v1")
    for reference in ("v1", manifest.digest):
        assert expect(repo.get(f"manifests/{reference}"), 200).headers["Content-Type"] == "Application/JSON"


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
