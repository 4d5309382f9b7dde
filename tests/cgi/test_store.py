# SPDX-License-Identifier: Apache-2.0
"""What requests make of the store on disk, and what becomes of requests to a store that is not as it should be."""

import json
import os
import shutil
import stat
import tempfile
import time
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.lib import oci
from tests.lib.oci import expect, expect_progress, expect_stored
from tests.lib.owner import hand_over
from tests.lib.stores import assert_unchanged, wanted_mode

BOTH_ALGORITHMS = pytest.mark.parametrize("algorithm", oci.ALGORITHMS)
GRACE = 86400  # seconds, the default


@pytest.fixture
def v2(front):
    return Path(front.root) / "docker/registry/v2"


def blob_data(v2, digest):
    algorithm, encoded = digest.split(":")
    return v2 / "blobs" / algorithm / encoded[:2] / encoded / "data"


def link_path(directory, digest):
    return directory / digest.replace(":", "/") / "link"


def files_below(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if not path.is_dir()}


@BOTH_ALGORITHMS
def test_layout_of_an_image(repo, v2, algorithm):
    """Every file and its bytes, as CNCF Distribution writes them: a link has no newline."""
    manifest = repo.push_image(algorithm=algorithm)
    repo.push_manifest(manifest, f"{manifest.digest}?tag=v1&tag=v2")
    document = manifest.document
    contents = {descriptor["digest"]: repo.get(f"blobs/{descriptor['digest']}").body
                for descriptor in (document["config"], *document["layers"])}
    links = {f"_layers/{digest.replace(':', '/')}/link": digest for digest in contents}
    links[f"_manifests/revisions/{manifest.digest.replace(':', '/')}/link"] = manifest.digest
    for tag in ("v1", "v2"):
        links[f"_manifests/tags/{tag}/current/link"] = manifest.digest
        links[f"_manifests/tags/{tag}/index/{manifest.digest.replace(':', '/')}/link"] = manifest.digest
    assert files_below(repo.directory) == {path: digest.encode() for path, digest in links.items()}
    for digest, data in {**contents, manifest.digest: manifest.data}.items():
        assert files_below(blob_data(v2, digest).parent) == {"data": data}


def test_sha512_is_no_alias(repo, v2):
    """Content under both algorithms is two blobs, each linked under its own name."""
    blob = repo.push_blob(oci.blob())
    twin = repo.push_blob(oci.Content(blob.data, algorithm="sha512"))
    assert files_below(repo.directory / "_layers") == {
        f"{digest.replace(':', '/')}/link": digest.encode() for digest in (blob.digest, twin.digest)}
    for digest in (blob.digest, twin.digest):
        assert blob_data(v2, digest).read_bytes() == blob.data


def test_moved_tag(repo):
    """`current` points at the new manifest, the index keeps all that the tag ever named."""
    old, new = repo.push_image("latest"), repo.push_image("latest")
    links = {f"index/{manifest.digest.replace(':', '/')}/link": manifest.digest.encode() for manifest in (old, new)}
    assert files_below(repo.directory / "_manifests/tags/latest") == {"current/link": new.digest.encode(), **links}


def test_deleted_tag(repo):
    manifest = repo.push_image("latest")
    expect(repo.delete("manifests/latest"), 202)
    assert not (repo.directory / "_manifests/tags/latest").exists()
    assert link_path(repo.directory / "_manifests/revisions", manifest.digest).exists()


def test_deleted_manifest(repo, v2):
    """The names go; the content is the collector's."""
    manifest = repo.push_image("latest")
    expect(repo.delete(f"manifests/{manifest.digest}"), 202)
    assert files_below(repo.directory / "_manifests") == {}
    assert blob_data(v2, manifest.digest).read_bytes() == manifest.data


@pytest.mark.parametrize("push", ["blob", "manifest"])
def test_both_markers_of_a_repository(repo, push):
    """CNCF Distribution 2.x knows a repository by `_layers`, 3.x by `_manifests`."""
    if push == "blob":
        repo.push_blob(oci.blob())
    else:
        repo.push_manifest(oci.index([]))
    assert (repo.directory / "_layers").is_dir() and (repo.directory / "_manifests").is_dir()


