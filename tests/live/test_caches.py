# SPDX-License-Identifier: Apache-2.0
"""A cache in front of berth, varnish with its own rules: it asks for nothing twice that never changes, and keeps nothing else."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lib import client, oci
from tests.lib.accesslog import Traffic
from tests.lib.oci import expect, expect_error
from tests.lib.ports import free_port, listens

PATIENCE = 60  # seconds


class Varnish:
    """What a client of the registry meets instead of the front."""

    def __init__(self, front, home):
        self.front, self.port = front, free_port()
        self.process = subprocess.Popen(
            ["varnishd", "-F", "-n", home, "-a", f"127.0.0.1:{self.port}", "-b", f"127.0.0.1:{front.port}",
             "-s", "malloc,64m", "-j", "none", "-p", "thread_pool_min=5"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        deadline = time.monotonic() + PATIENCE
        while not listens(self.port):
            assert self.process.poll() is None, self.process.stdout.read()
            assert time.monotonic() < deadline, "varnish does not listen"
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()

    def request(self, method, target, headers=None, body=None):
        return client.request(self.port, method, target, headers, body)


@pytest.fixture(scope="session")
def varnish(front, tmp_path_factory):
    with Varnish(front, tmp_path_factory.mktemp("varnish")) as varnish:
        yield varnish


@pytest.fixture
def repo(front):
    return oci.Repository(front)


@pytest.fixture
def cached(repo, varnish):
    """The repository through the cache."""
    return oci.Repository(varnish, repo.name)


def test_36_a_blob_is_never_asked_twice(front, repo, cached):
    image = repo.push_image("v1")
    layer = repo.push_blob(oci.blob(3_000_000))
    paths = [f"blobs/{layer.digest}", f"blobs/{image.document['config']['digest']}", f"manifests/{image.digest}"]
    with Traffic(front) as traffic:
        for path in paths:
            with ThreadPoolExecutor(8) as clients:  # nor by those who come while it is on its way
                answers = list(clients.map(lambda _, path=path: expect(cached.get(path), 200), range(8)))
            assert {oci.digest_of(answer.body) for answer in answers} == {path.rpartition("/")[2]}
            expect(cached.head(path), 200)
            ranged = expect(cached.get(path, {"Range": "bytes=1-20"}), 206)
            assert ranged.body == answers[0].body[1:21]
            expect(cached.get(path, {"If-None-Match": answers[0].headers["ETag"]}), 304)
    assert [traffic.count("GET", path) + traffic.count("HEAD", path) for path in paths] == [1, 1, 1]


def test_36_a_moved_tag_is_seen_at_once(repo, cached):
    image, next_image = repo.push_image("v1"), repo.push_image()
    for method in (cached.get, cached.head):
        assert expect(method("manifests/v1"), 200).headers["Docker-Content-Digest"] == image.digest
    assert expect(cached.get("tags/list"), 200).json()["tags"] == ["v1"]
    repo.push_manifest(next_image, "v1")
    repo.push_manifest(image, "v2")
    for method in (cached.get, cached.head):
        assert expect(method("manifests/v1"), 200).headers["Docker-Content-Digest"] == next_image.digest
    assert expect(cached.get("tags/list"), 200).json()["tags"] == ["v1", "v2"]
    etag = f'"{next_image.digest}"'
    expect(cached.get("manifests/v1", {"If-None-Match": etag}), 304)
    expect(repo.delete("manifests/v1"), 202)
    expect_error(cached.get("manifests/v1", {"If-None-Match": etag}), 404, "MANIFEST_UNKNOWN")


def test_36_what_is_not_there_yet_is_there_when_it_is(repo, cached):
    image, layer = repo.push_image(), oci.blob()
    for path in (f"blobs/{layer.digest}", "manifests/v1", "tags/list?n=7"):
        cached.get(path)
    repo.push_blob(layer)
    repo.push_manifest(image, "v1")
    assert expect(cached.get(f"blobs/{layer.digest}"), 200).body == layer.data
    assert expect(cached.get("manifests/v1"), 200).body == image.data
    assert expect(cached.get("tags/list?n=7"), 200).json()["tags"] == ["v1"]


def test_36_pushed_through_it(repo, cached):
    """It stands in front of all of the registry."""
    image = cached.push_image("v1")
    assert expect(repo.get("manifests/v1"), 200).body == image.data
    assert cached.push_image("v1").data == expect(cached.get("manifests/v1"), 200).body
