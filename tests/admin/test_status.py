# SPDX-License-Identifier: Apache-2.0
"""`berth status`: what the counters and the file system say, and whether something is wrong."""

import shutil
import time

from tests.lib import oci
from tests.lib.ramdisk import ramdisk


def test_a_page(front, repo, berth):
    """Of a store that was never collected, and of one that was."""
    repo.push_image("v1")
    page = berth("status")
    assert f"store      {front.root}\n" in page and "workers    0 busy, 0 idle\n" in page
    assert "gc         not known on this host\n" in page and "PROBLEM" not in page
    berth("gc", "-q")
    berth("fsck", "-q")
    page = berth("status")
    assert " ago\n" in page and "1 repositories, 1 tags, 3 blobs of " in page


def test_as_json(front, repo, berth):
    repo.push_image("v1")
    oci.expect(repo.send_chunk(repo.start_upload(), b"12345"), 202)
    front.request("GET", "/v2/none/tags/list")
    berth("gc", "-q")
    found = berth.json("status")
    assert (found["repositories"], found["tags"], found["manifests"], found["blobs"]) == (1, 1, 1, 3)
    assert (found["uploads"], found["uploadBytes"], found["failed"], found["problems"]) == (1, 5, 0, [])
    assert found["requests"] == 8 and time.time() - 60 < found["gc"] <= time.time() + 1 and found["fsck"] == 0
    assert 0 < found["free"] <= found["size"]


def test_uploads_from_before_the_counters(front, repo, berth):
    """Of which only the end is counted."""
    location = repo.start_upload()
    shutil.rmtree(front.root.parent / "metrics")
    oci.expect(front.request("DELETE", location), 204)
    found = berth.json("status")
    assert (found["uploads"], found["uploadBytes"]) == (0, 0) and "0 open, with 0 B\n" in berth("status")


def test_problems(front, repo, berth):
    """The exit status is 1, and it says what is wrong."""
    image = repo.push_image("v1")
    (front.root / f"docker/registry/v2/blobs/sha256/{image.digest[7:9]}/{image.digest[7:]}/data").unlink()
    berth("fsck", "-q", status=65)
    assert "the last berth fsck left " in berth("status", status=1)
    found = berth("status", "--json", status=1)
    assert "berth fsck --repair" in found


def test_a_full_disk(tmp_path, berth):
    with ramdisk("4M", tmp_path) as disk:
        (disk / "docker/registry/v2/repositories").mkdir(parents=True)
        (disk / "docker/registry/v2/blobs").mkdir()
        berth.root = disk
        assert " MiB free\n" in berth("status")
        (disk / "ballast").write_bytes(bytes(4_000_000))
        assert "less than 5 % of the room is free" in berth("status", status=1)
