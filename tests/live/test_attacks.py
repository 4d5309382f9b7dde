# SPDX-License-Identifier: Apache-2.0
"""What must not open the registry, tried on every front. In each test the same request, done right, is let in."""

import hashlib
import hmac
import json
import time

import pytest

from tests.conftest import running_front
from tests.lib import access, oci
from tests.lib.access import USERS, b64, basic, bearer, grants, token
from tests.live.conftest import SERVERS

FRONTS = ["cgi", *SERVERS]
PULL = grants(**{"private/app": "pull"})
TAGS = "/v2/private/app/tags/list"


@pytest.fixture(scope="module", params=FRONTS)
def place(request):
    with access.site() as site, running_front(request.param, env=site.env) as front:
        oci.expect(front.request("POST", "/v2/private/app/blobs/uploads/?digest=" + oci.digest_of(b"x"),
                                 {**basic("alice", USERS["alice"]), "Content-Type": "application/octet-stream"}, b"x"), 201)
        yield front, site


def hs256(site, secret):
    """HMAC with what everybody may know."""
    header, claims, _ = site.token(access=PULL).split(".")
    header = b64(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
    signature = hmac.new(secret, f"{header}.{claims}".encode(), hashlib.sha256).digest()
    return f"{header}.{claims}.{b64(signature)}"


def own_key(site):
    return access.Key(site.home / "attacker.pem", "-algorithm", "ed25519", alg="EdDSA")


def jwk_of(key):
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw_public(key)), "use": "sig"}


def raw_public(key):
    """The last 32 bytes of an Ed25519 key's SubjectPublicKeyInfo."""
    pem = key.public().decode().splitlines()
    return access.base64.b64decode("".join(pem[1:-1]))[-32:]


