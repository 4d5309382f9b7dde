# SPDX-License-Identifier: Apache-2.0
"""Tokens and passwords: who is shown which, how often they are fetched, and that nothing of them is told."""

import contextlib
import json
import os
import ssl
import time
from pathlib import Path

import pytest

from tests.lib.asking import ask, end, start
from tests.lib.authority import openssl
from tests.lib.upstream import Upstream, redirect, status

USER, PASSWORD = "robot", "correct-horse-battery"
ACCOUNT = {"user": USER, "password": PASSWORD}
BASIC = ("Basic", f"{USER}:{PASSWORD}")


@pytest.fixture
def guarded():
    """A registry that wants a token, for which it wants a password."""
    with Upstream(wants="token", accounts={USER: PASSWORD}) as made:
        made.digest = made.add_manifest("library/nginx", "latest")
        yield made


def tokens_fetched(upstream):
    return len(upstream.asked("^/token"))


def test_a_token_is_fetched_and_shared(guarded, state):
    for _ in range(2):
        answer = ask(["manifest", "library/nginx", "latest"], url=guarded.url, state=state, **ACCOUNT)
        assert answer.digest == guarded.digest
    assert [(request.path.partition("?")[0], (request.account or ("none",))[0]) for request in guarded.requests] == [
        ("/v2/library/nginx/manifests/latest", "none"), ("/token", "Basic"), ("/v2/library/nginx/manifests/latest", "Bearer"),
        ("/v2/library/nginx/manifests/latest", "Bearer")]
    assert guarded.asked("^/token")[0].account == BASIC
    assert "scope=repository%3Alibrary/nginx%3Apull" in guarded.asked("^/token")[0].path
    (file,) = state.glob("token-*")
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text() and json.loads(file.read_text())["token"] in guarded.tokens


def test_without_a_directory_a_process_remembers_its_own(guarded):
    command = ["manifest", "library/nginx", "latest"]
    assert ask(command, command, command, url=guarded.url, **ACCOUNT).digest == guarded.digest
    assert tokens_fetched(guarded) == 1


def test_anonymous_tokens():
    with Upstream(wants="token") as upstream:
        digest = upstream.add_manifest("a", "v1")
        assert ask(["manifest", "a", "v1"], url=upstream.url).digest == digest
        assert upstream.asked("^/token")[0].account is None


def has_open(process, file) -> bool:
    with contextlib.suppress(OSError):
        return any(os.readlink(link) == str(file) for link in Path(f"/proc/{process.pid}/fd").iterdir())
    return False


def test_one_flight(guarded, state):
    """Of many processes one fetches the token, and the others wait for it."""
    processes = []

    def slow_token(handler, upstream):
        deadline = time.monotonic() + 50
        while sum(has_open(process, file) for process in processes for file in state.glob("token-*")) < 12:
            if handler.wait(0.02) or time.monotonic() > deadline:
                break
        upstream.serve(handler, upstream.asked("^/token")[0])

    guarded.fault("^/token", slow_token)
    for _ in range(12):
        processes.append(start(["manifest", "library/nginx", "latest"], url=guarded.url, state=state, **ACCOUNT))
    answers = [end(process) for process in processes]
    assert [(answer.error, answer.result) for answer in answers] == [(None, 1)] * 12
    assert tokens_fetched(guarded) == 1


def test_each_repository_and_account_has_its_own_token(guarded, state):
    guarded.add_manifest("other", "latest")
    guarded.accounts["second"] = "password-two"
    ask(["manifest", "library/nginx", "latest"], ["manifest", "other", "latest"], url=guarded.url, state=state, **ACCOUNT)
    ask(["manifest", "other", "latest"], url=guarded.url, state=state, user="second", password="password-two")
    assert tokens_fetched(guarded) == 3 and len(list(state.glob("token-*"))) == 3


