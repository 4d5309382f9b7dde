# SPDX-License-Identifier: Apache-2.0
"""Whose word counts: that of the web server, which names a user, or only what berth checks itself."""

import pytest

from tests.conftest import running_front
from tests.lib.access import USERS, Site, basic

RULES = 'repository "**" {{ pull = {{"alice"}} }}'
TAGS = "/v2/any/tags/list"
ISSUER = 'issuer "theirs" {{ keys = "{home}/issuer.pub" }}\n'


@pytest.fixture
def ask(tmp_path):
    """The status for a user whom the server names, in a set-up with these logins of berth's own."""
    site = None

    def ask(logins, said="", headers=None, target=TAGS):
        nonlocal site
        site = site or Site(tmp_path)
        site.head = "".join({"passwords": f'htpasswd = "{site.htpasswd}"\n', "tokens": f'token_keys = "{site.keys}"\n',
                             "issuer": ISSUER.format(home=site.home)}[login] for login in logins) + said
        site.write(RULES)
        with running_front("cgi", env=site.env) as front:
            return front.request("GET", target, headers, variables={"REMOTE_USER": "alice"}).status
    yield ask


@pytest.mark.parametrize("logins, trusted", [
    ((), True), (("tokens",), True), (("tokens", "issuer"), True),
    (("passwords",), False), (("passwords", "tokens"), False), (("issuer",), False), (("passwords", "issuer"), False),
])
def test_16_the_default_is_safe_for_each_set_up(ask, logins, trusted):
    """404: alice may see that there is no such repository; 401: nobody may."""
    assert ask(logins) == (404 if trusted else 401)
    assert ask(logins, 'remote_user = "auto"\n') == (404 if trusted else 401)
    assert ask(logins, 'remote_user = "trust"\n') == 404
    assert ask(logins, 'remote_user = "ignore"\n') == 401


def test_16_what_berth_checks_counts_in_any_case(ask):
    for said in ('remote_user = "trust"\n', 'remote_user = "ignore"\n'):
        assert ask(("passwords",), said, basic("alice", USERS["alice"])) == 404
        assert ask(("passwords",), said, basic("alice", "x")) == 401
