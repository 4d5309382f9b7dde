# SPDX-License-Identifier: Apache-2.0
"""`berth import` of what real tools save, on a host that has no network, and the same tools pull it again."""

import contextlib
import hashlib
import json
import subprocess

import pytest

from tests.admin.conftest import Serve
from tests.lib.clients import DOCKER, GREETING, Dockerd, blobs, run
from tests.lib.paths import BUILD


@pytest.fixture
def serve(tmp_path):
    with contextlib.ExitStack() as started:
        yield lambda: started.enter_context(Serve(tmp_path))


@pytest.fixture
def store(tmp_path):
    """Where `serve` stores."""
    return tmp_path / "store"


def berth_import(store, *args, **options):
    """On a host without a network, and so without a daemon to ask."""
    return run("unshare", "-n", BUILD / "berth", "import", *args, "--root", store, **options)


@pytest.fixture
def build(dockerd, context):
    """Builds an image under a name and returns its id."""
    def make(name):
        dockerd.docker("build", "--tag", name, context())
        return dockerd.docker("image", "inspect", "--format", "{{.Id}}", name).strip()
    return make


def pull_and_run(dockerd, port, name, image_id):
    """The image as it was built: its id is the digest of its configuration, which has that of each layer."""
    reference = f"127.0.0.1:{port}/{name}"
    dockerd.docker("pull", reference)
    assert dockerd.docker("image", "inspect", "--format", "{{.Id}}", reference).strip() == image_id
    assert dockerd.docker("run", "--rm", "--net=none", reference) == GREETING
    dockerd.docker("rmi", "--force", image_id)


@pytest.mark.parametrize("compress", ["gzip", "none"])
def test_docker_save(dockerd, build, store, serve, tmp_path, compress):
    first, second = build("import/one:1"), build("import/two:1")
    dockerd.docker("tag", "import/one:1", "quay.io/import/one:2")
    dockerd.docker("save", "-o", tmp_path / "saved.tar", "import/one:1", "import/two:1", "quay.io/import/one:2")
    dockerd.docker("rmi", "--force", first, second)
    output = berth_import(store, "--compress", compress, tmp_path / "saved.tar")
    assert output.count("imported import/") == 3
    server = serve()
    for name, image_id in ("import/one:1", first), ("import/one:2", first), ("import/two:1", second):
        pull_and_run(dockerd, server.port, name, image_id)


def test_to_another_docker(dockerd, build, store, serve, home, tmp_path):
    """docker save here, docker pull on a machine that never saw the image."""
    image_id = build("import/far:1")
    dockerd.docker("save", "-o", tmp_path / "saved.tar", "import/far:1")
    berth_import(store, tmp_path / "saved.tar")
    with Dockerd(home / "another") as another:
        pull_and_run(another, serve().port, "import/far:1", image_id)
    dockerd.docker("rmi", "--force", image_id)


def test_pipe(dockerd, build, store, serve):
    image_id = build("import/piped:1")
    saving = subprocess.Popen([DOCKER, "save", "import/piped:1"], env=dockerd.client, stdout=subprocess.PIPE)
    subprocess.run([BUILD / "berth", "import", "-", "--root", store], stdin=saving.stdout, check=True)
    saving.stdout.close()
    assert saving.wait() == 0
    dockerd.docker("rmi", "--force", image_id)
    pull_and_run(dockerd, serve().port, "import/piped:1", image_id)


def test_while_it_is_served(dockerd, build, store, serve, tmp_path):
    image_id = build("import/served:1")
    dockerd.docker("save", "-o", tmp_path / "saved.tar", "import/served:1")
    server = serve()
    berth_import(store, tmp_path / "saved.tar", "--as", "renamed/app:7")
    dockerd.docker("rmi", "--force", image_id)
    pull_and_run(dockerd, server.port, "renamed/app:7", image_id)


def podman_build(containers, context, name):
    containers.buildah("build", "--layers", "--tag", name, context())
    return containers.podman("image", "inspect", "--format", "{{.Id}}", name)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci-dir", "docker-dir"])
@pytest.mark.parametrize("compress", ["gzip", "zstd"])
def test_podman_save(containers, context, store, serve, tmp_path, form, compress):
    image_id = podman_build(containers, context, "localhost/import/pod:1")
    saved = tmp_path / "saved"
    containers.podman("save", "--format", form, "-o", saved, "localhost/import/pod:1")
    containers.podman("rmi", "--all", "--force")
    renamed = ["--as", "import/pod:1"] if form == "docker-dir" else []
    berth_import(store, "--compress", compress, *renamed, saved)
    assert containers.podman("pull", "--quiet", "--tls-verify=false",
                             f"127.0.0.1:{serve().port}/import/pod:1") == image_id
    containers.podman("rmi", "--all", "--force")


