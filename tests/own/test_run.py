# SPDX-License-Identifier: Apache-2.0
"""tests/run: a ring that runs less than there is has failed, and what it leaves behind is found, nobody else's."""

import importlib.machinery
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.lib.paths import CHECKOUT


@pytest.fixture
def runner(monkeypatch):
    """tests/run as a module."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = importlib.machinery.SourceFileLoader("tests_run", str(CHECKOUT / "tests/run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tests_run", loader))
    monkeypatch.setitem(sys.modules, "tests_run", module)
    loader.exec_module(module)
    return module


def fake_tree(directory, programs, status=0):
    """One whose `make check` says that these programs passed, with two tests each."""
    lines = [f"PASS: {program} {number} - works" for program in programs for number in (1, 2)]
    totals = [f"# PASS:  {len(lines)}", "# FAIL:  0"]
    (directory / "output").write_text("\n".join([*lines, *totals, ""]))
    (directory / "Makefile").write_text(f"check:\n\t@cat output; exit {status}\n")
    return str(directory)


def test_24b_the_unit_ring_runs_every_source(runner, tmp_path):
    sources = runner.unit_sources()
    assert {"tests/unit/base/test_buf", "tests/unit/store/test_blob", "tests/fuzz/json"} <= sources
    assert not {"tests/fuzz/replay", "tests/unit/unit"} & sources
    assert runner.unit(fake_tree(tmp_path, sources)) == runner.Result(2 * len(sources), 0)


def test_24b_a_unit_ring_that_lacks_programs_has_failed(runner, tmp_path, capsys):
    """As a tree that was configured without cmocka: fuzz/ runs, unit/ does not, and all is green."""
    some = {source for source in runner.unit_sources() if source.startswith("tests/fuzz/")}
    result = runner.unit(fake_tree(tmp_path, some))
    assert result == runner.Result(2 * len(some), len(runner.unit_sources()) - len(some))
    assert "no test ran of tests/unit/" in capsys.readouterr().out


def test_unit_ring_that_fails_without_saying_so_has_failed(runner, tmp_path):
    assert runner.unit(fake_tree(tmp_path, runner.unit_sources(), status=2)).failed == 1


PASSES = "def test_it():\n    pass\n"
FAILS = "def test_it():\n    assert False\n"
SKIPS = "import pytest\n\ndef test_it():\n    pytest.skip()\n"


@pytest.mark.parametrize("files, ci, expected", [
    ({"test_a.py": PASSES, "test_b.py": PASSES}, False, (2, 0)),
    ({"test_a.py": PASSES, "test_b.py": FAILS}, False, (1, 1)),
    ({"test_a.py": PASSES, "test_b.py": "import tests\n"}, False, (1, 1)),
    ({"test_a.py": PASSES, "test_b.py": "import nothing\n"}, False, (0, 3)),  # it breaks off before any
    ({"test_a.py": PASSES, "test_b.py": SKIPS}, False, (1, 0)),
    ({"test_a.py": PASSES, "test_b.py": SKIPS}, True, (1, 1)),
    ({"other.py": PASSES}, False, (0, 1)),
])
def test_ring_of_pytest(runner, monkeypatch, tmp_path, files, ci, expected):
    ring = tmp_path / "tests/ring"
    ring.mkdir(parents=True)
    for path in (tmp_path / "tests/__init__.py", ring / "__init__.py"):
        path.write_text("")
    for name, text in files.items():
        (ring / name).write_text(text)
    monkeypatch.setattr(runner, "CHECKOUT", tmp_path)
    monkeypatch.setenv("CI", "1" if ci else "")
    assert runner.pytest("ring") == runner.Result(*expected)


def test_those_that_run_beside_each_other_are_counted_the_same(runner, monkeypatch, tmp_path):
    ring = tmp_path / "tests/ring"
    ring.mkdir(parents=True)
    for path, text in ((tmp_path / "tests/__init__.py", ""), (ring / "__init__.py", ""), (ring / "test_a.py", PASSES),
                       (ring / "test_b.py", FAILS)):
        path.write_text(text)
    monkeypatch.setattr(runner, "CHECKOUT", tmp_path)
    assert runner.pytest("ring", beside=True) == runner.Result(1, 1)


def test_some_files_of_a_ring(runner, monkeypatch, tmp_path):
    """Those that are named and there."""
    ring = tmp_path / "tests/ring"
    ring.mkdir(parents=True)
    for path, text in ((tmp_path / "tests/__init__.py", ""), (ring / "__init__.py", ""), (ring / "test_a.py", PASSES),
                       (ring / "test_b.py", FAILS), (ring / "test_c.py", PASSES)):
        path.write_text(text)
    monkeypatch.setattr(runner, "CHECKOUT", tmp_path)
    some = ("test_a.py", "test_gone.py")
    assert runner.pytest("ring", only=some) == runner.Result(1, 0)
    assert runner.pytest("ring", only=("test_[bc].py", "test_b.py")) == runner.Result(1, 1)


def test_each_ring_has_a_tree_of_its_own_options(runner, monkeypatch):
    """Not the one that people build in, whose options are theirs."""
    commands = []
    monkeypatch.setenv("BERTH_BUILD", "")
    monkeypatch.setattr(runner, "run", lambda command, **environment: (commands.append(command), (1, ""))[1])
    for name, (tree, _) in runner.RINGS.items():
        assert runner.run_ring(name) == runner.Result(0, 1)  # what cannot be built has failed
        assert commands.pop() == ["./quickstart", "build", tree, *runner.TREES[tree]]
        assert runner.TREES[tree]
        assert os.environ["BERTH_BUILD"] == f"{CHECKOUT}/{tree}"
    assert "build" not in runner.TREES


def test_a_ring_that_breaks_off_does_not_end_the_run(runner, monkeypatch, capsys):
    def broken(tree):
        raise ValueError(tree)

    monkeypatch.setattr(runner, "RINGS", {"a": ("build-test", broken), "b": ("build-test", lambda tree: runner.Result(3, 0))})
    monkeypatch.setattr(runner, "run", lambda *_, **__: (0, ""))
    monkeypatch.setattr(runner.leftovers, "Watch", lambda: type("Watch", (), {"left": lambda self: []})())
    monkeypatch.setattr(runner.coverage, "forget", lambda _: None)
    monkeypatch.setattr(runner.coverage, "let_all_count", lambda _: None)
    monkeypatch.setenv("BERTH_BUILD", "")
    assert runner.main(["a", "b"]) == 1
    said = capsys.readouterr().out
    assert "ValueError: build-test" in said and said.endswith("\n3 passed, 1 failed\n")


def test_coverage_comes_after_what_it_counts(runner):
    assert runner.with_what_it_needs(["coverage", "lint"]) == ["lint", "unit", "cgi", "admin", "remote", "coverage"]
    assert runner.with_what_it_needs(["stress", "cgi"]) == ["stress", "cgi"]
    assert runner.with_what_it_needs(list(runner.RINGS)) == list(runner.RINGS)
    assert {runner.RINGS[name][0] for name in (*runner.COUNTING, "coverage")} == {"build-coverage"}


def test_coverage_that_falls_short_has_failed(runner, monkeypatch, capsys):
    monkeypatch.setattr(runner.coverage, "lines_of", lambda tree: {"gc/pass.c": {1: 1, 2: 0}, "store/tag.c": {1: 1}})
    monkeypatch.setattr(runner.coverage, "LEAST", {"gc": 51, "store": 90})
    assert runner.lines_that_ran("build-coverage") == runner.Result(1, 1)
    assert "coverage of src/gc         50.0 %  1 of 2 lines, at least 51 %: FAILED" in capsys.readouterr().out


RACE = """#include <pthread.h>
static int n;
static void *count(void *unused) {
    (void)unused;
    for (int i = 0; i < 100000; i++)
        n = n + 1;
    return NULL;
}
int main(int argc, char **argv) {
    pthread_t thread;
    (void)argv;
    if (argc > 1)
        return 0;
    pthread_create(&thread, NULL, count, NULL);
    count(NULL);
    return pthread_join(thread, NULL);
}
"""


def test_a_race_ends_a_program_with_a_status_of_its_own(runner, tmp_path):
    (tmp_path / "race.c").write_text(RACE)
    subprocess.run(["gcc", "-fsanitize=thread", "-o", "race", "race.c"], cwd=tmp_path, check=True)
    race = tmp_path / "race"
    status, output = runner.run([*runner.as_it_can_start(race), race], **runner.RACES)
    assert status == 99
    assert "WARNING: ThreadSanitizer: data race" in output


def test_only_some_programs_are_run(runner, tmp_path):
    """And one of them that does not run is missed."""
    some = {source for source in runner.unit_sources() if source.startswith("tests/unit/gc/")}
    assert len(some) > 1
    assert runner.unit(fake_tree(tmp_path, some), only="tests/unit/gc/") == runner.Result(2 * len(some), 0)
    assert runner.unit(fake_tree(tmp_path, list(some)[1:]), only="tests/unit/gc/").failed == 1


# --- what is left behind ---

SCRIPT = """
import json, subprocess, sys
sys.path.insert(0, sys.argv[1])
from tests.lib import leftovers

