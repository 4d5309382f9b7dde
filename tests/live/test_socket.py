# SPDX-License-Identifier: Apache-2.0
"""The socket of berth.socket, to which all of the web server's group can connect, and say whatever they like."""

import contextlib
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.conftest import running_front
from tests.lib import access, fastcgi, oci
from tests.lib.paths import BUILD, CHECKOUT, SANITIZING
from tests.lib.servers import GROUP, USER
from tests.lib.workers import wait_for

RULES = 'repository "**" {{ pull = {{"alice"}} }}'
OTHER = "daemon"  # who is in the web server's group, too


@pytest.fixture(params=["lighttpd-socket", "apache-proxy", "nginx"])
def front(request):
    """One whose rules know alice by the web server's word."""
    with access.site(rules=RULES, passwords=False, tokens=False) as site, running_front(request.param, env=site.env) as front:
        yield front


def said_by(user, front, **variables):
    """The status of a request that a process of this user brings."""
    script = CHECKOUT / "tests/lib/fastcgi.py"
    command = [sys.executable, "-c", script.read_text(), front.home / "run/berth.sock", "REQUEST_METHOD=GET",
               "SCRIPT_NAME=/v2", "PATH_INFO=/any/tags/list", *(f"{name}={value}" for name, value in variables.items())]
    done = subprocess.run(command, user=user, group=GROUP, extra_groups=[], capture_output=True, text=True, timeout=30, cwd="/")
    assert done.returncode == 0, done
    return int(done.stdout.partition("\r\n")[0].removeprefix("Status: ")[:3])


def test_16_only_the_web_server_is_served(front):
    oci.expect(front.request("GET", "/v2/any/tags/list"), 401)
    assert said_by(USER, front) == 401
    assert said_by(USER, front, REMOTE_USER="alice") == 404  # she may see that there is none
    assert said_by("root", front, REMOTE_USER="alice") == 404
    assert said_by(OTHER, front, REMOTE_USER="alice") == 500
    assert said_by(OTHER, front) == 500
    assert f"the user {OTHER} may not connect to the socket" in front.logs()
    assert "name it in socket_users" in front.logs()
    oci.expect(front.request("GET", "/v2/any/tags/list"), 401)


STRANGER = """
import contextlib, socket, sys
socket.setdefaulttimeout(20)
held = []
for begun in (b"", bytes((1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)), bytes((1, 1, 0, 1, 0, 8, 0, 0, 0, 1))) * 4:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])
    with contextlib.suppress(BrokenPipeError):  # he has gone already whom the next one is refused after
        connection.sendall(begun)
    held.append(connection)
for connection in held:
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while more := connection.recv(65536):
            answer += more
    assert b"Status: 500 " in answer, answer
print("refused", flush=True)
sys.stdin.read()
"""


def test_16_a_stranger_holds_nobody_up(front):
    """He connects more often than there are workers, and says nothing, or begins: he is refused as he comes, and they serve
    others."""
    command = [sys.executable, "-c", STRANGER, front.home / "run/berth.sock"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, user=OTHER, group=GROUP, extra_groups=[], cwd="/", **pipes) as stranger:
        try:
            assert stranger.stdout.readline() == "refused\n"
            for _ in range(10):
                oci.expect(front.request("GET", "/v2/any/tags/list"), 401)
        finally:
            stranger.kill()


def test_16_a_user_who_is_not_there(monkeypatch):
    """The workers say so, rather than serve nobody or everybody."""
    monkeypatch.setattr("tests.lib.servers.unit_environment", lambda: {"BERTH_SOCKET_USERS": "www-data no-such-user"})
    with running_front("nginx") as front:
        assert front.request("GET", "/v2/").status in (502, 503, 504)
        assert 'socket_users: this machine has no user "no-such-user"' in front.logs()


def opened_for_writing(fifo):
    """None while nobody reads it."""
    with contextlib.suppress(OSError):
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_a_reload_in_the_first_moments(tmp_path):
    """As `systemctl reload` right after the start: it is done when the pool is there, and kills nothing."""
    config = tmp_path / "berth.conf"
    os.mkfifo(config)
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "sock"))
        listener.listen()
        command = [BUILD / "berth.fcgi", "--config", config, "--workers", "1"]
        with subprocess.Popen(command, stdin=listener, stderr=subprocess.PIPE, env={**os.environ, **SANITIZING}) as pool:
            try:
                writer = wait_for(lambda: opened_for_writing(config))
                pool.send_signal(signal.SIGHUP)
                (tmp_path / "berth.conf.new").write_text(f'root = "{tmp_path}/new"\n')
                (tmp_path / "berth.conf.new").rename(config)
                os.write(writer, f'root = "{tmp_path}/old"\n'.encode())
                os.close(writer)
                said = {"REQUEST_METHOD": "POST", "SCRIPT_NAME": "/v2", "PATH_INFO": "/a/blobs/uploads/", "CONTENT_LENGTH": "0"}

                def pushed_to_new():
                    assert pool.poll() is None, pool.stderr.read()
                    assert b"Status: 202 " in fastcgi.request(str(tmp_path / "sock"), said)
                    return (tmp_path / "new/docker").exists()
                wait_for(pushed_to_new)
            finally:
                pool.terminate()
