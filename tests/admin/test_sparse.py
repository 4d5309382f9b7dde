# SPDX-License-Identifier: Apache-2.0
"""Repositories that are sparse by a rule: what their manifests name need not be there, and no command minds. (Item 32.)"""

import json
import subprocess

import pytest

from tests.lib import oci
from tests.lib.exports import blob_path
from tests.lib.fronts import Cgi
from tests.lib.layouts import INCOMPLETE, Layout
from tests.lib.oci import expect, expect_error
from tests.lib.paths import BUILD

NO_INPUT, DATA = 66, 65
RULES = """root = "{root}"
grace = "1"
repository "**" {{ admin = {{"*"}} }}
repository "thin/**" {{ admin = {{"*"}} sparse = true }}
"""


class Place:
    """A store with the rules, the requests to it and the command."""

    def __init__(self, home):
        home.mkdir()
        self.root, self.conf = home / "store", home / "berth.conf"
        self.root.mkdir()
        self.conf.write_text(RULES.format(root=self.root))
        self.front = Cgi(home, root=self.root, env={"BERTH_CONF": str(self.conf)})

    def repo(self, name):
        return oci.Repository(self.front, name)

    def berth(self, *args, status=0) -> str:
        done = subprocess.run([BUILD / "berth", *args, "--config", self.conf], capture_output=True, text=True, timeout=60)
        assert done.returncode == status, (args, done)
        return done.stderr if status else done.stdout

    def unchanged_by(self, *args):
        before = {path for path in self.root.rglob("*") if path.is_file() and "_berth" not in path.parts}
        said = self.berth(*args)
        assert {path for path in self.root.rglob("*") if path.is_file() and "_berth" not in path.parts} == before
        return said


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "one")


@pytest.fixture
def elsewhere(tmp_path):
    return Place(tmp_path / "two")


def platform(architecture):
    return {"platform": {"os": "linux", "architecture": architecture}}


def push_sparse(repo, tag="v1"):
    """An index of two images: one lacks a layer, the other is not there. What is missing comes second."""
    layer, lost = repo.push_blob(oci.blob(100, oci.OCI_LAYER)), oci.blob(200, oci.OCI_LAYER)
    config = repo.push_blob(oci.blob(50, oci.OCI_CONFIG))
    image = repo.push_manifest(oci.image(config.descriptor(), [layer.descriptor(), lost.descriptor()]))
    absent = oci.image(oci.blob(60, oci.OCI_CONFIG).descriptor(), [layer.descriptor()])
    index = repo.push_manifest(oci.index([image.descriptor(**platform("amd64")), absent.descriptor(**platform("arm64"))]),
                               tag)
    return index, image, layer, absent, lost


def test_32_push_and_pull(place):
    """By the rule alone; what is missing is no content of the repository, whoever else has it."""
    repo, other = place.repo("thin/app"), place.repo("whole/app")
    index, image, layer, absent, lost = push_sparse(repo)
    other.push_blob(lost)
    assert expect(repo.get("manifests/v1"), 200).body == index.data
    assert expect(repo.get(f"manifests/{image.digest}"), 200).body == image.data
    expect(repo.get(f"manifests/{absent.digest}"), 404)
    expect(repo.get(f"blobs/{lost.digest}"), 404)
    answer = expect_error(other.put_manifest(index, "v1"), 400, "MANIFEST_BLOB_UNKNOWN")
    assert {error["detail"]["digest"] for error in answer.json()["errors"]} == {image.digest, absent.digest}
    expect_error(repo.put_manifest(oci.index([{**image.descriptor(), "size": 3}]), "v2"), 400, "MANIFEST_INVALID")
    repo.push_blob(lost)
    assert expect(repo.get(f"blobs/{lost.digest}"), 200).body == lost.data


def test_32_what_is_missing_is_normal(place, tmp_path):
    repo = place.repo("thin/app")
    index, image, layer, absent, lost = push_sparse(repo)
    place.repo("whole/app").push_blob(lost)
    assert json.loads(place.berth("fsck", "--json").splitlines()[-1])
    place.unchanged_by("fsck", "--repair")
    for path in place.root.rglob("*"):  # so that the collector may take what nothing names
        subprocess.run(["touch", "-d", "2020-01-01", path], check=True)
    assert json.loads(place.berth("gc", "--json").splitlines()[-1])
    assert expect(repo.get("manifests/v1"), 200).body == index.data
    assert expect(repo.get(f"blobs/{layer.digest}"), 200).body == layer.data
    usage = json.loads(place.berth("du", "thin/app", "--json"))["repositories"][0]
    assert usage["manifests"] == 2
    with place.conf.open("a") as conf:
        conf.write('retain "**" { newest = 1 }\n')
    place.berth("retain")
    assert expect(repo.get("manifests/v1"), 200).body == index.data


