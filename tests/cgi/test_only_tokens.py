# SPDX-License-Identifier: Apache-2.0
"""/token, the Docker Registry v2 token protocol, and what a denial leaves in the log."""

import json
import re
import subprocess
import time

import pytest

from tests.conftest import running_front
from tests.lib import access, oci
from tests.lib.access import USERS, Site, basic, bearer
from tests.lib.paths import ETC

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def place(tmp_path):
    site = Site(tmp_path)
    with running_front("cgi", env=site.env) as front:
        yield front, site


def claims_of(response):
    answer = json.loads(oci.expect(response, 200).body)
    part = answer["token"].split(".")[1]
    return json.loads(access.base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def granted(response):
    return {entry["name"]: set(entry["actions"]) for entry in claims_of(response)["access"]}


def test_answer(place):
    front, _ = place
    response = front.request("GET", "/token?service=berth&scope=repository:public/app:pull", basic("bob", USERS["bob"]))
    answer = json.loads(oci.expect(response, 200).body)
    assert answer["token"] == answer["access_token"] and answer["expires_in"] == 300
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["issued_at"])
    assert response.headers["Cache-Control"] == "no-store"
    claims = claims_of(response)
    now = time.time()
    assert claims["sub"] == "bob" and claims["iss"] == "berth" and claims["aud"] == "berth"
    assert abs(claims["exp"] - now - 300) < 10 and abs(claims["nbf"] - now) < 10
    assert claims["jti"] != claims_of(front.request("GET", "/token", basic("bob", USERS["bob"])))["jti"]


@pytest.mark.parametrize("user, scopes, wanted", [
    ("alice", ["repository:public/app:pull,push"], {"public/app": {"pull", "push"}}),
    ("bob", ["repository:public/app:pull,push"], {"public/app": {"pull"}}),
    ("bob", ["repository:private/app:pull,push"], {}),
    ("alice", ["repository:public/app:*"], {"public/app": {"pull", "push", "delete"}}),
    ("alice", ["repository:public/app:delete"], {"public/app": {"delete"}}),
    ("root", ["repository:public/app:push"], {"public/app": {"push", "admin"}}),
    ("root", ["repository:public/app:pull"], {"public/app": {"pull"}}),
    ("alice", ["repository:public/a:pull repository:public/b:push"], {"public/a": {"pull"}, "public/b": {"push"}}),
    ("alice", ["repository:public/a:pull", "repository:public/b:push"], {"public/a": {"pull"}, "public/b": {"push"}}),
    ("alice", ["repository(plugin):public/a:pull"], {"public/a": {"pull"}}),
    ("alice", ["repository:public/*:pull", "repository:**:pull", "repository::pull", "repository:A:pull"], {}),
    ("alice", ["repository:public/a:fly", "nonsense", "a:b:c", ":", "::", "repository:public/a"], {}),
    (None, ["repository:public/app:pull,push"], {"public/app": {"pull"}}),
    (None, ["repository:private/app:pull"], {}),
    ("alice", ["repository:public/x:pull"] * 500, {"public/x": {"pull"}}),
])
def test_what_is_granted(place, user, scopes, wanted):
    """What was asked for, as far as the rules go, and nothing else."""
    front, _ = place
    query = "&".join("scope=" + scope.replace(" ", "%20").replace("*", "%2A") for scope in scopes)
    assert granted(front.request("GET", f"/token?{query}", basic(user, USERS[user]) if user else {})) == wanted


def test_catalog_scope(place):
    front, _ = place
    response = front.request("GET", "/token?scope=registry:catalog:*", basic("bob", USERS["bob"]))
    assert claims_of(response)["access"] == [{"type": "registry", "name": "catalog", "actions": ["*"]}]


def test_another_service(place):
    front, _ = place
    oci.expect_error(front.request("GET", "/token?service=other"), 400, "UNSUPPORTED")


@pytest.mark.parametrize("form, status", [
    ("grant_type=password&username=bob&password=b", 200), ("grant_type=password&username=bob&password=x", 401),
    ("grant_type=password&username=bob", 400), ("grant_type=password&username=&password=b", 401), ("", 400),
    ("grant_type=client_credentials", 400), ("grant_type=refresh_token", 400),
    ("grant_type=refresh_token&refresh_token=x", 401), ("grant_type=password&username=bob%0&password=b", 400),
    ("grant_type=password&username=bob&password=b%00", 400), ("x=" + "y" * 70000, 400),
])
def test_oauth2(place, form, status):
    front, _ = place
    response = front.request("POST", "/token?scope=repository:public/app:pull", FORM, form.encode())
    oci.expect(response, status)
    if status == 200:
        assert granted(response) == {"public/app": {"pull"}} and claims_of(response)["sub"] == "bob"


