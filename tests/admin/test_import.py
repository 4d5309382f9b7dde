# SPDX-License-Identifier: Apache-2.0
"""`berth import`: what it takes, what it calls it, and that the protocol then finds it."""

import contextlib
import gzip
import json
import os
import pty
import re
import subprocess
import time

import pytest

from tests.lib import archives, oci
from tests.lib.archives import Layout, docker25, docker_archive, image, sha, write_directory, write_tar
from tests.lib.oci import expect
from tests.lib.paths import BUILD

USAGE, DATA, NO_INPUT = 64, 65, 66


def manifest(front, name, reference="1"):
    return expect(oci.Repository(front, name).get(f"manifests/{reference}"), 200)


def blob(front, name, digest):
    response = expect(oci.Repository(front, name).get(f"blobs/{digest}"), 200)
    assert oci.digest_of(response.body, digest.split(":")[0]) == digest
    return response.body


def unpacked(data):
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def assert_image(front, name, reference, original):
    """The image is there, with its configuration byte for byte and the content of its layers."""
    document = manifest(front, name, reference).json()
    assert blob(front, name, document["config"]["digest"]) == original.config
    layers = [blob(front, name, entry["digest"]) for entry in document["layers"]]
    assert [len(layer) for layer in layers] == [entry["size"] for entry in document["layers"]]
    assert [unpacked(layer) for layer in layers] == original.layers
    return document


def assert_layout(front, name, layout, top, reference="1"):
    """Everything of the layout is there, byte for byte."""
    assert manifest(front, name, reference).body == top.data
    for path, data in layout.files.items():
        if path.startswith("blobs/"):
            digest = ":".join(path.split("/")[1:])
            is_manifest = b'"schemaVersion"' in data[:40]
            assert (manifest(front, name, digest).body if is_manifest else blob(front, name, digest)) == data


def nothing_there(front):
    return expect(front.request("GET", "/v2/_catalog"), 200).json() == {"repositories": []}


@pytest.fixture
def archive(tmp_path):
    """Writes a tar file."""
    return lambda files, **options: write_tar(tmp_path / "archive.tar", files, **options)


def test_docker_save(front, berth, archive):
    first, second = image("team/app:1", "docker.io/library/app:2"), image("quay.io/x/y:1")
    second.layers[0] = first.layers[0]
    lines = berth("import", archive(docker_archive(first, second))).splitlines()
    digest = manifest(front, "team/app").headers["Docker-Content-Digest"]
    assert lines[0].startswith(f"imported team/app:1@{digest}  2 layers, ")
    assert lines[1].startswith(f"imported app:2@{digest}  2 layers, ")
    assert lines[1].endswith("(0 B new)")
    assert lines[2].startswith("imported x/y:1@sha256:")
    assert lines[3].startswith("2 images, ")
    for name, reference, original in ("team/app", "1", first), ("app", "2", first), ("x/y", "1", second):
        document = assert_image(front, name, reference, original)
        assert document["mediaType"] == oci.DOCKER_MANIFEST
        assert {entry["mediaType"] for entry in document["layers"]} == {oci.DOCKER_LAYER}


def test_json(front, berth, archive):
    size = berth.json("import", archive(docker_archive(image("a/b:1"))))
    document = manifest(front, "a/b")
    total = len(document.body) + sum(entry["size"] for entry in [document.json()["config"], *document.json()["layers"]])
    assert size.pop("seconds") >= 0
    assert size == {"images": [{"name": "a/b", "tag": "1", "digest": document.headers["Docker-Content-Digest"],
                                "images": 1, "layers": 2, "referrers": 0, "size": total, "newSize": total}],
                    "size": total, "newSize": total}


@pytest.mark.parametrize("compress, media_type, layer_type", [
    ("none", oci.DOCKER_MANIFEST, "application/vnd.docker.image.rootfs.diff.tar"),
    ("gzip", oci.DOCKER_MANIFEST, oci.DOCKER_LAYER),
    ("zstd", oci.OCI_MANIFEST, archives.OCI_TAR + "+zstd")])
