# SPDX-License-Identifier: Apache-2.0
"""Upload sessions on disk: each request may reach another process, and none trusts what the last one left."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lib import oci
from tests.lib.oci import complete, expect, expect_error, expect_progress, expect_stored
from tests.lib.owner import hand_over


def session_directory(repo, location):
    return repo.directory / "_uploads" / location.rsplit("/", 1)[1]


def begin(repo, data):
    """A session that has received data."""
    return expect_progress(repo.send_chunk(repo.start_upload(), data), 202, len(data))


def test_status(repo):
    """end-13"""
    location = repo.start_upload()
    expect_progress(repo.front.request("GET", location), 204, 0)
    expect_progress(repo.send_chunk(location, b"x" * 1000), 202, 1000)
    expect_progress(repo.front.request("GET", location), 204, 1000)


def test_digest_with_an_escaped_colon(repo):
    """As docker sends it."""
    blob = oci.blob()
    target = complete(begin(repo, blob.data), blob.digest.replace(":", "%3A"))
    expect_stored(repo, repo.front.request("PUT", target, body=b""), blob)


@pytest.mark.parametrize("missing", ["unknown", "foreign", "malformed"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_session_of_nobody(repo, other_repo, missing, method):
    """An id that was never given out, or by another repository, or that is none: 404, and the session goes on."""
    blob = oci.blob()
    location = begin(other_repo, blob.data)
    upload_id = {"unknown": uuid.uuid4(), "foreign": location.rsplit("/", 1)[1], "malformed": "x"}[missing]
    repo.push_image()
    target = f"/v2/{repo.name}/blobs/uploads/{upload_id}"
    if method == "PUT":
        target = complete(target, blob.digest)
    body = b"more" if method in ("PATCH", "PUT") else None
    expect_error(repo.front.request(method, target, body=body), 404, "BLOB_UPLOAD_UNKNOWN")
    expect(repo.head(f"blobs/{blob.digest}"), 404)
    expect_stored(other_repo, other_repo.close_upload(location, blob.digest), blob)


def test_malformed_digest_keeps_the_session(repo):
    blob = oci.blob()
    location = begin(repo, blob.data)
    for digest in ("sha256:abc", "md5:" + "0" * 32, "", f"{blob.digest}x"):
        expect_error(repo.close_upload(location, digest), 400, "DIGEST_INVALID")
    expect_error(repo.front.request("PUT", location, body=b""), 400, "DIGEST_INVALID")
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


@pytest.mark.parametrize("content_range, length", [("0-9", 11), ("0-9", 9), ("0-9", 0), ("5-4", 0)])
def test_length_contradicts_content_range(repo, content_range, length):
    """400, and the session stays where it was."""
    blob = oci.blob()
    location = repo.start_upload()
    response = repo.front.request("PATCH", location, {"Content-Range": content_range}, b"x" * length)
    expect_error(response, 400, "SIZE_INVALID", "BLOB_UPLOAD_INVALID")
    expect_progress(repo.front.request("GET", location), 204, 0)
    expect_stored(repo, repo.close_upload(location, blob.digest, blob.data, 0), blob)


@pytest.mark.parametrize("content_range", ["banana", "-5", "0-", "0-x", "1-2-3", "0x0-0x9", "-0-9", "bytes 0",
                                           "0-99999999999999999999999"])
def test_malformed_content_range(repo, content_range):
    """400, and nothing is kept."""
    location = repo.start_upload()
    response = repo.front.request("PATCH", location, {"Content-Range": content_range}, b"0123456789")
    expect_error(response, 400, "SIZE_INVALID", "BLOB_UPLOAD_INVALID")
    expect_progress(repo.front.request("GET", location), 204, 0)


@pytest.mark.parametrize("content_range", ["1-1", "9223372036854775807-9223372036854775807",
                                           "99999999999999999999-99999999999999999999"])
def test_chunk_far_behind_the_end(repo, content_range):
    location = repo.start_upload()
    response = repo.front.request("PATCH", location, {"Content-Range": content_range}, b"x")
    expect_progress(expect_error(response, 416, "BLOB_UPLOAD_INVALID"), 416, 0)


@pytest.mark.parametrize("content_range", ["bytes 0-9/*", "bytes 0-9/10", "bytes 0-9"])
def test_content_range_of_http(repo, content_range):
    """Some clients send the form of RFC 9110, or half of it, in place of the specification's."""
    location = repo.start_upload()
    response = repo.front.request("PATCH", location, {"Content-Range": content_range}, b"0123456789")
    expect_progress(response, 202, 10)


def test_empty_chunk(repo):
    """It changes nothing."""
    blob = oci.blob()
    location = repo.start_upload()
    expect_progress(repo.send_chunk(location, b""), 202, 0)
    expect_progress(repo.send_chunk(location, blob.data), 202, len(blob.data))
    expect_progress(repo.send_chunk(location, b""), 202, len(blob.data))
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


def replace_midstate(state, midstate):
    lines = [line for line in state.read_text().splitlines() if not line.startswith("midstate ")]
    state.write_text("\n".join(lines + midstate) + "\n")


def midstate_of(state):
    return [line for line in state.read_text().splitlines() if line.startswith("midstate ")]


def remove_state(state, _):
    state.unlink()


def remove_midstate(state, _):
    """As a program leaves it that cannot save the state of its hash."""
    replace_midstate(state, [])


def garble_midstate(state, _):
    replace_midstate(state, ["midstate garbage"])


