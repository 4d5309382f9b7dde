# SPDX-License-Identifier: Apache-2.0
"""What is told of each change, by each way in: exactly that, none of what failed, none twice. (Issue 9, point 5.)"""

import json
import os
import re
import subprocess
import time

import pytest

from tests.conftest import running_front
from tests.lib import oci
from tests.lib.archives import Layout, docker_archive, image, write_directory, write_tar
from tests.lib.events import Ears, brief, told_in
from tests.lib.oci import expect
from tests.lib.paths import BUILD

ACTOR = {"user", "how", "address", "agent", "requestId"}


class As:
    """A front, with the same headers at each request."""

    def __init__(self, front, headers):
        self.front, self.headers, self.root = front, headers, front.root

    def request(self, method, target, headers=None, body=None):
        return self.front.request(method, target, {**self.headers, **(headers or {})}, body)

    def logs(self):
        return self.front.logs()


@pytest.fixture(scope="module")
def front():
    with running_front("lighttpd", env={"BERTH_LOG_LEVEL": "debug"}, workers=2) as front:
        yield As(front, {"User-Agent": 'docker/20 "quoted"', "X-Request-Id": "request-1"})


@pytest.fixture
def ears(front):
    ears = Ears(front, oci.Repository(front))
    ears.take()
    return ears


@pytest.fixture
def repo(front):
    return oci.Repository(front)


class Commands:
    """`berth` on the store of the front. Returns what was told, in brief."""

    def __init__(self, front):
        self.root = front.root

    def __call__(self, *args, status=0, conf=None):
        environment = {"PATH": "/usr/bin:/bin", "BERTH_LOG_LEVEL": "debug", "BERTH_DURABILITY": "none",
                       **({"BERTH_CONF": str(conf)} if conf else {})}
        done = subprocess.run([BUILD / "berth", *args, "--root", self.root], capture_output=True, text=True, timeout=60,
                              env=environment)
        assert done.returncode == status, (args, done)
        events = told_in(done.stderr)
        for event in events:
            assert event["actor"] == {"user": "root", "how": "command"}
        return brief(events)


@pytest.fixture
def berth(front):
    return Commands(front)


def pushed(repo, manifest, *tags):
    return [("manifest-pushed", repo.name, manifest.digest), *[("tag-pushed", repo.name, tag) for tag in tags]]


def blobs_of(manifest):
    return [part["digest"] for part in (manifest.document["config"], *manifest.document["layers"])]


def age(path, days=10):
    os.utime(path, (time.time() - days * 86400,) * 2)


def age_all(root):
    for directory, below, files in os.walk(root):
        for name in below + files:
            os.utime(os.path.join(directory, name), (time.time() - 10 * 86400,) * 2, follow_symlinks=False)


def test_an_event_has_all_that_is_known(front, repo, ears):
    layer = repo.push_blob(oci.blob(100, oci.OCI_LAYER))
    other = oci.Repository(front)
    expect(other.post_upload(f"?mount={layer.digest}&from={repo.name}"), 201)
    manifest = repo.push_manifest(oci.image(layer.descriptor(), []), "v1")
    blob, mount, whole, tag = ears.take()
    for event in (blob, mount, whole, tag):
        assert event.pop("time").startswith(time.strftime("20"))
        assert set(event["actor"]) <= ACTOR
        assert event.pop("actor") == {"address": "127.0.0.1", "agent": 'docker/20 "quoted"', "requestId": "request-1"}
    assert blob == {"event": "blob-pushed", "repository": repo.name, "digest": layer.digest, "size": 100}
    assert mount == {"event": "blob-mounted", "repository": other.name, "digest": layer.digest, "size": 100,
                     "from": repo.name}
    assert whole == {"event": "manifest-pushed", "repository": repo.name, "digest": manifest.digest,
                     "mediaType": oci.OCI_MANIFEST, "size": len(manifest.data)}
    assert tag == {**whole, "event": "tag-pushed", "tag": "v1"}


