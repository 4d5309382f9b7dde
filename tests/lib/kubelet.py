# SPDX-License-Identifier: Apache-2.0
"""A kubelet, as far as one pod after another needs one: it makes the volumes, has containerd run the sandbox and the
containers as the manifest says, asks the probes, and takes it all away again."""

import contextlib
import http.client
import json
import os
import secrets
import ssl
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tests.lib import cri, pod_config
from tests.lib.manifests import Fields, pull_credentials, template_of
from tests.lib.pod_config import Pod
from tests.lib.pod_volumes import Volumes
from tests.lib.workers import wait_for

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
PATIENCE = 60  # seconds, for what comes by itself
GRACE = 30  # seconds that a pod has for its end, unless it says more
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Probe:
    """What a probe asks, and how long a pod may take until it is answered well."""
    kind: str
    action: dict
    timeout: int
    patience: int


def probe_of(fields, kind, ports):
    with fields:
        initial, period = fields.take("initialDelaySeconds", 0), fields.take("periodSeconds", 10)
        failures, timeout = fields.take("failureThreshold", 3), fields.take("timeoutSeconds", 1)
        fields.only("successThreshold", None, 1)
        action, = fields.left
        with fields.inside(action) as said:
            if action == "exec":
                what = {"exec": said.need("command")}
            else:
                assert action == "httpGet", f"{fields.where}: {action} is not known here"
                port = said.need("port")
                scheme = said.only("scheme", None, "HTTP", "HTTPS")
                headers = {header["name"]: header["value"] for header in said.take("httpHeaders") or ()}
                what = {"httpGet": said.take("path", "/"), "port": ports.get(port, port), "headers": headers, "tls": scheme == "HTTPS"}
                assert isinstance(what["port"], int), f"{fields.where}: no port is called {port}"
    return Probe(kind, what, timeout, initial + period * failures)


@dataclass
class Container:
    name: str
    said: dict
    config: dict
    probes: dict
    id: str = None
    attempt: int = -1
    ids: list = field(default_factory=list)


class Kubelet:
    """Of one node. Its cgroups have a name of their own. `claims` are {name of a PersistentVolumeClaim: directory of the node}."""

    def __init__(self, node):
        self.node, self.runtime = node, node.runtime
        self.cgroup = f"/berth-{secrets.token_hex(4)}"
        self.claims, self.addresses, self.running = {}, {}, []

    def start(self, document, objects):
        """A pod of a Deployment or a CronJob."""
        template = template_of(document)
        name = f"{document['metadata']['name']}-{secrets.token_hex(4)}"
        metadata = template.get("metadata") or {}
        pod = Pod(name, document["metadata"].get("namespace", "default"), str(uuid.uuid4()), metadata.get("labels") or {},
                  metadata.get("annotations") or {}, template["spec"], objects, self.addresses)
        started = RunningPod(self, pod)
        self.running.append(started)
        started.start()
        return started

    def image(self, name, policy, credentials):
        """As the runtime knows it, pulled if it has to be."""
        assert policy in (None, "Always", "IfNotPresent", "Never"), policy
        policy = policy or ("IfNotPresent" if ":" in name.rpartition("/")[2] and not name.endswith(":latest") else "Always")
        found = self.runtime.call("ImageStatus", image={"image": name})["image"]
        if policy == "Always" or not found and policy == "IfNotPresent":
            self.runtime.pull(name, credentials.get(name.partition("/")[0]))
            found = self.runtime.call("ImageStatus", image={"image": name})["image"]
        assert found, f"{name} is not on the node, and imagePullPolicy is {policy}"
        return found

    def clear(self):
        for pod in list(self.running):
            pod.remove()

    def close(self):
        self.clear()
        for top in (*CGROUPS.glob(f"*{self.cgroup}"), *CGROUPS.glob(self.cgroup[1:])):
            for directory, _, _ in os.walk(top, topdown=False):
                os.rmdir(directory)


