# SPDX-License-Identifier: Apache-2.0
"""docs/ on who may do what, TLS, and keeping a store: on one machine, as an administrator tries one thing after another."""

import contextlib

import pytest

from tests.recipes import judge
from tests.recipes.hands import DOCKER, SERVING, archive, certificate, lines
from tests.recipes.machine import GUEST, Machine

ALICE = [("assword", "secret"), ("gain", "secret")]


@pytest.fixture(scope="module")
def server(place, installed):
    with Machine(place / "server", installed) as machine:
        machine.run("apt-get update -qq && apt-get install -y -qq lighttpd docker.io skopeo containerd varnish && "
                    "systemctl disable --now lighttpd varnish containerd docker.socket docker; mkdir -p /media/stick /media/disk")
        machine.run("install -d -m 0750 /var/lib/registry")
        yield machine


@pytest.fixture
def configured(server):
    """Writes berth.conf, which is as it was afterwards."""
    before = (server.root / "etc/berth/berth.conf").read_text()

    def configure(*texts):
        server.write("etc/berth/berth.conf", before + "\n" + "\n".join(texts) + "\n")
        server.run("berth config check")

    yield configure
    server.write("etc/berth/berth.conf", before)


@pytest.fixture
def alice(server):
    """She has a password already."""
    if server.attempt("test -e /etc/berth/users").returncode:
        server.type("berth user add /etc/berth/users alice", answers=ALICE)


def test_a_team_with_htpasswd(server, pages, configured):
    serve, = lines(pages["logins"].take("A team, with htpasswd"))
    user, check, access = lines(pages["logins"].take("Logins and rules"))
    server.run("rm -f /etc/berth/users")
    server.type(user, answers=ALICE)
    configured(pages["logins"].take("A team, with htpasswd", 1))
    server.type(check)
    seen = server.type(access)
    assert "push    yes" in seen and "berth.conf:" in seen
    with server.beside(serve, until="0.0.0.0:5000"):
        url = f"https://{GUEST}:5000"
        assert judge.status(server, f"{url}/v2/", "-k") == 401
        judge.serves(server, url, "-k -u alice:secret")
        manifest = judge.push(server, url, tag="v1", options="-k -u alice:secret")
        assert manifest
        judge.push(server, url, name="public/app", options="-k -u alice:secret")


def test_the_rules_of_readme(server, pages, configured):
    configured(pages["README"].take("Who may do what"))
    for user, may in (("alice", "no"), ("ci", "yes")):
        assert f"push    {may}" in server.run(f"berth access {user} release/app")


def test_passwords_checked_by_berth(server, pages, configured, alice):
    configured(pages["logins"].take("Passwords checked by berth"))
    with server.beside("berth serve --listen 127.0.0.1:5000 --root /var/lib/registry", until=SERVING):
        assert judge.status(server, f"{SERVING}/v2/") == 401
        judge.serves(server, SERVING, "-u alice:secret")


def test_tokens_and_robots(server, pages, configured, alice):
    server.type(pages["logins"].take("Anonymous pull, push with a login"))
    configured(pages["logins"].take("Anonymous pull, push with a login", 1))
    with server.beside("berth serve --listen 127.0.0.1:5000 --root /var/lib/registry", until=SERVING):
        assert judge.status(server, f"{SERVING}/v2/") == 401
        assert judge.status(server, f"{SERVING}/token?scope=repository:team/app:pull") == 200
        token = server.type(pages["logins"].take("Robots")).split()[-1]
        judge.serves(server, SERVING, f"-H 'Authorization: Bearer {token}'")
        assert "build-server" in server.type("berth token ls")
        server.type("berth token revoke build-server")
        assert judge.status(server, f"{SERVING}/v2/team/app/tags/list", f"-H 'Authorization: Bearer {token}'") == 401


def test_an_external_issuer(server, pages, configured):
    certificate(server, "/etc/berth/gitlab.crt", "/root/gitlab.key", "gitlab.example.org")
    configured(pages["logins"].take("An external issuer"))
    with server.beside("berth serve --listen 127.0.0.1:5000 --root /var/lib/registry", until=SERVING):
        assert judge.status(server, f"{SERVING}/v2/", "-D /tmp/head") == 401
        assert 'realm="https://gitlab.example.org/jwt/auth",service="container_registry"' in server.run("cat /tmp/head")


def test_a_web_interface_on_another_host(server, pages, configured):
    configured(pages["logins"].take("A web interface on another host"))
    with server.beside("berth serve --listen 127.0.0.1:5000 --root /var/lib/registry", until=SERVING):
        for origin, seen in (("https://ui.example.org", True), ("https://other.example.org", False)):
            assert judge.status(server, f"{SERVING}/v2/", f"-D /tmp/head -H 'Origin: {origin}'") == 200
            assert (f"Access-Control-Allow-Origin: {origin}" in server.run("cat /tmp/head")) == seen


# Keeping a store.


def test_keeping_a_store(server, pages, configured):
    with server.beside("berth serve --listen 127.0.0.1:5000 --root /var/lib/registry", until=SERVING):
        kept = judge.push(server, SERVING, name="team/kept", tag="v1")
        judge.push(server, SERVING, name="team/kept", tag="nightly")
        seen = server.type(pages["keeping"].take("Keeping a store"))
        assert "team/kept" in seen and "removed: 0 repositories" in seen
        server.type(pages["keeping"].take("Checking and mending"))
        assert "ready" in server.type(pages["keeping"].take("Whether it is well"))
        configured(pages["keeping"].take("Old tags"))
        assert "v1" in server.type("berth retain --dry-run")
        server.type("berth retain")
        judge.has(server, SERVING, kept, name="team/kept", tag="v1")


