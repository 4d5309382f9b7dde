# SPDX-License-Identifier: Apache-2.0
"""The settings of berth.conf, as far as requests show them."""

import fcntl
import os
import stat
import struct
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cgi.test_lists import next_page
from tests.cgi.test_store import age_of, blob_data, make_old
from tests.lib import byteranges, oci
from tests.lib.fronts import Cgi
from tests.lib.oci import expect, expect_error, expect_stored
from tests.lib.stores import wanted_mode

ARTIFACT_TYPE = "application/vnd.example.sbom+json"


def v2_of(front):
    return Path(front.root) / "docker/registry/v2"


def pages(front, target, key):
    """What a list holds, page by page."""
    response = expect(front.request("GET", target), 200)
    yield response.json()[key]
    while "Link" in response.headers:
        response = expect(front.request("GET", next_page(response)), 200)
        yield response.json()[key]


def test_page_limit(start_cgi):
    """No page of a list is longer; of tags, one that was asked for. The catalog is paged anyway."""
    front = start_cgi(page_limit=2)
    repositories = [oci.Repository(front, name) for name in "abcde"]
    for repo in repositories:
        repo.push_image("latest")
    assert list(pages(front, "/v2/_catalog", "repositories")) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(pages(front, "/v2/_catalog?n=1000000000", "repositories")) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(pages(front, "/v2/_catalog?n=1&last=c", "repositories")) == [["d"], ["e"]]
    manifest = repositories[0].push_image()
    repositories[0].push_manifest(manifest, f"{manifest.digest}?tag=1&tag=2&tag=3")
    assert list(pages(front, "/v2/a/tags/list", "tags")) == [["1", "2", "3", "latest"]]
    assert list(pages(front, "/v2/a/tags/list?n=18446744073709551616", "tags")) == [["1", "2"], ["3", "latest"]]


def test_pages_of_referrers(start_cgi):
    """Every page is an index; a filter goes along with the Link."""
    front = start_cgi(page_limit=2)
    repo = oci.Repository(front)
    subject = repo.push_image()
    referrers = [repo.push_manifest(oci.index([], subject=subject.descriptor(), annotations={"number": str(i)},
                                              artifactType=ARTIFACT_TYPE if i < 5 else "application/x.other"))
                 for i in range(8)]
    target = f"/v2/{repo.name}/referrers/{subject.digest}"
    for query, expected in (("", referrers), (f"?artifactType={quote(ARTIFACT_TYPE, safe='')}", referrers[:5])):
        listed = []
        response = expect(front.request("GET", target + query), 200)
        while True:
            assert response.headers["Content-Type"] == response.json()["mediaType"] == oci.OCI_INDEX
            assert ("OCI-Filters-Applied" in response.headers) == bool(query)
            assert len(response.json()["manifests"]) <= 2
            listed += [descriptor["digest"] for descriptor in response.json()["manifests"]]
            if "Link" not in response.headers:
                break
            response = expect(front.request("GET", next_page(response)), 200)
        assert sorted(listed) == sorted(manifest.digest for manifest in expected)


def test_manifest_limit(start_cgi):
    repo = oci.Repository(start_cgi(manifest_limit=2000))
    config = repo.push_blob(oci.blob())
    for size, status in ((2000, 201), (2001, 413)):
        manifest = oci.image(config.descriptor(), [])
        padded = oci.Content(manifest.data.ljust(size), manifest.media_type)
        response = expect(repo.put_manifest(padded, "latest"), status)
    assert "2000" in response.json()["errors"][0]["message"]


def test_stored_manifest_above_the_limit(start_cgi):
    """What came into the store under another limit is still served."""
    generous = start_cgi()
    repo = oci.Repository(generous)
    manifest = repo.push_image("latest", annotations={"a": "x" * 3000})
    repo.front = start_cgi(manifest_limit=2000, root=generous.root)
    assert repo.get("manifests/latest").body == manifest.data


def test_modes(start_cgi):
    front = start_cgi(file_mode="0600", dir_mode="0700")
    oci.Repository(front).push_image("latest")
    for path in v2_of(front).rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_modes_do_not_depend_on_the_umask(start_cgi):
    front = start_cgi()
    before = os.umask(0o077)
    try:
        oci.Repository(front).push_image("latest")
    finally:
        os.umask(before)
    for path in front.root.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == wanted_mode(path, v2_of(front)), path


def test_16_an_old_store_is_closed(start_cgi):
    """Earlier versions opened the locks to the group, whose members could hold them."""
    front = start_cgi()
    oci.Repository(front).push_image("latest")
    for mode in (0o750, 0o2750, 0o755, 0o700, 0o500):  # it gets no more than it had
        (v2_of(front) / "_berth").chmod(mode)
        expect(front.request("GET", "/v2/"), 200)
        assert stat.S_IMODE((v2_of(front) / "_berth").stat().st_mode) == mode & 0o700


