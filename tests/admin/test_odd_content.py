# SPDX-License-Identifier: Apache-2.0
"""Content that other programs take, or took: what one command accepts, no other calls damaged."""

import json
import subprocess
import tarfile

import pytest

from tests.admin.conftest import Command
from tests.conftest import running_front
from tests.lib import oci
from tests.lib.archives import Layout as NewLayout
from tests.lib.archives import skopeo_directory, write_directory
from tests.lib.distribution import Distribution
from tests.lib.exports import blob_path
from tests.lib.layouts import Layout
from tests.lib.oci import expect
from tests.lib.paths import BUILD

IO_ERROR, DATA, NO_INPUT = 74, 65, 66
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"


@pytest.fixture
def elsewhere():
    """Another store, to import into."""
    with running_front("cgi") as front:
        yield front


def push_cache(repo, tag, layers, described=True):
    """As BuildKit's registry cache does: an index of layers, and of a configuration."""
    contents = [repo.push_blob(content) for content in (*layers, oci.blob(50, CACHE_CONFIG))]
    children = [content.descriptor() for content in contents]
    if not described:  # a type that says that it may be a manifest
        for child in children:
            child["mediaType"] = oci.OCI_MANIFEST
    return repo.push_manifest(oci.index(children), tag), contents


def assert_cache(repo, reference, cache, contents):
    assert expect(repo.get(f"manifests/{reference}"), 200).body == cache.data
    for content in contents:
        assert expect(repo.get(f"blobs/{content.digest}"), 200).body == content.data
        expect(repo.get(f"manifests/{content.digest}"), 404)


def entries(tar):
    """The digests in its index.json."""
    with tarfile.open(tar) as files:
        return [entry["digest"] for entry in json.load(files.extractfile("index.json"))["manifests"]]


def assert_nothing_wrong(berth):
    berth("fsck")
    berth("gc")
    berth("fsck")


