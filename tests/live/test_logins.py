# SPDX-License-Identifier: Apache-2.0
"""Logins by the web server, with the files of etc/ that a user enables: in front of everything, in front of writing, and
in front of the token endpoint."""

import json

import pytest

from tests.cgi.test_browsers import is_harmless
from tests.cgi.test_only_health import HEALTHY, probe
from tests.conftest import running_front
from tests.lib import access, fronts, oci
from tests.lib.access import basic, bearer
from tests.lib.paths import ETC
from tests.lib.servers import ApacheProxy
from tests.lib.spool import MIB, sent_without_waiting
from tests.live.conftest import SERVERS
from tests.live.test_attacks import SPELLINGS

USERS = {"alice": "alice's: password", "bob": "b"}
ALICE, BOB = (basic(*user) for user in USERS.items())
# berth's own realm is not the web server's, so that a test sees who answered.
RULES = """
realm = "asked by berth"
repository "**" {{ pull = {{"*"}} push = {{"users"}} delete = {{"users"}} }}
repository "private/*" {{ pull = {{"alice"}} push = {{"alice"}} }}
"""
UNCHECKED = [{"Remote-User": "alice"}, {"REMOTE_USER": "alice"}, {"X-Remote-User": "alice"}, {"X-Forwarded-User": "alice"}]


def front_with(auth, tokens=False):
    @pytest.fixture(scope="module", params=SERVERS)
    def front(request):
        with access.site(rules=RULES, passwords=False, tokens=tokens) as site:
            with running_front(request.param, env=site.env, auth=auth, users=USERS) as front:
                for name in ("public/app", "private/app"):
                    headers = token_of(front, ALICE, name) if tokens else ALICE
                    response = front.request("POST", f"/v2/{name}/blobs/uploads/?digest={oci.digest_of(b'x')}", headers, b"x")
                    oci.expect(response, 201)
                yield front
    return front


def token_of(front, headers, name, actions="pull,push"):
    response = oci.expect(front.request("GET", f"/token?service=berth&scope=repository:{name}:{actions}", headers), 200)
    return bearer(json.loads(response.body)["token"])


login, anonymous, tokens = front_with("login"), front_with("anonymous"), front_with("tokens", tokens=True)


@pytest.fixture(scope="module", params=[f"{name} {auth}" for name in SERVERS for auth in ("login", "anonymous", "tokens")])
def every_login(request):
    """Each front with each of the logins in etc/."""
    name, auth = request.param.split()
    with access.site(rules=RULES, passwords=False, tokens=True) as site:
        with running_front(name, env=site.env, auth=auth, users=USERS) as front:
            yield front


def get(front, name, headers={}):
    return front.request("GET", f"/v2/{name}/tags/list", headers)


def start_upload(front, name, headers={}):
    return front.request("POST", f"/v2/{name}/blobs/uploads/", headers, b"")


def expect_server_asks(response):
    """A 401 of the web server's own, as berth's would look."""
    oci.expect_error(response, 401, "UNAUTHORIZED")
    assert response.headers.get_all("WWW-Authenticate")[0].startswith('Basic realm="berth"')
    assert len(response.headers.get_all("WWW-Authenticate")) == 1
    assert response.headers.get_all("Docker-Distribution-Api-Version") == ["registry/2.0"]
    assert response.headers["Content-Type"].partition(";")[0] == "application/json"
    assert is_harmless(response)


def expect_kept_from_berth(response):
    """The web server asks for a login, or knows no such thing, in words of its own: berth's rules were not asked."""
    if response.status == 401:
        expect_server_asks(response)
    else:
        assert response.status in (301, 400, 403, 404, 405, 501), response
        if response.body.startswith(b"{"):
            assert response.json() == json.loads((ETC / f"errors/{response.status}.html").read_text()), response


def test_39_browsers_ask_without_a_login(every_login):
    """What is possible at all, and no more: whatever they say of themselves, they are nobody."""
    for headers in ({}, ALICE, basic("alice", "x"), *UNCHECKED):
        for target, allowed in (("/v2/", {"GET", "HEAD"}), ("/v2", {"GET", "HEAD"}), ("/token", {"GET", "POST"}),
                                ("/v2/private/app/tags/list", {"GET", "HEAD"}),
                                ("/v2/private/none/manifests/v1", {"GET", "HEAD", "PUT", "DELETE"})):
            response = every_login.request("OPTIONS", target, headers)
            if response.status == 401:  # some servers check whatever is shown, which no browser does
                assert "Authorization" in headers
                continue
            oci.expect(response, 200)
            assert set(response.headers["Allow"].split(", ")) == allowed | {"OPTIONS"}
            assert response.body == b""
    oci.expect_error(every_login.request("OPTIONS", "/v2/private/app"), 404, "NAME_UNKNOWN")


