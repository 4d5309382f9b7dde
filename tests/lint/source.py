# SPDX-License-Identifier: Apache-2.0
"""Checks that read the source. Each yields what is wrong, as `file:line: what`."""

import ast
import re
from pathlib import Path

from tree import Tree, code_of

C = (".c", ".h")
PROGRAM = ("src", "cgi-bin")

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
ADMIN_FILE_LINES_MAX = 250
FOLDER_LINES_MAX = {"src/admin": 6000, "src/store": 3500}

# Who may include whom, besides itself.
LAYERS = {
    "base": set(),
    "cli": {"base"},
    "distribution": {"base"},
    "pack": {"base"},
    "oci": {"base"},
    "http": {"base"},
    "store": {"base", "oci"},
    "storage": {"base", "oci", "store"},
    "index": {"base", "oci", "store"},
    "auth": {"base", "oci"},
    "event": {"base", "oci"},
    "remote": {"base", "oci", "http"},
    "metric": {"base"},
    "gc": {"base", "pack", "oci", "store", "storage", "event", "metric"},
    "fsck": {"base", "index", "pack", "oci", "store", "metric"},
    "registry": {"base", "index", "oci", "store", "storage", "auth", "event", "metric"},
    "cache": {"base", "oci", "http", "store", "event", "registry"},
    "fetch": {"base", "oci", "store", "event", "registry", "cache", "remote"},
    "transfer": {"base", "pack", "oci", "store", "event", "registry"},
    "api": {"base", "oci", "http", "store", "auth", "event", "metric", "registry", "cache"},
    "serve": {"base", "oci", "store", "auth", "distribution"},
    "check": {"base", "oci", "auth", "registry"},
    "admin": {"base", "cache", "cli", "check", "pack", "oci", "store", "storage", "auth", "event", "metric", "gc", "fsck", "registry", "transfer", "serve", "distribution"},
    "cgi-bin": {"base", "oci", "http", "store", "auth", "event", "metric", "registry", "api"},
}

# The configuration as a whole is a program's, whatever it is for: these too may read it.
CONFIG = "api/config.h"
READ_CONFIG = {"serve", "check", "admin", "fetch"}

# What libc and the kernel's interface to it bring; every other <header> is a library's.
LIBC = re.compile(r"(assert|ctype|dirent|errno|fcntl|fnmatch|ftw|getopt|glob|grp|inttypes|limits|locale|malloc|math|netdb"
                  r"|poll|pthread|pwd|regex|sched|setjmp|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib"
                  r"|stdnoreturn|string|strings|sysexits|syslog|termios|time|unistd|wchar|(arpa|net|netinet|sys)/\w+)\.h")

BANNED = {"strcpy", "strcat", "strncat", "sprintf", "vsprintf", "strtok", "gets", "gmtime", "localtime", "ctime",
          "asctime", "system", "popen", "alloca", "mktemp", "tmpnam", "atoi", "atol", "scanf", "sscanf", "fscanf"}

# Names that begin with an underscore belong to the compiler and libc, of which these are used.
UNDERSCORED = re.compile(r"_Alignof|_Exit|_Generic|_Thread_local|_exit|_fail|_GNU_SOURCE|_SC_\w+|__FILE__|__LINE__|__VA_ARGS__"
                         r"|__asan_default_options|__attribute__|__builtin_\w+|__real_\w+|__wrap_\w+")

# Headers that the build makes; they lie in no folder.
GENERATED = {"config.h", "lighttpd-berth.h", "lighttpd-errors.h"}
# Debian says what they look like, and that is without comments.
NO_COMMENTS = {"debian/changelog", "debian/copyright", "debian/source/format"}


def includes(tree: Tree, within: tuple):
    for path in tree.named(*C, within=within):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if match:
                yield path, number, match.group(1), match.group(2)


def layers(tree: Tree):
    """Includes go down the layers, and carry the folder."""
    for path, number, kind, header in includes(tree, PROGRAM):
        parts = tree.name(path).split("/")
        layer = parts[1] if parts[0] == "src" else parts[0]
        where = f"{tree.name(path)}:{number}"
        if layer not in LAYERS:
            yield f"{where}: {layer} is no layer"
        elif kind == '"' and "/" not in header:
            if header not in GENERATED and not (layer == "cgi-bin" and (path.parent / header).is_file()):
                yield f'{where}: "{header}" is without its folder'
        elif header == CONFIG and layer in READ_CONFIG:
            continue
        elif kind == '"' and header.split("/")[0] not in LAYERS[layer] | {layer}:
            yield f'{where}: {layer} may not include "{header}"'