def test_16_a_group_that_may_write_may_read_all(start_cgi):
    """Where several users of a group share the store they need its locks."""
    front = start_cgi(file_mode="0664", dir_mode="2775")
    oci.Repository(front).push_image("latest")
    for path in v2_of(front).rglob("*"):
        own = wanted_mode(path, v2_of(front)) & 0o077 == 0
        wanted = (0o2775 if path.is_dir() else 0o664) & (~0o007 if own else ~0)
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_grace(start_cgi):
    """Half of it is when a HEAD renews the time of a blob."""
    front = start_cgi(grace=1000)
    repo = oci.Repository(front)
    blob = repo.push_blob(oci.blob())
    data = blob_data(v2_of(front), blob.digest)
    for age, renewed in ((400, False), (600, True)):
        make_old(data, age)
        expect(repo.head(f"blobs/{blob.digest}"), 200)
        assert (age_of(data) < 60) == renewed


def test_full_durability(start_cgi):
    """The same, only slower."""
    repo = oci.Repository(start_cgi(durability="full"))
    manifest = repo.push_image("latest")
    assert repo.get("manifests/latest").body == manifest.data
    blob = oci.blob()
    expect_stored(repo, repo.request("POST", f"blobs/uploads/?digest={blob.digest}", body=blob.data), blob)
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)


class Held:
    """An exclusive lock of the store, as the collector holds it."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR)
        fcntl.fcntl(self.fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))

    def release(self):
        os.close(self.fd)


@pytest.mark.parametrize("lock", ["gc", "gc.gate"])
def test_store_is_busy(start_cgi, lock):
    """503 with Retry-After for what writes, after the time that is set; reading goes on. Nothing is lost: the same
    upload then succeeds."""
    front = start_cgi(lock_timeout=0)
    repo = oci.Repository(front)
    manifest = repo.push_image("latest")
    blob = oci.blob()
    location = repo.start_upload()
    held = Held(v2_of(front) / "_berth/lock" / lock)
    for response in (repo.put_manifest(manifest, "other"), repo.delete("manifests/latest"),
                     repo.delete(f"blobs/{manifest.document['config']['digest']}"),
                     repo.close_upload(location, blob.digest, blob.data)):
        expect_error(response, 503, "TOOMANYREQUESTS")
        assert int(response.headers["Retry-After"]) > 0
    for path in ("manifests/latest", "tags/list", f"blobs/{manifest.document['config']['digest']}"):
        expect(repo.get(path), 200)
    held.release()
    expect_stored(repo, repo.close_upload(location, blob.digest, blob.data), blob)
    repo.push_manifest(manifest, "other")


def test_waiting_for_a_lock_is_bounded(start_cgi):
    front = start_cgi(lock_timeout=1)
    repo = oci.Repository(front)
    manifest = repo.push_image("latest")
    held = Held(v2_of(front) / "_berth/lock/gc")
    start = time.monotonic()
    expect_error(repo.put_manifest(manifest, "other"), 503, "TOOMANYREQUESTS")
    assert 0.9 < time.monotonic() - start < 5
    held.release()


SENDFILE = {
    "x-sendfile": ("X-Sendfile", "{root}/docker/registry/v2/{path}"),
    "x-accel-redirect": ("X-Accel-Redirect", "/_berth/docker/registry/v2/{path}"),
}


@pytest.mark.parametrize("sendfile", SENDFILE)
@pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
def test_sendfile(start_cgi, sendfile, algorithm):
    """The server is told the file of a blob, and answers a single Range itself: so the status is 200, and there is no
    body. Several ranges are berth's own, since servers join or drop some."""
    front = start_cgi(sendfile=sendfile)
    repo = oci.Repository(front)
    blob = repo.push_blob(oci.blob(algorithm=algorithm))
    name, value = SENDFILE[sendfile]
    path = str(blob_data(Path("/"), blob.digest))[1:]
    for headers in ({}, {"Range": "bytes=0-9"}):
        response = expect(repo.get(f"blobs/{blob.digest}", headers), 200)
        assert response.headers[name] == value.format(root=front.root, path=path)
        assert response.body == b""
        assert response.headers.get("Content-Length") is None
        assert response.headers["Docker-Content-Digest"] == blob.digest
        assert response.headers["ETag"] == f'"{blob.digest}"'
        assert response.headers["Content-Type"] == oci.OCTET_STREAM
        assert response.headers["Accept-Ranges"] == "bytes"
    response = expect(repo.get(f"blobs/{blob.digest}", {"Range": "bytes=0-9,20-29"}), 206)
    assert name not in response.headers
    assert [data for *_, data in byteranges.parts(response)] == [blob.data[0:10], blob.data[20:30]]


