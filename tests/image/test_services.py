# SPDX-License-Identifier: Apache-2.0
"""The files that make a service of it, with what Debian 12 has to read them."""

import configparser

import pytest

from tests.image.host import REGISTRY
from tests.lib.clients import Containers
from tests.lib.paths import CHECKOUT

QUADLET = CHECKOUT / "packaging/quadlet/berth.container"
# What podman 4.4 makes of the keys that the file has.
OPTIONS = {
    "Image": lambda value: [],
    "ContainerName": lambda value: ["--name", value],
    "PublishPort": lambda value: [],  # it gets the network of the machine here, where nobody else is
    "Volume": lambda value: ["--volume", value],
    "ReadOnly": lambda value: ["--read-only"] if value == "true" else [],
    "VolatileTmp": lambda value: [] if value == "true" else ["--read-only-tmpfs=false"],
    "DropCapability": lambda value: [f"--cap-drop={value}"],
    "NoNewPrivileges": lambda value: ["--security-opt=no-new-privileges"] if value == "true" else [],
    "PodmanArgs": str.split,
}
# What this machine, which may not raise limits and has no cgroup of version 2, lets podman run.
HERE = ["--runtime", "runc", "run", "--detach", "--network=host", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]


def test_compose(host, document, app):
    (host.directory / "packaging").symlink_to(CHECKOUT / "packaging")
    try:
        host.type(document.take("With compose, and with systemd", 0))
        host.await_registry()
        host.type("docker tag app localhost:5000/app\ndocker push localhost:5000/app")
        assert host.docker("diff", REGISTRY) == ""
        host.type("docker-compose -f packaging/compose/compose.yaml down")
        host.type("docker-compose -f packaging/compose/compose.yaml up -d")
        host.await_registry()
        assert host.request("GET", "/v2/_catalog").json() == {"repositories": ["app"]}
    finally:
        host.type("docker-compose -f packaging/compose/compose.yaml down -v")


def quadlet():
    file = configparser.ConfigParser(strict=False, interpolation=None)
    file.optionxform = str
    file.read(QUADLET)
    return file


@pytest.fixture
def podman(place, machine, built):
    tools = Containers(place / "podman", enter=machine.enter)
    tools.podman("load", "-i", built.archive)
    yield tools
    tools.podman("rm", "-f", "-a")
    tools.close()


def test_quadlet(host, document, podman):
    """As podman 4.4 runs it, by the options into which it translates the file."""
    assert "berth.container" in document.take("With compose, and with systemd", 1)  # typed where systemd runs
    container = quadlet()["Container"]
    options = [word for key, value in container.items() for word in OPTIONS[key](value)]
    podman.podman(*HERE, *options, container["Image"])
    host.await_registry()
    assert host.request("GET", "/v2/_catalog").json() == {"repositories": []}
    podman.podman("stop", container["ContainerName"])
    inspected = podman.podman("inspect", "--format", "{{.State.ExitCode}}", container["ContainerName"])
    assert inspected == "0"


def test_quadlet_is_a_unit():
    unit = quadlet()
    assert unit["Service"]["Restart"] == "always" and unit["Install"]["WantedBy"] == "multi-user.target default.target"
    assert set(unit["Container"]) <= set(OPTIONS)
