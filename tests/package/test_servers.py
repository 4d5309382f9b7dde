# SPDX-License-Identifier: Apache-2.0
"""The packages of each server, from the installation to the purge."""

import re

import pytest

from tests.recipes import judge

REGISTRY = "http://127.0.0.1:5000"
SERVERS = ["lighttpd", "apache2", "nginx"]
SITE = {"lighttpd": "/etc/lighttpd/conf-available/50-berth.conf", "apache2": "/etc/apache2/conf-available/berth-apache2.conf",
        "nginx": "/etc/nginx/sites-available/berth"}
OTHER_SITE = "http://127.0.0.1"
APT = "apt-get install -y -qq --allow-downgrades -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"


def install(machine, server, version="now"):
    return machine.run(f"{APT} /root/{version}/berth_*.deb /root/{version}/berth-{server}_*.deb 2>&1")


def page(machine):
    """The server's page for everyone, and that there is no registry below it."""
    assert judge.status(machine, f"{OTHER_SITE}/v2/") == 404
    assert judge.status(machine, f"{OTHER_SITE}/") == 200
    return machine.run("cat /tmp/answer")


def answers(machine):
    return machine.attempt(f"curl -s -o /dev/null {REGISTRY}/v2/").returncode == 0


def version(machine):
    return machine.run("berth --version").split()[-1], machine.run("dpkg-query -W -f '${Version}' berth")


@pytest.mark.parametrize("server", SERVERS)
def test_from_installation_to_purge(machine, server):
    machine.run(f"apt-get install -y -qq {server}")
    judge.wait(machine, OTHER_SITE)
    other = page(machine)

    install(machine, server, "before")
    judge.wait(machine, REGISTRY)
    manifest = judge.push(machine, REGISTRY)
    judge.has(machine, REGISTRY, manifest)
    assert page(machine) == other
    assert machine.run("stat -c '%U %G %a' /var/lib/registry").split() == ["berth", "www-data", "2750"]
    assert machine.run("systemctl is-active berth.socket berth-gc.timer").split() == ["active", "active"]
    assert machine.attempt("systemctl is-enabled berth-serve.service").stdout.strip() == "disabled"
    assert not machine.attempt("systemctl --failed --quiet").stdout
    machine.run("""echo 'retain "**" { newest = 9 }' >> /etc/berth/berth.conf""")
    machine.run("systemctl start berth-gc.service berth-retain.service && systemctl reload berth.service")
    judge.has(machine, REGISTRY, manifest)

    # What somebody has edited stays, and what nobody has is new.
    machine.run(f"echo 'page_limit = \"99\"' >> /etc/berth/berth.conf; echo '# mine' >> {SITE[server]}")
    started = machine.run("systemctl show -P ExecMainStartTimestampMonotonic berth.service")
    install(machine, server)
    assert version(machine)[1] != "0.0.9"
    judge.wait(machine, REGISTRY)
    judge.has(machine, REGISTRY, manifest)
    assert started != machine.run("systemctl show -P ExecMainStartTimestampMonotonic berth.service")
    assert 'page_limit = "99"' in machine.run("cat /etc/berth/berth.conf")
    assert "# mine" in machine.run(f"cat {SITE[server]}")
    newer = judge.push(machine, REGISTRY, tag="2")
    assert page(machine) == other

    # What the administrator has disabled stays so; what a removal has comes back.
    machine.run(f"apt-get remove -y -qq berth-{server}")
    assert not answers(machine) and page(machine) == other
    install(machine, server)
    judge.wait(machine, REGISTRY)
    judge.has(machine, REGISTRY, newer, tag="2")

    machine.reboot()
    judge.wait(machine, REGISTRY)
    judge.has(machine, REGISTRY, manifest)

    said = machine.run(f"apt-get purge -y -qq berth berth-{server} 2>&1")
    assert "the images stay in /var/lib/registry" in said
    assert machine.run("find /var/lib/registry -name data -path '*blobs*'")
    assert not answers(machine) and page(machine) == other
    assert not machine.attempt("systemctl --failed --quiet").stdout
    assert not machine.run("find /etc /var/lib/systemd/deb-systemd-helper-enabled /var/lib/berth -name '*berth*' 2>/dev/null || :")


@pytest.mark.parametrize("server", SERVERS)
def test_a_port_that_is_taken(machine, server):
    machine.run("systemd-run --unit=taken systemd-socket-activate -l 5000 /bin/cat")
    machine.run(f"apt-get install -y -qq {server}")
    judge.wait(machine, OTHER_SITE)
    said = install(machine, server)
    assert f"berth-{server}: port 5000 is taken" in said
    page(machine)
    machine.run("systemctl stop taken")
    assert not answers(machine)
    by_hand = said.partition("; then: ")[2].splitlines()[0]
    machine.run(by_hand, where="/etc/nginx/sites-enabled" if server == "nginx" else "/")
    judge.wait(machine, REGISTRY)
    judge.serves(machine, REGISTRY)


@pytest.mark.parametrize("server", SERVERS)
def test_a_login(machine, server):
    """As the first lines of its file say."""
    install(machine, server)
    judge.wait(machine, REGISTRY)
    said = machine.run(f"cat /etc/berth/{server.rstrip('2')}-auth-login.conf")
    machine.type("berth user add --cost 5 /etc/berth/users alice", where="/", answers=[("assword", "secret"), ("gain", "secret")])
    machine.run("\n".join(re.findall(r"(?m)^#   ((?:a2enmod|ln|systemctl) .*)", said)))
    # Workers from before a reload may answer for a moment longer.
    machine.run(f"timeout 60 sh -c 'until curl -s -o /dev/null -w %{{http_code}} {REGISTRY}/v2/ | grep -qx 401; do sleep 0.2; done'")
    assert judge.status(machine, f"{REGISTRY}/v2/", "-u alice:wrong") == 401
    judge.serves(machine, REGISTRY, "-u alice:secret")


def test_what_an_administrator_disabled(machine):
    install(machine, "nginx", "before")
    judge.wait(machine, REGISTRY)
    machine.run("rm /etc/nginx/sites-enabled/berth && systemctl reload nginx; systemctl disable --now berth-gc.timer")
    install(machine, "nginx")
    assert not answers(machine)
    assert machine.attempt("systemctl is-active berth-gc.timer").stdout.strip() == "inactive"


def test_images_of_another_registry(machine):
    """They are not collected before somebody says so, and nobody gives them to another user."""
    machine.run("mkdir -p /var/lib/registry/docker/registry/v2/repositories && chmod 755 /var/lib/registry")
    said = install(machine, "nginx")
    assert "there are images in /var/lib/registry" in said
    assert machine.run("stat -c '%U %a' /var/lib/registry").split() == ["root", "755"]
    assert machine.attempt("systemctl is-active berth-gc.timer").stdout.strip() == "inactive"
    machine.run("chown -R berth:www-data /var/lib/registry && chmod 2750 /var/lib/registry")
    judge.serves(machine, REGISTRY)
