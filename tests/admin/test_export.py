# SPDX-License-Identifier: Apache-2.0
"""`berth export` and `berth ls --digests`: what is written, and that it is whole or not there."""

import fcntl
import gzip
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.lib import oci
from tests.lib.layouts import INCOMPLETE, Layout
from tests.lib.paths import BUILD
from tests.lib.stores import assert_unchanged

USAGE, NO_SUCH, IO_ERROR, TEMPORARY = 64, 66, 74, 75
SIGNATURE = {"artifactType": "application/vnd.example.signature"}


def run(berth, *args, **options):
    """With standard output and error as bytes, whatever the status."""
    return subprocess.run([BUILD / "berth", "export", *args, "--root", berth.root], capture_output=True, timeout=60, **options)


def stream(berth, *args):
    done = run(berth, *args)
    assert done.returncode == 0, done
    return done.stdout


def blobs_of(*manifests):
    """The digests of images, and of all that they name."""
    found = set()
    for content in manifests:
        document = content.document
        found |= {content.digest, *(part["digest"] for part in [document["config"], *document["layers"]])}
    return found


def platform(architecture, **fields):
    return {"platform": {"os": "linux", "architecture": architecture, **fields}}


def push_index(repo, tag, *architectures, **fields):
    """An index of new images, and those."""
    images = [repo.push_image() for _ in architectures]
    children = [image.descriptor(**platform(architecture)) for image, architecture in zip(images, architectures)]
    return repo.push_manifest(oci.index(children, **fields), tag), images


def push_wide(repo, tag):
    """An image of which all is named by sha512. (Pushed by a tag, a manifest gets a sha256.)"""
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG, "sha512"))
    layer = repo.push_blob(oci.blob(128, oci.OCI_LAYER, "sha512"))
    content = oci.image(config.descriptor(), [layer.descriptor()], "sha512")
    return repo.push_manifest(content, f"{content.digest}?tag={tag}")


def blob_path(front, digest):
    algorithm, value = digest.split(":")
    return Path(front.root) / "docker/registry/v2/blobs" / algorithm / value[:2] / value / "data"


# --- ls --digests ---

def test_ls_digests(repo, berth):
    image = repo.push_image("v1")
    wide = push_wide(repo, "v2")
    expected = sorted(blobs_of(image, wide))
    assert berth("ls", "--digests").splitlines() == expected
    assert berth.json("ls", "--digests") == {"digests": expected}
    gone = image.document["layers"][0]["digest"]
    blob_path(repo.front, gone).unlink()
    assert gone not in berth("ls", "--digests")


def test_ls_digests_of_many(repo, berth):
    """More than is printed at once, from a store that was made by hand."""
    image = repo.push_image("v1")
    root = Path(repo.front.root) / "docker/registry/v2"
    for i in range(2000):
        value = f"{i:08x}" * 8
        blob = root / "blobs/sha256" / value[:2] / value
        blob.mkdir(parents=True)
        (blob / "data").write_bytes(b"")
        link = repo.directory / "_layers/sha256" / value
        link.mkdir()
        (link / "link").write_text(f"sha256:{value}")
    lines = berth("ls", "--digests").splitlines()
    assert len(lines) == 2000 + len(blobs_of(image))
    assert lines == sorted(lines)
    assert len(berth.json("ls", "--digests")["digests"]) == len(lines)


# --- what is written ---

