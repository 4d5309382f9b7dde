# SPDX-License-Identifier: Apache-2.0
"""`berth user`: htpasswd files."""

import contextlib
import ctypes
import ctypes.util
import fcntl
import os
import pty
import signal
import subprocess
import termios
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lib.paths import BUILD
from tests.lib.workers import wait_for

USAGE = 64
NO_SUCH = 66

libcrypt = ctypes.CDLL(ctypes.util.find_library("crypt"))
libcrypt.crypt.restype = ctypes.c_char_p


def hash_of(machine, user: str) -> str:
    lines = machine.htpasswd.read_text().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)[user]


def has_password(machine, user: str, password: str) -> bool:
    wanted = hash_of(machine, user)
    return libcrypt.crypt(password.encode(), wanted.encode()).decode() == wanted


def change(machine, verb, user, typed="secret\n", status=0, options=("--cost", "4")) -> str:
    done = machine.run("user", verb, *options, machine.htpasswd, user, typed=typed, status=status)
    assert done.stdout == ""
    return done.stderr


def test_add(machine):
    machine.htpasswd.touch()
    assert change(machine, "add", "alice", "secret\nnot this\n") == ""
    assert has_password(machine, "alice", "secret")
    assert hash_of(machine, "alice").startswith("$2y$04$")
    change(machine, "add", "bob", "Pässwort with spaces ", options=())
    assert has_password(machine, "bob", "Pässwort with spaces ")
    assert hash_of(machine, "bob").startswith("$2y$10$")


def test_a_new_file_is_for_owner_and_group(machine):
    umask = os.umask(0)
    try:
        change(machine, "add", "alice")
    finally:
        os.umask(umask)
    assert machine.htpasswd.stat().st_mode & 0o777 == 0o640


def test_a_new_file_of_roots_is_for_the_group_of_the_store(machine):
    store = machine.root / "docker/registry/v2"
    store.mkdir(parents=True)
    os.chown(store, 33, 33)
    assert change(machine, "add", "alice") == f"berth: {machine.htpasswd} is for group www-data to read\n"
    assert (machine.htpasswd.stat().st_uid, machine.htpasswd.stat().st_gid) == (0, 33)
    assert change(machine, "add", "bob") == ""
    other = machine.home / "other"
    machine.conf.write_text("no = configuration\n")
    assert "chgrp" in machine.run("user", "add", "-C4", other, "bob", typed="x\n").stderr
    assert other.stat().st_gid == 0


def test_27_a_new_file_of_roots_before_the_first_start(machine):
    """There is no store yet; its directory was made for the user of the workers, as docs/web-servers.md has it."""
    os.chown(machine.root, 33, 33)
    assert "group www-data" in change(machine, "add", "alice")
    assert (machine.htpasswd.stat().st_gid, machine.htpasswd.stat().st_mode & 0o777) == (33, 0o640)


@pytest.mark.parametrize("group, gid, said", [("www-data", 33, "www-data"), ("33", 33, "www-data"), ("54321", 54321, "54321")])
def test_27_a_group_that_was_named(machine, group, gid, said):
    """Also for a file that is there."""
    os.chown(machine.root, 7, 7)
    for verb in ("add", "passwd"):
        options = ("--cost", "4", "--group", group)
        assert f"{machine.htpasswd} is for group {said} to read" in change(machine, verb, "alice", options=options)
        assert machine.htpasswd.stat().st_gid == gid
        os.chown(machine.htpasswd, 0, 0)
    assert "no such group" in change(machine, "add", "bob", options=("--group", "nosuchgroup"), status=USAGE)
    assert machine.run("user", "ls", machine.htpasswd).stdout == "alice\n"


def test_31_many_at_once_lose_nothing(machine):
    """The first of them makes the file and gives it to the group."""
    os.chown(machine.root, 33, 33)
    users = [f"user{number}" for number in range(24)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda user: machine.run("user", "add", "-C4", machine.htpasswd, user, typed=f"{user}\n"), users))
    assert machine.run("user", "ls", machine.htpasswd).stdout.split() == sorted(users)
    assert len(machine.htpasswd.read_text().splitlines()) == 24
    assert all(has_password(machine, user, user) for user in users)
    assert machine.htpasswd.stat().st_gid == 33


def has_open_to_write(process, path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        for fd in Path(f"/proc/{process.pid}/fd").iterdir():
            info = Path(f"/proc/{process.pid}/fdinfo/{fd.name}").read_text()
            if os.readlink(fd) == str(path) and int(info.split("flags:")[1].split()[0], 8) & os.O_RDWR:
                return True
    return False


def test_31_of_two_who_add_the_same_user_one_is_told(machine):
    """Both looked before either wrote."""
    machine.htpasswd.touch()
    with open(machine.htpasswd, "r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        both = [subprocess.Popen([BUILD / "berth", "user", "add", "-C4", machine.htpasswd, "alice"], text=True,
                                 stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=machine.environment()) for _ in range(2)]
        for number, process in enumerate(both):
            process.stdin.write(f"secret{number}\n")
            process.stdin.close()
            process.stdin = None
        wait_for(lambda: all(has_open_to_write(process, machine.htpasswd) for process in both))
    said = [process.communicate(timeout=20)[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, USAGE]
    assert "berth user passwd" in said[codes.index(USAGE)]
    assert has_password(machine, "alice", f"secret{codes.index(0)}")


def test_mode_owner_and_other_lines_stay(machine):
    machine.htpasswd.write_text("# ours\nbob:{SHA}x\nalice:$2y$04$old\ncarol:$apr1$a$b:comment")
    machine.htpasswd.chmod(0o604)
    os.chown(machine.htpasswd, 33, 34)
    change(machine, "passwd", "alice")
    lines = machine.htpasswd.read_text().splitlines()
    assert [line for line in lines if "alice" not in line] == ["# ours", "bob:{SHA}x", "carol:$apr1$a$b:comment"]
    assert [line[:13] for line in lines if "alice" in line] == ["alice:$2y$04$"]
    assert hash_of(machine, "alice") != "$2y$04$old"
    status = machine.htpasswd.stat()
    assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o604, 33, 34)
    assert sorted(path.name for path in machine.home.iterdir()) == ["berth.conf", "htpasswd", "store"]


