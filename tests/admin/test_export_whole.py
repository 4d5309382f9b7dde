# SPDX-License-Identifier: Apache-2.0
"""`berth export`: what it writes is whole or not there, whatever happens."""

import fcntl
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.lib import faults, oci
from tests.lib.exports import blob_path, blobs_of, stream
from tests.lib.layouts import REF_NAME, REPOSITORY, Layout
from tests.lib.paths import BUILD

USAGE, NO_SUCH, IO_ERROR, TEMPORARY = 64, 66, 74, 75
PATIENCE = 60  # seconds to end, however busy the machine is


# --- a directory that grows ---

def index_names(directory):
    """Of a layout that need not be one whole: what earlier tags pointed at stays in it."""
    entries = json.loads((Path(directory) / "index.json").read_text())["manifests"]
    return [(entry["annotations"][REPOSITORY], entry["annotations"][REF_NAME], entry["digest"]) for entry in entries]


def test_directory_grows(repo, front, berth, tmp_path):
    first = repo.push_image("v1")
    target = f"{tmp_path}/layout/"
    berth("export", f"{repo.name}:v1", "-o", target)
    written = {path: path.stat().st_ino for path in Path(target).rglob("blobs/*/*")}
    moved = repo.push_manifest(oci.image(first.document["config"], first.document["layers"], annotations={}), "v1")
    second = repo.push_image("v2")
    assert "there already: 2" in berth("export", f"{repo.name}:*", "-o", target)
    assert index_names(target) == [(repo.name, "v1", moved.digest), (repo.name, "v2", second.digest)]
    assert all(path.stat().st_ino == inode for path, inode in written.items())  # nothing was written again

    other = oci.Repository(front)
    third = other.push_image("v1")
    berth("export", f"{other.name}:v1", "-o", target)
    assert sorted(index_names(target)) == sorted([
        (repo.name, f"{repo.name}:v1", moved.digest), (repo.name, f"{repo.name}:v2", second.digest),
        (other.name, f"{other.name}:v1", third.digest)])
    assert sorted(path.name for path in Path(target).iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_directory_keeps_what_others_put_there(repo, berth, tmp_path):
    image = repo.push_image("v1")
    foreign = {"mediaType": oci.OCI_MANIFEST, "digest": "sha256:" + "1" * 64, "size": 5, "x": [1, {"y": None}],
               "annotations": {"org.opencontainers.image.ref.name": "theirs"}}
    replaced = {**foreign, "annotations": {"org.opencontainers.image.ref.name": "v1"}}
    layout = tmp_path / "layout"
    layout.mkdir()
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [foreign, replaced]}))
    berth("export", f"{repo.name}:v1", "-o", layout)
    entries = json.loads((layout / "index.json").read_text())["manifests"]
    assert entries[0] == foreign
    assert [entry["digest"] for entry in entries[1:]] == [image.digest]
    (layout / "index.json").write_text("[")
    before = (layout / "index.json").read_text()
    assert "no image index" in berth("export", f"{repo.name}:v1", "-o", layout, status=IO_ERROR)
    assert (layout / "index.json").read_text() == before


def test_blob_that_was_cut_off_is_written_again(repo, berth, tmp_path):
    image = repo.push_image("v1")
    berth("export", f"{repo.name}:v1", "-o", f"{tmp_path}/l/")
    victim = tmp_path / "l/blobs" / image.document["layers"][0]["digest"].replace(":", "/")
    victim.write_bytes(b"short")
    berth("export", f"{repo.name}:v1", "-o", f"{tmp_path}/l/")
    assert set(Layout(tmp_path / "l").blobs) == blobs_of(image)


def test_links_in_a_directory_are_not_followed(repo, berth, tmp_path):
    repo.push_image("v1")
    layout, outside = tmp_path / "layout", tmp_path / "outside"
    outside.mkdir()
    (layout / "blobs").mkdir(parents=True)
    (layout / "blobs/sha256").symlink_to(outside)
    berth("export", f"{repo.name}:v1", "-o", layout, status=IO_ERROR)
    assert list(outside.iterdir()) == []


