# SPDX-License-Identifier: Apache-2.0
"""/livez and /readyz: what is wrong with the data directory, and nothing secret."""

import json
import shutil
import time

import pytest

from tests.lib import access, oci, shared
from tests.lib.access import basic, bearer
from tests.lib.mounts import hanging, read_only
from tests.lib.oci import expect
from tests.lib.ramdisk import ramdisk

HEALTHY = {"status": "ok"}
PATIENCE = 20


def await_status(front, method, target, status, headers):
    """On a busy machine the data directory may not answer within a second."""
    deadline = time.monotonic() + PATIENCE
    while (response := front.request(method, target, headers)).status != status and time.monotonic() < deadline:
        time.sleep(0.1)
    return expect(response, status)


def probe(front, target="/readyz", status=200, headers={}):
    """The answer, which no cache keeps and which names no place."""
    response = await_status(front, "GET", target, status, headers)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "application/json"
    assert str(front.root).encode() not in response.body and b"/" not in response.body
    head = await_status(front, "HEAD", target, status, headers)
    assert head.body == b"" and head.headers["Content-Length"] == str(len(response.body))
    return json.loads(response.body)


def expect_unready(front, reason):
    answer = probe(front, status=503)
    assert (answer["status"], answer["reason"]) == ("unavailable", reason)
    assert answer["message"]
    assert probe(front, "/readyz?for=push", status=503) == probe(front, "/readyz?for=pul", status=503) == answer
    if reason in ("storage-full", "storage-read-only"):
        assert probe(front, "/readyz?for=pull") == HEALTHY
    else:
        assert probe(front, "/readyz?for=pull", status=503) == answer
    assert probe(front, "/livez") == HEALTHY


def log_of(front):
    process = front.spawn("GET", "/readyz")
    return process.communicate(timeout=60)[1].decode()


def test_all_is_well(front):
    assert probe(front) == probe(front, "/livez") == HEALTHY
    assert log_of(front) == ""
    assert list((front.root / "docker/registry/v2/_berth/tmp").iterdir()) == []


def test_a_store_that_is_not_there_yet(start_cgi, tmp_path):
    """A probe that is the first of all requests makes it, as any other."""
    front = start_cgi(root=tmp_path / "new")
    front.root = tmp_path / "new"
    assert probe(front) == HEALTHY
    assert (front.root / "docker/registry/v2/repositories").is_dir()


def test_a_file_system_that_hangs(front):
    """Who asks is told so; the process of the request neither waits for it nor stays."""
    with hanging(front.root):
        for target, status in ("/readyz", 503), ("/livez", 200), ("/readyz", 503):
            process = front.spawn("GET", target)
            output, log = process.communicate(timeout=PATIENCE)
            response = front.response("GET", output)
            assert (response.status, process.returncode) == (status, 0), log
            if status == 503:
                assert response.json()["reason"] == "storage-slow" and b"does its file system hang?" in log
    assert probe(front) == HEALTHY


@pytest.mark.parametrize("headers", [{}, basic("bob", "b"), basic("bob", "x"), bearer("forged"), {"Authorization": "x"}],
                         ids=str)
def test_logins_do_not_matter(start_cgi, headers):
    with access.site(passwords=True, tokens=True) as site:
        front = start_cgi(**{name.removeprefix("BERTH_").lower(): value for name, value in site.env.items()})
        oci.expect_error(front.request("GET", "/v2/"), 401, "UNAUTHORIZED")
        assert probe(front, "/livez", headers=headers) == probe(front, headers=headers) == HEALTHY


def test_a_full_disk(start_cgi, tmp_path):
    """Pulls go on."""
    with ramdisk("3M", tmp_path) as disk:
        front = start_cgi(root=disk, ready_room=1 << 20)
        front.root = disk
        repo = oci.Repository(front)
        image = repo.push_image("v1")
        assert probe(front) == HEALTHY
        (disk / "ballast").write_bytes(bytes(2 << 20))
        expect_unready(front, "storage-full")
        log = log_of(front)
        assert "ready_room = 1048576" in log and str(disk) in log
        assert expect(repo.get("manifests/v1"), 200).body == image.data
        (disk / "ballast").unlink()
        assert probe(front) == HEALTHY


def test_a_full_disk_whatever_the_setting(start_cgi, tmp_path):
    with ramdisk("1M", tmp_path) as disk:
        front = start_cgi(root=disk, ready_room=0)
        front.root = disk
        assert probe(front) == HEALTHY
        with pytest.raises(OSError), open(disk / "ballast", "wb", buffering=0) as ballast:
            while ballast.write(bytes(4096)) == 4096:
                pass
            raise OSError
        expect_unready(front, "storage-full")


def test_a_file_system_that_cannot_be_written(front, start_cgi):
    """Unless that is meant so."""
    oci.Repository(front).push_image("v1")
    with read_only(front.root):
        expect_unready(front, "storage-read-only")
        assert "Read-only file system" in log_of(front)
        meant = start_cgi(root=front.root, readonly="true")
        meant.root = front.root
        assert probe(meant) == HEALTHY


def test_maintenance_needs_no_room(start_cgi):
    front = start_cgi(ready_room=1 << 62)
    expect_unready(front, "storage-full")
    front.env["BERTH_READONLY"] = "true"
    assert probe(front) == HEALTHY


def test_an_empty_mount_point(start_cgi):
    """Of a store that hosts share: its file system is missing."""
    front = start_cgi(shared="true")
    expect_unready(front, "storage-missing")
    shared.make(front.root)
    assert probe(front) == HEALTHY
    shutil.rmtree(front.root / "docker")
    expect_unready(front, "storage-missing")
