# SPDX-License-Identifier: Apache-2.0
"""Debian's packages: fetched and verified by mmdebstrap, and opened."""

import io
import re
import subprocess
import tarfile

from failure import Failure, run

SUITE = "bookworm"
SOURCES = """deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
"""
# What has the programs and libraries of the image. What they depend on comes with them; only files that are needed get in.
PACKAGES = ["base-files", "lighttpd", "lighttpd-mod-openssl", "apache2-utils", "libc6", "libfcgi0ldbl", "libjson-c5", "libssl3",
            "libconfuse2", "libcrypt1", "libyaml-0-2", "libisal2", "libzstd1", "zlib1g", "libbz2-1.0", "liblz4-1", "liblzma5",
            "libcurl4", "libpsl5", "ca-certificates"]
# What berth is compiled with, where that is not this machine's: as ./quickstart installs it, and what libarchive needs.
DEVELOPMENT = ["libc6-dev", "libfcgi-dev", "libjson-c-dev", "libssl-dev", "libconfuse-dev", "libyaml-dev", "libcrypt-dev",
               "libarchive-dev", "libzstd-dev", "zlib1g-dev", "libisal-dev", "libcurl4-openssl-dev", "libpsl-dev",
               "libbz2-1.0", "liblz4-1", "liblzma5"]


class Package:
    def __init__(self, path):
        """Reads what it says of itself; its files are read when they are asked for."""
        self.path = path
        self.control = run("dpkg-deb", "-f", path, what=f"reading {path}")
        fields = self.fields = dict(line.split(": ", 1) for line in self.control.splitlines() if re.match(r"[A-Za-z-]+: ", line))
        self.name, self.version, self.architecture = (fields[name] for name in ("Package", "Version", "Architecture"))
        self.maintainer, self.homepage = fields["Maintainer"], fields.get("Homepage")
        # "NAME", or "NAME (VERSION)" where that is another.
        name, _, version = fields.get("Source", self.name).partition(" ")
        self.source, self.source_version = name, version.strip("()") or self.version

    def files(self):
        """(path, what kind of file it is, its content) of each file and link, with /lib and the like where they are now."""
        unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", self.path], stdout=subprocess.PIPE, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(unpacked)) as archive:
            for member in archive:
                if member.isfile() or member.issym():
                    yield merged(member.name.removeprefix("./")), member, archive.extractfile(member).read() if member.isfile() else b""


def merged(path):
    """Since Debian 12 all is below /usr, whatever packages say."""
    return "usr/" + path if path.startswith(("bin/", "sbin/", "lib/", "lib64/")) else path


def fetch(names, target, into, hook, what):
    """Has mmdebstrap resolve and verify, and unpack without running anything; `hook` sees what it fetched."""
    run("mmdebstrap", "--quiet", "--variant=extract", f"--architectures={target.name}", f"--include={','.join(names)}",
        *(["--format=null"] if into == "/dev/null" else ["--format=directory"]), f"--extract-hook={hook}", SUITE, into, "-",
        input=SOURCES, what=what)


def packages(directory, target, more=()):
    """All that mmdebstrap says the image needs, and what `more` there is, in the order of their names."""
    wanted = sorted({*PACKAGES, *more})
    directory.mkdir(parents=True, exist_ok=True)
    if not any(directory.glob("*.deb")):
        fetch(wanted, target, "/dev/null", f'cp "$1"/var/cache/apt/archives/*.deb "{directory.resolve()}"',
              "fetching Debian's packages")
    found = sorted((Package(path) for path in directory.glob("*.deb")), key=lambda package: package.name)
    missing = set(wanted) - {package.name for package in found}
    if missing:
        raise Failure(f"{directory} has no {', '.join(sorted(missing))}: empty it, and all are fetched again")
    foreign = {package.architecture for package in found} - {target.name, "all"}
    if foreign:
        raise Failure(f"{directory} has packages for {', '.join(sorted(foreign))}, not for {target.name}: name another")
    return found


def sysroot(directory, target):
    """Headers and libraries to compile with for another architecture. The version of the libarchive among them."""
    fetch(DEVELOPMENT, target, directory, f'cp "$1"/var/cache/apt/archives/libarchive-dev_*.deb "{directory}.deb"',
          "fetching what to compile with")
    return Package(f"{directory}.deb").version
