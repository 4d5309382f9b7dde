# SPDX-License-Identifier: Apache-2.0
"""`berth serve` with TLS: by a certificate that one has, or by an authority of its own."""

import contextlib
import fcntl
import os
import re
import socket
import ssl
import struct
import subprocess
import time
from pathlib import Path

import pytest

from tests.admin.test_serve_login import CONFIG, USAGE, open_place, refused  # noqa: F401
from tests.lib import htpasswd
from tests.lib.authority import Authority
from tests.lib.paths import BUILD
from tests.lib.ports import free_port

MODULE = "/usr/lib/lighttpd/mod_openssl.so"


def openssl(*args, check=True):
    return subprocess.run(["openssl", *args], check=check, capture_output=True, text=True).stdout


def curl(authority, url, *args):
    return subprocess.run(["curl", "-sS", "--cacert", authority, *args, url], capture_output=True, text=True, timeout=20)


@contextlib.contextmanager
def started(*args, prefix=(), **options):
    """`berth serve` in surroundings of its own: (process, port)."""
    with subprocess.Popen([*prefix, BUILD / "berth", "serve", "--listen", "127.0.0.1:0", *args], stdout=subprocess.PIPE,
                          text=True, **options) as process:
        try:
            yield process, int(re.search(r":(\d+)/", process.stdout.readline())[1])
        finally:
            process.terminate()


def field(certificate, name):
    return openssl("x509", "-in", certificate, "-noout", f"-{name}")


def text(certificate):
    return openssl("x509", "-in", certificate, "-noout", "-text")


@pytest.fixture
def pair(tmp_path):
    """(authority, certificate, key)"""
    place = tmp_path / 'my "certs" \\ here'
    place.mkdir()
    authority = Authority(place)
    return authority.certificate, *authority.issue(place, "DNS:localhost,IP:127.0.0.1")


@pytest.fixture
def own(serve, tmp_path):
    """Starts with an authority of its own."""
    return lambda *args: serve("--tls-self-signed", "--tls-dir", tmp_path / "tls", *args)


def test_ones_own_certificate(serve, pair):
    authority, certificate, key = pair
    registry = serve("--tls-cert", certificate, "--tls-key", key)
    for host in ("localhost", "127.0.0.1"):
        assert curl(authority, f"https://{host}:{registry.port}/v2/").stdout == "{}"
    assert curl(authority, f"http://127.0.0.1:{registry.port}/v2/").returncode != 0
    output = registry.stop()
    assert f"https://127.0.0.1:{registry.port}/v2/" in output and "ca.crt" not in output
    assert not list((registry.home / "run").iterdir())


def test_what_lighttpd_is_given_is_for_it_alone(serve, pair):
    _, certificate, key = pair
    key.chmod(0o644)
    registry = serve("--tls-cert", certificate, "--tls-key", key)
    place, = (registry.home / "run").iterdir()
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / "tls.key").stat().st_mode & 0o777 == 0o600


def test_versions(serve, pair):
    authority, certificate, key = pair
    registry = serve("--tls-cert", certificate, "--tls-key", key)
    for version, status in (("tls1_1", 1), ("tls1_2", 0), ("tls1_3", 0)):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{registry.port}", f"-{version}", "-CAfile",
                               authority, "-verify_return_error", "-cipher", "DEFAULT@SECLEVEL=0"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == status, done
        assert ("alert protocol version" in done.stderr) == bool(status)
    assert curl(authority, f"https://localhost:{registry.port}/v2/", "--http2", "-w", "%{http_version}").stdout == "{}2"


def test_a_certificate_that_has_expired(tmp_path, serve, pair):
    authority, certificate, key = pair
    request = certificate.with_suffix(".csr")
    openssl("x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority.parents[1] / "ca.key", "-days", "-1", "-out",
            certificate)
    registry = serve("--tls-cert", certificate, "--tls-key", key)
    assert f"clients will refuse {certificate}, which has expired" in registry.output()


def test_certificate_and_key_in_one_file(serve, tmp_path, pair):
    authority, certificate, key = pair
    both = tmp_path / "both.pem"
    both.write_text(key.read_text() + certificate.read_text())
    registry = serve("--tls-cert", both, "--tls-key", both)
    assert curl(authority, f"https://localhost:{registry.port}/v2/").stdout == "{}"
    assert "name that file for both" in refused(tmp_path, "--tls-cert", both, status=USAGE)


