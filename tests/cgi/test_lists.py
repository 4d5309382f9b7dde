# SPDX-License-Identifier: Apache-2.0
"""Lists of tags and of repositories, and their pages: end-8, and CNCF Distribution's `_catalog`."""

import contextlib
import re
import shutil
from urllib.parse import quote

import pytest

from tests.lib import oci
from tests.lib.oci import expect, expect_error

# In byte order, as Go's sort.Strings has it.
TAGS = ["0-9", "1.0", "10", "9", "A", "Z", "_", "a", "a-b", "a.b", "a_b", "aa", "latest", "x" * 128]


def next_page(response):
    """The target of the Link to the next page: a path, since only the client knows how it got here."""
    link = re.fullmatch(r'<(/v2/[^>]*)>; rel="next"', response.headers["Link"])
    assert link, response.headers["Link"]
    return link[1]


def tagged(repo, tags=TAGS):
    manifest = repo.push_image()
    for tag in reversed(tags):
        repo.push_manifest(manifest, tag)
    return manifest


def list_tags(repo, query=""):
    response = expect(repo.get(f"tags/list{query}"), 200)
    assert response.headers["Content-Type"] == "application/json"
    document = response.json()
    assert document["name"] == repo.name and set(document) == {"name", "tags"}
    return document["tags"], response


def test_all_tags(repo):
    """3a.20, 3b.10: without `n` all tags, in byte order."""
    tagged(repo)
    tags, response = list_tags(repo)
    assert tags == sorted(TAGS) == TAGS
    assert "Link" not in response.headers
    assert expect(repo.head("tags/list"), 200).headers["Content-Length"] == response.headers["Content-Length"]


@contextlib.contextmanager
def planted_tags(repo, digest, tags):
    """As pushes would leave them, but for owner and mode, in no time."""
    directories = [repo.directory / "_manifests/tags" / tag for tag in tags]
    for directory in directories:
        (directory / "current").mkdir(parents=True)
        (directory / "current/link").write_text(digest)
    yield
    for directory in directories:
        shutil.rmtree(directory)


def test_very_many_tags(repo):
    """Without `n` the list is whole, whatever a page's limit is, and its length is known; with `n` a page is one."""
    digest = repo.push_image("latest").digest
    tags = sorted(f"{number * 7919 % 3001:04}-{'x' * 60}" for number in range(3000))
    with planted_tags(repo, digest, tags):
        listed, response = list_tags(repo)
        assert listed == [*tags, "latest"]
        assert "Link" not in response.headers
        assert int(response.headers["Content-Length"]) == len(response.body) > 2 * 65536
        assert expect(repo.head("tags/list"), 200).headers["Content-Length"] == response.headers["Content-Length"]
        assert list_tags(repo, f"?last={tags[1000]}")[0] == [*tags[1001:], "latest"]
        assert list_tags(repo, f"?n=2&last={tags[1000]}")[0] == tags[1001:1003]
        assert len(list_tags(repo, "?n=5000")[0]) == 1000  # page_limit
        assert list_tags(repo, "?last=zzz")[0] == []


def test_tags_of_a_repository_without_tags(repo):
    """An empty list, never null."""
    repo.push_image()
    assert repo.tags() == []


def test_tags_of_an_unknown_repository(repo):
    """3b.2"""
    expect_error(repo.get("tags/list"), 404, "NAME_UNKNOWN")


@pytest.mark.parametrize("n", [1, 4, len(TAGS) - 1])
def test_first_page_of_tags(repo, n):
    """3a.21: exactly n, and a Link."""
    tagged(repo)
    tags, response = list_tags(repo, f"?n={n}")
    assert tags == TAGS[:n]
    assert next_page(response).startswith(f"/v2/{repo.name}/tags/list?")


@pytest.mark.parametrize("n", [len(TAGS), len(TAGS) + 1, 1000, 10**9, 2**63, 2**64, 10**100])
def test_page_that_holds_all(repo, n):
    tagged(repo)
    tags, response = list_tags(repo, f"?n={n}")
    assert tags == TAGS
    assert "Link" not in response.headers


def test_page_of_nothing(repo):
    """With n=0 an empty list, and no Link."""
    tagged(repo)
    for query in ("?n=0", "?n=0&last=A"):
        tags, response = list_tags(repo, query)
        assert tags == []
        assert "Link" not in response.headers