NOW = time.time
FORGERIES = {
    "alg none": lambda s: token(s.key, {"alg": "none"}, b"", access=PULL),
    "alg None": lambda s: token(s.key, {"alg": "None"}, b"", access=PULL),
    "no alg": lambda s: token(s.key, {"alg": None}, access=PULL),
    "no signature": lambda s: token(s.key, signature=b"", access=PULL),
    "HS256 with the public key": lambda s: hs256(s, s.key.public()),
    "HS256 with the bytes of the public key": lambda s: hs256(s, raw_public(s.key)),
    "HS256 with nothing": lambda s: hs256(s, b""),
    "another algorithm of the same key": lambda s: token(s.key, {"alg": "ES256"}, access=PULL),
    "embedded jwk": lambda s: token(own_key(s), {"jwk": jwk_of(own_key(s))}, access=PULL),
    "jku": lambda s: token(own_key(s), {"jku": "http://127.0.0.1:1/keys"}, access=PULL),
    "x5u": lambda s: token(own_key(s), {"x5u": "file://" + str(s.home / "attacker.pem")}, access=PULL),
    "kid with a path": lambda s: token(own_key(s), {"kid": "../attacker"}, access=PULL),
    "kid with an absolute path": lambda s: token(own_key(s), {"kid": str(s.home / "attacker")}, access=PULL),
    "crit": lambda s: token(s.key, {"crit": ["exp"]}, access=PULL),
    "wrong aud": lambda s: s.token(aud="other", access=PULL),
    "no aud": lambda s: s.token(aud=None, access=PULL),
    "aud of another issuer": lambda s: s.token(aud="berth.example", access=PULL),
    "issuer's token for us": lambda s: token(s.issuer, iss="https://issuer.example", aud="berth", access=PULL),
    "our issuer's name": lambda s: token(s.issuer, access=PULL),
    "unknown issuer": lambda s: s.token(iss="https://other.example", access=PULL),
    "no issuer": lambda s: s.token(iss=None, access=PULL),
    "nbf in the future": lambda s: s.token(nbf=int(NOW()) + 600, access=PULL),
    "expired": lambda s: s.token(exp=int(NOW()) - 61, access=PULL),
    "no exp": lambda s: s.token(exp=None, access=PULL),
    "exp as text": lambda s: s.token(exp=str(int(NOW()) + 300), access=PULL),
    "scope of another repository": lambda s: s.token(access=grants(**{"private/other": "pull,push,delete"})),
    "scope of a longer name": lambda s: s.token(access=grants(**{"private/app/x": "pull"})),
    "scope of a shorter name": lambda s: s.token(access=grants(**{"private": "pull"})),
    "scope to push alone": lambda s: s.token(access=grants(**{"private/app": "push"})),
    "no scope": lambda s: s.token(access=[]),
    "scope of another type": lambda s: s.token(access=[{"type": "registry", "name": "private/app", "actions": ["pull"]}]),
    "another robot's token": lambda s: s.token(robot="ci", jti="x", access=PULL),
    "a robot's name with a path": lambda s: s.token(robot="../k1.pem", jti="x", access=PULL),
    "a token of five parts": lambda s: s.token(access=PULL) + "..",
    "nothing": lambda s: "",
    "a user name": lambda s: "alice",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_token(place, forgery):
    front, site = place
    oci.expect(front.request("GET", TAGS, bearer(site.token(access=PULL))), 200)
    response = front.request("GET", TAGS, bearer(FORGERIES[forgery](site)))
    oci.expect_error(response, 401, "UNAUTHORIZED")


def test_signature_changed(place):
    front, site = place
    text = site.token(access=PULL)
    signature = text.rpartition(".")[2]
    changed = signature.translate(str.maketrans("AB", "BA")) if {"A", "B"} & set(signature) else signature[::-1]
    oci.expect_error(front.request("GET", TAGS, bearer(text.replace(signature, changed))), 401, "UNAUTHORIZED")


def test_token_older_than_the_rules(place):
    """Taking somebody out of a group works at once, whatever he holds."""
    front, site = place
    rules = access.RULES
    held = bearer(site.token(access=grants(**{"private/app": "pull,push,delete"})))
    oci.expect(front.request("GET", TAGS, held), 200)
    site.write(rules.replace('members = {{"alice"}}', 'members = {{"carol"}}'))
    try:
        oci.expect_error(front.request("GET", TAGS, held), 404, "NAME_UNKNOWN")
        oci.expect_error(front.request("POST", "/v2/private/app/blobs/uploads/", held, b""), 403, "DENIED")
    finally:
        site.write(rules)
    oci.expect(front.request("GET", TAGS, held), 200)


@pytest.mark.parametrize("name", SERVERS)
def test_broken_rules_open_nothing(name):
    """The last good rules stay until the file is right again. One worker, as each keeps those that it has read itself."""
    alice = basic("alice", USERS["alice"])
    with access.site() as site, running_front(name, env=site.env, workers=1) as front:
        oci.expect(front.request("POST", "/v2/private/app/blobs/uploads/?digest=" + oci.digest_of(b"x"), alice, b"x"), 201)
        for text in (access.RULES, 'repository "**" {{ pull = {{"*"}} push = {{"@nogroup"}} }}', "repository {{",
                     'roots = "/x"', access.RULES):
            site.write(text)
            oci.expect(front.request("GET", TAGS, alice), 200)
            oci.expect_error(front.request("GET", TAGS), 401, "UNAUTHORIZED")
            oci.expect_error(front.request("GET", TAGS, basic("bob", USERS["bob"])), 404, "NAME_UNKNOWN")


def test_password_is_no_token_and_a_token_no_password(place):
    front, site = place
    short = site.token(access=PULL)
    for user in ("alice", "", "bob"):
        oci.expect_error(front.request("GET", TAGS, basic(user, short)), 401, "UNAUTHORIZED")
    oci.expect_error(front.request("GET", "/token", bearer(short)), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("value", [
    "Basic", "Basic ", "Basic !", "Basic YWxpY2U=", "Basic " + "A" * 20000, "Basic AAAA", "Digest username=alice",
    "alice", "Bearer", "Bearer  ", "Basic YWxpY2U6", "basic eA==",
])
def test_odd_authorization(place, value):
    front, _ = place
    assert front.request("GET", TAGS, {"Authorization": value}).status in (400, 401)


def test_empty_credentials_are_nobody(place):
    """podman and skopeo show those where they have none."""
    front, _ = place
    oci.expect_error(front.request("GET", TAGS, basic("", "")), 401, "UNAUTHORIZED")
    oci.expect_error(front.request("GET", "/v2/public/app/tags/list", basic("", "")), 404, "NAME_UNKNOWN")
    oci.expect_error(front.request("POST", "/v2/public/app/blobs/uploads/", basic("", ""), b""), 401, "UNAUTHORIZED")


@pytest.fixture(scope="module", params=FRONTS)
def trusting(request):
    """Where only the web server says who it is, and here it says nothing: rules, but neither passwords nor tokens."""
    with access.site(rules=access.RULES.partition("issuer")[0], passwords=False, tokens=False) as site, running_front(request.param, env=site.env) as front:
        yield front


@pytest.mark.parametrize("headers", [
    {}, basic("alice", USERS["alice"]), basic("root", "x"), bearer("alice"), {"Remote-User": "alice"},
    {"Remote_User": "alice"}, {"REMOTE_USER": "alice"}, {"X-Remote-User": "alice"}, {"X-Forwarded-User": "alice"},
    {"X-WEBAUTH-USER": "alice"}, {"Auth-Type": "Basic"}, {"Proxy-Authorization": "Basic YWxpY2U6YQ=="},
], ids=str)
def test_who_nobody_checked(trusting, headers):
    """A header that the web server passes on is only a claim."""
    for method, path in [("GET", TAGS), ("POST", "/v2/public/app/blobs/uploads/")]:
        response = trusting.request(method, path, headers, b"" if method == "POST" else None)
        oci.expect_error(response, 401, "UNAUTHORIZED")
        assert response.headers["WWW-Authenticate"] == 'Basic realm="berth", charset="UTF-8"'


# Paths that a prefix match and a parser might read differently. None of them is the repository for one who has no right
# to it, and none of them gives a right to what the plain path does not.
SPELLINGS = [
    "//v2/private/app/tags/list", "/v2//private/app/tags/list", "/v2/private//app/tags/list", "/v2/private/app//tags/list",
    "/v2%2Fprivate/app/tags/list", "/v2/private%2Fapp/tags/list", "/v2/private%2fapp%2ftags%2flist",
    "/v2/public/../private/app/tags/list", "/v2/public/%2e%2e/private/app/tags/list", "/v2/./private/app/tags/list",
    "/v2;/private/app/tags/list", "/v2/private;x/app/tags/list", "/v2/private/app;x/tags/list", "/v2/private/app/tags/list;x",
    "/V2/private/app/tags/list", "/v2/Private/app/tags/list", "/v2/public%2F..%2Fprivate/app/tags/list",
    "/v2/public/app/..%2f..%2fprivate/app/tags/list", "/v2/private/app/tags/list/", "/v2/private/app/tags/list%00",
    "/v2/private/app/tags%2Flist", "/v2/private\\app/tags/list", "/v2/public/app/manifests/../../../private/app/tags/list",
    "/token/../v2/private/app/tags/list", "/token;/../v2/private/app/tags/list", "/x/../v2/private/app/tags/list",
    "/v2/%70rivate/app/tags/list", "/%76%32/private/app/tags/list", "/v2/%2e%2e/v2/private/app/tags/list",
    "/token/..;/v2/private/app/tags/list", "/token/..%2fv2/private/app/tags/list", "/token/%2e%2e/v2/private/app/tags/list",
    "/%2fv2/private/app/tags/list", "/./v2/private/app/tags/list", "/\\v2/private/app/tags/list",
    "/v2/private/app%0a/tags/list", "/v2/private/app/tags/list%0a", "/v2%0a/private/app/tags/list",
    "/v2%3f/private/app/tags/list", "http://127.0.0.1/v2/private/app/tags/list",
]


@pytest.mark.parametrize("target", SPELLINGS)
@pytest.mark.parametrize("who", [{}, basic("bob", USERS["bob"])], ids=["nobody", "user"])
def test_spelling_of_a_path(place, target, who):
    front, _ = place
    response = front.request("GET", target, who)
    assert response.status in (301, 400, 401, 403, 404), response
    assert b'"tags"' not in response.body
