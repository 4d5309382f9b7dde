# SPDX-License-Identifier: Apache-2.0
"""Another machine, as far as it takes to be one: an address that is not loopback, which clients trust more than others,
and an /etc and a /var/lib of its own. It is gone with its last process, and so is what was mounted, and changed there."""

import contextlib
import ctypes
import os
import subprocess
from pathlib import Path

SCRIPT = """set -e
ip link set lo up
ip address add {address}/32 dev lo
mount -t tmpfs tmpfs /mnt
for own in /etc /var/lib; do
    mkdir -p /mnt/upper$own /mnt/work$own
    mount -t overlay -o lowerdir=$own,upperdir=/mnt/upper$own,workdir=/mnt/work$own overlay $own
done
echo ready
exec cat
"""

CLONE_NEWNET = 0x40000000

# As many names for each domain are in /etc/hosts from the start: daemons read that file only now and then.
NAMES = 200


def enter_network(namespace):
    """For the thread that calls it."""
    with open(namespace, "rb") as file:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class Machine:
    address = "10.201.7.1"

    def __init__(self, pid, domains):
        namespaces = f"/proc/{pid}/ns"
        # The prefix of a command that runs there.
        self.enter = ["nsenter", f"--net={namespaces}/net", f"--mount={namespaces}/mnt"]
        self.etc = Path(f"/proc/{pid}/root/etc")
        self.names = {domain: [f"host{number}.{domain}" for number in range(NAMES)] for domain in domains}
        with open(self.etc / "hosts", "a") as hosts:
            hosts.writelines(f"{self.address} {name}\n" for names in self.names.values() for name in names)

    def new_name(self, domain):
        """A name of the machine itself that nobody has had yet."""
        return self.names[domain].pop()


@contextlib.contextmanager
def new_machine(*domains):
    """A machine that knows names of itself in these domains."""
    script = SCRIPT.format(address=Machine.address)
    holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", script],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:  # which closes its input, and so ends it
        assert holder.stdout.readline() == "ready\n"
        yield Machine(holder.pid, domains)
