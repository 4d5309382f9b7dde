# SPDX-License-Identifier: Apache-2.0
"""What upstreams have done to those who asked them: each gets a clear answer within its limit, nothing is leaked, and the next
good pull works."""

import json
import os
import time

import pytest

from tests.lib import upstream as bad
from tests.lib.asking import SHORT, ask
from tests.lib.upstream import INDEX_TYPE, Upstream, digest_of

CONTENT = os.urandom(100_000)
SECRET = {"user": "robot", "password": "pass-word-of-ours"}
LIMIT = 40  # seconds: of what would last for ever, on a busy machine


def limits(code):
    return SHORT if code == "UPSTREAM_TIMEOUT" else {}


# What is done to whoever asks for a blob: how the answer is called, and a word of its message.
BLOBS = {
    "stall at once": (bad.stall(), "UPSTREAM_TIMEOUT", "too slow"),
    "stall in the middle": (bad.stall(3000), "UPSTREAM_TIMEOUT", "too slow"),
    "mute": (bad.mute, "UPSTREAM_TIMEOUT", "too slow"),
    "a byte a second": (bad.drip, "UPSTREAM_TIMEOUT", "too slow"),
    "a byte of a header": (bad.drip_headers, "UPSTREAM_TIMEOUT", "too slow"),
    "truncated": (bad.truncate(10), "UPSTREAM_NETWORK", "bytes remaining"),
    "truncated chunks": (bad.truncate(10, say_length=False), "UPSTREAM_NETWORK", "broke off"),
    "more than it says": (bad.send_more(), "UPSTREAM_CONTENT", "size of the blob is another"),
    "more chunks": (bad.send_more(say_length=False), "UPSTREAM_CONTENT", "more than the 100000 bytes"),
    "part for all": (bad.wrong_part(), "UPSTREAM_CONTENT", "a part of a blob, asked for all"),
    "gzip": (bad.zip_it, "UPSTREAM_CONTENT", "compressed (gzip)"),
    "500": (bad.status(500), "UPSTREAM_FAILED", "status 500"),
    "503 for long": (bad.status(503, {"Retry-After": "3600"}), "UPSTREAM_FAILED", "status 503"),
    "418": (bad.status(418), "UPSTREAM_CONTENT", "status 418"),
    "204": (bad.status(204, body=b""), "UPSTREAM_CONTENT", "status 204"),
    "endless headers": (bad.endless_headers, "UPSTREAM_CONTENT", "headers are longer"),
    "reset": (bad.reset, "UPSTREAM_NETWORK", ""),
    "no HTTP": (bad.not_http, "UPSTREAM_CONTENT", ""),
    "401 without a challenge": (bad.status(401), "UPSTREAM_REFUSED", "refuses our account (401)"),
    "401 with nonsense": (bad.status(401, {"WWW-Authenticate": 'Bearer realm="'}), "UPSTREAM_REFUSED", "(401)"),
    "401 without a realm": (bad.status(401, {"WWW-Authenticate": "Bearer"}), "UPSTREAM_REFUSED", "does not say from whom"),
    "403": (bad.status(403), "UPSTREAM_REFUSED", "refuses our account (403)"),
    "a circle": (bad.circle, "UPSTREAM_REDIRECT", "more than 5 times"),
    "to nowhere": (bad.status(302), "UPSTREAM_REDIRECT", "nowhere"),
    "to a file": (bad.redirect("file:///etc/passwd"), "UPSTREAM_REDIRECT", "nowhere"),
    "to a cloud's secrets": (bad.redirect("http://169.254.169.254/latest/meta-data/"), "UPSTREAM_REDIRECT", "169.254.169.254"),
    "to them in IPv6": (bad.redirect("http://[::ffff:169.254.169.254]/"), "UPSTREAM_REDIRECT", "address of this host or its network"),
    "to them as a number": (bad.redirect("http://2852039166/"), "UPSTREAM_REDIRECT", "address of this host or its network"),
    "to a name that is none": (bad.redirect("http://no-such-host.invalid/"), "UPSTREAM_NETWORK", "no-such-host.invalid"),
    "berth itself": (bad.status(508), "UPSTREAM_REDIRECT", "in a circle"),
}


