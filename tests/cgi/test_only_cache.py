# SPDX-License-Identifier: Apache-2.0
"""The cache of other registries: names, tags and manifests, and what happens while the upstream does not answer."""

import ctypes
import fcntl
import json
import os
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest

from tests.lib import oci, upstreams
from tests.lib.oci import expect, expect_error
from tests.lib.paths import BUILD
from tests.lib.workers import wait_for

IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO = 0x2, 0x40, 0x80  # inotify(7)
NOWHERE = oci.digest_of(b"a blob that nobody has")


@pytest.fixture
def upstream():
    with upstreams.running() as upstream:
        yield upstream


@pytest.fixture
def cached(upstream, start_cgi, tmp_path):
    """Starts a cache of it: `cached("default = true", title="quay.io")`."""
    def start(*keys, title="docker.io", **settings):
        return start_cgi(conf=upstreams.configuration(tmp_path / "berth.conf", (title, upstream.url, *keys), **settings))
    return start


def add_image(upstream, name="library/app", *tags):
    """(image, layer)"""
    config, layer = oci.blob(64, oci.OCI_CONFIG), oci.blob(100_000, oci.OCI_LAYER)
    upstream.add(config, layer)
    return upstream.add_manifest(name, oci.image(config.descriptor(), [layer.descriptor()]), *tags), layer


def marks(front, kind):
    return list((front.root / "docker/registry/v2/_berth/fetch/upstream").glob(f"*/{kind}/*/*"))


def forget(front, kind):
    """As if that had been long ago."""
    for mark in marks(front, kind):
        os.utime(mark, (0, 0))


def test_14_an_image_is_pulled_through(upstream, cached):
    image, layer = add_image(upstream, "library/app", "1")
    front = cached()
    for _ in range(2):
        for reference in ("1", image.digest):
            pulled = expect(front.request("GET", f"/v2/docker.io/library/app/manifests/{reference}"), 200)
            assert pulled.body == image.data
            assert pulled.headers["Docker-Content-Digest"] == image.digest
        assert expect(front.request("GET", f"/v2/docker.io/library/app/blobs/{layer.digest}"), 200).body == layer.data
    assert upstream.count("GET", "/manifests/") == upstream.count("GET", "/blobs/") == 1
    assert expect(front.request("GET", "/v2/_catalog"), 200).json()["repositories"] == ["docker.io/library/app"]


@pytest.mark.parametrize("name", ["app", "library/app", "docker.io/app", "docker.io/library/app"])
def test_14_names_of_docker_hub(upstream, cached, name):
    """One name here, whatever the client calls it."""
    image, _ = add_image(upstream, "library/app", "1")
    front = cached("default = true")
    assert expect(front.request("GET", f"/v2/{name}/manifests/1"), 200).body == image.data
    assert [path for _, path in upstream.asked] == ["/v2/library/app/manifests/1"]
    assert (front.root / "docker/registry/v2/repositories/docker.io/library/app/_manifests/tags/1").is_dir()


def test_14_ns_is_looked_up_and_never_dialled(upstream, cached):
    image, _ = add_image(upstream, "team/app", "1")
    front = cached('names = {"mirror.example"}', title="quay.io")
    for ns in ("quay.io", "mirror.example", "QUAY.IO"):
        pulled = expect(front.request("GET", f"/v2/team/app/manifests/1?ns={ns}"), 200)
        assert pulled.body == image.data
        assert pulled.headers["OCI-Namespace"] == ns
    unknown = expect_error(front.request("GET", f"/v2/team/app/manifests/1?ns=127.0.0.1:{upstream.port}"), 404, "NAME_UNKNOWN")
    assert "OCI-Namespace" in unknown.headers
    assert upstream.count("GET", "/") == 1


def test_14_ns_of_this_registry_itself(cached):
    front = cached()
    repo = oci.Repository(front, "team/own")
    image = repo.push_image("1")
    for ns, host in (("here.example", "here.example:5000"), ("here.example:5000", "here.example:5000")):
        assert expect(repo.get(f"manifests/1?ns={ns}", {"Host": host}), 200).body == image.data


