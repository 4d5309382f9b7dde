# SPDX-License-Identifier: Apache-2.0
"""The registries that are measured: berth serve, Debian's docker-registry, and those that BENCH_PEERS names.

BENCH_PEERS="distribution=/usr/local/bin/registry zot=/usr/local/bin/zot": the name says what configuration the program takes,
and more words may follow it (`distribution-3.1`). zot-commit is zot that syncs what it stores. berth-before=DIRECTORY is
another build of berth, to see what a change is good for.
"""

import contextlib
import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from tests.admin.conftest import Serve, descendants
from tests.lib import client
from tests.lib.clients import Daemon
from tests.lib.distribution import Distribution
from tests.lib.paths import BUILD, MEMORY
from tests.lib.ports import free_port

TICKS = os.sysconf("SC_CLK_TCK")


class Processes:
    """What all processes of a running registry take."""

    def __init__(self, pid: int):
        self.pid = pid

    def all(self) -> list[int]:
        return [self.pid, *descendants(self.pid)]

    def cpu(self) -> float:
        """Seconds so far; of those that have ended, too."""
        return sum(self._cpu(pid) for pid in self.all())

    @staticmethod
    def _cpu(pid: int) -> float:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            children = sum(map(int, fields[13:15])) / TICKS
            return children + time.clock_gettime(~pid << 3 | 2)  # its clock, as clock_getcpuclockid(3) makes it
        return 0.0

    def memory(self) -> float:
        """Megabytes now, pages that several share counted once."""
        return sum(self._memory(pid) for pid in self.all())

    @staticmethod
    def _memory(pid: int) -> float:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    return int(line.split()[1]) / 1000
        return 0.0

    @contextlib.contextmanager
    def watched(self, every=0.02):
        """A list that has the peak of memory as its one element afterwards."""
        peak, over = [self.memory()], threading.Event()

        def watch():
            while not over.wait(every):
                peak[0] = max(peak[0], self.memory())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield peak
        finally:
            over.set()
            watcher.join()


class Peer(Daemon):
    """Another registry's program, in the foreground."""

    def __init__(self, name: str, program: str, home: Path, root: Path):
        self.name, self.root, self.port = name, root, free_port()
        super().__init__(home, self.command(program, home), self.answers)

    def command(self, program: str, home: Path) -> list:
        raise NotImplementedError

    def answers(self) -> bool:
        with contextlib.suppress(ConnectionRefusedError):
            return client.request(self.port, "GET", "/v2/").status == 200
        return False

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Zot(Peer):
    def command(self, program, home):
        config = {"distSpecVersion": "1.1.0", "log": {"level": "error"},
                  "storage": {"rootDirectory": str(self.root), "dedupe": False, "gc": False,
                              "commit": self.name.startswith("zot-commit")},
                  "http": {"address": "127.0.0.1", "port": str(self.port)}}
        (home / "zot.json").write_text(json.dumps(config))
        return [program, "serve", home / "zot.json"]


class AnotherDistribution(Peer):
    def command(self, program, home):
        (home / "distribution.yml").write_text(
            f'version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: '
            f'"{self.root}"}}, delete: {{enabled: true}}}}\nhttp: {{addr: "127.0.0.1:{self.port}"}}\n')
        return [program, "serve", home / "distribution.yml"]


class Kind:
    """A registry that can be started as often as one likes, each time with a store of its own."""

    def __init__(self, name: str, program: str = ""):
        self.name, self.program = name, program

    @property
    def shares_layout(self) -> bool:
        """That of Distribution on disk."""
        return not self.name.startswith("zot")

    @property
    def takes_whole_posts(self) -> bool:
        return self.name.startswith(("berth", "zot"))

    def make(self, home: Path, root: Path):
        if self.name.startswith("berth"):
            serve = Serve(home)
            serve.programs = Path(self.program or BUILD)
            return serve
        if self.name == "docker-registry":
            return Distribution(root, home)
        kind = Zot if self.name.startswith("zot") else AnotherDistribution
        return kind(self.name, self.program, home, root)

    @contextlib.contextmanager
    def running(self, place: str | None):
        """In a new directory below the place, which is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="berth-bench-", dir=place) as directory:
            home = Path(directory)
            home.chmod(0o755)
            (home / "store").mkdir()
            with self.make(home, home / "store") as registry:
                registry.processes_of = Processes(registry.process.pid)
                yield registry

    def version(self) -> str:
        program = {"berth": BUILD / "berth", "docker-registry": "docker-registry"}.get(self.name, self.program)
        if self.name.startswith("berth-"):
            program = Path(program) / "berth"
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip().splitlines()[0]


BERTH, DISTRIBUTION = Kind("berth"), Kind("docker-registry")


def peers() -> list[Kind]:
    pairs = [word.partition("=") for word in os.environ.get("BENCH_PEERS", "").split()]
    kinds = [Kind(name, program) for name, _, program in pairs]
    for kind in kinds:
        if not kind.name.startswith(("zot", "distribution", "berth-")) or not os.access(kind.program, os.X_OK):
            raise SystemExit(f"BENCH_PEERS: {kind.name}={kind.program} is no program zot... or distribution..., nor a build berth-...")
    return kinds


def all_kinds() -> list[Kind]:
    return [BERTH, DISTRIBUTION, *peers()]


def places() -> dict[str, str | None]:
    """BENCH_DISK names a directory on the disk that is meant; it is that of temporary files otherwise."""
    return {"memory": MEMORY, "disk": os.environ.get("BENCH_DISK")}
