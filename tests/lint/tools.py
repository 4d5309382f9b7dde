# SPDX-License-Identifier: Apache-2.0
"""Checks that compilers and other tools make. Each yields what the tool says."""

import hashlib
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tree import JOBS, Tree, complaints, output_of

HERE = Path(__file__).resolve().parent

# `make lint` says how the build was configured.
BUILD = os.environ.get("BERTH_BUILD", "build")
LIBRARIES = os.environ.get("LINT_CPPFLAGS", "").split()
WARNINGS = os.environ.get("LINT_WARNINGS", "-Wall -Wextra").split()


def compiler(name: str, tree: Tree) -> list:
    return [name, "-std=gnu11", "-D_GNU_SOURCE", "-DHAVE_CONFIG_H", f"-I{tree.root}/src", f"-I{tree.root}/cgi-bin",
            f"-I{tree.root}/tests", f"-I{BUILD}", *LIBRARIES, *WARNINGS, "-Werror"]


def sources(tree: Tree) -> list[Path]:
    return tree.named(".c", within=("src", "cgi-bin", "tests"))


def headers(tree: Tree):
    """Each header compiles alone, with nothing before it."""
    yield from complaints([*compiler(name, tree), "-fsyntax-only", "-x", "c", header]
                          for header in tree.named(".h", within=("src", "cgi-bin", "tests")) for name in ("gcc", "clang"))


def banned(tree: Tree, source: Path) -> list:
    """What has the compiler refuse what is banned, but where linux/fuse.h has a member of such a name."""
    return [] if "<linux/fuse.h>" in source.read_text(encoding="utf-8") else ["-include", tree.root / "src/base/banned.h"]


def gcc(tree: Tree):
    """All that gcc warns of, some of which it sees only when it optimises."""
    yield from complaints([*compiler("gcc", tree), "-O2", "-D_FORTIFY_SOURCE=2", *banned(tree, source),
                           "-c", "-o", "/dev/null", source] for source in sources(tree))


def clang(tree: Tree):
    """All that clang warns of."""
    yield from complaints([*compiler("clang", tree), "-O2", "-D_FORTIFY_SOURCE=2",
                           *banned(tree, source), "-fsyntax-only", source] for source in sources(tree))


def formatting(tree: Tree):
    """clang-format would change nothing."""
    yield from complaints(["clang-format", "--style=file", "--dry-run", "--Werror", path] for path in tree.named(".c", ".h"))


def cppcheck(tree: Tree):
    """cppcheck finds nothing but what cppcheck.suppressions excuses."""
    found = output_of(["cppcheck", "--quiet", f"-j{JOBS}", "--std=c11", "--enable=warning,performance,portability",
                       "--inline-suppr", f"--suppressions-list={HERE}/cppcheck.suppressions", "--error-exitcode=1",
                       "-D_GNU_SOURCE", f"-I{tree.root}/src", f"-I{tree.root}/cgi-bin", f"-I{BUILD}",
                       *tree.named(".c", within=("src", "cgi-bin"))])
    if found:
        yield found


def tidy(tree: Tree):
    """clang-tidy finds no bug (.clang-tidy). What it found nothing in is not looked at again until it changes."""
    with ThreadPoolExecutor(JOBS) as pool:
        yield from filter(None, pool.map(lambda source: tidy_one(tree, source), tree.named(".c", within=("src", "cgi-bin"))))


def tidy_one(tree: Tree, source: Path) -> str:
    config, banned = tree.root / ".clang-tidy", tree.root / "src/base/banned.h"
    flags = [*compiler("gcc", tree)[1:], "-include", banned]
    listed = subprocess.run([str(word) for word in ["gcc", *flags, "-MM", source]], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        return listed.stderr
    read = listed.stdout.partition(":")[2].replace("\\\n", " ").split()
    digest = hashlib.sha256()
    for file in (config, *read):
        digest.update(Path(file).read_bytes() + b"\0")
    found_nothing = Path(BUILD) / "lint-tidy" / digest.hexdigest()
    if found_nothing.exists():
        return ""
    found = output_of(["clang-tidy", "--quiet", f"--config-file={config}", source, "--", *flags])
    if not found:
        found_nothing.parent.mkdir(exist_ok=True)
        found_nothing.touch()
    return found


# Words that are right here: parts of words that somebody types, header fields, macros of man pages.
RIGHT_WORDS = "fo,hel,nd,sies,te"


def spelling(tree: Tree):
    """codespell knows no better, of sources and of texts."""
    yield from complaints([["codespell", f"--ignore-words-list={RIGHT_WORDS}", *tree.files, *tree.texts()]])


def manuals(tree: Tree):
    """groff has no warning about a page of the manual: of a macro that is not there, of a line that is too long to break."""
    for page in tree.files:
        if tree.name(page).startswith("man/"):
            done = subprocess.run(["groff", "-ww", "-mandoc", "-Tutf8", "-z", page], capture_output=True, text=True, check=False)
            if done.returncode != 0 or done.stderr:
                yield done.stderr.strip() or f"{tree.name(page)}: status {done.returncode}"


def shell(tree: Tree):
    """Scripts are sound to the shell that runs them."""
    for name in ("sh", "bash"):
        yield from complaints([name, "-n", path] for path in tree.scripts(name))
    yield from complaints(["sh", "-n", path] for path in tree.named(".sh"))


def python(tree: Tree):
    """Python compiles. (Nothing is written beside it.)"""
    for path in sorted(set(tree.named(".py")) | set(tree.scripts("python3"))):
        try:
            compile(path.read_bytes(), tree.name(path), "exec", dont_inherit=True)
        except SyntaxError as error:
            yield f"{tree.name(path)}:{error.lineno}: {error.msg}"


CHECKS = (headers, gcc, clang, formatting, cppcheck, tidy, spelling, manuals, shell, python)