def check_trouble(answer, code, word, began):
    assert answer.error == code, answer
    assert answer.message.startswith("upstream: ") and word.lower() in answer.message.lower()
    assert SECRET["password"] not in answer.text
    assert time.monotonic() - began < LIMIT


@pytest.mark.parametrize("name", BLOBS)
def test_blobs(upstream, state, name):
    fault, code, word = BLOBS[name]
    digest = upstream.add_blob(CONTENT)
    upstream.fault("/blobs/", fault)
    began = time.monotonic()
    answer = ask(["blob", "a", digest, 0, -1, len(CONTENT)], url=upstream.url, state=state, **SECRET, **limits(code),
                 **({"stall_bytes": 10 ** 6} if name == "stall in the middle" else {}))  # by the mean of some seconds
    check_trouble(answer, code, word, began)
    upstream.mend()
    assert ask(["blob", "a", digest], url=upstream.url, state=state, **SECRET).digest == digest


PARTS = {
    "shifted": bad.wrong_part(shift=1),
    "shifted, and says another": bad.wrong_part(shift=1, say="bytes 10-99999/{size}"),
    "says nothing": bad.wrong_part(say=None),
    "says nonsense": bad.wrong_part(say="bytes ten-twenty/all"),
    "says a larger blob": bad.wrong_part(say="bytes {first}-{last}/200000"),
    "ends early": bad.wrong_part(length=1000),
    "is longer than it says": bad.wrong_part(say="bytes {first}-5000/{size}"),
}


@pytest.mark.parametrize("name", PARTS)
def test_wrong_parts(upstream, name):
    digest = upstream.add_blob(CONTENT)
    upstream.fault("/blobs/", PARTS[name])
    answer = ask(["blob", "a", digest, 10, -1, len(CONTENT)], url=upstream.url)
    if name == "shifted":  # it says what it sends, and that is not what was asked for
        assert "begins elsewhere: 11, where it should be 10" in answer.message
    assert answer.error == "UPSTREAM_CONTENT" and answer.taken in (0, len(CONTENT) - 10)
    upstream.mend()
    assert ask(["blob", "a", digest, 10], url=upstream.url).digest == digest_of(CONTENT[10:])


def test_a_range_that_is_ignored(upstream):
    """What is not wanted is skipped, and what is enough is enough."""
    digest = upstream.add_blob(CONTENT)
    upstream.fault("/blobs/", bad.ignore_range)
    assert ask(["blob", "a", digest, 10], url=upstream.url).digest == digest_of(CONTENT[10:])
    answer = ask(["blob", "a", digest, 10, 19], url=upstream.url)
    assert (answer.result, answer.digest) == (1, digest_of(CONTENT[10:20]))
    upstream.fault("/blobs/", bad.truncate(40_000), times=1)
    assert ask(["blob", "a", digest], url=upstream.url).digest == digest  # resumed from its beginning


def test_wrong_content_is_told_by_its_digest(upstream):
    digest = upstream.add_blob(CONTENT)
    upstream.fault("/blobs/", bad.wrong_content)
    answer = ask(["blob", "a", digest], url=upstream.url)
    assert answer.result == 1 and answer.digest != digest


def test_a_blob_larger_than_any(upstream):
    digest = upstream.add_blob(CONTENT)
    for fault in None, bad.send_more(say_length=False):
        if fault:
            upstream.fault("/blobs/", fault)
        answer = ask(["blob", "a", digest], url=upstream.url, blob_max=5000)
        assert answer.error == "UPSTREAM_CONTENT" and answer.taken == 0