def said_on_stderr(berth, *args):
    done = subprocess.run([BUILD / "berth", *args, "--root", berth.root], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    return done.stderr


@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize("target", ["x.tar", "layout/"])
def test_1_layers_as_children_there_and_back(repo, berth, elsewhere, tmp_path, described, target):
    looks_like_one = oci.Content(b'{"layer":"that looks like a manifest"}', oci.OCI_LAYER)
    cache, contents = push_cache(repo, "cache", [oci.blob(100, oci.OCI_LAYER), looks_like_one], described)
    berth("export", f"{repo.name}:cache", "-o", f"{tmp_path}/{target}")
    assert f"{repo.name}:cache" in Command(elsewhere.root)("import", tmp_path / target)
    assert_cache(oci.Repository(elsewhere, repo.name), "cache", cache, contents)
    berth("import", "--as", "again", tmp_path / target)  # where all of it is in the store
    assert_cache(oci.Repository(repo.front, "again"), "cache", cache, contents)
    assert_nothing_wrong(berth)
    assert_nothing_wrong(Command(elsewhere.root))


@pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
def test_1_a_layer_as_subject_there_and_back(repo, berth, elsewhere, tmp_path, algorithm):
    """It comes along with what refers to it, since nothing else holds it."""
    layer = repo.push_blob(oci.blob(100, oci.OCI_LAYER, algorithm))
    referrer = repo.push_image("v1", subject=layer.descriptor())
    berth("cp", f"{repo.name}:v1", "copied:v1")
    berth("export", f"{repo.name}:v1", "-o", tmp_path / "x.tar")
    Command(elsewhere.root)("import", tmp_path / "x.tar")
    for there in oci.Repository(repo.front, "copied"), oci.Repository(elsewhere, repo.name):
        assert expect(there.get("manifests/v1"), 200).body == referrer.data
        assert expect(there.get(f"blobs/{layer.digest}"), 200).body == layer.data
        assert [entry["digest"] for entry in there.referrers(layer.digest)] == [referrer.digest]
    assert_nothing_wrong(berth)
    assert_nothing_wrong(Command(elsewhere.root))


def test_1_what_refers_to_a_layer_that_is_a_child(repo, berth, elsewhere, tmp_path):
    cache, contents = push_cache(repo, "cache", [oci.blob(100, oci.OCI_LAYER)])
    signature = repo.push_image(subject=contents[0].descriptor())
    berth("cp", f"{repo.name}:cache", "copied:cache")
    berth("export", f"{repo.name}:cache", "-o", tmp_path / "x.tar")
    Command(elsewhere.root)("import", tmp_path / "x.tar")
    for there in oci.Repository(repo.front, "copied"), oci.Repository(elsewhere, repo.name):
        assert_cache(there, "cache", cache, contents)
        assert expect(there.get(f"manifests/{signature.digest}"), 200).body == signature.data


def test_1_a_manifest_that_is_a_layer_too(repo, berth, elsewhere, tmp_path):
    """One image has it as a layer, an index as a child: both find it."""
    image = repo.push_image()
    repo.push_blob(oci.Content(image.data, oci.OCI_LAYER))
    config = repo.push_blob(oci.blob(64, oci.OCI_CONFIG))
    holder = repo.push_manifest(oci.image(config.descriptor(), [image.descriptor()]))
    for tag, children in ("1", (holder, image)), ("2", (image, holder)):
        top = repo.push_manifest(oci.index([child.descriptor() for child in children]), tag)
        berth("cp", f"{repo.name}:{tag}", f"copied{tag}:{tag}")
        berth("export", "--all", f"{repo.name}:{tag}", "-o", tmp_path / f"{tag}.tar")
        Command(elsewhere.root)("import", "--as", f"in{tag}:{tag}", tmp_path / f"{tag}.tar")
        for there in oci.Repository(repo.front, f"copied{tag}"), oci.Repository(elsewhere, f"in{tag}"):
            assert expect(there.get(f"manifests/{tag}"), 200).body == top.data
            for path in f"manifests/{image.digest}", f"blobs/{image.digest}":
                assert expect(there.get(path), 200).body == image.data
            expect(there.get(f"blobs/{image.document['layers'][0]['digest']}"), 200)
    assert_nothing_wrong(berth)
    assert_nothing_wrong(Command(elsewhere.root))


def test_1_layers_with_a_platform_are_no_images(repo, berth, tmp_path):
    """An export of one platform looks for images."""
    image = repo.push_image()
    layer = repo.push_blob(oci.blob(100, oci.OCI_LAYER))
    platform = {"os": "linux", "architecture": "amd64"}
    children = [layer.descriptor(platform=platform), {**layer.descriptor(), "mediaType": oci.OCI_INDEX}]
    only = repo.push_manifest(oci.index(children), "only")
    mixed = repo.push_manifest(oci.index([*children, image.descriptor(platform=platform)]), "mixed")
    for tag, top in ("only", only), ("mixed", image):
        berth("export", "--platform", "linux/amd64", f"{repo.name}:{tag}", "-o", tmp_path / f"{tag}.tar")
        assert entries(tmp_path / f"{tag}.tar") == [top.digest]
    berth("export", "--all", "-o", tmp_path / "all.tar")
    assert sorted(entries(tmp_path / "all.tar")) == sorted([only.digest, mixed.digest])


def test_1_layers_in_a_directory_of_skopeo(berth, front, tmp_path):
    layout = NewLayout()
    layer = oci.blob(100, oci.OCI_LAYER)
    layout.blob(layer)
    top = layout.manifest(oci.index([layer.descriptor()]))
    berth("import", "--as", "app:1", write_directory(tmp_path / "dir", skopeo_directory(layout, top)))
    assert_cache(oci.Repository(front, "app"), "1", top, [layer])


def test_1_and_39_a_cache_in_a_tree_of_docker_registry(tmp_path):
    """Its layers above and below 64 MiB, which is more than any manifest has."""
    root = tmp_path / "store"
    root.mkdir()
    large = oci.Content(b'{"a":"' + bytes(64 << 20), oci.OCI_LAYER)
    with Distribution(root, tmp_path) as distribution:
        there = oci.Repository(distribution, "cache")
        cache, contents = push_cache(there, "v1", [oci.blob(100, oci.OCI_LAYER), large])
        layer = there.push_blob(oci.blob(10, oci.OCI_LAYER))
        referrer = there.push_image("v2", subject=layer.descriptor())
    berth = Command(root)
    berth("fsck", "--repair")  # brings in referrers
    assert_nothing_wrong(berth)
    berth("cp", "cache:v1", "copied:v1")
    berth("export", "--all", "-o", tmp_path / "x.tar")
    other = tmp_path / "other"
    other.mkdir()
    Command(other)("import", tmp_path / "x.tar")
    with running_front("cgi", root=root) as here, running_front("cgi", root=other) as front:
        for repo in oci.Repository(here, "cache"), oci.Repository(here, "copied"), oci.Repository(front, "cache"):
            assert_cache(repo, "v1", cache, contents)
        for repo in oci.Repository(here, "cache"), oci.Repository(front, "cache"):
            assert expect(repo.get("manifests/v2"), 200).body == referrer.data
            assert expect(repo.get(f"blobs/{layer.digest}"), 200).body == layer.data
    assert berth.json("du", "cache")["repositories"][0]["total"]["bytes"] > 64 << 20


@pytest.mark.parametrize("text", ["{}", "[]", "[1]", '{"digest":3}', '{"digest":"sha256:0"}', "no JSON"])
def test_5_a_damaged_entry_of_the_index_of_referrers(repo, berth, tmp_path, text):
    """The manifest itself says what belongs there."""
    image = repo.push_image("v1")
    signature = repo.push_image(subject=image.descriptor())
    listed = repo.referrers(image.digest)
    entry, = (path for path in repo.directory.glob("_referrers/**/*") if path.is_file())
    entry.write_text(text)
    assert repo.referrers(image.digest) == listed
    berth("inspect", f"{repo.name}:v1", "--json")
    berth("cp", f"{repo.name}:v1", "copy:v1")
    assert [found["digest"] for found in oci.Repository(repo.front, "copy").referrers(image.digest)] == [signature.digest]
    berth("export", f"{repo.name}:v1", "-o", tmp_path / "image.tar")


def test_a_list_of_referrers_may_be_stale_a_signature_not(repo, berth, tmp_path):
    """For an export as for a copy: who leaves a signature out says so by failing."""
    image = repo.push_image("v1")
    attached = repo.push_image(image.digest.replace(":", "-"))
    blob_path(repo.front, attached.document["layers"][0]["digest"]).unlink()
    berth("cp", f"{repo.name}:v1", "copied:v1")
    berth("export", f"{repo.name}:v1", "-o", tmp_path / "x.tar")
    expect(repo.delete(f"manifests/{image.digest.replace(':', '-')}"), 202)
    signature = repo.push_image(image.digest.replace(":", "-") + ".sig")
    blob_path(repo.front, signature.document["layers"][0]["digest"]).unlink()
    assert "blob unknown" in berth("cp", f"{repo.name}:v1", "copied:v1", status=NO_INPUT)
    assert "is incomplete" in berth("export", f"{repo.name}:v1", "-o", tmp_path / "x.tar", status=IO_ERROR)


# --- sizes ---

def plant_sizes(repo):
    """Images and an index that say wrong sizes, as other programs took them."""
    layer, config = repo.push_blob(oci.blob(100, oci.OCI_LAYER)), repo.push_blob(oci.blob(50, oci.OCI_CONFIG))
    image = repo.plant_manifest(oci.image(config.descriptor(), [{**layer.descriptor(), "size": 99}]), "image")
    good = repo.push_manifest(oci.image(config.descriptor(), [layer.descriptor()]))
    index = repo.plant_manifest(oci.index([{**good.descriptor(), "size": 7}]), "index")
    return layer, image, good, index


def test_4_wrong_sizes_are_carried_with_a_warning(repo, berth, tmp_path):
    layer, image, good, index = plant_sizes(repo)
    for tag, top, part, there, said in ("image", image, layer, 100, 99), ("index", index, good, len(good.data), 7):
        warning = f"{part.digest} has {there} bytes, but a manifest says {said}"
        assert warning in said_on_stderr(berth, "cp", f"{repo.name}:{tag}", f"copied:{tag}")
        assert expect(oci.Repository(repo.front, "copied").get(f"manifests/{tag}"), 200).body == top.data
        stderr = said_on_stderr(berth, "export", f"{repo.name}:{tag}", "-o", tmp_path / f"{tag}.tar")
        assert warning in stderr
        assert "an import will refuse" in stderr
        assert said_on_stderr(berth, "export", "--all", "-o", tmp_path / "all.tar").count(warning) == 1
    found = subprocess.run([BUILD / "berth", "fsck", "--json", "--root", berth.root], capture_output=True, text=True,
                           timeout=60).stdout.splitlines()
    assert {json.loads(line).get("code", "MANIFEST-SIZE") for line in found} == {"MANIFEST-SIZE"}
    berth("gc")


def test_4_an_import_refuses_wrong_sizes_as_a_push_does(repo, berth, elsewhere, tmp_path):
    layer, *_ = plant_sizes(repo)
    said_on_stderr(berth, "export", f"{repo.name}:image", "-o", tmp_path / "x.tar")
    refusal = Command(elsewhere.root)("import", tmp_path / "x.tar", status=DATA)
    assert "has 100 bytes, not 99" in refusal
    expect(oci.Repository(elsewhere, repo.name).get("manifests/image"), 404)


def test_4_a_blob_that_is_cut_off_is_no_wrong_size(repo, berth, tmp_path):
    image = repo.push_image("v1")
    digest = image.document["layers"][0]["digest"]
    path = blob_path(repo.front, digest)
    path.write_bytes(path.read_bytes()[:-1])
    refusal = berth("export", f"{repo.name}:v1", "-o", tmp_path / "x.tar", status=IO_ERROR)
    assert f"{digest} is damaged, it has 127 bytes, not 128" in refusal


def test_2_schema_1_is_exported_as_stored(repo, berth, tmp_path):
    """It says no sizes. An import refuses it as a push does."""
    layer = repo.push_blob(oci.blob(100))
    old = oci.Content(json.dumps({"schemaVersion": 1, "name": repo.name, "tag": "v1", "architecture": "amd64",
                                  "fsLayers": [{"blobSum": layer.digest}] * 2, "history": [], "signatures": []}).encode(),
                      "application/vnd.docker.distribution.manifest.v1+prettyjws")
    repo.plant_manifest(old, "v1")
    assert said_on_stderr(berth, "export", "--all", "-o", f"{tmp_path}/layout/") == ""
    files = Layout.read_directory(tmp_path / "layout")
    assert files["blobs/" + old.digest.replace(":", "/")] == old.data
    assert files["blobs/" + layer.digest.replace(":", "/")] == layer.data
    assert said_on_stderr(berth, "cp", f"{repo.name}:v1", "copied:v1") == ""
    assert expect(oci.Repository(repo.front, "copied").get("manifests/v1"), 200).body == old.data
    assert "schema 1 is obsolete" in berth("import", "--as", "again", f"{tmp_path}/layout/", status=DATA)
