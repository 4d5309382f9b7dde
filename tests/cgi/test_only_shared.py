# SPDX-License-Identifier: Apache-2.0
"""`shared = true`: several hosts serve the store, and a mount's caches may show what the others did late."""

import pytest

from tests.lib import oci, shared
from tests.lib.oci import expect, expect_error

RULES = 'repository "**" { pull = {"*"} push = {"*"} delete = {"*"} immutable = {"v*"} }\n'

CONDITIONS = ({"If-Match": "*"}, {"If-None-Match": "*"}, {"If-Match": '"sha256:%s"' % ("0" * 64)})


@pytest.fixture
def front(start_cgi, tmp_path):
    conf = tmp_path / "berth.conf"
    conf.write_text(RULES)
    front = start_cgi(shared="true", conf=conf)
    front.root.mkdir(exist_ok=True)
    shared.make(front.root)
    return front


def outcomes(repo) -> list[int]:
    """Of all that depends on seeing at once what other hosts did."""
    old, new = repo.push_image("latest"), repo.push_image()
    match = {"If-Match": f'"{old.digest}"'}
    return [repo.put_manifest(new, "latest", match).status,
            repo.put_manifest(new, "fresh", {"If-None-Match": "*"}).status,
            repo.put_manifest(new, "v1").status,
            repo.put_manifest(new, f"{new.digest}?tag=v2").status,
            repo.request("DELETE", "manifests/latest", {"If-Match": f'"{new.digest}"'}).status]


def test_34_a_sound_store(repo):
    assert outcomes(repo) == [201, 201, 201, 201, 202]


def unsound(front):
    shared.note(front.root, sound=False, late=1070)


def unknown(front):
    for record in (shared.own(front.root) / "storage").iterdir():
        record.unlink()


def remounted(front):
    shared.note(front.root, mount="nfs4 server:/srv rw,vers=4.2")


@pytest.mark.parametrize("spoil", [unsound, unknown, remounted])
def test_34_what_cannot_be_protected_is_refused(front, repo, spoil):
    """A clear 5xx, which says what to do; nothing is changed, and all else goes on."""
    old = repo.push_image("latest")
    spoil(front)
    new = repo.push_image()
    for condition in CONDITIONS:
        expect_error(repo.put_manifest(new, "latest", condition), 501, "UNSUPPORTED")
        expect_error(repo.request("DELETE", "manifests/latest", condition), 501, "UNSUPPORTED")
    for reference in ("v1", f"{new.digest}?tag=latest&tag=v1"):
        response = repo.put_manifest(new, reference)
        expect_error(response, 501, "UNSUPPORTED")
        assert b"berth check-storage" in response.body
    for path in (f"manifests/{old.digest}", f"blobs/{old.document['layers'][0]['digest']}"):
        # A tag that another host has just made may need it.
        response = expect_error(repo.delete(path), 501, "UNSUPPORTED")
        assert b"berth check-storage" in response.body
    assert expect(repo.get("manifests/latest"), 200).body == old.data
    assert expect(repo.get("tags/list"), 200).json()["tags"] == ["latest"]
    expect(repo.put_manifest(new, "latest"), 201)
    expect(repo.request("DELETE", "manifests/latest"), 202)


def test_34_what_no_immutable_tag_can_need_is_deleted(front, repo, tmp_path):
    """Nor where an admin asks, who may."""
    unsound(front)
    for rules in ('pull = {"*"} push = {"*"} delete = {"*"}', 'admin = {"*"} immutable = {"v*"}'):
        (tmp_path / "berth.conf").write_text(f'repository "**" {{ {rules} }}\n')
        image = repo.push_image("latest")
        for path in (f"manifests/{image.digest}", f"blobs/{image.document['layers'][0]['digest']}"):
            expect(repo.delete(path), 202)


def test_34_the_log_says_what_to_do(front, repo):
    unsound(front)
    image = repo.push_image()
    process = front.spawn("PUT", f"/v2/{repo.name}/manifests/v1", {"Content-Type": image.media_type}, image.data)
    _, log = process.communicate(image.data, timeout=60)
    assert b"up to 1070 ms late" in log and b"berth check-storage" in log


def test_34_a_store_of_one_host(start_cgi):
    """What was noted once does not count."""
    front = start_cgi()
    repo = oci.Repository(front)
    repo.push_image("first")
    shared.note(front.root, sound=False, late=1070)
    assert outcomes(repo) == [201, 201, 201, 201, 202]


def test_35_an_empty_mount_point_is_no_store(start_cgi):
    """Every request is 503, /v2/ too; the log says why; and nothing is made there, which the mount would hide."""
    front = start_cgi(shared="true")
    repo = oci.Repository(front)
    for make in (lambda: None, lambda: (front.root / "docker/registry/v2/_berth").mkdir(parents=True)):
        make()
        for method, target in (("GET", "/v2/"), ("HEAD", "/v2/"), ("GET", "/v2/_catalog"),
                               ("POST", f"/v2/{repo.name}/blobs/uploads/"), ("GET", f"/v2/{repo.name}/tags/list")):
            response = expect(front.request(method, target), 503)
            assert "Retry-After" in response.headers
        expect_error(repo.put_manifest(oci.manifest(), "v1"), 503, "UNKNOWN")
        process = front.spawn("GET", "/v2/")
        _, log = process.communicate(timeout=60)
        assert b"is it mounted?" in log or b"No such file" in log
        assert str(front.root).encode() in log
    assert [path.name for path in front.root.rglob("*")] == ["docker", "registry", "v2", "_berth"]
    shared.make(front.root)  # it is mounted again
    expect(front.request("GET", "/v2/"), 200)
    repo.push_image("v1")


def test_35_a_store_that_was_one_hosts_becomes_shared(start_cgi):
    front = start_cgi()
    repo = oci.Repository(front)
    image = repo.push_image("v1")
    front.env["BERTH_SHARED"] = "true"
    expect(front.request("GET", "/v2/"), 503)
    shared.make(front.root)
    assert expect(repo.get("manifests/v1"), 200).body == image.data
