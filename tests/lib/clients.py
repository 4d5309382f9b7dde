# SPDX-License-Identifier: Apache-2.0
"""The container clients. Each has its storage, credentials and caches below one directory, reads no configuration of
the machine's, and leaves no process and no mount behind."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.recipes.document import blocks

# Debian's client: it has BuildKit, which the client that other packagers put on PATH leaves to a plugin.
DOCKER = "/usr/bin/docker"

TLS = Path(__file__).parents[2] / "docs/tls.md"

# What a container of the images that are made here prints.
GREETING = "hello from a container\n"


def attempt(*argv, env=None, timeout=120):
    """Runs a command to its end, whatever that is."""
    return subprocess.run(argv, env=env, timeout=timeout, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def run(*argv, env=None, timeout=120):
    """The standard output of a command that must succeed."""
    done = attempt(*argv, env=env, timeout=timeout)
    assert done.returncode == 0, f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def refusal(*argv, env=None):
    """The standard error of a command that must fail."""
    done = attempt(*argv, env=env)
    assert done.returncode != 0, f"{' '.join(map(str, argv))}: should have failed\n{done.stdout}"
    return done.stderr


def unmount_below(directory):
    """Undoes what daemons leave mounted, the innermost mount first."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed(mounts):
        if Path(mount).is_relative_to(directory):
            run("umount", mount)


class Daemon:
    """A program in the foreground that is ready when `ready()` holds, and ends upon SIGTERM. All that it needs and
    leaves is below `home`. As a context manager it runs for that long."""

    def __init__(self, home, argv, ready):
        self.home, self.argv, self.ready = home, argv, ready
        self.log = home / f"{Path(argv[0]).name}.log"
        self.process = None

    def start(self, patience=30):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        deadline = time.monotonic() + patience
        while not self.ready():
            ended = self.process.poll()
            if ended is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"{self.argv[0]} did not get ready (exit {ended}):\n{self.log.read_text()}")
            time.sleep(0.05)
        return self

    def stop(self, patience=30):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            unmount_below(self.home)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Dockerd(Daemon):
    """A Docker daemon without network set-up: no bridge, no firewall rules, nothing shared with another daemon."""

    def __init__(self, home, enter=(), network="--bridge=none"):
        """`enter` is a command prefix, such as nsenter, under which the daemon runs. Only in a network namespace of its
        own may it make a bridge there: `network` is the option that says so."""
        home.mkdir()
        config = home / "daemon.json"
        config.write_text("{}\n")
        host = f"unix://{home}/docker.sock"
        self.client = dict(os.environ, DOCKER_HOST=host, DOCKER_CONFIG=str(home / "config"))
        super().__init__(home, [*enter, "dockerd", f"--config-file={config}", "--iptables=false", "--ip6tables=false",
                                network, f"--data-root={home}/data", f"--exec-root={home}/exec",
                                f"--pidfile={home}/pid", "-H", host],
                         lambda: attempt(DOCKER, "version", env=self.client).returncode == 0)

    def docker(self, *args, **variables):
        return run(DOCKER, *args, env={**self.client, **variables})

    def refusal(self, *args):
        """What docker says of a command that must fail."""
        return refusal(DOCKER, *args, env=self.client)


class Containerd(Daemon):
    """containerd with its CRI service. `hosts` is its directory of `<host>/hosts.toml` files."""

    CONFIG, HOSTS, DATA = "/etc/containerd/config.toml", "/etc/containerd/certs.d", "/var/lib/containerd"

    def __init__(self, home, enter=(), etc=None):
        """`enter` is a command prefix, such as nsenter, under which it and its client run. It finds the file that
        Debian's package brings in `etc`, the /etc that it sees there; else it gets a copy of it that `reads_hosts`."""
        home.mkdir(parents=True)
        self.enter, self.socket = enter, home / "sock"
        self.config, self.hosts = (etc / Path(path).relative_to("/etc") if etc else home / Path(path).name
                                   for path in (self.CONFIG, self.HOSTS))
        self.hosts.mkdir()
        self.client = dict(os.environ, CONTAINERD_ADDRESS=str(self.socket))
        super().__init__(home, [*enter, "containerd", "--address", self.socket, "--root", home / "root",
                                "--state", home / "state", *([] if etc else ["--config", self.config])],
                         lambda: attempt("ctr", "version", env=self.client).returncode == 0)
        if not etc:
            self.config.write_text(Path(self.CONFIG).read_text().replace(self.DATA, str(home)))
            self.reads_hosts(self.hosts)

    def reads_hosts(self, place=HOSTS):
        """What docs/tls.md says to add to its configuration, for hosts.toml to count. It takes a restart."""
        lines, = (block.text for block in blocks(TLS) if f'config_path = "{self.HOSTS}"' in block.text)
        with open(self.config, "a") as config:
            config.write(lines.replace(self.HOSTS, str(place)) + "\n")

    def ctr(self, *args):
        return run(*self.enter, "ctr", *args, env=self.client)

    def route(self, host, *, server=None, mirror=None):
        """Tells the CRI service where the images of `host` are: at a server in place of it, or at a mirror first."""
        # containerd 1.6 ignores a file without any [host].
        lines = [f'server = "{server}"', f'[host."{server}"]'] if server else [
            f'[host."{mirror}"]', '  capabilities = ["pull", "resolve"]']
        directory = self.hosts / host
        directory.mkdir(exist_ok=True)  # of a registry before, which had the same port
        (directory / "hosts.toml").write_text("\n".join(lines) + "\n")