def main():
    watch = leftovers.Watch()
    subprocess.run(["sh", "-c", sys.argv[2]], check=True)
    print(json.dumps([watch.left(0), watch.left(0)]))
    return 7

sys.exit(leftovers.supervise(main))
"""


def left_by(script):
    done = subprocess.run([sys.executable, "-c", SCRIPT, CHECKOUT, script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (7, "")
    first, again = json.loads(done.stdout)
    assert again == []  # each thing is told once
    return first


def test_nothing_is_left():
    with subprocess.Popen(["sleep", "1003"]) as other:  # somebody else's
        assert left_by("sleep 0") == []
        other.kill()


def test_what_went_wrong_is_said():
    script = SCRIPT.replace("return 7", "raise ValueError(7)")
    done = subprocess.run([sys.executable, "-c", script, CHECKOUT, "sleep 0"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.endswith("\nValueError: 7\n")


def test_process_is_left(tmp_path):
    """Also one that has left its session, and lost its parent and its environment."""
    [line] = left_by(f"env -i setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 1004' > /dev/null 2>&1 & "
                     f"until [ -s {tmp_path}/pid ]; do :; done")
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, signal.SIGKILL)
    assert line.startswith(f"process {pid} ")


def test_orphans_are_buried(tmp_path):
    """A process that has ended is gone, as below init, although its parent did not wait for it."""
    script = f"""(sleep 0 & echo $! > {tmp_path}/pid; exec sleep 0) & wait
    while [ -e /proc/$(cat {tmp_path}/pid) ]; do :; done"""
    assert left_by(script) == []


def test_mount_is_left(tmp_path):
    """It is seen, and nobody else sees it."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        lines = left_by(f"mount -t tmpfs tmpfs {tmp_path}")
        assert not any(str(tmp_path) in line for line in open(f"/proc/{other.pid}/mounts"))
        other.stdin.close()
    assert [line.split()[-1] for line in lines] == [str(tmp_path)]


@pytest.mark.parametrize(("mode", "said"), [(0o755, ""), (0o700, "{home} is root's alone: the tests see {home}/berth as /mnt\n")],
                         ids=["open", "closed"])
def test_others_can_enter_what_is_tested(mode, said):
    """As below /root: the rings see the checkout where everyone can come to it, and nobody else sees it there."""
    before = os.listdir("/mnt")
    with tempfile.TemporaryDirectory(prefix="berth-own-") as outer:
        home, checkout = Path(outer, "home"), Path(outer, "home/berth")
        shutil.copytree(CHECKOUT / "tests/lib", checkout / "tests/lib", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(CHECKOUT / "tests/run", checkout / "tests/run")
        Path(outer).chmod(0o755)
        home.chmod(mode)
        done = subprocess.run([checkout / "tests/run", "no-such-ring"], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, said.format(home=home)), done
        assert done.stderr.startswith("no such ring: no-such-ring; there are lint,"), done
        assert os.listdir("/mnt") == before
