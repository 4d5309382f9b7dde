# SPDX-License-Identifier: Apache-2.0
"""Looks at a store on disk."""

import contextlib
import hashlib
from pathlib import Path

# Locks and temporary files: they come and go, and nothing is known by them.
INTERNALS = "docker/registry/v2/_berth"


def snapshot(root: Path) -> dict[str, tuple[int, str] | None]:
    """The size and SHA-256 of every file, by its path in the store; None stands for a directory."""
    entries = {}
    for path in sorted(Path(root).rglob("*")):
        name = str(path.relative_to(root))
        if name == INTERNALS or name.startswith(INTERNALS + "/"):
            continue
        if path.is_dir():
            entries[name] = None
        else:
            data = path.read_bytes()
            entries[name] = len(data), hashlib.sha256(data).hexdigest()
    return entries


@contextlib.contextmanager
def assert_unchanged(root: Path):
    """What happens meanwhile must leave the store as it was."""
    before = snapshot(root)
    yield
    after = snapshot(root)
    changed = sorted(path for path in before.keys() | after.keys()
                     if before.get(path, "absent") != after.get(path, "absent"))
    assert not changed, f"changed in the store: {changed}"


def wanted_mode(path: Path, v2: Path) -> int:
    """Of a file or directory in a store with the ordinary modes: what is berth's own, and upload sessions, are for nobody else,
    but what is to become a blob there has a blob's mode already."""
    parts = path.relative_to(v2).parts if path.is_relative_to(v2) else ()
    own = parts[:1] == ("_berth",) and not (parts[:2] == ("_berth", "tmp") and len(parts) > 2)
    session = "_uploads" in parts and len(parts) - parts.index("_uploads") <= 2
    return (0o750 if path.is_dir() else 0o640) & (0o700 if own or session else 0o777)