def test_one_image(repo, berth, tmp_path):
    image = repo.push_image("v1")
    repo.push_image("v2")
    with assert_unchanged(repo.front.root):
        printed = berth("export", f"{repo.name}:v1", "-o", tmp_path / "x.tar")
    assert printed.splitlines()[0] == f"{repo.name}:v1  {image.digest}"
    layout = Layout(tmp_path / "x.tar")
    assert set(layout.blobs) == blobs_of(image)
    assert layout.blobs[image.digest] == image.data
    assert layout.names() == [(repo.name, "v1", image.digest)]
    assert layout.image_names() == {f"docker.io/library/{repo.name}:v1"}
    assert layout.docker() == [{
        "Config": "blobs/" + image.document["config"]["digest"].replace(":", "/"),
        "RepoTags": [f"docker.io/library/{repo.name}:v1"],
        "Layers": ["blobs/" + layer["digest"].replace(":", "/") for layer in image.document["layers"]]}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.tar"]
    seen = json.loads(berth("export", f"{repo.name}:v1", "-o", tmp_path / "x.tar", "--json"))
    assert seen == {"output": str(tmp_path / "x.tar"), "manifests": 1, "blobs": 2, "present": 0, "elsewhere": 0,
                    "bytes": len(image.data) + 64 + 128, "leftOut": {"count": 0, "bytes": 0},
                    "images": [{"name": repo.name, "tag": "v1", "digest": image.digest, "platform": None,
                                "referrer": False}]}


def test_manifests_come_first_and_are_sorted(repo, berth):
    repo.push_image("v1")
    repo.push_image("v2")
    push_wide(repo, "v3")
    layout = Layout(stream(berth, f"{repo.name}:*"))
    order = list(layout.files)
    assert order[:3] == ["oci-layout", "index.json", "manifest.json"]
    manifests = ["blobs/" + entry["digest"].replace(":", "/") for entry in layout.entries]
    assert order[3:6] == sorted(manifests)
    assert order[6:] == sorted(order[6:])


def test_output_by_name(repo, berth, tmp_path):
    image = repo.push_image("v1")
    ref = f"{repo.name}:v1"
    for name, magic in ("x", b"oci-layout"), ("x.tar.gz", b"\x1f\x8b"), ("x.tgz", b"\x1f\x8b"), \
            ("x.tar.zst", b"\x28\xb5\x2f\xfd"):
        berth("export", ref, "--output", tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(magic)
        assert set(Layout(tmp_path / name).blobs) == blobs_of(image)
    (tmp_path / "there").mkdir()
    for name in "there", "new/":
        berth("export", ref, "-o", f"{tmp_path}/{name}")
        layout = Layout(tmp_path / name)
        assert set(layout.blobs) == blobs_of(image)
        assert "manifest.json" not in layout.files
        assert layout.names() == [(repo.name, "v1", image.digest)]


def test_standard_output(repo, berth, tmp_path):
    repo.push_image("v1")
    plain = stream(berth, f"{repo.name}:v1")
    done = run(berth, f"{repo.name}:v1", "-o", "-")
    assert done.stdout == plain
    assert done.stderr.startswith(f"{repo.name}:v1  sha256:".encode())
    berth("export", f"{repo.name}:v1", "-o", tmp_path / "x.tar")
    assert (tmp_path / "x.tar").read_bytes() == plain
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BUILD / "berth", "export", f"{repo.name}:v1", "--root", berth.root], stdout=full,
                              stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == IO_ERROR
    assert b"standard output: write: No space left" in done.stderr
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE)
    berth("export", f"{repo.name}:v1", "-o", fifo)
    assert reader.communicate(timeout=20)[0] == plain


def test_same_input_gives_the_same_bytes(repo, berth, tmp_path):
    index, _ = push_index(repo, "all", "amd64", "arm64")
    repo.push_manifest(oci.index([], subject=index.descriptor()))
    repo.push_image("v1")
    first = stream(berth, "--all")
    packed = [berth("export", "--all", "-o", tmp_path / "1.tar.gz") and (tmp_path / "1.tar.gz").read_bytes()]
    time.sleep(1.1)
    for algorithm in "sha256", "sha512":
        for path in (Path(repo.front.root) / "docker/registry/v2/blobs").glob(f"{algorithm}/*/*/data"):
            os.utime(path)
    assert stream(berth, "--all") == first
    berth("export", "--all", "-o", tmp_path / "2.tar.gz")
    assert (tmp_path / "2.tar.gz").read_bytes() == packed[0]
    assert gzip.decompress(packed[0]) == first