def test_oauth2_scopes_in_the_form(place):
    front, _ = place
    form = b"grant_type=password&username=alice&password=alice%27s%3A+password&scope=repository%3Apublic%2Fapp%3Apull%2Cpush"
    assert granted(front.request("POST", "/token", FORM, form)) == {"public/app": {"pull", "push"}}


def test_short_token_does_not_renew_itself(place):
    front, site = place
    short = site.token()
    oci.expect_error(front.request("GET", "/token", bearer(short)), 401, "UNAUTHORIZED")
    form = b"grant_type=refresh_token&refresh_token=" + short.encode()
    oci.expect_error(front.request("POST", "/token", FORM, form), 401, "UNAUTHORIZED")


def test_rotation_logs_nobody_out(place):
    """A new key signs; what the old one signed stays valid until it is taken away."""
    front, site = place
    old = json.loads(front.request("GET", "/token", basic("bob", USERS["bob"])).body)["token"]
    access.Key(site.keys / "k2.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", alg="ES256")
    new = json.loads(front.request("GET", "/token", basic("bob", USERS["bob"])).body)["token"]
    header = json.loads(access.base64.urlsafe_b64decode(new.split(".")[0] + "=="))
    assert header["alg"] == "ES256" and header["kid"] == "k2"
    for text in (old, new):
        oci.expect(front.request("GET", "/v2/", bearer(text)), 200)
    (site.keys / "k1.pem").unlink()
    oci.expect(front.request("GET", "/v2/", bearer(new)), 200)
    oci.expect_error(front.request("GET", "/v2/", bearer(old)), 401, "UNAUTHORIZED")


def test_without_tokens(tmp_path):
    site = Site(tmp_path, rules="", tokens=False)
    with running_front("cgi", env=site.env) as front:
        oci.expect_error(front.request("GET", "/token", basic("bob", USERS["bob"])), 404, "NAME_UNKNOWN")
        challenge = oci.expect(front.request("GET", "/v2/"), 401).headers["WWW-Authenticate"]
        assert challenge == 'Basic realm="berth", charset="UTF-8"'


@pytest.mark.parametrize("variables, headers, url", [
    ({}, {"Host": "r.example:5000"}, "http://r.example:5000/token"),
    ({"HTTPS": "on"}, {"Host": "r.example"}, "https://r.example/token"),
    ({"HTTPS": "off"}, {"Host": "[::1]:5000"}, "http://[::1]:5000/token"),
    ({}, {"Host": "r.example", "X-Forwarded-Proto": "https"}, "https://r.example/token"),
    ({}, {"Host": "r.example", "X-Forwarded-Proto": "http"}, "http://r.example/token"),
    ({}, {"Host": "r.example", "Forwarded": "for=192.0.2.1;proto=http"}, "http://r.example/token"),
    ({}, {"Host": 'r.example",x="'}, "http://localhost/token"),
])
def test_realm_by_the_request(place, variables, headers, url):
    front, _ = place
    challenge = front.request("GET", "/v2/", headers, variables=variables).headers["WWW-Authenticate"]
    assert challenge == f'Bearer realm="{url}",service="berth"'


@pytest.mark.parametrize("variables, headers", [
    ({}, {"X-Forwarded-Proto": "https, http"}),
    ({}, {"X-Forwarded-Proto": " HTTPS,http"}),
    ({}, {"X-Forwarded-Proto": "HTTPS"}),
    ({}, {"Forwarded": "for=192.0.2.43;proto=https, for=198.51.100.17;proto=http"}),
    ({}, {"Forwarded": 'proto="HTTPS";by=203.0.113.60'}),
    ({"HTTPS": "on"}, {"X-Forwarded-Proto": "http"}),
    ({"REQUEST_SCHEME": "https"}, {"Forwarded": "proto=http"}),
])
def test_19_realm_behind_proxies(place, variables, headers):
    """A password must not go in clear where the request itself did not."""
    front, _ = place
    challenge = front.request("GET", "/v2/", {"Host": "r.example", **headers}, variables=variables).headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="https://r.example/token"')


@pytest.mark.parametrize("headers", [{"X-Forwarded-Proto": "http, https"}, {"X-Forwarded-Proto": "httpsx"},
                                     {"Forwarded": "proto=http, proto=https"}, {"Forwarded": "for=https"}])
def test_19_realm_without_tls(place, headers):
    front, _ = place
    challenge = front.request("GET", "/v2/", {"Host": "r.example", **headers}).headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="http://r.example/token"')


