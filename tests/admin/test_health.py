# SPDX-License-Identifier: Apache-2.0
"""`berth health`: whether a registry is well, for those who look at an exit status."""

import contextlib
import socket
import subprocess
import threading

import pytest

from tests.admin.test_registry import StandIn, empty
from tests.lib import htpasswd
from tests.lib.paths import BUILD, SANITIZING
from tests.lib.ports import free_port
from tests.lib.ramdisk import ramdisk
from tests.lib.servers import make_certificate
from tests.lib.workers import wait_for


def health(*args, status=0, **environment) -> str:
    """The line that it says."""
    done = None
    while not done or "answer within a second" in done.stderr:  # as on a busy machine
        done = subprocess.run([BUILD / "berth", "health", *map(str, args)], capture_output=True, text=True, timeout=60,
                              env={"PATH": "/usr/bin:/bin", **SANITIZING, **environment})
    assert done.returncode == status, done
    line = done.stderr if status else done.stdout
    assert line.count("\n") == 1, done
    return line


def test_a_registry_that_is_well(tmp_path):
    """By each way to say its address."""
    with StandIn(tmp_path) as registry:
        said = f"127.0.0.1 port {registry.port} is "
        for address in (registry.port, f":{registry.port}", f"127.0.0.1:{registry.port}", f"0.0.0.0:{registry.port}",
                        f"*:{registry.port}"):
            assert health(address) == said + "ready\n"
        assert health("--live", registry.port) == said + "alive\n"
        for address in (f"[::1]:{registry.port}", f"[::]:{registry.port}"):
            assert health(address) == f"::1 port {registry.port} is ready\n"
        assert health(f"localhost:{registry.port}").startswith("localhost port")


def test_tls_and_logins_by_the_environment_of_the_registry(tmp_path):
    """As in its container, where nobody says anything more."""
    certificate, key = make_certificate(tmp_path)
    htpasswd.write(tmp_path / "users", {"alice": "a"}, 5)
    with StandIn(tmp_path, REGISTRY_AUTH_HTPASSWD_PATH=str(tmp_path / "users"), REGISTRY_HTTP_TLS_CERTIFICATE=str(certificate),
                 REGISTRY_HTTP_TLS_KEY=str(key)) as registry:
        assert health(**registry.environment()) == f"127.0.0.1 port {registry.port} is ready\n"
        assert health("--tls", "--live", registry.port) == f"127.0.0.1 port {registry.port} is alive\n"
        line = health(registry.port, status=1)
        assert "no answer" in line or "reset" in line, line


def test_the_file_of_the_registry_says_where(tmp_path):
    (tmp_path / "config.yml").write_text(f"http: {{addr: '127.0.0.1:{free_port()}'}}")
    with StandIn(tmp_path) as registry:
        (tmp_path / "config.yml").write_text(f"http: {{addr: '127.0.0.1:{registry.port}'}}")
        assert health(REGISTRY_CONFIGURATION_PATH=str(tmp_path / "config.yml")).endswith("is ready\n")


def test_a_full_disk(tmp_path):
    with ramdisk("4M", tmp_path) as disk:
        (tmp_path / "berth.conf").write_text("ready_room = 1048576\n")
        with StandIn(tmp_path, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=str(disk)) as registry:
            assert health(registry.port)
            (disk / "ballast").write_bytes(bytes(3 << 20))
            wait_for(lambda: registry.request("GET", "/readyz").status == 503)
            line = health(registry.port, status=1)
            assert f"port {registry.port} answers /readyz with 503: the data directory has not enough room" in line
            assert health("--live", registry.port)


def test_nobody_is_there():
    port = free_port()
    assert health(port, status=1) == f"berth: 127.0.0.1 port {port}: Connection refused\n"
    assert "registry.invalid port 1: " in health("registry.invalid:1", status=1)


@pytest.fixture
def somebody():
    """Starts something else at a port, which says this to whoever comes, and then nothing."""
    with contextlib.ExitStack() as opened:
        def start(says: bytes, close=True) -> int:
            listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve():
                with contextlib.suppress(OSError):
                    connection = opened.enter_context(listener.accept()[0])
                    connection.recv(4096)
                    connection.sendall(says)
                    if close:
                        connection.close()
            threading.Thread(target=serve, daemon=True).start()
            return listener.getsockname()[1]
        yield start


@pytest.mark.parametrize("says, why", [
    (b"", "no answer"),
    (b"SSH-2.0-x\r\n\r\n", "no answer in HTTP"),
    (b"HTTP/1.1 404 Not Found\r\n\r\nhello", "with 404: is it berth"),
    (b"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", "with 301"),
    (b'HTTP/1.1 503 x\r\n\r\n{"message":"\\u001b[31mred"}', "with 503: \\x1b[31mred"),
    (b"HTTP/1.1 20\r\n\r\n", "no answer in HTTP"),
])
def test_somebody_else_is_there(somebody, says, why):
    assert why in health(somebody(says), status=1)


def test_somebody_who_says_nothing(somebody):
    assert "no answer in time" in health("--timeout", "1s", somebody(b"HTTP/1.1 200", close=False), status=1)
    assert "speaks no TLS" in health("--timeout", "1s", "--tls", somebody(b"HTTP/1.1 400 x\r\n\r\n"), status=1)


def test_bad_addresses(tmp_path):
    for address in ("x", "localhost:", "localhost:x"):
        assert "must be ADDR:PORT" in health(address, status=64)
    assert "REGISTRY_LOG_LEVEL" in health(status=78, REGISTRY_LOG_LEVEL="loud", REGISTRY_CONFIGURATION_PATH=str(empty(tmp_path)))