def test_a_key_of_another(tmp_path, pair):
    _, certificate, _ = pair
    other = tmp_path / "other"
    other.mkdir()
    _, key = Authority(other).issue(other, "DNS:localhost")
    assert "not that of the certificate" in refused(tmp_path, "--tls-cert", certificate, "--tls-key", key, status=CONFIG)


def test_a_key_with_a_passphrase(tmp_path, pair):
    _, certificate, key = pair
    locked = tmp_path / "locked.pem"
    openssl("pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked)
    assert "passphrase" in refused(tmp_path, "--tls-cert", certificate, "--tls-key", locked, status=CONFIG)


def test_files_that_are_none(tmp_path, pair):
    _, certificate, key = pair
    assert "no certificate" in refused(tmp_path, "--tls-cert", key, "--tls-key", key, status=CONFIG)
    assert "No such file" in refused(tmp_path, "--tls-cert", tmp_path / "no", "--tls-key", key, status=CONFIG)
    assert "plain file" in refused(tmp_path, "--tls-cert", certificate, "--tls-key", tmp_path, status=CONFIG)


@pytest.mark.parametrize("args", [
    ["--tls-key", "x"], ["--tls-self-signed", "--tls-cert", "x", "--tls-key", "x"], ["--tls-name", "x"], ["--tls-dir", "x"],
    ["--tls-self-signed", "--tls-dir", "x", "--tls-name", "a,DNS:b"], ["--tls-self-signed", "--tls-dir", "x", "--tls-name", ""],
    ["--tls-self-signed", "--tls-dir", "x", "--tls-name", "a..b"], ["--tls-self-signed", "--tls-dir", "x", "--tls-name", "10.0.0"],
])
def test_options_that_do_not_go_together(tmp_path, args):
    assert "--tls-" in refused(tmp_path, *args, status=USAGE, cwd=tmp_path)


def test_an_authority_of_its_own(own, tmp_path):
    registry = own("--tls-name", "registry.example", "--tls-name", "2001:db8:0::7")
    authority, certificate = tmp_path / "tls/ca.crt", tmp_path / "tls/server.crt"
    for option, name in (("hostname", "localhost"), ("hostname", socket.gethostname()), ("hostname", "registry.example"),
                         ("ip", "127.0.0.1"), ("ip", "::1"), ("ip", "2001:db8::7")):
        openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", authority, f"-verify_{option}", name, certificate)
    with pytest.raises(subprocess.CalledProcessError):
        openssl("verify", "-CAfile", authority, "-verify_hostname", "other.example", certificate)
    assert curl(authority, f"https://127.0.0.1:{registry.port}/v2/").stdout == "{}"
    assert curl(authority, f"https://registry.example:{registry.port}/v2/", "--resolve",
                f"registry.example:{registry.port}:127.0.0.1").stdout == "{}"


def test_as_clients_in_go_verify(own, tmp_path):
    """They read subjectAltName alone."""
    port = free_port()
    own("--listen", f"0.0.0.0:{port}")
    for address, trust, said in (("127.0.0.1", True, "manifest unknown"), ("127.0.0.2", True, "x509: certificate is valid for"),
                                 ("127.0.0.1", False, "x509: certificate signed by unknown authority")):
        trusted = tmp_path / f"trusted-{trust}"
        trusted.mkdir(exist_ok=True)
        if trust:
            (trusted / "ca.crt").write_bytes((tmp_path / "tls/ca.crt").read_bytes())
        done = subprocess.run(["skopeo", "inspect", "--cert-dir", trusted, f"docker://{address}:{port}/a:1"],
                              capture_output=True, text=True, timeout=20)
        assert said in done.stderr, done


def test_the_address_where_it_listens(own, tmp_path):
    port = free_port()
    registry = own("--listen", f"127.0.0.3:{port}", "--tls-name", "a.example")
    assert curl(tmp_path / "tls/ca.crt", f"https://127.0.0.3:{port}/v2/").stdout == "{}"
    names, = re.findall("^For +(.*)$", registry.output(), re.MULTILINE)
    assert {"a.example", "localhost", socket.gethostname(), "127.0.0.1", "127.0.0.3", "::1"} <= set(names.split())


def test_names_of_the_machine(tmp_path):
    """Its own, with the domain, and the one where it listens."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n127.0.1.1 box.example.org box\n127.0.0.4 registry.example.org\n")
    script = f'hostname box && mount --bind {hosts} /etc/hosts && exec "$@"'
    with started("--root", tmp_path / "store", "--tls-self-signed", "--tls-dir", tmp_path / "tls", "--listen",
                 "registry.example.org:0", prefix=["unshare", "--mount", "--uts", "/bin/sh", "-c", script, "sh"]):
        names = re.findall(r"(?:DNS|IP Address):([^,\n]+)", text(tmp_path / "tls/server.crt"))
    assert sorted(names) == ["0:0:0:0:0:0:0:1", "127.0.0.1", "127.0.0.4", "box", "box.example.org", "localhost",
                             "registry.example.org"]


def test_what_the_certificates_say(own, tmp_path):
    own()
    authority, certificate = text(tmp_path / "tls/ca.crt"), text(tmp_path / "tls/server.crt")
    assert re.search(r"Basic Constraints: critical\s+CA:TRUE, pathlen:0\n", authority)
    assert re.search(r"Key Usage: critical\s+Certificate Sign, CRL Sign\n", authority)
    assert re.search(r"Basic Constraints: critical\s+CA:FALSE\n", certificate)
    assert re.search(r"Key Usage: critical\s+Digital Signature\n", certificate)
    assert re.search(r"Extended Key Usage: *\s+TLS Web Server Authentication\n", certificate)
    assert "Subject Key Identifier" in certificate and "Authority Key Identifier" in certificate
    assert "prime256v1" in authority and "prime256v1" in certificate
    for name, least, most in (("ca", 3640, 3660), ("server", 390, 397)):
        path = tmp_path / f"tls/{name}.crt"
        for days, status in ((least, 0), (most, 1)):
            done = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-checkend", str(days * 86400)],
                                  stdout=subprocess.DEVNULL)
            assert done.returncode == status, (name, days)
        assert (tmp_path / f"tls/{name}.key").stat().st_mode & 0o777 == 0o600
        begins = ssl.cert_time_to_seconds(field(path, "startdate").strip().removeprefix("notBefore="))
        assert time.time() - 1000 < begins < time.time() - 60  # a client's clock may be behind


def test_all_addresses_of_the_machine(own, tmp_path):
    own("--listen", "0.0.0.0:0")
    shown = subprocess.run(["ip", "-o", "address"], check=True, capture_output=True, text=True).stdout
    addresses = [address for address in re.findall(r" inet6? ([^/ ]+)", shown) if not address.startswith("fe80")]
    assert addresses
    for address in addresses:
        openssl("verify", "-CAfile", tmp_path / "tls/ca.crt", "-verify_ip", address, tmp_path / "tls/server.crt")


def test_no_addresses_that_need_an_interface(tmp_path):
    script = """ip link set lo up && ip address add 10.201.8.1/32 dev lo && ip address add fd00:201::1/128 dev lo nodad &&
                ip address add fe80::201/64 dev lo nodad && exec "$@" """
    with started("--root", tmp_path / "store", "--tls-self-signed", "--tls-dir", tmp_path / "tls", "--listen", "[::]:0",
                 prefix=["unshare", "--net", "/bin/sh", "-c", script, "sh"]):
        addresses = re.findall(r"IP Address:([^,\n]+)", text(tmp_path / "tls/server.crt"))
    assert sorted(addresses) == ["0:0:0:0:0:0:0:1", "10.201.8.1", "127.0.0.1", "FD00:201:0:0:0:0:0:1"]


def test_how_clients_come_to_trust_it(own, tmp_path):
    registry = own()
    output, at = registry.output(), f"127.0.0.1:{registry.port}"
    assert str(tmp_path / "tls/ca.crt") in output
    fingerprint = openssl("x509", "-in", tmp_path / "tls/ca.crt", "-noout", "-fingerprint", "-sha256").strip().partition("=")[2]
    assert fingerprint in output
    for line in (f"/etc/docker/certs.d/{at}/ca.crt", f"/etc/containers/certs.d/{at}/ca.crt",
                 f'ca = "/etc/containerd/certs.d/{at}/ca.crt"', f'server = "https://{at}"', "update-ca-certificates",
                 "update-ca-trust", "certutil -addstore -f Root ca.crt", "security add-trusted-cert"):
        assert line in output, line


def restart(registry, own, *args):
    registry.stop()
    return own(*args)


def test_it_stays_as_long_as_it_fits(own, tmp_path):
    registry = own()
    before = {path.name: path.read_bytes() for path in (tmp_path / "tls").iterdir()}
    restart(registry, own)
    assert {path.name: path.read_bytes() for path in (tmp_path / "tls").iterdir()} == before


@pytest.mark.parametrize("days, renewed", [(29, True), (31, False)])
def test_renewal_by_the_same_authority(own, tmp_path, days, renewed):
    registry = own()
    registry.stop()
    tls = tmp_path / "tls"
    names = re.search(r"Subject Alternative Name: *\n *(.*)", text(tls / "server.crt"))[1].replace("IP Address:", "IP:")
    (tmp_path / "extensions").write_text(f"subjectAltName={names}\n")
    openssl("req", "-new", "-key", tls / "server.key", "-subj", "/CN=berth", "-out", tmp_path / "request")
    openssl("x509", "-req", "-in", tmp_path / "request", "-CA", tls / "ca.crt", "-CAkey", tls / "ca.key", "-set_serial", "7",
            "-days", str(days), "-extfile", tmp_path / "extensions", "-out", tls / "server.crt")
    authority = (tls / "ca.crt").read_bytes()
    registry = own()
    assert (tls / "ca.crt").read_bytes() == authority
    assert (field(tls / "server.crt", "serial") != "serial=07\n") == renewed
    assert curl(tls / "ca.crt", f"https://localhost:{registry.port}/v2/").stdout == "{}"


def end(certificate):
    return ssl.cert_time_to_seconds(field(certificate, "enddate").strip().removeprefix("notAfter="))


def test_an_authority_that_ends_soon(own, tmp_path):
    """What it signs ends no later, and it signs nothing after its own end."""
    own().stop()
    authority, key = tmp_path / "tls/ca.crt", tmp_path / "tls/ca.key"
    openssl("x509", "-in", authority, "-signkey", key, "-days", "50", "-out", authority)
    registry = own("--tls-name", "new.example")
    assert end(tmp_path / "tls/server.crt") == end(authority)
    registry.stop()
    openssl("x509", "-in", authority, "-signkey", key, "-days", "-1", "-out", authority)
    said = refused(tmp_path, "--tls-self-signed", "--tls-dir", tmp_path / "tls", status=CONFIG)
    assert str(authority) in said and "expired" in said


def test_other_names_by_the_same_authority(own, tmp_path):
    registry = own()
    authority = (tmp_path / "tls/ca.crt").read_bytes()
    registry = restart(registry, own, "--tls-name", "new.example")
    assert (tmp_path / "tls/ca.crt").read_bytes() == authority
    openssl("verify", "-CAfile", tmp_path / "tls/ca.crt", "-verify_hostname", "new.example", tmp_path / "tls/server.crt")
    restart(registry, own)
    assert "new.example" not in text(tmp_path / "tls/server.crt")


@pytest.mark.parametrize("missing, left, remedy", [("ca.key", "ca.crt", "remove them"), ("ca.crt", "ca.key", "put that back")])
def test_no_new_authority_unasked(own, tmp_path, missing, left, remedy):
    own().stop()
    before = (tmp_path / "tls" / left).read_bytes()
    (tmp_path / "tls" / missing).unlink()
    assert remedy in refused(tmp_path, "--tls-self-signed", "--tls-dir", tmp_path / "tls", status=CONFIG)
    assert (tmp_path / "tls" / left).read_bytes() == before and not (tmp_path / "tls" / missing).exists()


def test_two_make_one_authority(tmp_path):
    """Each waits until the other has made what it needs."""
    with contextlib.ExitStack() as running:
        (tmp_path / "tls").mkdir()
        lock = running.enter_context(open(tmp_path / "tls/lock", "w"))
        fcntl.fcntl(lock, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        both = [running.enter_context(subprocess.Popen(
            [BUILD / "berth", "serve", "--listen", "127.0.0.1:0", "--root", tmp_path / "store", "--tls-self-signed", "--tls-dir",
             tmp_path / "tls"], stdout=subprocess.PIPE, text=True)) for _ in range(2)]
        try:
            time.sleep(0.5)
            assert [path.name for path in (tmp_path / "tls").iterdir()] == ["lock"]
            lock.close()
            for process in both:
                port = re.search(r":(\d+)/", process.stdout.readline())[1]
                assert curl(tmp_path / "tls/ca.crt", f"https://localhost:{port}/v2/").stdout == "{}"
        finally:
            for process in both:
                process.terminate()


def test_with_logins(own, tmp_path):
    users = htpasswd.write(tmp_path / "users", {"alice": "secret"})
    registry = own("--htpasswd", users)
    url = f"https://localhost:{registry.port}/v2/"
    assert '"UNAUTHORIZED"' in curl(tmp_path / "tls/ca.crt", url).stdout
    assert curl(tmp_path / "tls/ca.crt", url, "-u", "alice:secret").stdout == "{}"


def test_a_note_without_logins(own):
    notes = [line for line in own("--listen", "0.0.0.0:0").output().splitlines() if line.startswith("Note: ")]
    assert len(notes) == 1 and "--htpasswd" in notes[0] and "without TLS" not in notes[0]


@pytest.mark.parametrize("variable, below", [("HOME", ".local/state/berth/tls"), ("XDG_STATE_HOME", "berth/tls")])
def test_where_an_ordinary_user_keeps_it(open_place, variable, below):  # noqa: F811
    home = open_place / "home"
    home.mkdir()
    os.chown(home, 33, 33)
    with subprocess.Popen(["setpriv", "--reuid=33", "--regid=33", "--clear-groups", open_place / "programs/berth", "serve",
                           "--listen", "127.0.0.1:0", "--root", open_place / "store", "--tls-self-signed"],
                          stdout=subprocess.PIPE, text=True, env={"PATH": "/usr/bin:/bin", variable: str(home)}) as process:
        try:
            port = re.search(r":(\d+)/", process.stdout.readline())[1]
            assert curl(home / below / "ca.crt", f"https://localhost:{port}/v2/").stdout == "{}"
        finally:
            process.terminate()
    assert (home / below / "ca.key").stat().st_mode & 0o777 == 0o600


def test_with_tokens_of_berth(own, tmp_path):
    """Clients are sent to /token by https, and get there."""
    (tmp_path / "keys").mkdir()
    subprocess.run([BUILD / "berth", "token", "init", tmp_path / "keys"], check=True, capture_output=True)
    conf = tmp_path / "berth.conf"
    conf.write_text(f'token_keys = "{tmp_path}/keys"\nrepository "**" {{ pull = {{"*"}} }}\n')
    url = f"https://localhost:{own('--config', conf).port}"
    assert f'Bearer realm="{url}/token"' in curl(tmp_path / "tls/ca.crt", f"{url}/v2/", "-i").stdout
    assert '"token":"' in curl(tmp_path / "tls/ca.crt", f"{url}/token?service=berth").stdout


def test_where_root_keeps_it(tmp_path):
    """In a /var/lib of its own."""
    script = 'mount -t tmpfs -o mode=755 tmpfs /var/lib && umask 077 && exec "$@"'
    with started("--root", tmp_path / "store", "--tls-self-signed",
                 prefix=["unshare", "--mount", "/bin/sh", "-c", script, "sh"]) as (process, port):
        place = Path(f"/proc/{process.pid}/root/var/lib/berth/tls")
        assert curl(place / "ca.crt", f"https://localhost:{port}/v2/").stdout == "{}"
        modes = {path.name: path.stat().st_mode & 0o777 for path in (place.parent, place, *place.iterdir())}
    assert modes == {"berth": 0o755, "tls": 0o755, "lock": 0o600, "ca.crt": 0o644, "ca.key": 0o600, "server.crt": 0o644,
                     "server.key": 0o600}


def test_a_directory_named_from_here(tmp_path):
    with started("--root", tmp_path / "store", "--tls-self-signed", "--tls-dir", 'my "tls"', cwd=tmp_path) as (_, port):
        assert curl(tmp_path / 'my "tls"/ca.crt', f"https://localhost:{port}/v2/").stdout == "{}"


def test_a_key_that_only_root_reads(open_place, pair):  # noqa: F811
    """As it mostly is; lighttpd runs as the store's owner."""
    authority, certificate, key = pair
    key.chmod(0o600)
    with subprocess.Popen([open_place / "programs/berth", "serve", "--listen", "127.0.0.1:0", "--root", open_place / "store",
                           "--tls-cert", certificate, "--tls-key", key], stdout=subprocess.PIPE, text=True) as process:
        try:
            port = re.search(r":(\d+)/", process.stdout.readline())[1]
            assert curl(authority, f"https://localhost:{port}/v2/").stdout == "{}"
        finally:
            process.terminate()


def test_without_the_module(tmp_path, pair):
    """It says what to install. (Debian's is hidden by a mount namespace of its own.)"""
    _, certificate, key = pair
    hide = f'mount --bind /dev/null {MODULE} && exec "$@"'
    said = refused(tmp_path, "--tls-cert", certificate, "--tls-key", key, status=CONFIG,
                   prefix=["unshare", "-m", "/bin/sh", "-c", hide, "sh"])
    assert "apt install lighttpd-mod-openssl" in said
