# SPDX-License-Identifier: Apache-2.0
"""Options of subcommands: what is wrong with a command line is said, and nothing is done."""

import re
import subprocess

import pytest

from tests.lib.paths import BUILD, CHECKOUT

USAGE = 64


def run(*args) -> subprocess.CompletedProcess:
    return subprocess.run([BUILD / "berth", *args], capture_output=True, text=True, timeout=60)


def refused(*args) -> str:
    """What is said of it."""
    done = run(*args)
    assert done.returncode == USAGE, (args, done)
    assert not done.stdout
    return done.stderr


def helps() -> dict[str, str]:
    """Each subcommand's help."""
    names = re.findall(r"^  ([a-z-]+(?: [a-z]+)?)  ", run("help").stdout, re.MULTILINE)
    return {name: run(*name.split(), "--help").stdout for name in names if name not in ("help", "version")}


def test_unknown_options_and_those_of_other_commands():
    for args in (("ls", "--nope"), ("ls", "-x"), ("ls", "--dry-run"), ("tags", "a", "--raw"), ("rm", "a:b", "--listen", "x")):
        said = refused(*args)
        assert re.match(r"berth: (unrecognized|invalid) option", said), said
        assert f"usage: berth {args[0]} [OPTIONS]" in said
    assert "requires an argument" in refused("ls", "--root")
    assert "doesn't allow an argument" in refused("ls", "--json=x")


def test_options_may_stand_behind_arguments(berth, repo):
    repo.push_image("v1")
    assert berth.json("tags", repo.name) == berth.json("tags", "--json", repo.name)


@pytest.mark.parametrize("count", ["0", "-1", "1025", "x", "1x", ""])
def test_bad_counts(count):
    assert refused("serve", f"--workers={count}") == "berth: --workers takes a number from 1 to 1024\n"


def test_more_workers_at_rest_than_at_most():
    said = refused("serve", "--workers=3", "--workers-max=2")
    assert said == "berth: wrong usage: --workers-max must not be less than --workers\n"


def test_bad_choices():
    assert refused("token", "init", "--algorithm=RS256") == 'berth: --algorithm "RS256": must be one of EdDSA|ES256\n'


def test_a_list_has_an_end():
    said = refused("serve", *(f"--tls-name=n{number}" for number in range(65)))
    assert said == "berth: --tls-name can be given 64 times\n"


def test_bad_ages():
    """Of each command that takes one."""
    for name, text in helps().items():
        if "--grace AGE" in text:
            for age in ("12", "h", "-1h", "1y", "1.5h", ""):
                assert refused(*name.split(), f"--grace={age}") == (
                    f'berth: --grace "{age}": must be a number with s, m, h, d or w behind it, like 12h, 90d\n')


def test_help():
    for name, text in helps().items():
        assert text.startswith(f"usage: berth {name} [OPTIONS]")
        for option in ("--root DIR", "-c, --config FILE", "-j, --json", "-h, --help"):
            assert option in text, name
        assert max(map(len, text.splitlines())) < 120
    assert run("ls", "-h").stdout == run("ls", "--help").stdout


def test_help_lists_the_commands_in_columns():
    table = run("help").stdout.partition("\n\n")[2].partition("\n\n")[0].splitlines()
    assert len(table) == len(helps()) + 2
    assert len({re.match(r"  \S+(?: \S+)?  +", line).end() for line in table}) == 1


def test_help_of_a_command():
    for name, text in helps().items():
        assert run("help", *name.split()).stdout == text
        options = re.findall(r"^  (?:(-.),|   ) --([a-z-]+)", text, re.MULTILINE)
        letters, longs = [short for short, _ in options if short], [long for _, long in options]
        assert len(set(letters)) == len(letters) and len(set(longs)) == len(longs), name
    of_family = run("help", "token")
    assert of_family.returncode == 0
    assert re.findall(r"berth token (\w+)", of_family.stdout) == ["init", "keys", "issue", "ls", "revoke"]
    assert run("token", "--help").stdout == of_family.stdout
    assert 'there is no command "nope"' in run("help", "nope").stderr
    assert run("help", "nope").returncode == USAGE


def test_arguments_that_are_missing_or_too_many():
    assert refused("tags").startswith("berth: tags: REPOSITORY is missing\nusage: berth tags ")
    assert refused("user", "add", "file").startswith("berth: user add: USER is missing\n")
    assert refused("cp", "a:b").startswith("berth: cp: REPOSITORY[:TAG] is missing\n")
    assert refused("ls", "x", "y").startswith('berth: ls: "x" is one argument too many\n')
    assert refused("access", "a", "b", "pull", "more").startswith('berth: access: "more" is one argument too many\n')


def test_the_manual_has_each_option():
    manual = (CHECKOUT / "man/berth.1").read_text().replace("\\-", "-")
    for name, text in helps().items():
        for long in re.findall(r"^  (?:-.,|   ) --([a-z-]+)", text, re.MULTILINE):
            assert re.search(rf"Fl(?: \w ,)? -?{long}\b|, -{long}\b", manual), (name, long)
