# SPDX-License-Identifier: Apache-2.0
"""Pulling blobs and manifests: end-1, end-2, end-3."""

import pytest

from tests.lib import byteranges, oci
from tests.lib.oci import Content, expect, expect_error

BOTH_ALGORITHMS = pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
READ_METHODS = pytest.mark.parametrize("method", ["GET", "HEAD"])


@READ_METHODS
@pytest.mark.parametrize("target", ["/v2/", "/v2"])
def test_ping(front, method, target):
    """3b.1: the base of the API answers 200 (end-1)."""
    response = expect(front.request(method, target), 200)
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@READ_METHODS
@BOTH_ALGORITHMS
def test_unknown_blob(repo, method, algorithm):
    """3a.1, 3b.3 (get missing): 404, whether the repository exists or not."""
    missing = f"blobs/{oci.blob(algorithm=algorithm).digest}"
    expect(repo.request(method, missing), 404)
    repo.push_image()
    expect(repo.request(method, missing), 404)


def test_unknown_blob_error(repo):
    expect_error(repo.get(f"blobs/{oci.blob().digest}"), 404, "BLOB_UNKNOWN", "NAME_UNKNOWN")
    repo.push_image()
    expect_error(repo.get(f"blobs/{oci.blob().digest}"), 404, "BLOB_UNKNOWN")


@READ_METHODS
@BOTH_ALGORITHMS
def test_known_blob(repo, method, algorithm):
    """3a.2, 3b.3, 3b.4: the exact bytes and length, and the digest of the algorithm that was asked for."""
    blob = repo.push_blob(oci.blob(2048, algorithm=algorithm))
    response = expect(repo.request(method, f"blobs/{blob.digest}"), 200)
    assert response.body == (blob.data if method == "GET" else b"")
    assert response.headers["Content-Length"] == "2048"
    assert response.headers["Docker-Content-Digest"] == blob.digest
    assert response.headers["ETag"] == f'"{blob.digest}"'
    assert response.headers["Accept-Ranges"] == "bytes"
    # Without a type stargz refuses the blob.
    assert response.headers["Content-Type"] == oci.OCTET_STREAM


@READ_METHODS
@pytest.mark.parametrize("data", [b"", b"{}"], ids=["empty", "empty-json"])
@BOTH_ALGORITHMS
def test_well_known_blob(repo, method, data, algorithm):
    """3b.6: the empty blob keeps its `Content-Length: 0`, which web servers like to drop."""
    blob = repo.push_blob(Content(data, algorithm=algorithm))
    response = expect(repo.request(method, f"blobs/{blob.digest}"), 200)
    assert int(response.headers["Content-Length"]) == len(data)
    assert response.body == (data if method == "GET" else b"")
    assert response.headers["Docker-Content-Digest"] == blob.digest


@READ_METHODS
@pytest.mark.parametrize("reference", [".INVALID_MANIFEST_NAME", "no-such-tag", "x" * 129,
                                       "sha256:" + "0" * 64, "sha512:" + "0" * 128])
def test_unknown_manifest(repo, method, reference):
    """3a.3, 3b.13: 404, also for what cannot be a tag, whether the repository exists or not."""
    expect(repo.request(method, f"manifests/{reference}"), 404)
    repo.push_image()
    response = expect(repo.request(method, f"manifests/{reference}"), 404)
    if method == "GET":
        assert oci.error_code(response) == "MANIFEST_UNKNOWN"


@READ_METHODS
@BOTH_ALGORITHMS
def test_known_manifest(repo, method, algorithm):
    """3a.4, 3b.4: by tag and by digest."""
    manifest = repo.push_image(algorithm=algorithm)
    repo.push_manifest(manifest, f"{manifest.digest}?tag=latest")
    for reference in (manifest.digest, "latest"):
        response = expect(repo.request(method, f"manifests/{reference}"), 200)
        assert response.body == (manifest.data if method == "GET" else b"")
        assert response.headers["Content-Length"] == str(len(manifest.data))
        assert response.headers["Content-Type"] == oci.OCI_MANIFEST
        assert response.headers["Docker-Content-Digest"] == manifest.digest
        assert response.headers["ETag"] == f'"{manifest.digest}"'


@pytest.mark.parametrize("path", ["manifests/sha256:totallywrong", "manifests/sha256:baddigeststring",
                                  "blobs/sha256:totallywrong"])
@pytest.mark.parametrize("body", [None, b"totally wrong"], ids=["bare", "with-body"])
def test_malformed_digest(repo, path, body):
    """3a.5, 3b.13: 400 as a JSON error, also when the GET has a body."""
    expect_error(repo.request("GET", path, body=body), 400, "DIGEST_INVALID")


SIZE = 2048


@pytest.mark.parametrize("value, first, last", [
    ("500-1499", 500, 1499),
    ("500-", 500, SIZE - 1),
    ("-500", SIZE - 500, SIZE - 1),
    ("2000-5000", 2000, SIZE - 1),
    ("0-0", 0, 0),
    ("-5000", 0, SIZE - 1),
])
@BOTH_ALGORITHMS
def test_range(repo, value, first, last, algorithm):
    """3b.5: one range, cut at the end of the blob."""
    blob = repo.push_blob(oci.blob(SIZE, algorithm=algorithm))
    response = expect(repo.get(f"blobs/{blob.digest}", {"Range": f"bytes={value}"}), 206)
    assert response.body == blob.data[first : last + 1]
    assert response.headers["Content-Length"] == str(last - first + 1)
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert response.headers["Docker-Content-Digest"] == blob.digest


