# SPDX-License-Identifier: Apache-2.0
"""What counts as having run, and that too little of it is a failure."""

import subprocess

import pytest

from tests.lib import coverage

HALF = """#include "store/half.h"
int half(int n) {
    if (n > 0)
        return 1;
    return 0;
}
"""


@pytest.fixture
def tree(tmp_path):
    """Two programs with a file in common, which anybody can start; each ran once, in one half of it. Another file never ran."""
    for name, text in {"src/store/half.c": HALF, "src/store/half.h": "int half(int n);\n",
                       "src/gc/never.c": "int never(void) {\n    return 0;\n}\n",
                       "one.c": '#include "store/half.h"\nint main(void) {\n    return half(0);\n}\n',
                       "two.c": '#include "store/half.h"\nint main(void) {\n    return half(1) - 1;\n}\n'}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    tree = tmp_path / "tree"
    for program in ("one", "two"):
        (tree / program).mkdir(parents=True)
        for name in (f"{program}.c", "src/store/half.c", "src/gc/never.c"):
            subprocess.run(["gcc", "--coverage", "-O0", "-I../../src", "-c", f"../../{name}"], cwd=tree / program, check=True)
        subprocess.run(f"gcc --coverage -o {program} *.o && ./{program}", shell=True, cwd=tree / program, check=True)
    for parent in tree.parents[:-2]:
        parent.chmod(parent.stat().st_mode | 0o111)
    return tree


def test_what_ran_in_any_program_counts(tree):
    files = coverage.lines_of(tree, tree.parent / "src")
    assert {path: {line: count > 0 for line, count in lines.items()} for path, lines in files.items()} == {
        "store/half.c": {2: True, 3: True, 4: True, 5: True},
        "gc/never.c": {1: False, 2: False},
    }


def test_anyone_can_count(tree):
    """Also where nothing has run yet."""
    coverage.forget(tree)
    coverage.let_all_count(tree)
    assert {path.stat().st_mode & 0o777 for path in tree.rglob("*.gcda")} == {0o666}
    done = subprocess.run([tree / "one/one"], capture_output=True, check=True, user=33, group=33, extra_groups=[])
    assert done.stderr == b""
    files = coverage.lines_of(tree, tree.parent / "src")
    assert {line for line, count in files["store/half.c"].items() if count} == {2, 3, 5}


def test_what_is_forgotten_did_not_run(tree):
    coverage.forget(tree)
    files = coverage.lines_of(tree, tree.parent / "src")
    assert sorted(files) == ["gc/never.c", "store/half.c"]
    assert not any(count for lines in files.values() for count in lines.values())


@pytest.mark.parametrize("lines, short", [
    ({"store/blob.c": {1: 1, 2: 1, 3: 1, 4: 0}}, 0),
    ({"store/blob.c": {1: 1, 2: 0, 3: 1, 4: 0}}, 1),
    ({"store/blob.c": {1: 9, 2: 1}, "store/tag.c": {1: 2, 2: 0}, "admin/ls.c": {1: 0}}, 0),
    ({"admin/ls.c": {1: 1}}, 1),  # nothing of store was built
    ({}, 1),
])
def test_a_folder_that_falls_short_has_failed(lines, short):
    report, failed = coverage.judge(lines, {"store": 75})
    assert failed == short == sum("FAILED" in line for line in report)
