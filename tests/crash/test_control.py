# SPDX-License-Identifier: Apache-2.0
"""What the ring must see: a registry that is known to lose what it acknowledged. docker-registry 2.8 syncs data, and no
directory after a rename."""

import pytest

from tests.crash.disk import Disk
from tests.crash.explore import Mark, Play, careless, explore
from tests.crash.operations import BLOB, CONFIG, IMAGE, always, has, tag
from tests.crash.steps import Step
from tests.crash.trace import RECORDER, read_log
from tests.lib import oci
from tests.lib.distribution import Distribution

NAME = "control"


class Recorded(Distribution):
    """Under the recorder from its start on."""

    def __init__(self, home):
        self.disk, self.events = home / "disk", home / "events"
        self.disk.mkdir()
        super().__init__(self.disk / "store", home)
        self.argv = [RECORDER, self.disk, self.events, *self.argv]


def play_pushes(registry: Recorded) -> Play:
    """A push as docker does it, and when each part of it was acknowledged."""
    disk, marks = Disk(registry.disk, careless), []

    def done(name, promises):
        step = Step(name, always(promises))
        at = len(read_log(registry.events))
        marks.append((at, Mark(step, False)))
        marks.append((at, Mark(step, True)))

    with registry:
        repository = oci.Repository(registry, NAME)
        for blob in (BLOB, CONFIG):
            location = oci.expect(repository.post_upload(), 202).headers["Location"]
            location = oci.expect(repository.send_chunk(location, blob.data), 202).headers["Location"]
            oci.expect(repository.close_upload(location, blob.digest), 201)
            done("blob", has("blob", NAME, blob))
        repository.push_manifest(IMAGE, "1")
        done("manifest", has("manifest", NAME, IMAGE) | tag(NAME, "1", IMAGE.digest))
    timeline = read_log(registry.events)
    for at, mark in reversed(marks):
        timeline.insert(at, mark)
    return Play("docker-registry", disk, {}, timeline)


@pytest.fixture(scope="module")
def found(tmp_path_factory, run, theatre):
    found = explore(play_pushes(Recorded(tmp_path_factory.mktemp("control"))), run.states, run.seed)
    run.count("states of docker-registry", found.states)
    run.count("of them wrong", len(found.violations))
    return found


@pytest.mark.parametrize("what", ["promised blob", "promised manifest", "promised tag"])
def test_docker_registry_is_red(found, what):
    """What it answered with 201 is gone after a cut."""
    assert any(what in problem for violation in found.violations for problem in violation.problems)
