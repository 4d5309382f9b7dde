# SPDX-License-Identifier: Apache-2.0
"""What recipes take for granted: what stands somewhere already, before they are typed."""

import shutil
import tempfile
from pathlib import Path

from tests.lib import archives

SERVING = "http://127.0.0.1:5000"  # what `berth serve` says, and where curl goes

# For a docker without a bridge; another registry has the images that it would get elsewhere.
DOCKER = '{"iptables": false, "bridge": "none", "storage-driver": "vfs", "registry-mirrors": ["http://127.0.0.1:5555"]}'


def lines(block):
    """Its commands, one a line, without what is said about them."""
    return [line.partition("  #")[0].rstrip() for line in block.splitlines() if line and not line.startswith("#")]


def certificate(machine, certificate, key, name="registry.example.org"):
    machine.run("mkdir -p $(dirname {0}) && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                "-keyout {1} -out {0} -subj /CN={2} -addext subjectAltName=DNS:{2} 2>&1".format(certificate, key, name))


def archive(server, name, *images):
    with tempfile.TemporaryDirectory() as directory:
        path = archives.write_tar(Path(directory) / name, archives.docker_archive(*map(archives.image, images)))
        shutil.copy(path, server.root / "root" / name)