def test_http_blobs(front, repo, ears):
    content, other = oci.blob(100), oci.Repository(front)
    location = repo.start_upload()
    expect(repo.send_chunk(location, content.data[:60]), 202)
    expect(repo.send_chunk(location, b"x", first=7), 416)
    expect(repo.close_upload(location, oci.digest_of(b"another"), b"x"), 400)
    expect(repo.post_upload("?digest=" + oci.digest_of(b"another")), 400)
    expect(repo.request("POST", f"blobs/uploads/?mount={oci.digest_of(b'none')}", body=b""), 202)
    expect(repo.delete(f"blobs/{content.digest}"), 404)
    expect(repo.delete(repo.start_upload().split(f"{repo.name}/")[1]), 204)
    assert ears.take() == []
    repo.push_blob(content)
    assert brief(ears.take()) == [("blob-pushed", repo.name, content.digest)]
    whole = oci.blob(50)
    expect(repo.request("POST", f"blobs/uploads/?digest={whole.digest}", {"Content-Type": oci.OCTET_STREAM}, whole.data), 201)
    assert brief(ears.take()) == [("blob-pushed", repo.name, whole.digest)]
    expect(other.post_upload(f"?mount={content.digest}"), 201)
    [mount] = ears.take()
    assert (mount["event"], mount["from"]) == ("blob-mounted", repo.name)
    expect(repo.head(f"blobs/{content.digest}"), 200)
    expect(repo.get(f"blobs/{content.digest}"), 200)
    assert ears.take() == []
    expect(repo.delete(f"blobs/{content.digest}"), 202)
    expect(repo.delete(f"blobs/{content.digest}"), 404)
    assert brief(ears.take()) == [("blob-deleted", repo.name, content.digest)]


def test_http_manifests_and_tags(repo, ears):
    first = repo.push_image("v1")
    assert brief(ears.take())[2:] == pushed(repo, first, "v1")
    second = repo.push_image()
    assert brief(ears.take())[2:] == pushed(repo, second)
    expect(repo.put_manifest(second, f"{second.digest}?tag=v2&tag=v3"), 201)
    assert brief(ears.take()) == pushed(repo, second, "v2", "v3")
    expect(repo.put_manifest(second, "v1"), 201)  # moves it
    assert brief(ears.take()) == pushed(repo, second, "v1")
    lacking = oci.image(oci.blob().descriptor(), [])
    expect(repo.put_manifest(lacking, "v4"), 400)
    expect(repo.put_manifest(oci.Content(b"{}", oci.OCI_MANIFEST), "v4"), 400)
    expect(repo.put_manifest(first, second.digest), 400)
    expect(repo.put_manifest(first, "v1", {"If-Match": f'"{first.digest}"'}), 412)
    expect(repo.delete("manifests/v1", {"If-Match": f'"{first.digest}"'}), 412)
    expect(repo.delete("manifests/v9"), 404)
    expect(repo.delete(f"manifests/{lacking.digest}"), 404)
    for reference in ("v1", second.digest):
        expect(repo.get(f"manifests/{reference}"), 200)
        expect(repo.head(f"manifests/{reference}"), 200)
    assert ears.take() == []
    expect(repo.delete("manifests/v1"), 202)
    [event] = ears.take()
    assert (event["event"], event["tag"], event["digest"]) == ("tag-deleted", "v1", second.digest)
    expect(repo.delete(f"manifests/{second.digest}"), 202)
    expect(repo.delete(f"manifests/{second.digest}"), 404)
    assert brief(ears.take()) == [("tag-deleted", repo.name, "v2"), ("tag-deleted", repo.name, "v3"),
                                  ("manifest-deleted", repo.name, second.digest)]


def test_commands_that_look_tell_nothing(repo, berth):
    repo.push_image("v1")
    for command in (["ls"], ["tags", repo.name], ["inspect", repo.name + ":v1"], ["du"], ["gc", "--dry-run"], ["fsck"],
                    ["rm", repo.name + ":v1", "--dry-run"], ["rm", "-r", repo.name, "--dry-run"]):
        assert berth(*command) == []


def test_tag_and_cp(front, repo, berth):
    top = repo.push_image("v1")
    signature = repo.push_manifest(oci.index([], subject=top.descriptor()))
    target = oci.Repository(front)
    assert berth("tag", f"{repo.name}:v1", "v2") == [("tag-pushed", repo.name, "v2")]
    assert berth("tag", f"{repo.name}:v9", "v2", status=66) == []
    assert berth("cp", f"{repo.name}:v9", target.name, status=66) == []
    assert berth("cp", f"{repo.name}:v1", f"{target.name}:prod") == [
        *[("blob-mounted", target.name, digest) for digest in blobs_of(top)],
        *pushed(target, top), *pushed(target, signature), ("tag-pushed", target.name, "prod")]


def test_rm(repo, berth):
    top = repo.push_image("v1")
    repo.push_image("v3")
    expect(repo.put_manifest(top, "v2"), 201)
    assert berth("rm", f"{repo.name}:v9", status=66) == []
    assert berth("rm", f"{repo.name}:v1") == [("tag-deleted", repo.name, "v1")]
    assert berth("rm", f"{repo.name}@{top.digest}") == [("tag-deleted", repo.name, "v2"),
                                                       ("manifest-deleted", repo.name, top.digest)]
    assert berth("rm", "-r", repo.name) == [("repository-deleted", repo.name, None)]
    assert berth("rm", "-r", repo.name, status=66) == []