def test_realm_and_service_by_the_configuration(tmp_path):
    site = Site(tmp_path)
    site.head += 'token_realm = "https://tokens.example/auth"\ntoken_service = "our registry"\n'
    site.write(access.RULES)
    with running_front("cgi", env=site.env) as front:
        challenge = front.request("GET", "/v2/public/app/manifests/x").headers["WWW-Authenticate"] or ""
        assert not challenge  # everybody may read there
        challenge = front.request("DELETE", "/v2/public/app/manifests/x").headers["WWW-Authenticate"]
        assert challenge == ('Bearer realm="https://tokens.example/auth",service="our registry",'
                             'scope="repository:public/app:delete"')


class Log:
    """What the program writes to standard error."""

    def __init__(self, front):
        self.front = front

    def of(self, method, target, headers, body=None):
        with self.front.spawn(method, target, headers, body, {"REMOTE_ADDR": "192.0.2.7"}) as process:
            return process.communicate(body, timeout=60)[1].decode()

    def lines_of(self, *request):
        """Without the request's id, which each has at its end."""
        found = [re.fullmatch(r"(.*) \(request [0-9a-f-]{36}\)", line) for line in self.of(*request).splitlines()]
        return [line[1] for line in found]


@pytest.mark.parametrize("headers, target, line", [
    (basic("bob", "x"), "/v2/", 'wrong user name or password: user "bob" GET "/v2/"'),
    (basic('a" GET / client 1.2.3.4', "x"), "/v2/",
     r'wrong user name or password: user "a\" GET / client 1.2.3.4" GET "/v2/"'),
    (basic("bob\ndenied client 1.2.3.4", "x"), "/v2/",
     r'wrong user name or password: user "bob\x0adenied client 1.2.3.4" GET "/v2/"'),
    pytest.param(basic("b" * 2000, "x"), "/v2/", f'wrong user name or password: user "{"b" * 512}"... GET "/v2/"', id="14-user"),
    pytest.param(basic("bob", "x"), "/v2/" + "p" * 1100, f'wrong user name or password: user "bob" GET "/v2/{"p" * 508}"...', id="14-path"),
    (bearer("x"), "/v2/", 'the token is of no issuer that is trusted here: user "" GET "/v2/"'),
    (basic("bob", USERS["bob"]), "/v2/private/app/tags/list", 'may not pull: user "bob" GET "/v2/private/app/tags/list"'),
])
def test_denial_is_one_line(place, headers, target, line):
    front, _ = place
    lines = Log(front).lines_of("GET", target, headers)
    assert len(lines) == 1 and lines[0].endswith(f"denied: client 192.0.2.7: {line}"), lines


@pytest.mark.parametrize("form, line", [
    ("grant_type=password&username=bob&password=x", 'wrong user name or password: user "bob" POST "/token"'),
    ("grant_type=refresh_token&refresh_token=x",
     'the token is of no issuer that is trusted here: user "" POST "/token"'),
])
def test_denial_of_a_form(place, form, line):
    """Who tries passwords this way is seen too."""
    front, _ = place
    lines = Log(front).lines_of("POST", "/token", FORM, form.encode())
    assert len(lines) == 1 and lines[0].endswith(f"denied: client 192.0.2.7: {line}"), lines


def test_who_showed_nothing_is_not_denied(place):
    """Every client begins so."""
    front, _ = place
    assert Log(front).of("GET", "/v2/", {}) == ""


def test_fail2ban(place, tmp_path):
    """The filter in etc/ counts wrong passwords, and neither missing rights nor what a password says of others."""
    front, _ = place
    log = tmp_path / "error.log"
    stamp = time.strftime("%Y-%m-%d %H:%M:%S: (mod_fastcgi.c.421) FastCGI-stderr: ")
    text = "".join(Log(front).of("GET", target, headers) for headers, target in [
        (basic("bob", "x"), "/v2/"), (basic('a denied" client 198.51.100.9 user "', "x"), "/v2/a b/tags/list"), (bearer("x"), "/v2/"),
        (basic("bob", USERS["bob"]), "/v2/private/app/tags/list"), ({}, "/v2/")])
    log.write_text("".join(stamp + line for line in text.splitlines(keepends=True)))
    filter_file = tmp_path / "berth.conf"
    filter_file.write_text((ETC / "fail2ban-filter.conf.in").read_text())
    found = subprocess.run(["fail2ban-regex", "--print-all-matched", log, filter_file], check=True, capture_output=True,
                           text=True).stdout
    assert "Lines: 4 lines, 0 ignored, 3 matched, 1 missed" in found, found
    assert "198.51.100.9" not in subprocess.run(["fail2ban-regex", "-o", "ip", log, filter_file], check=True,
                                                capture_output=True, text=True).stdout