def test_by_digest(repo, berth):
    image = repo.push_image()
    layout = Layout(stream(berth, f"{repo.name}@{image.digest}"))
    assert layout.names() == [(repo.name, None, image.digest)]
    assert layout.image_names() == set()
    assert layout.docker()[0]["RepoTags"] is None


def test_sha512(repo, berth):
    image = push_wide(repo, "v1")
    layout = Layout(stream(berth, f"{repo.name}:v1"))
    assert set(layout.blobs) == blobs_of(image)
    assert all(digest.startswith("sha512:") for digest in layout.blobs)
    assert layout.docker()[0]["Config"].startswith("blobs/sha512/")


def test_several_tags_of_one_image(repo, berth):
    image = repo.push_image("v1")
    repo.push_manifest(image, "v2")
    other = repo.push_image("v3")
    layout = Layout(stream(berth, f"{repo.name}:v2", f"{repo.name}:v1", f"{repo.name}:v3", f"{repo.name}@{image.digest}"))
    assert layout.names() == [(repo.name, "v1", image.digest), (repo.name, "v2", image.digest),
                              (repo.name, "v3", other.digest)]
    names = [entry["RepoTags"] for entry in layout.docker()]
    assert names == [[f"docker.io/library/{repo.name}:v1", f"docker.io/library/{repo.name}:v2"],
                     [f"docker.io/library/{repo.name}:v3"]]


def test_names_for_docker(front, berth):
    expected = set()
    for name, full in ("one", "docker.io/library/one"), ("two/parts", "docker.io/two/parts"), \
            ("registry.example.org/app", "registry.example.org/app"), ("localhost/app", "localhost/app"):
        oci.Repository(front, name).push_image("latest")
        expected.add(f"{full}:latest")
    layout = Layout(stream(berth, "one", "two/parts", "registry.example.org/app", "localhost/app"))
    assert layout.image_names() == expected
    assert {name for image in layout.docker() for name in image["RepoTags"]} == expected
    assert {ref for _, ref, _ in layout.names()} == {
        "one:latest", "two/parts:latest", "registry.example.org/app:latest", "localhost/app:latest"}


def test_globs(front, berth):
    for name in "team/a", "team/b", "team/deep/c", "other":
        for tag in "v1", "v2", "dev":
            oci.Repository(front, name).push_image(tag)

    def exported(*refs):
        return {ref for _, ref, _ in Layout(stream(berth, *refs)).names()}

    assert exported("team/a:v*") == {"v1", "v2"}
    assert exported("team/*:v1") == {"team/a:v1", "team/b:v1"}
    assert exported("team/?") == {f"team/{name}:{tag}" for name in "ab" for tag in ("v1", "v2", "dev")}
    assert len(exported("**:dev")) == 4
    assert exported("team/a:v?", "team/b:dev") == {"team/a:v1", "team/a:v2", "team/b:dev"}
    assert "no tag that nothing/* matches" in berth("export", "nothing/*", "-o", "/dev/null", status=NO_SUCH)
    assert "no tag" in berth("export", "team/a:x*", "-o", "/dev/null", status=NO_SUCH)
    berth("export", "team/*@sha256:" + "0" * 64, "-o", "/dev/null", status=USAGE)


# --- platforms ---

def test_one_platform_of_an_index(repo, berth):
    index, (amd64, arm64) = push_index(repo, "v1", "amd64", "arm64")
    for architecture, image in ("amd64", amd64), ("arm64", arm64):
        done = run(berth, f"{repo.name}:v1", "--platform", f"linux/{architecture}")
        layout = Layout(done.stdout)
        assert set(layout.blobs) == blobs_of(image)
        assert layout.names() == [(repo.name, "v1", image.digest)]
        assert f"{repo.name}:v1  {image.digest}  linux/{architecture}" in done.stderr.decode()
    refusal = berth("export", f"{repo.name}:v1", "--platform", "linux/s390x", "-o", "/dev/null", status=NO_SUCH)
    assert "no image for linux/s390x, but for linux/amd64, linux/arm64" in refusal
    assert "OS/ARCH" in berth("export", f"{repo.name}:v1", "--platform", "s390x", "-o", "/dev/null", status=USAGE)
    assert index.digest not in layout.blobs


