# SPDX-License-Identifier: Apache-2.0
"""The systemd units: what they are let at, what bounds them; and that the Debian packages have all that is installed."""

import fnmatch
import os
import re
import subprocess

import pytest

from tests.lib.paths import BUILD, CHECKOUT, SANITIZING

# How much each is let at, in tenths, of ten: 15 is too much for none, and who is let at less stays so.
EXPOSURE = {"berth": 6, "berth-serve": 15, "berth-serve-user": 15, "berth-gc": 14, "berth-retain": 14}
SERVICES = list(EXPOSURE)
SERVING = SERVICES[:3]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where `make install` puts what, with Debian's prefix."""
    directory = tmp_path_factory.mktemp("installed")
    subprocess.run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={directory}", "prefix=/usr", "sysconfdir=/etc",
                    "systemdsystemunitdir=/lib/systemd/system"], check=True, capture_output=True)
    return directory


def unit(installed, name):
    if name == "berth-serve-user":
        return installed / "usr/lib/systemd/user/berth-serve.service"
    return installed / f"lib/systemd/system/{name}.service"


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_is_let_at_little(installed, name):
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE[name]}",
                           unit(installed, name)], capture_output=True, text=True, check=False)
    assert "Overall exposure level" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_is_bounded(installed, name):
    settings = set(re.findall(r"(?m)^(\w+)=.", unit(installed, name).read_text()))
    assert {"MemoryMax", "TasksMax", "LimitCORE"} <= settings
    assert ("ExecReload" in settings) == ("Restart" in settings)


@pytest.mark.parametrize("name", SERVICES)
def test_what_serves_comes_back(installed, name):
    """After a pause, whatever ended it; what is done once is not done again by itself."""
    text = unit(installed, name).read_text()
    said = dict(re.findall(r"(?m)^(Type|Restart|RestartSec)=(.+)$", text))
    assert said == {"Type": "oneshot"} or (said.pop("Restart"), int(said.pop("RestartSec")) >= 1, said) == ("always", True, {})


@pytest.mark.parametrize("name", ["berth", "berth-serve", "berth-gc", "berth-retain"])
def test_all_count_and_log_in_one_place(installed, name):
    """Collectors too, and what serves makes the place, which a restart leaves."""
    settings = re.findall(r"(?m)^(\w+)=(.+)$", unit(installed, name).read_text())
    assert any(key == "ReadWritePaths" and value.startswith("-") and value.endswith("/log/berth") for key, value in settings)
    if name in SERVING:
        assert "berth/metrics" in dict(settings)["RuntimeDirectory"].split() and ("RuntimeDirectoryPreserve", "yes") in settings
    else:
        assert ("ReadWritePaths", "-/run/berth/metrics") in settings


PROC = 'mount -t proc -o "$1" proc /proc && shift && exec "$@"'


@pytest.mark.parametrize("name", SERVING)
def test_what_serves_sees_which_boot_it_is(installed, tmp_path, name):
    """Without it, each chunk of an upload is synced."""
    said = dict(re.findall(r"(?m)^(ProtectProc|ProcSubset)=(.+)$", unit(installed, name).read_text()))
    options = ",".join(f"{option}={said[key]}" for option, key in (("hidepid", "ProtectProc"), ("subset", "ProcSubset")) if key in said)
    env = {**os.environ, **SANITIZING, "BERTH_ROOT": str(tmp_path), "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST",
           "SCRIPT_NAME": "/v2", "PATH_INFO": "/a/blobs/uploads/", "CONTENT_LENGTH": "0"}
    done = subprocess.run(["unshare", "--mount", "sh", "-c", PROC, "sh", options, BUILD / "berth.fcgi"], env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("Status: 202 "), done.stdout + done.stderr
    state, = tmp_path.glob("docker/registry/v2/repositories/a/_uploads/*/state")
    assert re.search(r"(?m)^boot \S+$", state.read_text())


def test_every_installed_file_is_in_one_package(installed):
    """dh_missing finds what is in none when packages are built."""
    patterns = [line.split()[0] for file in (CHECKOUT / "debian").glob("*.install")
                for line in file.read_text().splitlines() if not line.startswith(("#", "debian/"))]
    zsh = {"usr/share/zsh/site-functions/_berth"}
    for path in installed.rglob("*"):
        name = str(path.relative_to(installed))
        if path.is_dir() or name in zsh:
            continue
        found = [pattern for pattern in patterns if fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name, f"{pattern}/*")]
        assert len(found) == 1, f"{name}: {found}"