@pytest.mark.parametrize("sendfile", SENDFILE)
def test_no_file_to_send(start_cgi, sendfile):
    """What is no blob, or has no body, or is empty: mod_xsendfile and nginx mistreat those."""
    repo = oci.Repository(start_cgi(sendfile=sendfile))
    manifest = repo.push_image("latest")
    empty = repo.push_blob(oci.Content(b""))
    layer = manifest.document["layers"][0]
    known = {"If-None-Match": f'"{layer["digest"]}"'}
    for response, status, length in (
        (repo.get("manifests/latest"), 200, str(len(manifest.data))),
        (repo.head(f"blobs/{layer['digest']}"), 200, str(layer["size"])),
        (repo.get(f"blobs/{layer['digest']}", known), 304, None),
        (repo.get(f"blobs/{empty.digest}"), 200, "0"),
    ):
        expect(response, status)
        assert response.headers["Content-Length"] == length
        assert "X-Sendfile" not in response.headers and "X-Accel-Redirect" not in response.headers


@pytest.mark.parametrize("software, sendfile, header", [
    ("nginx/1.22.1", "x-sendfile", None), ("nginx", "x-accel-redirect", "X-Accel-Redirect"),
    ("lighttpd/1.4.69", "x-accel-redirect", None), ("lighttpd/1.4.69", "x-sendfile", "X-Sendfile"),
    ("Apache/2.4.57 (Debian)", "x-accel-redirect", None), ("Apache", "x-sendfile", "X-Sendfile"),
    ("Caddy/v2.6.2", "x-accel-redirect", "X-Accel-Redirect"), ("", "x-sendfile", "X-Sendfile"), ("nginx", "off", None)])
def test_28_what_the_server_does_not_know(start_cgi, software, sendfile, header):
    """berth sends the bytes itself instead, and says so, once in a process."""
    front = start_cgi(sendfile=sendfile)
    repo = oci.Repository(front)
    blob = repo.push_blob(oci.blob())
    front.env["SERVER_SOFTWARE"] = software
    response = expect(repo.get(f"blobs/{blob.digest}"), 200)
    assert {"X-Sendfile", "X-Accel-Redirect"} & set(response.headers) == ({header} if header else set())
    assert response.body == (b"" if header else blob.data)
    with front.spawn("GET", f"/v2/{repo.name}/blobs/{blob.digest}") as process:
        log = process.communicate(timeout=20)[1].decode()
    assert log.count(f'sendfile is "{sendfile}", which ') == (not header and sendfile != "off"), log


def test_sendfile_prefix(start_cgi):
    repo = oci.Repository(start_cgi(sendfile="x-accel-redirect", sendfile_prefix="/private/store/"))
    blob = repo.push_blob(oci.blob())
    response = repo.get(f"blobs/{blob.digest}")
    assert response.headers["X-Accel-Redirect"].startswith("/private/store/docker/registry/v2/blobs/sha256/")


def test_data_directory_that_x_sendfile_cannot_carry(tmp_path):
    """lighttpd decodes escapes in X-Sendfile, Apache does not: no spelling is right for both."""
    front = Cgi(tmp_path, root=tmp_path / "a%41b", env={"BERTH_SENDFILE": "x-sendfile"}).start()
    with front.spawn("GET", "/v2/") as process:
        _, log = process.communicate(timeout=20)
    assert process.returncode == 78
    assert b"% sign" in log


def test_nothing_is_deleted_where_that_is_switched_off(start_cgi):
    """As registry:2 answers. An upload can be cancelled still, and what cannot be done is not offered."""
    front = start_cgi(delete="false")
    repo = oci.Repository(front)
    image = repo.push_image("v1")
    blob = repo.push_blob(oci.blob(10))
    for path, allowed in (("manifests/v1", {"GET", "HEAD", "PUT", "OPTIONS"}),
                          (f"manifests/{image.digest}", {"GET", "HEAD", "PUT", "OPTIONS"}),
                          (f"blobs/{blob.digest}", {"GET", "HEAD", "OPTIONS"})):
        answer = expect_error(repo.request("DELETE", path), 405, "UNSUPPORTED")
        assert b"switched off" in answer.body
        assert set(answer.headers["Allow"].split(", ")) == allowed
        assert set(repo.request("OPTIONS", path).headers["Allow"].split(", ")) == allowed
    assert expect(repo.get("manifests/v1"), 200).body == image.data
    expect(repo.get(f"blobs/{blob.digest}"), 200)
    assert b"switched off" not in repo.request("DELETE", "tags/list").body
    expect(front.request("DELETE", repo.start_upload()), 204)
    front.env["BERTH_DELETE"] = "true"
    expect(repo.request("DELETE", "manifests/v1"), 202)
