# SPDX-License-Identifier: Apache-2.0
"""The container image: built as packaging/image/build does it, run by Debian's dockerd in a network namespace, and
handled by what docs/container.md says to type. `make image-test` runs it, the ordinary run does not.

BERTH_IMAGE names a directory where a build has left an image already, BERTH_IMAGE_PACKAGES one where Debian's packages
are kept."""

import os
import shutil
from pathlib import Path

import pytest

from tests.image.built import build, given_or_built, kept_packages, short_directory
from tests.image.host import Host
from tests.lib.clients import build_context, hello
from tests.lib.machine import new_machine
from tests.lib.paths import CHECKOUT
from tests.recipes.document import Document


@pytest.fixture(scope="session")
def place():
    with short_directory("image") as directory:
        yield directory


@pytest.fixture(scope="session")
def packages(place):
    return kept_packages(place)


@pytest.fixture(scope="session")
def built(place):
    return given_or_built(place)


@pytest.fixture(scope="session")
def for_arm64(place, built):
    kept = os.environ.get("BERTH_IMAGE_PACKAGES")
    packages = Path(f"{kept}-arm64") if kept else place / "packages-arm64"
    return build(CHECKOUT, place / "image-arm64", packages, "--architecture", "arm64", SOURCE_DATE_EPOCH=built.epoch)


@pytest.fixture(scope="session")
def document(request):
    document = Document(CHECKOUT / "docs/container.md")
    yield document
    document.check_all_typed("tests/image", request.config)


@pytest.fixture(scope="session")
def machine():
    with new_machine() as machine:
        yield machine


@pytest.fixture(scope="session")
def dockerd(place, machine, built):
    with Host(place / "docker", machine) as host:
        host.docker("load", "-i", built.archive)
        yield host


@pytest.fixture
def host(dockerd, place, built, request):
    """One on which no container is, where one stands in a directory that has build/image as a checkout has it."""
    dockerd.directory = place / f"here-{request.node.name.translate(str.maketrans('[]', '__'))}"
    (dockerd.directory / "build").mkdir(parents=True)
    (dockerd.directory / "build/image").symlink_to(built.directory)
    yield dockerd
    dockerd.clear()
    shutil.rmtree(dockerd.directory)


@pytest.fixture(scope="session")
def app(dockerd, place):
    """An image to push: the name by which docker knows it."""
    dockerd.docker("build", "--network=none", "--tag", "app", build_context(place / "app", hello(place)))
    return "app"
