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
    for name in ("berth.conf", "lighttpd.conf", "lighttpd-socket.conf", "lighttpd-server.conf", "lighttpd-workers.conf",
                 "lighttpd-berth.conf", "lighttpd-large.conf", "apache-fcgid.conf", "apache-proxy.conf", "nginx.conf", "nginx-fastcgi.conf", "fail2ban-filter.conf",
                 *(f"{server}-auth-{how}.conf" for server in ("lighttpd", "apache", "nginx")
                   for how in ("login", "anonymous", "tokens"))):
        text = (configuration / name).read_text()
        assert not re.search("@[a-z]+@", text), name
    for name in ("apache-enabled", "nginx-enabled"):  # for the logins that are linked there
        assert not list((configuration / name).iterdir())
    assert {path.name for path in (configuration / "errors").iterdir()} >= {"401.html", "413.html", "503.html"}
    assert 'bin-path" => "/usr/local/libexec/berth/berth.fcgi --workers ' in (configuration / "lighttpd.conf").read_text()
    assert "ExecStart=/usr/local/libexec/berth/berth.fcgi" in (prefix / "lib/systemd/system/berth.service").read_text()
    for name in ("berth.socket", "berth-gc.timer"):
        assert (prefix / "lib/systemd/system" / name).exists()
    assert "ExecStart=/usr/local/bin/berth gc" in (prefix / "lib/systemd/system/berth-gc.service").read_text()
    assert (prefix / "share/bash-completion/completions/berth").exists()
    assert (prefix / "share/zsh/site-functions/_berth").exists()
    for page in ("man1/berth.1", "man5/berth.conf.5", "man5/berth-store.5", "man8/berth.fcgi.8"):
        assert (prefix / "share/man" / page).exists()


def make(target, destination):
    return subprocess.run(["make", "-s", "-C", BUILD, target, f"DESTDIR={destination}"], check=True, capture_output=True,
                          text=True).stdout


def test_an_edited_configuration_stays(tmp_path):
    make("install", tmp_path)
    configuration = tmp_path / "usr/local/etc/berth/berth.conf"
    configuration.write_text("# mine\n")
    make("install", tmp_path)
    assert configuration.read_text() == "# mine\n"


def test_29_every_edited_file_stays(tmp_path):
    make("install", tmp_path)
    configuration = tmp_path / "usr/local/etc/berth"
    before = {path: path.read_text() for path in configuration.rglob("*") if path.is_file()}
    assert len(before) > 30
    for path in before:
        path.write_text("# mine\n")
    said = make("install", tmp_path)
    for path, text in before.items():
        new = path.with_name(path.name + ".new")
        assert path.read_text() == "# mine\n" and new.read_text() == text
        assert f"{path} is kept; what is new is in {new}" in said
    for path, text in before.items():  # the user takes what is new
        path.write_text(text)
    assert "is kept" not in make("install", tmp_path)
    assert {path for path in configuration.rglob("*") if path.is_file()} == set(before)


def test_31_uninstall_leaves_nothing(tmp_path):
    make("install", tmp_path)
    edited = tmp_path / "usr/local/etc/berth/nginx.conf"
    edited.write_text("# mine\n")
    make("install", tmp_path)
    assert f"{edited} is edited and stays" in make("uninstall", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [edited]
    edited.unlink()
    make("install", tmp_path)
    make("uninstall", tmp_path)
    assert not [path for path in tmp_path.rglob("*") if not path.is_dir()]
    assert not (tmp_path / "usr/local/etc/berth").exists() and not (tmp_path / "usr/local/libexec/berth").exists()


def test_25_units_that_serve_come_back(tmp_path):
    make("install", tmp_path)
    for unit, target in (("system/berth-serve.service", "multi-user.target"), ("user/berth-serve.service", "default.target"),
                         ("system/berth.service", "multi-user.target")):
        text = (tmp_path / "usr/local/lib/systemd" / unit).read_text()
        assert "\nRestart=always\n" in text and f"\nWantedBy={target}\n" in text


def test_31_old_tags_go_every_night(tmp_path):
    """Before garbage is collected, by a timer like the collector's; and its unit may do the same and nothing more."""
    make("install", tmp_path)
    units = tmp_path / "usr/local/lib/systemd/system"
    times = [re.search(r"^OnCalendar=\S+ (\S+)$", (units / name).read_text(), re.MULTILINE)[1]
             for name in ("berth-retain.timer", "berth-gc.timer")]
    assert times == sorted(times) and len(set(times)) == 2
    (before, retain), (before_gc, gc) = ((units / f"berth-{name}.service").read_text().split("\n[Service]\n")
                                         for name in ("retain", "gc"))
    nothing_was_pushed = "\nConditionPathExists=/usr/local/var/lib/registry/docker/registry/v2\n"
    assert nothing_was_pushed in before + "\n" and nothing_was_pushed in before_gc + "\n"
    assert "\nExecStart=/usr/local/bin/berth retain\n" in retain

    def settings(text):
        return {line for line in text.splitlines() if line and line[0] != "#" and not line.startswith("ExecStart=")}

    assert settings(retain) == settings(gc)


def test_29_the_collector_is_the_owner_of_the_store(tmp_path):
    """Whoever that is: the unit names no user, and leaves berth what it needs to become one."""
    make("install", tmp_path)
    text = (tmp_path / "usr/local/lib/systemd/system/berth-gc.service").read_text()
    assert "\nUser=" not in text and "CAP_SETUID" in text and "CAP_SETGID" in text
