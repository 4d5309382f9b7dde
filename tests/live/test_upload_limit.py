# SPDX-License-Identifier: Apache-2.0
"""Uploads that are begun and left: one user may have so many open in one repository. Issue 10, item 8."""

import pytest

from tests.conftest import running_front
from tests.lib import oci
from tests.lib.oci import expect, expect_error
from tests.live.conftest import SERVERS

LIMIT = 3


@pytest.fixture(scope="module", params=["cgi", *SERVERS])
def front(request):
    with running_front(request.param, env={"BERTH_UPLOAD_LIMIT": str(LIMIT)}) as front:
        yield front


def test_8_open_uploads_are_bounded(front):
    repo = oci.Repository(front)
    locations = [repo.start_upload() for _ in range(LIMIT)]
    refused = expect_error(repo.post_upload(), 429, "TOOMANYREQUESTS")
    assert int(refused.headers["Retry-After"]) > 0
    assert len(list((repo.directory / "_uploads").iterdir())) == LIMIT
    oci.Repository(front).start_upload()
    whole = oci.blob()  # needs no session that stays
    expect(front.request("POST", f"/v2/{repo.name}/blobs/uploads/?digest={whole.digest}",
                         {"Content-Type": oci.OCTET_STREAM}, whole.data), 201)
    content = oci.blob()
    expect(repo.close_upload(locations[0], content.digest, content.data), 201)
    locations.append(repo.start_upload())
    expect_error(repo.post_upload(), 429, "TOOMANYREQUESTS")
    expect(front.request("DELETE", locations[-1]), 204)
    repo.start_upload()
