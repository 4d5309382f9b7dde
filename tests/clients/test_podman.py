# SPDX-License-Identifier: Apache-2.0
"""podman and buildah. An image's id is the digest of its configuration, and that has the digest of every layer's
content. Both are checked on pull, so an image that gets the same id again came back whole."""

import contextlib
import json
import os
from pathlib import Path

from tests.lib.clients import Containers


def build(containers, context, name, *options):
    """Builds an image of two layers and returns its id."""
    containers.buildah("build", "--layers", "--tag", name, *options, context())
    return containers.podman("image", "inspect", "--format", "{{.Id}}", name)


def test_podman_pushes_and_pulls_by_tag_and_digest(host, containers, context):
    name = f"{host}/podman/app"
    built = build(containers, context, f"{name}:1")
    containers.podman("push", "--tls-verify=false", "--digestfile", containers.home / "digest", f"{name}:1")
    digest = (containers.home / "digest").read_text()

    for reference in f"{name}:1", f"{name}@{digest}":
        containers.podman("rmi", "--force", built)
        assert containers.podman("pull", "--quiet", "--tls-verify=false", reference) == built


def test_podman_pushes_docker_format(host, containers, context):
    name = f"{host}/podman/v2s2:1"
    built = build(containers, context, name)
    containers.podman("push", "--tls-verify=false", "--format", "v2s2", name)
    containers.podman("rmi", "--force", built)
    manifest = json.loads(containers.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{name}"))
    assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    pulled = containers.podman("pull", "--quiet", "--tls-verify=false", name)
    assert manifest["config"]["digest"] == f"sha256:{pulled}"


def test_buildah_pushes_and_pulls(host, containers, context):
    name = f"{host}/buildah/app:1"
    built = build(containers, context, name)
    containers.buildah("push", "--tls-verify=false", name)
    containers.buildah("rmi", "--force", built)
    assert containers.buildah("pull", "--quiet", "--tls-verify=false", name) == built


def test_multi_arch_index(host, containers, context):
    name, listing = f"{host}/podman/multi:1", "localhost/multi"
    containers.podman("manifest", "create", listing)
    for architecture in "amd64", "arm64":
        built = build(containers, context, f"localhost/multi:{architecture}", "--arch", architecture)
        containers.podman("manifest", "add", listing, f"containers-storage:{built}")
    containers.podman("manifest", "push", "--all", "--format", "oci", "--tls-verify=false", listing, f"docker://{name}")
    containers.podman("rmi", "--all", "--force")

    for architecture in "arm64", "amd64":
        containers.podman("pull", "--quiet", "--tls-verify=false", "--arch", architecture, name)
        assert containers.podman("image", "inspect", "--format", "{{.Architecture}}", name) == architecture


def test_search(host, containers, context):
    name = f"{host}/podman/found"
    build(containers, context, f"{name}:1")
    for tag in "1", "2":
        containers.podman("push", "--tls-verify=false", f"{name}:1", f"{name}:{tag}")

    found = containers.podman("search", "--tls-verify=false", "--format", "{{.Name}}", f"{host}/")
    assert name in found.split()
    listed = json.loads(containers.podman("search", "--tls-verify=false", "--list-tags", "--format", "json", name))
    assert [(entry["Name"], sorted(entry["Tags"])) for entry in listed] == [(name, ["1", "2"])]


def test_partial_pull_fetches_only_changed_files(registry, host, home, containers, traffic, tmp_path):
    """Of a zstd:chunked layer podman fetches the files that it lacks, many ranges in one request."""
    place = home / f"puller-{registry.port}"
    with contextlib.closing(Containers(place, driver="overlay", partial_pulls=True)) as puller:
        tree = {f"file{number:02}": os.urandom(30_000) for number in range(40)}
        for file, content in tree.items():
            (tmp_path / file).write_bytes(content)
        push_chunked(containers, f"{host}/podman/chunked:1", tmp_path)
        assert pull_tree(puller, f"{host}/podman/chunked:1") == tree

        for file in list(tree)[::2]:
            tree[file] = os.urandom(30_000)
            (tmp_path / file).write_bytes(tree[file])
        push_chunked(containers, f"{host}/podman/chunked:2", tmp_path)
        with traffic() as seen:
            assert pull_tree(puller, f"{host}/podman/chunked:2") == tree
    parts = seen.select("GET", "/blobs/", status=206)
    assert 20 * 30_000 < sum(request.size for request in parts) < 30 * 30_000


def push_chunked(containers, name, directory):
    container = containers.buildah("from", "scratch")
    containers.buildah("copy", container, directory, "/")
    containers.buildah("commit", container, name)
    containers.podman("push", "--tls-verify=false", "--format", "oci", "--compression-format", "zstd:chunked", name)


def pull_tree(containers, name):
    """Pulls an image and returns its files."""
    containers.podman("pull", "--quiet", "--tls-verify=false", name)
    root = Path(containers.podman("image", "mount", name))
    tree = {file.name: file.read_bytes() for file in root.iterdir()}
    containers.podman("image", "umount", name)
    return tree
