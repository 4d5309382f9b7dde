# SPDX-License-Identifier: Apache-2.0
"""berth as it is in the image: our own package for Debian, built from this checkout or given."""

import os
import re
import shlex
from pathlib import Path

import debian
from failure import Failure, run

CHECKOUT = Path(__file__).resolve().parents[2]
PROFILE = "pkg.berth.image"  # debian/rules has what is different


class Program:
    def __init__(self, target, path):
        """The package in this file; it has to be berth's, and for this architecture."""
        self.target, self.path = target, Path(path)
        self.package = debian.Package(path)
        self.version = self.package.version
        if (self.package.name, self.package.architecture) != ("berth", target.name):
            raise Failure(f"{path} is the package {self.package.name} for {self.package.architecture}, "
                          f"not berth for {target.name}")
        self.files = {name: data for name, _, data in self.package.files()}
        linked = re.fullmatch(r"libarchive \(= (.+)\)", self.package.fields.get("Static-Built-Using", ""))
        self.libarchive = linked and linked[1]  # the version of what is linked into it; None: it asks for the library
        # What it asks for: the first of alternatives.
        self.depends = re.findall(r"(?:^|, )([a-z0-9][a-z0-9+.-]+)", self.package.fields.get("Depends", ""))

    def read(self, path):
        if path not in self.files:
            raise Failure(f"{self.path} has no {path}: is it too old?")
        return self.files[path]


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
    """Options of dpkg-buildpackage and its environment, for a compiler and libraries that are not this machine's."""
    root = work / "sysroot"
    version = debian.sysroot(root, target)
    libraries = root / "usr/lib" / target.triplet
    compiler = f"{target.triplet}-gcc"
    run(compiler, "--version", what=f"compiling for {target.name}")
    return ["-d", f"-a{target.name}"], {
        "PKG_CONFIG_SYSROOT_DIR": str(root), "PKG_CONFIG_LIBDIR": f"{libraries}/pkgconfig:{root}/usr/share/pkgconfig",
        "CC": f"{compiler} --sysroot={root}", "LIBARCHIVE_VERSION": version,
        # Nobody asks here what its package is called: the image has what is listed in debian.py.
        "SHLIBDEPS": f"-l{libraries}:{root}/lib/{target.triplet} -- --ignore-missing-info"}


def build(target, work, epoch):
    """By `make deb`, in a directory which is new. The package."""
    check_system()
    directory = work / "build"
    directory.mkdir()
    if not (CHECKOUT / "configure").exists():
        run("autoreconf", "-fi", cwd=CHECKOUT, what="making configure")
    run(CHECKOUT / "configure", "-q", cwd=directory, what="configuring berth")
    options, more = ([], {}) if target.is_native else cross(target, work)
    # Said behind make, which has values of its own for some of them.
    variables = {"SOURCE_DATE_EPOCH": str(epoch), "DEB_BUILD_PROFILES": f"nocheck {PROFILE}",
                   "DEB_BUILD_OPTIONS": f"nocheck noautodbgsym parallel={os.cpu_count()}",
                   "CCACHE_BASEDIR": "",  # it would write paths in its own way, which end in messages of OpenSSL's macros
                   **more}
    said = ["env", *(f"{name}={value}" for name, value in variables.items()), "dpkg-buildpackage", "-us", "-uc", "-B", *options]
    run("make", "-s", "deb", f"DPKG_BUILDPACKAGE={shlex.join(said)}", cwd=directory, what="building berth's package")
    return next((directory / "deb").glob("berth_*.deb"))
