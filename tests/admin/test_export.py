# SPDX-License-Identifier: Apache-2.0
"""`berth export` and `berth ls --digests`: what is written for which names and options."""

import gzip
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.lib import oci
from tests.lib.exports import SIGNATURE, blob_path, blobs_of, push_index, push_wide, run, stream
from tests.lib.layouts import INCOMPLETE, Layout
from tests.lib.paths import BUILD
from tests.lib.stores import assert_unchanged
from tests.lib.terminal import Terminal

USAGE, NO_SUCH, IO_ERROR = 64, 66, 74


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
                    "missing": 0, "bytes": len(image.data) + 64 + 128, "leftOut": {"count": 0, "bytes": 0},
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


def test_output_behind_a_link(repo, berth, tmp_path):
    repo.push_image("v1")
    (tmp_path / "link.tar.gz").symlink_to("file")
    (tmp_path / "file").write_bytes(b"")
    berth("export", f"{repo.name}:v1", "-o", tmp_path / "link.tar.gz")
    assert (tmp_path / "link.tar.gz").is_symlink()
    assert (tmp_path / "file").read_bytes().startswith(b"\x1f\x8b")
    with open(tmp_path / "redirected", "wb") as file:
        subprocess.run([BUILD / "berth", "export", f"{repo.name}:v1", "-o", "/dev/stdout", "--root", berth.root],
                       stdout=file, check=True, timeout=60)
    assert Path("/dev/stdout").is_symlink()
    Layout(tmp_path / "redirected")


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
    refs = [f"{repo.name}:v2", f"{repo.name}:v1", f"{repo.name}:v3", f"{repo.name}@{image.digest}"]
    layout = Layout(stream(berth, *refs))
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


@pytest.mark.parametrize("answer, number", [("2", 1), ("3", None), ("x", None), ("", None)])
def test_asks_which_platform_where_somebody_sits(repo, berth, tmp_path, answer, number):
    _, images = push_index(repo, "v1", "amd64", "arm64")
    command = [BUILD / "berth", "export", f"{repo.name}:v1", "--platform", "linux/s390x", "-o", tmp_path / "x.tar",
               "--root", berth.root]
    with Terminal(command) as terminal:
        question = terminal.expect("? ")
        assert f"{repo.name}:v1 has no image for linux/s390x" in question
        assert "1  linux/amd64" in question and "2  linux/arm64" in question
        terminal.type(answer + "\n")
        said = terminal.rest()
    if number is None:
        assert "choose with --platform" in said
        assert terminal.process.returncode == NO_SUCH
        assert not list(tmp_path.iterdir())
    else:
        assert Layout(tmp_path / "x.tar").names() == [(repo.name, "v1", images[number].digest)]


def test_stopped_while_it_asks(repo, berth, tmp_path):
    push_index(repo, "v1", "amd64")
    command = [BUILD / "berth", "export", f"{repo.name}:v1", "--platform", "linux/s390x", "-o", tmp_path / "x.tar",
               "--root", berth.root]
    with Terminal(command) as terminal:
        terminal.expect("? ")
        terminal.await_sleep()
        terminal.type("\x03")
        terminal.rest()
    assert terminal.process.returncode == -signal.SIGINT
    assert not list(tmp_path.iterdir())


WINDOWS = {"os": "windows", "architecture": "amd64"}


def push_windows(repo, tag, *versions):
    images = [repo.push_image() for _ in versions]
    children = [image.descriptor(platform={**WINDOWS, "os.version": version}) for image, version in zip(images, versions)]
    repo.push_manifest(oci.index([*children, *children]), tag)  # what stands twice is no other one
    return images


def test_32_platforms_that_differ_by_os_version(repo, berth, tmp_path):
    """The first one is no better than the second."""
    images = push_windows(repo, "v1", "10.0.17763.1", "10.0.20348.2")
    refusal = berth("export", f"{repo.name}:v1", "--platform", "windows/amd64", "-o", tmp_path / "x.tar", status=NO_SUCH)
    assert "windows/amd64, but for windows/amd64:10.0.17763.1, windows/amd64:10.0.20348.2: choose" in refusal
    for version, image in ("10.0.17763.1", images[0]), ("10.0.20348", images[1]):
        out = tmp_path / f"{version}.tar"
        said = berth("export", f"{repo.name}:v1", "--platform", f"windows/amd64:{version}", "-o", out)
        assert f"  windows/amd64:{version}" in said
        assert Layout(out).names() == [(repo.name, "v1", image.digest)]
    only, = push_windows(repo, "v2", "10.0.17763.1")
    assert Layout(stream(berth, f"{repo.name}:v2", "--platform", "windows/amd64")).names()[0][2] == only.digest
    done = run(berth, f"{repo.name}:v*", "--platform", "windows/amd64")
    assert f"{repo.name}:v1 is left out: it has no single image for windows/amd64, but for".encode() in done.stderr
    assert Layout(done.stdout).names() == [(repo.name, "v2", only.digest)]


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
    layers = [*first.document["layers"], *second.document["layers"]]
    shared = repo.push_manifest(oci.image(first.document["config"], layers), "v3")
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
    first, second, third = (repo.name for repo in repos)
    assert layout.names() == sorted([
        (first, f"{first}:multi", index.digest), (first, None, signature.digest),
        (second, f"{second}:v1", shared.digest), (third, f"{third}:other", shared.digest)],
        key=lambda entry: (entry[0], entry[1] or ""))
    assert set(layout.blobs) == {index.digest} | blobs_of(*images, signature, shared)
    assert untagged.digest not in layout.blobs
    assert set(Layout(stream(berth, "--all", "--no-referrers")).blobs) == {index.digest} | blobs_of(*images, shared)


def test_names_of_a_whole_store_are_in_full(repo, berth):
    """Also where it has one repository so far, so that names do not change when a second one comes."""
    image = repo.push_image("v1")
    assert Layout(stream(berth, "--all")).names() == [(repo.name, f"{repo.name}:v1", image.digest)]


def test_empty_store(front, berth):
    oci.expect(front.request("GET", "/v2/"), 200)
    layout = Layout(stream(berth, "--all"))
    assert layout.names() == []


# --- what does not load everywhere ---

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
