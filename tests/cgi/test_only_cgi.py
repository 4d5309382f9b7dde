# SPDX-License-Identifier: Apache-2.0
"""The program as a CGI: what servers pass in variables, and bodies that break off."""

import contextlib
import json
import signal
import socket
import time

import pytest

from tests.cgi.test_uploads import SlowWriter, session_directory
from tests.lib import oci
from tests.lib.oci import complete, expect, expect_error, expect_progress, expect_stored
from tests.lib.paths import ETC
from tests.lib.stores import assert_unchanged


@pytest.mark.parametrize("variables", [
    {"SCRIPT_NAME": "/v2", "PATH_INFO": "/{name}/manifests/latest"},
    {"SCRIPT_NAME": "/v2/{name}/manifests/latest", "PATH_INFO": ""},
    {"SCRIPT_NAME": "", "PATH_INFO": "/v2/{name}/manifests/latest"},
    {"SCRIPT_NAME": "/v2", "PATH_INFO": "/{name}/manifests/latest", "REQUEST_URI": "/v2/other/manifests/latest?x",
     "PATH_TRANSLATED": "/etc/passwd", "SCRIPT_FILENAME": "/etc/passwd", "DOCUMENT_ROOT": "/"},
    {"CONTENT_LENGTH": "", "CONTENT_TYPE": "", "REMOTE_USER": "", "HTTP_ACCEPT": "", "HTTP_RANGE": ""},
])
def test_path_variables(front, repo, variables):
    """The path is SCRIPT_NAME and PATH_INFO together, however a server cuts it, and nothing else. Empty is unset."""
    manifest = repo.push_image("latest")
    given = {key: value.format(name=repo.name) for key, value in variables.items()}
    response = expect(front.request("GET", f"/v2/{repo.name}/manifests/latest", variables=given), 200)
    assert response.body == manifest.data


