# SPDX-License-Identifier: Apache-2.0
"""The collectors of berth and of docker-registry, each on a store that nobody serves."""

import json
from pathlib import Path

from tests.lib import measure
from tests.lib.paths import BUILD

CONFIG = """version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: "{root}"}}
"""


def berth(root: Path, *options) -> measure.Run:
    """Durable, as by default, and whatever the configuration of this machine says."""
    conf = root.with_name(root.name + "-berth.conf")
    conf.write_text(f'root = "{root}"\n')
    return measure.run([BUILD / "berth", "gc", "--config", conf, *options])


def berth_json(root: Path, *options) -> dict:
    return json.loads(berth(root, "--json", *options).output)


def docker_registry(root: Path, *options) -> measure.Run:
    conf = root.with_name(root.name + "-registry.yml")
    conf.write_text(CONFIG.format(root=root))
    return measure.run(["docker-registry", "garbage-collect", *options, conf])
