# SPDX-License-Identifier: Apache-2.0
"""Manifests that are large, and layers that are asked for as if they were manifests: issue 10, items 6 and 37. No
request takes more than 64 MiB over what a worker takes idle, whatever is stored."""

import pytest

from tests.conftest import running_front
from tests.lib import oci
from tests.lib.oci import expect, expect_error
from tests.live.conftest import SERVERS
from tests.live.test_large import most_resident

MIB = 1 << 20
MOST = 64 * MIB


def zeros(size):
    """JSON of so many bytes, which takes some 40 times as much as a tree."""
    return oci.Content(b'{"x":[' + b"0," * ((size - 8) // 2) + b"0]}", oci.OCI_MANIFEST)


class Place:
    def __init__(self, front):
        self.front, self.repo = front, oci.Repository(front)
        expect(front.request("GET", "/v2/"), 200)
        self.idle = self.resident()

    def resident(self):
        return max(map(most_resident, self.front.worker_pids()))

    def assert_small(self):
        assert self.resident() - self.idle < MOST


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    return request.param


@pytest.fixture
def start(server, tmp_path):
    """Starts the server with one worker, so that what one does is seen in it."""
    places = []

    def started(**settings):
        env = {f"BERTH_{key.upper()}": str(value) for key, value in settings.items()}
        front = running_front(server, workers=1, env=env)
        places.append(front)
        return Place(front.__enter__())
    yield started
    for front in places:
        front.__exit__(None, None, None)


def test_6_a_layer_is_no_manifest(start):
    place = start()
    for size in (3 * MIB, 63 * MIB):
        layer = place.repo.push_blob(zeros(size))
        expect_error(place.repo.get(f"manifests/{layer.digest}"), 404, "MANIFEST_UNKNOWN")
        expect(place.repo.head(f"manifests/{layer.digest}"), 404)
    place.assert_small()


def test_6_an_index_of_a_layer(start):
    """BuildKit's cache names its layers so."""
    place = start()
    layer = place.repo.push_blob(zeros(40 * MIB))
    index = place.repo.push_manifest(oci.index([layer.descriptor()]), "cache")
    assert expect(place.repo.get("manifests/cache"), 200).body == index.data
    expect(place.repo.head(f"manifests/{index.digest}"), 200)
    place.assert_small()


def test_37_one_limit(start):
    """What it lets in can be had again."""
    place = start(manifest_limit=100 * MIB)
    config, layer = place.repo.push_blob(oci.blob(2)), place.repo.push_blob(oci.blob(9))
    manifest = oci.image(config.descriptor(), [layer.descriptor()], annotations={"long": "x" * 70_000_000})
    place.repo.push_manifest(manifest, "v1")
    for reference in ("v1", manifest.digest):
        answer = expect(place.repo.get(f"manifests/{reference}"), 200)
        assert answer.headers["Content-Type"] == oci.OCI_MANIFEST
        assert answer.headers["Docker-Content-Digest"] == manifest.digest
        assert answer.body == manifest.data
        head = expect(place.repo.head(f"manifests/{reference}"), 200)
        assert head.headers["Content-Length"] == str(len(manifest.data))
    expect_error(place.repo.put_manifest(oci.index([], annotations={"long": "x" * 105_000_000})), 413, "MANIFEST_INVALID")
    place.assert_small()


@pytest.mark.parametrize("fields", [{"annotations": {"long": "x" * (6 * MIB)}}, {"x": [0] * (3 * MIB)}],
                         ids=["one-text", "many-values"])
def test_37_what_another_limit_let_in(start, fields):
    """It is sent without being loaded."""
    place = start()
    place.repo.push_blob(oci.blob())  # the directories are the workers', whoever plants something there
    stored = place.repo.plant_manifest(oci.index([], **fields), "old")
    expect_error(place.repo.put_manifest(stored, "new"), 413, "MANIFEST_INVALID")
    for reference in ("old", stored.digest):
        answer = expect(place.repo.get(f"manifests/{reference}"), 200)
        assert (answer.headers["Content-Type"], answer.body) == (oci.OCI_INDEX, stored.data)
        assert answer.headers["ETag"] == f'"{stored.digest}"'
        expect(place.repo.head(f"manifests/{reference}"), 200)
    place.assert_small()
