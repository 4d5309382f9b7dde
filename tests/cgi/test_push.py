# SPDX-License-Identifier: Apache-2.0
"""Pushing blobs and manifests: end-4 to end-7, end-11, end-14."""

import json

import pytest

from tests.lib import oci
from tests.lib.oci import complete, expect, expect_error, expect_progress, expect_stored

BOTH_ALGORITHMS = pytest.mark.parametrize("algorithm", oci.ALGORITHMS)


@BOTH_ALGORITHMS
def test_post_only(repo, algorithm):
    """3a.8, 3b.3: a single POST stores the blob (end-4b)."""
    blob = oci.blob(algorithm=algorithm)
    response = repo.request("POST", f"blobs/uploads/?digest={blob.digest}", body=blob.data)
    expect_stored(repo, response, blob)


@BOTH_ALGORITHMS
def test_post_put(repo, algorithm):
    """3a.9, 3b.3: POST, then PUT with the whole (end-4a, end-6)."""
    blob = oci.blob(algorithm=algorithm)
    location = expect_progress(repo.post_upload(), 202, 0)
    assert location.startswith(f"/v2/{repo.name}/blobs/uploads/")
    expect_stored(repo, repo.close_upload(location, blob.digest, blob.data), blob)


@BOTH_ALGORITHMS
@pytest.mark.parametrize("with_parameter", [False, True])
def test_digest_algorithm(repo, algorithm, with_parameter):
    """end-4c: the algorithm may be announced, or be known only at the end."""
    blob = oci.blob(algorithm=algorithm)
    location = repo.start_upload(f"?digest-algorithm={algorithm}" if with_parameter else "")
    location = expect_progress(repo.send_chunk(location, blob.data), 202, len(blob.data))
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


def test_announced_algorithm_is_not_binding(repo):
    blob = oci.blob()
    location = repo.start_upload("?digest-algorithm=sha512")
    expect_progress(repo.send_chunk(location, blob.data), 202, len(blob.data))
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


def test_unknown_algorithm(repo):
    expect_error(repo.post_upload("?digest-algorithm=md5"), 400, "DIGEST_INVALID")


@BOTH_ALGORITHMS
def test_stream(repo, algorithm):
    """3a.7, 3b.3: PATCH in chunked transfer encoding, without Content-Range, then PUT."""
    blob = oci.blob(100_000, algorithm=algorithm)
    pieces = (blob.data[i : i + 30_000] for i in range(0, len(blob.data), 30_000))
    location = expect_progress(repo.send_chunk(repo.start_upload(), pieces), 202, len(blob.data))
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


def test_stream_into_put(repo):
    """The closing PUT may come in chunked transfer encoding, too."""
    blob = oci.blob(100_000)
    pieces = (blob.data[i : i + 30_000] for i in range(0, len(blob.data), 30_000))
    expect_stored(repo, repo.front.request("PUT", complete(repo.start_upload(), blob.digest), {}, pieces), blob)