@pytest.mark.parametrize("headers", [{}, ALICE, basic("alice", "x"), bearer("alice"), *UNCHECKED], ids=str)
def test_who_watches_over_it_has_no_login(every_login, headers):
    for target in ("/livez", "/readyz"):
        assert probe(every_login, target, headers=headers) == HEALTHY


def test_what_is_open_opens_nothing_else(every_login):
    for target in ("/livez/", "/livez/x", "/livez/../v2/private/app/tags/list", "/readyz;/../v2/private/app/tags/list",
                   "/livez%2f..%2fv2%2fprivate%2fapp%2ftags%2flist", "/readyz%0a"):
        assert every_login.request("GET", target).status in (301, 400, 401, 403, 404), target


def test_31_a_wrong_password_is_said_to_be_wrong(every_login):
    target = "/token" if every_login.auth == "tokens" else "/v2/"
    for headers in (basic("alice", "x"), basic("carol", "b")):
        response = oci.expect_error(every_login.request("GET", target, headers), 401, "UNAUTHORIZED")
        assert response.json()["errors"][0]["message"] == (
            "authentication required: the user name or password is missing or wrong")


@pytest.mark.parametrize("headers", [{}, basic("alice", "x"), basic("carol", "b"), bearer("alice"), *UNCHECKED], ids=str)
def test_login_for_everything(login, headers):
    for method, target in [("GET", "/v2/"), ("GET", "/v2/_catalog"), ("GET", "/v2/public/app/tags/list"),
                           ("HEAD", "/v2/public/app/manifests/latest"), ("POST", "/v2/public/app/blobs/uploads/"),
                           ("DELETE", "/v2/public/app/manifests/latest"), ("GET", "/token")]:
        response = login.request(method, target, headers, b"" if method == "POST" else None)
        if method == "HEAD":
            oci.expect(response, 401)
        else:
            expect_server_asks(response)


def test_login_lets_in(login):
    assert oci.expect(login.request("GET", "/v2/", ALICE), 200).headers.get_all("Docker-Distribution-Api-Version") == [
        "registry/2.0"]
    for _ in range(2):  # the second time from the cache, where there is one
        oci.expect(get(login, "private/app", ALICE), 200)
    oci.expect(start_upload(login, "private/app", ALICE), 202)


def test_login_names_the_user(login):
    """REMOTE_USER reaches the rules."""
    oci.expect_error(get(login, "private/app", BOB), 404, "NAME_UNKNOWN")
    oci.expect_error(start_upload(login, "private/app", BOB), 403, "DENIED")
    oci.expect(get(login, "public/app", BOB), 200)


@pytest.mark.parametrize("target", [
    *SPELLINGS, "/v2", "/v2/", "//v2/", "/v2//", "/V2/", "/v2;/", "/v2%2f", "/v2%0a", "/v2/_catalog%0a", "/v2%00/", "/v2%20",
    "/token/", "//token", "/token/x", "/token;x", "/token%0a", "/token%2fx", "/x/../token", "/v2/%2e%2e/token",
])
def test_login_however_the_path_is_spelt(login, target):
    for method in ("GET", "POST"):
        expect_kept_from_berth(login.request(method, target, body=b"" if method == "POST" else None))


def test_login_is_by_the_first_credentials(login):
    """Who shows two is the one whose password was checked, or nobody."""
    for first, second in [(BOB, basic("alice", "x")), (BOB, ALICE), (basic("alice", "x"), BOB)]:
        response = get(login, "private/app", [*first.items(), *second.items()])
        assert response.status in (400, 401, 404), response  # 404 is what bob is told


def test_login_and_headers_of_berth(login):
    """Where berth and the server both set a header, it is there once."""
    def expect_once(status, *request):
        headers = oci.expect(login.request(*request), status).headers
        assert headers.get_all("Docker-Distribution-Api-Version") == ["registry/2.0"]
        assert len(headers.get_all("Content-Type") or ["none"]) == 1
        return headers

    blob = "/v2/public/app/blobs/" + oci.digest_of(b"x")
    expect_once(200, "GET", blob, ALICE)
    expect_once(200, "HEAD", blob, ALICE)
    expect_once(206, "GET", blob, {**ALICE, "Range": "bytes=0-0"})
    expect_once(404, "GET", "/v2/public/none/tags/list", ALICE)
    expect_once(405, "DELETE", "/v2/", ALICE)
    location = expect_once(202, "POST", "/v2/public/app/blobs/uploads/", ALICE, b"")["Location"]
    expect_once(401, "PATCH", location, {}, b"x")
    expect_once(202, "PATCH", location, ALICE, b"x")
    expect_once(201, "PUT", f"{location}?digest={oci.digest_of(b'x')}", ALICE, b"")


