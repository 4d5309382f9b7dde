# SPDX-License-Identifier: Apache-2.0
"""What `berth export` writes, as it is read where no registry is: by docker, podman, containerd, skopeo and umoci."""

import contextlib
import json
import subprocess

import pytest

from tests.conftest import running_front
from tests.lib import oci
from tests.lib.clients import DOCKER, GREETING, Containers, Dockerd, blobs, run
from tests.lib.paths import BUILD


@pytest.fixture(scope="module")
def registry():
    """One is enough: what is exported does not depend on the web server in front."""
    with running_front("lighttpd", workers=4) as front:
        yield front


@pytest.fixture(scope="module")
def elsewhere(home):
    """A docker that has seen no image."""
    with Dockerd(home / "elsewhere") as daemon:
        yield daemon


@pytest.fixture(scope="module")
def containers_elsewhere(home):
    with contextlib.closing(Containers(home / "celsewhere")) as tools:
        yield tools


@pytest.fixture
def export(registry):
    return lambda *args: run(BUILD / "berth", "export", "--root", registry.root, *args)


@pytest.fixture
def pushed(host, containers, layout):
    """Names of an OCI image and of an index, which skopeo pushed."""
    name = f"export/{oci.fresh_name()}"
    containers.push(f"oci:{layout}:amd64", f"{host}/{name}:amd64")
    containers.skopeo("copy", "--all", "--dest-tls-verify=false", f"oci:{layout}:all", f"docker://{host}/{name}:all")
    return name


def digest_at(containers, image):
    return oci.digest_of(containers.skopeo("inspect", "--raw", image).encode())


def test_docker_loads_and_runs_what_docker_pushed(host, dockerd, context, elsewhere, containers_elsewhere, export,
                                                  tmp_path):
    name = "export/docker"
    dockerd.docker("build", "--tag", f"{host}/{name}:1", context())
    dockerd.docker("push", f"{host}/{name}:1")
    image_id = dockerd.docker("image", "inspect", "--format", "{{.Id}}", f"{host}/{name}:1")
    for file in "x.tar", "x.tar.gz":
        export(f"{name}:1", "-o", tmp_path / file)
        assert f"Loaded image: {name}:1" in elsewhere.docker("load", "-i", tmp_path / file)
        assert elsewhere.docker("image", "inspect", "--format", "{{.Id}}", f"{name}:1") == image_id
        assert elsewhere.docker("run", "--rm", "--net=none", f"{name}:1") == GREETING
        elsewhere.docker("rmi", f"{name}:1")

    assert f"docker.io/{name}:1" in containers_elsewhere.podman("load", "-i", tmp_path / "x.tar")
    loaded = containers_elsewhere.podman("image", "inspect", "--format", "{{.Id}}", f"docker.io/{name}:1")
    assert f"sha256:{loaded}" == image_id.strip()
    containers_elsewhere.podman("rmi", "--all", "--force")


