# SPDX-License-Identifier: Apache-2.0
"""skopeo pulls through the cache, from an upstream that is another berth, or docker-registry. Then that is gone, and it pulls
again what is cached."""

import tempfile
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import upstreams
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


def test_14_skopeo_pulls_through_a_cache(upstream, cache, containers, layout, tmp_path):
    containers.push(f"oci:{layout}:amd64", f"127.0.0.1:{upstream.port}/team/app:1")
    host = f"127.0.0.1:{cache.port}"
    for time in ("cold", "gone"):
        copy = tmp_path / time
        containers.skopeo("copy", "--src-tls-verify=false", f"docker://{host}/docker.io/team/app:1", f"oci:{copy}:1")
        assert blobs(copy).items() <= blobs(layout).items()
        if time == "cold":
            upstream.stop()
