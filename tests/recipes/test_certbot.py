# SPDX-License-Identifier: Apache-2.0
"""docs/tls.md, "By a public certificate authority": certbot asks one that is on the machine itself (Debian's pebble), which knows
it by the same protocol and asks the web server in turn."""

import contextlib
import json

import pytest

from tests.recipes import judge
from tests.recipes.hands import certificate, lines

SECTION = "By a public certificate authority"
URL = "https://registry.example.org"
AUTHORITY = {"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "httpPort": 80,
                        "tlsPort": 443, "certificate": "/root/acme.pem", "privateKey": "/root/acme.key", "ocspResponderURL": ""}}
# What a terminal would be asked for, and where the authority is.
CERTBOT = """server = https://localhost:14000/dir
no-verify-ssl = true
agree-tos = true
register-unsafely-without-email = true
non-interactive = true
"""
# As the page says it; what stands around it is lighttpd's own.
LIGHTTPD = """server.modules += ("mod_openssl")
$SERVER["socket"] == "0.0.0.0:443" {
    ssl.engine = "enable"
    ssl.pemfile = "/etc/letsencrypt/live/registry.example.org/fullchain.pem"
    ssl.privkey = "/etc/letsencrypt/live/registry.example.org/privkey.pem"
}
"""


@pytest.fixture
def authority(machine):
    """Starts it, when what it needs is installed."""
    @contextlib.contextmanager
    def start(*packages):
        machine.run(f"apt-get update -qq && apt-get install -y -qq --no-install-recommends pebble certbot {' '.join(packages)}")
        certificate(machine, "/root/acme.pem", "/root/acme.key", "localhost")
        machine.write("root/pebble.json", json.dumps(AUTHORITY))
        machine.write("etc/letsencrypt/cli.ini", CERTBOT)
        with machine.beside("PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 pebble -config /root/pebble.json",
                            until="Listening on: 127.0.0.1:14000"):
            machine.run("curl -sSk https://127.0.0.1:15000/roots/0 > /root/roots.pem")
            yield
    return start


def serves_with_its_certificate(machine):
    judge.wait(machine, URL)
    judge.serves(machine, URL, "--cacert /root/roots.pem")


def serial(machine):
    return machine.run("openssl s_client -connect registry.example.org:443 </dev/null 2>/dev/null | openssl x509 -noout -serial")


def test_certbot_with_apache(machine, pages, authority):
    machine.type(pages["web-servers"].take("Apache with mod_fcgid"))
    machine.write("etc/apache2/sites-enabled/registry.conf",
                  "<VirtualHost *:80>\nServerName registry.example.org\nDocumentRoot /var/www/html\n</VirtualHost>\n")
    machine.run("systemctl reload apache2")
    command, _ = lines(pages["tls"].take(SECTION))
    with authority("python3-certbot-apache"):
        machine.type(command)
        serves_with_its_certificate(machine)


def test_certbot_with_nginx(machine, pages, authority):
    machine.type(pages["web-servers"].take("systemd units"))
    site = [line for line in pages["web-servers"].take("nginx").splitlines() if "ssl_certificate" not in line]
    machine.run("apt-get install -y -qq nginx-light")
    machine.write("etc/nginx/sites-enabled/registry", "\n".join(site).replace("listen 443 ssl", "listen 80") + "\n")
    machine.run("systemctl reload-or-restart nginx")
    command, _ = lines(pages["tls"].take(SECTION))
    with authority("python3-certbot-nginx"):
        machine.type(command.replace("--apache", "--nginx"))
        serves_with_its_certificate(machine)


def test_certbot_with_lighttpd(machine, pages, authority):
    machine.type(pages["web-servers"].take("lighttpd, which starts the workers (bin-path)"))
    _, command = lines(pages["tls"].take(SECTION))
    with authority("lighttpd-mod-openssl"):
        machine.type(command)
        machine.write("etc/lighttpd/conf-enabled/60-tls.conf", LIGHTTPD)
        machine.run("systemctl restart lighttpd")
        serves_with_its_certificate(machine)
        # As the timer of Debian's package does in two months.
        before = serial(machine)
        machine.run("certbot renew --force-renewal --no-random-sleep-on-renew")
        serves_with_its_certificate(machine)
        assert serial(machine) != before
