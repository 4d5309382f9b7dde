# SPDX-License-Identifier: Apache-2.0
"""What a good registry is asked, and how."""

import json
import os
import re
import time

import pytest

from tests.lib.asking import ask
from tests.lib.upstream import INDEX_TYPE, IMAGE_TYPE, Upstream, digest_of, redirect, status, truncate

CONTENT = os.urandom(3_000_000)


def test_a_manifest_by_tag_and_by_digest(upstream):
    digest = upstream.add_manifest("library/nginx", "latest")
    for reference in "latest", digest:
        head = ask(["manifest-head", "library/nginx", reference], url=upstream.url)
        assert (head.result, head.digest, head.media_type) == (1, digest, IMAGE_TYPE)
        got = ask(["manifest", "library/nginx", reference], url=upstream.url)
        assert (got.result, got.digest, got.media_type, got.size) == (1, digest, IMAGE_TYPE, len(got.body))
        assert digest_of(got.body.encode()) == digest
    assert [request.method for request in upstream.requests] == ["HEAD", "GET"] * 2


@pytest.mark.parametrize("command", ["manifest", "manifest-head", "tags", "blob", "blob-head"])
def test_what_is_not_there(upstream, command):
    what = digest_of(b"") if "blob" in command else "latest"
    answer = ask([command, "library/none", what], url=upstream.url)
    assert answer.result == 0
    assert len(upstream.requests) == 1  # it is not asked again


def test_a_blob_whole_and_in_part(upstream):
    digest = upstream.add_blob(CONTENT)
    assert ask(["blob-head", "a/b", digest], url=upstream.url).size == len(CONTENT)
    whole = ask(["blob", "a/b", digest], url=upstream.url)
    assert (whole.result, whole.digest, whole.begun, whole.taken) == (1, digest, len(CONTENT), len(CONTENT))
    rest = ask(["blob", "a/b", digest, 1000], url=upstream.url)
    assert (rest.digest, rest.begun) == (digest_of(CONTENT[1000:]), len(CONTENT))
    middle = ask(["blob", "a/b", digest, 1000, 1999, len(CONTENT)], url=upstream.url)
    assert (middle.digest, middle.taken) == (digest_of(CONTENT[1000:2000]), 1000)


def test_an_empty_blob(upstream):
    digest = upstream.add_blob(b"")
    answer = ask(["blob", "a/b", digest, 0, -1, 0], url=upstream.url)
    assert (answer.result, answer.begun, answer.taken) == (1, 0, 0)


def test_what_it_says_of_itself(upstream):
    """Its own User-Agent, HTTP/1.1 for blobs, nothing compressed, and nothing that libcurl adds."""
    upstream.add_manifest("a", "latest")
    blob = upstream.add_blob(b"blob")
    ask(["manifest", "a", "latest"], ["blob", "a", blob], url=upstream.url, via="berth-1a2b")
    for request in upstream.requests:
        assert re.fullmatch(r"berth/[\d.]+", request.headers["User-Agent"])
        assert request.headers["Via"] == "1.1 berth-1a2b"
        assert set(request.headers) == {"Host", "User-Agent", "Accept", "Via"}
    assert INDEX_TYPE in upstream.requests[0].headers["Accept"] and "*/*" in upstream.requests[0].headers["Accept"]
    assert ask(["blob", "a", blob], url=upstream.url, agent="mirror/2").result == 1
    assert upstream.requests[-1].headers["User-Agent"] == "mirror/2"


def test_a_url_with_a_path_and_a_slash(upstream):
    blob = upstream.add_blob(b"blob")
    upstream.fault("^/mirror/v2/a/blobs/", status(200, {}, b"blob"))
    assert ask(["blob", "a", blob], url=upstream.url + "/mirror/").digest == blob


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "127.0.0.1:5000", "https://user:secret@127.0.0.1/", "http://a b/", "https://",
                                 "https://h/?query", "https://h:70000/"])
def test_urls_that_are_none(url):
    answer = ask(["tags", "a"], url=url)
    assert answer.error == "CONFIG" and "secret" not in answer.text


def test_a_certificate_authority_that_is_not_there(upstream):
    assert ask(["tags", "a"], url=upstream.url, ca="/nowhere/ca.crt").error == "CONFIG"


def test_by_ipv6():
    with Upstream("::1") as upstream:
        upstream.add_manifest("a", "v1")
        assert ask(["tags", "a"], url=upstream.url).tags == ["v1"]


def test_tags_over_pages(upstream):
    upstream.tags["a"] = ["last"]
    upstream.fault(r"tags/list\?n=1000$", status(200, {"Link": '</v2/a/tags/list?n=1000&last=two>; rel="next"'},
                                                b'{"tags": ["one", "two", "-no tag", 3]}'))
    assert ask(["tags", "a"], url=upstream.url).tags == ["one", "two", "last"]


@pytest.mark.parametrize("link", ["http://127.0.0.2:1/v2/a/tags/list?n=2", "/other"])
def test_tags_whose_next_page_is_elsewhere(upstream, link):
    upstream.fault("tags/list", status(200, {"Link": f'<{link}>; rel="next"'}, b'{"tags": ["one"]}'))
    assert ask(["tags", "a"], url=upstream.url).error == "UPSTREAM_CONTENT"


