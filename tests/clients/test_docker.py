# SPDX-License-Identifier: Apache-2.0
"""docker, as everybody uses it."""

import json
import re
import time

import pytest

from tests.lib.clients import GREETING

LAYERS = 2  # of the images that `image` makes


@pytest.fixture
def image(dockerd, context):
    """Makes an image of a name, whose second layer is like no other."""
    return lambda name: dockerd.docker("build", "--tag", name, context())


def digest_of(push_output):
    return re.search(r"digest: (sha256:[0-9a-f]{64})", push_output)[1]


def test_push_and_pull_by_tag_and_digest(host, dockerd, image):
    name = f"{host}/docker/app"
    image(f"{name}:1")
    digest = digest_of(dockerd.docker("push", f"{name}:1"))

    for reference in f"{name}:1", f"{name}@{digest}":
        dockerd.docker("rmi", "--force", f"{name}:1")
        assert digest in dockerd.docker("pull", reference)
        assert dockerd.docker("run", "--rm", "--net=none", reference) == GREETING


def test_nothing_is_uploaded_twice(host, dockerd, image, traffic):
    name = f"{host}/docker/again"
    image(f"{name}:1")
    dockerd.docker("push", f"{name}:1")
    dockerd.docker("tag", f"{name}:1", f"{name}:2")
    with traffic() as seen:
        dockerd.docker("push", f"{name}:2")
    assert seen.count("PUT", "/manifests/2") == 1
    assert seen.count("POST", "") == 0, seen.answered


def test_second_repository_mounts_the_layers(host, dockerd, image, traffic):
    first, second = f"{host}/docker/first:1", f"{host}/docker/second:1"
    image(first)
    dockerd.docker("push", first)
    dockerd.docker("tag", first, second)
    with traffic() as seen:
        output = dockerd.docker("push", second)
    assert output.count("Mounted from docker/first") == LAYERS
    assert seen.count("POST", "mount=", status=201) == LAYERS
    assert seen.count("PATCH", "/docker/second/") == 1, seen.answered  # docker never mounts the configuration

    dockerd.docker("rmi", first, second)
    assert dockerd.docker("pull", second)
    assert dockerd.docker("run", "--rm", "--net=none", second) == GREETING


def test_pull_of_all_tags(host, dockerd, image):
    name = f"{host}/docker/tags"
    for tag in "1", "2":
        image(f"{name}:{tag}")
        dockerd.docker("push", f"{name}:{tag}")
    dockerd.docker("rmi", f"{name}:1", f"{name}:2")
    dockerd.docker("pull", "--all-tags", name)
    assert sorted(dockerd.docker("images", "--format", "{{.Tag}}", name).split()) == ["1", "2"]


def test_manifest_inspect_does_not_wait_for_tls(host, dockerd, image):
    """docker tries TLS first. A server that lets the handshake time out costs it ten seconds, and one that only closes
    the connection makes it give up."""
    name = f"{host}/docker/inspected:1"
    image(name)
    dockerd.docker("push", name)
    start = time.monotonic()
    manifest = json.loads(dockerd.docker("manifest", "inspect", "--insecure", name))
    assert time.monotonic() - start < 5
    assert len(manifest["layers"]) == LAYERS


def test_manifest_list(host, dockerd, image):
    name = f"{host}/docker/list"
    for architecture in "amd64", "arm64":
        image(f"{name}:{architecture}")
        dockerd.docker("push", f"{name}:{architecture}")
    dockerd.docker("manifest", "create", "--insecure", f"{name}:1", f"{name}:amd64", f"{name}:arm64")
    dockerd.docker("manifest", "annotate", f"{name}:1", f"{name}:arm64", "--arch", "arm64")
    dockerd.docker("manifest", "push", "--insecure", f"{name}:1")
    dockerd.docker("rmi", f"{name}:amd64", f"{name}:arm64")

    dockerd.docker("pull", f"{name}:1")
    assert dockerd.docker("run", "--rm", "--net=none", f"{name}:1") == GREETING


def test_missing_tag_is_named_so(host, dockerd):
    assert "manifest unknown" in dockerd.refusal("pull", f"{host}/docker/none:1")


def test_buildkit_builds_from_the_registry(host, dockerd, image, tmp_path):
    base, derived = f"{host}/docker/base:1", f"{host}/docker/derived:1"
    image(base)
    dockerd.docker("push", base)
    dockerd.docker("rmi", base)
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nCOPY --from={base} /hello /copy\nCMD [\"/copy\"]\n")
    dockerd.docker("build", "--tag", derived, str(tmp_path), DOCKER_BUILDKIT="1")
    dockerd.docker("push", derived)
    assert dockerd.docker("run", "--rm", "--net=none", derived) == GREETING
