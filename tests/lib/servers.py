# SPDX-License-Identifier: Apache-2.0
"""berth behind real web servers, each configured by its file in etc/ as `make install` would write it."""

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.lib import client, htpasswd
from tests.lib.client import Body, Headers, Response
from tests.lib.paths import BUILD, ETC
from tests.lib.ports import free_port

# Web servers give up root for this user. Workers that they start are this user's too; those that systemd would start
# have only its group, which can read blobs and not write.
USER = GROUP = "www-data"
SERVICE_USER = "nobody"

PATIENCE = 20  # seconds to start and to stop

# What the files in etc/ say about clients of which nothing is heard.
IDLE_LIMIT = re.compile(r"(\b(?:server\.max-(?:read|write)-idle = |client_body_timeout |send_timeout |Timeout |body=))300(?=s?\b)")


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    certificate, key = directory / "tls.crt", directory / "tls.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, key


def unit_environment() -> dict[str, str]:
    """What berth.service sets."""
    return dict(re.findall(r"^Environment=(\w+)=(.*)$", (ETC / "berth.service.in").read_text(), re.MULTILINE))


class Server:
    """A web server in the foreground. Subclasses say which, and write its main configuration."""

    name: str
    config: str  # the file in etc/
    worker_user = USER

    def __init__(self, home: Path, *, root: Path | None = None, env: Mapping[str, str] = {}, workers: int = 2,
                 workers_max: int | None = None, tls: bool = False, auth: str | None = None, users: Mapping[str, str] = {},
                 cost: int = 5, idle: int = 300):
        self.home, self.workers, self.workers_max = home, workers, workers_max or workers
        self.auth, self.users, self.cost = auth, users, cost  # one of the logins in etc/, the passwords that it knows
        self.idle = idle  # seconds without a byte that a client has, which etc/ says for each server in its own way
        self.root = root or home / "var/lib/registry"
        self.settings = {"BERTH_DURABILITY": "none", "BERTH_METRICS_DIR": str(home / "metrics"), **env}
        self.port = free_port()
        self.tls_port = free_port() if tls else None
        self.tls = None
        self.access_log, self.error_log = home / "log/access.log", home / "log/error.log"
        self.processes: list[subprocess.Popen] = []
        self.sessions: set[int] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # What surrounds the server.

    def _install(self):
        """The layout of `make install`, below home."""
        for directory in ("libexec/berth", "etc/berth/errors", "etc/berth/apache-enabled", "etc/berth/nginx-enabled", "log",
                          "run", "spool", "www", "var/lib/berth/spool",
                          "metrics"):
            (self.home / directory).mkdir(parents=True)
        for program in ("berth.fcgi", "berth-fetch"):
            shutil.copy2(BUILD / program, self.home / "libexec/berth")
        conf = self.home / "etc/berth/berth.conf"
        if given := self.settings.get("BERTH_CONF"):  # one that a test changes while the server runs
            conf.symlink_to(given)
        else:
            conf.write_text("".join(f'{name.removeprefix("BERTH_").lower()} = "{value}"\n'
                                    for name, value in self.settings.items()))
        shutil.copytree(ETC / "errors", self.home / "etc/berth/errors", dirs_exist_ok=True)
        htpasswd.write(self.home / "etc/berth/users", self.users, self.cost)
        self.root.mkdir(parents=True, exist_ok=True)
        writable = not os.statvfs(self.root).f_flag & os.ST_RDONLY
        for path in (self.root, *self.root.rglob("*")) if writable else ():
            shutil.chown(path, self.worker_user, GROUP)
        for name in ("log", "run", "spool", "var/lib/berth/spool"):
            shutil.chown(self.home / name, USER, GROUP)
        shutil.chown(self.home / "metrics", self.worker_user, GROUP)
        if self.tls_port:
            self.certificate, self.key = make_certificate(self.home)
            self.tls = ssl.create_default_context(cafile=self.certificate)

    def _render(self, name: str) -> str:
        """A file of etc/ with the paths of this place."""
        text = (ETC / name).read_text()
        for mark, path in (("@localstatedir@/lib/registry", self.root), ("@localstatedir@", self.home / "var"),
                           ("@sysconfdir@", self.home / "etc"), ("@libexecdir@", self.home / "libexec"),
                           ("/run/lighttpd/", f"{self.home}/run/"), ("/run/berth/", f"{self.home}/run/")):
            text = text.replace(mark, str(path))
        text = IDLE_LIMIT.sub(rf"\g<1>{self.idle}", text)
        if how := self.settings.get("BERTH_SENDFILE"):  # which the files set, each for its server
            text = re.sub(r'(BERTH_SENDFILE"?\s+(?:=>\s+)?"?)x-[a-z-]+', rf"\g<1>{how}", text)
        return text

    def _login(self, server: str) -> str:
        return self._render(f"{server}-auth-{self.auth}.conf.in") if self.auth else ""

    def _enable_login(self, server: str):
        """Where the server's own file in etc/ reads it."""
        (self.home / f"etc/berth/{server}-enabled/login.conf").write_text(self._login(server))

    def _main(self) -> str:
        raise NotImplementedError

    def _command(self, main: Path) -> list:
        raise NotImplementedError

    def start(self):
        self._install()
        (self.home / "etc/main.conf").write_text(self._main())
        return self.run()

    def run(self):
        """What is installed; after kill(), once more."""
        self._start_workers()
        self._spawn(self._command(self.home / "etc/main.conf"))
        for port in filter(None, (self.port, self.tls_port)):
            self._await(port)
        return self

    def _start_workers(self):
        """For servers that only connect to a socket."""

    def _pool(self) -> list[str]:
        return ["--workers", str(self.workers), "--workers-max", str(self.workers_max)]

    def _serve_socket(self, sendfile: str):
        """What berth.socket and berth.service do."""
        with socket.socket(socket.AF_UNIX) as listener:
            path = self.home / "run/berth.sock"
            path.unlink(missing_ok=True)  # as systemd does
            listener.bind(str(path))
            shutil.chown(path, group=GROUP)
            path.chmod(0o660)
            listener.listen(1024)
            environment = {**unit_environment(), "BERTH_CONF": str(self.home / "etc/berth/berth.conf"),
                           "BERTH_ROOT": str(self.root), "BERTH_SENDFILE": self.settings.get("BERTH_SENDFILE", sendfile)}
            self._spawn([self.home / "libexec/berth/berth.fcgi", *self._pool()], stdin=listener,
                        env=environment, user=self.worker_user, group=GROUP, extra_groups=[], umask=0o027)

    def _spawn(self, command, **options):
        environment = {name: value for name, value in os.environ.items() if name != "BERTH_METRICS"}
        with open(self.home / "log/console.log", "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True,
                                       **{"stdin": subprocess.DEVNULL, "env": environment, **options})
        self.processes.append(process)
        self.sessions.add(process.pid)

    def _await(self, port):
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(ConnectionRefusedError), client.connect(port):
                return
            assert all(process.poll() is None for process in self.processes), self.logs()
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.02)

    def logs(self) -> str:
        return "".join(path.read_text(errors="replace") for path in (self.home / "log").glob("*.log")
                       if path != self.access_log)

    def pids(self) -> list[int]:
        """All processes of the server, with those that it started."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if session(pid) in self.sessions]

    def program_pids(self) -> list[int]:
        """Those that run berth.fcgi, workers and their parent."""
        program = str(self.home / "libexec/berth/berth.fcgi")
        return [pid for pid in self.pids() if executable(pid) == program]

    def is_pool(self, pid: int) -> bool:
        """Whether it is the parent of workers: started as a service or by the web server, or in the place of one that was killed."""
        services = {process.pid for process in self.processes[:-1]}
        return pid in services or (not is_standby(pid) and b"--workers" in command_line(pid) and b"--workers" not in command_line(parent(pid)))

    def pool_pid(self) -> int:
        """The parent of the workers, which serves no requests itself."""
        pid, = filter(self.is_pool, self.program_pids())
        return pid

    def worker_pids(self) -> list[int]:
        """Those that serve requests."""
        return [pid for pid in self.program_pids() if not self.is_pool(pid) and not is_standby(pid)]

    def standby_pids(self) -> list[int]:
        """Those that are ready to be the parent of workers."""
        return list(filter(is_standby, self.program_pids()))

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            process.wait(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while left := self.pids():
            assert time.monotonic() < deadline, f"{self.name} left processes behind: {left}"
            time.sleep(0.02)
        self.processes.clear()
        self.sessions.clear()

    def kill(self):
        """All of it, at once."""
        while left := self.pids():
            send(signal.SIGKILL, left)
            for process in self.processes:
                process.wait(PATIENCE)
            time.sleep(0.01)
        self.processes.clear()
        self.sessions.clear()

    def kill_program(self):
        """berth.fcgi, but not the web server. None can start another, or take its place, before it is killed."""
        stopped = set()
        while new := set(self.program_pids()) - stopped:
            send(signal.SIGSTOP, new)
            stopped |= new
        send(signal.SIGKILL, stopped)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    # What a client does.

    def request(self, method: str, target: str, headers: Headers = None, body: Body = None, tls: bool = False) -> Response:
        return client.request(self.tls_port if tls else self.port, method, target, headers, body,
                              self.tls if tls else None)

    def raw(self, data: bytes) -> bytes:
        return client.raw(self.port, data)


def send(number: int, pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def session(pid: int) -> int | None:
    with contextlib.suppress(ProcessLookupError):
        return os.getsid(pid)
    return None


def executable(pid: int) -> str | None:
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    return None


def parent(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def is_standby(pid: int) -> bool:
    """Whether it waits to take the place of a killed parent of workers."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text() == "berth-standby\n"
    return False


