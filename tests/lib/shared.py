# SPDX-License-Identifier: Apache-2.0
"""Stores that several hosts serve: what `berth check-storage` notes of their file system, without a second host."""

import os
import socket
import uuid
from pathlib import Path

RECORD = "checked 2026-11-29T22:50:27Z\nwith other\nsound {sound}\nlate {late}\nclock {clock}\nmount {mount}\n"


def own(root: Path) -> Path:
    """berth's directory in a store."""
    return root / "docker/registry/v2/_berth"


def mount_of(path: Path) -> str:
    """Type, source and options, as the kernel tells them."""
    fd = os.open(path, os.O_RDONLY)
    try:
        number = Path(f"/proc/self/fdinfo/{fd}").read_text().partition("mnt_id:")[2].split()[0]
    finally:
        os.close(fd)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if line.split()[0] == number:
            return line.partition(" - ")[2]
    raise AssertionError(f"no mount {number}")


def note(root: Path, host: str | None = None, *, sound=True, late=0, clock=0, mount: str | None = None):
    """Writes the record of this host, or of another one; milliseconds."""
    record = own(root) / "storage" / (host or socket.gethostname())
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(RECORD.format(sound="yes" if sound else "no", late=late, clock=clock, mount=mount or mount_of(root)))


def make(root: Path):
    """As `berth check-storage` leaves it on a file system where all is well."""
    note(root)
    (own(root) / "id").write_text(str(uuid.uuid4()))
