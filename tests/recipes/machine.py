# SPDX-License-Identifier: Apache-2.0
"""A fresh Debian 12 with a systemd of its own, in which commands are typed.

It is a directory made by debootstrap, below an overlay, booted by systemd-nspawn in a network of its own: ports and services
are the machine's alone. It reaches Debian's packages through a proxy on this side, as at a site without a way out.
"""

import contextlib
import http.server
import os
import shlex
import shutil
import socketserver
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.lib.terminal import Terminal

PACKAGES = "systemd,systemd-sysv,procps,dbus,libpam-systemd,dbus-user-session,sudo,git,curl,ca-certificates,openssl"  # what a server has
PATIENCE = 120  # seconds to boot and to stop
HOST, GUEST = "10.209.83.1", "10.209.83.2"


def bootstrap(directory: Path):
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", directory], check=True,
                   stdout=subprocess.DEVNULL)
    sources = directory / "etc/apt/sources.list"
    sources.write_text("".join(f"deb http://deb.debian.org/{archive} bookworm{suite} main\n" for archive, suite in
                               (("debian", ""), ("debian", "-updates"), ("debian-security", "-security"))))
    (directory / "etc/apt/apt.conf.d/90proxy").write_text(f'Acquire::http::Proxy "http://{HOST}:3142";\n'
                                                       'APT::Get::Assume-Yes "true";\n')
    (directory / "etc/hostname").write_text("registry\n")
    (directory / "etc/hosts").write_text(f"127.0.0.1 localhost\n{GUEST} registry registry.example.org\n")


def a_base(place: Path) -> Path:
    """What debootstrap makes: in a directory where it is kept, if one is named, or else below this one."""
    directory = Path(os.environ.get("BERTH_RECIPES_BASE") or place / "base")
    if not (directory / "etc/hosts").exists():
        bootstrap(directory)
    return directory


class Forwarder(http.server.BaseHTTPRequestHandler):
    """Gets what apt asks for."""

    def do_GET(self):
        request = urllib.request.Request(self.path, headers={name: self.headers[name] for name in
                                                             ("If-Modified-Since", "Range") if name in self.headers})
        try:
            answer = urllib.request.urlopen(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            self.send_response(answer.status)
            for name in ("Content-Length", "Content-Range", "Last-Modified"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            shutil.copyfileobj(answer, self.wfile)

    def log_message(self, *_):
        """apt says itself what it misses."""


class Proxy(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class Machine:
    """`layers`: directories, the uppermost first, of which none is changed."""

    def __init__(self, home: Path, layers: list[Path]):
        self.home, self.layers = home, layers
        self.changes, self.root = home / "changes", home / "root"
        for directory in (self.changes, home / "work", self.root):
            directory.mkdir(parents=True)

    def __enter__(self):
        lower = ":".join(map(str, self.layers))
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={self.changes},"
                        f"workdir={self.home}/work", self.root], check=True)
        try:
            self.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.shut_down()
        subprocess.run(["umount", self.root], check=True)

    def boot(self):
        self.log = open(self.home / "console.log", "ab")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "-q", "-D", self.root, "-b", "--register=no", "--keep-unit", "--network-veth", "--capability=all",
             "--machine=recipes", "--system-call-filter=@keyring bpf", "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self._wait(self._find_init, "start")
        self._connect()
        # nspawn's own, which is deleted, and which a user's unit can put nothing in the place of.
        self._wait(lambda: self.attempt("umount /proc/kmsg || ! grep -q ' /proc/kmsg ' /proc/self/mountinfo").returncode == 0, "boot")
        self._wait(lambda: self.attempt("systemctl is-system-running").stdout.strip() in ("running", "degraded"), "boot")

    def _wait(self, ready, what):
        deadline = time.monotonic() + PATIENCE
        while not ready():
            assert self.nspawn.poll() is None and time.monotonic() < deadline, \
                f"it does not {what}: {(self.home / 'console.log').read_text(errors='replace')[-2000:]}"
            time.sleep(0.1)

    def _find_init(self):
        """The machine's process 1, as this side sees it."""
        with contextlib.suppress(OSError, IndexError, StopIteration):
            children = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
            self.init = next(pid for pid in children if Path(f"/proc/{pid}/comm").read_text() == "systemd\n")
            return True
        return False

    def _connect(self):
        inside = ["nsenter", "-t", self.init, "-n"]
        for command in ([*"ip addr add".split(), f"{HOST}/24", "dev", "ve-recipes"], "ip link set ve-recipes up".split(),
                        [*inside, *"ip addr add".split(), f"{GUEST}/24", "dev", "host0"],
                        [*inside, *"ip link set host0 up".split()]):
            subprocess.run(command, check=True)
        self.proxy = Proxy((HOST, 3142), Forwarder)
        threading.Thread(target=self.proxy.serve_forever, daemon=True).start()

    def shut_down(self):
        if self.nspawn.poll() is None:
            self.nspawn.terminate()  # an orderly shutdown
            try:
                self.nspawn.wait(PATIENCE)
            finally:
                self.nspawn.kill()
                self.nspawn.wait()
        if hasattr(self, "proxy"):
            self.proxy.shutdown()
            self.proxy.server_close()
            del self.proxy
        self.log.close()
        # What nspawn leaves in each hierarchy, and stumbles over the next time.
        for group in Path("/sys/fs/cgroup").glob("*/payload"), Path("/sys/fs/cgroup").glob("*/supervisor"):
            for path in group:
                subprocess.run(["find", path, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], check=True)

    def reboot(self):
        self.shut_down()
        self.boot()

    def _shell(self, text, where, user):
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env"] if user else []
        home = f"/home/{user}" if user else "/root"
        return ["nsenter", "-t", self.init, "-a", "-r", "-w", "env", "-i", *become, "env", f"HOME={home}",
                f"USER={user or 'root'}", "TERM=dumb", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "bash", "-ec", f"cd {shlex.quote(where)}\n{text}"]

    def attempt(self, text, where="/", user=None):
        """Something that may fail; it is not typed."""
        return subprocess.run(self._shell(text, where, user), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", check=False)

    def run(self, text, where="/", user=None) -> str:
        done = self.attempt(text, where, user)
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def type(self, text, where="/root/berth", user=None, answers=()) -> str:
        """Types a block at a terminal, and what it then asks for: `answers` are pairs of question and answer, in order."""
        with Terminal(self._shell(text, where, user)) as terminal:
            for question, answer in answers:
                terminal.expect(question, PATIENCE)
                terminal.type(f"{answer}\n")
            seen = terminal.rest(20 * PATIENCE)
        assert terminal.process.returncode == 0, f"{text}\n{seen}"
        return seen

    @contextlib.contextmanager
    def beside(self, text, where="/root/berth", user=None, answers=(), until=""):
        """Types a command that goes on, in a terminal of its own, and shows it from when it said `until`."""
        with Terminal(self._shell(text, where, user)) as terminal:
            for question, answer in answers:
                terminal.expect(question, PATIENCE)
                terminal.type(f"{answer}\n")
            terminal.expect(until, 20 * PATIENCE)
            yield terminal
            terminal.type("\x03")
            terminal.rest(PATIENCE)

    def write(self, path, text):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