def test_14_fail2ban_bans_nobody_whom_a_client_names(place, tmp_path):
    """Each front puts something before berth's line; behind it, and in lines of its own, may be what a client sent."""
    front, _ = place
    (line,) = Log(front).of("GET", "/v2/" + "p" * 1100, basic("bob", "x")).splitlines()
    forged = line.replace("192.0.2.7", "198.51.100.9")
    apache = time.strftime("[%a %b %d %H:%M:%S.000001 %Y]")
    log = tmp_path / "error.log"
    log.write_text("\n".join([
        time.strftime("%Y-%m-%d %H:%M:%S: (mod_fastcgi.c.421) FastCGI-stderr: ") + line,
        f"{apache} [fcgid:warn] [pid 7:tid 9] [client 192.0.2.7:5000] mod_fcgid: stderr: {line}, referer: {forged}",
        f"{apache} [proxy_fcgi:error] [pid 7:tid 9] [client 192.0.2.7:5000] AH01071: Got error '{line}'",
        time.strftime("%b %d %H:%M:%S host berth.fcgi[7]: ") + line,
        f"{apache} [core:error] [pid 7:tid 9] [client 192.0.2.7:5000] AH00135: Invalid method in request, referer: {forged}",
        f"{apache} [fcgid:warn] [pid 7:tid 9] [client 192.0.2.7:5000] mod_fcgid: stderr: berth[1]: error: x, referer: {forged}",
        ""]))
    filter_file = tmp_path / "berth.conf"
    filter_file.write_text((ETC / "fail2ban-filter.conf.in").read_text())
    found = subprocess.run(["fail2ban-regex", "-o", "ip", log, filter_file], check=True, capture_output=True, text=True).stdout
    assert found.split() == ["192.0.2.7"] * 4, found


