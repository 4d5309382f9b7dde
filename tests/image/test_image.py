# SPDX-License-Identifier: Apache-2.0
"""What the build leaves: the same from everywhere, small, and with nothing in it that nobody needs."""

import json
import os
import re
import shutil
import subprocess

import pytest

from tests.image.built import build
from tests.lib.clients import Containers, run
from tests.lib.paths import BUILD, CHECKOUT

SIZE_MAX = 20_000_000  # bytes, compressed
SPDX = "application/spdx+json"


def copy_of_checkout(directory):
    """Its files alone: neither what was built there nor its history."""
    for name in run("git", "-C", CHECKOUT, "ls-files", "-co", "--exclude-standard").splitlines():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, directory / name)
    return directory


def test_two_builds_have_one_digest(built, packages, place):
    """From another directory, by another user's habits, at another time."""
    before = os.umask(0o077)
    try:
        other = build(copy_of_checkout(place / "copy"), place / "again", packages, SOURCE_DATE_EPOCH=built.epoch,
                      LC_ALL="C", TZ="Asia/Tokyo")
    finally:
        os.umask(before)
    assert other.index == built.index
    assert other.archive.read_bytes() == built.archive.read_bytes()


def package_of(image):
    return next(image.directory.glob("berth_*.deb"))


def test_of_a_package_that_is_there(built, packages, place):
    """It is our package for Debian, made smaller: whoever has it gets the same image of it."""
    other = build(CHECKOUT, place / "of-package", packages, "--deb", package_of(built), SOURCE_DATE_EPOCH=built.epoch)
    assert other.index == built.index
    programs = place / "programs"
    run("dpkg-deb", "-x", package_of(built), programs)
    installed = {path: data for path, data in built.contents().items() if "berth" in path.rpartition("/")[2]}
    assert {"usr/bin/berth", "usr/libexec/berth/berth.fcgi", "usr/libexec/berth/berth-fetch",
            "var/lib/dpkg/status.d/berth"} == set(installed)
    assert all(data == (programs / path).read_bytes() for path, data in installed.items() if path.startswith("usr/"))


def test_a_package_that_does_not_do(for_arm64, packages, tmp_path):
    for file, said in ((package_of(for_arm64), "is the package berth for arm64, not berth for amd64"),
                       (next(packages.glob("libc6_*.deb")), "is the package libc6 for amd64, not berth for amd64")):
        argv = [CHECKOUT / "packaging/image/build", "--output", tmp_path / "out", "--packages", packages, "--deb", file]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
        assert not (tmp_path / "out").exists()


def test_for_each_architecture(built, for_arm64):
    """What runs there is for the processor; it is the same in all else."""
    for image, name, machine in (built, "amd64", 62), (for_arm64, "arm64", 183):
        assert image.index["manifests"][0]["platform"] == {"architecture": name, "os": "linux"}
        assert image.config["architecture"] == name
        assert set(image.machines().values()) == {machine}
        _, document = sbom_of(image)
        assert f"?arch={name}&" in json.dumps(document)
    programs = [{path for path in image.machines() if not path.startswith("usr/lib/")} for image in (built, for_arm64)]
    assert programs[0] == programs[1]
    assert for_arm64.config["config"] == built.config["config"]


def test_what_is_typed_to_build_it(document, built):
    install, build_it, load = document.take("Get the image").splitlines()
    assert install == "apt-get install debhelper mmdebstrap" and build_it.startswith("make -C build image ")
    assert (CHECKOUT / "Makefile.am").read_text().count("packaging/image/build --output image") == 1
    assert load.split("#")[0].strip() == "docker load -i build/image/berth.tar" and built.archive.name == "berth.tar"


def test_small(built):
    size = sum(layer["size"] for layer in built.manifest["layers"])
    print(f"the image has {size / 1e6:.1f} MB compressed")
    assert size <= SIZE_MAX


def test_nothing_that_nobody_needs(built):
    files = built.files()
    programs = {path for path, member in files.items() if member.isfile() and member.mode & 0o111 and not path.startswith("usr/lib/")}
    assert programs == {"usr/bin/berth", "usr/libexec/berth/berth.fcgi", "usr/libexec/berth/berth-fetch", "usr/sbin/lighttpd",
                        "usr/bin/htpasswd"}
    assert not [path for path in files if re.search(r"/(apt|perl|python|man|locale)/|icu", path)]
    assert not [path for path, member in files.items() if member.mode & 0o6000], "set-user-id"
    assert {path for path, member in files.items() if member.isdir() and member.mode & 0o002} == {
        "run", "tmp", "var/tmp", "var/lib/registry"}