def test_14_ns_is_ignored_on_writes(cached):
    front = cached()
    repo = oci.Repository(front, "team/own")
    expect(repo.post_upload("?ns=docker.io"), 202)
    expect(repo.post_upload("?ns=unknown.example"), 202)


def test_14_local_repositories_come_first(upstream, cached):
    """A name that somebody pushed here is never looked for elsewhere."""
    add_image(upstream, "library/app", "1")
    front = cached("default = true")
    repo = oci.Repository(front, "library/app")
    image = repo.push_image("1")
    assert expect(repo.get("manifests/1"), 200).body == image.data
    expect_error(repo.get("manifests/2"), 404, "MANIFEST_UNKNOWN")
    assert not upstream.asked


def test_14_private_names_never_go_upstream(upstream, start_cgi, tmp_path):
    conf = upstreams.configuration(tmp_path / "berth.conf", ("docker.io", upstream.url, "default = true"))
    conf.write_text(conf.read_text() + 'private = {"team/**"}\n')
    front = start_cgi(conf=conf)
    expect_error(front.request("GET", "/v2/team/app/manifests/1"), 404, "MANIFEST_UNKNOWN")
    expect_error(front.request("GET", f"/v2/team/app/blobs/{oci.blob().digest}"), 404, "BLOB_UNKNOWN")
    assert not upstream.asked


def test_14_only_and_except(upstream, cached):
    add_image(upstream, "library/app", "1")
    add_image(upstream, "library/evil", "1")
    front = cached('only = {"library/*"}', 'except = {"library/evil"}')
    expect(front.request("GET", "/v2/docker.io/app/manifests/1"), 200)
    for name in ("library/evil", "team/app"):
        expect_error(front.request("GET", f"/v2/docker.io/{name}/manifests/1"), 404, "NAME_UNKNOWN")


def test_14_nobody_pushes_into_a_cache(upstream, cached):
    front = cached()
    image, layer = add_image(upstream, "library/app", "1")
    repo = oci.Repository(front, "docker.io/library/app")
    for answer in (repo.post_upload(), repo.put_manifest(image, "1")):
        expect_error(answer, 405, "UNSUPPORTED")
        assert "push to docker.io itself" in answer.json()["errors"][0]["message"]


def test_14_delete_drops_what_is_cached(upstream, cached):
    image, _ = add_image(upstream, "library/app", "1")
    front = cached()
    repo = oci.Repository(front, "docker.io/library/app")
    expect(repo.get("manifests/1"), 200)
    expect(repo.delete("manifests/1"), 202)
    newer, _ = add_image(upstream, "library/app", "1")
    assert expect(repo.get("manifests/1"), 200).body == newer.data


def test_14_an_index_is_kept_without_its_platforms(upstream, cached):
    """Of what nobody asked for nothing is fetched."""
    one, _ = add_image(upstream)
    other, _ = add_image(upstream)
    index = upstream.add_manifest("library/app", oci.index([one.descriptor(), other.descriptor()]), "1")
    front = cached()
    assert expect(front.request("GET", "/v2/docker.io/app/manifests/1"), 200).body == index.data
    assert expect(front.request("GET", f"/v2/docker.io/app/manifests/{one.digest}"), 200).body == one.data
    assert upstream.count("GET", other.digest) == 0


def test_14_a_tag_is_looked_at_once_within_revalidate(upstream, cached):
    image, _ = add_image(upstream, "library/app", "1")
    front = cached()
    repo = oci.Repository(front, "docker.io/library/app")
    for _ in range(3):
        assert expect(repo.get("manifests/1"), 200).body == image.data
    assert upstream.asked == [("GET", "/v2/library/app/manifests/1")]
    forget(front, "checked")
    for _ in range(3):
        assert expect(repo.get("manifests/1"), 200).body == image.data
    assert upstream.asked[1:] == [("HEAD", "/v2/library/app/manifests/1")]
    newer, _ = add_image(upstream, "library/app", "1")
    forget(front, "checked")
    assert expect(repo.get("manifests/1"), 200).body == newer.data
    assert upstream.asked[2:] == [("HEAD", "/v2/library/app/manifests/1"), ("GET", f"/v2/library/app/manifests/{newer.digest}")]