def test_path_is_decoded_once(front, repo):
    """A server has decoded it: what is left of `%` is no escape."""
    repo.push_image("latest")
    given = {"PATH_INFO": f"/{repo.name}/manifests/l%61test"}
    expect_error(front.request("GET", "/v2/", variables=given), 404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("method", ["BREW", "get", "CONNECT", "TRACE", "PROPFIND", "G" * 1000])
def test_unknown_method(front, method):
    expect_error(front.request(method, "/v2/"), 405, "UNSUPPORTED")


def test_every_answer_is_complete(front, repo):
    """Status with its reason, Content-Type, and Content-Length except where there can be no body."""
    repo.push_image("latest")
    location = repo.start_upload()
    for method, target in (("GET", "/v2/"), ("GET", f"/v2/{repo.name}/manifests/x"), ("GET", "/nothing"),
                           ("POST", f"/v2/{repo.name}/blobs/uploads/"), ("PUT", "/v2/"),
                           ("DELETE", f"/v2/{repo.name}/manifests/latest"), ("GET", location)):
        response = front.request(method, target, body=b"" if method in ("POST", "PUT") else None)
        assert response.reason and response.headers["Status"] == f"{response.status} {response.reason}"
        if response.status == 204:
            assert "Content-Length" not in response.headers
        else:
            assert response.headers["Content-Length"] == str(len(response.body))
            assert response.headers["Content-Type"]


@pytest.mark.parametrize("length", ["abc", "-1", "1.5", "0x10", " ", "5 5", "+5", "1e3"])
def test_content_length_is_no_number(front, repo, length):
    repo.push_image()
    with assert_unchanged(front.root):
        response = front.request("POST", f"/v2/{repo.name}/blobs/uploads/", {"Content-Length": length}, b"12345")
        expect_error(response, 400, "UNSUPPORTED")


@pytest.mark.parametrize("length", [999, 1001, 10**6, 2**63 - 1, 2**64])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_body_is_not_as_long_as_announced(front, repo, method, length):
    """Nothing of it counts; the session stays at what was acknowledged."""
    blob = oci.blob(1500)
    location = expect_progress(repo.send_chunk(repo.start_upload(), blob.data[:500]), 202, 500)
    target = complete(location, blob.digest) if method == "PUT" else location
    response = front.request(method, target, {"Content-Length": str(length)}, blob.data[500:])
    expect_error(response, 400, "SIZE_INVALID")
    expect_progress(front.request("GET", location), 204, 500)
    expect_progress(repo.send_chunk(location, blob.data[500:], 500), 202, 1500)
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


@pytest.mark.parametrize("length", [999, 1001, 4194304])
@pytest.mark.parametrize("path", ["manifests/latest", "blobs/uploads/?digest={digest}"])
def test_other_bodies_that_are_not_as_long_as_announced(front, repo, path, length):
    """A manifest is not stored, nor the blob of a single POST, even if its digest is right."""
    manifest = repo.push_image()
    body = oci.Content(manifest.data.ljust(1000))
    target = f"/v2/{repo.name}/{path.format(digest=body.digest)}"
    with assert_unchanged(front.root):
        response = front.request("PUT" if path.startswith("manifests") else "POST", target,
                                 {"Content-Length": str(length), "Content-Type": manifest.media_type}, body.data)
        expect_error(response, 400, "SIZE_INVALID")
    expect(repo.head("manifests/latest"), 404)
    expect(repo.head(f"blobs/{body.digest}"), 404)


def test_second_writer_in_another_process(front, repo):
    """409 at once, for everything that would change the session; its state can be asked."""
    blob = oci.blob(2_000_000)
    location = repo.start_upload()
    with SlowWriter(repo, location, blob.data) as writer:
        start = time.monotonic()
        for response in (repo.send_chunk(location, b"other"), repo.send_chunk(location, b"other", 0),
                         repo.close_upload(location, blob.digest, b"other"), front.request("DELETE", location)):
            expect_error(response, 409, "BLOB_UPLOAD_INVALID")
        expect_progress(front.request("GET", location), 204, 0)
        assert time.monotonic() - start < 5
        expect_progress(writer.finish(), 202, len(blob.data))
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_in_the_middle_of_a_body(front, repo, signal_number):
    """A server sends SIGTERM when the client has gone, and closes the pipe: without a Content-Length that looks like a
    complete body. What was acknowledged before is still there, no more."""
    blob = oci.blob(1_000_000)
    location = expect_progress(repo.send_chunk(repo.start_upload(), blob.data[:1000]), 202, 1000)
    data = session_directory(repo, location) / "data"
    with front.spawn("PATCH", location, body=()) as process:
        process.stdin.write(blob.data[1000:500_000])
        process.stdin.flush()
        while data.stat().st_size < 100_000:
            assert process.poll() is None
            time.sleep(0.002)
        process.send_signal(signal_number)
        output, _ = process.communicate(timeout=20)
    assert b"Status: 2" not in output
    expect_progress(front.request("GET", location), 204, 1000)
    expect_progress(repo.send_chunk(location, blob.data[1000:], 1000), 202, len(blob.data))
    expect_stored(repo, repo.close_upload(location, blob.digest), blob)


def test_body_is_taken_before_the_answer(front, repo):
    """A server that is still sending may not look for an answer before all is sent (mod_cgid)."""
    with front.spawn("PUT", f"/v2/{repo.name}/manifests/latest", {"Content-Length": "20000000"}) as process:
        process.stdin.write(bytes(20_000_000))
        output, _ = process.communicate(timeout=20)
    assert output.startswith(b"Status: 413 ")


@pytest.mark.parametrize("broken", [True, False], ids=["broken-off", "whole"])
def test_body_over_a_socket(front, repo, broken):
    """mod_cgid's way. Without a length only this tells the end of a body from a client that left: the server then closes
    both ways at once, whether its SIGTERM comes or not."""
    blob = oci.blob()
    target = complete(f"/v2/{repo.name}/blobs/uploads/", blob.digest)
    ours, theirs = socket.socketpair()
    with ours, front.spawn("POST", target, None, iter(()), stdin=theirs, stdout=theirs) as process:
        theirs.close()
        ours.sendall(blob.data)
        if broken:
            ours.close()
        else:
            ours.shutdown(socket.SHUT_WR)
            with contextlib.closing(ours.makefile("rb")) as answer:
                assert answer.read().startswith(b"Status: 201 ")
        assert process.wait(timeout=60) == 0
    expect(repo.head(f"blobs/{blob.digest}"), 404 if broken else 200)


def refused(front, status, uri, **variables):
    """What lighttpd hands to its error handler."""
    given = {"SCRIPT_NAME": "/v2", "PATH_INFO": "/_error", "REDIRECT_STATUS": str(status), "REQUEST_URI": uri,
             "QUERY_STRING": uri.partition("?")[2], **variables}
    return front.request("GET", "/v2/_error", variables=given)


@pytest.mark.parametrize("status, code", [(400, "UNSUPPORTED"), (413, "SIZE_INVALID"), (431, "UNSUPPORTED"), (599, "UNKNOWN")])
def test_20_what_the_server_refused(front, status, code):
    for uri in ("/v2/a/manifests/x", "/v2", "/token?x", ""):
        expect_error(refused(front, status, uri), status, code)
    page = expect(refused(front, status, "/elsewhere<script>"), status)
    assert page.headers["Content-Type"].startswith("text/html") and b"script" not in page.body


def test_39_a_method_that_lighttpd_does_not_know(front):
    """It reads no further, so berth does not learn for which path."""
    response = expect_error(refused(front, 501, ""), 405, "UNSUPPORTED")
    assert response.headers["Allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    assert "Allow" not in expect_error(refused(front, 501, "/v2/a/manifests/x"), 501, "UNSUPPORTED").headers


@pytest.mark.parametrize("file", sorted((ETC / "errors").iterdir()), ids=lambda file: file.stem)
def test_20_files_of_errors_say_the_same(front, file):
    assert refused(front, int(file.stem), "/v2/").json() == json.loads(file.read_text())


def test_20_only_an_upload_is_begun_again(front, repo):
    uploads = f"/v2/{repo.name}/blobs/uploads/"
    expect(refused(front, 411, uploads), 202)
    for uri in (uploads + "?mount=" + oci.digest_of(b""), uploads + "?digest=" + oci.digest_of(b""), uploads + "x",
                uploads.replace("/v2/", "/v2/%61"), f"/v2/{repo.name}/manifests/latest", "/token", "/v2/"):
        expect_error(refused(front, 411, uri), 411, "SIZE_INVALID")
    expect_error(refused(front, 411, "/v2/../x/blobs/uploads/"), 400, "NAME_INVALID")
    for status in ("200", "", "x", "999"):
        expect_error(refused(front, status, uploads), 404, "NAME_UNKNOWN")
    expect_error(refused(front, 413, uploads), 413, "SIZE_INVALID")


@pytest.mark.parametrize("method, target, length, status", [
    ("PUT", "/v2/a/manifests/x", 1 << 22, 200), ("PUT", "/v2/a/manifests/x", (1 << 22) + 1, 413),
    ("PATCH", "/v2/a/blobs/uploads/x", 1 << 40, 200), ("POST", "/v2/a/blobs/uploads/", 1 << 40, 200),
    ("DELETE", "/v2/a/manifests/x", 1 << 17, 413), ("POST", "/v2/x", 1, 404), ("POST", "/v2/a/tags/list", 1, 405)])
def test_10_an_authorizer_decides_without_the_body(front, method, target, length, status):
    """What lighttpd asks before it takes a body."""
    given = {"FCGI_ROLE": "AUTHORIZER", "SCRIPT_NAME": "", "PATH_INFO": "", "REQUEST_URI": target,
             "HTTP_CONTENT_LENGTH": str(length)}
    response = expect(front.request(method, target, variables=given), status)
    assert (status == 200) == ("Variable-BERTH_ALLOWED_AT" in response.headers)


def test_10_an_authorizer_is_not_told_two_lengths(front):
    """lighttpd has one name for the client's Content-Length and its Content_Length, in the order of the client."""
    target = "/v2/a/manifests/x"
    for lengths in (("5", "5000000"), ("5000000", "5"), ("5", "5")):
        given = {"FCGI_ROLE": "AUTHORIZER", "SCRIPT_NAME": "", "PATH_INFO": "", "REQUEST_URI": target,
                 "HTTP_CONTENT_LENGTH": lengths[0], b"HTTP_CONTENT_LENGTH": lengths[1]}
        response = expect(front.request("PUT", target, variables=given), 400)
        assert "Variable-BERTH_ALLOWED_AT" not in response.headers
