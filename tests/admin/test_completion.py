# SPDX-License-Identifier: Apache-2.0
"""Completion for bash and zsh: it offers what the program has, and what is in the store."""

import os
import re
import subprocess
import time

import pytest

from tests.lib import oci
from tests.lib.paths import BUILD, ETC
from tests.lib.terminal import Terminal

BERTH = BUILD / "berth"
# What the shells begin with: nobody's settings, and this program first.
ENVIRONMENT = {"PATH": f"{BUILD}:/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "dumb", "LANG": "C.UTF-8"}

# Sources the file, takes a line for completion apart as bash does, and prints what is offered for it.
BASH = r"""
source "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=("${@:3}") COMP_CWORD=$(($# - 3))
_berth berth "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
exit 0
"""

# Has all matches written to a file, too.
ZSH = r"""
PS1='% ' PS2= ; unsetopt beep prompt_sp prompt_cr ; setopt no_always_last_prompt
fpath=($1 $fpath) ; autoload -U compinit ; compinit -u -D
compadd() {
    local -a matches
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        builtin compadd -A matches "$@"
        (($#matches)) && print -rl -- $matches >>$OUT
    fi
    builtin compadd "$@"
}
capture() { _main_complete ; compstate[insert]= compstate[list]= ; print -r -- '[end]' >>$OUT }
zle -C capture complete-word capture ; bindkey '^X' capture ; bindkey '^U' kill-whole-line
print ready
"""


def help_of(*args) -> str:
    return subprocess.run([BERTH, *args], check=True, capture_output=True, text=True).stdout


def commands() -> list[str]:
    return re.findall(r"^  ([a-z-]+(?: [a-z]+)?)  ", help_of("help"), re.MULTILINE)


def options(command) -> set[str]:
    """Of a command, short ones too."""
    if command in ("help", "version"):
        return set()
    found = re.findall(r"^  (?:(-.),|   ) --([a-z-]+)", help_of(*command.split(), "--help"), re.MULTILINE)
    return {f"--{long}" for _, long in found} | {short for short, _ in found if short}


def split(line: str) -> list[str]:
    """As bash does, with its COMP_WORDBREAKS; it gives the program's path as it stands."""
    words = re.findall(r"[:@=]+|[^\s:@=]+", line)
    return [*words, ""] if line[-1].isspace() else words


class Bash:
    def __init__(self, _):
        pass

    def offers(self, line: str) -> set[str]:
        done = subprocess.run(["bash", "--norc", "--noprofile", "-c", BASH, "bash", ETC / "completion/berth.bash", line,
                               *split(line)], capture_output=True, text=True, env=ENVIRONMENT, check=False, timeout=60)
        assert not done.stderr
        return set(done.stdout.split("\n")) - {""}

    def stop(self):
        """Nothing runs between."""


class Zsh:
    """One shell in a terminal, that is asked again and again."""

    def __init__(self, directory):
        self.out = directory / "offered"
        setup = directory / "setup.zsh"
        setup.write_text(ZSH)
        self.terminal = Terminal(["zsh", "-f", "-i"], columns=200, cwd=directory, env={**ENVIRONMENT, "OUT": str(self.out)})
        self.terminal.type(f"source {setup} {BUILD}/completion\n")
        self.terminal.expect("ready\r\n")

    def offers(self, line: str) -> set[str]:
        self.out.write_text("")
        self.terminal.type(line + "\x18")
        deadline = time.monotonic() + 20
        while "[end]\n" not in (text := self.out.read_text()):
            assert time.monotonic() < deadline, (line, text, self.terminal.seen)
            self.terminal._read(0.01)
        self.terminal.type("\x15")
        # Where there is nothing else to type, zsh offers options. What one takes may stand behind a sign of equality.
        wanted = line.split(" ")[-1].startswith("-")
        return {match.rstrip("=") for match in text.splitlines() if wanted or match[:1] != "-"} - {"[end]"}

    def stop(self):
        self.terminal.__exit__()


@pytest.fixture(params=[Bash, Zsh])
def shell(request, tmp_path):
    shell = request.param(tmp_path)
    yield shell
    shell.stop()


@pytest.fixture
def store(front):
    """The part of a line that says which store it is."""
    return f"--root {front.root}"


def test_commands(shell):
    first, second = {}, {}
    for command in commands():
        word, _, after = command.partition(" ")
        first.setdefault(word, set())
        if after:
            first[word].add(after)
    assert shell.offers("berth ") == set(first)
    assert shell.offers("berth to") == {word for word in first if word.startswith("to")}
    for word, second in first.items():
        if second:
            assert shell.offers(f"berth {word} ") == second


def test_options_of_every_command(shell):
    for command in commands():
        line = f"berth {command} -"
        offered = shell.offers(line) | shell.offers(line + "-")
        assert offered == options(command), command


def test_values_of_options(shell, tmp_path):
    (tmp_path / "some-directory").mkdir()
    (tmp_path / "some-file").write_text("")
    assert shell.offers("berth token init --algorithm ") == {"EdDSA", "ES256"}
    assert shell.offers("berth token init --algorithm=Ed") == {"EdDSA"}
    assert shell.offers("berth token init -a E") == {"EdDSA", "ES256"}
    assert "linux/arm64" in shell.offers("berth export --platform linux/a") or "export" not in commands()
    if "import" in commands():
        assert shell.offers("berth import --compress ") == {"gzip", "zstd", "none"}
    files = {"some-directory", "some-file"}
    assert {name.rpartition("/")[2] for name in shell.offers(f"berth ls --config {tmp_path}/some")} == files
    assert {name.rpartition("/")[2] for name in shell.offers(f"berth ls --config={tmp_path}/some")} == files
    assert {name.rpartition("/")[2] for name in shell.offers(f"berth ls --root {tmp_path}/some")} == {"some-directory"}
    assert {name.rpartition("/")[2] for name in shell.offers(f"berth user ls {tmp_path}/some")} == files


def test_fixed_values_are_those_that_help_names(shell):
    """The files themselves know none of them, and offer each that help gives to choose from."""
    values = {"algorithm": {"EdDSA", "ES256"}, "compress": {"gzip", "zstd", "none"}}
    for command in commands():
        if not options(command):
            continue
        for option, said in re.findall(r"--([a-z-]+) +(\S+\|\S+) ", help_of(*command.split(), "--help")):
            if said not in ("FILE|DIR",):
                assert set(said.split("|")) == values.pop(option)
                assert shell.offers(f"berth {command} --{option} ") == set(said.split("|"))
    assert not values
    for file in ("berth.bash", "berth.zsh"):
        assert not re.search(r"EdDSA|zstd|delete", (ETC / "completion" / file).read_text())


def test_repositories_and_tags(shell, front, store):
    repo, other = oci.Repository(front, "team/app"), oci.Repository(front, "team/other")
    image = repo.push_image("v1")
    repo.put_manifest(image, "v2.0")
    sha512 = other.push_image(algorithm="sha512")
    other.put_manifest(sha512, f"{sha512.digest}?tag=long")
    both = {"team/app", "team/other"}
    assert shell.offers(f"berth tags {store} ") == both
    assert shell.offers(f"berth tags {store} team/a") == {"team/app"}
    assert shell.offers(f"berth tags --json --root={front.root} team/o") == {"team/other"}
    assert shell.offers(f"berth du {store} team/app te") == both  # it takes several
    assert shell.offers(f"berth tags {store} team/app ") == set()  # and this one
    assert shell.offers(f"berth inspect {store} t") == both
    assert shell.offers(f"berth inspect {store} team/app:") == {"v1", "v2.0"}
    assert shell.offers(f"berth rm {store} team/app:v2") == {"v2.0"}
    assert shell.offers(f"berth rm {store} team/app@") == {image.digest}
    assert shell.offers(f"berth rm {store} team/other@sha5") in ({sha512.digest},)
    assert shell.offers(f"berth inspect {store} team/app@{image.digest[:20]}") in ({image.digest}, {image.digest[7:]})
    assert shell.offers(f"berth tag {store} team/app:v1 ") == {"v1", "v2.0"}
    assert shell.offers(f"berth tag {store} team/app:v1 team/other:") == {"long"}
    assert shell.offers(f"berth cp {store} team/app:v1 team/o") == {"team/other"}
    assert shell.offers(f"berth cp team/app:v1 {store} team/app:v1") == {"v1"}


def test_nothing_to_say(shell, tmp_path):
    """Without a store, or a command, it is quiet."""
    assert shell.offers(f"berth tags --root {tmp_path}/none ") == set()
    assert shell.offers(f"berth inspect --root {tmp_path}/none a:") == set()
    assert shell.offers("berth nope --") == set()
    assert shell.offers("berth ls ") == set()


def test_users_and_actions(shell, tmp_path):
    users = tmp_path / "users"
    for name in ("alice", "bob"):
        subprocess.run([BERTH, "user", "add", "--cost", "4", users, name], input="password\n", text=True, check=True,
                       capture_output=True)
    assert shell.offers(f"berth user rm {users} ") == {"alice", "bob"}
    assert shell.offers(f"berth user passwd {users} a") == {"alice"}
    assert shell.offers(f"berth user add {users} ") == set()
    assert shell.offers("berth access alice team/app p") == {"pull", "push"}


def test_bash_completion_finds_it(front, store, tmp_path):
    """In a terminal, with bash-completion, that loads it by its name when it is wanted."""
    oci.Repository(front, "team/app").push_image("v1")
    installed = tmp_path / "completions"
    installed.mkdir()
    (installed / "berth").write_bytes((BUILD / "completion/berth").read_bytes())
    inputrc = tmp_path / "inputrc"
    inputrc.write_text("set bell-style none\nset enable-bracketed-paste off\nset show-all-if-ambiguous on\n")
    with Terminal(["bash", "--norc", "--noprofile", "-i"], columns=250,
                  env={**ENVIRONMENT, "PS1": "$ ", "BASH_COMPLETION_USER_DIR": str(tmp_path), "INPUTRC": str(inputrc)}) as bash:
        bash.type("source /usr/share/bash-completion/bash_completion; echo rea''dy\n")
        bash.expect("ready\r\n")
        bash.type("berth insp\t")
        bash.expect("berth inspect ")
        bash.type(f"{store} te\t")
        bash.expect(f"{store} team/app")
        bash.type(":\t")
        bash.expect(":v1 ")
        bash.type("--ra\t")
        bash.expect("--raw ")
        bash.type("\n")
        bash.expect('"schemaVersion"')
        bash.type("berth token init --algorithm=Ed\t")
        bash.expect("--algorithm=EdDSA ")


def test_zsh_finds_it(front, store, tmp_path):
    oci.Repository(front, "team/app").push_image("v1")
    with Terminal(["zsh", "-f", "-i"], columns=250, env={**ENVIRONMENT, "PS1": "% "}, cwd=tmp_path) as zsh:
        zsh.type(f"fpath=({BUILD}/completion $fpath); autoload -U compinit; compinit -u -D; unsetopt beep; print rea''dy\n")
        zsh.expect("ready\r\n")
        zsh.type(f"berth insp\t{store} te\t:\t--ra\t\n")
        zsh.expect('"schemaVersion"')
        zsh.type("berth token \t")
        zsh.expect("revoke  -- end a robot's token")


def test_they_are_what_is_installed():
    for built, source in (("berth", "berth.bash"), ("_berth", "berth.zsh")):
        assert (BUILD / "completion" / built).read_bytes() == (ETC / "completion" / source).read_bytes()
        assert not os.access(BUILD / "completion" / built, os.X_OK)
