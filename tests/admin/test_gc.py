# SPDX-License-Identifier: Apache-2.0
"""`berth gc` and `berth expire`: what they print, and what a client sees afterwards."""

import os
import re
import subprocess
import time
from datetime import datetime

from tests.lib import oci
from tests.lib.oci import expect
from tests.lib.paths import BUILD
from tests.lib.stores import assert_unchanged

TEMPFAIL, IO_ERROR, USAGE = 75, 74, 64


def age(root, seconds=10 * 86400):
    """As if nobody had come for so long."""
    when = time.time() - seconds
    for directory, below, files in os.walk(root):
        for name in below + files:
            os.utime(os.path.join(directory, name), (when, when), follow_symlinks=False)


def expect_image(repo, image):
    """It can be pulled, whole."""
    assert expect(repo.get(f"manifests/{image.digest}"), 200).body == image.data
    for part in (image.document["config"], *image.document["layers"]):
        assert oci.digest_of(expect(repo.get(f"blobs/{part['digest']}"), 200).body) == part["digest"]


def removed(report, kind):
    return {entry.get("digest") or entry.get("tag") or entry.get("session") or entry["name"]
            for entry in report["removed"] if entry["kind"] == kind}


def test_when_a_removed_tag_was_pulled_is_forgotten(repo, berth):
    repo.push_image("kept")
    records = berth.root / "docker/registry/v2/_berth/pulled" / repo.name / "_tags"
    records.mkdir(parents=True)
    for tag in "kept", "removed":
        (records / tag).touch()
    berth("gc", "--dry-run")
    assert len(list(records.iterdir())) == 2
    berth("gc")
    assert [path.name for path in records.iterdir()] == ["kept"]


def test_dry_run_and_run_agree(repo, berth):
    image, other = repo.push_image("v1"), repo.push_image("other")
    expect(repo.delete("manifests/v1"), 202)
    lonely = repo.push_blob(oci.blob(3000))
    age(berth.root)
    with assert_unchanged(berth.root):
        dry = berth.json("gc", "--dry-run")
    done = berth.json("gc", "-v")
    assert done["removed"] == dry["removed"]
    assert (dry["dryRun"], done["dryRun"]) == (True, False)
    assert removed(done, "manifest") == {image.digest}
    gone = {image.digest, lonely.digest, image.document["config"]["digest"]} | \
           {layer["digest"] for layer in image.document["layers"]}
    kept = {other.document["config"]["digest"], *(layer["digest"] for layer in other.document["layers"])}
    assert removed(done, "blob") == gone - kept
    assert done["bytes"] == dry["bytes"] == sum(entry["bytes"] for entry in done["removed"] if entry["kind"] == "blob")
    assert done["blobs"] == dry["blobs"] and done["manifests"] == {"kept": 1, "removed": 1}
    assert done["problems"] == [] and done["longestPause"] < 0.25
    expect(repo.get(f"manifests/{image.digest}"), 404)
    expect(repo.head(f"blobs/{lonely.digest}"), 404)
    expect_image(repo, other)
    again = berth.json("gc", "-v")
    assert again["removed"] == []


def test_lines_and_summary(repo, berth):
    image = repo.push_image("v1")
    expect(repo.delete("manifests/v1"), 202)
    assert f"@{image.digest}" not in berth("gc", "--dry-run")  # it was tagged just now
    age(berth.root)
    lines = berth("gc", "--dry-run").splitlines()
    assert f"would remove manifest {repo.name}@{image.digest}, 10 days old" in lines
    assert any(line.startswith(f"would remove blob {image.digest}, {len(image.data)} B") for line in lines)
    assert f"would remove repository {repo.name}" in lines
    assert lines[-1].startswith("would come back") or " would come back, seen in " in lines[-1]
    done = berth("gc").splitlines()
    assert [line.split(":")[0] for line in done[:2]] == ["kept", "removed"]
    assert len(done) == 3 and " came back in " in done[2]
    assert not repo.directory.exists()


def waiting_of(berth, *args):
    waiting = berth.json("gc", *args)["waiting"]
    until = waiting.pop("until")
    return waiting, until and datetime.fromisoformat(until.replace("Z", "+00:00")).timestamp()


def test_31_what_waits_for_the_grace(repo, berth):
    """What was deleted comes back later: gc says how much, and until when the last of it stays."""
    kept, gone = repo.push_image("kept"), repo.push_image("gone")
    everything = {blob["digest"]: blob["size"] for image in (kept, gone)
                  for blob in (image.document["config"], *image.document["layers"])}
    everything |= {image.digest: len(image.data) for image in (kept, gone)}
    assert waiting_of(berth) == ({"manifests": 0, "blobs": 0, "bytes": 0}, None)
    assert "waiting" not in berth("gc")
    age(berth.root, 7200)
    begun = int(time.time())
    expect(repo.delete("manifests/gone"), 202)
    shared = {blob["digest"] for blob in (kept.document["config"], *kept.document["layers"])} | {kept.digest}
    left = {digest: size for digest, size in everything.items() if digest not in shared}
    for args in (("--dry-run",), (), ()):
        waiting, until = waiting_of(berth, *args)
        assert waiting == {"manifests": 1, "blobs": len(left), "bytes": sum(left.values())}
        assert begun + 86400 <= until <= time.time() + 86400 + 1  # from when it lost its tag
    line, = (line for line in berth("gc").splitlines() if line.startswith("waiting"))
    assert re.fullmatch(rf"waiting for the grace: 1 manifest, {len(left)} blobs?, [0-9.]+ [KM]?i?B, the last of it until \S+Z", line)
    age(berth.root)
    assert waiting_of(berth) == ({"manifests": 0, "blobs": 0, "bytes": 0}, None)