class Containers:
    """podman, buildah and skopeo, as one user of them has them."""

    STORAGE = """[storage]
driver = "{driver}"
runroot = "{home}/run"
graphroot = "{home}/graph"
[storage.options]
pull_options = {{enable_partial_images = "{partial}", use_hard_links = "false", ostree_repos = ""}}
"""
    # File locks: the default, shared memory, stays in /dev/shm.
    ENGINE = """[engine]
tmp_dir = "{home}/tmp"
lock_type = "file"
"""

    def __init__(self, home, driver="vfs", partial_pulls=False, enter=()):
        """`enter` is a command prefix, such as nsenter, under which they run."""
        home.mkdir()
        self.home, self.enter = home, enter
        files = {
            "CONTAINERS_STORAGE_CONF": self.STORAGE.format(home=home, driver=driver,
                                                           partial="true" if partial_pulls else "false"),
            "CONTAINERS_CONF": self.ENGINE.format(home=home),
            "CONTAINERS_REGISTRIES_CONF": "",
            "REGISTRY_AUTH_FILE": "{}\n",
        }
        self.env = dict(os.environ, HOME=str(home), XDG_DATA_HOME=str(home / "share"),
                        XDG_RUNTIME_DIR=str(home / "xdg"))
        for variable, text in files.items():
            path = home / variable.lower()
            path.write_text(text)
            self.env[variable] = str(path)
        # As root skopeo would remember blobs in the machine's cache, and try to mount from repositories of other runs.
        self.skopeo_env = {**self.env, "_CONTAINERS_ROOTLESS_UID": "1000"}

    def podman(self, *args):
        return run(*self.enter, "podman", *args, env=self.env).strip()

    def buildah(self, *args):
        return run(*self.enter, "buildah", *args, env=self.env).strip()

    def skopeo(self, *args):
        return run(*self.enter, "skopeo", *args, env=self.skopeo_env)

    def skopeo_refusal(self, *args):
        """What skopeo says of a command that must fail."""
        return refusal(*self.enter, "skopeo", *args, env=self.skopeo_env)

    def push(self, source, name):
        """Copies an image from one of skopeo's transports to a registry."""
        self.skopeo("copy", "--dest-tls-verify=false", source, f"docker://{name}")

    def close(self):
        unmount_below(self.home)


def hello(directory):
    """A program that needs no other file: the content of the smallest image that runs."""
    source, program = directory / "hello.c", directory / "hello"
    source.write_text(f'#include <stdio.h>\nint main(void) {{ puts("{GREETING.strip()}"); return 0; }}\n')
    run("gcc", "-static", "-Os", "-s", "-o", program, source)
    return program


def build_context(directory, program):
    """What `docker build` and `buildah build` make an image of that runs the program: it has two layers, and the second
    is like no other."""
    directory.mkdir()
    shutil.copy(program, directory / "hello")
    (directory / "noise").write_bytes(os.urandom(50_000))
    (directory / "Dockerfile").write_text('FROM scratch\nCOPY hello /hello\nCOPY noise /noise\nCMD ["/hello"]\n')
    return directory


def oci_layout(layout, architectures, files):
    """An OCI image layout made by umoci. For each architecture it has an image, which is tagged so, with each of the
    files as a layer."""
    run("umoci", "init", "--layout", layout)
    for architecture in architectures:
        image = f"{layout}:{architecture}"
        run("umoci", "new", "--image", image)
        run("umoci", "config", "--image", image, "--architecture", architecture, "--config.cmd", "/" + files[0].name)
        for file in files:
            run("umoci", "insert", "--image", image, file, "/" + file.name)
    run("umoci", "gc", "--layout", layout)
    return layout


def add_index(layout, tag):
    """Adds an index of all images in a layout of `oci_layout`."""
    listing = json.loads((layout / "index.json").read_text())
    children = [{"mediaType": child["mediaType"], "digest": child["digest"], "size": child["size"],
                 "platform": {"os": "linux", "architecture": child["annotations"]["org.opencontainers.image.ref.name"]}}
                for child in listing["manifests"]]
    media_type = "application/vnd.oci.image.index.v1+json"
    index = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": children}).encode()
    digest = hashlib.sha256(index).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(index)
    listing["manifests"].append({"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(index),
                                 "annotations": {"org.opencontainers.image.ref.name": tag}})
    (layout / "index.json").write_text(json.dumps(listing))
    return f"sha256:{digest}"


def blobs(layout):
    """Every blob of an OCI image layout."""
    return {blob.name: blob.read_bytes() for blob in (layout / "blobs/sha256").iterdir()}
