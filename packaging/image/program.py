# SPDX-License-Identifier: Apache-2.0
"""berth as it is in the image: compiled from this checkout for /usr."""

import os
import re
from pathlib import Path

from failure import Failure, run

CHECKOUT = Path(__file__).resolve().parents[2]

# Of libarchive only what berth uses: as a shared library it would bring libxml2 and ICU along, which are larger than all the
# rest together. The decompressors are named by their runtime files, so that their headers need not be there.
LIBARCHIVE = "-l:libarchive.a -l:libbz2.so.1.0 -l:liblz4.so.1 -l:liblzma.so.5 -lz -lzstd"
LIBARCHIVE_PACKAGE = "libarchive-dev"

CONFIGURE = ["--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var", "--enable-werror", f"ARCHIVE_LIBS={LIBARCHIVE}",
             "LDFLAGS=-Wl,--gc-sections -Wl,--build-id=none -s"]


class Program:
    def __init__(self, root, version, archive_version):
        self.root = root  # where it was installed, as DESTDIR
        self.version = version
        self.libarchive = archive_version  # the version of the package that is linked into it

    def read(self, path):
        return (self.root / path).read_bytes()


def source_date_epoch():
    """Seconds: of SOURCE_DATE_EPOCH, else of the last commit, else (a release has no history) of the last change to what
    every release changes."""
    said = os.environ.get("SOURCE_DATE_EPOCH")
    if said is not None:
        if not re.fullmatch(r"[0-9]{1,10}", said):
            raise Failure(f"SOURCE_DATE_EPOCH={said}: it wants to be seconds since 1970, as `date +%s` prints them")
        return int(said)
    if (CHECKOUT / ".git").exists():
        return int(run("git", "-C", CHECKOUT, "log", "-1", "--format=%ct", what="time of the last commit"))
    return int((CHECKOUT / "CHANGELOG.md").stat().st_mtime)


def check_system():
    """The programs run in the image only if they were compiled for the libraries that are there."""
    try:
        release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    except FileNotFoundError:
        release = {}
    if (release.get("ID"), release.get("VERSION_ID", "").strip('"')) != ("debian", "12"):
        raise Failure("this is not Debian 12, whose libraries the image has; build it in a Debian 12, "
                      "or from packaging/image/Containerfile")


def build(directory, root):
    """Compiles in one directory, which is new, and installs below another."""
    check_system()
    directory.mkdir()
    if not (CHECKOUT / "configure").exists():
        run("autoreconf", "-fi", cwd=CHECKOUT, what="making configure")
    flags = f"CFLAGS=-O2 -g0 -ffunction-sections -fdata-sections -ffile-prefix-map={CHECKOUT}=."
    run(CHECKOUT / "configure", "-q", *CONFIGURE, flags, cwd=directory, what="configuring berth")
    run("make", "-s", f"-j{os.cpu_count()}", cwd=directory, what="compiling berth")
    run("make", "-s", "install", f"DESTDIR={root}", cwd=directory, what="installing berth")
    version = run(directory / "berth", "--version", what="asking for the version").split()[1]
    archive = run("dpkg-query", "-W", "-f", "${Version}", LIBARCHIVE_PACKAGE, what="the version of libarchive")
    return Program(root, version, archive)