def test_32_real_damage_is_still_found(place):
    """What the repository has a link to, it had."""
    repo = place.repo("thin/app")
    index, image, layer, *_ = push_sparse(repo)
    blob_path(place.front, layer.digest).unlink()
    assert layer.digest in subprocess.run([BUILD / "berth", "fsck", "--config", place.conf], capture_output=True, text=True,
                                          timeout=60).stdout
    refusal = place.berth("export", "--all", "-o", place.root.parent / "x.tar", status=74)
    assert "incomplete" in refusal
    assert layer.digest in place.berth("cp", "thin/app:v1", "thin/copy:v1", status=NO_INPUT)


def test_32_a_layer_that_is_there_as_a_manifest_alone(place, tmp_path):
    """It is no blob of the repository: copy and export take the image without it."""
    repo = place.repo("thin/app")
    manifest, config = repo.push_image(), repo.push_blob(oci.blob(50, oci.OCI_CONFIG))
    image = repo.push_manifest(oci.image(config.descriptor(), [manifest.descriptor()]), "v1")
    place.berth("export", "thin/app:v1", "-o", tmp_path / "x.tar")
    place.berth("cp", "thin/app:v1", "thin/copy:v1")
    copy = place.repo("thin/copy")
    assert expect(copy.get("manifests/v1"), 200).body == image.data
    expect(copy.get(f"blobs/{config.digest}"), 200)
    expect(copy.get(f"blobs/{manifest.digest}"), 404)


def test_32_without_the_rule_as_before(place):
    push_sparse(place.repo("thin/app"))
    place.conf.write_text(place.conf.read_text().replace("sparse = true", ""))
    found = subprocess.run([BUILD / "berth", "fsck", "--config", place.conf], capture_output=True, text=True, timeout=60)
    assert found.returncode == DATA
    assert "INDEX-CHILD" in found.stdout
    assert "BLOB-MISSING" in found.stdout


def test_32_cp(place):
    repo = place.repo("thin/app")
    index, image, layer, absent, lost = push_sparse(repo)
    place.berth("cp", "thin/app:v1", "thin/copy:v1")
    place.berth("tag", "thin/app:v1", "v2")
    copy = place.repo("thin/copy")
    assert expect(copy.get("manifests/v1"), 200).body == index.data
    assert expect(copy.get(f"blobs/{layer.digest}"), 200).body == layer.data
    refusal = place.berth("cp", "thin/app:v1", "whole/copy:v1", status=DATA)
    assert lost.digest in refusal
    expect(place.repo("whole/copy").get("manifests/v1"), 404)
    place.berth("fsck")


@pytest.mark.parametrize("target", ["x.tar", "layout/"])
def test_32_there_and_back(place, elsewhere, tmp_path, target):
    index, image, layer, absent, lost = push_sparse(place.repo("thin/app"))
    place.repo("whole/app").push_blob(lost)
    report = json.loads(place.berth("export", "--all", "-o", f"{tmp_path}/{target}", "--json"))
    assert report["missing"] == 2
    files = Layout(tmp_path / target, may_lack={absent.digest, lost.digest})
    assert set(files.blobs) >= {index.digest, image.digest, layer.digest}
    assert not {absent.digest, lost.digest} & set(files.blobs)
    assert files.index["annotations"] == {INCOMPLETE: "true"}
    assert "manifest.json" not in files.files  # docker could not load it
    elsewhere.berth("import", tmp_path / target)
    repo = elsewhere.repo("thin/app")
    assert expect(repo.get("manifests/v1"), 200).body == index.data
    assert expect(repo.get(f"blobs/{layer.digest}"), 200).body == layer.data
    expect(repo.get(f"blobs/{lost.digest}"), 404)
    elsewhere.berth("fsck")
    assert "2 parts" in elsewhere.berth("import", "--as", "whole/app", tmp_path / target, status=NO_INPUT)
    expect(elsewhere.repo("whole/app").get("manifests/v1"), 404)


def test_32_what_is_not_there_cannot_be_chosen(place, tmp_path):
    index, image, layer, absent, lost = push_sparse(place.repo("thin/app"))
    refusal = place.berth("export", "thin/app:v1", "--platform", "linux/arm64", "-o", tmp_path / "x.tar", status=NO_INPUT)
    assert "but for linux/amd64: choose" in refusal
    assert "1" in place.berth("export", "thin/app:v1", "--platform", "linux/amd64", "-o", tmp_path / "x.tar")
    assert Layout(tmp_path / "x.tar", may_lack={lost.digest}).entries[0]["digest"] == image.digest


def test_32_two_repositories_one_has_it(place, tmp_path):
    """An export has it once, from the one that has it."""
    index, image, layer, absent, lost = push_sparse(place.repo("thin/app"))
    for name in "thin/a", "thin/z":  # before and behind it
        other = place.repo(name)
        config = other.push_blob(oci.blob(50, oci.OCI_CONFIG))
        other.push_blob(lost)
        other.push_manifest(oci.image(config.descriptor(), [lost.descriptor()]), "v1")
    report = json.loads(place.berth("export", "--all", "-o", tmp_path / "x.tar", "--json"))
    assert report["missing"] == 1
    assert lost.digest in Layout(tmp_path / "x.tar", may_lack={absent.digest}).blobs
