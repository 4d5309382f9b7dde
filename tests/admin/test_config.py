# SPDX-License-Identifier: Apache-2.0
"""`berth config check`: mistakes in the configuration, with file and line."""

import re
import subprocess

import pytest

from tests.lib.paths import BUILD, CHECKOUT, ETC

CONFIG = 78
BCRYPT = "$2y$04$abcdefghijklmnopqrstuuXDLMu.vbR8DRmzyxKdzPHZsPRPJDuCa"


def check(machine, *lines) -> tuple[list[str], list[str]]:
    """Errors and warnings. The first line of the configuration is `root`, these follow."""
    machine.configure(*lines)
    plain = subprocess.run([BUILD / "berth", "config", "check"], capture_output=True, text=True, timeout=60,
                           env=machine.environment())
    found = machine.json("config", "check", status=plain.returncode)
    errors, warnings = found["errors"], found["warnings"]
    assert plain.returncode == (CONFIG if errors else 0)
    assert found["ok"] == (not errors)
    said = [f"error: {text}" for text in errors] + [f"warning: {text}" for text in warnings]
    assert sorted(plain.stdout.splitlines()) == (sorted(said) or ["OK"])
    return errors, warnings


def only(texts: list[str]) -> str:
    assert len(texts) == 1, texts
    return texts[0]


@pytest.fixture
def users(machine):
    """Configures an htpasswd file with these users."""
    def write(*names):
        machine.htpasswd.write_text("".join(f"{name}:{BCRYPT}\n" for name in names))
        return f'htpasswd = "{machine.htpasswd}"'
    return write


def test_clean(machine, users):
    machine.run("token", "init", machine.keys)
    groups = machine.home / "groups"
    groups.write_text("# ours\nops: carol\n")
    assert check(machine, users("alice", "bob", "carol"), f'groups_file = "{groups}"', f'token_keys = "{machine.keys}"',
                 'group "dev" { members = {"alice", "bob"} }',
                 'repository "**" { pull = {"users"} admin = {"@ops"} }',
                 'repository "*" { pull = {"*"} }',
                 'repository "team/*" { push = {"@dev", "carol"} immutable = {"v*"} }',
                 'repository "team/app" { push = {"@dev"} }',
                 'repository "te?m/x" { pull = {"*"} }') == ([], [])


@pytest.mark.parametrize("lines, number, said", [
    (['durability = "some"'], 2, '"full", "none"'),
    (["# a", "# b", "rout = 1"], 4, "rout"),
    (["/* a", "*/", 'repository "a" {', "  # c", '  pul = {"x"}', "}"], 6, "pul"),
    (['repository "a" { }', "", 'repository "a" { }'], 4, "duplicate"),
    (["# a", 'repository "a" {', '  pull = {"*"}'], 3, "}"),
    (['repository "a" { pull = {"*"'], 2, "}"),
])
def test_what_cannot_be_read(machine, lines, number, said):
    errors, warnings = check(machine, *lines)
    assert only(errors).startswith(f"{machine.conf}:{number}: ")
    assert said in errors[0]
    assert warnings == []


def test_every_rule_is_looked_at(machine):
    errors, _ = check(machine, 'repository "a" {', '  pull = {"@nobody"}', "}", 'repository "B" { }',
                      'repository "c" { pull = {"*"} }', 'repository "d" { push = {""} }')
    assert [text.removeprefix(f"{machine.conf}:").split(":")[0] for text in errors] == ["2", "5", "7"]
    assert 'no group "nobody"' in errors[0]
    said = machine.run("config", "check", status=CONFIG).stderr
    assert "3 mistakes" in said


def test_groups_file(machine):
    groups = machine.home / "groups"
    setting = f'groups_file = "{groups}"'
    assert "No such file" in only(check(machine, setting, 'repository "a" { pull = {"@dev"} }')[0])
    groups.write_text("# ours\ndev alice\n")
    assert f"{groups}:2: " in only(check(machine, setting)[0])
    groups.write_text("# ours\n\ndev :\n")
    assert only(check(machine, setting)[1]) == f'{groups}:3: the group "dev" has no members'


def test_group_without_members(machine):
    assert check(machine, "", 'group "dev" { }') == ([], [f'{machine.conf}:3: the group "dev" has no members'])


def test_users_without_password(machine, users):
    groups = machine.home / "groups"
    groups.write_text("ops: alice erin\n")
    lines = [users("alice"), f'groups_file = "{groups}"', 'group "dev" { members = {"alice",', '  "bob"} }',
             'repository "a" {', '  pull = {"*", "users", "@dev", "carol"}', '  push = {"dave", "alice"}', "}"]
    errors, warnings = check(machine, *lines)
    assert errors == []
    where = f"is not in {machine.htpasswd}"
    assert warnings == [f'{machine.conf}:4: the user "bob" {where}', f'{groups}:1: the user "erin" {where}',
                        f'{machine.conf}:6: the user "carol" {where}', f'{machine.conf}:6: the user "dave" {where}']


