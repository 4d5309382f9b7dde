# SPDX-License-Identifier: Apache-2.0
"""The ring of real clients: one of each serves the whole run, against a registry behind each of two web servers."""

import contextlib
import itertools
import os
import secrets
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import groups
from tests.lib.accesslog import Traffic
from tests.lib.clients import Containerd, Containers, Dockerd, add_index, build_context, hello, oci_layout

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items):
    groups.keep_together(items, HERE)


@pytest.fixture(scope="session", params=["lighttpd", "apache-fcgid"])
def registry(request):
    with running_front(request.param, workers=4) as front:
        yield front


@pytest.fixture
def host(registry):
    """What names of images in the registry begin with."""
    return f"127.0.0.1:{registry.port}"


@pytest.fixture(scope="session")
def home():
    """A directory whose name is short enough for Unix sockets below it, and which does not outlive the run: a daemon's
    storage is large. podman takes no layout whose path has `_` beside `-` or `/`, as in tempfile's random names."""
    directory = Path(tempfile.gettempdir(), f"berth-clients-{secrets.token_hex(4)}")
    directory.mkdir(mode=0o700)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def program(home):
    return hello(home)


@pytest.fixture(scope="session")
def dockerd(home):
    with Dockerd(home / "docker") as daemon:
        yield daemon


@pytest.fixture(scope="session")
def containerd(home):
    with Containerd(home / "containerd") as daemon:
        yield daemon


@pytest.fixture(scope="session")
def containers(home):
    with contextlib.closing(Containers(home / "containers")) as tools:
        yield tools


@pytest.fixture
def context(program, tmp_path):
    """Makes build contexts, each for a different image."""
    numbers = itertools.count(1)
    return lambda: build_context(tmp_path / f"context{next(numbers)}", program)


@pytest.fixture
def layout(program, tmp_path):
    """An OCI image layout with a two-layer image for each of two architectures, whose name is its tag, and an index of
    them tagged `all`. No other test has that content."""
    noise = tmp_path / "noise"
    noise.write_bytes(os.urandom(50_000))
    directory = oci_layout(tmp_path / "layout", ["amd64", "arm64"], [program, noise])
    add_index(directory, "all")
    return directory


@pytest.fixture
def traffic(registry):
    """Makes a watch over what the registry is asked."""
    return lambda: Traffic(registry)