# --- failures ---

def test_unknown_references(repo, berth, tmp_path):
    repo.push_image("v1")
    target = tmp_path / "x.tar"
    for ref in f"{repo.name}:none", f"{repo.name}", "nothing/here:v1", f"{repo.name}@sha256:{'0' * 64}":
        berth("export", ref, "-o", target, status=NO_SUCH)
        berth("export", f"{repo.name}:v1", ref, "-o", target, status=NO_SUCH)
    for args in [], [f"{repo.name.upper()}:v1"], ["--all", "--platform", "linux/amd64"]:
        berth("export", *args, "-o", target, status=USAGE)
    berth("export", f"{repo.name}:none", "-o", f"{tmp_path}/new/", status=NO_SUCH)
    assert list(tmp_path.iterdir()) == []


def test_terminal_is_refused(repo, berth):
    repo.push_image("v1")
    master, terminal = os.openpty()
    try:
        done = subprocess.run([BUILD / "berth", "export", f"{repo.name}:v1", "--root", berth.root], stdout=terminal,
                              stderr=subprocess.PIPE, timeout=60)
    finally:
        os.close(master)
        os.close(terminal)
    assert done.returncode == USAGE
    assert b"-o FILE" in done.stderr


@pytest.mark.parametrize("target", ["x.tar", "x.tar.gz", "layout/"])
def test_damaged_blob(repo, berth, tmp_path, target):
    """Flipped in the middle, or cut off: nothing is left that looks whole."""
    repo.push_image("v0")
    berth("export", f"{repo.name}:v0", "-o", f"{tmp_path}/{target}")
    before = Layout(tmp_path / target).files
    image = repo.push_image("v1")
    layer = image.document["layers"][0]["digest"]
    path = blob_path(repo.front, layer)
    data = path.read_bytes()
    for bad in data[:50] + bytes([data[50] ^ 1]) + data[51:], data[:-1]:
        path.write_bytes(bad)
        refusal = berth("export", f"{repo.name}:*", "-o", f"{tmp_path}/{target}", status=IO_ERROR)
        assert layer in refusal
        assert "berth fsck --repair" in refusal
        after = Layout.read_directory(tmp_path / target) if target.endswith("/") else Layout(tmp_path / target).files
        assert after["index.json"] == before["index.json"]
        assert "blobs/" + layer.replace(":", "/") not in after
        assert not [name for name in after if name.endswith(".tmp")]
    assert [path.name for path in tmp_path.iterdir()] == [target.rstrip("/")]


def test_missing_parts(repo, berth, tmp_path):
    image = repo.push_image("v1")
    layer = blob_path(repo.front, image.document["layers"][0]["digest"])
    data = layer.read_bytes()
    layer.unlink()
    refusal = berth("export", f"{repo.name}:v1", "-o", tmp_path / "x.tar", status=IO_ERROR)
    assert f"{repo.name}:v1 is incomplete, see berth fsck" in refusal
    assert image.document["layers"][0]["digest"] in refusal
    layer.write_bytes(data)
    blob_path(repo.front, image.digest).unlink()
    assert "incomplete" in berth("export", f"{repo.name}:v1", "-o", tmp_path / "x.tar", status=IO_ERROR)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def push_large(repo, tag, size):
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG))
    layer = repo.push_blob(oci.blob(size, oci.OCI_LAYER))
    return repo.push_manifest(oci.image(config.descriptor(), [layer.descriptor()]), tag)


@pytest.mark.parametrize("target", ["x.tar", "x.tar.gz", "layout/"])
def test_full_disk(repo, berth, small_disk, target):
    push_large(repo, "v1", 2 << 20)
    (small_disk / "layout").mkdir()
    refusal = berth("export", f"{repo.name}:v1", "-o", f"{small_disk}/{target}", status=IO_ERROR)
    assert ("No space left on device" if target.endswith("gz") else "2.0 MiB are needed") in refusal
    assert not [path for path in small_disk.rglob("*") if path.is_file()]


