# SPDX-License-Identifier: Apache-2.0
"""What every registry tutorial has its reader type, against `berth serve`."""

import contextlib
import subprocess

from tests.lib.clients import GREETING, Daemon, Dockerd, attempt, run
from tests.lib.paths import BUILD
from tests.lib.ports import free_port


@contextlib.contextmanager
def private_network():
    """A network in which nobody uses port 5000 yet: yields the prefix of a command that runs in it."""
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec cat"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:  # which closes its input, and so ends it
        assert holder.stdout.readline() == "ready\n"
        yield ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]


def served(directory, port, enter=()):
    """`berth serve`, which the commands of the tutorial reach as localhost:<port>."""
    probe = [*enter, "curl", "--fail", "--silent", f"http://localhost:{port}/v2/"]
    return Daemon(directory, [*enter, BUILD / "berth", "serve", "--listen", f"127.0.0.1:{port}",
                              "--root", directory / "store"], lambda: attempt(*probe).returncode == 0)


def walk_through(dockerd, port, context, enter=()):
    image, name = "nginx", f"localhost:{port}/k8s.nginx"
    dockerd.docker("build", "--tag", image, context())
    dockerd.docker("tag", image, name)
    dockerd.docker("push", name)
    catalog = run(*enter, "curl", "--silent", "--show-error", "-X", "GET", f"http://localhost:{port}/v2/_catalog")
    assert catalog.rstrip("\n") == '{"repositories":["k8s.nginx"]}'
    dockerd.docker("rmi", image, name)
    assert "Downloaded newer image" in dockerd.docker("pull", name)
    assert dockerd.docker("run", "--rm", "--net=none", name) == GREETING
    dockerd.docker("rmi", name)


def test_on_port_5000(home, context, tmp_path):
    with private_network() as enter, served(tmp_path, 5000, enter), Dockerd(home / "docker-5000", enter) as dockerd:
        walk_through(dockerd, 5000, context, enter)


def test_on_another_port(dockerd, context, tmp_path):
    port = free_port()
    with served(tmp_path, port):
        walk_through(dockerd, port, context)
