# SPDX-License-Identifier: Apache-2.0
"""A cluster of Kubernetes' own programs: its API with all that it checks, controllers and scheduler. Only the kubelets are made
up: pods that are bound to a node are said to run there, and nothing does."""

import contextlib
import http.client
import json
import os
import ssl
import subprocess
import threading
import time

from tests.lib.kubernetes import KUBECTL
from tests.lib.ports import free_port, listens

PATIENCE = 120  # seconds
TOKEN = "secret"
JSON, MERGE = "application/json", "application/merge-patch+json"
NOW = "2026-01-01T00:00:00Z"


def until(holds, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.1)
    return found


class Cluster:
    def __init__(self, home):
        self.home, self.port, self.etcd_port, self.over = home, free_port(), free_port(), threading.Event()
        self.address = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = home / "kubeconfig"
        self.env = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(home)}
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test", "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "clusters": [{"name": "test", "cluster": {"server": self.address, "insecure-skip-tls-verify": True}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}]}))
        (home / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
        subprocess.run(["openssl", "genrsa", "-out", home / "account.key", "2048"], check=True, capture_output=True)

    def start(self, name, *options):
        log = self.started.enter_context(open(self.home / f"{name}.log", "w"))
        process = subprocess.Popen([name, *options], stdout=log, stderr=log, cwd=self.home)

        def stop():
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.started.callback(stop)
        return process

    def __enter__(self):
        with contextlib.ExitStack() as self.started:
            etcd = f"http://127.0.0.1:{self.etcd_port}"
            peer = f"http://127.0.0.1:{free_port()}"
            self.start("etcd", f"--data-dir={self.home}/etcd", f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
                       f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
                       "--unsafe-no-fsync")
            until(lambda: listens(self.etcd_port), "etcd listens")
            account = f"{self.home}/account.key"
            self.start("kube-apiserver", f"--etcd-servers={etcd}", f"--secure-port={self.port}", "--bind-address=127.0.0.1",
                       f"--cert-dir={self.home}/certs", f"--token-auth-file={self.home}/tokens.csv", "--authorization-mode=RBAC",
                       "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={account}",
                       f"--service-account-signing-key-file={account}", "--service-cluster-ip-range=10.96.0.0/24",
                       "--endpoint-reconciler-type=none")
            until(self.is_ready, "the API is ready")
            common = (f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0")
            # Who says that a node has gone is left out: these send no signs of life.
            self.start("kube-controller-manager", *common, f"--service-account-private-key-file={account}",
                       "--controllers=*,-node-lifecycle-controller")
            self.start("kube-scheduler", *common)
            for name in ("worker-1", "worker-2"):
                self.add_node(name)
            kubelet = threading.Thread(target=self.be_kubelet)
            kubelet.start()
            self.started.callback(kubelet.join)
            self.started.callback(self.over.set)
            self.kept = self.started.pop_all()
        return self

    def __exit__(self, *_):
        self.kept.close()

    def request(self, method, path, body=None, kind=JSON):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30,
                                                 context=ssl._create_unverified_context())  # pylint: disable=protected-access
        with contextlib.closing(connection):
            connection.request(method, path, body if body is None else json.dumps(body),
                               {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def get(self, path):
        status, body = self.request("GET", path)
        assert status == 200, body
        return json.loads(body)

    def is_ready(self):
        with contextlib.suppress(OSError):
            return self.request("GET", "/readyz")[0] == 200

    def add_node(self, name):
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
        assert self.request("POST", "/api/v1/nodes", node)[0] == 201
        room = {"cpu": "4", "memory": "8Gi", "pods": "100", "ephemeral-storage": "100Gi"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": NOW, "lastTransitionTime": NOW}
        self.request("PATCH", f"/api/v1/nodes/{name}/status",
                     {"status": {"capacity": room, "allocatable": room, "conditions": [ready]}}, MERGE)
        self.request("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, MERGE)

    def be_kubelet(self):
        """Of all nodes."""
        while not self.over.wait(0.1):
            for pod in self.get("/api/v1/pods")["items"]:
                if pod["spec"].get("nodeName"):
                    self.go_on_with(pod)

    def go_on_with(self, pod):
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        if "deletionTimestamp" in pod["metadata"]:
            self.request("DELETE", path, {"gracePeriodSeconds": 0})
        elif pod["status"]["phase"] == "Pending":
            ends = pod["spec"]["restartPolicy"] == "Never"
            conditions = [{"type": kind, "status": "True", "lastTransitionTime": NOW} for kind in ("Ready", "ContainersReady")]
            phase = {"phase": "Succeeded"} if ends else {"phase": "Running", "conditions": conditions}
            self.request("PATCH", f"{path}/status", {"status": phase}, MERGE)

    def kubectl(self, *args, check=True):
        done = subprocess.run([KUBECTL, *args], env=self.env, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert not check or done.returncode == 0, done.stderr
        return done

    def pods(self, component=None, namespace="berth"):
        selector = f"?labelSelector=app.kubernetes.io/component={component}" if component else ""
        return self.get(f"/api/v1/namespaces/{namespace}/pods{selector}")["items"]

    def clear(self):
        """Of all that was applied, volumes too."""
        self.kubectl("delete", "namespace", "berth", "--ignore-not-found")
        self.kubectl("delete", "persistentvolume", "--all")
        self.kubectl("label", "node", "--all", "berth/images-")

    def offer_volume(self, *modes):
        """As a storage class would, to each claim."""
        self.apply({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "kubernetes.io/no-provisioner",
                    "metadata": {"name": "usual", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}})
        self.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "offered"}, "spec": {
            "capacity": {"storage": "20Gi"}, "accessModes": list(modes), "storageClassName": "usual",
            "nfs": {"server": "nfs.example", "path": "/"}}})

    def apply(self, one):
        subprocess.run([KUBECTL, "apply", "-f", "-"], input=json.dumps(one), env=self.env, capture_output=True, text=True, check=True)

    def wait_for_registry(self):
        self.kubectl("-n", "berth", "rollout", "status", "deployment/berth", f"--timeout={PATIENCE}s")


