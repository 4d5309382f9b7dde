# SPDX-License-Identifier: Apache-2.0
"""berth as it is in the image: compiled from this checkout for /usr."""

import os
import re
from pathlib import Path

import debian
from failure import Failure, run

CHECKOUT = Path(__file__).resolve().parents[2]

# Of libarchive only what berth uses: as a shared library it would bring libxml2 and ICU along, which are larger than all the
# rest together. The decompressors are named by their runtime files, so that their headers need not be there.
LIBARCHIVE = "-l:libarchive.a -l:libbz2.so.1.0 -l:liblz4.so.1 -l:liblzma.so.5 -lz -lzstd"
LIBARCHIVE_PACKAGE = "libarchive-dev"

CONFIGURE = ["--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var", "--enable-werror", f"ARCHIVE_LIBS={LIBARCHIVE}",
             "LDFLAGS=-Wl,--gc-sections -Wl,--build-id=none -s"]


class Program:
    def __init__(self, target, root, version, archive_version):
        self.target = target
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


def cross(target, work):
    """Options of configure, its environment, and the version of the library that is linked statically, for a compiler and
    libraries that are not this machine's."""
    root = work / "sysroot"
    version = debian.sysroot(root, target)
    libraries = root / "usr/lib" / target.triplet
    environment = {"PKG_CONFIG_SYSROOT_DIR": str(root), "PKG_CONFIG_LIBDIR": f"{libraries}/pkgconfig:{root}/usr/share/pkgconfig"}
    compiler = f"{target.triplet}-gcc --sysroot={root}"
    run(f"{target.triplet}-gcc", "--version", what=f"compiling for {target.name}")
    return [f"--host={target.triplet}", f"CC={compiler}"], environment, version


def build(target, work):
    """Compiles and installs below a directory, which is new."""
    check_system()
    directory, root = work / "build", work / "berth"
    directory.mkdir()
    if not (CHECKOUT / "configure").exists():
        run("autoreconf", "-fi", cwd=CHECKOUT, what="making configure")
    if target.is_native:
        options, more = [], {}
        archive = run("dpkg-query", "-W", "-f", "${Version}", LIBARCHIVE_PACKAGE, what="the version of libarchive")
    else:
        options, more, archive = cross(target, work)
    # ccache would write paths in its own way, which end in messages of OpenSSL's macros.
    environment = {**os.environ, "CCACHE_BASEDIR": "", **more}
    flags = f"CFLAGS=-O2 -g0 -ffunction-sections -fdata-sections -ffile-prefix-map={CHECKOUT}=."
    run(CHECKOUT / "configure", "-q", *CONFIGURE, *options, flags, cwd=directory, env=environment, what="configuring berth")
    run("make", "-s", f"-j{os.cpu_count()}", cwd=directory, env=environment, what="compiling berth")
    run("make", "-s", "install", f"DESTDIR={root}", cwd=directory, what="installing berth")
    version = re.search(r'^#define VERSION "(.+)"', (directory / "config.h").read_text(), re.MULTILINE)[1]
    return Program(target, root, version, archive)
