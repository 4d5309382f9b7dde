# SPDX-License-Identifier: Apache-2.0
"""`make install`: a system layout with etc/ ready to enable."""

import re
import subprocess

from tests.lib.paths import BUILD


def test_layout(tmp_path):
    subprocess.run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={tmp_path}"], check=True, capture_output=True)
    prefix = tmp_path / "usr/local"
    configuration = prefix / "etc/berth"
    for program in ("bin/berth", "libexec/berth/berth.fcgi"):
        assert (prefix / program).stat().st_mode & 0o111
    for name in ("berth.conf", "lighttpd.conf", "lighttpd-socket.conf", "lighttpd-berth.conf", "apache-fcgid.conf",
                 "apache-proxy.conf", "nginx.conf", "nginx-fastcgi.conf", "fail2ban-filter.conf",
                 *(f"{server}-auth-{how}.conf" for server in ("lighttpd", "apache", "nginx")
                   for how in ("login", "anonymous", "tokens"))):
        text = (configuration / name).read_text()
        assert not re.search("@[a-z]+@", text), name
    for name in ("apache-enabled", "nginx-enabled"):  # for the logins that are linked there
        assert not list((configuration / name).iterdir())
    assert {path.name for path in (configuration / "errors").iterdir()} >= {"401.html", "413.html", "503.html"}
    assert 'bin-path" => "/usr/local/libexec/berth/berth.fcgi"' in (configuration / "lighttpd.conf").read_text()
    assert "ExecStart=/usr/local/libexec/berth/berth.fcgi" in (prefix / "lib/systemd/system/berth.service").read_text()
    for name in ("berth.socket", "berth-gc.timer"):
        assert (prefix / "lib/systemd/system" / name).exists()
    assert "ExecStart=/usr/local/bin/berth gc" in (prefix / "lib/systemd/system/berth-gc.service").read_text()
    assert (prefix / "share/bash-completion/completions/berth").exists()
    assert (prefix / "share/zsh/site-functions/_berth").exists()
    for page in ("man1/berth.1", "man5/berth.conf.5", "man5/berth-store.5", "man8/berth.fcgi.8"):
        assert (prefix / "share/man" / page).exists()


def test_an_edited_configuration_stays(tmp_path):
    install = ["make", "-s", "-C", BUILD, "install", f"DESTDIR={tmp_path}"]
    subprocess.run(install, check=True, capture_output=True)
    configuration = tmp_path / "usr/local/etc/berth/berth.conf"
    configuration.write_text("# mine\n")
    subprocess.run(install, check=True, capture_output=True)
    assert configuration.read_text() == "# mine\n"
