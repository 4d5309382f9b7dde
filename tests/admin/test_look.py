# SPDX-License-Identifier: Apache-2.0
"""`berth ls`, `tags`, `inspect` and `rm`, against what the protocol says."""

import os

import pytest

from tests.lib import oci
from tests.lib.oci import expect

NO_SUCH = 66  # EX_NOINPUT
USAGE = 64


def test_ls(front, berth):
    expect(front.request("GET", "/v2/"), 200)  # which makes the store
    assert berth.json("ls") == {"repositories": []}
    names = []
    for tags in (["1"], ["1", "2"]):
        repo = oci.Repository(front)
        for tag in tags:
            repo.push_image(tag)
        names.append({"name": repo.name, "tags": len(tags)})
    assert berth.json("ls")["repositories"] == sorted(names, key=lambda entry: entry["name"])
    lines = berth("ls").splitlines()
    assert lines[0].split() == ["REPOSITORY", "TAGS"]
    assert sorted(line.split() for line in lines[1:]) == sorted([entry["name"], str(entry["tags"])] for entry in names)


def test_tags(repo, berth):
    image = repo.push_image("v1")
    other = repo.push_image("v2")
    assert berth.json("tags", repo.name) == {"name": repo.name, "tags": [{"tag": "v1", "digest": image.digest},
                                                                         {"tag": "v2", "digest": other.digest}]}
    assert f"v1   {image.digest}" in berth("tags", repo.name)
    assert "nothing/here" in berth("tags", "nothing/here", status=NO_SUCH)
    assert "lower-case" in berth("tags", "UPPER", status=USAGE)


def test_damaged_tag_is_shown(repo, berth):
    repo.push_image("v1")
    (repo.directory / "_manifests/tags/v1/current/link").write_text("")
    assert berth.json("tags", repo.name)["tags"] == [{"tag": "v1", "digest": None}]


def test_inspect_image(repo, berth):
    image = repo.push_image("v1")
    repo.put_manifest(image, "also")
    referrer = repo.push_manifest(oci.index([], subject=image.descriptor()))
    seen = berth.json("inspect", f"{repo.name}:v1")
    assert (seen["name"], seen["digest"], seen["mediaType"]) == (repo.name, image.digest, image.media_type)
    assert seen["tags"] == ["also", "v1"]
    assert seen["size"] == len(image.data)
    assert [entry["digest"] for entry in seen["referrers"]] == [referrer.digest]
    assert seen["totalSize"] == len(image.data) + sum(entry["size"] for entry in [seen["config"], *seen["layers"]])
    assert berth.json("inspect", f"{repo.name}@{image.digest}") == seen
    assert berth("inspect", "--raw", f"{repo.name}:v1").encode() == image.data
    assert image.digest in berth("inspect", f"{repo.name}:v1")
    assert berth.json("inspect", f"{repo.name}@{referrer.digest}")["subject"] == image.digest


def test_inspect_nothing(repo, berth):
    repo.push_image("v1")
    assert "nope" in berth("inspect", f"{repo.name}:nope", status=NO_SUCH)
    assert "digest" in berth("inspect", f"{repo.name}@sha256:x", status=65)


def test_rm_tag(repo, berth):
    image = repo.push_image("v1")
    repo.put_manifest(image, "v2")
    assert berth.json("rm", "--dry-run", f"{repo.name}:v1") == {"name": repo.name, "dryRun": True, "digest": None,
                                                                "tags": ["v1"]}
    expect(repo.get("manifests/v1"), 200)
    assert berth("rm", f"{repo.name}:v1") == f"removed {repo.name}:v1\n"
    expect(repo.get("manifests/v1"), 404)
    expect(repo.get("manifests/v2"), 200)
    berth("rm", f"{repo.name}:v1", status=NO_SUCH)


def test_rm_digest(repo, berth):
    image = repo.push_image("v1")
    repo.put_manifest(image, "v2")
    other = repo.push_image("other")
    wanted = {"name": repo.name, "digest": image.digest, "tags": ["v1", "v2"]}
    assert berth.json("rm", "--dry-run", f"{repo.name}@{image.digest}") == {**wanted, "dryRun": True}
    assert berth.json("rm", f"{repo.name}@{image.digest}") == {**wanted, "dryRun": False}
    expect(repo.get(f"manifests/{image.digest}"), 404)
    assert [tag["tag"] for tag in berth.json("tags", repo.name)["tags"]] == ["other"]
    assert expect(repo.get("manifests/other"), 200).body == other.data


def test_18_rm_leaves_what_an_immutable_tag_needs(front, repo, berth, tmp_path):
    """It takes the tag, but not what it stands for while it is there."""
    conf = tmp_path / "berth.conf"
    conf.write_text('repository "**" { pull = {"*"} immutable = {"v*"} }\n')
    child = repo.push_image("child")
    repo.push_manifest(oci.index([child.descriptor()]), "v1")
    for dry in ([], ["--dry-run"]):
        said = berth("rm", *dry, "--config", conf, f"{repo.name}@{child.digest}", status=77)
        assert f"the immutable tag v1 needs {child.digest}" in said
    berth("rm", "--config", conf, f"{repo.name}:child")
    expect(repo.get(f"manifests/{child.digest}"), 200)
    berth("rm", "--config", conf, f"{repo.name}:v1")
    berth("rm", "--config", conf, f"{repo.name}@{child.digest}")
    expect(repo.get(f"manifests/{child.digest}"), 404)


def test_rm_wants_a_tag(repo, berth):
    repo.push_image("latest")
    assert "which tag" in berth("rm", repo.name, status=USAGE)
    expect(repo.get("manifests/latest"), 200)


@pytest.mark.parametrize("args", [("ls", "x"), ("tags",), ("inspect", "a", "b"), ("ls", "--raw"), ("nope",), ()])
def test_wrong_usage(berth, args):
    assert "usage:" in berth(*args, status=USAGE)


def test_no_store(tmp_path, berth):
    berth.root = tmp_path
    assert "holds no store" in berth("ls", status=74)


def test_files_belong_to_the_owner_of_the_store(front, repo, berth):
    """Run by root on a store of the web server's user, the command leaves nothing that he cannot use."""
    repo.push_image("v1")
    for path in (front.root, *front.root.rglob("*")):
        os.chown(path, 33, 33)
    for lock in front.root.rglob("_berth/lock/**/*"):
        if lock.is_file():
            lock.unlink()
    berth("rm", f"{repo.name}:v1")
    assert {path.stat().st_uid for path in front.root.rglob("*")} == {33}
