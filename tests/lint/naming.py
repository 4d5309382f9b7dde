# SPDX-License-Identifier: Apache-2.0
"""Checks of what things are called, and of who knows whom. Each yields what is wrong, as `file:line: what`."""

import re
from itertools import combinations
from pathlib import Path

from tree import Tree, code_of

PROGRAM = ("src", "cgi-bin")

# A function that other files may call: its name stands before the first parenthesis, and a body follows.
DEFINITION = re.compile(r"^(?!static\b(?! inline))(?:\w[\w\s*]*?[\s*])(\w+)\([^;{}]*\)\s*\{", re.MULTILINE)

# Libraries that the workers of a web server do without, as Makefile.am names them.
NOT_FOR_WORKERS = re.compile(r"lib(pack|transfer|serve|distribution|remote)\.a|\$\((ARCHIVE|CURL|ISAL|SSL|YAML)_LIBS\)")


def prefixes(tree: Tree):
    """A function that is not static begins with the name of its file, so that a reader knows where it is."""
    for path in tree.named(".c", ".h", within=PROGRAM):
        code, name = code_of(path), tree.name(path)
        wrong = [f"{name}:{code.count(chr(10), 0, match.start(1)) + 1}: {match.group(1)} does not begin with {path.stem}_"
                 for match in DEFINITION.finditer(code) if not has_prefix(match.group(1), path.stem)]
        yield from wrong


def has_prefix(function: str, stem: str) -> bool:
    return function in (stem, "main") or function.startswith(stem + "_")


def alike(tree: Tree):
    """No two files of a folder are one letter apart. In src/admin a file has the name of its subcommand, as tag and tags;
    and of two letters, as fd and fs, each is read."""
    folders = {}
    for path in tree.named(".c", ".h", within=PROGRAM):
        folders.setdefault(path.parent, set()).add(path.stem)
    for folder, stems in folders.items():
        if tree.name(folder) != "src/admin":
            for one, other in combinations(sorted(stems), 2):
                if min(len(one), len(other)) > 2 and one_letter_apart(one, other):
                    yield f"{tree.name(folder)}: {one} and {other} are one letter apart"


def one_letter_apart(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if len(short) == len(long):
        return sum(a != b for a, b in zip(short, long)) == 1
    return any(long[:i] + long[i + 1:] == short for i in range(len(long)))


def circles(tree: Tree):
    """No header includes itself through others."""
    below = {}
    for path in tree.named(".h", within=PROGRAM):
        included = re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(), re.MULTILINE)
        below[path] = {found for header in included for found in (tree.root / "src" / header, path.parent / header)
                       if found.is_file()}
    for path in below:
        seen, todo = set(), [*below[path]]
        while todo:
            header = todo.pop()
            if header not in seen:
                seen.add(header)
                todo += below.get(header, ())
        if path in seen:
            yield f"{tree.name(path)}:1: it includes itself through others"


def linkage(tree: Tree):
    """berth.fcgi links nothing of what only commands need. tests/own looks at the program itself."""
    makefile = tree.root / "Makefile.am"
    if not makefile.exists():
        return
    text = makefile.read_text().replace("\\\n", " ")
    variables = dict(re.findall(r"^(\w+) *=(.*)$", text, re.MULTILINE))
    words = variables.get("berth_fcgi_LDADD", "")
    while expandable := [name for name in re.findall(r"\$\((\w+)\)", words) if name in variables]:
        for name in expandable:
            words = words.replace(f"$({name})", variables[name])
    for found in NOT_FOR_WORKERS.finditer(words):
        yield f"Makefile.am:1: berth.fcgi links {found.group()}"


CHECKS = (prefixes, alike, circles, linkage)