def test_14_immutable_tags_and_digests_are_never_looked_at_again(upstream, cached):
    image, _ = add_image(upstream, "library/app", "v1.0", "latest")
    front = cached('immutable = {"v*"}', 'revalidate = "0s"')
    repo = oci.Repository(front, "docker.io/library/app")
    for reference in ("v1.0", image.digest, "v1.0", image.digest):
        expect(repo.get(f"manifests/{reference}"), 200)
    assert len(upstream.asked) == 1
    for _ in range(2):
        expect(repo.get("manifests/latest"), 200)
    assert upstream.count("HEAD", "latest") == 1


@pytest.mark.parametrize(("status", "headers"), [(500, {}), (503, {}), (403, {}), (429, {"Retry-After": "100"}), (None, {})],
                         ids=["500", "503", "403", "429", "gone"])
def test_14_what_is_cached_is_served_while_the_upstream_fails(upstream, cached, status, headers):
    image, layer = add_image(upstream, "library/app", "1")
    front = cached('revalidate = "0s"')
    repo = oci.Repository(front, "docker.io/library/app")
    assert "Warning" not in expect(repo.get("manifests/1"), 200).headers
    expect(repo.get(f"blobs/{layer.digest}"), 200)
    if status:
        upstream.status, upstream.headers = status, headers
    else:
        upstream.stop()
    for _ in range(2):
        pulled = expect(repo.get("manifests/1"), 200)
        assert pulled.body == image.data
        assert pulled.headers["Warning"].startswith("110 ")
    assert "Warning" not in expect(repo.get(f"manifests/{image.digest}"), 200).headers
    assert expect(repo.get(f"blobs/{layer.digest}"), 200).body == layer.data


def test_14_stale_never(upstream, cached):
    add_image(upstream, "library/app", "1")
    front = cached('revalidate = "0s"', 'stale = "never"')
    repo = oci.Repository(front, "docker.io/library/app")
    expect(repo.get("manifests/1"), 200)
    upstream.status = 500
    expect(repo.get("manifests/1"), 502)


@pytest.mark.parametrize(("stale", "status"), [("errors", 404), ("always", 200)])
def test_14_a_tag_that_the_upstream_has_no_more(upstream, cached, stale, status):
    add_image(upstream, "library/app", "1")
    front = cached('revalidate = "0s"', f'stale = "{stale}"')
    repo = oci.Repository(front, "docker.io/library/app")
    expect(repo.get("manifests/1"), 200)
    del upstream.manifests["library/app", "1"]
    expect(repo.get("manifests/1"), status)


def test_14_429_passes_with_its_time_and_is_left_alone(upstream, cached):
    upstream.status, upstream.headers = 429, {"Retry-After": "100"}
    front = cached()
    for name in ("app", "other"):
        refused = expect_error(front.request("GET", f"/v2/docker.io/{name}/manifests/1"), 429, "TOOMANYREQUESTS")
        assert 90 <= int(refused.headers["Retry-After"]) <= 100
    assert len(upstream.asked) == 1


@pytest.mark.parametrize("path", ["manifests/1", f"blobs/{NOWHERE}"])
def test_14_an_error_names_the_upstream_and_its_reason(upstream, cached, path):
    upstream.status = 500
    front = cached()
    failed = expect(front.request("GET", f"/v2/docker.io/app/{path}"), 502)
    message = failed.json()["errors"][0]["message"]
    assert "docker.io" in message
    assert "500" in message
    upstream.stop()
    failed = expect(front.request("GET", f"/v2/docker.io/app/{path}"), 502)
    assert "docker.io" in failed.json()["errors"][0]["message"]


@pytest.mark.parametrize(("path", "code"), [("manifests/1", "MANIFEST_UNKNOWN"), (f"blobs/{NOWHERE}", "BLOB_UNKNOWN")])
def test_14_404_is_remembered_for_a_moment(upstream, cached, path, code):
    front = cached()
    for _ in range(3):
        expect_error(front.request("GET", f"/v2/docker.io/app/{path}"), 404, code)
    asked = len(upstream.asked)
    assert asked == 1
    forget(front, "missing")
    expect_error(front.request("GET", f"/v2/docker.io/app/{path}"), 404, code)
    assert len(upstream.asked) == asked + 1