@pytest.mark.parametrize("lifetime, uses", [(300, True), (None, True), (1, False), (-5, True), (10 ** 9, True)])
def test_a_token_is_used_until_shortly_before_its_end(guarded, state, lifetime, uses):
    guarded.lifetime = lifetime
    command = ["manifest", "library/nginx", "latest"]
    ask(command, url=guarded.url, state=state, **ACCOUNT)
    (file,) = state.glob("token-*")
    until = json.loads(file.read_text())["until"]
    left = until - time.time()
    assert left <= {300: 270, None: 45, 1: 1, -5: 45, 10 ** 9: 86400 - 30}[lifetime]
    # As time goes by.
    file.write_text(json.dumps({**json.loads(file.read_text()), "until": int(time.time()) + (5 if uses else -1)}))
    ask(command, url=guarded.url, state=state, **ACCOUNT)
    assert tokens_fetched(guarded) == (1 if uses else 2)


@pytest.mark.parametrize("text", ["", "{", '{"token": "half', '{"token": "a\\nb", "until": 9999999999}', "[]",
                                  '{"token": "old-one", "until": 9999999999999}'])
def test_a_broken_file_is_none(guarded, state, text):
    command = ["manifest", "library/nginx", "latest"]
    ask(command, url=guarded.url, state=state, **ACCOUNT)
    (file,) = state.glob("token-*")
    file.write_text(text)
    assert ask(command, url=guarded.url, state=state, **ACCOUNT).digest == guarded.digest
    assert tokens_fetched(guarded) == 2


def test_a_token_that_is_refused_is_fetched_anew_once(guarded, state):
    command = ["manifest", "library/nginx", "latest"]
    ask(command, url=guarded.url, state=state, **ACCOUNT)
    guarded.tokens.clear()  # as after a restart with another key
    assert ask(command, url=guarded.url, state=state, **ACCOUNT).digest == guarded.digest
    assert tokens_fetched(guarded) == 2
    guarded.fault("/manifests/", status(401, {"WWW-Authenticate": f'Bearer realm="{guarded.url}/token",service="fake, \\"quoted\\""'}))
    answer = ask(command, url=guarded.url, state=state, **ACCOUNT)
    assert answer.error == "UPSTREAM_REFUSED" and tokens_fetched(guarded) == 3


def test_a_wrong_password_is_not_tried_by_everybody(guarded, state):
    """Where logins are counted, all pulls with a wrong password together would lock the account."""
    wrong = {"user": USER, "password": "wrong-horse-staple"}
    for _ in range(3):
        answer = ask(["manifest", "library/nginx", "latest"], url=guarded.url, state=state, **wrong)
        assert answer.error == "UPSTREAM_REFUSED" and "account" in answer.message
        assert "wrong-horse" not in answer.text
    assert tokens_fetched(guarded) == 1
    (file,) = state.glob("token-*")
    assert "wrong-horse" not in file.read_text()
    file.write_text(json.dumps({"refused": int(time.time()) - 1}))
    assert ask(["manifest", "library/nginx", "latest"], url=guarded.url, state=state, **ACCOUNT).digest == guarded.digest


def test_a_token_server_that_wants_to_be_left_alone(guarded, state):
    guarded.fault("^/token", status(429, {"Retry-After": "50"}))
    answer = ask(["manifest", "library/nginx", "latest"], url=guarded.url, state=state, **ACCOUNT)
    assert answer.error == "UPSTREAM_BUSY" and answer.pause > 20


@pytest.mark.parametrize("answer", [b"", b"{}", b'{"token": ""}', b'{"token": "two words"}', b'{"token": "x\\r\\nX-Evil: 1"}',
                                    b"<html>", b'{"token": "%s"}' % (b"x" * 20000)])
def test_what_is_no_token(guarded, answer):
    guarded.fault("^/token", status(200, {}, answer))
    said = ask(["manifest", "library/nginx", "latest"], url=guarded.url, **ACCOUNT)
    assert said.error == "UPSTREAM_CONTENT" and "sends no token" in said.message
    assert not any("X-Evil" in request.headers for request in guarded.requests)