def test_this_machines_platform(repo, berth):
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    _, images = push_index(repo, "v1", "s390x", machine)
    assert Layout(stream(berth, f"{repo.name}:v1")).names() == [(repo.name, "v1", images[1].digest)]


def test_all_platforms(repo, berth):
    index, images = push_index(repo, "v1", "amd64", "arm64")
    layout = Layout(stream(berth, "--all", "--platform", "linux/arm64", f"{repo.name}:v1"))
    assert set(layout.blobs) == {index.digest} | blobs_of(*images)
    assert layout.blobs[index.digest] == index.data
    assert layout.names() == [(repo.name, "v1", index.digest)]
    assert layout.docker()[0]["Config"] == "blobs/" + images[1].document["config"]["digest"].replace(":", "/")


def test_images_that_docker_cannot_choose_are_said(repo, berth):
    push_index(repo, "v1", "s390x")
    done = run(berth, "--all", f"{repo.name}:v1")
    assert b"1 of the images are not for linux/" in done.stderr
    assert "manifest.json" not in Layout(done.stdout).files


def test_index_in_an_index(repo, berth):
    inner, images = push_index(repo, None, "amd64", "arm64")
    outer = repo.push_manifest(oci.index([inner.descriptor()], annotations={"outer": "1"}), "v1")
    layout = Layout(stream(berth, "--all", f"{repo.name}:v1"))
    assert set(layout.blobs) == {outer.digest, inner.digest} | blobs_of(*images)
    layout = Layout(stream(berth, "--platform", "linux/arm64", f"{repo.name}:v1"))
    assert set(layout.blobs) == blobs_of(images[1])


def test_glob_passes_over_images_without_the_platform(repo, berth):
    push_index(repo, "v1", "s390x")
    _, images = push_index(repo, "v2", "amd64")
    done = run(berth, "--platform", "linux/amd64", f"{repo.name}:*")
    assert Layout(done.stdout).names() == [(repo.name, "v2", images[0].digest)]
    assert f"{repo.name}:v1 is left out: it has no image for linux/amd64, but for linux/s390x" in done.stderr.decode()


def test_index_without_platforms_goes_whole(repo, berth):
    image = repo.push_image()
    index = repo.push_manifest(oci.index([image.descriptor()]), "v1")
    assert set(Layout(stream(berth, f"{repo.name}:v1")).blobs) == {index.digest} | blobs_of(image)


# --- referrers ---

def test_referrers(repo, berth):
    image = repo.push_image("v1")
    signature = repo.push_image(subject=image.descriptor(), **SIGNATURE)
    of_signature = repo.push_image(subject=signature.descriptor(), artifactType="application/vnd.example.count")
    of_other = repo.push_image(subject=repo.push_image("v2").descriptor(), **SIGNATURE)
    layout = Layout(stream(berth, f"{repo.name}:v1"))
    assert set(layout.blobs) == blobs_of(image, signature, of_signature)
    assert of_other.digest not in layout.blobs
    entries = {entry["digest"]: entry for entry in layout.entries}
    assert entries[signature.digest]["artifactType"] == SIGNATURE["artifactType"]
    assert entries[signature.digest]["annotations"] == {"dev.berth.repository": repo.name}
    assert set(entries) == {image.digest, signature.digest, of_signature.digest}
    assert len(layout.docker()) == 1
    assert set(Layout(stream(berth, "--no-referrers", f"{repo.name}:v1")).blobs) == blobs_of(image)