def put_back_earlier_midstate(state, earlier):
    """Well-formed, but it stands for another offset."""
    replace_midstate(state, earlier)


@pytest.mark.parametrize("harm", [remove_state, remove_midstate, garble_midstate, put_back_earlier_midstate])
@pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
@pytest.mark.parametrize("rest", [0, 200])
def test_hash_state_is_lost(repo, harm, algorithm, rest):
    """Missing or stale, the hash is computed from the data, as it is when the PUT names another algorithm."""
    blob = oci.blob(1000, algorithm=algorithm)
    location = begin(repo, blob.data[:400])
    state = session_directory(repo, location) / "state"
    earlier = midstate_of(state)
    expect_progress(repo.send_chunk(location, blob.data[400 : 1000 - rest]), 202, 1000 - rest)
    harm(state, earlier)
    expect_progress(repo.front.request("GET", location), 204, 1000 - rest)
    expect_stored(repo, repo.close_upload(location, blob.digest, blob.data[1000 - rest :]), blob)


def test_state_is_behind_the_data(repo):
    """Bytes that no answer acknowledged, as a killed worker leaves them, are cut off."""
    blob = oci.blob(1000)
    location = begin(repo, blob.data[:500])
    with open(session_directory(repo, location) / "data", "ab") as data:
        data.write(b"not acknowledged")
    expect_progress(repo.front.request("GET", location), 204, 500)
    expect_progress(repo.send_chunk(location, blob.data[500:], 500), 202, 1000)
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


def test_state_is_ahead_of_the_data(repo):
    """As a power cut without durability leaves it: what is there counts."""
    blob = oci.blob(1000)
    location = begin(repo, blob.data[:500])
    with open(session_directory(repo, location) / "data", "r+b") as data:
        data.truncate(300)
    expect_progress(repo.front.request("GET", location), 204, 300)
    expect_progress(repo.send_chunk(location, blob.data[300:], 300), 202, 1000)
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


def test_state_is_damaged(repo):
    """Whose session it is, is not known any more: the client has to start again."""
    location = begin(repo, b"some")
    (session_directory(repo, location) / "state").write_bytes(b"\xff\x00garbage")
    for method in ("GET", "PATCH", "PUT"):
        response = repo.front.request(method, complete(location, oci.blob().digest), body=b"")
        expect_error(response, 404, "BLOB_UPLOAD_UNKNOWN")


def test_session_of_distribution(repo):
    """What CNCF Distribution began, berth goes on with: it has no `state`, and all of `data` counts."""
    blob = oci.blob(1000)
    repo.push_image()
    location = begin(repo, blob.data[:400])
    directory = session_directory(repo, location)
    (directory / "state").unlink()
    hashstates = directory / "hashstates" / "sha256"
    hashstates.mkdir(parents=True)
    (hashstates / "0").write_bytes(b"sha\x03" + bytes(104))
    hand_over(hashstates.parent, directory)
    expect_progress(repo.send_chunk(location, blob.data[400:], 400), 202, 1000)
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)
    assert not directory.exists()


class SlowWriter:
    """A PATCH whose body stops in the middle, until it is told to finish."""

    def __init__(self, repo, location, data, headers=None, patience=20):
        self.data = data
        self.goes_on = threading.Event()
        self.pool = ThreadPoolExecutor(1)
        self.response = self.pool.submit(repo.front.request, "PATCH", location, headers, self.pieces())
        file = session_directory(repo, location) / "data"
        deadline = time.monotonic() + patience
        while file.stat().st_size == 0 and time.monotonic() < deadline:
            time.sleep(0.005)

    def pieces(self):
        half = len(self.data) // 2
        yield self.data[:half]
        assert self.goes_on.wait(60)
        yield self.data[half:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.goes_on.set()
        self.pool.shutdown()

    def finish(self):
        self.goes_on.set()
        return self.response.result()


def test_second_writer(repo):
    """Two requests write one upload: one is told so, and the other's bytes are what is stored. Where the server
    streams the body, the second is refused with 409 at once; where it spools, the second is whole first, and then the
    first is out of order."""
    first, second = oci.blob(2_000_000), oci.blob(1_000_000)
    location = repo.start_upload()
    content_range = {"Content-Range": f"0-{len(first.data) - 1}"}
    with SlowWriter(repo, location, first.data, content_range, patience=1) as writer:
        fast = repo.send_chunk(location, second.data, 0)
        slow = writer.finish()
    assert (slow.status, fast.status) in ((202, 409), (416, 202))
    refused, stored = (fast, first) if fast.status == 409 else (slow, second)
    assert oci.error_code(refused) == "BLOB_UPLOAD_INVALID"
    expect_stored(repo, repo.close_upload(location, stored.digest), stored)


def test_same_blob_from_many_sessions(repo):
    """All succeed: the first to finish stores it, the others find it or replace it by the same."""
    blob = oci.blob(100_000)

    def push(_):
        return repo.close_upload(repo.start_upload(), blob.digest, blob.data)

    with ThreadPoolExecutor(8) as pool:
        for response in pool.map(push, range(8)):
            expect_stored(repo, response, blob)


def test_two_closing_requests(repo):
    """One stores the blob; the other finds the session busy, or gone."""
    blob = oci.blob(100_000)
    location = begin(repo, blob.data)
    with ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(lambda _: repo.close_upload(location, blob.digest), range(4)))
    statuses = sorted(response.status for response in responses)
    assert statuses[0] == 201 and set(statuses[1:]) <= {404, 409}
    expect(repo.head(f"blobs/{blob.digest}"), 200)
