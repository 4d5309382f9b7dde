# SPDX-License-Identifier: Apache-2.0
"""packaging/kubernetes, run by containerd as a kubelet has it run, with the image that packaging/image/build makes.
`make pod-test` runs it, the ordinary run does not.

BERTH_IMAGE and BERTH_IMAGE_PACKAGES are as of tests/image."""

import contextlib
import itertools
import os
import shutil

import pytest

from tests.image.built import given_or_built, short_directory
from tests.lib.clients import Containers, hello, oci_layout, run
from tests.lib.machine import new_machine
from tests.lib.node import Node
from tests.lib.paths import CHECKOUT
from tests.pods.cluster import Cluster
from tests.pods.site import LOGINS, Site
from tests.recipes.document import Document


@pytest.fixture(scope="session")
def place():
    with short_directory("pods") as directory:
        yield directory


@pytest.fixture(scope="session")
def built(place):
    return given_or_built(place)


@pytest.fixture(scope="session")
def machine(place):
    """No process of containerd and its pods is left after it."""
    with new_machine() as machine:
        yield machine
    assert not [line for line in run("ps", "-eo", "args").splitlines() if "containerd" in line and str(place) in line]


@pytest.fixture(scope="session")
def node(place, machine, built):
    with Node(machine, place) as node:
        node.import_image(built.archive)
        yield node


@pytest.fixture(scope="session")
def skopeo(place, machine):
    with contextlib.closing(Containers(place / "containers", enter=machine.enter)) as tools:
        yield tools


@pytest.fixture
def cluster(node, place, request):
    """One to which nothing was applied yet. Of its pods nothing is left on the node."""
    directory = place / f"of-{request.node.name.translate(str.maketrans('[]', '__'))}"
    directory.mkdir()
    directory.chmod(0o755)
    with contextlib.closing(Cluster(node, directory)) as cluster:
        yield cluster
    for host in node.containerd.hosts.iterdir():
        shutil.rmtree(host)
    assert node.left() == []


@pytest.fixture(scope="session")
def program(place):
    return hello(place)


@pytest.fixture
def layout(program, tmp_path):
    """Makes OCI image layouts: the image `amd64` in each is like no other."""
    numbers = itertools.count(1)

    def make(size=50_000):
        number = next(numbers)
        noise = tmp_path / f"noise{number}"
        noise.write_bytes(os.urandom(size))
        return oci_layout(tmp_path / f"layout{number}", ["amd64"], [program, noise])
    return make


@pytest.fixture
def site(cluster, skopeo):
    return Site(cluster, skopeo)


@pytest.fixture
def registry(site):
    """Without logins."""
    site.cluster.edit("berth.conf", (LOGINS, ""))
    site.start()
    site.route()
    return site


@pytest.fixture(scope="session")
def page():
    return Document(CHECKOUT / "docs/kubernetes.md")