@pytest.mark.parametrize("value", ["500-0", "5000-10000", f"{SIZE}-", "99999999999999999999-"])
def test_unsatisfiable_range(repo, value):
    """3b.5: 416."""
    blob = repo.push_blob(oci.blob(SIZE))
    expect(repo.get(f"blobs/{blob.digest}", {"Range": f"bytes={value}"}), 416)


def test_range_of_another_unit(repo):
    """A unit that the server does not know is ignored (RFC 9110, section 14.2)."""
    blob = repo.push_blob(oci.blob(SIZE))
    assert expect(repo.get(f"blobs/{blob.digest}", {"Range": "lines=1-2"}), 200).body == blob.data


@pytest.mark.parametrize("ranges", [
    [(0, 9), (1000, 1009)],
    [(0, 0), (SIZE - 1, SIZE - 1)],
    [(1500, 1999), (100, 199), (700, 799)],
], ids=["two", "ends", "unordered"])
def test_multiple_ranges(repo, ranges):
    """What podman's zstd:chunked and stargz ask for. A server may join ranges that lie close together."""
    blob = repo.push_blob(Content(bytes(i * 31 % 251 for i in range(SIZE))))
    value = ",".join(f"{first}-{last}" for first, last in ranges)
    response = expect(repo.get(f"blobs/{blob.digest}", {"Range": f"bytes={value}"}), 206)
    assert response.headers["Content-Length"] == str(len(response.body))
    if "Content-Range" in response.headers:
        first, last = map(int, response.headers["Content-Range"].removeprefix("bytes ").split("/")[0].split("-"))
        parts = [(first, last, SIZE, response.body)]
    else:
        parts = list(byteranges.parts(response))
    for first, last, size, data in parts:
        assert (size, data) == (SIZE, blob.data[first : last + 1])
    for first, last in ranges:
        assert any(a <= first and last <= b for a, b, _, _ in parts), f"{first}-{last} is missing"


def test_if_range(repo):
    """A range of what the client has part of; the whole of what has changed."""
    blob = repo.push_blob(oci.blob(SIZE))
    path = f"blobs/{blob.digest}"
    same = repo.get(path, {"Range": "bytes=0-9", "If-Range": f'"{blob.digest}"'})
    # nginx knows only its own ETag, and sends the whole: allowed, if not useful.
    assert (same.status, same.body) in ((206, blob.data[:10]), (200, blob.data))
    other = repo.get(path, {"Range": "bytes=0-9", "If-Range": '"something else"'})
    assert (other.status, other.body) == (200, blob.data)


@pytest.mark.parametrize("accept", [
    None, "", "*/*", "text/html", oci.DOCKER_LIST, oci.OCI_INDEX, f"{oci.OCI_MANIFEST};q=0", "nonsense",
    ",".join(f"application/vnd.example.{i}+json" for i in range(100)),
])
def test_accept_never_hides_a_manifest(repo, accept):
    manifest = repo.push_image("latest")
    response = expect(repo.get("manifests/latest", {} if accept is None else {"Accept": accept}), 200)
    assert response.body == manifest.data
    assert response.headers["Content-Type"] == oci.OCI_MANIFEST


def described(repo, **fields):
    config, layer = repo.push_blob(oci.blob(8)), repo.push_blob(oci.blob(8))
    return {"config": config.descriptor(), "layers": [layer.descriptor()], **fields}


@pytest.mark.parametrize("media_type, expected", [
    (oci.OCI_MANIFEST, oci.OCI_MANIFEST),
    (oci.DOCKER_MANIFEST, oci.DOCKER_MANIFEST),
    ("application/vnd.example.manifest+json", "application/vnd.example.manifest+json"),
    (None, oci.OCI_MANIFEST),
])
def test_content_type_of_an_image(repo, media_type, expected):
    """It comes from the document, or from its shape."""
    manifest = oci.manifest(schemaVersion=2, mediaType=media_type, **described(repo))
    repo.push_manifest(manifest, "latest")
    for response in (repo.get("manifests/latest"), repo.head("manifests/latest")):
        assert expect(response, 200).headers["Content-Type"] == expected


@pytest.mark.parametrize("media_type, expected", [
    (oci.OCI_INDEX, oci.OCI_INDEX),
    (oci.DOCKER_LIST, oci.DOCKER_LIST),
    (None, oci.OCI_INDEX),
])
def test_content_type_of_an_index(repo, media_type, expected):
    child = repo.push_image()
    repo.push_manifest(oci.manifest(schemaVersion=2, mediaType=media_type, manifests=[child.descriptor()]), "latest")
    for response in (repo.get("manifests/latest"), repo.head("manifests/latest")):
        assert expect(response, 200).headers["Content-Type"] == expected


def test_manifest_bytes_are_kept(repo):
    """Exactly as sent: order, white space, escapes, unknown fields, a final newline."""
    text = (b'\r\n{ "zzz":1.50 , "layers" : [ ],\t"mediaType":"application\\/vnd.oci.image.manifest.v1+json",'
            b'"\\u00e4": "\xc3\xa4", "schemaVersion":2, "big": 123456789012345678901234567890}\n\n')
    manifest = repo.push_manifest(Content(text, oci.OCI_MANIFEST), "latest")
    for reference in ("latest", manifest.digest):
        assert expect(repo.get(f"manifests/{reference}"), 200).body == text


def test_content_belongs_to_its_repository(repo, other_repo):
    """That the registry has a blob or a manifest does not put it into every repository."""
    manifest = repo.push_image("latest")
    other_repo.push_image("latest")
    layer = repo.get("manifests/latest").json()["layers"][0]["digest"]
    for path in (f"blobs/{layer}", f"blobs/{manifest.digest}", f"manifests/{manifest.digest}"):
        expect(other_repo.get(path), 404)