def test_referrers_of_a_chosen_platform(repo, berth):
    index, images = push_index(repo, "v1", "amd64", "arm64")
    of_index = repo.push_image(subject=index.descriptor(), **SIGNATURE)
    of_amd64 = repo.push_image(subject=images[0].descriptor(), **SIGNATURE)
    layout = Layout(stream(berth, f"{repo.name}:v1", "--platform", "linux/amd64"))
    assert set(layout.blobs) == blobs_of(images[0], of_amd64)
    layout = Layout(stream(berth, f"{repo.name}:v1", "--all"))
    assert set(layout.blobs) == {index.digest} | blobs_of(*images, of_amd64, of_index)


def test_tags_of_referrers(repo, berth):
    """cosign's tags, those for them in turn, and what clients keep in a tag for want of a list."""
    image = repo.push_image("v1")
    tag = image.digest.replace(":", "-")
    signature = repo.push_image(f"{tag}.sig", annotations={"is": "sig"})
    of_signature = repo.push_image(signature.digest.replace(":", "-") + ".att")
    referrer = repo.push_image(subject=image.descriptor(), **SIGNATURE)
    fallback = repo.push_manifest(oci.index([referrer.descriptor()]), tag)
    repo.push_image("sha256-" + "0" * 64 + ".sig")
    layout = Layout(stream(berth, f"{repo.name}:v1"))
    assert set(layout.blobs) == blobs_of(image, signature, of_signature, referrer) | {fallback.digest}
    assert {ref for _, ref, _ in layout.names()} == {
        None, "v1", tag, f"{tag}.sig", signature.digest.replace(":", "-") + ".att"}
    assert layout.image_names() == {f"docker.io/library/{repo.name}:v1"}
    assert len(layout.docker()) == 1
    for ref in f"{repo.name}:v1", f"{repo.name}:*":
        assert set(Layout(stream(berth, "--no-referrers", ref)).blobs) == blobs_of(image)


def test_a_stale_list_of_referrers_is_left_out(repo, berth):
    image = repo.push_image("v1")
    tag = image.digest.replace(":", "-")
    referrer = repo.push_image(subject=image.descriptor())
    repo.push_manifest(oci.index([referrer.descriptor()]), tag)
    oci.expect(repo.delete(f"manifests/{referrer.digest}"), 202)
    for ref in f"{repo.name}:v1", f"{repo.name}:*":
        done = run(berth, ref)
        assert Layout(done.stdout).names() == [(repo.name, "v1", image.digest)]
        assert f"{repo.name}:{tag} is left out".encode() in done.stderr
    assert "incomplete" in berth("export", f"{repo.name}:{tag}", "-o", "/dev/null", status=IO_ERROR)


# --- --have ---

def test_have(repo, berth, tmp_path):
    """Exactly what the list names is left out, in whatever role."""
    first = repo.push_image("v1")
    have = tmp_path / "have.txt"
    have.write_text(berth("ls", "--digests"))
    second = repo.push_image("v2")
    shared = repo.push_manifest(oci.image(first.document["config"], [*first.document["layers"], *second.document["layers"]]), "v3")
    done = run(berth, "--have", have, f"{repo.name}:*")
    layout = Layout(done.stdout, may_lack=blobs_of(first))
    assert set(layout.blobs) == blobs_of(second) | {shared.digest}
    assert {digest for _, _, digest in layout.names()} == {first.digest, second.digest, shared.digest}
    assert layout.index["annotations"] == {INCOMPLETE: "true"}
    left_out = len(first.data) + 64 + 128
    assert f"left out by --have: 3, {left_out} B" in done.stderr.decode()
    assert [image["RepoTags"][0].split(":")[-1] for image in layout.docker()] == ["v2"]  # the others cannot be loaded
    seen = json.loads(berth("export", "--have", have, f"{repo.name}:*", "-o", "/dev/null", "--json"))
    assert seen["leftOut"] == {"count": 3, "bytes": left_out}
    assert INCOMPLETE not in Layout(stream(berth, f"{repo.name}:*")).index.get("annotations", {})


