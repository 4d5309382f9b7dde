# SPDX-License-Identifier: Apache-2.0
"""packaging/kubernetes/air-gapped/node: what it tells containerd or k3s. They are made up here."""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.lib.kubernetes import MANIFESTS

CTR = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLED"
case $* in
*"images list -q") printf 'docker.io/library/berth:0.1.0\\ndocker.io/library/berth:latest\\nquay.io/coreos/berth:1\\n' ;;
esac
"""
IMPORTED = ["docker.io/library/berth:0.1.0", "docker.io/library/berth:latest"]
NAME, URL = "registry.internal:5000", "http://10.0.0.11:30500"


class Node:
    def __init__(self, home: Path):
        self.home, self.certs, self.config, self.k3s = home, home / "certs.d", home / "config.toml", home / "k3s"
        (home / "bin").mkdir()
        for name in ("ctr", "k3s"):
            (home / "bin" / name).write_text(CTR)
            (home / "bin" / name).chmod(0o755)
        (home / "berth.tar").touch()
        (home / "ca.crt").write_text("a certificate\n")
        self.config.write_text(f'config_path = "{self.certs}"\n')

    def run(self, *args):
        (self.home / "called").write_text("")
        env = {"PATH": f"{self.home}/bin:{os.environ['PATH']}", "CALLED": str(self.home / "called"), "CERTS": str(self.certs),
               "CONFIG": str(self.config), "K3S": str(self.k3s), "K3S_DATA": str(self.home / "k3s-data")}
        return subprocess.run([MANIFESTS / "air-gapped" / "node", *args], cwd=self.home, env=env, capture_output=True, text=True,
                              check=False, timeout=60)

    def called(self):
        return (self.home / "called").read_text().splitlines()

    def hosts(self):
        return tomllib.loads((self.certs / NAME / "hosts.toml").read_text())


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path)


def test_containerd(node):
    for url in (URL, "http://10.0.0.12:30500"):
        done = node.run("berth.tar", NAME, url)
        assert (done.returncode, done.stderr) == (0, "")
        assert node.called() == ["ctr --namespace k8s.io images import berth.tar", "ctr --namespace k8s.io images list -q", *(
            f"ctr --namespace k8s.io images label {image} io.cri-containerd.pinned=pinned" for image in IMPORTED)]
        assert node.hosts() == {"server": url, "host": {url: {"capabilities": ["pull", "resolve", "push"]}}}


def test_containerd_with_an_authority(node):
    url = URL.replace("http:", "https:")
    assert node.run("berth.tar", NAME, url, "ca.crt").returncode == 0
    kept = node.certs / NAME / "ca.crt"
    assert node.hosts()["host"][url]["ca"] == str(kept) and kept.read_text() == "a certificate\n"
    assert node.run("berth.tar", NAME, URL).returncode == 0
    assert "ca" not in node.hosts()["host"][URL] and not kept.exists()


def test_containerd_that_does_not_read_it(node):
    node.config.unlink()
    done = node.run("berth.tar", NAME, URL)
    assert done.returncode == 78 and "containerd does not read" in done.stderr and "config_path" in done.stderr
    assert node.hosts()


def test_k3s(node):
    node.k3s.mkdir()
    done = node.run("berth.tar", NAME, URL)
    assert (done.returncode, done.stderr) == (0, "")
    assert node.called()[0] == "k3s ctr --namespace k8s.io images import berth.tar" and len(node.called()) == 4
    told = node.k3s / "registries.yaml"
    assert yaml.safe_load(told.read_text()) == {"mirrors": {NAME: {"endpoint": [URL]}}}
    assert node.run("berth.tar", NAME, URL).returncode == 0
    before = told.read_text()
    done = node.run("berth.tar", "other.internal", URL)
    assert done.returncode == 78 and "says other things already" in done.stderr and "other.internal" in done.stderr
    assert told.read_text() == before


def test_an_agent_of_k3s(node):
    """Which has no configuration until somebody writes one."""
    (node.home / "k3s-data").mkdir()
    assert node.run("berth.tar", NAME, URL).returncode == 0
    assert node.called()[0] == "k3s ctr --namespace k8s.io images import berth.tar" and not node.certs.exists()
    assert yaml.safe_load((node.k3s / "registries.yaml").read_text()) == {"mirrors": {NAME: {"endpoint": [URL]}}}


def test_k3s_with_an_authority(node):
    node.k3s.mkdir()
    assert node.run("berth.tar", NAME, "https://10.0.0.11:30500", "ca.crt").returncode == 0
    told = yaml.safe_load((node.k3s / "registries.yaml").read_text())
    assert told["configs"] == {"10.0.0.11:30500": {"tls": {"ca_file": str(node.k3s / f"{NAME}.crt")}}}
    assert (node.k3s / f"{NAME}.crt").read_text() == "a certificate\n"


@pytest.mark.parametrize("args, status, said", [
    ((), 64, "usage: "),
    (("berth.tar", NAME), 64, "usage: "),
    (("none.tar", NAME, URL), 66, "none.tar cannot be read"),
    (("berth.tar", NAME, URL.replace("http", "https"), "none.crt"), 66, "none.crt cannot be read"),
    (("berth.tar", "a/b", URL), 64, "no name of a registry"),
    (("berth.tar", "", URL), 64, "no name of a registry"),
    (("berth.tar", NAME, "10.0.0.11:30500"), 64, "no address of a registry"),
    (("berth.tar", NAME, "http://"), 64, "no address of a registry"),
    (("berth.tar", NAME, f"{URL}/v2"), 64, "more than an address"),
    (("berth.tar", NAME, f'{URL}"]'), 64, "more than an address"),
    (("berth.tar", NAME, URL, "ca.crt"), 64, "an authority is for https"),
])
def test_what_is_wrong_is_said_before_anything_is_done(node, args, status, said):
    done = node.run(*args)
    assert done.returncode == status and done.stderr.startswith("node: ") and said in done.stderr
    assert not node.called() and not node.certs.exists()


def test_an_import_that_fails_ends_it(node):
    (node.home / "bin" / "ctr").write_text("#!/bin/sh\necho 'ctr: unrecognized image format' >&2\nexit 1\n")
    done = node.run("berth.tar", NAME, URL)
    assert done.returncode == 1 and "unrecognized image format" in done.stderr and not node.certs.exists()