def test_tags_without_end(upstream):
    upstream.fault("tags/list", status(200, {"Link": '</v2/a/tags/list?n=1>; rel="next"'}, b'{"tags": ["one"]}'))
    assert ask(["tags", "a"], url=upstream.url).error == "UPSTREAM_CONTENT"


def test_referrers_by_the_endpoint_and_by_the_tag(upstream):
    subject = digest_of(b"subject")
    one = {"mediaType": IMAGE_TYPE, "digest": digest_of(b"signature"), "size": 9, "artifactType": "application/x"}
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [one]}
    assert ask(["referrers", "a", subject], url=upstream.url).index["manifests"] == []
    upstream.add_manifest("a", subject.replace(":", "-"), json.dumps(index).encode(), INDEX_TYPE)
    assert ask(["referrers", "a", subject], url=upstream.url).index == index
    upstream.referrers[subject] = {**index, "manifests": [one, one]}
    assert ask(["referrers", "a", subject], url=upstream.url).index["manifests"] == [one, one]


def test_another_url_is_asked_where_one_fails(upstream):
    blob = upstream.add_blob(CONTENT)
    with Upstream() as mirror:
        answer = ask(["blob", "a", blob], url=[mirror.url, upstream.url])  # which has not got it
        assert answer.digest == blob and len(mirror.requests) == 1
        mirror.fault("", status(503))
        answer = ask(["blob", "a", blob], ["blob", "a", blob], url=[mirror.url, upstream.url])
        assert answer.digest == blob
        assert len(mirror.requests) == 2  # where it went well it is asked first
    answer = ask(["blob", "a", blob], url=[mirror.url, upstream.url])  # of which one is gone
    assert answer.digest == blob


def test_not_found_is_what_all_say(upstream):
    with Upstream() as mirror:
        assert ask(["tags", "a"], url=[mirror.url, upstream.url]).result == 0
        mirror.fault("", status(503))
        assert ask(["tags", "a"], url=[mirror.url, upstream.url]).error == "UPSTREAM_FAILED"


def test_a_blob_goes_on_where_it_broke_off(upstream):
    digest = upstream.add_blob(CONTENT)
    upstream.fault("/blobs/", truncate(1_000_000), times=2)
    answer = ask(["blob", "a", digest], url=upstream.url)
    assert (answer.result, answer.digest, answer.begun) == (1, digest, len(CONTENT))
    assert [request.headers.get("Range") for request in upstream.requests] == [None, "bytes=1000000-", "bytes=2000000-"]
    assert len(answer.log) == 2 and all("tried again in" in line for line in answer.log)


def test_a_blob_goes_on_as_long_as_it_grows(upstream):
    """More often than it would be tried without."""
    content = os.urandom(5_000_000)
    digest = upstream.add_blob(content)
    upstream.fault("/blobs/", truncate(1_100_000))
    assert ask(["blob", "a", digest], url=upstream.url, tries=2).digest == digest
    assert len(upstream.requests) == 5


def test_a_full_disk_is_nobody_elses_fault(upstream):
    digest = upstream.add_blob(CONTENT)
    answer = ask(["blob", "a", digest], url=[upstream.url, upstream.url], take_max=1000)
    assert (answer.error, answer.message) == ("NO_SPACE", "the disk is full")
    assert len(upstream.requests) == 1


def test_a_redirection_is_followed_with_what_was_asked(upstream):
    digest = upstream.add_blob(CONTENT)
    with Upstream() as store:
        store.add_blob(CONTENT)
        upstream.fault("/blobs/", redirect(lambda path: f"{store.url}/v2/x/blobs/{digest}?signature=secret"))
        store.fault("", status(200, {}, CONTENT))
        assert ask(["blob", "a", digest], url=upstream.url).digest == digest
        store.mend()
        upstream.fault("/blobs/", redirect(lambda path: f"{store.url}/v2/x/blobs/{digest}"))
        assert ask(["blob", "a", digest, 10, 19], url=upstream.url).digest == digest_of(CONTENT[10:20])
        assert store.requests[-1].headers["Range"] == "bytes=10-19"
        upstream.fault("/blobs/", redirect("moved"), times=1)
        upstream.fault("/moved", redirect(f"//127.0.0.1:{store.port}/v2/x/blobs/{digest}"))
        assert ask(["blob", "a", digest], url=upstream.url).digest == digest


def test_a_proxy_of_the_environment_is_asked(upstream):
    blob = upstream.add_blob(b"blob")
    with Upstream() as proxy:
        proxy.fault("^http://registry.example/v2/a/blobs/", status(200, {}, b"blob"))
        answer = ask(["blob", "a", blob], url="http://registry.example", environment={"http_proxy": proxy.url})
        assert answer.digest == blob
        assert ask(["blob", "a", blob], url=upstream.url,
                   environment={"http_proxy": proxy.url, "no_proxy": "127.0.0.1"}).digest == blob
        assert len(proxy.requests) == 1


def test_a_rate_is_kept(upstream):
    digest = upstream.add_blob(b"x" * 600_000)
    began = time.monotonic()
    assert ask(["blob", "a", digest], url=upstream.url, blob_rate=300_000, stall_bytes=10 ** 6, stall_seconds=1).digest == digest
    assert time.monotonic() - began > 1