BODIES = [("POST", "/token", None), ("POST", "/token", 10 << 30), ("POST", "/unknown", None),
          ("PUT", "/v2/private/app/manifests/latest", 10 << 30),
          ("PATCH", "/v2/private/app/blobs/uploads/b755c01e-2391-4050-833e-285e84a1a3fd", None)]


@pytest.mark.parametrize("headers", [{}, basic("alice", "wrong")], ids=["nobody", "wrong-password"])
def test_10_nobody_fills_the_disk_of_a_server_with_a_login(every_login, headers):
    """Also by paths that need no login, as nothing is there."""
    for method, target, size in BODIES:
        assert sent_without_waiting(every_login, method, target, headers, size) <= MIB, target


@pytest.mark.parametrize("name", SERVERS)
def test_login_twice(name):
    """Where berth checks passwords too, both must find it right."""
    with access.site(rules=RULES, tokens=False) as site:  # whose root is not in the server's file, as carol is not in berth's
        users = {**USERS, "carol": "c"}
        with running_front(name, env=site.env, auth="login", users=users) as front:
            oci.expect(front.request("GET", "/v2/", ALICE), 200)
            oci.expect(start_upload(front, "private/app", ALICE), 202)
            oci.expect_error(start_upload(front, "private/app", BOB), 403, "DENIED")
            expect_server_asks(front.request("GET", "/v2/", basic("root", access.USERS["root"])))
            response = front.request("GET", "/v2/", basic("carol", "c"))
            oci.expect_error(response, 401, "UNAUTHORIZED")
            assert response.headers.get_all("WWW-Authenticate") == ['Basic realm="asked by berth", charset="UTF-8"']


class OneSite(ApacheProxy):
    """In one site of Apache alone."""

    name = "apache-one-site"

    def _berth(self):
        return f"<VirtualHost 127.0.0.1:{self.port}>\n{super()._berth()}\n</VirtualHost>"


@pytest.mark.parametrize("auth", ["login", "anonymous"])
def test_login_in_one_site(monkeypatch, auth):
    """A login counts wherever the file of etc/ is included."""
    monkeypatch.setitem(fronts.FRONTS, OneSite.name, OneSite)
    with running_front(OneSite.name, auth=auth, users=USERS) as front:
        expect_server_asks(front.request("GET", "/v2/"))
        expect_server_asks(start_upload(front, "public/app"))
        oci.expect(start_upload(front, "public/app", ALICE), 202)


def test_anonymous_reads(anonymous):
    oci.expect(get(anonymous, "public/app"), 200)
    oci.expect(anonymous.request("GET", "/v2/public/app/blobs/" + oci.digest_of(b"x")), 200)
    for response in (anonymous.request("GET", "/v2/"), anonymous.request("GET", "/v2"), start_upload(anonymous, "public/app"),
                     anonymous.request("DELETE", "/v2/public/app/manifests/x"),
                     anonymous.request("PUT", "/v2/public/app/manifests/x", body=b"{}")):
        expect_server_asks(response)


def test_anonymous_with_empty_credentials(anonymous):
    """podman and skopeo show those once they were told of logins."""
    oci.expect(get(anonymous, "public/app", basic("", "")), 200)
    expect_server_asks(start_upload(anonymous, "public/app", basic("", "")))
    expect_server_asks(get(anonymous, "public/app", basic("", "x")))
    oci.expect_error(get(anonymous, "private/app", basic("", "")), 401, "UNAUTHORIZED")


def test_anonymous_writes_with_login(anonymous):
    oci.expect(anonymous.request("GET", "/v2/", ALICE), 200)
    response = oci.expect(start_upload(anonymous, "public/app", ALICE), 202)
    location = response.headers["Location"]
    oci.expect(anonymous.request("PATCH", location, ALICE, b"x"), 202)
    oci.expect(anonymous.request("PUT", f"{location}?digest={oci.digest_of(b'x')}", ALICE, b""), 201)


