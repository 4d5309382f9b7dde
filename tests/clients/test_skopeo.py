# SPDX-License-Identifier: Apache-2.0
"""skopeo: what a registry's keeper moves and removes images with."""

import json

from tests.lib.clients import blobs

INSECURE_SOURCE, INSECURE_DESTINATION = "--src-tls-verify=false", "--dest-tls-verify=false"


def inspect(containers, image, *options):
    return json.loads(containers.skopeo("inspect", "--tls-verify=false", *options, image))


def test_oci_layout_comes_back_byte_for_byte(host, containers, layout, tmp_path):
    image, copy = f"docker://{host}/skopeo/oci:1", tmp_path / "copy"
    containers.skopeo("copy", INSECURE_DESTINATION, f"oci:{layout}:amd64", image)
    containers.skopeo("copy", INSECURE_SOURCE, image, f"oci:{copy}:amd64")
    returned = blobs(copy)
    assert len(returned) == 4  # manifest, configuration, two layers
    assert returned.items() <= blobs(layout).items()


def test_docker_archive(host, containers, layout, tmp_path):
    """Its layers aren't compressed. skopeo does that as it sends them, so it knows no length beforehand."""
    image, archive = f"docker://{host}/skopeo/archive:1", f"docker-archive:{tmp_path}/archive.tar"
    containers.skopeo("copy", f"oci:{layout}:amd64", f"{archive}:localhost/archive:1")
    containers.skopeo("copy", INSECURE_DESTINATION, archive, image)
    containers.skopeo("copy", INSECURE_SOURCE, image, f"docker-archive:{tmp_path}/copy.tar")
    configuration = json.loads(containers.skopeo("inspect", "--config", archive))
    assert inspect(containers, image, "--config") == configuration
    assert json.loads(containers.skopeo("inspect", "--config", f"docker-archive:{tmp_path}/copy.tar")) == configuration


def test_copy_of_all_architectures(host, containers, layout, tmp_path, traffic):
    image, second, copy = (f"docker://{host}/skopeo/all:1", f"docker://{host}/skopeo/all/second:1",
                           tmp_path / "copy")
    containers.skopeo("copy", "--all", INSECURE_DESTINATION, f"oci:{layout}:all", image)
    with traffic() as seen:
        containers.skopeo("copy", "--all", INSECURE_SOURCE, INSECURE_DESTINATION, image, second)
    # The configurations, which skopeo doesn't mount.
    assert seen.count("PATCH", "/skopeo/all/second/") == 2, seen.answered
    assert seen.count("POST", "mount=", status=201) >= 2
    containers.skopeo("copy", "--all", INSECURE_SOURCE, second, f"oci:{copy}:all")
    assert blobs(copy) == blobs(layout)
    assert inspect(containers, image, "--config", "--override-arch=arm64")["architecture"] == "arm64"


def test_list_inspect_and_delete(host, containers, layout):
    repository = f"docker://{host}/skopeo/kept"
    for architecture in "amd64", "arm64":
        containers.skopeo("copy", INSECURE_DESTINATION, f"oci:{layout}:{architecture}", f"{repository}:{architecture}")
    listed = json.loads(containers.skopeo("list-tags", "--tls-verify=false", repository))
    assert sorted(listed["Tags"]) == ["amd64", "arm64"]
    inspected = inspect(containers, f"{repository}:amd64")
    assert (inspected["Architecture"], sorted(inspected["RepoTags"])) == ("amd64", ["amd64", "arm64"])
    assert len(inspected["Layers"]) == 2

    containers.skopeo("delete", "--tls-verify=false", f"{repository}:amd64")
    listed = json.loads(containers.skopeo("list-tags", "--tls-verify=false", repository))
    assert listed["Tags"] == ["arm64"]
    assert "manifest unknown" in containers.skopeo_refusal("inspect", "--tls-verify=false", f"{repository}:amd64")


def test_sync_both_ways(host, containers, layout, tmp_path):
    repository, mirror = f"{host}/skopeo/synced", f"{host}/mirror"
    for architecture in "amd64", "arm64":
        containers.skopeo("copy", INSECURE_DESTINATION, f"oci:{layout}:{architecture}",
                          f"docker://{repository}:{architecture}")
    containers.skopeo("sync", INSECURE_SOURCE, "--src", "docker", "--dest", "dir", repository, tmp_path / "disk")
    containers.skopeo("sync", INSECURE_DESTINATION, "--src", "dir", "--dest", "docker", tmp_path / "disk", mirror)
    for architecture in "amd64", "arm64":
        original, synced = (inspect(containers, f"docker://{name}:{architecture}", f"--override-arch={architecture}")
                            for name in (repository, f"{mirror}/synced"))
        assert synced["Digest"] == original["Digest"]