def test_compression(front, berth, archive, compress, media_type, layer_type):
    original = image("a:1", size=5_000_000)  # several blocks
    berth("import", "--compress", compress, "--jobs", "3", archive(docker_archive(original)))
    document = assert_image(front, "a", "1", original)
    assert (document["mediaType"], document["layers"][0]["mediaType"]) == (media_type, layer_type)
    smaller = sum(entry["size"] for entry in document["layers"]) < sum(map(len, original.layers)) * 2 // 3
    assert smaller == (compress != "none")


def test_layers_that_are_compressed_stay(front, berth, archive):
    """As those of bazel and kaniko."""
    original = image("a:1")
    files = docker_archive(original)
    for name in [name for name in files if name.endswith("layer.tar")]:
        files[name] = gzip.compress(files[name])
    berth("import", archive(files))
    document = assert_image(front, "a", "1", original)
    assert [entry["digest"] for entry in document["layers"]] == [
        oci.digest_of(files[path]) for path in json.loads(files["manifest.json"])[0]["Layers"]]


def test_docker_25(front, berth, archive):
    """Layers as on docker's disk get compressed, by default; those that are compressed stay, manifest and all."""
    original = image("team/app:1", "team/app:2")
    files = docker25(original)
    berth("import", archive(files))
    document = assert_image(front, "team/app", "1", original)
    assert document["mediaType"] == oci.OCI_MANIFEST
    assert document["layers"][0]["mediaType"] == oci.OCI_LAYER
    assert manifest(front, "team/app", "2").json() == document

    berth("import", "--compress", "none", "--as", "raw", archive(files))
    listed = json.loads(files["index.json"])["manifests"][0]["digest"]
    assert manifest(front, "raw").body == files[f"blobs/sha256/{listed[7:]}"]

    files = docker25(image("team/small:1"), compressed=True)
    berth("import", archive(files))
    assert manifest(front, "team/small").headers["Docker-Content-Digest"] == \
        json.loads(files["index.json"])["manifests"][0]["digest"]