def test_from_pipe_to_pipe(registry, elsewhere, pushed):
    writer = subprocess.Popen([BUILD / "berth", "export", "--root", registry.root, f"{pushed}:amd64"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    loaded = subprocess.run([DOCKER, "load"], stdin=writer.stdout, capture_output=True, text=True, env=elsewhere.client,
                            timeout=60)
    writer.stdout.close()
    assert (loaded.returncode, writer.wait(20)) == (0, 0), loaded
    assert elsewhere.docker("run", "--rm", "--net=none", f"{pushed}:amd64") == GREETING
    elsewhere.docker("rmi", f"{pushed}:amd64")


def test_several_images_with_a_signature(registry, host, pushed, elsewhere, containers_elsewhere, export, tmp_path):
    """Entries that are no images are in nobody's way."""
    repo = oci.Repository(registry, pushed)
    subject = oci.expect(repo.get("manifests/amd64", {"Accept": oci.OCI_MANIFEST}), 200)
    descriptor = {"mediaType": oci.OCI_MANIFEST, "digest": subject.headers["Docker-Content-Digest"],
                  "size": len(subject.body)}
    repo.push_image(subject=descriptor, artifactType="application/vnd.example.signature")
    repo.push_image(descriptor["digest"].replace(":", "-") + ".sig", artifactType="application/vnd.example.signature")
    export(f"{pushed}:*", "--all", "-o", tmp_path / "x.tar")

    elsewhere.docker("load", "-i", tmp_path / "x.tar")
    assert sorted(elsewhere.docker("images", "--format", "{{.Tag}}", pushed).split()) == ["all", "amd64"]
    assert elsewhere.docker("run", "--rm", "--net=none", f"{pushed}:all") == GREETING
    elsewhere.docker("rmi", f"{pushed}:all", f"{pushed}:amd64")
    containers_elsewhere.podman("load", "-i", tmp_path / "x.tar")
    for tag in "all", "amd64":
        assert containers_elsewhere.podman("image", "exists", f"docker.io/{pushed}:{tag}") == ""
    containers_elsewhere.podman("rmi", "--all", "--force")


def test_skopeo_and_umoci_read_the_layout(pushed, containers, layout, export, tmp_path):
    listing = json.loads((layout / "index.json").read_text())["manifests"]
    expected = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in listing}
    export(f"{pushed}:amd64", "-o", tmp_path / "x.tar")
    export(f"{pushed}:amd64", "-o", f"{tmp_path}/x/")
    for source in f"oci-archive:{tmp_path}/x.tar:amd64", f"oci-archive:{tmp_path}/x.tar", f"oci:{tmp_path}/x:amd64":
        assert digest_at(containers, source) == expected["amd64"]
        containers.skopeo("copy", source, f"dir:{tmp_path}/copy")
    containers.skopeo("copy", f"docker-archive:{tmp_path}/x.tar:{pushed}:amd64", f"dir:{tmp_path}/copy")
    assert run("umoci", "ls", "--layout", tmp_path / "x").split() == ["amd64"]
    run("umoci", "unpack", "--image", f"{tmp_path}/x:amd64", tmp_path / "bundle")
    assert run(tmp_path / "bundle/rootfs/hello") == GREETING


def test_skopeo_copies_all_platforms_elsewhere(host, pushed, containers, layout, export, tmp_path):
    export(f"{pushed}:all", "--all", "-o", tmp_path / "x.tar")
    export(f"{pushed}:all", "--all", "-o", f"{tmp_path}/x/")
    assert blobs(tmp_path / "x") == blobs(layout)
    for number, source in enumerate([f"oci-archive:{tmp_path}/x.tar:all", f"oci:{tmp_path}/x:all"]):
        image = f"docker://{host}/{pushed}/back{number}:1"
        containers.skopeo("copy", "--all", "--dest-tls-verify=false", source, image)
        containers.skopeo("copy", "--all", "--src-tls-verify=false", image, f"oci:{tmp_path}/again{number}:all")
        assert blobs(tmp_path / f"again{number}") == blobs(layout)


def test_other_platform(pushed, containers, layout, export, tmp_path):
    printed = export(f"{pushed}:all", "--platform", "linux/arm64", "-o", tmp_path / "x.tar")
    assert "linux/arm64" in printed
    configuration = json.loads(containers.skopeo("inspect", "--config", f"oci-archive:{tmp_path}/x.tar:all",
                                                 "--override-arch=arm64"))
    assert configuration["architecture"] == "arm64"


def test_containerd_imports(pushed, containerd, export, tmp_path):
    export(f"{pushed}:all", "--all", "-o", tmp_path / "x.tar")
    containerd.ctr("images", "import", tmp_path / "x.tar")
    listed = containerd.ctr("images", "ls", "-q").split()
    assert f"docker.io/{pushed}:all" in listed
    containerd.ctr("images", "rm", *listed)


def test_docker_pushes_again_what_it_loaded(host, pushed, elsewhere, containers, layout, export, tmp_path):
    """The configuration is untouched on the whole way, so the image keeps its id."""
    export(f"{pushed}:amd64", "-o", tmp_path / "x.tar")
    elsewhere.docker("load", "-i", tmp_path / "x.tar")
    elsewhere.docker("tag", f"{pushed}:amd64", f"{host}/{pushed}:again")
    elsewhere.docker("push", f"{host}/{pushed}:again")
    again = json.loads(containers.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{host}/{pushed}:again"))
    first = json.loads(containers.skopeo("inspect", "--raw", f"oci:{layout}:amd64"))
    assert again["config"]["digest"] == first["config"]["digest"]
    elsewhere.docker("rmi", f"{pushed}:amd64", f"{host}/{pushed}:again")
