# SPDX-License-Identifier: Apache-2.0
"""Clients pull through the cache, from an upstream that is another berth, or docker-registry. Then that is gone, and they pull
again what is cached."""

import json
import signal
import tempfile
from pathlib import Path

import pytest

from tests.clients.test_containerd import configuration_digest, forget, manifest_digest
from tests.conftest import running_front
from tests.lib import cri, upstreams
from tests.lib.clients import blobs
from tests.lib.distribution import Distribution
from tests.lib.workers import wait_for
from tests.live.test_cache import fillers


@pytest.fixture
def place():
    """What a web server's user can read."""
    with tempfile.TemporaryDirectory(prefix="berth-cache-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture(params=["berth", "docker-registry"])
def upstream(request, place):
    """Something that serves until the test stops it."""
    if request.param == "berth":
        with running_front("nginx") as front:
            yield front
    else:
        (place / "upstream").mkdir()
        with Distribution(place / "upstream", place) as registry:
            yield registry


@pytest.fixture
def cache(upstream, place):
    conf = upstreams.configuration(place / "berth.conf", ("docker.io", upstream.url, "default = true", 'revalidate = "0s"'))
    with running_front("lighttpd", workers=8, env={"BERTH_CONF": str(conf)}) as front:
        yield front
        wait_for(lambda: not fillers(front))


def test_14_clients_pull_through_a_cache(upstream, cache, containers, containerd, dockerd, layout, tmp_path):
    """By its own name, as a mirror of docker, and with containerd's ns."""
    containers.push(f"oci:{layout}:amd64", f"127.0.0.1:{upstream.port}/team/app:1")
    host = f"127.0.0.1:{cache.port}"
    containerd.route("docker.io", mirror=f"http://{host}")
    registries = Path(containers.env["CONTAINERS_REGISTRIES_CONF"])
    registries.write_text(f'[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n[[registry.mirror]]\n'
                          f'location = "{host}/docker.io"\ninsecure = true\n')
    mirrors = dockerd.home / "daemon.json"
    mirrors.write_text(json.dumps({"registry-mirrors": [f"http://{host}"]}))
    dockerd.process.send_signal(signal.SIGHUP)
    wait_for(lambda: host in dockerd.docker("info", "--format", "{{.RegistryConfig.Mirrors}}"))
    try:
        for time in ("cold", "gone"):
            copy = tmp_path / time
            containers.skopeo("copy", "--src-tls-verify=false", f"docker://{host}/docker.io/team/app:1", f"oci:{copy}:1")
            assert blobs(copy).items() <= blobs(layout).items()
            assert containers.podman("pull", "-q", "docker.io/team/app:1")
            containers.podman("rmi", "-f", "docker.io/team/app:1")
            dockerd.docker("pull", "team/app:1")
            dockerd.docker("rmi", "team/app:1")
            assert cri.pull_image(containerd.socket, "docker.io/team/app:1") == configuration_digest(layout, "amd64")
            assert manifest_digest(layout, "amd64") in containerd.ctr("-n", "k8s.io", "images", "list")
            forget(containerd)
            if time == "cold":
                upstream.stop()
    finally:
        registries.write_text("")
        (containerd.hosts / "docker.io/hosts.toml").unlink()
        (containerd.hosts / "docker.io").rmdir()
        mirrors.write_text("{}\n")
        dockerd.process.send_signal(signal.SIGHUP)
