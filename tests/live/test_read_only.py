# SPDX-License-Identifier: Apache-2.0
"""Storage that is mounted read-only: it serves pulls, and says clearly that nothing can be pushed. Issue 10, item 22."""

import json
import os
import time

import pytest

from tests.conftest import running_front
from tests.lib import oci
from tests.lib.mounts import read_only
from tests.lib.oci import expect, expect_error
from tests.live.conftest import SERVERS

DAY = 86400


def age(root):
    """Makes everything so old that a HEAD by somebody who may push would renew it."""
    for directory, _, names in os.walk(root):
        for name in names:
            os.utime(f"{directory}/{name}", (time.time() - 3 * DAY,) * 2)


@pytest.fixture(scope="module", params=["cgi", *SERVERS])
def place(request, tmp_path_factory):
    """A front on a store where nothing can be written, and an image that is in it."""
    with running_front("cgi") as writer:
        repo = oci.Repository(writer)
        layer, config = repo.push_blob(oci.blob(100)), repo.push_blob(oci.blob(50, oci.OCI_CONFIG))
        image = repo.push_manifest(oci.image(config.descriptor(), [layer.descriptor()]), "v1")
        location = repo.start_upload()
        age(writer.root)
        if request.param != "cgi":
            with running_front(request.param, root=writer.root):
                """It makes all of it the workers'."""
        with read_only(writer.root), running_front(request.param, root=writer.root) as front:
            yield oci.Repository(front, repo.name), image, layer, location


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_22_pulls_are_served(place, method):
    repo, image, layer, _ = place
    for path, content in ((f"blobs/{layer.digest}", layer), (f"manifests/{image.digest}", image), ("manifests/v1", image)):
        answer = expect(repo.request(method, path), 200)
        assert answer.body == (content.data if method == "GET" else b"")
        assert answer.headers["Docker-Content-Digest"] == content.digest
    assert repo.tags() == ["v1"]
    assert repo.referrers(image.digest) == []
    expect(repo.get("manifests/v2"), 404)
    expect(repo.get(f"blobs/{oci.blob().digest}"), 404)


def test_22_nothing_can_be_pushed(place):
    repo, image, layer, location = place
    large = oci.index([], annotations={"long": "x" * 2_000_000})
    answers = [
        repo.post_upload(),
        repo.post_upload(f"?digest={oci.digest_of(b'')}"),
        repo.send_chunk(location, b"more"),
        repo.close_upload(location, oci.digest_of(b"more"), b"more"),
        repo.put_manifest(image, "v2"),
        repo.put_manifest(large, "v2"),
        repo.delete("manifests/v1"),
        repo.delete(f"blobs/{layer.digest}"),
        oci.Repository(repo.front).post_upload(f"?mount={layer.digest}&from={repo.name}"),
    ]
    for answer in answers:
        expect_error(answer, 405, "UNSUPPORTED")
        assert "read-only" in answer.json()["errors"][0]["message"]
        assert "_berth" not in json.dumps(answer.json())
        assert "Allow" in answer.headers
