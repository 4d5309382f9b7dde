# SPDX-License-Identifier: Apache-2.0
"""What a mount costs, in calls of the file system: they are the same on every machine, and what a stopwatch would tell."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.fault.calls import INJECTOR
from tests.lib import oci
from tests.lib.oci import expect
from tests.lib.paths import BUILD, MEMORY

MANY = 3000
RULES = """repository "**" { pull = {"root"} push = {"root"} }
repository "mine/**" { pull = {"alice", "root"} push = {"alice", "root"} }
"""
ROOT, ALICE = {"REMOTE_USER": "root"}, {"REMOTE_USER": "alice"}


def plant_repositories(store: Path, number: int):
    """Each with a layer of its own."""
    for i in range(number):
        digest = oci.digest_of(b"%d" % i)
        link = store / f"docker/registry/v2/repositories/theirs/r{i}/_layers/{digest.replace(':', '/')}/link"
        link.parent.mkdir(parents=True)
        link.write_text(digest)


class Mounts:
    """A store in which something of others is, and what alice's mounts cost there."""

    def __init__(self, front, home):
        self.front, self.home = front, home
        blob = oci.blob(100)
        self.foreign = blob.digest
        alike = "0" if blob.digest[-1] != "0" else "1"
        self.missing = blob.digest[:-1] + alike  # in the same places as the other one, and nowhere
        self.push("theirs/app", blob)
        self.own = self.push("mine/app", oci.blob(100)).digest

    def push(self, name, blob):
        expect(self.front.request("POST", f"/v2/{name}/blobs/uploads/?digest={blob.digest}", None, blob.data, ROOT), 201)
        return blob

    def calls(self, digest, status, query="") -> list[str]:
        """The kinds of calls that alice's mount makes, into a repository that does not exist yet."""
        log = self.home / "log"
        environment = self.front.environment("POST", f"/v2/mine/new/blobs/uploads/?mount={digest}{query}", None, b"", ALICE)
        done = subprocess.run([INJECTOR, self.front.root, log, BUILD / "berth.fcgi"], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60, check=True)
        expect(self.front.response("POST", done.stdout), status)
        shutil.rmtree(self.front.root / "docker/registry/v2/repositories/mine/new")
        return [line.split("\t")[0] for line in log.read_text().splitlines() if not line.startswith("exit")]


@pytest.fixture
def mounts(tmp_path):
    subprocess.run(["make", "-s", "-C", BUILD, INJECTOR.relative_to(BUILD)], check=True)
    conf = tmp_path / "berth.conf"
    conf.write_text(RULES)
    with running_front("cgi", MEMORY, env={"BERTH_CONF": str(conf), "BERTH_REMOTE_USER": "trust"}) as front:
        yield Mounts(front, tmp_path)


def test_17_a_mount_tells_nothing_of_what_others_have(mounts):
    """Without `from`, from a repository that one may not read, and from one that does not have it."""
    few = mounts.calls(mounts.missing, 202)
    plant_repositories(mounts.front.root, MANY)
    for query in ("", "&from=theirs/app", "&from=mine/app"):
        foreign, missing = (mounts.calls(digest, 202, query) for digest in (mounts.foreign, mounts.missing))
        assert foreign == missing
        assert len(foreign) <= len(few), f"{len(foreign)} calls with many repositories, {len(few)} with few"
    assert mounts.calls(mounts.own, 201) != few


def test_17_nor_where_who_has_what_is_not_noted_yet(mounts):
    """In a tree of another program each repository that may be read is looked at, whether the blob is there or not."""
    plant_repositories(mounts.front.root, 50)
    (mounts.front.root / "docker/registry/v2/_berth/holders/complete").unlink()
    foreign, missing = (mounts.calls(digest, 202) for digest in (mounts.foreign, mounts.missing))
    assert len(foreign) > 50
    assert foreign == missing