def test_have_from_standard_input(repo, berth):
    image = repo.push_image("v1")
    layer = image.document["layers"][0]["digest"]
    done = run(berth, "--have", "-", f"{repo.name}:v1", input=f"# there\n\n  {layer}  # a layer\r\n".encode())
    assert set(Layout(done.stdout, may_lack={layer}).blobs) == blobs_of(image) - {layer}


@pytest.mark.parametrize("line", ["sha256:12", "nonsense", "md5:" + "0" * 32, "sha256:" + "0" * 64 + " x"])
def test_have_that_is_no_list(repo, berth, tmp_path, line):
    repo.push_image("v1")
    have = tmp_path / "have.txt"
    have.write_text("sha256:" + "0" * 64 + f"\n{line}\n")
    refusal = berth("export", "--have", have, f"{repo.name}:v1", "-o", tmp_path / "x.tar", status=USAGE)
    assert f"{have}, line 2" in refusal
    assert not (tmp_path / "x.tar").exists()
    berth("export", "--have", tmp_path / "none", f"{repo.name}:v1", "-o", tmp_path / "x.tar", status=IO_ERROR)


# --- the whole store ---

def test_whole_store(front, berth):
    repos = [oci.Repository(front) for _ in range(3)]
    index, images = push_index(repos[0], "multi", "amd64", "arm64")
    signature = repos[0].push_image(subject=index.descriptor(), **SIGNATURE)
    shared = repos[1].push_image("v1")
    for part in shared.document["config"], *shared.document["layers"]:
        oci.expect(repos[2].post_upload(f"?mount={part['digest']}&from={repos[1].name}"), 201)
    repos[2].push_manifest(shared, "other")
    untagged = repos[2].push_image()
    layout = Layout(stream(berth, "--all"))
    assert layout.names() == sorted([
        (repos[0].name, f"{repos[0].name}:multi", index.digest), (repos[0].name, None, signature.digest),
        (repos[1].name, f"{repos[1].name}:v1", shared.digest), (repos[2].name, f"{repos[2].name}:other", shared.digest)],
        key=lambda entry: (entry[0], entry[1] or ""))
    assert set(layout.blobs) == {index.digest} | blobs_of(*images, signature, shared)
    assert untagged.digest not in layout.blobs
    assert set(Layout(stream(berth, "--all", "--no-referrers")).blobs) == {index.digest} | blobs_of(*images, shared)


def test_empty_store(front, berth):
    oci.expect(front.request("GET", "/v2/"), 200)
    layout = Layout(stream(berth, "--all"))
    assert layout.names() == []


# --- a directory that grows ---

