# SPDX-License-Identifier: Apache-2.0
"""Ranges of blobs: the web server answers them where it sends the file, and berth where BERTH_SENDFILE is off."""

import pytest

from tests.cgi.conftest import repo  # noqa: F401 - a fixture
from tests.cgi.test_pull import (  # noqa: F401
    test_if_range,
    test_multiple_ranges,
    test_range,
    test_range_of_another_unit,
    test_unsatisfiable_range,
)
from tests.clients.test_ranges import (  # noqa: F401
    test_every_range_is_answered,
    test_too_many_ranges_get_all_or_the_whole,
)
from tests.conftest import running_front
from tests.lib import oci
from tests.lib.oci import expect
from tests.live.conftest import SERVERS

SIZE = 2048


@pytest.fixture(scope="module", params=[(server, sender) for sender in ("server", "berth") for server in SERVERS],
                ids=lambda param: f"{param[0]}-{param[1]}-sends")
def front(request):
    server, sender = request.param
    with running_front(server, env={"BERTH_SENDFILE": "off"} if sender == "berth" else {}) as front:
        yield front


@pytest.fixture
def registry(front):
    """What the tests of clients call it."""
    return front


@pytest.mark.parametrize("value", ["bytes=0-9", "bytes=0-9,1000-1009", "bytes=5000-10000"])
def test_head(repo, value):
    """The length of the whole: Range is for GET only (RFC 9110 section 14.2)."""
    blob = repo.push_blob(oci.blob(SIZE))
    answer = expect(repo.head(f"blobs/{blob.digest}", {"Range": value}), 200)
    assert answer.body == b""
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Content-Range"] is None
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Docker-Content-Digest"] == blob.digest


def test_if_match_with_the_entity_tag(front, repo):
    """nginx would compare it with an entity tag of its own."""
    blob = repo.push_blob(oci.blob())
    response = expect(repo.get(f"blobs/{blob.digest}", {"If-Match": f'"{blob.digest}"'}), 200)
    assert response.body == blob.data


def test_28_the_server_sends_by_its_own_file(front, repo):
    """Also where the workers were told something else: those of nginx here are berth.service's, which says x-sendfile."""
    blob = repo.push_blob(oci.blob(SIZE))
    answer = expect(repo.get(f"blobs/{blob.digest}"), 200)
    assert answer.body == blob.data
    by_server = not front.settings.get("BERTH_SENDFILE")
    assert ("Last-Modified" in answer.headers) == by_server  # which berth does not send


@pytest.mark.parametrize("server", SERVERS)
def test_28_a_wrong_way_of_sending_is_noticed(server):
    """What the server would not send, berth does; one line of the log says so."""
    wrong = "x-sendfile" if server == "nginx" else "x-accel-redirect"
    with running_front(server, env={"BERTH_SENDFILE": wrong}, workers=1, workers_max=1) as front:
        repo = oci.Repository(front)
        blob = repo.push_blob(oci.blob(SIZE))
        for _ in range(2):
            assert expect(repo.get(f"blobs/{blob.digest}"), 200).body == blob.data
        assert expect(repo.get(f"blobs/{blob.digest}", {"Range": "bytes=5-9"}), 206).body == blob.data[5:10]
        log = "".join(path.read_text() for path in (front.home / "log").iterdir())
        assert log.count(f'sendfile is "{wrong}", which ') == 1, log


def test_8_too_much_in_several_ranges_is_all_of_it(front, repo):
    """By the server, where that sends blobs: what comes from berth it would spool, or hold a worker for."""
    blob = repo.push_blob(oci.blob(90_000_000))
    answer = expect(repo.get(f"blobs/{blob.digest}", {"Range": "bytes=0-39999999,50000000-89999999"}), 200)
    assert answer.body == blob.data
    assert answer.headers["Docker-Content-Digest"] == blob.digest
    assert ("Last-Modified" in answer.headers) == (not front.settings.get("BERTH_SENDFILE"))
    one = expect(repo.get(f"blobs/{blob.digest}", {"Range": "bytes=5000000-89999999"}), 206)
    assert one.body == blob.data[5_000_000:]


@pytest.mark.parametrize("match", ["*", "etag"])
def test_8_if_match_is_sent_by_the_server(front, repo, match):
    """lighttpd would keep all of the blob in its spool, for whoever may pull. nginx has an entity tag of its own, and a limit."""
    blob = repo.push_blob(oci.blob(SIZE))
    value = match if match == "*" else f'"{blob.digest}"'
    answer = expect(repo.get(f"blobs/{blob.digest}", {"If-Match": value}), 200)
    assert answer.body == blob.data
    by_server = not front.settings.get("BERTH_SENDFILE") and front.name != "nginx"
    assert ("Last-Modified" in answer.headers) == by_server
    part = expect(repo.get(f"blobs/{blob.digest}", {"If-Match": value, "Range": "bytes=5-9"}), 206)
    assert part.body == blob.data[5:10]
