# SPDX-License-Identifier: Apache-2.0
"""`berth access`: what a user may do, and the rule that says so."""

import pytest

USAGE = 64
DENIED = 77
CONFIG = 78

RULES = """\
# Comments and lists over several lines do not shift lines.
group "dev" { members = {"alice",
                         "bob"} }
/* nor
   do these */
repository "team/*" {
    pull = {"users"}
    push = {"@dev"}
    immutable = {"v*", "release-*"}
}
repository "team/site" { pull = {"*"} delete = {"bob"} admin = {"carol"} }
"""


@pytest.fixture
def rules(machine):
    machine.configure(RULES)  # behind the one line for root
    return machine


def actions(machine, user, repository):
    permitted = machine.json("access", user, repository)["actions"]
    assert list(permitted) == ["pull", "push", "delete", "admin"]
    return " ".join(action for action, may in permitted.items() if may)


@pytest.mark.parametrize("user, repository, expected", [
    ("alice", "team/app", "pull push"),
    ("carol", "team/app", "pull"),
    ("-", "team/app", ""),
    ("alice", "team/site", "pull"),
    ("bob", "team/site", "pull delete"),
    ("carol", "team/site", "pull push delete admin"),
    ("-", "team/site", "pull"),
    ("alice", "team/sub/app", ""),
])
def test_verdict(rules, user, repository, expected):
    assert actions(rules, user, repository) == expected


def test_rule_with_its_line(rules):
    assert f'{rules.conf}:7: repository "team/*"\n' in rules.run("access", "alice", "team/app").stdout
    assert rules.json("access", "-", "team/site")["rule"] == {"file": str(rules.conf), "line": 12,
                                                              "repository": "team/site"}
    assert "no rule matches" in rules.run("access", "alice", "other").stdout
    assert rules.json("access", "alice", "other")["rule"] is None


def test_text(rules):
    lines = rules.run("access", "alice", "team/app").stdout.splitlines()
    assert [line.split() for line in lines[:4]] == [["pull", "yes"], ["push", "yes"], ["delete", "no"], ["admin", "no"]]
    assert lines[5:] == ["immutable tags: v*", "immutable tags: release-*"]


def test_one_action(rules):
    assert rules.run("access", "alice", "team/app", "push").stdout.splitlines()[0].split() == ["push", "yes"]
    denied = rules.run("access", "alice", "team/app", "delete", status=DENIED)
    assert denied.stdout.splitlines()[0].split() == ["delete", "no"]
    assert "delete of team/app" in denied.stderr
    assert rules.json("access", "-", "team/app", "pull", status=DENIED)["actions"] == {"pull": False}


@pytest.mark.parametrize("settings, user, expected, said", [
    ([], "alice", "pull push delete admin", "everyone who is let in"),
    ([], "-", "pull push delete admin", "everyone who is let in"),
    (['htpasswd = "/nowhere"'], "alice", "pull push delete admin", "everyone who is let in"),
    (['htpasswd = "/nowhere"'], "-", "", "everyone who logged in"),
    (['token_keys = "/nowhere"'], "-", "", "everyone who logged in"),
    (['issuer "x" { keys = "/nowhere" }'], "-", "", "everyone who logged in"),
])
def test_without_rules(machine, settings, user, expected, said):
    machine.configure(*settings)
    assert actions(machine, user, "app") == expected
    assert f"no access rules: {said}" in machine.run("access", user, "app").stdout


def test_deletes_that_are_switched_off(machine):
    machine.configure("delete = false", 'repository "**" { admin = {"*"} }')
    assert actions(machine, "-", "app") == "pull push admin"
    assert "delete = false: clients can delete nothing" in machine.run("access", "-", "app").stdout
    machine.run("access", "-", "app", "delete", status=DENIED)


def test_readonly(machine):
    machine.configure("readonly = true", 'repository "**" { admin = {"*"} }')
    assert actions(machine, "-", "app") == "pull"
    assert "readonly" in machine.run("access", "-", "app").stdout
    assert machine.json("access", "-", "app")["readonly"] is True


def test_immutable_tags(machine):
    machine.configure('repository "**" { push = {"*"} admin = {"root"} immutable = {"v*"} }')
    assert machine.json("access", "-", "app")["immutable"] == ["v*"]
    assert machine.run("access", "-", "app").stdout.endswith("immutable tags: v*\n")
    assert machine.run("access", "root", "app").stdout.endswith("immutable tags: v* (but not for admin)\n")


@pytest.mark.parametrize("args", [("alice",), ("alice", "UPPER"), ("alice", "app", "pus"), ("alice", "app", "*"),
                                  ("alice", "app", "pull,push"), ("alice", "app", "pull", "x")])
def test_wrong_usage(machine, args):
    machine.run("access", *args, status=USAGE)


def test_wrong_configuration(machine):
    machine.configure('repository "a" { pull = {"@nobody"} }')
    assert f"{machine.conf}:2: " in machine.run("access", "alice", "a", status=CONFIG).stderr