@pytest.mark.parametrize("kind", ["directory", "tar", "tar.gz", "tar.xz", "below"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_layout(front, berth, archive, tmp_path, kind, algorithm):
    """An index with its children, and what refers to one of them, whether it is listed or not."""
    layout = Layout()
    children = [layout.image(algorithm=algorithm) for _ in range(2)]
    top = layout.list(layout.manifest(oci.index([child.descriptor() for child in children], algorithm)), ref="1")
    signature = layout.image(layers=1, algorithm=algorithm, subject=children[0].descriptor())
    layout.list(signature)
    sbom = layout.image(layers=1, algorithm=algorithm, subject=signature.descriptor())  # not in index.json
    files = layout.all()
    if kind == "directory":
        path = write_directory(tmp_path / "layout", files)
    elif kind == "below":
        path = archive({f"./some/where/{name}": data for name, data in files.items()})
    else:
        path = archive(files, mode="w" + kind[3:].replace(".", ":"))
    output = berth("import", "--as", "team/app", path)
    assert f"imported team/app:1@{top.digest}  2 images, 4 layers, 2 referrers, " in output
    assert_layout(front, "team/app", layout, top)
    repo = oci.Repository(front, "team/app")
    assert [entry["digest"] for entry in repo.referrers(children[0].digest)] == [signature.digest]
    assert [entry["digest"] for entry in repo.referrers(signature.digest)] == [sbom.digest]
    assert "(0 B new)" in berth("import", "--as", "team/app", path)


def test_names_in_a_layout(front, berth, archive):
    layout = Layout()
    images = [layout.image(layers=1, annotations={"n": str(n)}) for n in range(4)]
    layout.list(images[0], ref="localhost/a/b:1")
    layout.list(images[1], ref="1", name="docker.io/library/busybox:1")
    layout.list(images[2], ref=f"registry.example:5000/team/app@{images[2].digest}")
    layout.list(images[3], ref="127.0.0.1:5000/app")
    berth("import", archive(layout.all()))
    assert manifest(front, "a/b").body == images[0].data
    assert manifest(front, "busybox").body == images[1].data
    assert manifest(front, "team/app", images[2].digest).body == images[2].data
    assert expect(oci.Repository(front, "team/app").get("tags/list"), 200).json()["tags"] == []
    assert manifest(front, "app", "latest").body == images[3].data


def test_names_by_berth_export(front, berth, archive):
    """They are exact: nothing is taken for a host. Signatures go to their subjects, and what has no tag by its digest."""
    layout = Layout()
    first, second = layout.image(annotations={"n": "1"}), layout.image(annotations={"n": "2"})
    child = layout.image(annotations={"n": "3"})
    top = layout.manifest(oci.index([child.descriptor()]))
    layout.list(first, ref="1", name="docker.io/k8s.io/pause:1", repository="k8s.io/pause")
    layout.list(first, ref="other:2", repository="other")
    layout.list(second, repository="docker.io/library/x")
    layout.list(top, ref="3", repository="multi")
    layout.list(child, repository="single")
    signature = layout.list(layout.image(layers=1, subject=first.descriptor()), repository="k8s.io/pause")
    path = archive(layout.all())
    assert berth("import", path).count("imported ") == 5
    assert manifest(front, "k8s.io/pause").body == first.data
    assert manifest(front, "other", "2").body == first.data
    assert manifest(front, "docker.io/library/x", second.digest).body == second.data
    assert manifest(front, "multi", "3").body == top.data
    assert manifest(front, "single", child.digest).body == child.data
    for name in "k8s.io/pause", "other":
        assert [entry["digest"] for entry in oci.Repository(front, name).referrers(first.digest)] == [signature.digest]
    berth("import", "--as", "all", path)
    assert expect(oci.Repository(front, "all").get("tags/list"), 200).json()["tags"] == ["1", "2", "3"]


@pytest.mark.parametrize("made_by", ["docker", "berth export --have"])
def test_one_platform_of_an_index(front, berth, archive, made_by):
    """docker with containerd saves the index that it pulled, and the platforms that it has."""
    layout = Layout()
    children = [layout.image() for _ in range(3)]
    platforms = {"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm64"}, \
        {"os": "unknown", "architecture": "unknown"}
    top = layout.manifest(oci.index([child.descriptor(platform=platform) for child, platform in zip(children, platforms)]))
    layout.list(top, ref="1", name="docker.io/team/app:1")
    if made_by != "docker":
        layout.annotations["dev.berth.incomplete"] = "true"
    document = children[0].document
    listing = [{"Config": f"blobs/sha256/{document['config']['digest'][7:]}", "RepoTags": ["team/app:1"],
                "Layers": [f"blobs/sha256/{entry['digest'][7:]}" for entry in document["layers"]]}]
    files = {**layout.all(), "manifest.json": json.dumps(listing).encode()}
    del files[f"blobs/sha256/{children[1].document['layers'][0]['digest'][7:]}"]
    if made_by == "docker":
        assert "one image, which takes its place" in subprocess.run(
            [BUILD / "berth", "import", archive(files), "--root", berth.root], stderr=subprocess.PIPE, text=True,
            check=True).stderr
        assert manifest(front, "team/app").body == children[0].data
    else:
        assert "neither in" in berth("import", archive(files), status=NO_INPUT)


def test_skopeo_directories(front, berth, tmp_path):
    """skopeo sync: a tree of host/repository:tag/. And one directory alone, with its children."""
    layouts = {}
    for name in "127.0.0.1:5000/team/app:1", "127.0.0.1:5000/team/app:2", "other:1":
        layout = Layout()
        layouts[name] = layout, layout.image()
        write_directory(tmp_path / "disk" / name, archives.skopeo_directory(*layouts[name]))
    assert berth("import", tmp_path / "disk").count("imported ") == 3
    for name, repository, tag in zip(layouts, ("team/app", "team/app", "other"), "121"):
        assert_layout(front, repository, *layouts[name], reference=tag)

    layout = Layout()
    top = layout.manifest(oci.index([layout.image().descriptor(), layout.image().descriptor()]))
    alone = write_directory(tmp_path / "alone", archives.skopeo_directory(layout, top))
    assert "an image has no name" in berth("import", alone, status=DATA)
    berth("import", "--as", "multi:1", alone)
    assert_layout(front, "multi", layout, top)
    berth("import", write_directory(tmp_path / "named:1", archives.skopeo_directory(layout, top)))
    assert_layout(front, "named", layout, top)


def test_pipe_and_several_files(front, berth, tmp_path):
    first, second = image("a:1"), image("b:1")
    path = write_tar(tmp_path / "first.tar.gz", docker_archive(first), mode="w:gz")
    other = write_tar(tmp_path / "second.tar", docker_archive(second))
    with open(path, "rb") as stream:
        subprocess.run(["sh", "-c", f"cat | {BUILD}/berth import - {other} --root {berth.root}"], stdin=stream,
                       check=True)
    assert_image(front, "a", "1", first)
    assert_image(front, "b", "1", second)


def test_as(front, berth, archive):
    path = archive(docker_archive(image("one:1", "two:2"), image("three:3")))
    berth("import", "--as", "all", path)
    assert expect(oci.Repository(front, "all").get("tags/list"), 200).json()["tags"] == ["1", "2", "3"]
    said = berth("import", "--as", "all:1", path, status=DATA)
    assert "one:1 two:2" in said
    assert "with --as REPOSITORY they keep their tags" in said
    assert "one by one" in berth("import", "--as", "all:1", path, path, status=USAGE)
    said = berth("import", "--as", "all", archive(docker_archive(image("one:1"), image("two:1"))), status=DATA)
    assert "several images would be all:1" in said
    nameless = archive(docker_archive(image()))
    said = berth("import", nameless, status=DATA)
    assert "(no name)" in said
    assert "--as REPOSITORY:TAG" in said
    berth("import", "--as", "x/y", nameless)
    manifest(front, "x/y", "latest")
    berth("import", "--as", "x/y:5", archive(docker_archive(image("one:1", "two:1"))))
    manifest(front, "x/y", "5")
    assert "lower-case" in berth("import", "--as", "X", nameless, status=USAGE)
    assert "must be gzip, zstd or none" in berth("import", "--compress", "lzma", nameless, status=USAGE)


def test_tag_alone_wants_a_name(berth, archive):
    layout = Layout()
    layout.list(layout.image(), ref="1.0")
    said = berth("import", archive(layout.all()), status=DATA)
    assert "(no name) tag 1.0 sha256:" in said
    assert "say which with --as REPOSITORY\n" in said


def test_what_the_store_has_may_be_missing(front, berth, tmp_path, archive):
    """As export --have leaves it out: blobs and manifests, in whatever repository they are."""
    layout = Layout()
    child = layout.image()
    top = layout.list(layout.manifest(oci.index([child.descriptor()])), ref="1")
    files = layout.all()
    berth("import", "--as", "first", archive(files))
    less = {name: data for name, data in files.items() if not name.startswith("blobs/")}
    output = berth("import", "--as", "second", archive(less))
    assert "(0 B new)" in output
    assert_layout(front, "second", layout, top)

    layout = Layout()
    layout.list(layout.image(), ref="1")
    files = layout.all()
    config = json.loads(layout.files[list(layout.files)[-1]])["config"]["digest"]
    del files[f"blobs/sha256/{config[7:]}"]
    said = berth("import", "--as", "third", archive(files), status=NO_INPUT)
    assert "neither in" in said
    assert f"  {config}  64 bytes\n" in said
    expect(oci.Repository(front, "third").get("tags/list"), 404)


def test_damaged_blob_in_the_store_heals(front, berth, archive):
    """One that was cut off is written again."""
    layout = Layout()
    top = layout.list(layout.image(), ref="1")
    berth("import", "--as", "a", archive(layout.all()))
    digest = top.document["layers"][0]["digest"]
    path = front.root / "docker/registry/v2/blobs/sha256" / digest[7:9] / digest[7:] / "data"
    os.truncate(path, 100)
    berth("import", "--as", "a", archive(layout.all()))
    assert_layout(front, "a", layout, top)


def test_referrer_alone(front, berth, archive):
    """A signature that comes later than its image."""
    layout = Layout()
    top = layout.list(layout.image(), ref="1")
    berth("import", "--as", "a", archive(layout.all()))
    later = Layout()
    signature = later.list(later.image(layers=1, subject=top.descriptor()))
    assert "no name" in berth("import", archive(later.all()), status=DATA)
    assert f"imported a@{signature.digest}" in berth("import", "--as", "a", archive(later.all()))
    assert [entry["digest"] for entry in oci.Repository(front, "a").referrers(top.digest)] == [signature.digest]


def test_layer_elsewhere(front, berth, archive):
    """As Windows' base layers: the descriptor says where they are."""
    layout = Layout()
    config = layout.blob(oci.blob(64, oci.OCI_CONFIG))
    foreign = oci.blob(99).descriptor(urls=["https://example.org/layer"])
    top = layout.list(layout.manifest(oci.image(config, [foreign])), ref="1")
    berth("import", "--as", "a", archive(layout.all()))
    assert manifest(front, "a").body == top.data


def test_files_of_the_store_belong_to_its_owner(front, berth, archive, tmp_path):
    """root's archive is read as root; what is stored is the web server's user's."""
    expect(front.request("GET", "/v2/"), 200)
    for path in (front.root, *front.root.rglob("*")):
        os.chown(path, 33, 33)
    path = archive(docker_archive(image("a:1")))
    path.chmod(0o600)
    berth("import", path)
    assert {path.stat().st_uid for path in front.root.rglob("*")} == {33}
    directory = write_directory(tmp_path / "private", docker_archive(image("b:1")))
    directory.chmod(0o700)
    assert "tar -cC DIR . | berth import -" in berth("import", directory, status=74)


@pytest.mark.parametrize("quiet", [False, True])
def test_progress(berth, archive, quiet):
    """On a terminal it says how far it is, once that takes longer than a second."""
    data = archive(docker_archive(image("a:1", size=500_000))).read_bytes()
    terminal, line = pty.openpty()
    process = subprocess.Popen([BUILD / "berth", "import", "-", "--root", berth.root, *(["--quiet"] if quiet else [])],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=line)
    os.close(line)
    for at in range(0, len(data), len(data) // 14):
        process.stdin.write(data[at:at + len(data) // 14])
        process.stdin.flush()
        time.sleep(0.1)
    process.stdin.close()
    assert process.wait() == 0
    shown = b""
    with contextlib.suppress(OSError):  # EIO: nobody writes to it any more
        while chunk := os.read(terminal, 4096):
            shown += chunk
    os.close(terminal)
    if quiet:
        assert shown == b""
    else:
        assert re.search(rb"reading  [\d.]+ KiB  [\d.]+ KiB/s", shown)
        assert shown.endswith(b"\r\x1b[K")  # it is gone at the end


def test_digests_are_those_of_any_number_of_jobs(berth, archive):
    path = archive(docker_archive(image("a:1", size=4_000_000)))
    digests = {berth.json("import", "--jobs", str(jobs), path)["images"][0]["digest"] for jobs in (1, 2, 7)}
    assert len(digests) == 1


def test_image_without_layers(front, berth, archive):
    original = image("scratch:1", layers=0)
    berth("import", archive(docker_archive(original)))
    assert_image(front, "scratch", "1", original)


def test_configuration_that_is_not_named_after_its_digest(front, berth, archive):
    original = image("a:1")
    files = docker_archive(original)
    files["config.json"] = files.pop(f"{sha(original.config)}.json")
    listing = json.loads(files["manifest.json"])
    listing[0]["Config"] = "config.json"
    files["manifest.json"] = json.dumps(listing).encode()
    berth("import", archive(files))
    assert_image(front, "a", "1", original)
