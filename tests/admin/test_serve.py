# SPDX-License-Identifier: Apache-2.0
"""`berth serve`: a registry in one command, and nothing left of it afterwards."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.lib import oci
from tests.lib.oci import expect
from tests.lib.paths import BUILD


def alive(pids):
    """Those that still run; what is only not yet reaped does not."""
    running = []
    for pid in pids:
        try:
            running += [pid] if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" else []
        except FileNotFoundError:
            pass
    return running


def assert_gone(serve, processes):
    deadline = time.monotonic() + 10
    while alive(processes):
        assert time.monotonic() < deadline, alive(processes)
        time.sleep(0.02)
    assert not list((serve.home / "run").iterdir())


def test_starts_within_a_second_and_serves(serve):
    registry = serve()
    assert registry.seconds_to_start < 1
    repo = oci.Repository(registry)
    image = repo.push_image("latest")
    assert expect(repo.get("manifests/latest"), 200).body == image.data
    output = registry.stop()
    assert f"http://127.0.0.1:{registry.port}/v2/" in output
    assert str(registry.root) in output
    for verb in ("tag IMAGE", "push", "pull"):
        assert f"docker {verb} 127.0.0.1:{registry.port}/" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_leaves_nothing(serve, number):
    registry = serve("--workers", "3")
    processes = registry.processes()
    assert len(processes) == 2 + 3
    registry.stop(number)
    assert registry.process.returncode == 0
    assert_gone(registry, processes)


def test_ends_with_lighttpd(serve):
    registry = serve()
    processes = registry.processes()
    os.kill(processes[1], signal.SIGKILL)
    assert "lighttpd ended" in registry.process.communicate(timeout=10)[0]
    assert registry.process.returncode == 78
    assert_gone(registry, processes)


def test_lighttpd_ends_with_it(serve):
    registry = serve()
    processes = registry.processes()
    registry.process.kill()
    registry.process.wait()
    deadline = time.monotonic() + 10
    while alive(processes):
        assert time.monotonic() < deadline, alive(processes)
        time.sleep(0.02)


def test_busy_port(serve):
    registry = serve()
    done = subprocess.run([BUILD / "berth", "serve", "--listen", f"127.0.0.1:{registry.port}", "--root", registry.root],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 78
    assert "in use" in done.stderr and "--listen" in done.stderr


def test_two_on_one_store(serve):
    first, second = serve(), serve()
    assert first.root == second.root
    image = oci.Repository(first, "shared").push_image("v1")
    assert expect(oci.Repository(second, "shared").get("manifests/v1"), 200).body == image.data


@pytest.mark.parametrize("listen", ["", "x", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:5000x"])
def test_wrong_listen(tmp_path, listen):
    done = subprocess.run([BUILD / "berth", "serve", "--listen", listen, "--root", tmp_path], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 64, done
    assert "--listen" in done.stderr


def test_without_lighttpd(tmp_path):
    """It says what to install. (Debian's is hidden by a mount namespace of its own.)"""
    hidden = tmp_path / "empty"
    hidden.mkdir()
    script = f"mount --bind {hidden} /usr/sbin && {BUILD}/berth serve --root {tmp_path}/store"
    done = subprocess.run(["unshare", "-m", "/bin/sh", "-c", script],
                          capture_output=True, text=True, timeout=20, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 78, done
    assert "apt install lighttpd" in done.stderr


