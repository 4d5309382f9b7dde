# SPDX-License-Identifier: Apache-2.0
"""docs/container.md, "With logins and TLS": the sister of the line of every guide."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.image.host import until
from tests.lib.clients import GREETING

SECTION = "With logins and TLS"
# As the guides make one.
CERTIFICATE = """mkdir certs
openssl req -newkey rsa:2048 -nodes -sha256 -keyout certs/domain.key -addext subjectAltName=DNS:localhost -x509 -days 30 \
  -subj /CN=localhost -out certs/domain.crt
"""


@pytest.fixture
def with_logins(host, document, app):
    host.type(document.take(SECTION, 0))
    host.await_registry()
    return host


def test_htpasswd_prints_a_line(host):
    line = host.type("docker run --rm --entrypoint htpasswd berth -Bbn testuser testpassword")
    assert re.fullmatch(r"testuser:\$2y\$05\$[./A-Za-z0-9]{53}", line)


def test_login_and_push(with_logins, document):
    host = with_logins
    assert host.request("GET", "/v2/").headers["WWW-Authenticate"].startswith('Basic realm="Registry Realm"')
    host.docker("tag", "app", "localhost:5000/app")
    assert "no basic auth credentials" in host.refusal("push", "localhost:5000/app")
    assert "401" in host.refusal("login", "-u", "testuser", "-p", "wrong", "localhost:5000")
    host.type(document.take(SECTION, 1))
    host.docker("rmi", "localhost:5000/app")
    assert host.docker("run", "--rm", "--network=none", "localhost:5000/app") == GREETING
    host.docker("logout", "localhost:5000")


def test_a_file_of_passwords_that_is_missing(host):
    """As registry:2, berth makes one, where it may, and says the password once."""
    (host.directory / "auth").mkdir()
    (host.directory / "auth").chmod(0o777)
    host.type('docker run -d -p 5000:5000 --name registry -v "$(pwd)"/auth:/auth -e REGISTRY_AUTH=htpasswd '
              '-e REGISTRY_AUTH_HTPASSWD_REALM=x -e REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd berth')
    host.await_registry(statuses=(401,))
    password = re.search(r"the user docker and the password (\S+),", host.logs())[1]
    host.docker("login", "-u", "docker", "-p", password, "localhost:5000")
    host.docker("logout", "localhost:5000")
    said = host.refusal_of("docker run --rm -e REGISTRY_AUTH=htpasswd -e REGISTRY_AUTH_HTPASSWD_REALM=x "
                           "-e REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd berth")
    assert "/auth/htpasswd is missing" in said and "user 1000 cannot make it" in said and len(said.splitlines()) == 1


def test_there_again_after_the_daemon(with_logins):
    with_logins.stop()
    with_logins.start()
    with_logins.await_registry(statuses=(401,))


def test_tls(host, document, app):
    host.type("mkdir auth\ndocker run --rm --entrypoint htpasswd berth -Bbn testuser testpassword > auth/htpasswd")
    host.type(CERTIFICATE)
    host.type(document.take(SECTION, 2))
    asked = "curl -sS --retry 20 --retry-connrefused --retry-all-errors --cacert certs/domain.crt -u testuser:testpassword"
    assert host.type(f"{asked} https://localhost:5000/v2/_catalog") == '{"repositories":[]}'


def test_a_key_that_is_not_readable(host):
    """The key as guides make it, and the container not as its owner."""
    host.type(CERTIFICATE)
    said = host.refusal_of('docker run --rm -v "$(pwd)"/certs:/certs -e REGISTRY_HTTP_TLS_CERTIFICATE=/certs/domain.crt '
                           "-e REGISTRY_HTTP_TLS_KEY=/certs/domain.key berth")
    assert "/certs/domain.key" in said and "Permission denied" in said and len(said.splitlines()) == 1


def health(host):
    return host.inspect()["State"]["Health"]["Status"]


def test_healthy(host, document):
    """Without a login, and as the environment says where; asked more often than each half minute."""
    host.type(document.take(SECTION, 0).replace(" -d ", " -d --health-interval=1s ").replace("5000:5000", "5000:5050").replace(
        "-v ", "-e REGISTRY_HTTP_ADDR=:5050 -v ", 1))
    host.await_registry(statuses=(401,))
    until(lambda: health(host) == "healthy", "healthy")
    pid = next(pid for pid in host.processes() if Path(f"/proc/{pid}/comm").read_text() == "lighttpd\n")
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: health(host) == "unhealthy", "unhealthy")
    finally:
        os.kill(pid, signal.SIGCONT)
