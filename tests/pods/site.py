# SPDX-License-Identifier: Apache-2.0
"""A registry in a cluster, and those who use it: skopeo on the host pushes, containerd of the node pulls."""

import json
import re
import secrets
import shlex
import socket

from tests.lib import client, cri
from tests.lib.clients import run

LIVE, READY = "livenessProbe", "readinessProbe"
WELL = (True, '200 {"status":"ok"}')
LOGINS = 'htpasswd = "/etc/berth/htpasswd"'
PORT = 5000  # of the pod
SECRET = "registry-login"  # an imagePullSecret


class Site:
    """A cluster that has a name for the registry: who pulls by it is led to the Service by the node's hosts.toml."""

    def __init__(self, cluster, skopeo):
        self.cluster, self.skopeo = cluster, skopeo
        self.name = f"{secrets.token_hex(4)}.registry.test"
        self.runtime = cluster.node.runtime
        # Where the host pushes, if not to the Service, and the directory with the authority that it trusts, if there is TLS.
        self.host = self.trusted = None

    @property
    def pod(self):
        return self.cluster.pod

    def start(self, overlay="base"):
        self.cluster.apply(overlay)
        self.cluster.deploy()

    def route(self):
        """The node finds the registry at its Service."""
        self.cluster.node.containerd.route(self.name, server=f"http://{self.cluster.address()}")

    def _copy(self, source, target, credentials):
        login = [f"--dest-creds={':'.join(credentials)}"] if credentials else ["--dest-no-creds"]
        trust = f"--dest-cert-dir={self.trusted}" if self.trusted else "--dest-tls-verify=false"
        return ["copy", trust, *login, f"oci:{source}:amd64", f"docker://{self.host or self.cluster.address()}/{target}"]

    def get(self, target, method="GET", headers=None):
        """The answer of its pod."""
        return self.cluster.node.inside(self._request, method, target, headers)

    def _request(self, method, target, headers):
        with socket.create_connection((self.pod.ip, PORT), client.TIMEOUT) as connection:
            client.send(connection, method, target, headers)
            return client.receive(connection, method)

    def push(self, layout, repository, credentials=None):
        self.skopeo.skopeo(*self._copy(layout, repository, credentials))

    def refused_push(self, layout, repository, credentials=None):
        return self.skopeo.skopeo_refusal(*self._copy(layout, repository, credentials))

    def pull(self, repository, credentials=None):
        return self.runtime.pull(f"{self.name}/{repository}", credentials)

    def refused_pull(self, repository, credentials=None):
        """What containerd says."""
        return cri.refusal(self.runtime.socket, f"{self.name}/{repository}", credentials)

    def forget(self, repository):
        """The node has it no more, and nothing of what it is made of."""
        self.runtime.call("RemoveImage", image={"image": f"{self.name}/{repository}"})

    def pull_secret(self, user, password):
        """An imagePullSecret, as `kubectl create secret` makes it."""
        self.cluster.create("secret", "docker-registry", SECRET, f"--docker-server={self.name}",
                            f"--docker-username={user}", f"--docker-password={password}")

    def type(self, text, directory):
        """What docs/kubernetes.md says to type: kubectl does what it would do in this cluster."""
        for line in re.sub(r"\\\n *", "", text).splitlines():
            line = re.sub(r"\$\(cat (\w+)\)", lambda found: (directory / found[1]).read_text().strip(), line)
            words = shlex.split(line)
            if words[:5] == ["kubectl", "-n", "berth", "exec", "deployment/berth"]:
                words, file = (words[6:-2], words[-1]) if words[-2] == ">" else (words[6:], "said")
                (directory / file).write_text(self.pod.exec(*words))
            elif words == ["kubectl", "apply", "-k", "."]:
                self.cluster.apply()
                self.cluster.roll_out()
            elif words[:2] == ["kubectl", "create"]:
                self.cluster.create(*words[2:])
            else:
                assert words[0] != "kubectl", line
                run("sh", "-ec", f"cd '{directory}'\n{line}")

    def run(self, repository, secret=SECRET):
        """What an application says that is run from an image of the registry, which the kubelet pulls with a secret."""
        name = f"app-{secrets.token_hex(4)}"
        spec = {"containers": [{"name": "app", "image": f"{self.name}/{repository}", "imagePullPolicy": "Always"}],
                "imagePullSecrets": [{"name": secret}], "restartPolicy": "Never", "automountServiceAccountToken": False}
        document = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": {"spec": spec}}}
        return self.cluster.finish(document)


def configuration_digest(layout):
    """By which a runtime knows the image of a layout."""
    entry = json.loads((layout / "index.json").read_text())["manifests"][0]
    return json.loads((layout / "blobs" / entry["digest"].replace(":", "/")).read_text())["config"]["digest"]


def password_line(user, password):
    """Of an htpasswd file."""
    return run("htpasswd", "-nbBC", "5", user, password).strip() + "\n"
