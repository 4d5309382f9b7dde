# SPDX-License-Identifier: Apache-2.0
"""The registry's pod: who it is, what its probes hear, how it ends, and images that stay meanwhile."""

import os
from pathlib import Path

from tests.lib import cri
from tests.pods.site import LIVE, READY, WELL, configuration_digest

STOP_MAX = 2  # seconds


def test_pushed_from_the_host_and_pulled_by_the_node(registry, layout):
    pushed = layout()
    registry.push(pushed, "team/app:1")
    assert registry.pull("team/app:1") == configuration_digest(pushed)


def test_probes(registry):
    assert registry.pod.ask(LIVE) == WELL
    assert registry.pod.ask(READY) == WELL



def status_of(process):
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())


def test_as_tight_as_the_manifest_says(registry):
    process = registry.pod.process()
    status = status_of(process)
    assert status["Uid"] == "1000\t1000\t1000\t1000" and status["Gid"] == "1000\t1000\t1000\t1000"
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    mounts = [line.split() for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines()]
    writable = {mount[4] for mount in mounts if mount[5].split(",")[0] == "rw"}
    assert "/" not in writable and {"/var/lib/registry", "/run"} <= writable
    assert not [path for path in writable if path.startswith(("/etc/berth", "/usr", "/lib"))]


def test_memory_is_limited(registry):
    groups = dict(line.split(":")[1:] for line in Path(f"/proc/{registry.pod.process()}/cgroup").read_text().splitlines())
    limits = [Path(f"/sys/fs/cgroup/memory{groups['memory']}/memory.limit_in_bytes")] if "memory" in groups else [
        Path(f"/sys/fs/cgroup{groups['']}/memory.max")]
    container, = registry.cluster.objects.one("Deployment", "berth")["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == "512Mi"
    assert limits[0].read_text().strip() == str(512 << 20)


def test_stops_within_two_seconds(registry, layout):
    registry.push(layout(), "team/app:1")
    pod = registry.pod
    took = pod.stop()
    assert (pod.status()["state"], pod.status()["exit_code"]) == (cri.EXITED, 0), pod.log()
    assert took < STOP_MAX


def test_images_stay_when_the_container_is_restarted(registry, layout):
    pushed = layout()
    registry.push(pushed, "team/app:1")
    before = registry.pod.process()
    registry.pod.restart()
    registry.pod.await_ready()
    assert registry.pod.process() != before
    assert registry.pull("team/app:1") == configuration_digest(pushed)


def test_images_stay_when_the_container_is_killed(registry, layout):
    pushed = layout()
    registry.push(pushed, "team/app:1")
    pod = registry.pod
    os.kill(pod.process(), 9)
    assert pod.end_of() == 137
    pod.launch(pod.containers["berth"])
    pod.await_ready()
    assert registry.pull("team/app:1") == configuration_digest(pushed)


def test_images_stay_when_the_pod_is_deleted(registry, layout):
    pushed = layout()
    registry.push(pushed, "team/app:1")
    registry.pod.remove()
    registry.cluster.deploy()
    assert registry.pull("team/app:1") == configuration_digest(pushed)
