# SPDX-License-Identifier: Apache-2.0
"""Conditional requests (RFC 9110, section 13), by which a client moves a tag only if nobody else has."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lib import oci
from tests.lib.oci import expect, expect_error

NO_DIGEST = "sha256:" + "0" * 64


def etag(content):
    return f'"{content.digest}"'


def none_match(value):
    return {"If-None-Match": value}


def match(value):
    return {"If-Match": value}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kind", ["tag", "manifest", "blob"])
def test_not_modified(repo, method, kind):
    """304 without a body, and with the ETag, for what the client has already."""
    if kind == "blob":
        content = repo.push_blob(oci.blob())
        path = f"blobs/{content.digest}"
    else:
        content = repo.push_image("latest")
        path = "manifests/latest" if kind == "tag" else f"manifests/{content.digest}"
    known = etag(content)
    for value in (known, f"W/{known}", f'"{NO_DIGEST}", {known}', "*"):
        response = expect(repo.request(method, path, none_match(value)), 304)
        assert response.body == b""
        assert response.headers["ETag"] == known
    for value in (f'"{NO_DIGEST}"', f'"{content.digest[:-1]}"', content.digest.removeprefix("sha256:")):
        response = expect(repo.request(method, path, none_match(value)), 200)
        assert response.body == (content.data if method == "GET" else b"")


def test_not_modified_needs_the_content(repo):
    """What is not there is 404, whatever the client has."""
    repo.push_image()
    for path in ("manifests/latest", f"manifests/{NO_DIGEST}", f"blobs/{NO_DIGEST}"):
        expect(repo.get(path, none_match("*")), 404)
        expect(repo.get(path, none_match(f'"{NO_DIGEST}"')), 404)


def expect_refused(response):
    expect_error(response, 412, "DENIED")


def test_put_if_match(repo):
    """Moves the tag only from where the client saw it."""
    old, new, newer = repo.push_image("latest"), repo.push_image(), repo.push_image()
    expect_refused(repo.put_manifest(new, "latest", match(f'"{NO_DIGEST}"')))
    expect_refused(repo.put_manifest(new, "latest", match(etag(new))))
    expect(repo.put_manifest(new, "latest", match(etag(old))), 201)
    expect_refused(repo.put_manifest(newer, "latest", match(etag(old))))
    assert repo.get("manifests/latest").body == new.data
    expect(repo.put_manifest(newer, "latest", match(f'"{NO_DIGEST}", {etag(new)}')), 201)
    expect(repo.put_manifest(old, "latest", match("*")), 201)
    assert repo.get("manifests/latest").body == old.data


def test_put_if_match_of_an_unknown_tag(repo):
    """Nothing matches what is not there; nor does the manifest get stored."""
    config = repo.push_blob(oci.blob(8))
    manifest = oci.image(config.descriptor(), [])
    for value in ("*", etag(manifest)):
        expect_refused(repo.put_manifest(manifest, "latest", match(value)))
    expect(repo.head("manifests/latest"), 404)
    expect(repo.head(f"manifests/{manifest.digest}"), 404)


def test_put_if_none_match(repo):
    """Makes a new tag, but moves none."""
    first, second = repo.push_image(), repo.push_image()
    expect(repo.put_manifest(first, "latest", none_match("*")), 201)
    for manifest in (first, second):
        expect_refused(repo.put_manifest(manifest, "latest", none_match("*")))
    assert repo.get("manifests/latest").body == first.data
    expect_refused(repo.put_manifest(second, "latest", none_match(etag(first))))
    expect(repo.put_manifest(second, "latest", none_match(etag(second))), 201)


def test_put_by_digest(repo):
    """The condition is about the manifest that the reference names, not about the tags beside it."""
    manifest = repo.push_image()
    expect_refused(repo.put_manifest(manifest, None, none_match("*")))
    expect_refused(repo.put_manifest(manifest, f"{manifest.digest}?tag=latest", none_match("*")))
    expect(repo.head("manifests/latest"), 404)
    expect(repo.put_manifest(manifest, f"{manifest.digest}?tag=latest", match(etag(manifest))), 201)
    assert repo.tags() == ["latest"]


def test_delete_if_match(repo):
    old = repo.push_image("latest")
    new = repo.push_image("latest")
    expect_refused(repo.delete("manifests/latest", match(etag(old))))
    expect_refused(repo.delete("manifests/latest", none_match("*")))
    assert repo.get("manifests/latest").body == new.data
    expect(repo.delete("manifests/latest", match(etag(new))), 202)
    expect(repo.head("manifests/latest"), 404)
    expect_refused(repo.delete(f"manifests/{new.digest}", match(etag(old))))
    expect(repo.delete(f"manifests/{new.digest}", match(etag(new))), 202)


def test_delete_of_nothing(repo):
    """Where the request would fail anyway, the condition does not count (RFC 9110, section 13.2.1)."""
    repo.push_image()
    for condition in (match("*"), match(f'"{NO_DIGEST}"'), none_match("*")):
        expect(repo.delete("manifests/latest", condition), 404)


RACERS = 8


def race(repo, manifests, headers):
    """Puts all of them under one tag at the same time; returns those that won."""
    with ThreadPoolExecutor(RACERS) as pool:
        responses = list(pool.map(lambda manifest: repo.put_manifest(manifest, "latest", headers), manifests))
    for response in responses:
        expect(response, 201, 412)
    return [manifest for manifest, response in zip(manifests, responses) if response.status == 201]


def test_one_of_many_moves_the_tag(repo):
    current = repo.push_image("latest")
    manifests = [repo.push_image() for _ in range(RACERS)]
    for _ in range(3):
        winners = race(repo, manifests, match(etag(current)))
        assert len(winners) == 1
        assert repo.get("manifests/latest").body == winners[0].data
        current = winners[0]
        manifests.remove(current)


def test_one_of_many_makes_the_tag(repo):
    manifests = [repo.push_image() for _ in range(RACERS)]
    for _ in range(3):
        winners = race(repo, manifests, none_match("*"))
        assert len(winners) == 1
        assert repo.get("manifests/latest").body == winners[0].data
        expect(repo.delete("manifests/latest"), 202)


def test_weak_entity_tag_is_no_match(repo):
    """If-Match compares strongly (RFC 9110, section 13.1.1)."""
    old = repo.push_image("latest")
    weak = {"If-Match": f'W/"{old.digest}"'}
    expect(repo.delete("manifests/latest", weak), 412)
    assert expect(repo.get("manifests/latest"), 200).body == old.data