def test_users_that_others_verify(machine, users):
    machine.run("token", "init", machine.keys)
    machine.configure(f'token_keys = "{machine.keys}"')
    machine.run("token", "issue", "--user", "robot", "--scope", "repository:a:pull")
    rule = 'repository "a" { pull = {"robot", "erin"} }'
    assert check(machine, rule) == ([], [])  # the web server's users
    _, warnings = check(machine, users("alice"), f'token_keys = "{machine.keys}"', rule)
    assert '"erin"' in only(warnings)
    [key] = machine.keys.glob("*.pem")
    assert check(machine, users("alice"), f'issuer "x" {{ keys = "{key}" }}', 'token_realm = "https://x/"',
                 rule) == ([], [])


@pytest.mark.parametrize("first, second", [("team/*", "team/?"), ("**", "***"), ("a*", "a?*")])
def test_shadowed_pattern(machine, first, second):
    errors, warnings = check(machine, f'repository "{first}" {{ }}', "", f'repository "{second}" {{ }}')
    assert errors == []
    assert only(warnings) == (f'{machine.conf}:4: repository "{second}" never applies: "{first}" in line 2 comes '
                              "before it")


@pytest.mark.parametrize("pattern", ["_x", "a..b", "x/-*"])
def test_pattern_that_is_no_name(machine, pattern):
    assert f'{machine.conf}:2: repository "{pattern}": no repository' in only(
        check(machine, f'repository "{pattern}" {{ }}')[1])


def test_included_files(machine):
    """What stands in another file is told with its name, by the check and by a verdict."""
    more = machine.home / "rules" / "more.conf"
    more.parent.mkdir()
    more.write_text('# ours\nrepository "team/*" { pull = {"alice"} }\nretain "team/*" { newest = 1 }\n')
    include = 'include("rules/more.conf")'
    assert check(machine, include) == ([], [])
    assert machine.json("access", "alice", "team/a")["rule"] == {"file": str(more), "line": 2, "repository": "team/*"}
    _, warnings = check(machine, include, 'repository "team/?" { }', 'retain "team/?" { newest = 1 }')
    assert warnings == [f'{machine.conf}:{line}: {kind} "team/?" never applies: "team/*" in {more} line {there} comes before it'
                        for kind, line, there in (("repository", 3, 2), ("retain", 4, 3))]
    more.write_text("\n/* 2\n*/ # 3\nrepository \"a\" { pul = {} }\n")
    errors, _ = check(machine, include)
    assert only(errors) == f"{more}:4: no such option 'pul'"
    more.unlink()
    errors, _ = check(machine, "", include)
    assert only(errors) == f"{machine.conf}:3: configuration file {more}: No such file or directory"


def test_retention(machine):
    assert check(machine, 'retain "**" { newest = 10 tags = {"v*"} younger = "30d" pulled = "2w" untagged = "7d" }',
                 'retain "*" { untagged = "forever" }', 'retain "team/app" { tags = "LATEST" }') == ([], [])
    errors, warnings = check(machine, 'retain "A" { newest = 1 }', "", 'retain "b" { tags = {"v*", "v 1"} }',
                             'retain "c" { }')
    assert errors == [f'{machine.conf}:2: retain "A": no repository\'s name can match this',
                      f'{machine.conf}:4: retain "b": no tag can match "v 1"']
    assert only(warnings) == f'{machine.conf}:5: retain "c": has no rule, so all tags stay'
    _, warnings = check(machine, 'retain "team/*" { newest = 1 }', 'retain "team/?" { newest = 2 }')
    assert only(warnings) == f'{machine.conf}:3: retain "team/?" never applies: "team/*" in line 2 comes before it'
    assert "no repository" in only(check(machine, 'retain "_x" { newest = 1 }')[1])


@pytest.mark.parametrize("line, said", [
    ('retain "a" { newest = 0 }', "newest"), ('retain "a" { younger = "30" }', "younger"),
    ('retain "a" { untagged = "never" }', "untagged"), ('retain "a" {} retain "a" {}', "duplicate"),
])
def test_retention_that_cannot_be_read(machine, line, said):
    text = only(check(machine, "", line)[0])
    assert text.startswith(f"{machine.conf}:3: ") and said in text


def test_htpasswd(machine):
    setting = f'htpasswd = "{machine.htpasswd}"'
    assert "No such file" in only(check(machine, setting)[0])
    machine.htpasswd.write_text(f"# ours\nalice:{BCRYPT}\nbob:$apr1$x$y\ncarol:{{SHA}}x\n")
    errors, _ = check(machine, setting)
    assert len(errors) == 2
    for text, line, user in zip(errors, (3, 4), ("bob", "carol")):
        assert text.startswith(f"{machine.htpasswd}:{line}: ") and user in text and "berth user passwd" in text


