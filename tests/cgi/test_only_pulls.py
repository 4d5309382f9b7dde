# SPDX-License-Identifier: Apache-2.0
"""When tags were pulled: recorded for `pulled` in a section `retain`, and for nothing else."""

import os
import shutil
from pathlib import Path

import pytest

from tests.cgi.test_store import age_of, make_old
from tests.lib import oci
from tests.lib.oci import expect
from tests.lib.paths import BUILD

HOUR = 3600
RULE = 'retain "team/**" { pulled = "14d" }'
READ_METHODS = pytest.mark.parametrize("method", ["GET", "HEAD"])


@pytest.fixture
def start(start_cgi, tmp_path):
    """Starts a front with these lines of configuration."""
    def with_conf(*lines, **settings):
        conf = tmp_path / "berth.conf"
        conf.write_text("\n".join([*lines, ""]))
        return start_cgi(conf=conf, **settings)
    return with_conf


def pulled(front):
    return front.root / "docker/registry/v2/_berth/pulled"


def records(front):
    """The tags of which there is a record, and the repositories in which recording has begun."""
    found = [path.relative_to(pulled(front)) for path in pulled(front).rglob("*") if path.is_file()]
    return {str(path.parent.parent) + ":" + path.name for path in found if path.parent.name == "_tags"}, \
        {str(path.parent) for path in found if path.name == "_since"}


@READ_METHODS
def test_once_an_hour(start, method):
    front = start(RULE)
    repo = oci.Repository(front, "team/app")
    repo.push_image("v1")
    assert not pulled(front).exists()  # a push is no pull
    expect(repo.request(method, "manifests/v1"), 200)
    assert records(front) == ({"team/app:v1"}, {"team/app"})
    record, since = pulled(front) / "team/app/_tags/v1", pulled(front) / "team/app/_since"
    make_old(since, 900 * HOUR)
    for age, renewed in ((HOUR - 60, False), (HOUR + 60, True), (900 * HOUR, True)):
        make_old(record, age)
        expect(repo.request(method, "manifests/v1"), 200)
        assert (age_of(record) < 60) == renewed, age
    assert age_of(since) > 800 * HOUR
    assert record.read_bytes() == b""


@READ_METHODS
def test_what_is_no_pull_by_tag(start, method):
    front = start(RULE, 'retain "team/kept" { newest = 1 }')
    repo, kept, other = (oci.Repository(front, name) for name in ("team/app", "team/kept", "other"))
    for each in (repo, kept, other):
        image = each.push_image("v1")
        for reference in (image.digest, "v2", oci.blob().digest, ".no-tag"):
            each.request(method, f"manifests/{reference}")
        each.get("tags/list")
        each.get(f"blobs/{image.document['config']['digest']}")
    for each in (kept, other):  # no rule asks for it there
        expect(each.request(method, "manifests/v1"), 200)
    assert not pulled(front).exists()


def test_a_client_that_has_it_already(start):
    """It looks whether the tag has moved, and uses what it has."""
    front = start(RULE)
    repo = oci.Repository(front, "team/app")
    image = repo.push_image("v1")
    expect(repo.get("manifests/v1", {"If-None-Match": f'"{image.digest}"'}), 304)
    assert records(front)[0] == {"team/app:v1"}


def test_who_may_not_pull(start):
    front = start(RULE, 'repository "team/*" { pull = {"alice"} push = {"bob"} }')
    repo = oci.Repository(front, "team/app")
    target = f"/v2/{repo.name}/manifests/v1"
    manifest = oci.index([])
    bob = {"REMOTE_USER": "bob"}
    expect(front.request("PUT", target, {"Content-Type": manifest.media_type}, manifest.data, variables=bob), 201)
    expect(front.request("GET", target, variables={"REMOTE_USER": "carol"}), 404)
    expect(front.request("GET", target), 401)
    assert not pulled(front).exists()
    expect(front.request("GET", target, variables={"REMOTE_USER": "alice"}), 200)
    assert records(front)[0] == {"team/app:v1"}


@READ_METHODS
def test_records_that_cannot_be_written(start, method):
    """The pull succeeds, and nobody complains."""
    front = start(RULE, file_mode="0644", dir_mode="0755")
    repo = oci.Repository(front, "team/app")
    image = repo.push_image("v1")
    counters = Path(front.env["BERTH_METRICS_DIR"])
    for path in (front.root, *front.root.rglob("*"), counters, *counters.iterdir()):
        os.chown(path, 33, 33)
    pulled(front).mkdir()  # which stays root's
    conf = front.root.parent / "berth.conf"  # where everyone can read it
    conf.write_text(RULE)
    program = shutil.copy(BUILD / "berth.fcgi", conf.parent)  # a checkout may be root's alone
    with front.spawn(method, "/v2/team/app/manifests/v1", variables={"BERTH_CONF": str(conf)}, executable=program, user=33,
                     group=33, extra_groups=[]) as process:
        output, log = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output.startswith(b"Status: 200 OK")
    assert (image.data in output) == (method == "GET")
    assert log == b""
    assert records(front) == (set(), set())


def test_something_in_the_way(start):
    """So it is said to whoever wants to know."""
    front = start(RULE, log_level="debug")
    repo = oci.Repository(front, "team/app")
    repo.push_image("v1")
    pulled(front).write_text("")
    with front.spawn("GET", "/v2/team/app/manifests/v1") as process:
        output, log = process.communicate(timeout=20)
    assert output.startswith(b"Status: 200 OK")
    assert b"the pull of team/app:v1 is not recorded: " in log