# TLS.


def test_a_certificate_authority_of_ones_own(server, pages):
    with server.beside(pages["tls"].take("By a certificate authority of one's own"), until="0.0.0.0:5000"):
        options = "--cacert /var/lib/berth/tls/ca.crt"
        judge.serves(server, "https://registry:5000", options)
        archive(server, "nginx.tar", "team/nginx:1")
        server.run("berth import /root/nginx.tar --root /var/lib/registry")
        server.write("etc/containerd/certs.d/registry:5000/hosts.toml",
                     'server = "https://registry:5000"\n[host."https://registry:5000"]\nca = "/var/lib/berth/tls/ca.crt"\n')
        config = server.run("cat /etc/containerd/config.toml")
        server.write("etc/containerd/config.toml", config + pages["tls"].take("By a certificate authority of one's own", 1) + "\n")
        server.run("systemctl restart containerd")
        assert 'config_path = "/etc/containerd/certs.d"' in server.run("containerd config dump")
        server.type("ctr images pull --snapshotter native --hosts-dir /etc/containerd/certs.d registry:5000/team/nginx:1")


def test_a_certificate_from_elsewhere(server, pages, alice):
    certificate(server, "/etc/letsencrypt/live/registry.example.org/fullchain.pem",
                "/etc/letsencrypt/live/registry.example.org/privkey.pem")
    server.run("mkdir -p /srv/registry")
    with server.beside(pages["tls"].take("By a public certificate authority", 1), until="0.0.0.0:443"):
        assert judge.status(server, "https://registry.example.org/v2/",
                            "--cacert /etc/letsencrypt/live/registry.example.org/fullchain.pem") == 401


def test_a_cache_in_front(server, pages):
    with server.beside("berth serve --listen 127.0.0.1:80 --root /var/lib/registry", until="http://127.0.0.1:80"):
        manifest = judge.push(server, "http://127.0.0.1", name="cached/app")
        server.type(pages["web-servers"].take("A cache in front"))
        judge.wait(server, "http://127.0.0.1:6081")
        judge.has(server, "http://127.0.0.1:6081", manifest, name="cached/app")
        server.run("pkill varnishd")


# Across an air gap. "There" is another registry on the same machine.


@pytest.fixture
def sites(server):
    """A registry here with images, and an empty one there; what is typed on each, by the remarks of the recipe."""
    server.run("rm -rf /var/lib/registry /srv/there /media/*/*; install -d /var/lib/registry /srv/there")
    archive(server, "some.tar", "team/app:1.2", "team/app:v1.0", "base/system:1")
    server.run("berth import /root/some.tar")
    configuration = server.run("cat /etc/berth/berth.conf")
    server.write("root/there.conf", f'{configuration}\nroot = "/srv/there"\n')

    def type_both(block):
        for line in block.splitlines():
            command, _, remark = line.partition("  #")
            server.type(("export BERTH_CONF=/root/there.conf\n" if "there" in remark else "") + command, where="/root")

    return type_both


def test_one_image_over_the_gap(server, pages, sites):
    with docker(server):
        sites(pages["air-gap"].take("Across an air gap"))
        assert "team/app" in server.run("docker images")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_more_over_the_gap(server, pages, sites, number):
    if number == 3:  # where the other side has something already
        server.run("berth export team/app:1.2 -o /root/one.tar && berth import /root/one.tar --root /srv/there")
    sites(pages["air-gap"].take("Across an air gap", number))
    assert "team/app" in server.run("berth ls --root /srv/there")
    assert "base/system" in server.run("berth ls --root /srv/there")
    server.run("berth fsck --root /srv/there")


@contextlib.contextmanager
def docker(server):
    server.write("etc/docker/daemon.json", DOCKER)
    server.run("systemctl start docker.socket docker")
    yield
    server.run("systemctl stop docker.socket docker")


def test_images_from_elsewhere(server, pages, sites):
    save, sync, copy = lines(pages["air-gap"].take("Across an air gap", 4))
    take, directory, stream = lines(pages["air-gap"].take("Across an air gap", 5))
    archive(server, "daemon.tar", "team/app:1.0", "busybox:1.36")
    archive(server, "two.tar", "team/app:2.0")
    server.write("usr/local/bin/ssh", '#!/bin/sh\nshift\nexec "$@"\n')  # the other machine is this one
    server.run("chmod 755 /usr/local/bin/ssh; rm -rf /root/disk /root/app.tar; mkdir /root/disk")
    serve = "berth serve --listen 0.0.0.0:443 --tls-self-signed --tls-name registry.example.org --root /srv/there"
    with docker(server), server.beside(serve, until="0.0.0.0:443"):
        server.run("cp /var/lib/berth/tls/ca.crt /usr/local/share/ca-certificates/berth.crt && update-ca-certificates")
        server.run("berth import /root/two.tar --root /srv/there; docker load -i /root/daemon.tar")
        server.type(save, where="/root")
        server.type(take, where="/root")
        server.type(stream, where="/root")
        assert server.run("berth tags team/app").split().count("1.0") == 1
        server.type(sync, where="/root")
        server.type("rm app.tar\n" + copy, where="/root")
        server.type(directory, where="/root")
        assert "2.0" in server.run("berth tags team/app")
        assert "1.36" in server.run("berth tags busybox")