def test_access_token_is_another_name_for_it(guarded):
    guarded.tokens.add("abc")
    guarded.fault("^/token", status(200, {}, b'{"access_token": "abc"}'))
    assert ask(["manifest", "library/nginx", "latest"], url=guarded.url, **ACCOUNT).digest == guarded.digest


def test_a_foreign_realm_sees_nothing():
    """Whoever can answer 401 could name a token server of his own."""
    with Upstream("127.0.0.2") as thief, Upstream(wants="token", accounts={USER: PASSWORD}, realm=thief.url + "/token") as upstream:
        digest = upstream.add_manifest("a", "v1")
        answer = ask(["manifest", "a", "v1"], url=upstream.url, **ACCOUNT)
        assert answer.error == "UPSTREAM_REFUSED" and "127.0.0.2" in answer.message and "realms" in answer.message
        assert thief.requests == []
        thief.accounts[USER] = PASSWORD
        thief.tokens = upstream.tokens
        for named in "127.0.0.2", f"127.0.0.2:{thief.port}":
            assert ask(["manifest", "a", "v1"], url=upstream.url, realm=named, **ACCOUNT).digest == digest
        assert {request.account for request in thief.requests} == {BASIC}


def test_a_realm_without_tls_sees_nothing(authority, certificate):
    with Upstream() as plain, Upstream(tls=certificate, wants="token", accounts={USER: PASSWORD}, realm=plain.url + "/token") as upstream:
        upstream.add_manifest("a", "v1")
        answer = ask(["manifest", "a", "v1"], url=upstream.url, ca=authority.certificate, realm="127.0.0.1", **ACCOUNT)
        assert answer.error == "UPSTREAM_REFUSED" and "without TLS" in answer.message
        assert plain.requests == []


def test_a_realm_by_tls(authority, certificate):
    with Upstream(tls=certificate, wants="token", accounts={USER: PASSWORD}) as upstream:
        digest = upstream.add_manifest("a", "v1")
        assert ask(["manifest", "a", "v1"], url=upstream.url, ca=authority.certificate, **ACCOUNT).digest == digest


@pytest.mark.parametrize("realm", ["file:///etc/passwd", "", "https://user:password@127.0.0.1/", "/token"])
def test_realms_that_are_none(realm):
    with Upstream() as upstream:
        upstream.fault("", status(401, {"WWW-Authenticate": f'Bearer realm="{realm}"'}))
        assert ask(["tags", "a"], url=upstream.url, **ACCOUNT).error == "UPSTREAM_REFUSED"


def test_basic():
    with Upstream(wants="basic", accounts={USER: PASSWORD}) as upstream:
        digest = upstream.add_manifest("a", "v1")
        command = ["manifest", "a", "v1"]
        assert ask(command, command, url=upstream.url, **ACCOUNT).digest == digest
        assert [request.account for request in upstream.requests] == [None, BASIC, BASIC]  # not before it is asked for
        answer = ask(command, url=upstream.url, user=USER, password="wrong-horse")
        assert answer.error == "UPSTREAM_REFUSED" and "wrong-horse" not in answer.text
        answer = ask(command, url=upstream.url)
        assert answer.error == "UPSTREAM_REFUSED" and "no account" in answer.message


