# SPDX-License-Identifier: Apache-2.0
"""`berth du`, against what lies on the disk."""

from pathlib import Path

from tests.lib import oci, stores
from tests.lib.oci import expect

NO_SUCH = 66  # EX_NOINPUT
USAGE = 64


def store_of(front) -> Path:
    return front.root / "docker/registry/v2"


def blob_file(front, digest) -> Path:
    algorithm, _, digits = digest.partition(":")
    return store_of(front) / "blobs" / algorithm / digits[:2] / digits / "data"


def sums(*contents):
    return {"count": len(contents), "bytes": sum(len(content.data) for content in contents)}


def push_image(repo, reference, *layers):
    """Config and manifest are its own; all that it has."""
    config = oci.blob(64, oci.OCI_CONFIG)
    for content in (config, *layers):
        repo.push_blob(content)
    manifest = oci.image(config.descriptor(), [layer.descriptor() for layer in layers])
    return [config, repo.push_manifest(manifest, reference), *layers]


def by_name(document):
    return {entry["name"]: entry for entry in document["repositories"]}


def test_own_and_shared(front, berth):
    one, two = oci.Repository(front, "one"), oci.Repository(front, "two/below")
    common, mine, other = oci.blob(5000), oci.blob(3000), oci.blob(100, algorithm="sha512")
    in_one = push_image(one, "v1", common, mine)
    in_two = push_image(two, "v1", common, other)
    document = berth.json("du")
    everything = {content.digest: content for content in in_one + in_two}.values()
    assert by_name(document) == {
        "one": {"name": "one", "manifests": 1, "own": sums(*in_one[:2], mine), "shared": sums(common),
                "total": sums(*in_one), "uploads": sums()},
        "two/below": {"name": "two/below", "manifests": 1, "own": sums(*in_two[:2], other), "shared": sums(common),
                      "total": sums(*in_two), "uploads": sums()}}
    assert document["store"] == {"blobs": sums(*everything), "referenced": sums(*everything), "unreferenced": sums(),
                                 "uploads": sums(), "quarantine": sums()}
    on_disk = [path.stat().st_size for path in store_of(front).glob("blobs/**/data")]
    assert document["store"]["blobs"] == {"count": len(on_disk), "bytes": sum(on_disk)}


def test_a_third_repository_changes_nothing_for_the_others(front, berth):
    common = oci.blob(5000)
    repos = [oci.Repository(front, name) for name in "abc"]
    contents = [push_image(repo, "v1", common) for repo in repos]
    for entry, content in zip(berth.json("du")["repositories"], contents):
        assert entry["shared"] == sums(common)
        assert entry["own"]["count"] == len(content) - 1


def test_a_blob_counts_once(front, repo, berth):
    """Also one that is a layer twice, or a layer and a manifest."""
    layer = oci.blob(500)
    config, manifest, *_ = push_image(repo, "v1", layer, layer)
    repo.put_manifest(manifest, "v2")
    repo.push_blob(manifest)
    entry = berth.json("du")["repositories"][0]
    assert entry["own"] == sums(config, manifest, layer)
    assert entry["manifests"] == 1


def test_what_is_gone_does_not_count(front, repo, berth):
    layer, other = oci.blob(500), oci.blob(600)
    config, manifest, *_ = push_image(repo, "v1", layer, other)
    blob_file(front, layer.digest).unlink()
    assert berth.json("du")["repositories"][0]["own"] == sums(config, manifest, other)
    # Distribution leaves the directory of a link.
    (repo.directory / "_layers/sha256" / other.digest.partition(":")[2] / "link").unlink()
    document = berth.json("du")
    assert document["repositories"][0]["own"] == sums(config, manifest)
    assert document["store"]["unreferenced"] == sums(other)
    assert document["store"]["referenced"] == sums(config, manifest)
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)
    document = berth.json("du")
    assert document["repositories"][0]["manifests"] == 0
    assert document["store"]["unreferenced"] == sums(other, manifest)


def test_uploads_and_quarantine(front, repo, berth):
    repo.push_image("v1")
    expect(repo.send_chunk(repo.start_upload(), b"x" * 700), 202)
    new = oci.Repository(front)  # which is no repository yet
    expect(new.send_chunk(new.start_upload(), b"x" * 300), 202)
    quarantine = store_of(front) / "_berth/quarantine/sha256"
    quarantine.mkdir(parents=True)
    (quarantine / "damaged").write_bytes(b"x" * 11)
    document = berth.json("du")
    assert by_name(document)[new.name]["uploads"] == {"count": 1, "bytes": 300}
    assert by_name(document)[new.name]["total"] == sums()
    assert document["store"]["uploads"] == {"count": 2, "bytes": 1000}
    assert document["store"]["quarantine"] == {"count": 1, "bytes": 11}


def test_directories_between_are_no_repositories(front, berth):
    oci.Repository(front, "a/b/c").push_image("v1")
    assert list(by_name(berth.json("du"))) == ["a/b/c"]


def test_text_is_sorted_by_what_removing_would_free(front, berth):
    for name, size in (("small", 1), ("large", 3 << 20), ("middle", 5000)):
        push_image(oci.Repository(front, name), "v1", oci.blob(size))
    lines = [line.split() for line in berth("du").splitlines()]
    assert lines[0] == ["OWN", "SHARED", "TOTAL", "REPOSITORY"]
    assert [line[-1] for line in lines[1:4]] == ["large", "middle", "small"]
    assert lines[1] == ["3.0", "MiB", "0", "B", "3.0", "MiB", "large"]
    assert lines[4:6] == [[], ["SIZE", "FILES", "STORE"]]
    assert [line[3:] for line in lines[6:]] == [["all", "blobs"], ["referenced"],
                                                ["unreferenced,", "for", "berth", "gc"],
                                                ["uploads", "in", "progress"], ["quarantine"]]


def test_some_repositories(front, berth):
    common = oci.blob(1000)
    for name in ("team/a", "team/b/c", "else"):
        push_image(oci.Repository(front, name), "v1", common)
    document = berth.json("du", "team/a")
    assert list(document) == ["repositories"]
    assert list(by_name(document)) == ["team/a"]
    assert document["repositories"][0]["shared"] == sums(common)  # with others that are not shown
    assert set(by_name(berth.json("du", "team/**"))) == {"team/a", "team/b/c"}
    assert set(by_name(berth.json("du", "else", "team/*"))) == {"team/a", "else"}
    assert "STORE" not in berth("du", "else")
    assert "nothing/here" in berth("du", "else", "nothing/here", status=NO_SUCH)
    assert "x*" in berth("du", "x*", status=NO_SUCH)
    assert "lower-case" in berth("du", "UPPER", status=USAGE)


def test_nothing_and_links_out_of_the_store(front, repo, berth, tmp_path):
    expect(front.request("GET", "/v2/"), 200)
    assert berth.json("du")["store"]["blobs"] == sums()
    repo.push_image("v1")
    layers = repo.directory / "_layers/sha256"
    layers.rename(tmp_path / "elsewhere")
    layers.symlink_to(tmp_path / "elsewhere")
    with stores.assert_unchanged(front.root):
        entry = berth.json("du")["repositories"][0]
    assert entry["own"]["count"] == entry["manifests"] == 1