@pytest.mark.parametrize("chunks, in_put", [(1, 0), (3, 0), (3, 1)], ids=["single", "three", "three-last-in-put"])
@BOTH_ALGORITHMS
def test_chunks(repo, chunks, in_put, algorithm):
    """3a.11, 3a.14, 3b.3: chunks with Content-Range, the last one in a PATCH or in the PUT."""
    blob = oci.blob(3000 - 5, algorithm=algorithm)
    size = -(-len(blob.data) // chunks)
    location, received = repo.start_upload(), 0
    for _ in range(chunks - in_put):
        data = blob.data[received : received + size]
        received += len(data)
        location = expect_progress(repo.send_chunk(location, data, received - len(data)), 202, received)
    rest = blob.data[received:]
    expect_stored(repo, repo.close_upload(location, blob.digest, rest, received if rest else None), blob)


def test_chunks_out_of_order_in_patch(repo):
    """3a.10 to 3a.14: 416 before the first chunk and for a repeated one; the session's state tells where to go on."""
    blob = oci.blob(300)
    start = repo.start_upload()
    expect_progress(expect_error(repo.send_chunk(start, blob.data[100:200], 100), 416, "BLOB_UPLOAD_INVALID"), 416, 0)
    expect_progress(repo.front.request("GET", start), 204, 0)
    location = expect_progress(repo.send_chunk(start, blob.data[:100], 0), 202, 100)
    expect_progress(expect_error(repo.send_chunk(start, blob.data[:100], 0), 416, "BLOB_UPLOAD_INVALID"), 416, 100)
    expect_progress(repo.front.request("GET", start), 204, 100)
    location = expect_progress(repo.send_chunk(location, blob.data[100:], 100), 202, 300)
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


@BOTH_ALGORITHMS
@pytest.mark.parametrize("last_in_put", [False, True])
def test_chunks_out_of_order(repo, algorithm, last_in_put):
    """3b.3: before each chunk a wrong one, 416 in PATCH and in PUT; a GET on that target, query and all, recovers."""
    blob = oci.blob(300, algorithm=algorithm)
    location, received = repo.start_upload(), 0
    while received < len(blob.data):
        wrong = received + 100 if received + 100 < len(blob.data) else 0
        closing = last_in_put and wrong == 200
        target = complete(location, blob.digest) if closing else location
        headers = {"Content-Range": f"{wrong}-{wrong + 99}"}
        expect_progress(repo.front.request("PUT" if closing else "PATCH", target, headers,
                                           blob.data[wrong : wrong + 100]), 416, received)
        location = expect_progress(repo.front.request("GET", target), 204, received)
        if last_in_put and received == 200:
            break
        location = expect_progress(repo.send_chunk(location, blob.data[received : received + 100], received), 202,
                                   received + 100)
        received += 100
    rest = blob.data[received:]
    expect_stored(repo, repo.close_upload(location, blob.digest, rest, received if rest else None), blob)


@BOTH_ALGORITHMS
def test_mount(repo, other_repo, algorithm):
    """3a.16, 3a.17, 3b.3: a blob of another repository is there at once (end-11)."""
    blob = other_repo.push_blob(oci.blob(algorithm=algorithm))
    response = repo.post_upload(f"?mount={blob.digest}&from={other_repo.name}")
    expect_stored(repo, response, blob)


@BOTH_ALGORITHMS
def test_mount_without_from(repo, other_repo, algorithm):
    """3b.3 (anonymous mount): any repository may have it."""
    blob = other_repo.push_blob(oci.blob(algorithm=algorithm))
    expect_stored(repo, repo.post_upload(f"?mount={blob.digest}"), blob)


@pytest.mark.parametrize("query", ["&from={other}", "&from={empty}", ""],
                         ids=["lacks-it", "unknown-repository", "none"])
@BOTH_ALGORITHMS
def test_mount_of_a_missing_blob(repo, other_repo, query, algorithm):
    """3a.15, 3a.16, 3b.3: a session begins instead, and takes the blob."""
    other_repo.push_image()
    blob = oci.blob(algorithm=algorithm)
    query = query.format(other=other_repo.name, empty=oci.fresh_name())
    location = expect_progress(repo.post_upload(f"?mount={blob.digest}{query}"), 202, 0)
    assert location.startswith(f"/v2/{repo.name}/blobs/uploads/")
    expect_stored(repo, repo.close_upload(location, blob.digest, blob.data), blob)


def test_mount_from_a_repository_that_lacks_it(repo, other_repo):
    """That a third repository has the blob gives nothing to one that names another source."""
    blob = oci.Repository(repo.front).push_blob(oci.blob())
    other_repo.push_image()
    expect(repo.post_upload(f"?mount={blob.digest}&from={other_repo.name}"), 202)
    expect(repo.head(f"blobs/{blob.digest}"), 404)


def test_mount_onto_itself(repo):
    blob = repo.push_blob(oci.blob())
    expect_stored(repo, repo.post_upload(f"?mount={blob.digest}&from={repo.name}"), blob)


def test_cancel(repo):
    """3b.3: a cancelled session is gone (end-14)."""
    location = repo.start_upload()
    expect(repo.send_chunk(location, b"some"), 202)
    expect(repo.front.request("DELETE", location), 204)
    for method in ("GET", "DELETE"):
        expect_error(repo.front.request(method, location), 404, "BLOB_UPLOAD_UNKNOWN")
    expect_error(repo.send_chunk(location, b"more"), 404, "BLOB_UPLOAD_UNKNOWN")
    expect_error(repo.close_upload(location, oci.blob().digest), 404, "BLOB_UPLOAD_UNKNOWN")


def post_wrong(repo, blob, sent):
    return repo.request("POST", f"blobs/uploads/?digest={blob.digest}", body=sent)


def put_wrong(repo, blob, sent):
    return repo.close_upload(repo.start_upload(), blob.digest, sent)


def chunk_wrong(repo, blob, sent):
    location = expect(repo.send_chunk(repo.start_upload(), sent, 0), 202).headers["Location"]
    return repo.close_upload(location, blob.digest)


def chunk_and_put_wrong(repo, blob, sent):
    location = expect(repo.send_chunk(repo.start_upload(), sent[:100], 0), 202).headers["Location"]
    return repo.close_upload(location, blob.digest, sent[100:], 100)


def stream_wrong(repo, blob, sent):
    location = expect(repo.send_chunk(repo.start_upload(), iter([sent])), 202).headers["Location"]
    return repo.close_upload(location, blob.digest)


@pytest.mark.parametrize("push", [post_wrong, put_wrong, chunk_wrong, chunk_and_put_wrong, stream_wrong])
@BOTH_ALGORITHMS
def test_wrong_digest(repo, push, algorithm):
    """3b.7: 400, whichever way the bytes came, and nothing is stored under either digest."""
    blob = oci.blob(algorithm=algorithm)
    sent = blob.data + b"oh no"
    expect_error(push(repo, blob, sent), 400, "DIGEST_INVALID")
    for digest in (blob.digest, oci.digest_of(sent), oci.digest_of(sent, "sha512")):
        expect(repo.head(f"blobs/{digest}"), 404)


def test_wrong_digest_ends_the_session(repo):
    location = repo.start_upload()
    expect_error(repo.close_upload(location, oci.blob().digest, b"other bytes"), 400, "DIGEST_INVALID")
    expect_error(repo.front.request("GET", location), 404, "BLOB_UPLOAD_UNKNOWN")


def test_pushing_a_blob_again(repo):
    blob = repo.push_blob(oci.blob())
    expect_stored(repo, repo.close_upload(repo.start_upload(), blob.digest, blob.data), blob)


def test_manifest_under_several_tags(repo):
    """3a.18: with descriptor fields that nobody knows, and inline data."""
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG))
    layer = repo.push_blob(oci.Content(b"NNN", oci.OCI_LAYER))
    manifest = oci.image(config.descriptor(data="bm90IGNoZWNrZWQ=", newUnspecifiedField="hello"),
                         [layer.descriptor(data="Tk5O", newUnspecifiedField={"a": [1, None]})])
    for i in range(4):
        response = expect(repo.put_manifest(manifest, f"tag{i}"), 201)
        assert response.headers["Location"] == f"/v2/{repo.name}/manifests/{manifest.digest}"
        assert response.headers["Docker-Content-Digest"] == manifest.digest
    assert repo.tags() == ["tag0", "tag1", "tag2", "tag3"]