def test_podman_multi_image_archive(containers, context, store, serve, tmp_path):
    names = ["localhost/import/first:1", "localhost/import/second:1"]
    ids = [podman_build(containers, context, name) for name in names]
    containers.podman("save", "--multi-image-archive", "-o", tmp_path / "saved.tar", *names)
    containers.podman("rmi", "--all", "--force")
    berth_import(store, tmp_path / "saved.tar")
    port = serve().port
    for name, image_id in zip(names, ids):
        assert containers.podman("pull", "--quiet", "--tls-verify=false",
                                 f"127.0.0.1:{port}/{name.removeprefix('localhost/')}") == image_id
    containers.podman("rmi", "--all", "--force")


@pytest.fixture
def with_signature(layout):
    """An index with two images, of which one is signed."""
    listing = json.loads((layout / "index.json").read_text())
    subject = next(entry for entry in listing["manifests"]
                   if entry["annotations"]["org.opencontainers.image.ref.name"] == "amd64")
    empty = hashlib.sha256(b"{}").hexdigest()
    (layout / "blobs/sha256" / empty).write_bytes(b"{}")
    signature = {"schemaVersion": 2, "mediaType": subject["mediaType"], "artifactType": "application/example.signature",
                 "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": f"sha256:{empty}", "size": 2},
                 "layers": [], "subject": {key: subject[key] for key in ("mediaType", "digest", "size")}}
    data = json.dumps(signature).encode()
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(data)
    listing["manifests"].append({"mediaType": subject["mediaType"], "digest": f"sha256:{digest}", "size": len(data)})
    (layout / "index.json").write_text(json.dumps(listing))
    return layout, subject["digest"], f"sha256:{digest}"


@pytest.mark.parametrize("form", ["directory", "tar"])
def test_multi_arch_index_with_a_referrer(containers, with_signature, store, serve, tmp_path, form):
    """Byte for byte, as skopeo reads it back."""
    layout, subject, signature = with_signature
    source = layout
    if form == "tar":
        source = tmp_path / "layout.tar.gz"
        run("tar", "-czf", source, "-C", layout, ".")
    berth_import(store, "--as", "import/multi", source)
    server = serve()
    image, copy = f"docker://127.0.0.1:{server.port}/import/multi:all", tmp_path / "copy"
    containers.skopeo("copy", "--all", "--src-tls-verify=false", image, f"oci:{copy}:all")
    returned = blobs(copy)
    assert len(returned) == 7  # an index, two manifests, two configurations, two layers
    assert returned.items() <= blobs(layout).items()
    referrers = server.request("GET", f"/v2/import/multi/referrers/{subject}").json()["manifests"]
    assert [entry["digest"] for entry in referrers] == [signature]
    pulled = server.request("GET", f"/v2/import/multi/manifests/{signature}")
    assert pulled.body == (layout / "blobs/sha256" / signature[7:]).read_bytes()


@pytest.mark.parametrize("scoped", [True, False])
def test_skopeo_sync(host, containers, layout, store, serve, tmp_path, scoped):
    """A repository goes from registry to disk to registry; the digests stay."""
    repository = f"{host}/import/synced{int(scoped)}"
    for architecture in "amd64", "arm64":
        containers.push(f"oci:{layout}:{architecture}", f"{repository}:{architecture}")
    containers.skopeo("sync", "--src-tls-verify=false", *(["--scoped"] if scoped else []), "--src", "docker",
                      "--dest", "dir", repository, tmp_path / "disk")
    berth_import(store, tmp_path / "disk")
    server = serve()
    name = f"import/synced{int(scoped)}" if scoped else f"synced{int(scoped)}"
    for architecture in "amd64", "arm64":
        original, imported = (
            json.loads(containers.skopeo("inspect", "--tls-verify=false", f"--override-arch={architecture}",
                                         f"docker://{reference}:{architecture}"))
            for reference in (repository, f"127.0.0.1:{server.port}/{name}"))
        assert imported["Digest"] == original["Digest"]


def test_skopeo_dir_of_all_architectures(containers, layout, store, serve, tmp_path):
    containers.skopeo("copy", "--all", f"oci:{layout}:all", f"dir:{tmp_path}/dir")
    berth_import(store, "--as", "import/dir:1", tmp_path / "dir")
    copy = tmp_path / "copy"
    containers.skopeo("copy", "--all", "--src-tls-verify=false", f"docker://127.0.0.1:{serve().port}/import/dir:1",
                      f"oci:{copy}:all")
    assert blobs(copy).items() <= blobs(layout).items()


def test_same_content_as_skopeo_copy(containers, host, dockerd, build, store, serve, tmp_path):
    """Of the same archive skopeo and berth make images with the same configuration and the same layers, unpacked."""
    image_id = build("import/same:1")
    dockerd.docker("save", "-o", tmp_path / "saved.tar", "import/same:1")
    containers.push(f"docker-archive:{tmp_path}/saved.tar", f"{host}/import/same:1")
    berth_import(store, tmp_path / "saved.tar")
    configurations = [containers.skopeo("inspect", "--config", "--raw", "--tls-verify=false",
                                        f"docker://{name}/import/same:1")
                      for name in (host, f"127.0.0.1:{serve().port}")]
    assert configurations[0] == configurations[1]
    assert f"sha256:{hashlib.sha256(configurations[1].encode()).hexdigest()}" == image_id
    dockerd.docker("rmi", "--force", image_id)
