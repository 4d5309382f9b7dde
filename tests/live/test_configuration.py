# SPDX-License-Identifier: Apache-2.0
"""The files of etc/, as `make install` leaves them, within the configuration that Debian gives each server: what both of
them say must not collide, and the modules that a comment says to enable must be enough."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import oci
from tests.lib.oci import expect
from tests.lib.paths import BUILD, ETC
from tests.lib.workers import wait_for
from tests.live.conftest import SERVERS

# What Debian's apache2ctl sets (envvars).
APACHE_ENVIRONMENT = {"APACHE_RUN_USER": "www-data", "APACHE_RUN_GROUP": "www-data"}
LOGINS = [None, "login", "anonymous", "tokens"]


@pytest.fixture
def installed(tmp_path):
    """The directory of the configuration files. They name each other by where they are to be installed: here."""
    subprocess.run(["make", "-s", "-C", BUILD, "install-data-local", f"DESTDIR={tmp_path}"], check=True, capture_output=True)
    configuration = tmp_path / "usr/local/etc/berth"
    for file in configuration.glob("*.conf"):
        file.write_text(file.read_text().replace("/usr/local/etc/berth", str(configuration)))
    return configuration


def check(*command, **environment):
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def enable_login(installed, server, login, enabled):
    """Links the file of a login into the directory `enabled`, as its first lines say, and gives their text."""
    file = installed / f"{server}-auth-{login}.conf"
    text = file.read_text()
    link = re.search(rf"ln -s {file} \S*-enabled/(\S*)", text)[1] or file.name
    enabled.mkdir(exist_ok=True)
    (enabled / link).symlink_to(file)
    return text


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("name", ["lighttpd.conf", "lighttpd-socket.conf"])
def test_lighttpd(installed, tmp_path, name, login):
    """Its files are linked into conf-enabled/."""
    enabled = tmp_path / "enabled"
    enabled.mkdir()
    (enabled / "50-berth.conf").symlink_to(installed / name)
    if login:
        enable_login(installed, "lighttpd", login, enabled)
    main = tmp_path / "lighttpd.conf"
    main.write_text(Path("/etc/lighttpd/lighttpd.conf").read_text().replace("/etc/lighttpd/conf-enabled", str(enabled)))
    check("lighttpd", "-tt", "-f", main)


def debian_apache(file, tmp_path, modules):
    """Apache's directory as Debian has it, with our file and these modules enabled, and the environment that it wants."""
    root = tmp_path / "apache2"
    shutil.copytree("/etc/apache2", root)
    (root / "conf-enabled/berth.conf").symlink_to(file)
    for module in modules:
        for available in (root / "mods-available").glob(f"{module}.*"):
            shutil.copy(available, root / "mods-enabled")
    environment = {**APACHE_ENVIRONMENT, **{f"APACHE_{kind}_DIR": str(tmp_path) for kind in ("RUN", "LOCK", "LOG")},
                   "APACHE_PID_FILE": str(tmp_path / "pid")}
    return root, environment


def test_10_apache_does_not_start_without_mod_cgid(installed, tmp_path):
    """What would take bodies before a login, and refuse layers, says so at once."""
    root, environment = debian_apache(installed / "apache-fcgid.conf", tmp_path, ["fcgid", "xsendfile", "headers"])
    done = subprocess.run(["apache2", "-t", "-d", root, "-f", root / "apache2.conf"], env={**os.environ, **environment},
                          capture_output=True, text=True)
    assert done.returncode != 0
    assert "a2enmod cgid, and restart Apache" in done.stderr


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("name", ["apache-fcgid.conf", "apache-proxy.conf"])
def test_apache(installed, tmp_path, name, login):
    """Its files are linked into conf-enabled/, or included in a virtual host."""
    text = (installed / name).read_text()
    if login:
        text += enable_login(installed, "apache", login, installed / "apache-enabled")
    root, environment = debian_apache(installed / name, tmp_path, " ".join(re.findall(r"a2enmod (.*)", text)).split())
    check("apache2", "-t", "-d", root, "-f", root / "apache2.conf", **environment)
    (root / "conf-enabled/berth.conf").unlink()
    (root / "sites-enabled/berth.conf").write_text("<VirtualHost *:80>\n    Define BERTH_VIRTUAL_HOST\n"
                                                   f"    Include {installed / name}\n</VirtualHost>\n")
    check("apache2", "-t", "-d", root, "-f", root / "apache2.conf", **environment)


@pytest.mark.parametrize("login", LOGINS)
def test_nginx(installed, tmp_path, login):
    """Its file is included in a server block."""
    root = tmp_path / "nginx"
    shutil.copytree("/etc/nginx", root)
    main = root / "nginx.conf"
    main.write_text(main.read_text().replace("/etc/nginx", str(root)).replace("/run/nginx.pid", str(tmp_path / "pid")))
    for site in (root / "sites-enabled").iterdir():
        site.unlink()
    (root / "sites-enabled/berth").write_text(f"server {{\n    listen 127.0.0.1:80;\n    include {installed}/nginx.conf;\n}}\n")
    if login:
        enable_login(installed, "nginx", login, installed / "nginx-enabled")
    check("nginx", "-t", "-c", main, "-g", f"error_log {tmp_path}/error.log;")


def test_berth_conf(tmp_path):
    """Every key that it shows in a comment is one, and the value one that it can have."""
    text = (ETC / "berth.conf.in").read_text().replace("@localstatedir@", str(tmp_path))
    shown = re.findall(r'^#(\w+ = ".*")$', text, re.MULTILINE)
    assert len(shown) == 31
    configuration = tmp_path / "berth.conf"
    configuration.write_text("\n".join(shown) + "\n")
    (tmp_path / "lib").mkdir()
    done = subprocess.run([BUILD / "berth.fcgi", "--config", configuration], capture_output=True, text=True,
                          env={"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/v2", "PATH_INFO": "/"})
    assert done.stdout.startswith("Status: 200 "), done.stderr


def cure_of(front, said) -> str:
    """The command that the log of the front has in backquotes."""
    log = wait_for(lambda: "".join(text for path in (front.home / "log").iterdir() if said in (text := path.read_text())))
    return re.search(rf"{re.escape(said)}.*?`([^`]+)`", log)[1]


@pytest.mark.parametrize("server", SERVERS)
def test_30_a_store_of_roots(server, tmp_path):
    """It says so in the log of each front, with the command that cures it; then it works, without a restart."""
    with running_front(server, workers=1, workers_max=1) as front:
        repo = oci.Repository(front)
        repo.push_image("v1")
        for path in (front.root, *front.root.rglob("*")):
            shutil.chown(path, "root", "root")
        store = front.root / "docker/registry/v2"
        for path in (store, *store.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
        expect(repo.get("manifests/v1"), 500)
        cure = cure_of(front, f"user {front.worker_user} may not: all in {front.root} is to belong to it, as root: ")
        subprocess.run(cure, shell=True, check=True)
        expect(repo.get("manifests/v1"), 200)
