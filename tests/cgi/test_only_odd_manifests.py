# SPDX-License-Identifier: Apache-2.0
"""Manifests as some clients make them, and as other registries left them: what one part takes, the others do too."""

import json
import os
import subprocess

import pytest

from tests.lib import oci
from tests.lib.oci import expect, expect_error
from tests.lib.paths import BUILD

CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"


def berth(front, *args, status=0):
    done = subprocess.run([BUILD / "berth", *args, "--root", front.root], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done
    return done.stdout


@pytest.mark.parametrize("described", [True, False])
def test_1_layers_as_children(front, repo, described):
    """BuildKit's registry cache: an index of layers and a configuration, copied as it is."""
    layers = [repo.push_blob(oci.blob(100, oci.OCI_LAYER)) for _ in range(2)]
    config = repo.push_blob(oci.blob(50, CACHE_CONFIG))
    children = [content.descriptor() for content in (*layers, config)]
    if not described:  # a type that says that it may be a manifest
        for child in children:
            child["mediaType"] = oci.OCI_MANIFEST
    cache = repo.push_manifest(oci.index(children), "cache")
    berth(front, "cp", f"{repo.name}:cache", "copied:v1")
    copied = oci.Repository(front, "copied")
    assert expect(copied.get("manifests/v1"), 200).body == cache.data
    for content in (*layers, config):
        assert expect(copied.get(f"blobs/{content.digest}"), 200).body == content.data


def test_2_schema_1_is_served_as_stored(front, repo):
    layer = repo.push_blob(oci.blob(100))
    old = oci.Content(json.dumps({"schemaVersion": 1, "name": repo.name, "tag": "v1", "architecture": "amd64",
                                  "fsLayers": [{"blobSum": layer.digest}] * 2, "history": [], "signatures": []}).encode(),
                      SCHEMA1)
    repo.plant_manifest(old, "v1")
    for reference in ("v1", old.digest):
        for method, body in (("GET", old.data), ("HEAD", b"")):
            response = expect(repo.request(method, f"manifests/{reference}"), 200)
            assert (response.headers["Content-Type"], response.body) == (SCHEMA1, body)
            assert response.headers["Docker-Content-Digest"] == old.digest
    expect_error(repo.put_manifest(old, "v2"), 400, "MANIFEST_INVALID")


def test_4_sizes_must_be_right(front, repo):
    """What is refused now is copied where it is there already."""
    layer = repo.push_blob(oci.blob(100, oci.OCI_LAYER))
    config = repo.push_blob(oci.blob(50, oci.OCI_CONFIG))
    child = repo.push_manifest(oci.image(config.descriptor(), [layer.descriptor()]))
    for wrong in (oci.image(config.descriptor(), [{**layer.descriptor(), "size": 99}]),
                  oci.image({**config.descriptor(), "size": 0}, [layer.descriptor()]),
                  oci.index([{**child.descriptor(), "size": 1}])):
        answer = expect_error(repo.put_manifest(wrong, "v1"), 400, "MANIFEST_INVALID")
        assert "bytes, but it has" in answer.json()["errors"][0]["message"]
    expect(repo.get("manifests/v1"), 404)
    planted = repo.plant_manifest(oci.image(config.descriptor(), [{**layer.descriptor(), "size": 99}]), "v2")
    berth(front, "cp", f"{repo.name}:v2", "copied:v2")
    assert expect(oci.Repository(front, "copied").get("manifests/v2"), 200).body == planted.data


def test_5_a_blob_without_its_bytes(front, repo):
    """It is not there, so that a client pushes it again; nothing is where nothing should be."""
    content, empty = repo.push_blob(oci.blob(100)), repo.push_blob(oci.blob(0))
    value = content.digest.split(":")[1]
    (front.root / f"docker/registry/v2/blobs/sha256/{value[:2]}/{value}/data").write_bytes(b"")
    for method in ("HEAD", "GET"):
        expect(repo.request(method, f"blobs/{content.digest}"), 404)
        expect(repo.request(method, f"blobs/{empty.digest}"), 200)
    other = oci.Repository(front)
    expect(other.post_upload(f"?mount={content.digest}&from={repo.name}"), 202)
    expect_error(repo.put_manifest(oci.image(content.descriptor(), []), "v1"), 400, "MANIFEST_BLOB_UNKNOWN")
    repo.push_blob(content)
    assert expect(repo.get(f"blobs/{content.digest}"), 200).body == content.data
    expect(repo.put_manifest(oci.image(content.descriptor(), []), "v1"), 201)


def test_7_many_times_the_same_child(repo):
    """Was N times N looks: with these, half an hour."""
    layer = repo.push_blob(oci.blob(1))
    child = repo.push_manifest(oci.manifest(schemaVersion=2, mediaType=oci.OCI_MANIFEST,
                                            layers=[layer.descriptor()] * 15_000))
    assert len(child.data) < 4 << 20
    before = os.times().children_user + os.times().children_system
    repo.push_manifest(oci.index([child.descriptor()] * 15_000), "v1")
    assert os.times().children_user + os.times().children_system - before < 20  # of a processor, not by the clock