def test_31_blobs_of_nobody_wait_too(repo, berth):
    """Of an image that is still being pushed."""
    repo.push_image("v1")
    blob = repo.push_blob(oci.blob(5000))
    waiting, until = waiting_of(berth)
    assert (waiting, until > time.time() + 80000) == ({"manifests": 0, "blobs": 1, "bytes": 5000}, True)


def test_31_what_is_kept_for_ever_does_not_wait(tmp_path, repo, berth):
    repo.push_image("v1")
    expect(repo.delete("manifests/v1"), 202)
    conf = tmp_path / "berth.conf"
    conf.write_text('retain "**" { untagged = "forever" }\n')
    assert waiting_of(berth, "--config", conf)[0]["manifests"] == 0
    assert waiting_of(berth)[0]["manifests"] == 1


def test_grace(repo, berth):
    image = repo.push_image("v1")
    expect(repo.delete("manifests/v1"), 202)
    age(berth.root, 3600)
    assert berth.json("gc", "-v", "--grace", "2h")["removed"] == []
    assert image.digest in removed(berth.json("gc", "-v", "-g", "30m"), "manifest")
    assert "--grace" in berth("gc", "--grace", "soon", status=USAGE)


def test_retention_says_how_long_untagged_manifests_live(repo, berth, tmp_path):
    image = repo.push_image("v1")
    expect(repo.delete("manifests/v1"), 202)
    age(berth.root)
    conf = tmp_path / "berth.conf"
    conf.write_text(f'retain "{repo.name}" {{ untagged = "forever" }}\n')
    assert berth.json("gc", "-v", "--config", conf)["removed"] == []
    conf.write_text(f'retain "{repo.name}" {{ untagged = "9d" }}\n')
    assert removed(berth.json("gc", "-v", "--config", conf), "manifest") == {image.digest}


def test_18_what_an_immutable_tag_needs_stays(repo, berth, tmp_path):
    """Under the strictest rules, while what nothing needs goes."""
    conf = tmp_path / "berth.conf"
    conf.write_text('grace = 0\nretain "**" { tags = {"none"} untagged = "0s" }\n'
                    'repository "**" { pull = {"*"} immutable = {"v*"} }\n')
    child, spare = repo.push_image(), repo.push_image("spare")
    index = repo.push_manifest(oci.index([child.descriptor()]), "v1")
    for _ in range(2):  # what lost its tag stays until the next run
        age(berth.root)
        berth("retain", "--config", conf)
        berth("gc", "--config", conf)
    assert repo.tags() == ["v1"]
    assert expect(repo.get("manifests/v1"), 200).body == index.data
    expect_image(repo, child)
    expect(repo.get(f"manifests/{spare.digest}"), 404)
    expect(repo.get(f"blobs/{spare.document['layers'][0]['digest']}"), 404)


def test_problems(repo, berth):
    repo.push_image("v1")
    image = repo.push_image("v2")
    expect(repo.delete("manifests/v2"), 202)
    (repo.directory / "_manifests/tags/v1/current/link").write_text("")
    age(berth.root)
    with assert_unchanged(berth.root):
        message = berth("gc", status=IO_ERROR)
    assert f"{repo.name}: v1" in message and "berth fsck" in message
    expect(repo.get(f"manifests/{image.digest}"), 200)


def test_expire(repo, berth):
    location = repo.start_upload()
    expect(repo.send_chunk(location, b"x" * 1000), 202)
    assert berth.json("expire")["uploads"] == {"kept": 1, "removed": 0}
    age(berth.root)
    report = berth.json("expire", "--verbose")
    assert [entry["kind"] for entry in report["removed"]] == ["upload"]
    assert report["bytes"] >= 1000
    expect(repo.front.request("GET", location), 404)


def test_a_second_one_is_refused(repo, berth):
    """The lock is held by hand here: a process that holds it for as long as it lives."""
    repo.push_image("v1")
    berth("gc")
    lock = berth.root / "docker/registry/v2/_berth/lock/collector"
    holder = subprocess.Popen(["/usr/bin/python3", "-c", "import fcntl, struct, sys\n"
                               f"f = open({str(lock)!r}, 'r+')\n"
                               "fcntl.fcntl(f, 37, struct.pack('hhqqi', fcntl.F_WRLCK, 0, 0, 0, 0))\n"  # F_OFD_SETLK
                               "print('held', flush=True)\nsys.stdin.read()"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    try:
        assert "another berth gc" in berth("gc", status=TEMPFAIL)
        berth("gc", "--dry-run")  # which changes nothing
    finally:
        holder.communicate("")
    berth("gc")


def test_it_can_be_killed_at_any_moment(repo, berth):
    """Names go first: whatever is named still has its content."""
    keep = repo.push_image("keep")
    for round_ in range(15):
        for n in range(6):
            repo.push_image(f"v{n}")
            expect(repo.delete(f"manifests/v{n}"), 202)
        age(berth.root)
        process = subprocess.Popen([BUILD / "berth", "gc", "--root", berth.root], stdout=subprocess.DEVNULL)
        time.sleep(0.001 * round_)
        process.kill()
        process.wait()
        expect_image(repo, keep)
        for link in repo.directory.glob("_*/**/link"):
            if "index" not in link.parts:
                algorithm, _, digest = link.read_text().partition(":")
                assert (berth.root / f"docker/registry/v2/blobs/{algorithm}/{digest[:2]}/{digest}/data").exists(), link
    berth("gc")
    assert len(list((repo.directory / "_manifests/revisions/sha256").iterdir())) == 1
    expect_image(repo, keep)
