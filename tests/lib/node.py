# SPDX-License-Identifier: Apache-2.0
"""A node of a cluster: a machine with containerd, a network for pods, and what turns the address of a Service into that of
a pod."""

import json
from concurrent.futures import ThreadPoolExecutor

from tests.lib.clients import Containerd, oci_layout, run
from tests.lib.cri import Runtime
from tests.lib.machine import enter_network

PAUSE = "pause.test/pause:amd64"  # the image of the process that holds a pod's namespaces
PODS = "10.201.9.0/24"
SERVICES = "10.96.0.0/12"
CNI = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {"type": "bridge", "bridge": "cni0", "isDefaultGateway": True, "ipMasq": False, "hairpinMode": True,
         "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]]}},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
# Who may not raise limits cannot make a process more important than itself.
SETTINGS = f"""    sandbox_image = "{PAUSE}"
    restrict_oom_score_adj = true
"""
CRI = '[plugins."io.containerd.grpc.v1.cri"]\n'
CHAIN = "SERVICES"


class Node:
    """On a machine of `new_machine`. All that it keeps is in `place`, or goes with the machine."""

    def __init__(self, machine, place):
        self.machine, self.place = machine, place
        self.root = machine.etc.parent
        self.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        self.run("ip", "route", "add", SERVICES, "dev", "lo", "src", machine.address)
        network = machine.etc / "cni/net.d"
        network.mkdir(parents=True, exist_ok=True)
        (network / "10-pods.conflist").write_text(json.dumps(CNI))
        self.containerd = Containerd(place / "containerd", machine.enter)
        config = self.containerd.config.read_text()
        assert config.count(CRI) == 1
        self.containerd.config.write_text(config.replace(CRI, CRI + SETTINGS))
        self.runtime = Runtime(self.containerd.socket)
        namespace = next(word for word in machine.enter if word.startswith("--net=")).removeprefix("--net=")
        self.threads = ThreadPoolExecutor(1, initializer=enter_network, initargs=(namespace,))
        self.iptables("-N", CHAIN)
        for chain in "PREROUTING", "OUTPUT":
            self.iptables("-A", chain, "-j", CHAIN)
        # A port of the node is one of its loopback address, too.
        self.run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
        self.iptables("-A", "POSTROUTING", "-s", "127.0.0.0/8", "!", "-o", "lo", "-j", "MASQUERADE")
        # A pod that was asked for a Service answers by the way on which it was asked.
        self.iptables("-A", "POSTROUTING", "-m", "conntrack", "--ctstate", "DNAT", "-j", "MASQUERADE")

    def run(self, *argv):
        return run(*self.machine.enter, *argv)

    def iptables(self, *argv):
        return self.run("iptables", "-t", "nat", *argv)

    def path(self, path):
        """Where this process sees a path of the node."""
        return self.root / str(path).lstrip("/")

    def inside(self, function, *args):
        """Calls a function in the node's network."""
        return self.threads.submit(function, *args).result()

    def import_image(self, archive, *options):
        self.containerd.ctr("-n", "k8s.io", "images", "import", *options, archive)

    def __enter__(self):
        self.containerd.start()
        source, program = self.place / "pause.c", self.place / "pause"
        source.write_text("#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
        run("gcc", "-static", "-Os", "-s", "-o", program, source)
        layout, archive = self.place / "pause-image", self.place / "pause.tar"
        oci_layout(layout, ["amd64"], [program])
        run("tar", "-cf", archive, "-C", layout, ".")
        self.import_image(archive, "--base-name", PAUSE.partition(":")[0])
        return self

    def __exit__(self, *_):
        self.threads.shutdown()
        self.containerd.stop()

    def left(self):
        """What pods have left: there is to be nothing."""
        return [*(f"sandbox {pod['id']}" for pod in self.runtime.call("ListPodSandbox")["items"]),
                *(f"container {one['id']}" for one in self.runtime.call("ListContainers")["containers"]),
                *(f"network namespace {name}" for name in self._entries("/run/netns")),
                *(f"mount {line}" for line in self.run("cat", "/proc/self/mountinfo").splitlines()
                  if f" {self.place}/pods" in line or "/io.containerd." in line.split(" - ")[0] or " /run/netns/" in line)]

    def _entries(self, directory):
        path = self.path(directory)
        return [entry.name for entry in path.iterdir()] if path.is_dir() else []

    def serve(self, services):
        """What kube-proxy does: [(address, port, node's port or None, pod's address, its port)] from now on."""
        self.iptables("-F", CHAIN)
        for address, port, node_port, pod, target in services:
            to = ["-j", "DNAT", "--to-destination", f"{pod}:{target}"]
            self.iptables("-A", CHAIN, "-p", "tcp", "-d", address, "--dport", str(port), *to)
            if node_port:
                self.iptables("-A", CHAIN, "-p", "tcp", "-m", "addrtype", "--dst-type", "LOCAL", "--dport", str(node_port), *to)