def command_line(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []


class Lighttpd(Server):
    """lighttpd starts the workers."""

    name = "lighttpd"
    config = "lighttpd.conf.in"

    def _main(self):
        for name in ("lighttpd-server.conf", "lighttpd-workers.conf.in", "lighttpd-berth.conf", "lighttpd-large.conf"):
            (self.home / "etc/berth" / name.removesuffix(".in")).write_text(self._render(name))
        berth = re.sub(r"--workers \d+ --workers-max \d+", " ".join(self._pool()), self._render(self.config))
        return f"""
server.modules = ( "mod_openssl", "mod_accesslog" )
server.bind = "127.0.0.1"
server.port = {self.port}
server.username = "{USER}"
server.groupname = "{GROUP}"
server.document-root = "{self.home}/www"
server.errorlog = "{self.error_log}"
accesslog.filename = "{self.access_log}"
{self._tls_socket()}
{self._login("lighttpd")}
{berth}
"""

    def _tls_socket(self):
        if not self.tls_port:
            return ""
        return f"""$SERVER["socket"] == "127.0.0.1:{self.tls_port}" {{
    ssl.engine = "enable"
    ssl.pemfile = "{self.certificate}"
    ssl.privkey = "{self.key}"
}}"""

    def _command(self, main):
        return ["lighttpd", "-D", "-f", main]


class LighttpdSocket(Lighttpd):
    """lighttpd connects to workers that systemd would start."""

    name = "lighttpd-socket"
    config = "lighttpd-socket.conf.in"
    worker_user = SERVICE_USER

    def _start_workers(self):
        self._serve_socket("x-sendfile")


class Apache(Server):
    modules: tuple[str, ...]

    def _modules(self):
        names = ("mpm_event", "authz_core", "alias", "env", "headers", "reqtimeout", "filter", "deflate", "xsendfile", "ssl",
                 "http2", "socache_shmcb", "authn_core", "auth_basic", "authn_file", "authz_user", *self.modules)
        return "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in names)

    def _berth(self):
        return self._render(self.config)

    def _main(self):
        self._enable_login("apache")
        return f"""
{self._modules()}
ServerName localhost
Listen 127.0.0.1:{self.port}
User {USER}
Group {GROUP}
DefaultRuntimeDir {self.home}/run
PidFile {self.home}/run/apache.pid
DocumentRoot {self.home}/www
ErrorLog {self.error_log}
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
CustomLog {self.access_log} common
<Directory />
    Require all denied
</Directory>
{self._berth()}
{self._tls_host()}
"""

    def _tls_host(self):
        if not self.tls_port:
            return ""
        return f"""Listen 127.0.0.1:{self.tls_port}
<VirtualHost 127.0.0.1:{self.tls_port}>
    Protocols h2 http/1.1
    SSLEngine on
    SSLCertificateFile {self.certificate}
    SSLCertificateKeyFile {self.key}
</VirtualHost>"""

    def _command(self, main):
        return ["apache2", "-DFOREGROUND", "-f", main]


class ApacheFcgid(Apache):
    """mod_fcgid starts the workers; bodies of layers go through mod_cgid."""

    name = "apache-fcgid"
    config = "apache-fcgid.conf.in"
    modules = ("fcgid", "cgid")

    def _berth(self):
        text = self._render(self.config)
        for name, count in ("Min", self.workers), ("Max", self.workers_max):
            text = re.sub(rf"(Fcgid{name}ProcessesPerClass )\d+", rf"\g<1>{count}", text)
        return f"""ScriptSock {self.home}/run/cgid.sock
FcgidIPCDir {self.home}/run/fcgid
FcgidProcessTableFile {self.home}/run/fcgid_shm
{text}"""


class ApacheFcgidOnly(ApacheFcgid):
    """Without the way through mod_cgid, as where only mod_fcgid can be had."""

    name = "apache-fcgid-only"

    def _berth(self):
        return re.sub(r"<If .*?</If>", "", super()._berth(), flags=re.DOTALL)


class ApacheProxy(Apache):
    """mod_proxy_fcgi connects to workers that systemd would start."""

    name = "apache-proxy"
    config = "apache-proxy.conf.in"
    worker_user = SERVICE_USER
    modules = ("proxy", "proxy_fcgi", "buffer")

    def _start_workers(self):
        self._serve_socket("x-sendfile")


class Nginx(Server):
    """nginx connects to workers that systemd would start."""

    name = "nginx"
    config = "nginx.conf.in"
    worker_user = SERVICE_USER

    def _start_workers(self):
        self._serve_socket("x-sendfile")  # as berth.service; nginx' own file knows better

    def _main(self):
        shutil.copy2("/etc/nginx/fastcgi_params", self.home / "etc/fastcgi_params")
        (self.home / "etc/berth/nginx-fastcgi.conf").write_text(self._render("nginx-fastcgi.conf.in"))
        self._enable_login("nginx")
        tls = f"""listen 127.0.0.1:{self.tls_port} ssl http2;
        ssl_certificate {self.certificate};
        ssl_certificate_key {self.key};""" if self.tls_port else ""
        temporary = "\n    ".join(f"{kind}_temp_path {self.home}/spool/{kind};"
                                  for kind in ("client_body", "fastcgi", "proxy", "uwsgi", "scgi"))
        return f"""
daemon off;
user {USER} {GROUP};
worker_processes 1;
pid {self.home}/run/nginx.pid;
error_log {self.error_log};
events {{ worker_connections 1024; }}
http {{
    access_log {self.access_log};
    {temporary}
    server {{
        listen 127.0.0.1:{self.port};
        {tls}
        {self._render(self.config)}
    }}
}}
"""

    def _command(self, main):
        return ["nginx", "-p", self.home, "-e", self.error_log, "-c", main]
