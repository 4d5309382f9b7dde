# SPDX-License-Identifier: Apache-2.0
"""`berth tag` and `berth cp`: without copying data, whole, and with what refers to it."""

import subprocess
import time

import pytest

from tests.lib import oci, stores
from tests.lib.oci import expect
from tests.lib.paths import BUILD

NO_SUCH = 66  # EX_NOINPUT
USAGE = 64


def blob_file(front, digest):
    algorithm, _, digits = digest.partition(":")
    return front.root / "docker/registry/v2/blobs" / algorithm / digits[:2] / digits / "data"


def multi_arch(repo, reference, algorithm="sha256"):
    """An index over two images, with a signature of the index, and one of an image, that has a signature itself."""
    images = [repo.push_image(algorithm=algorithm) for _ in range(2)]
    index = repo.push_manifest(oci.index([image.descriptor() for image in images], algorithm),
                               reference if algorithm == "sha256" else None)
    config = repo.push_blob(oci.blob(2, oci.OCI_EMPTY))
    of_index = repo.push_manifest(oci.image(config.descriptor(), [], subject=index.descriptor()))
    of_image = repo.push_manifest(oci.image(config.descriptor(), [], subject=images[0].descriptor()))
    of_signature = repo.push_manifest(oci.index([], subject=of_image.descriptor()))
    return images, index, [of_index, of_image, of_signature]


def expect_whole(repo, manifest):
    """The manifest and all that it names can be pulled."""
    assert expect(repo.get(f"manifests/{manifest.digest}"), 200).body == manifest.data
    document = manifest.document
    for descriptor in [*document.get("layers", []), *([document["config"]] if "config" in document else [])]:
        expect(repo.get(f"blobs/{descriptor['digest']}"), 200)
    for descriptor in document.get("manifests", []):
        expect(repo.get(f"manifests/{descriptor['digest']}"), 200)


def test_tag(repo, berth):
    image = repo.push_image("v1")
    assert berth("tag", f"{repo.name}:v1", "v2") == f"{repo.name}:v2 is {image.digest}\n"
    assert expect(repo.get("manifests/v2"), 200).body == image.data
    other = repo.push_image("other")
    assert berth.json("tag", f"{repo.name}@{other.digest}", "v2") == {
        "from": repo.name, "to": repo.name, "digest": other.digest, "manifests": 0, "blobs": 0,
        "tags": [{"tag": "v2", "digest": other.digest, "movedFrom": image.digest}]}
    assert f"moved from {other.digest}" in berth("tag", f"{repo.name}:v1", f"{repo.name}:v2")
    assert berth.json("tag", f"{repo.name}:v1", "v2")["tags"][0]["movedFrom"] is None  # it stays where it is
    assert repo.tags() == ["other", "v1", "v2"]


def test_tag_of_latest_and_of_a_sha512(repo, berth):
    image = repo.push_image("latest")
    berth("tag", repo.name, "v1")
    assert expect(repo.get("manifests/v1"), 200).body == image.data
    long = repo.push_image(algorithm="sha512")
    berth("tag", f"{repo.name}@{long.digest}", "long")
    assert expect(repo.get("manifests/long"), 200).headers["Docker-Content-Digest"] == long.digest


def test_tag_into_another_repository_is_a_copy(front, repo, berth):
    images, index, signatures = multi_arch(repo, "v1")
    other = oci.Repository(front)
    berth("tag", f"{repo.name}:v1", f"{other.name}:v9")
    assert expect(other.get("manifests/v9"), 200).body == index.data
    for manifest in (*images, index, *signatures):
        expect_whole(other, manifest)


@pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
def test_cp(front, repo, berth, algorithm):
    images, index, signatures = multi_arch(repo, "v1", algorithm)
    other = oci.Repository(front, "to/" + oci.fresh_name())
    files = {path: path.stat().st_ino for path in front.root.glob("docker/registry/v2/blobs/**/data")}
    copied = berth.json("cp", f"{repo.name}@{index.digest}", f"{other.name}:v2")
    assert copied == {"from": repo.name, "to": other.name, "digest": index.digest, "manifests": 6, "blobs": 5,
                      "tags": [{"tag": "v2", "digest": index.digest, "movedFrom": None}]}
    for manifest in (*images, index, *signatures):
        expect_whole(other, manifest)
    assert other.tags() == ["v2"]
    assert [entry["digest"] for entry in other.referrers(index.digest)] == [signatures[0].digest]
    assert [entry["digest"] for entry in other.referrers(images[0].digest)] == [signatures[1].digest]
    assert [entry["digest"] for entry in other.referrers(signatures[1].digest)] == [signatures[2].digest]
    # No data was copied: what is a layer is still the same file, and there is nothing more.
    assert set(front.root.glob("docker/registry/v2/blobs/**/data")) == set(files)
    for image in images:
        path = blob_file(front, image.document["layers"][0]["digest"])
        assert path.stat().st_ino == files[path]


def test_cp_takes_the_tag_of_its_source(front, repo, berth):
    image = repo.push_image("v1")
    latest = repo.push_image("latest")
    other = oci.Repository(front)
    berth("cp", f"{repo.name}:v1", other.name)
    berth("cp", repo.name, other.name)
    assert other.tags() == ["latest", "v1"]
    assert expect(other.get("manifests/v1"), 200).body == image.data
    assert expect(other.get("manifests/latest"), 200).body == latest.data
    by_digest = oci.Repository(front)
    assert berth.json("cp", f"{repo.name}@{image.digest}", by_digest.name)["tags"] == []
    expect_whole(by_digest, image)
    assert by_digest.tags() == []