PAGE = (b"<html>please log in</html>", "text/html")
MANIFESTS = {
    "wrong digest": (lambda handler, upstream: handler.send(200, {"Content-Type": bad.IMAGE_TYPE}, b"{}"), "UPSTREAM_CONTENT"),
    "a page": (bad.status(200, {"Content-Type": PAGE[1]}, PAGE[0]), "UPSTREAM_CONTENT"),
    "gzip": (bad.zip_it, "UPSTREAM_CONTENT"),
    "without end": (bad.endless_body, "UPSTREAM_CONTENT"),
    "empty": (bad.status(200, {}, b""), "UPSTREAM_CONTENT"),
    "a byte a second": (bad.drip, "UPSTREAM_TIMEOUT"),
    "a byte of a header": (bad.drip_headers, "UPSTREAM_TIMEOUT"),
    "mute": (bad.mute, "UPSTREAM_TIMEOUT"),
    "endless headers": (bad.endless_headers, "UPSTREAM_CONTENT"),
    "502": (bad.status(502), "UPSTREAM_FAILED"),
}


@pytest.mark.parametrize("by", ["tag", "digest"])
@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests(upstream, state, name, by):
    fault, code = MANIFESTS[name]
    digest = upstream.add_manifest("a", "v1")
    reference = "v1" if by == "tag" else digest
    upstream.fault("/manifests/", fault)
    began = time.monotonic()
    answer = ask(["manifest", "a", reference], url=upstream.url, state=state, **SECRET, **limits(code))
    check_trouble(answer, code, "", began)
    upstream.mend()
    assert ask(["manifest", "a", reference], url=upstream.url, state=state, **SECRET).digest == digest


def test_a_manifest_of_another_type_than_it_says(upstream):
    content = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).encode()
    upstream.add_manifest("a", "v1", content, bad.IMAGE_TYPE)
    answer = ask(["manifest", "a", "v1"], url=upstream.url)
    assert answer.error == "UPSTREAM_CONTENT" and INDEX_TYPE in answer.message
    upstream.add_manifest("a", "v1", content, INDEX_TYPE + "; charset=utf-8")
    assert ask(["manifest", "a", "v1"], url=upstream.url).media_type == INDEX_TYPE


def test_a_head_that_speaks_of_another_digest(upstream):
    digest = upstream.add_manifest("a", "v1")
    upstream.fault("/manifests/", bad.status(200, {"Docker-Content-Digest": digest_of(b"other")}, b""))
    assert ask(["manifest-head", "a", digest], url=upstream.url).error == "UPSTREAM_CONTENT"


def test_a_manifest_larger_than_any(upstream):
    upstream.add_manifest("a", "v1")
    assert ask(["manifest", "a", "v1"], url=upstream.url, manifest_max=100).error == "UPSTREAM_CONTENT"


def test_trouble_now_and_then(upstream):
    digest = upstream.add_manifest("a", "v1")
    for fault in bad.status(500), bad.reset, bad.status(408):
        upstream.fault("/manifests/", bad.sometimes(fault))
        answer = ask(["manifest", "a", "v1"], url=upstream.url)
        assert answer.digest == digest and len(answer.log) == 1


def test_a_short_retry_after_is_waited_for(upstream):
    digest = upstream.add_manifest("a", "v1")
    upstream.fault("/manifests/", bad.status(503, {"Retry-After": "2"}), times=1)
    answer = ask(["manifest", "a", "v1"], url=upstream.url)
    assert answer.digest == digest and "tried again in 2.0 s" in answer.log[0]


