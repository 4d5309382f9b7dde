# SPDX-License-Identifier: Apache-2.0
"""Clients that go away in the middle of a body: nothing of it may be seen afterwards, and a push can go on."""

import socket
import struct
import time

import pytest

from tests.cgi.conftest import repo  # noqa: F401 - a fixture
from tests.lib import client, oci
from tests.lib.oci import complete, expect, expect_progress, expect_stored
from tests.lib.stores import assert_unchanged, snapshot
from tests.lib.workers import wait_until_idle

KEPT, SENT, SIZE = 1000, 100_000, 200_000

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() drops the connection


def leave(connection, how):
    """The client's end."""
    if how == "half-close":
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            answer = stream.read()
        assert not answer or answer.split()[1] in (b"400", b"408", b"500"), answer
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def break_off(front, how, method, target, headers, data, length=None):
    """Sends a request with data only of a body: of `length` bytes, or of one in chunks that lacks its end."""
    with client.connect(front.port) as connection:
        framing = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
        connection.sendall(client.request_head(method, target, {**headers, **framing}))
        connection.sendall(data if length is not None else b"%x\r\n%s" % (2 * len(data), data))
        time.sleep(0.05)  # it reaches berth where the server streams
        leave(connection, how)
    time.sleep(0.05)  # the server notices
    wait_until_idle(front)


HOW = pytest.mark.parametrize("how", ["close", "half-close", "reset"])
LENGTH = pytest.mark.parametrize("announced", [True, False], ids=["content-length", "chunked"])


def except_below(entries, directory):
    return {path: value for path, value in entries.items() if not path.startswith(directory)}


@HOW
@LENGTH
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_upload(front, repo, method, how, announced):
    """The session stays where it was, and can be finished."""
    repo.push_image("latest")
    blob = oci.blob(SIZE)
    location = expect_progress(repo.send_chunk(repo.start_upload(), blob.data[:KEPT]), 202, KEPT)
    session = str((repo.directory / "_uploads").relative_to(front.root))
    before = snapshot(front.root)
    target = complete(location, blob.digest) if method == "PUT" else location
    break_off(front, how, method, target, {"Content-Type": oci.OCTET_STREAM}, blob.data[KEPT : KEPT + SENT],
              SIZE - KEPT if announced else None)
    expect_progress(front.request("GET", location), 204, KEPT)
    expect(repo.head(f"blobs/{blob.digest}"), 404)
    assert except_below(snapshot(front.root), session) == except_below(before, session)
    expect_stored(repo, repo.close_upload(location, blob.digest, blob.data[KEPT:], KEPT), blob)


@HOW
@LENGTH
@pytest.mark.parametrize("whole", [True, False], ids=["digest-of-whole", "digest-of-part"])
def test_monolithic_post(front, repo, how, announced, whole):
    """No blob, even when what arrived has the digest."""
    repo.push_image("latest")
    blob = oci.blob(SIZE)
    content = blob if whole else oci.Content(blob.data[:SENT])
    with assert_unchanged(front.root):
        break_off(front, how, "POST", complete(f"/v2/{repo.name}/blobs/uploads/", content.digest),
                  {"Content-Type": oci.OCTET_STREAM}, blob.data[:SENT], SIZE if announced else None)
        expect(repo.head(f"blobs/{content.digest}"), 404)
    expect_stored(repo, repo.request("POST", complete("blobs/uploads/", blob.digest), body=blob.data), blob)


@HOW
@LENGTH
def test_manifest(front, repo, how, announced):
    """Neither the tag nor the manifest, even when what arrived is one; a tag that was there still names its own."""
    old = repo.push_image("old")
    new = oci.image(old.document["config"], old.document["layers"], annotations={"a": "b"})
    for tag in ("old", "new"):
        with assert_unchanged(front.root):
            break_off(front, how, "PUT", f"/v2/{repo.name}/manifests/{tag}", {"Content-Type": new.media_type}, new.data,
                      2 * len(new.data) if announced else None)
            expect(repo.head(f"manifests/{new.digest}"), 404)
    assert repo.tags() == ["old"]
    assert expect(repo.get("manifests/old"), 200).body == old.data
    repo.push_manifest(new, "old")