def wrappers(tree: Tree):
    """Each header of a library is included by exactly one .c file, which wraps it."""
    users = {}
    for path, number, kind, header in includes(tree, PROGRAM):
        if kind == "<" and not LIBC.fullmatch(header):
            if path.suffix == ".h":
                yield f"{tree.name(path)}:{number}: <{header}> in a header of ours"
            users.setdefault(header, []).append(tree.name(path))
    for header, files in users.items():
        if len(files) > 1:
            yield f"<{header}> is included by {', '.join(files)}"


def banned(tree: Tree):
    """Functions that overflow, share static memory, run a shell, or cannot report an error."""
    call = re.compile(r"\b(%s)\s*\(" % "|".join(sorted(BANNED)))
    for path in tree.named(*C):
        for number, line in enumerate(code_of(path).splitlines(), 1):
            for match in call.finditer(line):
                yield f"{tree.name(path)}:{number}: {match.group(1)} is banned"


def c_functions(path: Path):
    """(first line, number of lines) of each body, by the braces in the first column."""
    start = 0
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, number - start + 1
            start = 0


def python_functions(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def sizes(tree: Tree):
    """Beyond these a file or a function wants to be split."""
    python = set(tree.named(".py")) | set(tree.scripts("python3"))
    shell = set(tree.named(".sh")) | set(tree.scripts("sh"))
    for path in sorted(set(tree.named(*C)) | python | shell):
        lines = len(path.read_text().splitlines())
        if lines > FILE_LINES_MAX:
            yield f"{tree.name(path)}: {lines} lines, more than {FILE_LINES_MAX}"
        if path in shell:
            continue
        for number, length in python_functions(path) if path in python else c_functions(path):
            if length > FUNCTION_LINES_MAX:
                yield f"{tree.name(path)}:{number}: a function of {length} lines, more than {FUNCTION_LINES_MAX}"


def thin(tree: Tree):
    """The command's files are thin: what has more to do is a library's. So is what all else stands on."""
    total = dict.fromkeys(FOLDER_LINES_MAX, 0)
    for path in tree.named(".c", ".h"):
        folder = tree.name(path.parent)
        if folder in total:
            lines = len(path.read_text().splitlines())
            total[folder] += lines
            if folder == "src/admin" and lines > ADMIN_FILE_LINES_MAX:
                yield f"{tree.name(path)}: {lines} lines, more than {ADMIN_FILE_LINES_MAX}"
    for folder, lines in total.items():
        if lines > FOLDER_LINES_MAX[folder]:
            yield f"{folder}: {lines} lines, more than {FOLDER_LINES_MAX[folder]}"


def licence(tree: Tree):
    """An SPDX line at the top of each file, behind the line that names an interpreter."""
    for path in (path for path in tree.files if tree.name(path) not in NO_COMMENTS):
        head = path.read_text().splitlines()[:2]
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
            yield f"{tree.name(path)}:1: no SPDX-License-Identifier: Apache-2.0"


def names(tree: Tree):
    """No names that are the compiler's, and the store's directories are named in store/layout alone."""
    for path in tree.files:
        if path.name.startswith("_") and path.name != "__init__.py":
            yield f"{tree.name(path)}: a file whose name begins with an underscore"
    for path in tree.named(*C):
        for number, line in enumerate(code_of(path).splitlines(), 1):
            for word in re.findall(r"(?<![\w.>])_\w+", line):
                if not UNDERSCORED.fullmatch(word):
                    yield f"{tree.name(path)}:{number}: {word} is the compiler's or libc's to define"
    for path in tree.named(*C, within=PROGRAM):
        text = re.sub(r"/\*.*?\*/", lambda comment: re.sub(r"[^\n]", " ", comment.group()), path.read_text(), flags=re.DOTALL)
        for number, line in enumerate(text.splitlines(), 1):
            if path.stem != "layout" and re.search(r'"[^"]*\b_(layers|manifests|uploads|referrers|berth/\w)', line):
                yield f"{tree.name(path)}:{number}: a path of the store outside store/layout"


CHECKS = (layers, wrappers, banned, sizes, thin, licence, names)