@pytest.mark.parametrize("kinds", [("blobs", "manifests"), ("manifests", "blobs")], ids=" then ".join)
def test_14_what_is_no_blob_may_be_a_manifest(upstream, cached, kinds):
    """Clients that only know a digest look for it as the one, then as the other."""
    image, layer = add_image(upstream)
    wanted = {"manifests": image, "blobs": layer}[kinds[1]]
    front = cached()
    expect(front.request("GET", f"/v2/docker.io/app/{kinds[0]}/{wanted.digest}"), 404)
    assert expect(front.request("GET", f"/v2/docker.io/app/{kinds[1]}/{wanted.digest}"), 200).body == wanted.data


def test_14_head_of_a_blob_downloads_nothing(upstream, cached):
    _, layer = add_image(upstream)
    front = cached()
    for _ in range(2):
        answer = expect(front.request("HEAD", f"/v2/docker.io/app/blobs/{layer.digest}"), 200)
        assert answer.headers["Content-Length"] == str(len(layer.data))
        assert answer.headers["Docker-Content-Digest"] == layer.digest
    assert upstream.count("GET", "/") == 0
    assert not list(front.root.glob("docker/registry/v2/blobs/*/*/*/data"))


def test_14_a_blob_of_another_name_is_linked_once_the_upstream_has_it(upstream, cached):
    """Who may read one repository learns nothing of another's."""
    _, layer = add_image(upstream)
    front = cached()
    secret = oci.Repository(front, "team/secret").push_blob(oci.blob())
    expect_error(front.request("GET", f"/v2/docker.io/app/blobs/{secret.digest}"), 404, "BLOB_UNKNOWN")
    expect(front.request("GET", f"/v2/docker.io/one/blobs/{layer.digest}"), 200)
    assert expect(front.request("GET", f"/v2/docker.io/two/blobs/{layer.digest}"), 200).body == layer.data
    assert upstream.count("HEAD", f"library/two/blobs/{layer.digest}") == 1
    assert upstream.count("GET", "/blobs/") == 1


@pytest.mark.parametrize(("asked", "first", "last"), [("0-9", 0, 9), ("99990-", 99_990, 99_999), ("-10", 99_990, 99_999),
                                                      ("50000-50009", 50_000, 50_009)])
def test_14_a_range_of_a_cold_blob(upstream, cached, asked, first, last):
    _, layer = add_image(upstream)
    front = cached()
    part = expect(front.request("GET", f"/v2/docker.io/app/blobs/{layer.digest}", {"Range": f"bytes={asked}"}), 206)
    assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(layer.data)}"
    assert part.body == layer.data[first:last + 1]


def test_14_a_range_behind_the_end_of_a_cold_blob(upstream, cached):
    """Says how long it is (RFC 9110, section 15.5.17), as when it is here."""
    _, layer = add_image(upstream)
    front = cached()
    path = f"/v2/docker.io/app/blobs/{layer.digest}"
    upstream.stop_at = 1000
    with front.spawn("GET", path, {"Range": "bytes=100000-"}) as process:
        process.stdin.close()
        cold = front.response("GET", process.stdout.read())  # its log is the filler's, too, and stays open
        upstream.gate.set()
    expect(front.request("GET", path), 200)
    for answer in (expect(cold, 416), expect(front.request("GET", path, {"Range": "bytes=100000-"}), 416)):
        assert answer.headers["Content-Range"] == "bytes */100000"


def test_14_a_manifest_of_another_digest_is_not_taken(upstream, cached):
    image, _ = add_image(upstream, "library/app")
    wrong, _ = add_image(upstream, "library/other")
    upstream.manifests["library/app", image.digest] = wrong
    front = cached()
    failed = expect(front.request("GET", f"/v2/docker.io/app/manifests/{image.digest}"), 502)
    assert "docker.io" in failed.json()["errors"][0]["message"]
    assert not list(front.root.glob("docker/registry/v2/blobs/*/*/*/data"))