def test_full_disk_below_a_layout(repo, berth, small_disk):
    """What was there before stays whole."""
    image = push_large(repo, "v1", 700_000)
    layout = small_disk / "layout"
    berth("export", f"{repo.name}:v1", "-o", f"{layout}/")
    assert set(Layout(layout).blobs) == blobs_of(image)
    (small_disk / "ballast").write_bytes(b"x" * 250_000)
    push_large(repo, "v2", 300_000)
    berth("export", f"{repo.name}:v2", "-o", f"{layout}/", status=IO_ERROR)
    assert set(Layout(layout).blobs) == blobs_of(image)


@pytest.mark.parametrize("target", ["x.tar", "layout/"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_stopped_while_it_writes(repo, berth, tmp_path, target, number):
    """Under its final name nothing is there but what is whole; what a killed one leaves, the next one removes."""
    push_large(repo, "v1", 24 << 20)
    place, whole, state = tmp_path / "out", tmp_path / "whole", tmp_path / "state"

    def temporaries():
        return list(place.rglob("*.tmp"))

    def command(where):
        where.mkdir()
        return [BUILD / "berth", "export", f"{repo.name}:v1", "-o", f"{where}/{target}", "--root", berth.root]

    faults.make_library()
    subprocess.run(command(whole), check=True, stdout=subprocess.DEVNULL, env={**os.environ, **faults.environment(state)})
    process = faults.start_and_stop(command(place), state, faults.seen(state).steps // 2)
    assert "write" in faults.seen(state).struck
    assert temporaries()
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    assert process.wait(PATIENCE) == -number
    if number == signal.SIGKILL:
        assert temporaries()
    else:
        assert not temporaries()
    assert not (place / "x.tar").exists()
    assert not (place / "layout/index.json").exists()
    berth("export", f"{repo.name}:v1", "-o", f"{place}/{target}")
    Layout(place / target)
    assert not temporaries()


def test_one_export_at_a_time_to_a_directory(repo, berth, tmp_path):
    repo.push_image("v1")
    target = tmp_path / "layout"
    target.mkdir()
    held = os.open(target, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert "another export" in berth("export", f"{repo.name}:v1", "-o", target, status=TEMPORARY)
    os.close(held)
    berth("export", f"{repo.name}:v1", "-o", target)


def test_content_is_kept_from_the_collector(repo, berth):
    image = repo.push_image("v1")
    day = 24 * 3600
    for digest in blobs_of(image):
        os.utime(blob_path(repo.front, digest), (time.time() - 30 * day,) * 2)
    stream(berth, f"{repo.name}:v1")
    for digest in blobs_of(image):
        assert blob_path(repo.front, digest).stat().st_mtime > time.time() - 60


def test_root_writes_where_the_owner_of_the_store_may_not(repo, berth, tmp_path):
    """And leaves nothing of root's in the store."""
    image = repo.push_image("v1")
    nobody = 65534
    for path in [Path(repo.front.root), *Path(repo.front.root).rglob("*")]:
        os.chown(path, nobody, nobody)
    for path in [Path(repo.front.root), *Path(repo.front.root).parents]:
        if path.stat().st_uid == 0 and path != Path("/") and path != Path("/tmp"):
            path.chmod(path.stat().st_mode | 0o055)
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "have").write_text("")
    for target in "x.tar", "layout/", "layout/":
        berth("export", f"{repo.name}:v1", "--have", private / "have", "-o", f"{private}/{target}")
        assert set(Layout(private / target).blobs) == blobs_of(image)
        assert (private / target).stat().st_uid == 0
    assert {path.stat().st_uid for path in Path(repo.front.root).rglob("*")} == {nobody}