def test_session_on_disk(repo, v2):
    """A session is what CNCF Distribution knows as one, so that it purges it; nothing is left once it is finished."""
    location = repo.start_upload()
    upload_id = location.rsplit("/", 1)[1]
    assert str(uuid.UUID(upload_id)) == upload_id
    directory = repo.directory / "_uploads" / upload_id
    started = (directory / "startedat").read_text()
    age = datetime.now(timezone.utc) - datetime.strptime(started, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert timedelta(0) <= age < timedelta(minutes=1)
    blob = oci.blob(100)
    expect_progress(repo.send_chunk(location, blob.data[:60]), 202, 60)
    assert (directory / "data").read_bytes() == blob.data[:60]
    assert {path.name for path in directory.iterdir()} == {"data", "startedat", "state"}
    expect_stored(repo, repo.close_upload(location, blob.digest, blob.data[60:]), blob)
    assert files_below(repo.directory / "_uploads") == {} and not directory.exists()
    assert files_below(v2 / "_berth/tmp") == {}


@pytest.mark.parametrize("end", ["cancel", "wrong-digest", "post", "wrong-post"])
def test_no_session_is_left(repo, v2, end):
    blob = oci.blob()
    if end == "cancel":
        expect(repo.front.request("DELETE", repo.start_upload()), 204)
    elif end == "wrong-digest":
        expect(repo.close_upload(repo.start_upload(), blob.digest, b"other"), 400)
    elif end == "post":
        expect(repo.request("POST", f"blobs/uploads/?digest={blob.digest}", body=blob.data), 201)
    else:
        expect(repo.request("POST", f"blobs/uploads/?digest={blob.digest}", body=b"other"), 400)
    if "post" in end:  # one request is no session
        assert not (repo.directory / "_uploads").exists()
    else:
        assert list((repo.directory / "_uploads").iterdir()) == []
    assert files_below(v2 / "_berth/tmp") == {}


@BOTH_ALGORITHMS
def test_referrer_on_disk(repo, algorithm):
    """Its descriptor, ready for the list, under the subject's digest and its own."""
    subject = repo.push_image(algorithm=algorithm)
    referrer = repo.push_manifest(oci.index([], subject=subject.descriptor(), annotations={"a": "b"}))
    files = files_below(repo.directory / "_referrers")
    path = f"{subject.digest}/{referrer.digest}".replace(":", "/")
    assert list(files) == [path]
    assert json.loads(files[path]) == referrer.descriptor(annotations={"a": "b"})


def push_everything(repo, other_repo):
    """One of each thing that requests can leave in a store."""
    subject = repo.push_image("latest")
    repo.push_manifest(oci.index([subject.descriptor()], subject=subject.descriptor()), "index")
    repo.push_image(algorithm="sha512")
    expect_progress(repo.send_chunk(repo.start_upload(), b"some"), 202, 4)
    other_repo.push_image("latest")
    expect(other_repo.post_upload(f"?mount={subject.document['layers'][0]['digest']}&from={repo.name}"), 201)
    expect(other_repo.delete("manifests/latest"), 202)


def test_16_modes(repo, other_repo, v2):
    """The web server, a member of the store's group, may read what it has to; others may nothing."""
    push_everything(repo, other_repo)
    for path in [v2, *v2.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == wanted_mode(path, v2), path


def test_no_plain_file_that_begins_with_an_underscore(repo, other_repo, v2):
    """Below repositories it would make CNCF Distribution's collector take all blobs for garbage."""
    push_everything(repo, other_repo)
    assert [path for path in (v2 / "repositories").rglob("_*") if not path.is_dir()] == []


def test_reading_writes_nothing(repo, v2):
    """Not even a time, while no blob is old."""
    subject = repo.push_image("latest")
    repo.push_manifest(oci.index([], subject=subject.descriptor()))
    location = repo.start_upload()
    layer = subject.document["layers"][0]["digest"]

    def state():
        return {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns, path.stat().st_ino) for path in v2.rglob("*")}

    before = state()
    for method in ("GET", "HEAD"):
        for path in (f"blobs/{layer}", "manifests/latest", f"manifests/{subject.digest}", "tags/list",
                     f"referrers/{subject.digest}", f"blobs/{oci.blob().digest}", "manifests/unknown"):
            expect(repo.request(method, path), 200, 404)
        expect(repo.front.request(method, "/v2/_catalog"), 200)
        expect(repo.front.request(method, "/v2/"), 200)
    expect(repo.front.request("GET", location), 204)
    assert state() == before


def age_of(path):
    return time.time() - path.stat().st_mtime


def make_old(path, age):
    os.utime(path, (time.time() - age,) * 2)


@BOTH_ALGORITHMS
def test_head_keeps_a_blob_from_the_collector(repo, v2, algorithm):
    """A client that was told of a blob need not push it: so its time is renewed, once it is older than half the grace.
    GET promises nothing."""
    blob = repo.push_blob(oci.blob(algorithm=algorithm))
    data = blob_data(v2, blob.digest)
    make_old(data, GRACE * 0.4)
    expect(repo.head(f"blobs/{blob.digest}"), 200)
    assert age_of(data) > GRACE * 0.39
    make_old(data, GRACE * 0.6)
    expect(repo.get(f"blobs/{blob.digest}"), 200)
    assert age_of(data) > GRACE * 0.59
    expect(repo.head(f"blobs/{blob.digest}"), 200)
    assert age_of(data) < 60


def test_head_of_a_blob_that_others_have(repo, other_repo, v2):
    """Nobody was promised anything, so nothing is renewed."""
    blob = other_repo.push_blob(oci.blob())
    make_old(blob_data(v2, blob.digest), GRACE)
    expect(repo.head(f"blobs/{blob.digest}"), 404)
    assert age_of(blob_data(v2, blob.digest)) > GRACE * 0.99


@pytest.mark.parametrize("how", ["mount", "manifest"])
def test_linking_keeps_a_blob_from_the_collector(repo, other_repo, v2, how):
    blob = other_repo.push_blob(oci.blob())
    make_old(blob_data(v2, blob.digest), GRACE)
    if how == "mount":
        expect(repo.post_upload(f"?mount={blob.digest}&from={other_repo.name}"), 201)
    else:
        other_repo.push_manifest(oci.image(blob.descriptor(), []))
    assert age_of(blob_data(v2, blob.digest)) < 60


def test_foreign_entries(repo):
    """What berth does not know is passed over: temporary files, notes of an administrator, half a tag of a crash."""
    manifest = repo.push_image("latest")
    tags = repo.directory / "_manifests/tags"
    revisions = repo.directory / "_manifests/revisions"
    for path in (repo.directory / "note.txt", tags / ".hidden", revisions / "sha256/link.tmp"):
        path.write_text("x")
    (tags / "half").mkdir()
    (repo.directory / "_backup").mkdir()
    (repo.directory / "UPPER/_manifests").mkdir(parents=True)
    assert repo.tags() == ["latest"]
    assert repo.get("manifests/latest").body == manifest.data
    assert [name for name in repo.catalog() if name.startswith(repo.name)] == [repo.name]


def expect_error_answer(response, *statuses):
    expect(response, *statuses)
    assert response.body == b"" or oci.error_code(response) in oci.ERROR_CODES


DAMAGED_LINKS = {"empty": b"", "cut": b"sha256:0123", "no-digest": b"something else", "binary": bytes(range(256)),
                 "huge": b"sha256:" + b"0" * 1_000_000, "climbs": b"sha256:../../../../../../etc/passwd",
                 "newline": b"sha256:" + b"0" * 64 + b"\n"}


@pytest.mark.parametrize("link", DAMAGED_LINKS.values(), ids=DAMAGED_LINKS.keys())
def test_damaged_tag(repo, link):
    """500 for the tag alone. It can be pushed again, and be deleted."""
    manifest = repo.push_image("latest")
    repo.push_manifest(manifest, "other")
    current = repo.directory / "_manifests/tags/latest/current/link"
    current.write_bytes(link)
    for method in ("GET", "HEAD"):
        expect_error_answer(repo.request(method, "manifests/latest"), 500)
    assert repo.get("manifests/other").body == manifest.data
    assert repo.tags() == ["latest", "other"]
    repo.push_manifest(manifest, "latest")
    assert repo.get("manifests/latest").body == manifest.data
    current.write_bytes(link)
    expect(repo.delete("manifests/latest"), 202)
    assert repo.tags() == ["other"]


@pytest.mark.parametrize("link", [b"", b"sha256:" + b"0" * 64, b"something else"], ids=["empty", "other", "no-digest"])
def test_damaged_link_that_is_not_needed(repo, link):
    """What the path says already is taken from there."""
    manifest = repo.push_image("latest")
    layer = manifest.document["layers"][0]["digest"]
    link_path(repo.directory / "_layers", layer).write_bytes(link)
    link_path(repo.directory / "_manifests/revisions", manifest.digest).write_bytes(link)
    expect(repo.get(f"blobs/{layer}"), 200)
    assert repo.get(f"manifests/{manifest.digest}").body == manifest.data
    assert repo.get("manifests/latest").body == manifest.data


def test_tag_of_a_manifest_that_is_gone(repo):
    manifest = repo.push_image("latest")
    link_path(repo.directory / "_manifests/revisions", manifest.digest).unlink()
    expect_error_answer(repo.get(f"manifests/{manifest.digest}"), 404)
    expect(repo.get("manifests/latest"), 200, 404)


def harm_cut(data):
    data.write_bytes(data.read_bytes()[:-1])


def harm_change(data):
    data.write_bytes(data.read_bytes()[:-1] + b"\n\n")


def harm_empty(data):
    data.write_bytes(b"")


def harm_remove(data):
    data.unlink()


def harm_replace_by_directory(data):
    data.unlink()
    data.mkdir()
    hand_over(data, data.parent)


@pytest.mark.parametrize("harm", [harm_cut, harm_change, harm_empty, harm_remove, harm_replace_by_directory])
def test_damaged_manifest(repo, v2, harm):
    """It is served whole or not at all. Pushing it again heals it, unless an administrator has to."""
    manifest = repo.push_image("latest")
    data = blob_data(v2, manifest.digest)
    harm(data)
    for reference in ("latest", manifest.digest):
        for method in ("GET", "HEAD"):
            expect_error_answer(repo.request(method, f"manifests/{reference}"), 404, 500)
    if data.is_dir():
        data.rmdir()
    repo.push_manifest(manifest, "latest")
    assert repo.get("manifests/latest").body == manifest.data


@pytest.mark.parametrize("harm", [harm_cut, harm_change, harm_empty, harm_remove])
def test_damaged_blob(repo, v2, harm):
    """Pushing it again heals it: what is there is not trusted."""
    blob = repo.push_blob(oci.blob())
    harm(blob_data(v2, blob.digest))
    repo.push_blob(blob)
    assert expect(repo.get(f"blobs/{blob.digest}"), 200).body == blob.data


@pytest.mark.parametrize("harm", [harm_remove, harm_replace_by_directory])
def test_missing_blob(repo, v2, harm):
    """A link alone is no blob."""
    blob = repo.push_blob(oci.blob())
    harm(blob_data(v2, blob.digest))
    expect_error_answer(repo.get(f"blobs/{blob.digest}"), 404, 500)
    expect(repo.head(f"blobs/{blob.digest}"), 404, 500)
    oci.expect_error(repo.put_manifest(oci.image(blob.descriptor(), [])), 400, "MANIFEST_BLOB_UNKNOWN")


def test_referrer_entry_that_is_damaged(repo):
    """The list stays a list."""
    subject = repo.push_image()
    referrer = repo.push_manifest(oci.index([], subject=subject.descriptor()))
    good = repo.push_manifest(oci.index([], subject=subject.descriptor(), annotations={"a": "b"}))
    entry = repo.directory / "_referrers" / f"{subject.digest}/{referrer.digest}".replace(":", "/")
    for damage in (b"", b'{"mediaType":', b"\xff\xfe"):
        entry.write_bytes(damage)
        response = expect(repo.get(f"referrers/{subject.digest}"), 200)
        assert good.digest in [descriptor["digest"] for descriptor in response.json()["manifests"]]


@pytest.fixture
def outside():
    """A directory beside the store that looks like parts of one, with a secret as content. All may use it."""
    with tempfile.TemporaryDirectory(prefix="berth-outside-") as directory:
        path = Path(directory)
        path.chmod(0o777)
        (path / "secret").write_text("sha256:" + "5ec2e7" * 10 + "abcd")
        (path / "secret").chmod(0o666)
        yield path


def copy_outside(tree, outside):
    shutil.copytree(tree, outside / "copy")
    hand_over(outside / "copy", tree)
    return outside / "copy"


def replace_by_link(path, target):
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
    path.symlink_to(target)


def plant_data(repo, v2, manifest, outside):
    replace_by_link(blob_data(v2, manifest.document["layers"][0]["digest"]), outside / "secret")


def plant_blob(repo, v2, manifest, outside):
    shutil.copy(outside / "secret", outside / "data")
    replace_by_link(blob_data(v2, manifest.document["layers"][0]["digest"]).parent, outside)


def plant_layer_link(repo, v2, manifest, outside):
    replace_by_link(link_path(repo.directory / "_layers", manifest.document["layers"][0]["digest"]), outside / "secret")


def plant_tag(repo, v2, manifest, outside):
    (outside / "current").mkdir()
    (outside / "current/link").write_text(manifest.digest)
    replace_by_link(repo.directory / "_manifests/tags/latest", outside)


def plant_current(repo, v2, manifest, outside):
    (outside / "secret").write_text(manifest.digest)
    replace_by_link(repo.directory / "_manifests/tags/latest/current/link", outside / "secret")


def plant_manifests(repo, v2, manifest, outside):
    replace_by_link(repo.directory / "_manifests", copy_outside(repo.directory / "_manifests", outside))


def plant_uploads(repo, v2, manifest, outside):
    replace_by_link(repo.directory / "_uploads", outside)


def plant_repository(repo, v2, manifest, outside):
    replace_by_link(repo.directory, copy_outside(repo.directory, outside))


def plant_relative(repo, v2, manifest, outside):
    """Even within the store: what a path says is what counts."""
    other = oci.Repository(repo.front)
    other.push_image("latest")
    replace_by_link(repo.directory, f"../repositories/{other.name}")


PLANTS = [plant_data, plant_blob, plant_layer_link, plant_tag, plant_current, plant_manifests, plant_uploads,
          plant_repository, plant_relative]
# Which of the paths below lead over a planted link.
AFFECTED = {
    plant_data: {"blob"}, plant_blob: {"blob"}, plant_layer_link: {"blob"}, plant_tag: {"tag"}, plant_current: {"tag"},
    plant_manifests: {"tag", "digest"}, plant_uploads: {"upload"},
    plant_repository: {"blob", "tag", "digest", "upload"}, plant_relative: {"blob", "tag", "digest", "upload"},
}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_symbolic_links_are_not_followed(repo, v2, outside, plant):
    """Nothing behind them is read, written or removed; the rest of the repository works."""
    manifest = repo.push_image("latest")
    layer = manifest.document["layers"][0]["digest"]
    plant(repo, v2, manifest, outside)
    affected = AFFECTED[plant]
    with assert_unchanged(outside):
        for kind, path in (("blob", f"blobs/{layer}"), ("tag", "manifests/latest"),
                           ("digest", f"manifests/{manifest.digest}")):
            for method in ("GET", "HEAD"):
                response = expect(repo.request(method, path), *((404, 500) if kind in affected else (200,)))
                assert b"5ec2e7" not in response.body
        expect(repo.post_upload(), *((404, 500) if "upload" in affected else (202,)))
        for path in ("tags/list", f"referrers/{manifest.digest}"):
            assert b"5ec2e7" not in expect(repo.get(path), 200, 404, 500).body
        for path in ("manifests/latest", f"manifests/{manifest.digest}", f"blobs/{layer}"):
            expect(repo.delete(path), 202, 404, 500)
        assert expect(repo.front.request("GET", "/v2/"), 200)


def test_session_behind_a_symbolic_link(repo, outside):
    location = repo.start_upload()
    directory = repo.directory / "_uploads" / location.rsplit("/", 1)[1]
    replace_by_link(directory, copy_outside(directory, outside))
    with assert_unchanged(outside):
        expect(repo.front.request("GET", location), 404, 500)
        expect(repo.send_chunk(location, b"some"), 404, 500)
        expect(repo.close_upload(location, oci.digest_of(b""), b""), 404, 500)
        expect(repo.front.request("DELETE", location), 404, 500)
