# SPDX-License-Identifier: Apache-2.0
"""docs/container.md, typed: what guides run with registry:2, with berth's image in its place."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.image.host import REGISTRY, until
from tests.lib.clients import GREETING

MEMORY_MAX = 12_000_000  # bytes, all of a container that has nothing to do
NAME = "localhost:5000/app"


@pytest.fixture
def registry(host, document, app):
    """The line that every guide has, typed; it answers."""
    host.type(document.take("Run it", 0))
    host.await_registry()
    return host


def push_and_pull(host, document):
    """As the second block of "Run it", which ends with a pull."""
    assert '{"repositories":["app"]}' in host.type(document.take("Run it", 1))
    host.docker("rmi", NAME)
    host.docker("pull", NAME)
    assert host.docker("run", "--rm", "--network=none", NAME) == GREETING


def test_the_line_of_every_guide(registry, document):
    push_and_pull(registry, document)


def test_commands_beside_it(registry, document):
    push_and_pull(registry, document)
    said = registry.type(document.take("Run it", 3))
    assert "app" in said and "latest" in said
    assert registry.request("GET", "/v2/app/tags/list").json() == {"name": "app", "tags": ["latest"]}


def test_there_again_after_the_daemon(registry, document):
    push_and_pull(registry, document)
    registry.stop()
    assert registry.status() is None
    registry.start()
    registry.await_registry()
    assert registry.request("GET", "/v2/_catalog").json() == {"repositories": ["app"]}


def test_there_again_after_a_kill(registry, document):
    push_and_pull(registry, document)
    os.kill(registry.inspect()["State"]["Pid"], signal.SIGKILL)
    until(lambda: registry.inspect()["RestartCount"] >= 1, "a restart")
    registry.await_registry()
    assert registry.request("GET", "/v2/_catalog").json() == {"repositories": ["app"]}


def test_there_again_after_docker_kill(registry, document):
    """docker holds that for a stop by hand, which no policy undoes before the daemon's next start."""
    push_and_pull(registry, document)
    registry.docker("kill", REGISTRY)
    until(lambda: not registry.inspect()["State"]["Running"], "the end")
    registry.docker("start", REGISTRY)
    registry.await_registry()
    assert registry.request("GET", "/v2/_catalog").json() == {"repositories": ["app"]}


def test_stops_within_two_seconds(registry):
    """docker kills what takes longer than -t says: 137 is how that ends."""
    registry.docker("stop", "-t", "2", REGISTRY)
    state = registry.inspect()["State"]
    assert (state["ExitCode"], state["Running"]) == (0, False)


def test_memory(registry, document):
    push_and_pull(registry, document)
    ids = registry.processes()
    assert len(ids) >= 5  # berth, lighttpd, the parent of the workers, two of those
    total = sum(proportional(pid) for pid in ids)
    print(f"the container has {total / 1e6:.1f} MB of memory, with its programs and libraries")
    assert total < MEMORY_MAX


def proportional(pid):
    """Bytes of a process, of what it shares with others its share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024


def test_it_is_not_root(registry):
    for pid in registry.processes():
        status = Path(f"/proc/{pid}/status").read_text()
        assert "Uid:\t1000\t1000\t1000\t1000" in status and "CapEff:\t0000000000000000" in status


def test_no_shell(host):
    assert "executable file not found" in host.refusal_of("docker run --rm --entrypoint sh berth")


def test_a_directory_of_the_host(host, document, app):
    host.type(document.take("Run it", 2))
    host.await_registry()
    push_and_pull(host, document)
    assert (host.directory / "images/docker/registry/v2/repositories/app").is_dir()


def test_a_directory_that_is_not_writable(host):
    """One line says what is wrong and what cures it, and it goes on saying so."""
    (host.directory / "images").mkdir(mode=0o755)
    said = host.refusal_of('docker run --rm -v "$(pwd)"/images:/var/lib/registry berth')
    assert "/var/lib/registry" in said and "user 1000 cannot write to /var/lib/registry: Permission denied" in said, said
    assert "chown -R 1000 /var/lib/registry" in said and len(said.splitlines()) == 1
    # docker starts it again and again, and each time says why.
    host.type('docker run -d --restart=always --name registry -v "$(pwd)"/images:/var/lib/registry berth')
    until(lambda: host.inspect()["RestartCount"] >= 2, "two restarts")
    lines = host.logs().splitlines()
    assert len(lines) >= 2 and set(lines) == {said.strip()}
    (host.directory / "images").chmod(0o777)
    until(lambda: host.inspect()["State"]["Running"] and "Serving" in host.logs(), "it serves, without further ado")


def test_images_of_root(host):
    """As registry:2 leaves them: who took the name of the image alone for it is told both ways to go on."""
    (host.directory / "images/docker/registry/v2/repositories").mkdir(parents=True)
    said = host.refusal_of('docker run --rm -v "$(pwd)"/images:/var/lib/registry berth')
    assert "chown -R 1000 /var/lib/registry" in said and "`docker run --user 0`" in said and len(said.splitlines()) == 1


def test_as_tight_as_it_gets(host, document, app):
    host.type(document.take("As tight as it gets"))
    host.await_registry()
    push_and_pull(host, document)
    assert "Uid:\t12345\t" in Path(f"/proc/{host.inspect()['State']['Pid']}/status").read_text()
    assert host.docker("diff", REGISTRY) == ""


def test_read_only_without_a_tmpfs(host):
    said = host.refusal_of("docker run --rm --read-only berth")
    assert "neither /run nor /tmp can be written: Read-only file system" in said and "--tmpfs /run" in said


def test_a_port_that_is_taken(registry):
    with contextlib.ExitStack() as stack:
        name = registry.docker("run", "-d", "--network=container:" + REGISTRY, "berth").strip()
        stack.callback(registry.docker, "rm", "-f", name)
        assert registry.docker("wait", name).strip() == "78"
        assert "5000" in registry.logs(name) and "in use" in registry.logs(name)