def copyright_of(package, files):
    documents = files[f"usr/share/doc/{package}"]
    return f"usr/share/doc/{documents.linkname or package}/copyright" in files


def test_who_may_copy_it(built):
    """The licence of each package goes with its files."""
    files = built.files()
    packages = {path.rpartition("/")[2] for path in files if path.startswith("var/lib/dpkg/status.d/")}
    assert {"libc6", "lighttpd", "apache2-utils", "libcurl4", "ca-certificates"} <= packages
    assert not [name for name in packages if not copyright_of(name, files)]
    assert "usr/share/common-licenses/Apache-2.0" in files and "usr/share/doc/berth/copyright" in files


def test_configuration(built):
    config = built.config["config"]
    assert config["User"] == "1000:1000"
    assert config["ExposedPorts"] == {"5000/tcp": {}}
    assert list(config["Volumes"]) == ["/var/lib/registry"]
    version = run(BUILD / "berth", "--version").split()[1]
    assert config["Labels"]["org.opencontainers.image.version"] == version
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def sbom_of(built):
    referrer = next(entry for entry in built.index["manifests"] if entry.get("artifactType") == SPDX)
    manifest = built.json(referrer["digest"])
    assert manifest["subject"]["digest"] == built.digest
    return referrer, built.json(manifest["layers"][0]["digest"])


def test_sbom_names_every_package(built):
    _, document = sbom_of(built)
    assert document == json.loads((built.directory / "spdx.json").read_text())
    named = {package["name"]: package for package in document["packages"]}
    in_image = {path.rpartition("/")[2] for path in built.files() if path.startswith("var/lib/dpkg/status.d/")}
    assert set(named) == in_image | {"berth", "berth-image", "libarchive"}
    assert all(package["versionInfo"] for package in named.values())
    assert named["libssl3"]["externalRefs"][0]["referenceLocator"].startswith("pkg:deb/debian/libssl3@3.")
    ids = {package["SPDXID"] for package in document["packages"]} | {"SPDXRef-DOCUMENT"}
    assert all({relation["spdxElementId"], relation["relatedSpdxElement"]} <= ids for relation in document["relationships"])


def test_layout_goes_into_a_registry_with_its_sbom(built, tmp_path):
    run(BUILD / "berth", "import", "--quiet", "--as", "berth", "--root", tmp_path / "store", built.layout)
    said = json.loads(run(BUILD / "berth", "inspect", "--json", "--root", tmp_path / "store", "berth"))
    assert built.digest in json.dumps(said)
    referrer, _ = sbom_of(built)
    links = list((tmp_path / "store").glob(f"docker/registry/v2/repositories/*/_referrers/sha256/{built.digest[7:]}/sha256/*"))
    assert [link.name for link in links] == [referrer["digest"][7:]]


def test_other_tools_take_both_forms(built, tmp_path):
    tools = Containers(tmp_path / "containers")
    try:
        tools.podman("load", "-i", built.archive)
        assert "localhost/berth" in tools.podman("images", "--format", "{{.Repository}}").split()
        inspected = json.loads(tools.skopeo("inspect", "--config", f"oci:{built.layout}:latest"))
        assert inspected["rootfs"] == built.config["rootfs"]
    finally:
        tools.close()


def test_a_wrong_epoch_is_named(packages, tmp_path):
    argv = [CHECKOUT / "packaging/image/build", "--output", tmp_path / "out", "--packages", packages]
    done = subprocess.run(argv, env={**os.environ, "SOURCE_DATE_EPOCH": "yesterday"}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SOURCE_DATE_EPOCH=yesterday" in done.stderr and "date +%s" in done.stderr


@pytest.mark.parametrize("left_out, architecture, said", [
    ("lighttpd", "amd64", "has no lighttpd: empty it"),
    ("none", "arm64", "has packages for amd64, not for arm64"),
])
def test_packages_that_do_not_do_are_named(packages, tmp_path, built, left_out, architecture, said):
    kept = tmp_path / "kept"
    kept.mkdir()
    for path in packages.glob("*.deb"):
        if not path.name.startswith(left_out + "_"):
            (kept / path.name).symlink_to(path)
    argv = ["/usr/bin/python3", "-c", "import sys; sys.path.insert(0, sys.argv[1]); import debian, pathlib; "
            "import architecture; debian.packages(pathlib.Path(sys.argv[2]), architecture.Architecture(sys.argv[3]))", CHECKOUT / "packaging/image", kept, architecture]
    done = subprocess.run(argv, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False)
    assert said in done.stderr