class RunningPod:
    def __init__(self, kubelet, pod):
        self.kubelet, self.node, self.runtime, self.pod = kubelet, kubelet.node, kubelet.runtime, pod
        self.directory = f"{self.node.place}/pods/{pod.uid}"
        self.volumes = Volumes(self.node, self.directory, pod.objects, kubelet.claims)
        self.sandbox = self.config = self.ip = None
        self.containers, self.grace, self.restarts = {}, GRACE, True

    def start(self):
        os.makedirs(self.node.path(f"{self.directory}/log"))
        with Fields(self.pod.spec, self.pod.name) as spec:
            spec.pass_over(*pod_config.SCHEDULER, "serviceAccountName", "dnsPolicy")
            spec.only("automountServiceAccountToken", False)  # else there is one more volume
            self.restarts = spec.only("restartPolicy", None, "Always", "OnFailure", "Never") in (None, "Always")
            self.grace = spec.take("terminationGracePeriodSeconds", GRACE)
            credentials = {}
            for reference in spec.take("imagePullSecrets") or ():
                credentials |= pull_credentials(self.pod.objects.one("Secret", reference["name"]))
            context = pod_config.context_of(spec)
            self.volumes.make(spec, context.fs_group, context.policy)
            self.config = pod_config.sandbox(self.pod, context, f"{self.directory}/log", self.kubelet.cgroup)
            self.sandbox = self.runtime.call("RunPodSandbox", config=self.config)["pod_sandbox_id"]
            network = self.runtime.call("PodSandboxStatus", pod_sandbox_id=self.sandbox)["status"]["network"]
            self.ip = self.node.machine.address if context.host_network else network["ip"]
            first = [self._container(fields, context, credentials) for fields in spec.each("initContainers")]
            others = [self._container(fields, context, credentials) for fields in spec.each("containers")]
        for container in first:
            self.launch(container)
            assert self.end_of(container.name) == 0, self.log(container.name)
        for container in others:
            self.launch(container)

    def _container(self, fields, context, credentials):
        name = fields.said["name"]
        with fields:
            image = self.kubelet.image(fields.need("image"), fields.take("imagePullPolicy"), credentials)
            ports = {port["name"]: port["containerPort"] for port in fields.said.get("ports") or () if "name" in port}
            probes = {kind: probe_of(Fields(fields.take(kind), f"{fields.where}.{kind}"), kind, ports)
                      for kind in PROBES if kind in fields.left}
            mounts = [self.volumes.mount(mount) for mount in fields.each("volumeMounts")]
            mounts += self._own_mounts(name, fields.take("terminationMessagePath", "/dev/termination-log"), context)
            config = pod_config.container(self.pod, context, fields, image, mounts)
        container = Container(name, fields.said, config, probes)
        self.containers[name] = container
        return container

    def _own_mounts(self, name, message, context):
        """What each container gets from a kubelet."""
        hosts = f"127.0.0.1\tlocalhost\n{self.ip}\t{self.config['hostname']}\n"
        # Names of Services, which the cluster's DNS would know.
        hosts += "".join(f"{address}\t{service}\n" for service, address in self.kubelet.addresses.items())
        mounts = [{"container_path": message, "host_path": self._file(f"{name}-message", "", 0o666)}]
        if not context.host_network:
            mounts.append({"container_path": "/etc/hosts", "host_path": self._file("etc-hosts", hosts, 0o644)})
        return mounts

    def _file(self, name, text, mode):
        path = f"{self.directory}/{name}"
        self.node.path(path).write_text(text)
        self.node.path(path).chmod(mode)
        return path

    def launch(self, container):
        """Once more, if it has run before."""
        container.attempt += 1
        container.config["metadata"]["attempt"] = container.attempt
        container.config["log_path"] = f"{container.name}/{container.attempt}.log"
        container.id = self.runtime.call("CreateContainer", pod_sandbox_id=self.sandbox, config=container.config,
                                         sandbox_config=self.config)["container_id"]
        container.ids.append(container.id)
        self.runtime.call("StartContainer", container_id=container.id)

    def port(self, said):
        """The number of a port of its containers, by its name or number."""
        found = {port["containerPort"] for container in self.pod.spec["containers"] for port in container.get("ports") or ()
                 if said in (port.get("name"), port["containerPort"])}
        assert len(found) == 1, f"{self.pod.name} has no port {said}"
        return found.pop()

    def host_ports(self):
        return [mapping["host_port"] for mapping in self.config["port_mappings"] if mapping["host_port"]]

    def only(self):
        """The name of its container."""
        name, = self.containers
        return name

    def status(self, name=None):
        return self.runtime.call("ContainerStatus", container_id=self.containers[name or self.only()].id)["status"]

    def process(self, name=None):
        """The id of its first process, as the host counts."""
        info = self.runtime.call("ContainerStatus", container_id=self.containers[name or self.only()].id, verbose=True)["info"]
        return json.loads(info["info"])["pid"]

    def end_of(self, name=None):
        """The exit code, when it has come to it."""
        wait_for(lambda: self.status(name)["state"] == cri.EXITED, PATIENCE)
        return self.status(name)["exit_code"]

    def log(self, name=None):
        """What it said so far, whatever stream it took. A line has a time, its stream and whether it is whole before it."""
        container = self.containers[name or self.only()]
        text = self.node.path(f"{self.directory}/log/{container.config['log_path']}").read_text()
        return "".join(line.split(" ", 3)[3] + "\n" for line in text.splitlines())

    def exec(self, *argv, name=None):
        """The output of a command in the container, which must succeed."""
        reply = self.runtime.call("ExecSync", container_id=self.containers[name or self.only()].id, cmd=argv, timeout=60)
        assert reply["exit_code"] == 0, f"{argv}: {reply['stdout'] + reply['stderr']}"
        return reply["stdout"].decode()

    def ask(self, kind, name=None):
        """Asks a probe once: whether it is content, and what it heard."""
        probe = self.containers[name or self.only()].probes[kind]
        if "exec" in probe.action:
            reply = self.runtime.call("ExecSync", container_id=self.containers[name or self.only()].id,
                                      cmd=probe.action["exec"], timeout=probe.timeout)
            return reply["exit_code"] == 0, reply["stdout"].decode()
        return self.node.inside(self._get, probe)

    def _get(self, probe):
        """A certificate is not looked at."""
        context = {"context": ssl._create_unverified_context()} if probe.action["tls"] else {}
        kind = http.client.HTTPSConnection if probe.action["tls"] else http.client.HTTPConnection
        connection = kind(self.ip, probe.action["port"], timeout=probe.timeout, **context)
        with contextlib.closing(connection):
            try:
                connection.request("GET", probe.action["httpGet"], headers={
                    "User-Agent": "kube-probe/1.32", "Accept": "*/*", "Connection": "close", **probe.action["headers"]})
                response = connection.getresponse()
                return 200 <= response.status < 400, f"{response.status} {response.read(10 << 10).decode()}"
            except OSError as error:
                return False, str(error)

    def ready(self):
        """As its probes say. It fails if a kubelet would have restarted it by now, or it has ended."""
        if any(self.status(name)["state"] != cri.RUNNING for name in self.containers if not self._is_first(name)):
            raise AssertionError(f"{self.pod.name} has ended:\n{self.log()}")
        return all(self.ask(kind, name)[0] for name, container in self.containers.items() for kind in container.probes)

    def _is_first(self, name):
        return any(said["name"] == name for said in self.pod.spec.get("initContainers") or ())

    def await_ready(self):
        """In the time that its probes leave it."""
        limits = [probe.patience for container in self.containers.values() for kind, probe in container.probes.items()
                  if kind != "readinessProbe"]
        wait_for(self.ready, min(limits, default=PATIENCE))
        return self

    def restart(self, name=None):
        """As after a failed liveness probe: the old one is stopped, and there is a new one."""
        container = self.containers[name or self.only()]
        self.runtime.call("StopContainer", container_id=container.id, timeout=self.grace)
        self.launch(container)

    def stop(self):
        """Its containers get SIGTERM, and SIGKILL when their time is over. How long it took, in seconds."""
        began = time.monotonic()
        for container in self.containers.values():
            if container.id:
                self.runtime.call("StopContainer", container_id=container.id, timeout=self.grace)
        return time.monotonic() - began

    def remove(self):
        if self.sandbox:
            self.stop()
            self.runtime.call("StopPodSandbox", pod_sandbox_id=self.sandbox)
            self.runtime.call("RemovePodSandbox", pod_sandbox_id=self.sandbox)  # with all its containers
        self.volumes.remove()
        self.kubelet.running.remove(self)