def test_cp_without_referrers(front, repo, berth):
    images, index, signatures = multi_arch(repo, "v1")
    repo.push_image(index.digest.replace(":", "-") + ".sig")
    other = oci.Repository(front)
    assert berth.json("cp", "--no-referrers", f"{repo.name}:v1", other.name)["manifests"] == 3
    assert not other.referrers(index.digest)
    assert other.tags() == ["v1"]
    for signature in signatures:
        expect(other.get(f"manifests/{signature.digest}"), 404)


def test_cp_with_cosign_tags(front, repo, berth):
    images, index, _ = multi_arch(repo, "v1")
    tags = {}
    for manifest, suffix in ((index, "sig"), (index, "att"), (images[1], "sbom")):
        tag = f"{manifest.digest.replace(':', '-')}.{suffix}"
        tags[tag] = repo.push_image(tag)
    of_signature = f"{repo.push_image(list(tags)[0]).digest.replace(':', '-')}.sig"
    tags[list(tags)[0]] = expect(repo.get(f"manifests/{list(tags)[0]}"), 200)
    repo.push_image(of_signature)
    repo.push_image("sha256-" + "0" * 64 + ".sig")  # of something else
    other = oci.Repository(front)
    copied = berth.json("cp", f"{repo.name}:v1", f"{other.name}:new")
    assert other.tags() == sorted(["new", *tags, of_signature])
    assert {entry["tag"] for entry in copied["tags"]} == {"new", *tags, of_signature}
    assert copied["tags"][-1]["tag"] == "new"  # the last
    for tag in (*tags, of_signature):
        assert expect(other.get(f"manifests/{tag}"), 200).body == expect(repo.get(f"manifests/{tag}"), 200).body


def test_cp_moves_a_tag_and_says_so(front, repo, berth):
    image = repo.push_image("v1")
    other = oci.Repository(front)
    before = other.push_image("v1")
    text = berth("cp", "-v", f"{repo.name}:v1", other.name)
    assert f"{other.name}:v1 is {image.digest}, moved from {before.digest}\n" in text
    assert f"copied {repo.name}@{image.digest} to {other.name}: 1 manifest, 2 blobs\n" in text
    assert f"manifest {image.digest}\n" in text
    assert f"blob {image.document['layers'][0]['digest']}\n" in text
    assert expect(other.get("manifests/v1"), 200).body == image.data
    expect(other.get(f"manifests/{before.digest}"), 200)


def test_cp_onto_itself_is_harmless(front, repo, berth):
    image = repo.push_image("v1")
    with stores.assert_unchanged(front.root):
        berth("cp", f"{repo.name}:v1", f"{repo.name}:v1")
        berth("tag", f"{repo.name}:v1", "v1")
    other = oci.Repository(front)
    berth("cp", f"{repo.name}:v1", other.name)
    with stores.assert_unchanged(front.root):
        berth("cp", f"{repo.name}:v1", other.name)
    expect_whole(other, image)


def test_immutable_tags_are_the_interface_s(machine, front):
    """As those that `berth rm` removes."""
    repo = oci.Repository(front)
    repo.push_image("v1")
    image = repo.push_image("v2")
    machine.root = front.root
    machine.configure('repository "**" {\n  pull = {"*"}\n  push = {"*"}\n  immutable = {"v*"}\n}')
    machine.run("tag", f"{repo.name}:v2", "v1")
    assert expect(repo.get("manifests/v1"), 200).body == image.data


def test_errors(front, repo, berth):
    image = repo.push_image("v1")
    layer = image.document["layers"][0]["digest"]
    name = f"{repo.name}:v1"
    for args in (("cp", f"{repo.name}:nope", "x"), ("tag", f"{repo.name}:nope", "v2"), ("cp", "nothing/here:v1", "x"),
                 ("cp", f"{repo.name}@sha256:{'0' * 64}", "x")):
        assert args[1].replace("@", ":").split(":")[0] in berth(*args, status=NO_SUCH)
    assert "give a tag" in berth("cp", name, f"x@{image.digest}", status=USAGE)
    assert "REPOSITORY:TAG" in berth("tag", name, "some/where", status=USAGE)
    assert "lower-case" in berth("cp", name, "UPPER", status=USAGE)
    berth("tag", name, ".bad", status=65)
    blob_file(front, layer).unlink()
    assert layer in berth("cp", name, "other:v1", status=NO_SUCH)
    expect(oci.Repository(front, "other").get("manifests/v1"), 404)
    blob_file(front, image.digest).write_bytes(b"damaged")
    assert "damaged" in berth("cp", name, "other:v1", status=74)


def test_killed_at_any_moment(front, repo, berth):
    """A tag is there with all that it needs, or not at all."""
    _, index, _ = multi_arch(repo, "v1")
    for attempt in range(20):
        other = oci.Repository(front)
        with subprocess.Popen([BUILD / "berth", "cp", f"{repo.name}:v1", other.name, "--root", front.root],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(attempt * 0.0008)
            process.kill()
        if expect(other.get("manifests/v1"), 200, 404).status == 200:
            expect_whole(other, index)
        berth("cp", f"{repo.name}:v1", other.name)
        expect_whole(other, index)
