# SPDX-License-Identifier: Apache-2.0
"""docs/ behind a web server, and in the place of registry:2, each way on a machine of its own that survives a reboot."""

import pytest

from tests.recipes import judge
from tests.recipes.hands import SERVING, certificate, lines


def after_reboot(machine, url="http://127.0.0.1", options=""):
    """Whether it serves, and what it serves is there after a reboot."""
    judge.wait(machine, url)
    manifest = judge.push(machine, url, options=options)
    judge.has(machine, url, manifest, options=options)
    machine.run("systemctl start berth-gc.service")
    machine.reboot()
    judge.wait(machine, url)
    judge.has(machine, url, manifest, options=options)


def edit_units(machine, text):
    """Makes an editor of what somebody would type into it."""
    machine.write("usr/local/bin/typist", f"#!/bin/sh\ncat > \"$1\" <<'END'\n{text}\nEND\n")
    machine.run("chmod 755 /usr/local/bin/typist")
    return "export EDITOR=/usr/local/bin/typist\n"


def test_lighttpd(machine, pages):
    machine.type(pages["web-servers"].take("lighttpd, which starts the workers (bin-path)"))
    after_reboot(machine)


def units(machine, pages):
    """The units, on a machine that has the server's group www-data, as every Debian."""
    machine.type(pages["web-servers"].take("systemd units"))
    assert machine.run("systemctl is-active berth.socket berth-gc.timer").split() == ["active", "active"]
    machine.run("systemctl start berth-gc.service")  # as at night, before anything was pushed


def test_lighttpd_with_a_socket(machine, pages):
    units(machine, pages)
    machine.type(pages["web-servers"].take("lighttpd with a socket"))
    after_reboot(machine)


def test_apache_with_mod_fcgid(machine, pages):
    machine.type(pages["web-servers"].take("Apache with mod_fcgid"))
    after_reboot(machine)


def test_apache_with_mod_proxy_fcgi(machine, pages):
    units(machine, pages)
    machine.type(pages["web-servers"].take("Apache with mod_proxy_fcgi"))
    after_reboot(machine)


def test_nginx(machine, pages):
    units(machine, pages)
    machine.run("apt-get install -y -qq nginx-light")
    certificate(machine, "/etc/ssl/registry.pem", "/etc/ssl/registry.key")
    machine.write("etc/nginx/sites-enabled/registry", pages["web-servers"].take("nginx"))
    machine.type("systemctl enable nginx && systemctl reload-or-restart nginx")
    after_reboot(machine, "https://registry.example.org", "-k")


def test_plain_cgi(machine, pages):
    machine.run("apt-get install -y -qq apache2 && a2enmod cgid")
    machine.run("install -d -o www-data -g www-data -m 0750 /var/lib/registry")
    machine.write("etc/apache2/conf-enabled/berth.conf", pages["web-servers"].take("Plain CGI"))
    machine.run("systemctl restart apache2")
    judge.wait(machine)
    judge.serves(machine)


def test_berth_serve_as_a_service(machine, pages):
    block = pages["laptop"].take("As a service")
    system, user = block.split("\n\n")
    machine.run("apt-get install -y -qq lighttpd && systemctl disable --now lighttpd")
    machine.run("adduser --disabled-password --gecos '' alice; echo 'alice ALL = NOPASSWD: ALL' > /etc/sudoers.d/alice")
    machine.type("\n".join(system.splitlines()[:2]))
    after_reboot(machine, SERVING)
    machine.run("systemctl kill -s KILL --kill-who=main berth-serve.service")
    judge.wait(machine, SERVING)
    machine.type(edit_units(machine, "[Service]\nExecStart=\nExecStart=/usr/local/bin/berth serve --listen 127.0.0.1:5002 "
                                     "--root /var/lib/registry") + system.splitlines()[2])
    machine.run("systemctl restart berth-serve.service")
    judge.wait(machine, "http://127.0.0.1:5002")
    # As somebody who has logged in; then at the next boot without that.
    machine.run("loginctl enable-linger alice; systemctl start user@$(id -u alice).service")
    machine.type("export XDG_RUNTIME_DIR=/run/user/$(id -u)\n" + user, where="/home/alice", user="alice")
    after_reboot(machine, SERVING)


# From registry:2 and back. Its image is not to be had without its own network; Debian's docker-registry is the same program, and
# an image of that name is made of it, with the file that is in it elsewhere.

CONFIG_YML = """version: 0.1
log: {fields: {service: registry}}
storage: {cache: {blobdescriptor: inmemory}, filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000", headers: {X-Content-Type-Options: [nosniff]}}
health: {storagedriver: {enabled: true, interval: 10s, threshold: 3}}
"""
MAKE_IMAGE = """mkdir /root/image
cp --parents -L /usr/bin/docker-registry $(ldd /usr/bin/docker-registry | grep -o '/[^ ]*') /etc/docker/registry/config.yml /root/image
tar -C /root/image -c . | docker import --change 'ENTRYPOINT ["docker-registry", "serve"]' \
  --change 'CMD ["/etc/docker/registry/config.yml"]' --change 'ENV PATH=/usr/bin' - registry:2
"""


@pytest.fixture
def with_registry_2(machine):
    machine.write("etc/docker/daemon.json",
                  '{"iptables": false, "ip6tables": false, "bip": "10.209.84.1/24", "storage-driver": "vfs"}')
    machine.run("for tree in /sys/fs/cgroup/*/; do mount -o remount,rw,bind $tree; done")  # for its containers
    machine.run("apt-get update -qq && apt-get install -y -qq --no-install-recommends lighttpd docker-registry docker.io && "
                "systemctl disable --now lighttpd docker-registry")
    machine.write("etc/docker/registry/config.yml", CONFIG_YML)
    machine.run(MAKE_IMAGE)
    return machine


def test_from_registry_2_and_back(with_registry_2, pages):
    machine = with_registry_2
    # README has the line of the page that tests/image types.
    assert pages["README"].take("In the place of registry:2") == pages["container"].blocks["Run it", 0]
    there_and_back = pages["from-registry-2"].take("Back")
    machine.type(there_and_back.replace(" -d ", " -d --name registry "))
    judge.wait(machine, SERVING)
    manifest = judge.push(machine, SERVING)

    read, stop, serve = lines(pages["from-registry-2"].take("From registry:2, and back"))
    assert 'root = "/var/lib/registry"' in machine.type(read)
    machine.type(stop)
    with machine.beside(serve, until="Storing   /var/lib/registry"):
        judge.has(machine, SERVING, manifest)

    server, units = lines(pages["from-registry-2"].take("To berth"))
    machine.type(server)
    machine.type("ln -s /etc/berth/lighttpd.conf /etc/lighttpd/conf-enabled/50-berth.conf\n"
                 "systemctl enable lighttpd && systemctl restart lighttpd")
    judge.wait(machine)
    judge.has(machine, "http://127.0.0.1", manifest)
    machine.type("berth fsck --repair && berth gc")
    newer = judge.push(machine, "http://127.0.0.1", tag="2")
    machine.run("systemctl stop lighttpd; adduser --system --group --no-create-home berth")
    machine.type(units)
    machine.type(there_and_back)
    judge.wait(machine, SERVING)
    judge.has(machine, SERVING, manifest)
    judge.has(machine, SERVING, newer, tag="2")
