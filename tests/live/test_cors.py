# SPDX-License-Identifier: Apache-2.0
"""A page of another origin, as a browser would let it use the registry, on every front."""

import pytest

from tests.conftest import running_front
from tests.lib import access, oci
from tests.lib.access import USERS, basic
from tests.live.conftest import SERVERS

UI, OTHER = "https://ui.example", "https://ui.example:8443"
ALICE = basic("alice", USERS["alice"])
RULES = f'cors = {{{{"http://localhost:3000", "{UI}"}}}}\n' + access.RULES
ANYONE = 'cors = {{"*"}}\n' + access.RULES
EXPOSED = {"docker-content-digest", "link", "www-authenticate", "oci-subject", "etag", "location", "range"}


@pytest.fixture(scope="module", params=["cgi", *SERVERS])
def place(request):
    """A front where berth checks logins, with a manifest and a blob."""
    with access.site(rules=RULES) as site, running_front(request.param, env=site.env) as front:
        blob = oci.blob(1000)
        for name in ("public/app", "private/app"):
            oci.expect(front.request("POST", f"/v2/{name}/blobs/uploads/?digest={blob.digest}", ALICE, blob.data), 201)
        yield front, site, blob


def listed(response, header):
    return {word.strip().lower() for word in response.headers.get(header, "").split(",") if word.strip()}


def cors_of(response):
    """Each header that there is, once."""
    found = {name: response.headers.get_all(name) for name in {name.lower() for name in response.headers}
             if name.startswith("access-control-")}
    assert all(len(values) == 1 for values in found.values()), found
    return {name: values[0] for name, values in found.items()}


def assert_shown(response, origin=UI):
    found = cors_of(response)
    assert found["access-control-allow-origin"] == origin
    assert found["access-control-allow-credentials"] == "true"
    assert listed(response, "access-control-expose-headers") >= EXPOSED
    assert "origin" in listed(response, "vary")


def preflight(front, target, method, origin=UI, asks="authorization"):
    return front.request("OPTIONS", target, {"Origin": origin, "Access-Control-Request-Method": method,
                                             "Access-Control-Request-Headers": asks})


def test_39_a_browser_asks_first(place):
    front, _, blob = place
    for target, methods in ((f"/v2/public/app/blobs/{blob.digest}", {"get", "head", "delete", "options"}),
                            ("/v2/private/app/tags/list", {"get", "head", "options"}), ("/token", {"get", "post", "options"}),
                            ("/v2/_catalog", {"get", "head", "options"})):
        response = oci.expect(preflight(front, target, "DELETE"), 200)
        assert_shown(response)
        assert listed(response, "access-control-allow-methods") == methods
        assert listed(response, "access-control-allow-headers") >= {"authorization", "accept", "content-type", "if-match"}
        assert int(response.headers["Access-Control-Max-Age"]) > 0
        assert response.body == b""


def test_39_every_answer_can_be_seen(place):
    """Also errors, and blobs that the server sends, whole and in parts."""
    front, _, blob = place
    target = f"/v2/public/app/blobs/{blob.digest}"
    origin = {"Origin": UI}
    for method, path, headers, status in [
            ("GET", "/v2/", {}, 401), ("GET", "/v2/", ALICE, 200), ("GET", "/v2/_catalog", ALICE, 200), ("GET", target, {}, 200),
            ("GET", target, {"Range": "bytes=0-9"}, 206), ("GET", target, {"Range": "bytes=5000-"}, 416), ("HEAD", target, {}, 200),
            ("GET", "/v2/public/app/manifests/none", {}, 404), ("DELETE", "/v2/public/app/manifests/none", ALICE, 404),
            ("PUT", "/v2/", ALICE, 405), ("GET", "/token", {}, 200)]:
        response = oci.expect(front.request(method, path, {**headers, **origin}, b"" if method == "PUT" else None), status)
        assert_shown(response)
        assert "access-control-allow-methods" not in cors_of(response)
    # Of the two origins each sees itself alone.
    assert_shown(oci.expect(front.request("GET", target, {"Origin": "http://localhost:3000"}), 200), "http://localhost:3000")


@pytest.mark.parametrize("origin", [OTHER, "http://ui.example", "https://ui.example.evil", "https://evil.ui.example", "null", "*", ""])
def test_39_other_pages_see_nothing(place, origin):
    front, _, blob = place
    target = f"/v2/public/app/blobs/{blob.digest}"
    for response in (oci.expect(front.request("GET", target, {"Origin": origin}), 200), preflight(front, target, "GET", origin)):
        assert cors_of(response) == {}
        assert "origin" in listed(response, "vary")  # or a cache would keep it for the right one
    assert "origin" in listed(oci.expect(front.request("GET", target), 200), "vary")


def test_39_never_everyone_with_a_login(place):
    """"*": any page, but as nobody; and without the setting, none."""
    front, site, blob = place
    target = f"/v2/public/app/blobs/{blob.digest}"
    try:
        site.write(ANYONE)
        for response in (oci.expect(front.request("GET", target, {"Origin": OTHER}), 200), preflight(front, target, "GET", OTHER)):
            found = cors_of(response)
            assert found["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in found
            assert "authorization" not in listed(response, "access-control-allow-headers")
        site.write(access.RULES)
        for response in (oci.expect(front.request("GET", target, {"Origin": UI}), 200), preflight(front, target, "GET")):
            assert cors_of(response) == {}
            assert "origin" not in listed(response, "vary")
    finally:
        site.write(RULES)
