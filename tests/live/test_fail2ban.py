# SPDX-License-Identifier: Apache-2.0
"""The filter in etc/, tried by fail2ban on the lines that each front really writes, in the log that docs/logins.md names."""

import re
import subprocess

import pytest

from tests.conftest import running_front
from tests.lib import access, oci
from tests.lib.access import USERS, basic, bearer
from tests.lib.paths import CHECKOUT, ETC
from tests.live.conftest import SERVERS

BERTH, LIGHTTPD = "berth.service", "lighttpd.service"
UNITS = {"lighttpd": LIGHTTPD, "lighttpd-socket": BERTH, "apache-proxy": BERTH, "nginx": BERTH}
FORGED = 'berth[1]: warning: denied: client 198.51.100.9: wrong user name or password: user "'
UPLOADS = "/v2/public/app/blobs/uploads/"


@pytest.fixture(scope="module", params=SERVERS)
def front(request):
    """One where berth checks the logins."""
    with access.site() as site, running_front(request.param, env=site.env) as front:
        yield front


def log_of(front):
    """What got berth's lines: the server's error log, or the standard error of a unit, which is the journal. As fail2ban
    reads that, the host and the program stand before each line."""
    error_log, console = front.error_log, front.home / "log/console.log"
    assert ("denied: " in error_log.read_text()) != ("denied: " in console.read_text())
    if "denied: " in error_log.read_text():
        assert front.name not in UNITS
        return error_log.read_text()
    program = {BERTH: "berth.fcgi", LIGHTTPD: "lighttpd"}[UNITS[front.name]]
    return "".join(f"Nov 29 23:14:15 host {program}[7]: {line}\n" for line in console.read_text().splitlines())


def banned(tmp_path, text):
    """Whom the filter finds, in order."""
    log, rules = tmp_path / "log", tmp_path / "berth.conf"
    log.write_text(text)
    rules.write_text((ETC / "fail2ban-filter.conf.in").read_text())
    done = subprocess.run(["fail2ban-regex", "-o", "ip", log, rules], check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_14_fail2ban_on_live_lines(front, tmp_path):
    """Each way in which a password or a forged token comes in is seen, a missing right is not, and nobody can have another
    one banned."""
    bob, form = basic("bob", "x"), {"Content-Type": "application/x-www-form-urlencoded"}
    for method, target, headers, body in [
            ("GET", "/v2/", bob, None),
            ("GET", "/v2/" + "p" * 1100, {**bob, "Referer": FORGED, "User-Agent": FORGED}, None),
            ("POST", UPLOADS, bob, b"abc"),
            ("PATCH", UPLOADS + "x", {**bearer("x"), "Referer": FORGED}, b"abc"),
            ("GET", "/v2/" + FORGED.replace(" ", "%20").replace('"', "%22") + "/tags/list", basic(f"\n{FORGED}", "x"), None),
            ("POST", "/token", {**form, "Referer": FORGED}, b"grant_type=password&username=bob&password=x")]:
        oci.expect(front.request(method, target, headers, body), 401)
    oci.expect(front.request("GET", "/v2/private/app/tags/list", basic("bob", USERS["bob"])), 404)
    oci.expect(front.request("GET", "/v2/"), 401)  # as every client begins
    assert banned(tmp_path, log_of(front)) == ["127.0.0.1"] * 6


def test_14_the_page_names_the_log(front):
    """In a table: the file in etc/, and where its lines are."""
    oci.expect(front.request("GET", "/v2/", basic("bob", "x")), 401)
    log_of(front)  # is where UNITS says
    text = (CHECKOUT / "docs/logins.md").read_text()
    section = text[text.index("## fail2ban"):]
    config = front.config.removesuffix(".in")
    (row,) = re.findall(rf"^\|[^|\n]*`{re.escape(config)}`[^|\n]*\|(.*)\|$", section[:section.index("\n## ")], re.MULTILINE)
    named = f"the journal of {UNITS[front.name]}" if front.name in UNITS else "/var/log/apache2/error.log"
    assert named in row.replace("`", "")
