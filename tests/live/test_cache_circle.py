# SPDX-License-Identifier: Apache-2.0
"""A cache whose upstream leads back to itself."""

import re
import tempfile
import time
from pathlib import Path

from tests.conftest import running_front
from tests.lib import client, upstreams
from tests.lib.upstream import Upstream, redirect


def test_a_cache_that_asks_itself_says_so():
    with Upstream() as upstream, tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        conf = upstreams.configuration(Path(directory) / "berth.conf", ("docker.io", upstream.url))
        with running_front("nginx", workers=4, workers_max=8, env={"BERTH_CONF": str(conf)}) as front:
            digest = upstream.add_manifest("library/right", "latest")
            upstream.fault("/library/app/", redirect(lambda path: f"http://127.0.0.1:{front.port}"
                                                     + path.replace("/v2/library/app/", "/v2/docker.io/library/more/")))
            began = time.monotonic()
            for what in "manifests/latest", f"blobs/{digest}":
                answer = client.request(front.port, "GET", f"/v2/docker.io/library/app/{what}")
                assert answer.status == 502, answer
                assert b"asks itself in a circle" in answer.body and b"docker.io" in answer.body
            assert time.monotonic() - began < 20
            assert upstream.asked("/library/app/") and upstream.asked("/library/more/") == []
            # Whoever else passes requests on, or has been passed one by another berth, gets what he wants.
            (via,) = {request.headers["Via"] for request in upstream.requests}
            assert re.fullmatch(r"1\.1 berth-[0-9a-f-]{36}", via)
            for others in "1.1 varnish", "1.1 berth-00000000-0000-4000-8000-000000000000", via + "0":
                answer = client.request(front.port, "GET", "/v2/docker.io/library/right/manifests/latest", {"Via": others})
                assert answer.status == 200, answer
            answer = client.request(front.port, "GET", "/v2/docker.io/library/right/manifests/latest", {"Via": f"1.1 varnish, {via} (x)"})
            assert answer.status == 508, answer