@pytest.fixture(params=["ES256", "RS256", "EdDSA"])
def issuer_key(request, tmp_path):
    options = {"ES256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), "EdDSA": ("-algorithm", "ed25519"),
               "RS256": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")}
    return access.Key(tmp_path / "theirs.pem", *options[request.param], alg=request.param)


def certificate_of(key):
    return subprocess.run(["openssl", "req", "-x509", "-new", "-key", key.path, "-subj", "/CN=issuer"], check=True,
                          capture_output=True).stdout


@pytest.mark.parametrize("form", ["public key", "certificate", "both in one file"])
def test_external_issuer(tmp_path, issuer_key, form):
    """As GitLab or docker_auth: the token server alone decides where there are no rules, also for nobody."""
    pem = tmp_path / "theirs.crt"
    other = access.Key(tmp_path / "other.pem", "-algorithm", "ed25519", alg="EdDSA")
    pem.write_bytes({"public key": issuer_key.public, "certificate": lambda: certificate_of(issuer_key),
                     "both in one file": lambda: other.public() + certificate_of(issuer_key)}[form]())
    site = Site(tmp_path, rules="", passwords=False, tokens=False)
    site.head += (f'token_realm = "https://gitlab.example/jwt/auth"\ntoken_service = "container_registry"\n'
                  f'issuer "gitlab-issuer" {{ keys = "{pem}" }}\n')
    site.write("")
    with running_front("cgi", env=site.env) as front:
        challenge = oci.expect(front.request("POST", "/v2/a/blobs/uploads/", {}, b""), 401).headers["WWW-Authenticate"]
        assert challenge == ('Bearer realm="https://gitlab.example/jwt/auth",service="container_registry",'
                             'scope="repository:a:pull,push"')

        def token(user, **actions):
            return bearer(access.token(issuer_key, {"kid": "AAAA:BBBB"}, iss="gitlab-issuer", aud="container_registry",
                                       sub=user, access=access.grants(**actions)))
        for user in ("alice", "", None):
            oci.expect(front.request("POST", "/v2/a/blobs/uploads/", token(user, a="push,pull"), b""), 202)
            oci.expect_error(front.request("POST", "/v2/a/blobs/uploads/", token(user, a="pull"), b""), 401, "UNAUTHORIZED")
            oci.expect_error(front.request("POST", "/v2/b/blobs/uploads/", token(user, a="push,pull"), b""), 401,
                             "UNAUTHORIZED")
        oci.expect_error(front.request("POST", "/v2/a/blobs/uploads/", {}, b""), 401, "UNAUTHORIZED")


def test_external_issuer_by_jwks(tmp_path):
    """A key set, whose ids need not be those in the tokens (Keycloak's docker tokens have others)."""
    key = access.Key(tmp_path / "theirs.pem", "-algorithm", "ed25519", alg="EdDSA")
    raw = access.base64.b64decode("".join(key.public().decode().splitlines()[1:-1]))[-32:]
    jwks = tmp_path / "jwks.json"
    keys = [{"kty": "oct", "k": "AAAA"}, {"kty": "OKP", "crv": "X25519", "x": access.b64(raw)},
            {"kty": "OKP", "crv": "Ed25519", "x": access.b64(raw), "use": "sig", "kid": "one"}]
    jwks.write_text(json.dumps({"keys": keys}))
    site = Site(tmp_path, rules="", passwords=False, tokens=False)
    site.head += f'issuer "https://kc.example" {{ keys = "{jwks}" audience = "docker" }}\n'
    site.write("")
    with running_front("cgi", env=site.env) as front:
        for header in ({}, {"kid": "one"}, {"kid": "other"}):
            text = access.token(key, header, iss="https://kc.example", aud=["x", "docker"], access=access.grants(a="push"))
            oci.expect(front.request("POST", "/v2/a/blobs/uploads/", bearer(text), b""), 202)


def test_15_a_foreign_root_is_not_the_one_here(tmp_path):
    """The issuer belongs to the identity: what one began the other cannot go on with, and with `prefix` rules differ."""
    key = access.Key(tmp_path / "theirs.pem", "-algorithm", "ed25519", alg="EdDSA")
    (tmp_path / "theirs.pub").write_bytes(key.public())
    site = Site(tmp_path)
    head = site.head
    site.head = head + f'issuer "theirs" {{ keys = "{tmp_path / "theirs.pub"}" }}\n'
    site.write(access.RULES)
    foreign = bearer(access.token(key, {}, iss="theirs", aud="berth", sub="root", access=access.grants(**{"public/app": "push,pull"})))
    with running_front("cgi", env=site.env) as front:
        scope = "/token?scope=repository:public/app:pull,push"
        here = bearer(json.loads(oci.expect(front.request("GET", scope, basic("root", USERS["root"])), 200).body)["token"])
        begun = oci.expect(front.request("POST", "/v2/public/app/blobs/uploads/", here, b""), 202).headers["Location"]
        oci.expect_error(front.request("PATCH", begun, foreign, b"x"), 404, "BLOB_UPLOAD_UNKNOWN")
        oci.expect(front.request("PATCH", begun, here, b"x"), 202)
        theirs = oci.expect(front.request("POST", "/v2/public/app/blobs/uploads/", foreign, b""), 202).headers["Location"]
        oci.expect_error(front.request("PATCH", theirs, here, b"x"), 404, "BLOB_UPLOAD_UNKNOWN")
        oci.expect(front.request("PATCH", theirs, foreign, b"x"), 202)
        site.head = head + f'issuer "theirs" {{ keys = "{tmp_path / "theirs.pub"}" prefix = "theirs:" }}\n'
        site.write(access.RULES)
        oci.expect_error(front.request("PATCH", theirs, foreign, b"x"), 403, "DENIED")


def test_12_a_form_that_does_not_come_is_given_up(place):
    """Anyone may send one: its worker does not wait for ever."""
    front, _ = place
    with front.spawn("POST", "/token", {**FORM, "Content-Length": "100"}, b"") as process:
        process.stdin.write(b"grant_type=")
        process.stdin.flush()
        head = process.stdout.readline()  # while the rest of the form is still to come
        assert head.startswith(b"Status: 408 "), head


def test_11_a_token_may_end_while_the_body_comes_in(place):
    """lighttpd asks before it takes a body, and says in a variable when berth let it pass. No client can."""
    front, site = place
    now = int(time.time())
    grants = access.grants(**{"public/app": "pull,push"})
    ended = bearer(site.token(iat=now - 1000, nbf=now - 1000, exp=now - 500, access=grants))
    uploads = "/v2/public/app/blobs/uploads/"
    oci.expect_error(front.request("POST", uploads, ended, b""), 401, "UNAUTHORIZED")
    oci.expect(front.request("POST", uploads, ended, b"", variables={"BERTH_ALLOWED_AT": str(now - 600)}), 202)
    for when in ("", "x", str(now - 300), str(now + 60), str(now - 90000), str(-now)):
        oci.expect_error(front.request("POST", uploads, ended, b"", variables={"BERTH_ALLOWED_AT": when}), 401, "UNAUTHORIZED")
    oci.expect_error(front.request("POST", uploads, {**ended, "BERTH_ALLOWED_AT": str(now - 600)}, b""), 401, "UNAUTHORIZED")