def test_manifest_without_layers_and_media_type(repo):
    """3a.19"""
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG))
    repo.push_manifest(oci.image(config.descriptor(), [], mediaType=None), "emptylayer")


def test_lists_that_are_null(repo):
    """Go programs write empty lists so."""
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG))
    repo.push_manifest(oci.Content(json.dumps({**oci.image(config.descriptor(), []).document, "layers": None}).encode(),
                                   oci.OCI_MANIFEST))
    repo.push_manifest(oci.Content(json.dumps({**oci.index([]).document, "manifests": None}).encode(), oci.OCI_INDEX))


@BOTH_ALGORITHMS
def test_tag_parameters(repo, algorithm):
    """3b.8 (tag parameters): a manifest pushed by digest takes its tags along (end-7b)."""
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG, algorithm))
    manifest = oci.image(config.descriptor(), [], algorithm)
    wanted = [f"v{i}" for i in range(10)] + ["latest"]
    query = "&".join(f"tag={tag}" for tag in wanted)
    response = expect(repo.put_manifest(manifest, f"{manifest.digest}?{query}"), 201)
    accepted = [tag.strip() for value in response.headers.get_all("OCI-Tag") for tag in value.split(",")]
    assert sorted(accepted) == sorted(wanted)
    assert repo.tags() == sorted(wanted)
    for tag in wanted:
        pulled = expect(repo.get(f"manifests/{tag}"), 200)
        assert (pulled.body, pulled.headers["Docker-Content-Digest"]) == (manifest.data, manifest.digest)


