# SPDX-License-Identifier: Apache-2.0
"""CNCF Distribution as Debian has it: docker-registry 2.8, whose store berth can take over and hand back."""

import contextlib

from tests.lib import client
from tests.lib.clients import Daemon, run
from tests.lib.ports import free_port

CONFIG = """version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: "{root}"}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""


class Distribution(Daemon):
    """docker-registry over one store: a front like those of lib/fronts.py."""

    name = "docker-registry"

    def __init__(self, root, directory):
        self.root, self.port = root, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = directory / "docker-registry.yml"
        self.config.write_text(CONFIG.format(root=root, port=self.port))
        super().__init__(directory, ["docker-registry", "serve", self.config], self.answers)

    def answers(self):
        with contextlib.suppress(ConnectionRefusedError):
            return self.request("GET", "/v2/").status == 200
        return False

    def request(self, method, target, headers=None, body=None):
        # It gives an absolute Location to who continues an upload.
        return client.request(self.port, method, target.removeprefix(self.url), headers, body)

    def collect(self, *options):
        """Its garbage collector, which must not run while it serves."""
        return run("docker-registry", "garbage-collect", *options, self.config)
