# SPDX-License-Identifier: Apache-2.0
"""A host that runs containers: dockerd in a network namespace, with a bridge and published ports, and a shell in which
commands are typed as documents have them."""

import contextlib
import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

from tests.lib import client
from tests.lib.clients import DOCKER, Dockerd, attempt, run
from tests.lib.machine import enter_network

PATIENCE = 60  # seconds, for what comes by itself
REGISTRY = "registry"  # the name of the container in all that is typed


def until(holds, what):
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.1)
    return found


class Host(Dockerd):
    def __init__(self, home, machine):
        super().__init__(home, enter=machine.enter, network="--bip=10.201.8.1/24")
        self.machine, self.directory = machine, home
        # Debian's client comes first; credentials are this host's.
        self.client["PATH"] = f"{os.path.dirname(DOCKER)}:{os.environ['PATH']}"
        namespace = next(word for word in machine.enter if word.startswith("--net=")).removeprefix("--net=")
        self.inside = ThreadPoolExecutor(1, initializer=enter_network, initargs=(namespace,))

    def type(self, text):
        """The output of commands that succeed, typed at a prompt."""
        return run(*self.machine.enter, "sh", "-ec", f"cd '{self.directory}'\n{text}", env=self.client).strip()

    def refusal_of(self, text):
        """What commands say that do not succeed."""
        done = attempt(*self.machine.enter, "sh", "-ec", f"cd '{self.directory}'\n{text}", env=self.client)
        assert done.returncode != 0, f"{text}: should have failed\n{done.stdout}"
        return done.stdout + done.stderr

    def request(self, method, target, headers=None, body=None, port=5000):
        return self.inside.submit(client.request, port, method, target, headers, body).result()

    def status(self, target="/v2/", port=5000):
        """None while nobody answers."""
        with contextlib.suppress(ConnectionError, http.client.HTTPException):
            return self.request("GET", target, port=port).status
        return None

    def await_registry(self, port=5000, statuses=(200, 401)):
        return until(lambda: self.status(port=port) in statuses, f"an answer on port {port}")

    def inspect(self, name=REGISTRY):
        return json.loads(self.docker("inspect", name))[0]

    def logs(self, name=REGISTRY):
        done = attempt(DOCKER, "logs", name, env=self.client)
        return done.stdout + done.stderr

    def processes(self, name=REGISTRY):
        """Their ids, as the host counts."""
        return [int(line.split()[1]) for line in self.docker("top", name).splitlines()[1:]]

    def clear(self):
        containers = self.docker("ps", "-aq").split()
        if containers:
            self.docker("rm", "-f", "-v", *containers)

    def __exit__(self, *_):
        self.clear()
        super().__exit__(*_)
        self.inside.shutdown()