def test_14_access_rules_count_for_the_name_here(upstream, start_cgi, tmp_path):
    add_image(upstream, "library/app", "1")
    conf = upstreams.configuration(tmp_path / "berth.conf", ("docker.io", upstream.url, "default = true"))
    conf.write_text(conf.read_text() + 'repository "**" { pull = {"*"} }\nrepository "docker.io/**" { pull = {"alice"} }\n')
    front = start_cgi(conf=conf)
    for target in ("docker.io/library/app/manifests/1", "library/app/manifests/1", "app/manifests/1?ns=docker.io"):
        expect_error(front.request("GET", f"/v2/{target}"), 401, "UNAUTHORIZED")
    for path in ("manifests/1", f"blobs/{NOWHERE}", "tags/list"):
        expect(front.request("GET", f"/v2/docker.io/app/{path}", variables={"REMOTE_USER": "bob"}), 404)
    assert not upstream.asked
    assert not list(front.root.glob("docker/registry/v2/_berth/fetch/*"))
    assert front.request("GET", "/v2/app/manifests/1", variables={"REMOTE_USER": "alice"}).status == 200


def test_14_a_failed_upstream_is_asked_again_after_a_moment(upstream, cached):
    image, _ = add_image(upstream, "library/app", "1")
    front = cached()
    upstream.status = 500
    expect(front.request("GET", "/v2/docker.io/app/manifests/1"), 502)
    upstream.status = None
    assert expect(front.request("GET", "/v2/docker.io/app/manifests/1"), 200).body == image.data


def test_14_where_the_time_is_of_tomorrow(upstream, cached):
    """A clock that was wrong keeps no answer for ever."""
    add_image(upstream, "library/app", "1")
    front = cached()
    expect(front.request("GET", "/v2/docker.io/app/manifests/1"), 200)
    for mark in marks(front, "checked"):
        os.utime(mark, (time.time() + 86400,) * 2)
    expect(front.request("GET", "/v2/docker.io/app/manifests/1"), 200)
    assert upstream.count("HEAD", "/manifests/") == 1


def test_14_tags_are_the_upstreams(upstream, cached):
    """All that it has, not what was pulled; and what it had, while it fails."""
    upstream.tags["library/app"] = ["3", "1", "2"]
    front = cached('revalidate = "1h"')
    for _ in range(2):
        assert expect(front.request("GET", "/v2/docker.io/app/tags/list"), 200).json() == {"name": "docker.io/library/app",
                                                                                           "tags": ["1", "2", "3"]}
    page = expect(front.request("GET", "/v2/app/tags/list?ns=docker.io&n=2"), 200)
    assert page.json()["tags"] == ["1", "2"]
    target = page.headers["Link"].partition(">")[0].removeprefix("<")
    assert expect(front.request("GET", target), 200).json()["tags"] == ["3"]
    assert upstream.count("GET", "/tags/list") == 1
    forget(front, "checked")
    upstream.status = 500
    stale = expect(front.request("GET", "/v2/docker.io/app/tags/list"), 200)
    assert stale.json()["tags"] == ["1", "2", "3"]
    assert stale.headers["Warning"].startswith("110 ")
    expect(front.request("GET", "/v2/docker.io/other/tags/list"), 502)


def test_14_tags_of_what_was_pulled_have_to_do(upstream, cached):
    add_image(upstream, "library/app", "1")
    front = cached()
    expect(front.request("GET", "/v2/docker.io/app/manifests/1"), 200)
    upstream.status = 500
    listed = expect(front.request("GET", "/v2/docker.io/app/tags/list"), 200)
    assert listed.json()["tags"] == ["1"]
    assert "Warning" in listed.headers


def test_14_tags_of_no_repository(cached):
    expect_error(cached().request("GET", "/v2/docker.io/app/tags/list"), 404, "NAME_UNKNOWN")