def test_root(machine):
    machine.root.rmdir()
    assert f'root = "{machine.root}"' in only(check(machine)[1])
    machine.root.write_text("")
    assert "no directory" in only(check(machine)[1])


def test_root_of_somebody_else(machine):
    machine.root.chmod(0o700)
    for above in (machine.home, *machine.home.parents):
        if above.stat().st_mode & 0o001 == 0:
            above.chmod(0o755)
    done = subprocess.run([BUILD / "berth", "config", "check"], capture_output=True, text=True, timeout=60,
                          env=machine.environment(), user=33, group=33, extra_groups=[])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f'warning: root = "{machine.root}": this user cannot')


def test_token_keys(machine):
    setting = f'token_keys = "{machine.keys}"'
    assert "berth token init" in only(check(machine, setting)[0])
    machine.keys.mkdir()
    assert "berth token init" in only(check(machine, setting)[0])
    machine.run("token", "init", machine.keys)
    assert check(machine, setting) == ([], [])
    for name in ("0.pem", "1.pem"):
        (machine.keys / name).touch(0o600)
    errors, _ = check(machine, setting)
    assert [str(machine.keys / name) in text for name, text in zip(("0.pem", "1.pem"), errors)] == [True, True]


def test_key_that_everyone_can_read(machine):
    machine.run("token", "init", machine.keys)
    [key] = machine.keys.glob("*.pem")
    key.chmod(0o644)
    warning = only(check(machine, f'token_keys = "{machine.keys}"')[1])
    assert str(key) in warning and "berth token init" in warning


def test_issuers(machine):
    machine.run("token", "init", machine.keys)
    [key] = machine.keys.glob("*.pem")
    errors, warnings = check(machine, 'token_realm = "https://auth.example.com/token"',
                             f'issuer "good" {{ keys = "{key}" }}', 'issuer "bad" {', '  keys = "/nowhere.pem"', "}",
                             'issuer "worse" { }')
    assert [text.split(" keys = FILE")[0] for text in errors][1] == f'{machine.conf}:7: issuer "worse":'
    assert errors[0].startswith(f'{machine.conf}:4: issuer "bad": ') and "/nowhere.pem" in errors[0]
    assert (len(errors), warnings) == (2, [])
    assert "token_realm" in only(check(machine, f'issuer "good" {{ keys = "{key}" }}')[1])
    assert "no effect" in only(check(machine, 'token_realm = "https://auth.example.com/token"')[1])


def test_relative_paths(machine):
    _, warnings = check(machine, 'htpasswd = "nowhere/users"', 'token_keys = "keys"', 'groups_file = "groups"',
                        'metrics_token = "token"')
    assert [text.split()[0] for text in warnings] == ["htpasswd", "groups_file", "token_keys", "metrics_token"]


def test_no_configuration(machine):
    machine.conf.unlink()
    assert str(machine.conf) in only(machine.json("config", "check", status=CONFIG)["errors"])


def test_examples_that_are_installed(machine):
    """Each line that is commented out may be put to use."""
    text = (ETC / "berth.conf.in").read_text().replace("@sysconfdir@", "/nowhere").replace("@localstatedir@", "/var")
    machine.conf.write_text(re.sub(r"^#(?! \S|$)", "", text, flags=re.M))
    found = machine.json("config", "check", "--root", machine.root, status=CONFIG)
    assert "/nowhere/berth/sso.pem" in only(found["errors"])
    assert "token_realm" in only(found["warnings"])
    assert machine.json("access", "alice", "team/a/b")["actions"] == {"pull": True, "push": True, "delete": True,
                                                                      "admin": False}
    assert machine.json("access", "-", "other")["actions"]["pull"] is True


def test_each_key_is_documented():
    """Those outside of sections: in the manual, also as variables, and in the configuration that is installed."""
    keys = {key for path in (CHECKOUT / "src").rglob("*.c")
            for key in re.findall(r'SETTINGS_[A-Z_]+\(struct \w+_settings, \w+,\s*"(\w+)"', path.read_text())}
    manual = (CHECKOUT / "man/berth.conf.5").read_text()
    assert len(keys) > 20
    assert keys <= set(re.findall(r"^\.It Ic (\w+)$", manual, re.M))
    variables = re.findall(r"^\.Ev BERTH_(\w+)(?: ,)?$", manual.partition(".Sh ENVIRONMENT")[2].partition(".Xc")[0], re.M)
    assert sorted(variables) == sorted(map(str.upper, keys))
    assert keys == set(re.findall(r"^#?(\w+) = ", (ETC / "berth.conf.in").read_text(), re.M))
