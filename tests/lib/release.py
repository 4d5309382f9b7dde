# SPDX-License-Identifier: Apache-2.0
"""Whether a release, as `make dist` packs it, has what the checkout has."""

import tarfile
from pathlib import Path

# Where everything is to be released, and what a run may leave there.
FOLDERS = ("cgi-bin", "debian", "docs", "etc", "man", "packaging", "src", "tests")
CACHES = {"__pycache__", ".pytest_cache"}
# What autoconf and automake add, so that a release builds without them.
GENERATED = {"Makefile.in", "aclocal.m4", "config.h.in", "configure"}


def files_of(checkout: Path) -> set[str]:
    paths = (path.relative_to(checkout) for folder in FOLDERS for path in (checkout / folder).rglob("*") if not path.is_dir())
    return {str(path) for path in paths if not CACHES & set(path.parts)}


def complaints(archive: Path, checkout: Path) -> list[str]:
    """What is in one and not in the other."""
    with tarfile.open(archive) as tar:
        released = {member.name.partition("/")[2] for member in tar if not member.isdir()}
    there = files_of(checkout)
    foreign = {name for name in released - there - GENERATED
               if (folder := name.partition("/")[0]) in FOLDERS or folder != "build-aux" and not (checkout / name).is_file()}
    return [*(f"{name} is not released" for name in sorted(there - released)),
            *(f"{name} is released, and is not of the source" for name in sorted(foreign))]
