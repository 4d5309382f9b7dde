# SPDX-License-Identifier: Apache-2.0
"""Workers, their parent, the web server and the collector are killed ten times in a second, while clients push, move, delete and
pull, and try again. All that was acknowledged is there and whole, and nothing else is left of it.

It takes BERTH_STORM_SECONDS, 20 if that is not said; `make storm` takes two minutes, and makes all durable.
"""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib.graph import Store
from tests.lib.paths import BUILD
from tests.lib.workers import wait_until_idle
from tests.stress.storm import Client, Storm

SECONDS = float(os.environ.get("BERTH_STORM_SECONDS") or 20)
DURABILITY = os.environ.get("BERTH_STORM_DURABILITY") or "none"
GRACE = 3
CLIENTS = 16
KINDS = {"worker", "gc", "pool", "web server"}
ENOUGH = {"manifests pushed": 100, "images pulled": 100, "tags deleted": 20}


@pytest.fixture(params=["lighttpd", "lighttpd-socket"])
def storm(request):
    with running_front(request.param, workers=8, env={"BERTH_GRACE": str(GRACE), "BERTH_DURABILITY": DURABILITY}) as front:
        environment = {"PATH": "/usr/bin:/bin", "BERTH_CONF": str(front.home / "etc/berth/berth.conf"), "BERTH_ROOT": str(front.root)}
        yield Storm(front, [BUILD / "berth"], environment, GRACE)


def berth(storm: Storm, *args: str):
    done = subprocess.run([*storm.berth, *args], env=storm.env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done


def locks_below(directory: Path) -> list[str]:
    """Those of all processes, as the kernel knows them."""
    stats = [path.stat() for path in directory.rglob("*") if path.is_file()]
    files = {f"{os.major(st.st_dev):02x}:{os.minor(st.st_dev):02x}:{st.st_ino}" for st in stats}
    return [line for line in Path("/proc/locks").read_text().splitlines() if files & set(line.split())]


def weather(storm: Storm, clients: list):
    """Kills until there was enough of it."""
    threads = [threading.Thread(target=client.run) for client in clients] + [threading.Thread(target=storm.collect)]
    for thread in threads:
        thread.start()
    try:
        storm.kill_for(SECONDS, lambda: KINDS <= storm.killed.keys() and
                       all(storm.done[what] >= number for what, number in ENOUGH.items()))
    finally:
        storm.calm.set()
        for thread in threads:
            thread.join()


def test_kill_storm(storm):
    clients = [Client(storm, number) for number in range(CLIENTS)]
    weather(storm, clients)
    print(f"{SECONDS:.0f} s behind {storm.front.name}: killed {dict(storm.killed)}; done {dict(storm.done)}")
    assert not storm.failures, "\n".join(storm.failures[:10])
    for client in clients:
        client.pull_all()
    assert not storm.failures, "\n".join(storm.failures[:10])

    wait_until_idle(storm.front)
    assert not locks_below(storm.front.root)
    berth(storm, "fsck", "--grace", "1h")  # sessions that the storm broke off are nothing to mend yet
    store = Store(storm.front.root)
    assert not store.problems()
    berth(storm, "expire", "--grace", "0s")
    berth(storm, "gc", "--grace", "0s")
    berth(storm, "fsck")
    assert store.blob_bytes() == store.live_bytes() > 0
    assert not store.litter()