def test_14_referrers_are_the_upstreams(upstream, cached):
    """So that signatures are found through the cache."""
    image, _ = add_image(upstream, "library/app", "1")
    signature = oci.image(oci.blob(2, oci.OCI_EMPTY).descriptor(), [], artifactType="application/x.signature",
                          subject=image.descriptor())
    upstream.add_manifest("library/app", signature)
    listed = [signature.descriptor(artifactType="application/x.signature"),
              oci.blob().descriptor(artifactType="application/x.sbom")]
    upstream.referrers[image.digest] = listed
    front = cached('revalidate = "1h"')
    repo = oci.Repository(front, "docker.io/library/app")
    assert repo.referrers(image.digest) == listed
    assert repo.referrers(image.digest, "?artifactType=application/x.signature") == listed[:1]
    assert expect(repo.get(f"manifests/{signature.digest}"), 200).body == signature.data
    assert upstream.count("GET", "/referrers/") == 1
    forget(front, "checked")
    upstream.status = 503
    assert repo.referrers(image.digest) == listed


def test_14_the_collector_takes_what_nobody_waited_for(upstream, cached):
    """After a day; but not what somebody fills just now, nor what serves while the upstream fails."""
    upstream.tags["library/app"] = ["1"]
    add_image(upstream, "library/app", "1")
    front = cached()
    for path in ("manifests/1", "tags/list"):
        expect(front.request("GET", f"/v2/docker.io/app/{path}"), 200)
    fetch = front.root / "docker/registry/v2/_berth/fetch"
    files = {name: fetch / f"sha256/ab/{name}" for name in ("left", "left.head", "bad.bad", "filled", "young")}
    (fetch / "sha256/ab").mkdir(parents=True)
    for path in files.values():
        path.write_bytes(b"x")
    with open(files["filled"], "r+b") as filled:
        fcntl.fcntl(filled, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        for path in fetch.rglob("*"):
            if path.is_file() and path.name != "young":
                os.utime(path, (time.time() - 2 * 86400,) * 2)
        subprocess.run([BUILD / "berth", "gc", "--root", front.root], check=True, capture_output=True)
    assert {name for name, path in files.items() if path.exists()} == {"filled", "young"}
    assert not marks(front, "checked")
    assert marks(front, "lists")
    assert (fetch / "flights").exists()


def verdict(front, image):
    output = subprocess.run([BUILD / "berth", "cache", "check", "--json", "--root", front.root, "--config",
                             front.env["BERTH_CONF"], image], capture_output=True, text=True, check=True).stdout
    return json.loads(output)


def test_14_cache_check_says_what_a_pull_would_do(upstream, cached):
    image, _ = add_image(upstream, "library/app", "1")
    front = cached('revalidate = "1h"', 'except = {"library/evil"}')
    expect(front.request("GET", "/v2/"), 200)  # which makes the store
    asked = {"repository": "docker.io/library/app", "reference": "1", "upstream": "docker.io", "there": "library/app"}
    assert verdict(front, "docker.io/app:1") == {**asked, "digest": None, "next": "asked"}
    expect(front.request("GET", "/v2/docker.io/app/manifests/1"), 200)
    here = verdict(front, "docker.io/app:1")
    assert here.pop("age") < 60
    assert here == {**asked, "digest": image.digest, "next": "here"}
    forget(front, "checked")
    assert verdict(front, "docker.io/app:1")["next"] == "asked"
    upstream.status, upstream.headers = 429, {"Retry-After": "100"}
    expect(front.request("GET", "/v2/docker.io/app/manifests/1"), 200)
    paused = verdict(front, "docker.io/app:1")
    assert paused["next"] == "paused"
    assert 80 < paused["pause"] <= 100
    assert verdict(front, "docker.io/evil:1")["next"] == "excluded"
    assert verdict(front, "team/app:1") == {"repository": "team/app", "reference": "1", "upstream": None, "there": None,
                                            "digest": None, "next": "ours"}
    upstream.status = None
    expect(front.request("GET", "/v2/docker.io/other/manifests/1"), 429)
    text = subprocess.run([BUILD / "berth", "cache", "check", "--root", front.root, "--config", front.env["BERTH_CONF"],
                           "docker.io/app:1"], capture_output=True, text=True, check=True).stdout
    assert text.splitlines()[-1] == "a pull    the upstream is left alone; what is here is served"


def test_14_a_helper_inherits_nothing(upstream, cached, tmp_path):
    """What it leaves behind would hold the lock, and could read the configuration."""
    helper, seen = tmp_path / "helper", tmp_path / "seen"
    helper.write_text(f'#!/bin/sh\nls /proc/$$/fd > {seen}\nprintf \'{{"Username": "u", "Secret": "s"}}\'\n')
    helper.chmod(0o755)
    upstream.status, upstream.headers = 401, {"WWW-Authenticate": "Basic realm=x"}
    front = cached(f'helper = "{helper}"')
    expect(front.request("GET", "/v2/docker.io/app/manifests/1"), 502)
    assert {number for number in seen.read_text().split() if len(number) == 1} == {"0", "1", "2"}  # the shell's own are longer


def happened(inotify):
    """The names of files that something happened to, in its order."""
    names, events, at = [], os.read(inotify, 65536), 0
    while at < len(events):
        length, = struct.unpack_from("12xI", events, at)
        names.append(events[at + 16:at + 16 + length].rstrip(b"\0").decode())
        at += 16 + length
    return names


def test_14_a_filler_tells_why_before_its_file_makes_room(upstream, cached):
    """From then on another one may begin there, whose word and file are its own."""
    layer = oci.blob(1000)
    upstream.blobs[layer.digest] = bytes(1000)
    front = cached()
    digest = layer.digest.removeprefix("sha256:")
    directory = front.root / "docker/registry/v2/_berth/fetch/sha256" / digest[:2]
    directory.mkdir(parents=True)
    libc = ctypes.CDLL(None, use_errno=True)
    inotify = libc.inotify_init1(os.O_CLOEXEC)
    try:
        assert libc.inotify_add_watch(inotify, bytes(directory), IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO) >= 0
        with front.spawn("GET", f"/v2/docker.io/app/blobs/{layer.digest}") as process:
            process.communicate(timeout=30)
        wait_for(lambda: list(directory.glob("*.bad")) and (directory / f"{digest}.head").read_text().startswith("UPSTREAM_CONTENT"))
        assert happened(inotify)[-3:] == [f"{digest}.head", digest, f"{digest}.bad"]
    finally:
        os.close(inotify)


def fillers(conf):
    """The processes that draw something by this configuration."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "exe") == str(BUILD / "berth-fetch") and str(conf) in (process / "cmdline").read_text():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_14_fillers_that_do_nothing_are_not_started_for_ever(upstream, cached, tmp_path):
    layer = oci.blob(300_000)
    upstream.add(layer)
    upstream.stop_at = 150_000
    front = cached()
    with front.spawn("GET", f"/v2/docker.io/app/blobs/{layer.digest}") as process:
        try:
            filler, = wait_for(lambda: upstream.sent >= 150_000 and fillers(tmp_path / "berth.conf"))
            output = process.stdout.read(1)
            (tmp_path / "berth.conf").write_text("no configuration\n")
            os.kill(filler, signal.SIGKILL)
            rest, log = process.communicate(timeout=30)
        finally:
            process.kill()
    assert len(output + rest) < len(layer.data)
    assert b"berth-fetch ends without a word" in log


def test_14_a_filler_that_cannot_begin_says_why(upstream, cached, tmp_path):
    """At once, and for the log alone: it names a file of this host."""
    layer = oci.blob()
    upstream.add(layer)
    front = cached('user = "me"', f'password_file = "{tmp_path}/nothing"')
    with front.spawn("GET", f"/v2/docker.io/app/blobs/{layer.digest}") as process:
        output, log = process.communicate(timeout=30)
    assert b"configuration is wrong" in expect(front.response("GET", output), 500).body
    assert b"password_file of docker.io" in log
    assert b"ends without a word" not in log


def test_14_workers_carry_no_client():
    """What asks other registries is a program of its own."""
    linked = {name: subprocess.run(["ldd", BUILD / name], capture_output=True, text=True, check=True).stdout
              for name in ("berth.fcgi", "berth-fetch")}
    assert "libcurl" not in linked["berth.fcgi"]
    assert "libcurl" in linked["berth-fetch"]