@pytest.mark.parametrize("last", ["", "0", "9", "A", "a-b", "b", "latest", "zzz"])
def test_tags_after(repo, last):
    """3a.22, 3b.10: what is listed lies behind `last`, which need not exist."""
    tagged(repo)
    behind = [tag for tag in TAGS if tag > last]
    assert list_tags(repo, f"?last={last}")[0] == behind
    assert list_tags(repo, f"?n=2&last={last}")[0] == behind[:2]
    assert list_tags(repo, f"?last={last}&n=2")[0] == behind[:2]


@pytest.mark.parametrize("n", [1, 3, 5])
def test_following_the_pages_of_tags(repo, n):
    tagged(repo)
    tags, response = list_tags(repo, f"?n={n}")
    while "Link" in response.headers:
        response = expect(repo.front.request("GET", next_page(response)), 200)
        page = response.json()["tags"]
        assert 0 < len(page) <= n
        tags += page
    assert tags == TAGS


BAD_NUMBERS = ["-1", "x", "1x", "0x10", "1.5", "1e9", "%201", "1+", "%2B1", "-9223372036854775809"]


@pytest.mark.parametrize("n", BAD_NUMBERS)
def test_bad_page_size(repo, n):
    tagged(repo, ["latest"])
    expect_error(repo.get(f"tags/list?n={n}"), 400, "PAGINATION_NUMBER_INVALID")
    expect_error(repo.front.request("GET", f"/v2/_catalog?n={n}"), 400, "PAGINATION_NUMBER_INVALID")


def list_repositories(front, query=""):
    response = expect(front.request("GET", f"/v2/_catalog{query}"), 200)
    assert response.headers["Content-Type"] == "application/json"
    document = response.json()
    assert set(document) == {"repositories"}
    return document["repositories"], response


def by_component(name):
    """The catalog's order: a repository's children come right behind it."""
    return name.split("/")


def test_catalog_order_and_pages(front):
    """By components, as in CNCF Distribution: `a`, `a/b`, `a-b`. Pages by Link."""
    top = oci.fresh_name()
    names = [f"{top}/{name}" for name in ("a", "a/b", "a/b/c", "a-b", "a.b", "ab", "b/c")]
    for name in reversed(names):
        oci.Repository(front, name).push_image("latest")
    assert names == sorted(names, key=by_component)
    everything = list_repositories(front, f"?last={quote(top)}")[0]
    assert everything == sorted(everything, key=by_component)
    assert everything[: len(names)] == names

    listed, response = list_repositories(front, f"?n=2&last={quote(top)}")
    while len(listed) < len(names):
        response = expect(front.request("GET", next_page(response)), 200)
        listed += response.json()["repositories"]
    assert listed[: len(names)] == names
    assert list_repositories(front, "?n=0")[0] == []
    assert list_repositories(front, f"?n=1&last={quote(names[2])}")[0] == [names[3]]
    # A name that does not exist has its place in the order, too.
    assert list_repositories(front, f"?n=1&last={quote(names[2])}x")[0] == [names[3]]


def test_catalog_end(front):
    """The last page has no Link; behind the last repository there is nothing."""
    oci.Repository(front).push_image()
    listed, response = list_repositories(front, "?last=zzzzzzzz")
    assert listed == []
    assert "Link" not in response.headers


def test_repository_that_holds_nothing(front, repo):
    """It is in the catalog while it has a manifest, tagged or not: blobs alone don't count."""
    location = repo.start_upload()
    assert not repo.in_catalog()
    expect(front.request("DELETE", location), 204)
    repo.push_blob(oci.blob())
    assert not repo.in_catalog()
    manifest = repo.push_image("latest")
    assert repo.in_catalog()
    expect(repo.delete("manifests/latest"), 202)
    assert repo.in_catalog()
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)
    assert not repo.in_catalog()
    repo.push_manifest(manifest, "again")
    assert repo.in_catalog()


def test_empty_parent_of_a_repository(front, repo):
    """A repository may lie below a name that is none itself, and below one that has lost its manifests."""
    child = oci.Repository(front, f"{repo.name}/child")
    child.push_image("latest")
    assert child.in_catalog() and not repo.in_catalog()
    manifest = repo.push_image("latest")
    assert child.in_catalog() and repo.in_catalog()
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)
    assert child.in_catalog() and not repo.in_catalog()
    assert child.tags() == ["latest"]
