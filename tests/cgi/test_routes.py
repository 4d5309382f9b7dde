# SPDX-License-Identifier: Apache-2.0
"""Which path is what: endpoints, their methods, and repositories that are called like endpoints."""

import pytest

from tests.lib import oci
from tests.lib.oci import expect, expect_error

DIGEST = "sha256:" + "0" * 64
UPLOAD = "00000000-0000-4000-8000-000000000000"

ROUTES = {
    "/v2/": {"GET", "HEAD"},
    "/v2/_catalog": {"GET", "HEAD"},
    "/livez": {"GET", "HEAD"},
    "/readyz": {"GET", "HEAD"},
    "/v2/some/name/tags/list": {"GET", "HEAD"},
    f"/v2/some/name/referrers/{DIGEST}": {"GET", "HEAD"},
    f"/v2/some/name/blobs/{DIGEST}": {"GET", "HEAD", "DELETE"},
    "/v2/some/name/manifests/latest": {"GET", "HEAD", "PUT", "DELETE"},
    f"/v2/some/name/manifests/{DIGEST}": {"GET", "HEAD", "PUT", "DELETE"},
    "/v2/some/name/blobs/uploads/": {"POST"},
    f"/v2/some/name/blobs/uploads/{UPLOAD}": {"GET", "HEAD", "PATCH", "PUT", "DELETE"},
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"]


@pytest.mark.parametrize("target, method", [(target, method) for target, allowed in ROUTES.items()
                                            for method in METHODS if method not in allowed])
def test_wrong_method(front, target, method):
    """405, and Allow tells which would be right."""
    body = b"" if method in ("POST", "PUT", "PATCH") else None
    response = expect(front.request(method, target, body=body), 405)
    assert set(response.headers["Allow"].split(", ")) == ROUTES[target] | {"OPTIONS"}
    if method != "HEAD":
        assert oci.error_code(response) == "UNSUPPORTED"


@pytest.mark.parametrize("target", ROUTES)
def test_39_options(front, target):
    """What can be done, also to whoever shows no credentials."""
    response = expect(front.request("OPTIONS", target), 200)
    assert set(response.headers["Allow"].split(", ")) == ROUTES[target] | {"OPTIONS"}
    assert response.body == b""
    expect_error(front.request("OPTIONS", "/v2/some/name"), 404, "NAME_UNKNOWN")


@pytest.mark.parametrize("target", [
    "/v2/x", "/v2/some/name", "/v2/some/name/", "/v2/some/name/tags", "/v2/some/name/tags/", "/v2/some/name/tags/lists",
    "/v2/some/name/manifests", "/v2/some/name/manifests/", "/v2/some/name/manifests/a/b", "/v2/some/name/blobs",
    "/v2/some/name/blobs/", "/v2/some/name/referrers", "/v2/some/name/referrers/", f"/v2/some/name/blobs/{DIGEST}/",
    "/v2/some/name/manifests/latest/", "/v2/_catalogue", "/v2/some/name/_catalog",
    f"/v2/some/name/blobs/uploads/{UPLOAD}/", f"/v2/some/name/blobs/uploads/{UPLOAD}/x",
])
def test_unknown_path(front, target):
    expect_error(front.request("GET", target), 404, "NAME_UNKNOWN")


@pytest.mark.parametrize("suffix", ["manifests/latest", f"manifests/{DIGEST}", f"blobs/{DIGEST}", "tags/list",
                                    f"referrers/{DIGEST}", f"blobs/uploads/{UPLOAD}"])
def test_no_name(front, suffix):
    """An endpoint without a repository before it is none."""
    expect_error(front.request("GET", f"/v2/{suffix}"), 404, "NAME_UNKNOWN")


# What is an endpoint's path in one repository may be a repository itself.
AMBIGUOUS = [
    "blobs", "blobs/uploads", "uploads", "manifests", "tags", "tags/list", "list", "referrers", "v2", "v2/v2",
    "a/blobs", "a/blobs/uploads", "a/manifests", "a/manifests/latest", "a/tags/list", "a/tags", "a/referrers",
    "blobs/uploads/blobs/uploads", "tags/list/tags/list", "manifests/manifests", "a/blobs/sha256",
    f"a/blobs/uploads/{UPLOAD}", f"a/manifests/{UPLOAD}", "catalog", "docker/registry/v2/repositories", "a/data",
    "a/link", "a/current",
]


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_repository_called_like_an_endpoint(front, name):
    """It works like any other, and its content is not that of the repository whose name it begins with."""
    repo = oci.Repository(front, name)
    parent = oci.Repository(front, name.split("/")[0])
    manifest = repo.push_image("latest")
    layer = manifest.document["layers"][0]["digest"]
    assert repo.get("manifests/latest").body == manifest.data
    expect(repo.get(f"blobs/{layer}"), 200)
    assert repo.get("tags/list").json() == {"name": name, "tags": ["latest"]}
    assert repo.referrers(manifest.digest) == []
    assert repo.in_catalog()
    if parent.name != name:
        expect(parent.get(f"manifests/{manifest.digest}"), 404)
        expect(parent.get(f"blobs/{layer}"), 404)
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)
    expect(repo.get("manifests/latest"), 404)


@pytest.mark.parametrize("tag", ["list", "tags", "latest", "manifests", "uploads", "sha256", "sha256-abc", "_catalog",
                                 "_", "__a", "A.b-C_d", "1", "x" * 128])
def test_tag_called_like_anything(repo, tag):
    manifest = repo.push_image(tag)
    assert repo.get(f"manifests/{tag}").body == manifest.data
    assert repo.tags() == [tag]


LONGEST = "/".join(["a" * 63] * 4)
VALID_NAMES = ["a", "0", "a.b", "a_b", "a__b", "a-b", "a---b", "a.b_c__d-e--f", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p",
               "1/2", LONGEST, "b" * 255]
INVALID_NAMES = ["A", "aB", "_a", ".a", "-a", "a_", "a.", "a-", "a..b", "a___b", "a._b", "a-_b", "a/_b", "a/.b", "a/-b",
                 "a/b_", "a+b", "a~b", "a:b", "a@b", "a,b", "a=b", "a!b", "a*b", "a%20b", "%C3%A4", "a%5Cb",
                 f"{LONGEST}a", "c" * 256, "d" * 1000, "_catalog", "_layers", "a/_manifests", "a/_uploads"]
assert len(LONGEST) == 255


@pytest.mark.parametrize("name", VALID_NAMES)
def test_valid_name(front, name):
    manifest = oci.Repository(front, name).push_image("latest")
    assert expect(front.request("GET", f"/v2/{name}/manifests/latest"), 200).body == manifest.data
    assert front.request("GET", f"/v2/{name}/tags/list").status == 200


@pytest.mark.parametrize("name", INVALID_NAMES)
def test_invalid_name(front, name):
    """400 on every endpoint, for reading and for writing."""
    for method, suffix in (("GET", "manifests/latest"), ("GET", f"blobs/{DIGEST}"), ("GET", "tags/list"),
                           ("GET", f"referrers/{DIGEST}"), ("PUT", "manifests/latest"), ("POST", "blobs/uploads/"),
                           ("DELETE", "manifests/latest"), ("GET", f"blobs/uploads/{UPLOAD}")):
        body = b"{}" if method in ("PUT", "POST") else None
        expect_error(front.request(method, f"/v2/{name}/{suffix}", body=body), 400, "NAME_INVALID")
