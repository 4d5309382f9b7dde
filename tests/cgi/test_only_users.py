# SPDX-License-Identifier: Apache-2.0
"""Who a request is from: REMOTE_USER, which only the web server sets. An upload session belongs to its user."""

import pytest

from tests.lib import oci
from tests.lib.oci import complete, expect, expect_error, expect_progress, expect_stored


class User:
    """A front as it is for one user, whom the web server has authenticated; None is nobody."""

    def __init__(self, front, name):
        self.front = front
        self.variables = {} if name is None else {"REMOTE_USER": name}

    def request(self, method, target, headers=None, body=None):
        return self.front.request(method, target, headers, body, variables=self.variables)


@pytest.mark.parametrize("owner, stranger", [
    ("alice", "bob"), ("alice", None), (None, "alice"), ("alice", "alice2"), ("alice2", "alice"), ("alice", "Alice"),
    ("alice", "alice\nalgorithm sha512"), ("a b", "a"), ("a%20b", "a b"), ("\u00e9", "e"),
])
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_session_of_another_user(front, repo, owner, stranger, method):
    """It does not exist for anybody else."""
    blob = oci.blob()
    repo.front = User(front, owner)
    location = expect_progress(repo.send_chunk(repo.start_upload(), blob.data), 202, len(blob.data))
    target = complete(location, blob.digest) if method == "PUT" else location
    response = User(front, stranger).request(method, target, body=b"" if method in ("PATCH", "PUT") else None)
    expect_error(response, 404, "BLOB_UPLOAD_UNKNOWN")
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


@pytest.mark.parametrize("name", ["alice", "", "a b", "a\nb", "a%b", "CN=Alice \u00c4,O=Example", "x" * 1000,
                                  "\u00e9" * 300, "\u00e9" * 5000])
def test_any_user_name(front, repo, name):
    """Names are what a certificate or a directory says they are."""
    blob = oci.blob()
    repo.front = User(front, name)
    location = expect_progress(repo.send_chunk(repo.start_upload(), blob.data[:100]), 202, 100)
    expect_progress(repo.front.request("GET", location), 204, 100)
    expect_stored(repo, repo.close_upload(location, blob.digest, blob.data[100:]), blob)


@pytest.mark.parametrize("headers", [
    {"Authorization": "Basic YWxpY2U6c2VjcmV0"}, {"Authorization": "Bearer alice"}, {"Remote-User": "alice"},
    {"X-Remote-User": "alice"}, {"X-Forwarded-User": "alice"},
])
def test_header_proves_nothing(front, repo, headers):
    """What a client says about itself makes it nobody else."""
    repo.front = User(front, "alice")
    location = repo.start_upload()
    expect_error(front.request("GET", location, headers), 404, "BLOB_UPLOAD_UNKNOWN")


def test_empty_user_is_nobody(front, repo):
    """As nginx passes it."""
    location = repo.start_upload()
    repo.front = User(front, "")
    expect_progress(repo.front.request("GET", location), 204, 0)


def test_session_in_another_process(front, repo):
    """Each request here is a process; what the last one wrote is all that the next one knows."""
    blob = oci.blob(4000)
    repo.front = User(front, "alice")
    location = repo.start_upload()
    for first in range(0, 4000, 500):
        location = expect_progress(repo.send_chunk(location, blob.data[first : first + 500], first), 202, first + 500)
    expect(front.request("GET", location), 404)
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)