def test_import_of_a_layout(front, repo, berth, tmp_path):
    """Two images that share a part, one of them in two repositories."""
    layout = Layout()
    repo, other = sorted((repo, oci.Repository(front)), key=lambda each: each.name)  # as they are imported
    shared = layout.image(layers=1)
    first = layout.manifest(oci.index([shared.descriptor()]))
    second = layout.manifest(oci.index([shared.descriptor()], annotations={"n": "2"}))
    layout.list(first, repository=repo.name, ref="v1")
    layout.list(second, repository=repo.name, ref="v2")
    layout.list(first, repository=other.name, ref="v1")
    directory = write_directory(tmp_path / "layout", layout.all())
    told = berth("import", directory)
    parts = [("blob-pushed", repo.name, digest) for digest in blobs_of(shared)]
    again = [("blob-mounted", other.name, digest) for digest in blobs_of(shared)]
    assert sorted(told) == sorted([*parts, *pushed(repo, shared), *pushed(repo, first, "v1"), *pushed(repo, second, "v2"),
                                   *again, *pushed(other, shared), *pushed(other, first, "v1")])
    assert len(set(told)) == len(told)


def test_import_of_what_docker_saved(repo, berth, tmp_path):
    """The layers are stored before it is known what names them."""
    told = berth("import", write_tar(tmp_path / "saved.tar", docker_archive(image(f"{repo.name}:v1"))))
    assert [what for what, _, _ in told] == ["blob-pushed"] * 3 + ["manifest-pushed", "tag-pushed"]
    assert len(set(told)) == len(told)
    assert {name for _, name, _ in told} == {repo.name}


def test_a_broken_import_tells_what_it_stored(repo, berth, tmp_path):
    layout = Layout()
    top = layout.list(layout.image(layers=1), repository=repo.name, ref="v1")
    good, damaged = blobs_of(top)
    files = layout.all()
    files[f"blobs/sha256/{damaged[7:]}"] = b"x" * 3000
    told = berth("import", write_directory(tmp_path / "layout", files), status=65)
    assert told in ([], [("blob-pushed", repo.name, good)])


@pytest.fixture
def own():
    """A front for what would meet the content of other tests."""
    with running_front("cgi") as front:
        yield front


def test_retain(own, tmp_path):
    repo = oci.Repository(own, "team/app")
    conf = tmp_path / "berth.conf"
    conf.write_text('durability = "none"\nretain "**" { newest = 1 untagged = "1d" }\ngrace = 3600\n')
    old, new = repo.push_image("v1"), repo.push_image("v2")
    age(repo.directory / "_manifests/tags/v1/current/link")
    berth = Commands(own)
    assert berth("retain", "--dry-run", conf=conf) == []
    assert berth("retain", conf=conf) == [("tag-deleted", repo.name, "v1")]
    assert berth("retain", conf=conf) == []
    age(repo.directory / "_manifests/revisions" / old.digest.replace(":", "/") / "link")
    assert berth("retain", conf=conf) == [("manifest-deleted", repo.name, old.digest)]
    assert repo.tags() == ["v2"] and new


def test_gc(own):
    repo, other = oci.Repository(own, "team/app"), oci.Repository(own, "other")
    repo.push_image("v1")
    gone = other.push_image()
    signature = other.push_image(gone.digest.replace(":", "-") + ".sig")
    blobs = [*blobs_of(gone), *blobs_of(signature)]
    upload = repo.start_upload()
    age_all(own.root)
    berth = Commands(own)
    assert berth("gc", "--dry-run") == []
    told = berth("gc")
    assert told[0] == ("tag-deleted", other.name, gone.digest.replace(":", "-") + ".sig")
    assert sorted(told[1:3]) == sorted(("manifest-deleted", other.name, digest) for digest in (gone.digest, signature.digest))
    assert sorted(told[3:-1]) == sorted(("blob-deleted", other.name, digest) for digest in blobs)
    assert told[-1] == ("repository-deleted", other.name, None)
    assert berth("gc") == []
    expect(own.request("GET", upload), 404)


def test_the_log_is_quiet_unless_it_is_to_be_loud(own):
    repo = oci.Repository(own)
    repo.push_image("v1")
    done = subprocess.run([BUILD / "berth", "rm", f"{repo.name}:v1", "--root", own.root, "--json"], capture_output=True,
                          text=True, check=True)
    assert json.loads(done.stdout)["tags"] == ["v1"]
    assert re.fullmatch(r"berth: the space comes back by `berth gc`, .*\n", done.stderr)