@pytest.mark.parametrize("wants", ["basic", "token"])
def test_nothing_goes_to_another_host_with_a_redirection(wants, state):
    """Another port is another host. What comes back to the first one from there is not shown to it either."""
    with Upstream() as store, Upstream(wants=wants, accounts={USER: PASSWORD}) as upstream:
        blob = upstream.add_blob(b"blob")
        store.add_blob(b"blob")
        upstream.fault("/blobs/", lambda handler, self: handler.send(302, {"Location": f"{store.url}{handler.path}"})
                       if handler.headers.get("Authorization") else self.serve(handler, self.requests[-1]))
        answer = ask(["blob", "a", blob], url=upstream.url, state=state, **ACCOUNT)
        assert answer.digest == blob
        assert len(store.requests) == 1 and "Authorization" not in store.requests[0].headers
        assert PASSWORD not in store.shown() and not any(token in store.shown() for token in upstream.tokens)
        store.fault("", redirect(upstream.url + "/back"))
        ask(["blob", "a", blob], url=upstream.url, state=state, **ACCOUNT)
        assert {request.account for request in upstream.asked("/back")} == {None}


def test_a_challenge_of_another_host_is_not_answered():
    with Upstream(wants="basic", accounts={USER: PASSWORD}) as store, Upstream() as upstream:
        blob = upstream.add_blob(b"blob")
        upstream.fault("/blobs/", redirect(lambda path: store.url + path))
        answer = ask(["blob", "a", blob], url=upstream.url, **ACCOUNT)
        assert answer.error == "UPSTREAM_REFUSED" and {request.account for request in store.requests} == {None}
        assert {request.account for request in upstream.requests} == {None}  # who did not ask for it


def test_signatures_in_urls_are_not_told():
    with Upstream() as upstream:
        blob = upstream.add_blob(b"blob")
        upstream.fault("/blobs/", redirect("http://no-such-host.invalid/layer?X-Amz-Signature=top-secret"))
        answer = ask(["blob", "a", blob], url=upstream.url, **ACCOUNT)
        assert answer.error == "UPSTREAM_NETWORK" and "no-such-host.invalid/layer" in answer.message
        assert "top-secret" not in answer.text and answer.log


def test_the_certificate_of_the_client_is_for_the_registry_alone(authority, certificate, tmp_path):
    with Upstream(tls=certificate) as store, Upstream(tls=certificate) as upstream:
        for server in store, upstream:
            server.context.load_verify_locations(authority.certificate)
        upstream.context.verify_mode, store.context.verify_mode = ssl.CERT_REQUIRED, ssl.CERT_OPTIONAL
        shown = []
        blob = upstream.add_blob(b"blob")
        upstream.fault("/blobs/", redirect(lambda path: store.url + path))
        store.fault("", lambda handler, self: (shown.append(handler.request.getpeercert()), handler.send(200, {}, b"blob")))
        client = issue_client(authority, tmp_path)
        answer = ask(["blob", "a", blob], url=upstream.url, ca=authority.certificate, certificate=client[0], key=client[1])
        assert answer.digest == blob and shown == [{}] or shown == [None]
        assert ask(["blob", "a", blob], url=upstream.url, ca=authority.certificate).error in ("UPSTREAM_TLS", "UPSTREAM_NETWORK")


def issue_client(authority, directory):
    certificate, key = authority.issue(directory, "DNS:client")
    (directory / "client.ext").write_text("extendedKeyUsage=clientAuth\n")
    openssl("x509", "-req", "-in", directory / "server.csr", "-CA", authority.certificate, "-CAkey", authority.key, "-days", "2",
            "-extfile", directory / "client.ext", "-out", certificate)
    return certificate, key


def test_who_wants_no_token_leaves_no_file(state):
    with Upstream() as upstream:
        digest = upstream.add_manifest("a", "v1")
        assert ask(["manifest", "a", "v1"], url=upstream.url, state=state, **ACCOUNT).digest == digest
        assert list(state.iterdir()) == []


def test_old_tokens_go(guarded, state):
    old, young = state / "token-0001", state / "token-0002"
    for path in old, young:
        path.write_text("{}")
    os.utime(old, (time.time() - 100_000,) * 2)
    ask(["manifest", "library/nginx", "latest"], url=guarded.url, state=state, **ACCOUNT)
    assert not old.exists() and young.exists()
