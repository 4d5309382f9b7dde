# SPDX-License-Identifier: Apache-2.0
"""The ring of the `berth` command."""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import client, oci
from tests.lib.paths import BUILD, SANITIZING
from tests.lib.ports import free_port

PATIENCE = 20  # seconds


def counting(home: Path) -> dict[str, str]:
    """Counters that go with what else the test leaves."""
    return {"BERTH_METRICS": "login", "BERTH_METRICS_DIR": str(home / "metrics")}


class Command:
    """`berth` on one store."""

    def __init__(self, root: Path):
        self.root = root

    def __call__(self, *args, status=0) -> str:
        """What it prints; of a failure, what it says on standard error."""
        done = subprocess.run([BUILD / "berth", *args, "--root", self.root], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **counting(self.root.parent)})
        assert done.returncode == status, (args, done)
        return done.stderr if status else done.stdout

    def json(self, *args):
        return json.loads(self(*args, "--json"))


class Serve:
    """`berth serve`, as somebody runs it in a terminal."""

    programs = BUILD  # or a copy, for users who may not enter the checkout

    def __init__(self, home: Path, *args, address: str = "127.0.0.1", prefix=()):
        """prefix: of the command line, as by unshare(1)."""
        self.home, self.args, self.address, self.prefix, self.port = home, args, address, prefix, free_port()
        self.root = home / "store"
        self.log = home / f"serve-{self.port}.log"
        (home / "run").mkdir(exist_ok=True)

    def command(self) -> list:
        return ["serve", "--listen", f"{self.address}:{self.port}", "--root", self.root, *self.args]

    def environment(self) -> dict:
        return {"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(self.home / "run"), **counting(self.home)}

    def __enter__(self):
        """It is ready when it says so."""
        started = time.monotonic()
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([*self.prefix, self.programs / "berth", *self.command()], stdout=log, stderr=log,
                                            env=self.environment())
        while "Ctrl-C stops it.\n" not in self.output():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < started + PATIENCE
            time.sleep(0.005)
        self.seconds_to_start = time.monotonic() - started
        return self

    def output(self) -> str:
        return self.log.read_text()

    def request(self, *args, **options):
        return client.request(self.port, *args, **options)

    def processes(self) -> list[int]:
        """This command and all that it started."""
        return [self.process.pid, *descendants(self.process.pid)]

    def stop(self, number=signal.SIGINT) -> str:
        """All that was printed."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        self.process.wait(PATIENCE)
        return self.output()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


def descendants(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return [*children, *(below for child in children for below in descendants(child))]
    return []


@pytest.fixture
def serve(tmp_path):
    """Starts `berth serve` with further arguments."""
    with contextlib.ExitStack() as started:
        yield lambda *args, **kwargs: started.enter_context(Serve(tmp_path, *args, **kwargs))


@pytest.fixture
def front():
    with running_front("cgi") as front:
        yield front


@pytest.fixture
def repo(front):
    return oci.Repository(front)


@pytest.fixture
def berth(front):
    return Command(front.root)


class Machine:
    """`berth` with a configuration of its own."""

    def __init__(self, home: Path):
        self.home, self.root, self.conf = home, home / "store", home / "berth.conf"
        self.htpasswd, self.keys = home / "htpasswd", home / "keys"
        self.root.mkdir()
        self.configure()

    def configure(self, *lines: str):
        self.conf.write_text("\n".join([f'root = "{self.root}"', *lines, ""]))

    def environment(self) -> dict:
        return {"PATH": "/usr/bin:/bin", "BERTH_CONF": str(self.conf), **SANITIZING, **counting(self.home)}

    def run(self, *args, typed="", status=0) -> subprocess.CompletedProcess:
        done = subprocess.run([BUILD / "berth", *args], input=typed, capture_output=True, text=True, timeout=60,
                              env=self.environment())
        assert done.returncode == status, (args, done)
        return done

    def json(self, *args, status=0):
        return json.loads(self.run(*args, "--json", status=status).stdout)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)