def test_tag_parameter_that_is_no_tag(repo):
    """None of the tags is set, and the manifest is not stored."""
    manifest = repo.push_image()
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)
    expect_error(repo.put_manifest(manifest, f"{manifest.digest}?tag=good&tag=-bad"), 400, "MANIFEST_INVALID")
    expect(repo.head(f"manifests/{manifest.digest}"), 404)
    expect(repo.head("manifests/good"), 404)


def test_moving_a_tag(repo):
    """The tag shows the new manifest, the old one stays under its digest."""
    old, new = repo.push_image("latest"), repo.push_image("latest")
    assert repo.get("manifests/latest").body == new.data
    assert repo.get(f"manifests/{old.digest}").body == old.data
    assert repo.tags() == ["latest"]


@BOTH_ALGORITHMS
def test_manifest_by_a_wrong_digest(repo, algorithm):
    """3b.8 (bad digest image): white space behind the document changes the digest: 400."""
    manifest = repo.push_image(algorithm=algorithm)
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)
    padded = oci.Content(manifest.data + b"  ", manifest.media_type)
    expect_error(repo.put_manifest(padded, manifest.digest), 400, "DIGEST_INVALID")
    expect(repo.head(f"manifests/{manifest.digest}"), 404)
    expect(repo.head(f"manifests/{padded.digest}"), 404)


@pytest.mark.parametrize("reference", ["sha256:baddigeststring", "sha256:" + "A" * 64, "md5:" + "0" * 32])
def test_manifest_by_a_malformed_digest(repo, reference):
    """3b.13: 400"""
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG))
    expect_error(repo.put_manifest(oci.image(config.descriptor(), []), reference), 400, "DIGEST_INVALID")


def test_manifest_by_an_invalid_tag(repo):
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG))
    expect_error(repo.put_manifest(oci.image(config.descriptor(), []), ".invalid"), 400, "MANIFEST_INVALID")


@pytest.mark.parametrize("content_type", [oci.OCI_MANIFEST, f"{oci.OCI_MANIFEST}; charset=utf-8", ""])
def test_content_type_that_agrees(repo, content_type):
    """Parameters of the Content-Type are ignored; without one the document speaks for itself."""
    manifest = repo.push_image()
    expect(repo.put_manifest(manifest, "latest", {"Content-Type": content_type}), 201)
    assert repo.get("manifests/latest").headers["Content-Type"] == oci.OCI_MANIFEST


def test_manifest_in_chunked_encoding(repo):
    manifest = repo.push_image()
    headers = {"Content-Type": manifest.media_type}
    pieces = iter([manifest.data[:100], manifest.data[100:]])
    expect(repo.request("PUT", "manifests/chunked", headers, pieces), 201)
    assert repo.get("manifests/chunked").body == manifest.data


def test_mediatype_docker(repo):
    """Docker schema 2: image and manifest list, as docker pushes them."""
    config = repo.push_blob(oci.blob(64, oci.DOCKER_CONFIG))
    layer = repo.push_blob(oci.blob(64, oci.DOCKER_LAYER))
    image = oci.image(config.descriptor(), [layer.descriptor()], mediaType=oci.DOCKER_MANIFEST)
    repo.push_manifest(image)
    platform = {"architecture": "amd64", "os": "linux"}
    manifest_list = oci.index([image.descriptor(platform=platform)], mediaType=oci.DOCKER_LIST)
    repo.push_manifest(manifest_list, "latest")
    for content, reference in ((manifest_list, "latest"), (image, image.digest)):
        pulled = expect(repo.get(f"manifests/{reference}"), 200)
        assert (pulled.body, pulled.headers["Content-Type"]) == (content.data, content.media_type)
