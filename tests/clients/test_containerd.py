# SPDX-License-Identifier: Apache-2.0
"""containerd: by its own command, and by the interface that a kubelet pulls through. It keeps connections alive, pushes
all blobs at once and sends each in a single PUT."""

import json
import shutil

from tests.lib import cri


def test_ctr_pushes_mounts_and_pulls(host, containerd, layout, traffic, tmp_path):
    name, second = f"{host}/ctr/app", f"{host}/ctr/second:1"
    digest = manifest_digest(layout, "amd64")
    archive = shutil.make_archive(tmp_path / "image", "tar", layout)
    containerd.ctr("images", "import", "--base-name", name, archive)
    containerd.ctr("images", "push", "--plain-http", f"{name}:amd64")
    forget(containerd)

    containerd.ctr("images", "pull", "--plain-http", f"{name}:amd64")
    assert digest in containerd.ctr("images", "list", f"name=={name}:amd64")
    containerd.ctr("images", "tag", f"{name}:amd64", second)
    with traffic() as seen:
        containerd.ctr("images", "push", "--plain-http", second)
    assert seen.count("POST", "mount=", status=201) == 3  # two layers and the configuration
    assert seen.count("PUT", "/blobs/uploads/") == 0

    forget(containerd)
    containerd.ctr("images", "pull", "--plain-http", second)
    assert digest in containerd.ctr("images", "list", f"name=={second}")


def test_kubelet_pulls(host, containerd, containers, layout):
    name = f"{host}/cri/app:1"
    containers.push(f"oci:{layout}:amd64", name)
    containerd.route(host, server=f"http://{host}")
    assert cri.pull_image(containerd.socket, name) == configuration_digest(layout, "amd64")


def test_kubelet_pulls_through_a_mirror(registry, host, containerd, containers, layout, traffic):
    """containerd then adds the name of the registry that it wanted to every query."""
    containers.push(f"oci:{layout}:amd64", f"{host}/cri/mirrored:1")
    origin = f"origin-{registry.port}.example"
    containerd.route(origin, mirror=f"http://{host}")
    with traffic() as seen:
        pulled = cri.pull_image(containerd.socket, f"{origin}/cri/mirrored:1")
    assert pulled == configuration_digest(layout, "amd64")
    # The manifest, the configuration and a layer. The other layer may be there from another image.
    assert seen.count("GET", f"ns={origin}", status=200) >= 3


def forget(containerd):
    """Removes every image, and what they are made of."""
    containerd.ctr("images", "remove", "--sync", *containerd.ctr("images", "list", "--quiet").split())
    assert containerd.ctr("content", "list", "--quiet") == ""


def manifest_digest(layout, tag):
    listing = json.loads((layout / "index.json").read_text())
    return next(entry["digest"] for entry in listing["manifests"]
                if entry["annotations"]["org.opencontainers.image.ref.name"] == tag)


def configuration_digest(layout, tag):
    manifest = layout / "blobs" / manifest_digest(layout, tag).replace(":", "/")
    return json.loads(manifest.read_text())["config"]["digest"]