def test_anonymous_credentials_are_checked(anonymous):
    """Who logs in reads more; a wrong password is not taken for nobody's."""
    oci.expect(get(anonymous, "private/app", ALICE), 200)
    oci.expect_error(get(anonymous, "private/app", BOB), 404, "NAME_UNKNOWN")
    expect_server_asks(get(anonymous, "public/app", basic("alice", "x")))
    oci.expect_error(get(anonymous, "private/app"), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("headers", UNCHECKED, ids=str)
def test_anonymous_is_nobody(anonymous, headers):
    oci.expect_error(get(anonymous, "private/app", headers), 401, "UNAUTHORIZED")
    expect_server_asks(start_upload(anonymous, "public/app", headers))


@pytest.mark.parametrize("headers", [{"X-HTTP-Method-Override": "GET"}, {"X-HTTP-Method": "GET"}, {"X-Method-Override": "GET"}],
                         ids=str)
def test_anonymous_method_override(anonymous, headers):
    expect_server_asks(start_upload(anonymous, "public/app", headers))
    for method in ("POST", "PUT", "DELETE"):
        assert anonymous.request("GET", "/v2/public/app/blobs/uploads/", {
            name: method for name in headers}).status in (401, 404, 405)


@pytest.mark.parametrize("target", SPELLINGS)
def test_anonymous_writes_however_the_path_is_spelt(anonymous, target):
    """Whatever the server makes of it, nothing is written without a login."""
    target = target.replace("private", "public")
    for method, path in [("POST", "blobs/uploads/"), ("PUT", "manifests/x"), ("DELETE", "manifests/x"),
                         ("PATCH", "blobs/uploads/01234567-89ab-cdef-0123-456789abcdef")]:
        expect_kept_from_berth(anonymous.request(method, target.replace("tags/list", path), body=b""))


@pytest.mark.parametrize("method", ["post", "Put", "get", "GETX", "HEADER", "options", "OPTIONSX", "PROPFIND", "FOO"])
def test_anonymous_methods_that_are_none(anonymous, method):
    """Only GET and HEAD, as berth reads them, need no login."""
    expect_kept_from_berth(anonymous.request(method, "/v2/public/app/tags/list", body=b""))


@pytest.mark.parametrize("value", ["0", "x", "Basic", "Bearer x", "Basic !"])
def test_anonymous_odd_authorization(anonymous, value):
    """Whatever it is, it is not taken for none."""
    expect_kept_from_berth(get(anonymous, "public/app", {"Authorization": value}))


def test_tokens(tokens):
    """The server checks the password at /token, berth the token everywhere else."""
    response = tokens.request("GET", "/v2/")
    oci.expect_error(response, 401, "UNAUTHORIZED")
    assert response.headers["WWW-Authenticate"] == (
        'Bearer realm="http://127.0.0.1/token",service="berth"')  # by the Host that the client named
    expect_server_asks(tokens.request("GET", "/token?service=berth", basic("alice", "x")))
    oci.expect(get(tokens, "private/app", token_of(tokens, ALICE, "private/app")), 200)
    oci.expect_error(get(tokens, "private/app", token_of(tokens, BOB, "private/app")), 404, "NAME_UNKNOWN")
    upload = oci.expect(start_upload(tokens, "private/app", token_of(tokens, ALICE, "private/app")), 202)
    patched = tokens.request("PATCH", upload.headers["Location"], token_of(tokens, ALICE, "private/app"), b"x")
    oci.expect(patched, 202)


def test_tokens_of_nobody(tokens):
    """Without credentials there is a token for what everybody may do."""
    nobody = token_of(tokens, {}, "public/app")
    oci.expect(tokens.request("GET", "/v2/", nobody), 200)
    oci.expect(get(tokens, "public/app", nobody), 200)
    oci.expect_error(start_upload(tokens, "public/app", nobody), 401, "UNAUTHORIZED")
    oci.expect_error(get(tokens, "private/app", token_of(tokens, {}, "private/app")), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("headers", [ALICE, basic("alice", "x"), *UNCHECKED], ids=str)
def test_tokens_and_what_nobody_checked(tokens, headers):
    """At /v2/ the server checks nothing: a password there is only a claim."""
    oci.expect_error(get(tokens, "private/app", headers), 401, "UNAUTHORIZED")


def test_tokens_by_post(tokens):
    """Where only the server knows the passwords, clients are sent to GET."""
    form = b"grant_type=password&username=alice&password=b&service=berth"
    response = tokens.request("POST", "/token", {"Content-Type": "application/x-www-form-urlencoded"}, form)
    oci.expect_error(response, 405, "UNSUPPORTED")
    assert "GET" in response.headers["Allow"]
