# SPDX-License-Identifier: Apache-2.0
"""Hosts with a file system that they share: network, mount, PID and UTS namespaces on one switch, each with a brick of a
GlusterFS volume, a FUSE mount of it, and `berth serve` on that. Nothing of them outlives the test: a host's processes and
mounts go with its first process."""

import contextlib
import ctypes
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from tests.lib import client
from tests.lib.paths import BUILD
from tests.lib.workers import wait_for

CLONE_NEWNET = 0x40000000
PATIENCE = 60  # seconds
VOLUME = "v0"
ROOT = "/srv/registry"  # as documents call what hosts share
DAEMON = "--glusterd-sock=/run/gluster/glusterd.socket"
libc = ctypes.CDLL(None, use_errno=True)


def run(*command, status=0) -> subprocess.CompletedProcess:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    assert status is None or done.returncode == status, (command, done)
    return done


class Namespaces:
    """Held by a process that ends when its input does, or with the one that made it."""

    def __init__(self, script: str, *kinds: str):
        self.holder = subprocess.Popen(["unshare", *kinds, "sh", "-c", f"{script}\necho ready\nexec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        below = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        self.pid = int(below[0]) if below else self.holder.pid

    def socket_to(self, address: str, port: int) -> socket.socket:
        """A connection that begins in there: a socket belongs to the network of the thread that made it."""
        home, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            assert libc.setns(there, CLONE_NEWNET) == 0
            try:
                connection = socket.socket()
            finally:
                assert libc.setns(home, CLONE_NEWNET) == 0
        finally:
            os.close(home)
            os.close(there)
        connection.settimeout(PATIENCE * 2)
        try:
            connection.connect((address, port))
        except OSError:
            connection.close()
            raise
        return connection

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.holder.kill()
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait(PATIENCE)


class Host:
    """A front for requests: from the switch, so that a host whose cable is cut is not reached."""

    def __init__(self, cluster: "Cluster", number: int):
        self.cluster, self.number, self.home = cluster, number, cluster.home / f"h{number}"
        self.address, self.root = f"10.77.0.{number}", self.home / "mnt"
        for name in ("lib", "run", "log", "brick", "mnt"):
            (self.home / name).mkdir(parents=True)
        shutil.copytree("/etc/glusterfs", self.home / "etc")
        settings = self.home / "etc/glusterd.vol"
        settings.write_text(settings.read_text().replace(
            "end-volume", "    option glusterd-sockfile /var/run/gluster/glusterd.socket\nend-volume"))
        script = "\n".join(["set -e", f"hostname h{number}", "ip link set lo up", "mkdir -p /run/gluster", *(
            f"mount --bind {self.home}/{name} {place}" for name, place in (
                ("lib", "/var/lib/glusterd"), ("run", "/run/gluster"), ("log", "/var/log/glusterfs"), ("etc", "/etc/glusterfs")))])
        self.space = Namespaces(script, "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
        switch = cluster.switch.pid
        run("ip", "link", "add", f"veth{number}", "netns", self.space.pid, "type", "veth", "peer", "name", f"p{number}",
            "netns", switch)
        run("nsenter", "-t", switch, "-n", "ip", "link", "set", f"p{number}", "master", "br0", "up")
        self("ip", "address", "add", f"{self.address}/24", "dev", f"veth{number}")
        self("ip", "link", "set", f"veth{number}", "up")
        self("glusterd", "-p", "/run/gluster/glusterd.pid")

    def inside(self, *command) -> list[str]:
        return ["nsenter", "-t", str(self.space.pid), "-n", "-m", "-u", "-p", "--", *map(str, command)]

    def __call__(self, *command, status=0) -> subprocess.CompletedProcess:
        return run(*self.inside(*command), status=status)

    def gluster(self, *command):
        return self("gluster", DAEMON, "--mode=script", *command)

    def mount(self, *options: str):
        self("mount", "-t", "glusterfs", *(("-o", ",".join(options)) if options else ()), f"{self.address}:/{VOLUME}", self.root)

    def unmount(self, *options):
        self("umount", *options, self.root)

    def lose_mount(self):
        """The FUSE client dies."""
        pids = [pid for pid in self("pgrep", "-x", "glusterfs").stdout.split()
                if str(self.root) in self("cat", f"/proc/{pid}/cmdline").stdout]
        assert len(pids) == 1
        self("kill", "-KILL", pids[0])

    def start_check(self, word: str) -> subprocess.Popen:
        typed = shlex.split(self.cluster.check_line.replace(ROOT, str(self.root)).replace("apple", word))
        assert typed[0] == "berth"
        return subprocess.Popen(self.inside(BUILD / "berth", *typed[1:], "--wait", "60s"),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def serve(self):
        """`berth serve`, which ends by stop() or with the host."""
        log, pid, conf = self.home / "serve.log", self.home / "serve.pid", self.home / "berth.conf"
        conf.write_text(self.cluster.settings.replace(ROOT, str(self.root)) + "\n")
        script = f'echo $$ >{pid}; exec env BERTH_CONF={conf} XDG_RUNTIME_DIR=/run/gluster "$@" >{log} 2>&1'
        self.served = subprocess.Popen(self.inside("sh", "-c", script, "sh", BUILD / "berth", "serve", "--listen",
                                                   f"{self.address}:5000"),
                                       stdin=subprocess.DEVNULL)
        wait_for(lambda: log.exists() and ("Ctrl-C stops it.\n" in log.read_text() or self.served.poll() is not None),
                 PATIENCE)
        assert self.served.poll() is None, log.read_text()

    def log(self) -> str:
        return (self.home / "serve.log").read_text()

    def stop(self):
        self("kill", "-TERM", (self.home / "serve.pid").read_text().strip())
        self.served.wait(PATIENCE)

    def cut(self):
        """The cable."""
        run("nsenter", "-t", self.cluster.switch.pid, "-n", "ip", "link", "set", f"p{self.number}", "down")

    def kill(self):
        self.space.end()

    def request(self, method, target, headers=None, body=None, *, from_host: "Host | None" = None) -> client.Response:
        space = from_host.space if from_host else self.cluster.switch
        with space.socket_to(self.address, 5000) as connection:
            client.send(connection, method, target, headers, body)
            return client.receive(connection, method)


class Cluster:
    """`check_line` is the command that finds out whether they can share it, `settings` what berth.conf says if they do: as
    documents have them, for ROOT and the word "apple"."""

    def __init__(self, home: Path, check_line: str, settings: str, count: int = 3):
        self.home, self.hosts, self.check_line, self.settings = home, [], check_line, settings
        self.switch = Namespaces("set -e\nip link add br0 type bridge\nip link set br0 up\n"
                                 "ip address add 10.77.0.254/24 dev br0", "--net")
        try:
            self.hosts = [Host(self, number) for number in range(1, count + 1)]
            self._make_volume()
        except BaseException:
            self.end()
            raise

    def _make_volume(self):
        first = self.hosts[0]
        for host in self.hosts[1:]:
            wait_for(lambda host=host: first("gluster", DAEMON, "peer", "probe", host.address, status=None).returncode == 0,
                     PATIENCE)
        for host in self.hosts:
            wait_for(lambda host=host: host.gluster("peer", "status").stdout.count("Peer in Cluster (Connected)")
                     == len(self.hosts) - 1, PATIENCE)
        first.gluster("volume", "create", VOLUME, "replica", len(self.hosts),
                      *(f"{host.address}:{host.home}/brick" for host in self.hosts), "force")
        first.gluster("volume", "set", VOLUME, "network.ping-timeout", 5)
        first.gluster("volume", "start", VOLUME)

    def check(self, one: Host, other: Host, word: str) -> list[subprocess.CompletedProcess]:
        """What check-storage says on both."""
        running = [host.start_check(word) for host in (one, other)]
        outputs = [process.communicate(timeout=240) for process in running]
        return [subprocess.CompletedProcess(process.args, process.returncode, *output)
                for process, output in zip(running, outputs)]

    def apply(self, said: str):
        """Types the remedy that check-storage names, on every host, in place of the mount that it has."""
        for setting in re.findall(r"^    (gluster volume set VOLUME .*)$", said, re.MULTILINE):
            self.hosts[0].gluster(*setting.replace("VOLUME", VOLUME).split()[1:])
        [mount] = re.findall(r"^    mount -t glusterfs -o (\S+) SERVER:/VOLUME DIR$", said, re.MULTILINE)
        for host in self.hosts:
            host.unmount()
            host.mount(*mount.split(","))

    def end(self):
        """All at once: nobody waits for the bricks of those that have ended."""
        for host in self.hosts:
            with contextlib.suppress(ProcessLookupError):
                os.kill(host.space.pid, signal.SIGKILL)
        for host in self.hosts:
            host.kill()
        self.switch.end()
