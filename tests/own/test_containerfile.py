# SPDX-License-Identifier: Apache-2.0
"""The two ways to the container image make the same of it: packaging/image/build and the Containerfile."""

import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.lib.paths import CHECKOUT

IMAGE = CHECKOUT / "packaging/image"


def words_after(name, text):
    """Those of a list that a shell variable of this name has."""
    return set(re.search(rf'^{name}="(.*?)"', text, re.MULTILINE | re.DOTALL)[1].split())


def module(name):
    spec = importlib.util.spec_from_file_location(name, IMAGE / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def containerfile():
    """Its instructions, each on one line, by stage."""
    text = re.sub(r"^#.*\n", "", (IMAGE / "Containerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [stage.splitlines() for stage in re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]]


def installed(stage):
    line = next(line for line in stage if "apt-get install" in line)
    return set(line.partition("--no-install-recommends")[2].partition("&&")[0].split())


def test_it_installs_what_quickstart_does(containerfile):
    wanted = words_after("BUILD_PACKAGES", (CHECKOUT / "quickstart").read_text())
    assert installed(containerfile[0]) == wanted - {"lighttpd", "lighttpd-mod-openssl", "ca-certificates"}


def test_what_it_copies_is_enough(containerfile, tmp_path):
    """docker hands it what .dockerignore lets through, and make installs from that. (It says so; nothing is compiled.)"""
    copied = {word for line in containerfile[0] if line.startswith("COPY ") for word in line.split()[1:-1]}
    assert copied == {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    source, tree = tmp_path / "berth", tmp_path / "build"
    tree.mkdir()
    source.mkdir()
    for name in copied:
        copy = shutil.copytree if (CHECKOUT / name).is_dir() else shutil.copy
        copy(CHECKOUT / name, source / name)
    for argv, where in (["autoreconf", "-fi"], source), ([source / "configure", "-q"], tree), (["make", "-n", "install"], tree):
        done = subprocess.run(argv, cwd=where, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_it_has_the_libraries_that_the_image_has(containerfile, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(IMAGE))
    packages = set(module("debian").PACKAGES)
    linked_into_berth = {"libbz2-1.0", "liblz4-1", "liblzma5"}  # what libarchive needs, which is a package of its own there
    there_anyway = {"base-files", "libc6"}
    assert installed(containerfile[1]) == packages - linked_into_berth - there_anyway | {"libarchive13"}


def test_it_is_run_the_same_way(containerfile, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = SimpleNamespace(version="1.2.3", target=SimpleNamespace(name="amd64"))
    config = json.loads(module("oci").Image([], made, 0, 1000).config)["config"]
    said = dict(line.split(" ", 1) for line in containerfile[1] if line.split(" ")[0] in {
        "USER", "EXPOSE", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "HEALTHCHECK"})
    assert said["USER"] == config["User"] and said["STOPSIGNAL"] == config["StopSignal"]
    assert [said["EXPOSE"]] == list(config["ExposedPorts"]) and [said["VOLUME"]] == list(config["Volumes"])
    assert json.loads(said["ENTRYPOINT"]) == config["Entrypoint"]
    options, _, command = said["HEALTHCHECK"].partition(" CMD ")
    check = config["Healthcheck"]
    assert check["Test"] == ["CMD", *json.loads(command)]
    assert options.split() == [f"--interval={check['Interval'] // 10**9}s", f"--timeout={check['Timeout'] // 10**9}s",
                               f"--start-period={check['StartPeriod'] // 10**9}s", f"--retries={check['Retries']}"]


def test_every_module_of_lighttpd_that_berth_serve_names_is_in_the_image():
    """Those of which Debian has a file; the others are built in."""
    named = set(re.findall(r"\bmod_\w+", (CHECKOUT / "src/serve/runtime.c").read_text()))
    wanted = {f"usr/lib/lighttpd/{name}.so" for name in named if (Path("/usr/lib/lighttpd") / f"{name}.so").exists()}
    assert "usr/lib/lighttpd/mod_cgi.so" in wanted
    assert wanted <= set(rootfs_programs())


def rootfs_programs():
    return re.findall(r'"([^"]*)"', re.search(r"^PROGRAMS = \[(.*?)\]", (IMAGE / "rootfs.py").read_text(), re.MULTILINE | re.DOTALL)[1])


class OfPackage:
    """A package of Debian, of which berth's image has files."""

    def __init__(self, name, *paths):
        self.name, self.paths, self.control = name, [*paths, f"usr/share/doc/{name}/copyright"], f"Package: {name}\n"

    def files(self):
        for path in self.paths:
            yield path, SimpleNamespace(issym=lambda: False, mode=0o644, linkname=""), path.encode()


def test_who_may_copy_each_package_of_the_image(monkeypatch):
    """Also those of which there is no program and no library; scanners find them, and the SBOM names no others."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(IMAGE))
    rootfs = module("rootfs")
    monkeypatch.setattr(rootfs, "needed", lambda data: ([], []))
    packages = [OfPackage("programs", *rootfs.PROGRAMS, *rootfs.OTHERS, "usr/share/common-licenses/Apache-2.0"),
                OfPackage("ca-certificates", "usr/share/ca-certificates/mozilla/one.crt"), OfPackage("other", "usr/bin/other")]
    made = SimpleNamespace(target=SimpleNamespace(triplet="x86_64-linux-gnu"), read=lambda path: b"")
    layer, used = rootfs.debian_layer(packages, made, 0)
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        names = archive.getnames()
    assert [package.name for package in used] == ["ca-certificates", "programs"]
    assert "etc/ssl/certs/ca-certificates.crt" in names and "usr/bin/other" not in names
    for name in "ca-certificates", "programs":
        assert {f"usr/share/doc/{name}/copyright", f"var/lib/dpkg/status.d/{name}"} <= set(names)
