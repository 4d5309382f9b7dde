# SPDX-License-Identifier: Apache-2.0
"""What becomes of images in a cluster: the disk gets full, garbage is collected, tags are retired, berth is updated."""

import contextlib
import os

from tests.lib.clients import run
from tests.lib.workers import wait_for
from tests.pods.site import LIVE, LOGINS, READY, WELL, configuration_digest

DISK = 160 << 20  # bytes
NEXT = "0.1.1"  # the tag of an image that comes after
CHUNK = 1 << 20


def fill(directory):
    """Until there is no room for another byte."""
    path = directory / "ballast"
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(CHUNK)):
            pass
    with open(path, "ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"\0"):
            pass
    return path


def test_a_full_disk(site, layout):
    """It is not ready for pushes, and says why; what is there is pulled as ever."""
    site.cluster.edit("berth.conf", (LOGINS, ""))
    site.cluster.volume("berth", DISK)
    site.start()
    site.route()
    pushed = layout()
    site.push(pushed, "team/app:1")
    ballast = fill(site.cluster.image())
    said = wait_for(lambda: (heard := site.get("/readyz")).status == 503 and heard)
    assert b"storage-full" in said.body
    assert site.pod.ask(LIVE) == site.pod.ask(READY) == WELL
    site.cluster.route()
    assert site.pull("team/app:1") == configuration_digest(pushed)
    said = site.refused_push(layout(), "team/app:2")
    assert "507 Insufficient Storage" in said, said
    assert site.pod.ask(LIVE) == WELL
    site.forget("team/app:1")
    assert site.pull("team/app:1") == configuration_digest(pushed)
    os.unlink(ballast)
    wait_for(lambda: site.get("/readyz").status == 200)
    assert site.pod.ask(READY) == WELL
    site.push(layout(), "team/app:2")


def blobs(site):
    return {path.parent.name for path in site.cluster.image().glob("docker/registry/v2/blobs/sha256/*/*/data")}


def test_garbage_is_collected_meanwhile(site, layout):
    """By the CronJob's container, beside the registry on the same volume."""
    site.cluster.edit("berth.conf", (LOGINS, "grace = 0"))
    site.start()
    site.route()
    kept, doomed = layout(), layout()
    site.push(kept, "team/app:1")
    before = blobs(site)
    site.push(doomed, "team/app:2")
    assert len(blobs(site)) > len(before)
    assert site.get("/v2/team/app/manifests/2", "DELETE").status == 202
    print(site.cluster.job("berth-gc"))
    assert blobs(site) == before
    assert site.pull("team/app:1") == configuration_digest(kept)


def test_tags_are_retired(site, layout):
    site.cluster.edit("berth.conf", (LOGINS, 'retain "**" { newest = 1 }'))
    site.start()
    site.route()
    newest = layout()
    site.push(layout(), "team/app:1")
    site.push(newest, "team/app:2")
    site.cluster.job("berth-retain")
    assert site.get("/v2/team/app/tags/list").json()["tags"] == ["2"]
    assert site.pull("team/app:2") == configuration_digest(newest)


def test_without_rules_all_tags_stay(registry, layout):
    registry.push(layout(), "team/app:1")
    print(registry.cluster.job("berth-retain"))
    assert registry.get("/v2/team/app/tags/list").json()["tags"] == ["1"]


def test_an_update(registry, layout, built, node, tmp_path):
    """To an image with another tag: all images are there before, meanwhile and afterwards."""
    pushed = layout()
    registry.push(pushed, "team/app:1")
    import_successor(built, node, tmp_path)
    registry.cluster.edit("kustomization.yaml", ("newTag: 0.1.0", f"newTag: {NEXT}"))
    registry.cluster.apply()
    before = registry.pod

    def meanwhile():
        registry.forget("team/app:1")
        assert registry.pull("team/app:1") == configuration_digest(pushed)

    after = registry.cluster.roll_out(meanwhile)
    assert after is not before and image_of(after) != image_of(before)
    meanwhile()
    registry.push(layout(), "team/app:2")
    assert registry.get("/v2/team/app/tags/list").json()["tags"] == ["1", "2"]


def image_of(pod):
    return pod.containers["berth"].config["image"]["image"]


def import_successor(built, node, tmp_path):
    """It does what the image does, but has another digest."""
    copy = tmp_path / "next"
    run("cp", "-r", built.layout, copy)
    tag = built.index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
    run("umoci", "config", "--image", f"{copy}:{tag}", "--tag", NEXT, "--config.label", "next=yes")
    run("skopeo", "copy", f"oci:{copy}:{NEXT}", f"docker-archive:{tmp_path}/next.tar:berth:{NEXT}")
    node.import_image(tmp_path / "next.tar")


def test_a_lost_volume(registry, layout):
    """Nobody can pull: the pod is not ready, but nothing that a new one would cure. It is back with the volume."""
    registry.push(layout(), "team/app:1")
    there = registry.cluster.image()
    (there / "docker").rename(there / "gone")
    well, said = wait_for(lambda: (heard := registry.pod.ask(READY)) != WELL and heard)
    assert not well and said.startswith("503 ") and "storage-missing" in said
    assert registry.pod.ask(LIVE) == WELL
    (there / "gone").rename(there / "docker")
    wait_for(lambda: registry.pod.ask(READY) == WELL)
    assert registry.pull("team/app:1")