def test_add_is_for_new_users_and_passwd_for_old_ones(machine):
    change(machine, "add", "alice")
    before = machine.htpasswd.read_text()
    assert "berth user passwd" in change(machine, "add", "alice", "other\n", status=USAGE)
    assert "no user" in change(machine, "passwd", "bob", status=NO_SUCH)
    assert machine.htpasswd.read_text() == before
    change(machine, "passwd", "alice", "other\n")
    assert has_password(machine, "alice", "other")


def test_rm(machine):
    change(machine, "add", "alice")
    change(machine, "add", "alice2")
    machine.run("user", "rm", machine.htpasswd, "alice")
    assert machine.run("user", "ls", machine.htpasswd).stdout == "alice2\n"
    assert "no user" in machine.run("user", "rm", machine.htpasswd, "alice", status=NO_SUCH).stderr


def test_ls(machine):
    machine.htpasswd.write_text("# all\nbob:$2y$04$abcdefghijklmnopqrstuuXDLMu.vbR8DRmzyxKdzPHZsPRPJDuCa\n"
                                "old:$apr1$a$b\nalice:{SHA}x\n")
    done = machine.run("user", "ls", machine.htpasswd)
    assert done.stdout == "alice\nbob\nold\n"
    apr1, sha = done.stderr.splitlines()
    for line, number, user in ((apr1, 3, "old"), (sha, 4, "alice")):
        assert f"{machine.htpasswd}:{number}: " in line and f'"{user}"' in line and "berth user passwd" in line
    listed = machine.json("user", "ls", machine.htpasswd)
    assert listed["users"] == ["alice", "bob", "old"]
    assert [text.split(":")[1] for text in listed["unusable"]] == ["3", "4"]
    assert "No such file" in machine.run("user", "ls", machine.home / "none", status=NO_SUCH).stderr


@pytest.mark.parametrize("typed", ["", "\n", "x" * 73 + "\n", "x" * 300, "a\0b\n"])
def test_impossible_password(machine, typed):
    change(machine, "add", "alice", typed, status=USAGE)
    assert not machine.htpasswd.exists()


@pytest.mark.parametrize("cost", ["3", "18", "", "x", "-5"])
def test_impossible_cost(machine, cost):
    assert "4 to 17" in change(machine, "add", "alice", status=USAGE, options=[f"--cost={cost}"])


@pytest.mark.parametrize("user", ["", "a:b", "#a", "a\nb"])
def test_impossible_user(machine, user):
    assert "user name" in change(machine, "add", user, status=USAGE)
    assert not machine.htpasswd.exists()


@pytest.mark.parametrize("args", [(), ("add",), ("add", "FILE"), ("add", "FILE", "alice", "secret"), ("ls",), ("x",)])
def test_wrong_usage(machine, args):
    assert "usage: berth user" in machine.run("user", *args, status=USAGE).stderr


def test_several_at_once_lose_nothing(machine):
    users = [f"user{number}" for number in range(16)]
    machine.htpasswd.touch()
    with ThreadPoolExecutor(len(users)) as pool:
        list(pool.map(lambda user: change(machine, "add", user), users))
    assert machine.json("user", "ls", machine.htpasswd)["users"] == sorted(users)


class Terminal:
    """`berth user add` in a terminal of its own."""

    def __init__(self, machine):
        self.ours, self.theirs = pty.openpty()
        self.shown = b""
        self.process = subprocess.Popen([BUILD / "berth", "user", "add", "-C4", machine.htpasswd, "alice"],
                                        stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
                                        env=machine.environment(), start_new_session=True,
                                        preexec_fn=self._enter)

    @staticmethod
    def _enter():
        """As a shell starts it, however these tests were started: nohup and the like ignore Ctrl-C."""
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def answer(self, question: bytes, text: bytes):
        while question not in self.shown:
            self.shown += os.read(self.ours, 1024)
        os.write(self.ours, text)

    def end(self) -> int:
        status = self.process.wait(20)
        os.set_blocking(self.ours, False)
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.ours, 1024):
                self.shown += part
        return status

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.theirs)[3] & termios.ECHO)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(machine):
    with contextlib.closing(Terminal(machine)) as terminal:
        yield terminal


def test_prompt(machine, terminal):
    terminal.answer(b"Password for alice: ", b"secret\n")
    assert not terminal.echoes()
    terminal.answer(b"The same again for alice: ", b"secret\n")
    assert terminal.end() == 0
    assert b"secret" not in terminal.shown
    assert terminal.echoes()
    assert has_password(machine, "alice", "secret")


def test_prompt_answered_in_two_ways(machine, terminal):
    terminal.answer(b"Password for alice: ", b"secret\n")
    terminal.answer(b"The same again for alice: ", b"secreT\n")
    assert terminal.end() == USAGE
    assert b"differ" in terminal.shown
    assert not machine.htpasswd.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_prompt_left_by_a_signal(machine, terminal, number):
    """The terminal echoes again."""
    terminal.answer(b"Password for alice: ", b"half")
    if number == signal.SIGINT:
        os.write(terminal.ours, b"\x03")
    else:
        terminal.process.send_signal(number)
    assert terminal.end() == -number
    assert terminal.echoes()
    assert not machine.htpasswd.exists()