def test_directory_grows(repo, front, berth, tmp_path):
    first = repo.push_image("v1")
    target = f"{tmp_path}/layout/"
    berth("export", f"{repo.name}:v1", "-o", target)
    written = {path: path.stat().st_ino for path in Path(target).rglob("blobs/*/*")}
    moved = repo.push_manifest(oci.image(first.document["config"], first.document["layers"], annotations={"new": "1"}), "v1")
    second = repo.push_image("v2")
    assert "there already: 2" in berth("export", f"{repo.name}:*", "-o", target)
    layout_names = [(repo.name, "v1", moved.digest), (repo.name, "v2", second.digest)]
    names = [(entry["annotations"]["dev.berth.repository"], entry["annotations"]["org.opencontainers.image.ref.name"],
              entry["digest"]) for entry in json.loads((Path(target) / "index.json").read_text())["manifests"]]
    assert names == layout_names
    assert all(path.stat().st_ino == inode for path, inode in written.items())  # nothing was written again

    other = oci.Repository(front)
    third = other.push_image("v1")
    berth("export", f"{other.name}:v1", "-o", target)
    index = json.loads((Path(target) / "index.json").read_text())["manifests"]
    assert sorted((entry["annotations"]["org.opencontainers.image.ref.name"], entry["digest"]) for entry in index) == sorted([
        (f"{repo.name}:v1", moved.digest), (f"{repo.name}:v2", second.digest), (f"{other.name}:v1", third.digest)])
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
    assert [entry for entry in json.loads((layout / "index.json").read_text())["manifests"]][0] == foreign
    assert len(json.loads((layout / "index.json").read_text())["manifests"]) == 2
    (layout / "index.json").write_text("[")
    before = (layout / "index.json").read_text()
    assert "no image index" in berth("export", f"{repo.name}:v1", "-o", layout, status=IO_ERROR)
    assert (layout / "index.json").read_text() == before
    assert image.digest


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
    good = repo.push_image("v0")
    berth("export", f"{repo.name}:v0", "-o", f"{tmp_path}/{target}")
    before = Layout(tmp_path / target).files
    image = repo.push_image("v1")
    layer = image.document["layers"][0]["digest"]
    path = blob_path(repo.front, layer)
    data = path.read_bytes()
    for bad in data[:50] + b"\0" + data[51:], data[:-1]:
        if bad == data:
            continue
        path.write_bytes(bad)
        refusal = berth("export", f"{repo.name}:*", "-o", f"{tmp_path}/{target}", status=IO_ERROR)
        assert layer in refusal
        assert "berth fsck --repair" in refusal
        after = Layout.read_directory(tmp_path / target) if target.endswith("/") else Layout(tmp_path / target).files
        assert after["index.json"] == before["index.json"]
        assert "blobs/" + layer.replace(":", "/") not in after
        assert not [name for name in after if name.endswith(".tmp")]
    assert [path.name for path in tmp_path.iterdir()] == [target.rstrip("/")]
    assert good.digest


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


def test_layers_that_are_elsewhere(repo, berth):
    there = repo.push_image()
    foreign = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "size": 9,
               "digest": "sha256:" + "5" * 64, "urls": ["https://example.org/layer"]}
    image = repo.push_manifest(oci.image(there.document["config"], [*there.document["layers"], foreign]), "v1")
    done = run(berth, f"{repo.name}:v1")
    layout = Layout(done.stdout, may_lack={foreign["digest"]})
    assert image.digest in layout.blobs
    assert "manifest.json" not in layout.files
    assert b"layers that are elsewhere: 1" in done.stderr


def test_zstd_is_said(repo, berth):
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG))
    layer = repo.push_blob(oci.blob(64, "application/vnd.oci.image.layer.v1.tar+zstd"))
    repo.push_manifest(oci.image(config.descriptor(), [layer.descriptor()]), "v1")
    done = run(berth, f"{repo.name}:v1")
    assert b"docker before version 23 cannot load" in done.stderr
    assert len(Layout(done.stdout).docker()) == 1


def test_artifacts_are_not_for_docker(repo, berth):
    config = repo.push_blob(oci.blob(64, "application/vnd.cncf.helm.config.v1+json"))
    layer = repo.push_blob(oci.blob(64, "application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
    repo.push_manifest(oci.image(config.descriptor(), [layer.descriptor()]), "v1")
    layout = Layout(stream(berth, f"{repo.name}:v1"))
    assert layout.image_names() == set()
    assert "manifest.json" not in layout.files
    assert layout.entries[0]["artifactType"] == "application/vnd.cncf.helm.config.v1+json"


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
    push_large(repo, "v1", 48 << 20)
    place = tmp_path / "out"
    place.mkdir()

    def temporaries():
        return list(place.rglob("*.tmp"))

    process = subprocess.Popen([BUILD / "berth", "export", f"{repo.name}:v1", "-o", f"{place}/{target}", "--root", berth.root],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not temporaries():
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(20) == -number
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