@pytest.mark.parametrize("after, least, most", [
    ({"Retry-After": "40"}, 20, 40),
    ({"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}, 86000, 86400),  # not believed
    ({"Retry-After": "soon"}, 30, 60),
    ({}, 30, 60),
])
def test_too_many_requests(upstream, state, after, least, most):
    """After a 429 it is left alone by all who share the directory, until it said."""
    digest = upstream.add_manifest("a", "v1")
    upstream.fault("/manifests/", bad.status(429, after))
    answer = ask(["manifest", "a", "v1"], url=upstream.url, state=state)
    assert answer.error == "UPSTREAM_BUSY" and least < answer.pause <= most
    assert len(upstream.requests) == 1
    upstream.mend()
    for command in ["manifest", "a", "v1"], ["blob", "a", digest], ["tags", "a"]:
        answer = ask(command, url=upstream.url, state=state)
        assert answer.error == "UPSTREAM_BUSY" and "left alone" in answer.message and answer.pause > 0
    assert len(upstream.requests) == 1
    with Upstream() as mirror:  # which never said so
        mirror.add_manifest("a", "v1")
        assert ask(["manifest", "a", "v1"], url=[upstream.url, mirror.url], state=state).digest == digest
        assert len(upstream.requests) == 1
    for path in state.glob("pause-*"):
        path.write_text(str(int(time.time()) - 1))
    assert ask(["manifest", "a", "v1"], url=upstream.url, state=state).digest == digest


def test_who_has_patience_waits(upstream, state):
    digest = upstream.add_blob(CONTENT)
    upstream.fault("/blobs/", bad.status(429, {"Retry-After": "2"}), times=1)
    answer = ask(["blob", "a", digest], url=upstream.url, state=state, patience_seconds=10)
    assert answer.digest == digest and len(upstream.requests) == 2


def test_names_that_lead_to_nothing():
    answer = ask(["tags", "a"], url="http://no-such-host.invalid", **SECRET)
    assert answer.error == "UPSTREAM_NETWORK" and "no-such-host.invalid" in answer.message


def test_nobody_listens(upstream):
    digest = upstream.add_manifest("a", "v1")
    with Upstream() as gone:
        pass
    answer = ask(["manifest", "a", "v1"], url=gone.url, **SECRET)
    assert answer.error == "UPSTREAM_NETWORK" and answer.message.startswith("upstream: http://127.0.0.1:")
    assert ask(["manifest", "a", "v1"], url=[gone.url, upstream.url]).digest == digest


def test_takes_connections_and_never_speaks():
    with Upstream(is_silent=True) as upstream:
        assert ask(["tags", "a"], url=upstream.url, **SHORT).error == "UPSTREAM_TIMEOUT"


def test_http2_that_resets_every_stream(authority, certificate):
    """It is asked by HTTP/1.1 then."""
    with Upstream(tls=certificate, http2=True) as upstream:
        digest = upstream.add_manifest("a", "v1")
        blob = upstream.add_blob(CONTENT)
        answer = ask(["manifest", "a", "v1"], url=upstream.url, ca=authority.certificate)
        assert answer.digest == digest and "HTTP/2" in answer.log[0]
        assert ask(["blob", "a", blob], url=upstream.url, ca=authority.certificate).log == []  # never by HTTP/2


def test_a_certificate_that_does_not_fit(authority, certificate, tmp_path):
    with Upstream(tls=certificate) as upstream:
        upstream.add_manifest("a", "v1")
        answer = ask(["tags", "a"], url=upstream.url, **SECRET)  # by nobody's authority
        assert answer.error == "UPSTREAM_TLS" and answer.log == []
        assert ask(["tags", "a"], url=upstream.url, ca=authority.certificate).tags == ["v1"]
        assert ask(["tags", "a"], url=upstream.url, unverified="yes").tags == ["v1"]
        assert SECRET["password"] not in upstream.shown()
    other = authority.issue(tmp_path, "DNS:registry.example")
    with Upstream(tls=other) as upstream:
        answer = ask(["tags", "a"], url=upstream.url, ca=authority.certificate, **SECRET)
        assert answer.error == "UPSTREAM_TLS" and upstream.requests == []


def test_tls_where_there_is_none(upstream):
    answer = ask(["tags", "a"], url=upstream.url.replace("http:", "https:"), **SECRET)
    assert answer.error == "UPSTREAM_TLS" and upstream.requests == []


def test_https_does_not_lead_to_http(upstream, authority, certificate):
    blob = upstream.add_blob(CONTENT)
    with Upstream(tls=certificate) as secure:
        secure.fault("/blobs/", bad.redirect(lambda path: upstream.url + path))
        answer = ask(["blob", "a", blob], url=secure.url, ca=authority.certificate, **SECRET)
        assert answer.error == "UPSTREAM_REDIRECT" and "without TLS" in answer.message
        assert upstream.requests == []
