# SPDX-License-Identifier: Apache-2.0
"""A cluster of one node to which packaging/kubernetes is applied, with what its controllers do: Deployments, Services, Jobs."""

import shutil

import yaml

from tests.lib.clients import run
from tests.lib.kubelet import Kubelet
from tests.lib.kubernetes import KUBECTL, MANIFESTS, kustomized
from tests.lib.manifests import Applied, Fields, object_fields

REGISTRY = "berth"  # the name of the Deployment, the Service and the volume


class Cluster:
    """`directory` gets a copy of the manifests, which tests edit as documents say, and the volumes."""

    def __init__(self, node, directory):
        self.node, self.kubelet, self.directory = node, Kubelet(node), directory
        self.manifests = directory / "kubernetes"
        shutil.copytree(MANIFESTS, self.manifests)
        self.objects, self.pod, self.more = None, None, []

    def file(self, name):
        return self.manifests / "base" / name

    def edit(self, name, *changes):
        """Texts of a file, each of which is there once, and others in their place."""
        text = self.file(name).read_text()
        for old, new in changes:
            assert text.count(old) == 1, f"{name} has {text.count(old)} of {old!r}"
            text = text.replace(old, new)
        self.file(name).write_text(text)

    def create(self, *argv):
        """An object as `kubectl create` makes it; it stays whatever is applied."""
        self.more.append(yaml.safe_load(run(KUBECTL, "create", *argv, "--dry-run=client", "-o", "yaml")))

    def apply(self, overlay="base"):
        """kubectl apply -k: volumes and addresses come to be, nothing is started."""
        self.take(kustomized(self.manifests / overlay))

    def take(self, documents):
        """As apply, of objects that something else has made."""
        self.objects = Applied([*documents, *self.more])
        for claim in self.objects.all("PersistentVolumeClaim"):
            self._provide(claim)
        for number, service in enumerate(self.objects.all("Service"), 1):
            self.kubelet.addresses[service["metadata"]["name"]] = f"10.96.7.{number}"

    def _provide(self, claim):
        name = claim["metadata"]["name"]
        with object_fields(claim) as spec:
            spec.only("accessModes", ["ReadWriteOnce"], ["ReadWriteMany"])
            spec.only("volumeMode", None, "Filesystem")
            spec.pass_over("storageClassName")
            with spec.inside("resources") as resources:
                assert resources.need("requests")["storage"]
            volume = spec.take("volumeName")
        if volume:
            self.kubelet.claims[name] = self._path_of(volume)
        elif name not in self.kubelet.claims:
            self.volume(name)

    def _path_of(self, name):
        """The directory of a node that is a PersistentVolume."""
        with object_fields(self.objects.one("PersistentVolume", name)) as spec:
            spec.pass_over("capacity", "accessModes", "persistentVolumeReclaimPolicy", "nodeAffinity", "claimRef")
            spec.only("storageClassName", None, "")
            with spec.inside("local") as local:
                return local.need("path")

    def volume(self, name, size=None):
        """A new one, as a disk that was formatted, or of so many bytes."""
        path = self.directory / name
        path.mkdir()
        path.chmod(0o755)
        if size:
            self.node.run("mount", "-t", "tmpfs", "-o", f"mode=755,size={size}", "tmpfs", path)
        self.kubelet.claims[name] = str(path)

    def image(self):
        """Where the pods see the volume of images."""
        return self.node.path(self.kubelet.claims[REGISTRY])

    def deploy(self):
        """The registry's pod, when it is ready."""
        self.pod = self.kubelet.start(self.objects.one("Deployment", REGISTRY), self.objects)
        self.pod.await_ready()
        self.route()
        return self.pod

    def roll_out(self, meanwhile=lambda: None):
        """From the pod that runs to one of what was applied, as `strategy` says."""
        deployment, old = self.objects.one("Deployment", REGISTRY), self.pod
        with Fields(deployment["spec"].get("strategy") or {}, "strategy") as strategy:
            kind = strategy.only("type", None, "RollingUpdate", "Recreate")
            rolling = strategy.take("rollingUpdate")
        if kind == "Recreate":
            old.remove()
            self.deploy()
            meanwhile()
        else:
            assert rolling == {"maxSurge": 1, "maxUnavailable": 0}, rolling
            assert not old.host_ports(), "the new pod finds its port taken"
            self.deploy()
            meanwhile()
            old.remove()
        return self.pod

    def route(self):
        """What the endpoints of the Services are at this moment: a pod that is not ready is none, unless they say so."""
        routes = []
        for service in self.objects.all("Service"):
            with object_fields(service) as spec:
                spec.only("type", None, "ClusterIP", "NodePort")
                spec.pass_over("ipFamilyPolicy", "internalTrafficPolicy", "externalTrafficPolicy")
                selector, anyone = spec.need("selector"), spec.take("publishNotReadyAddresses")
                ports = list(spec.each("ports"))
            if selector.items() <= self.pod.pod.labels.items() and (anyone or self.pod.ready()):
                address = self.kubelet.addresses[service["metadata"]["name"]]
                routes += [(address, *self._port(fields)) for fields in ports]
        self.node.serve(routes)

    def _port(self, fields):
        with fields:
            fields.only("protocol", None, "TCP")
            fields.pass_over("name", "appProtocol")
            port = fields.need("port")
            return port, fields.take("nodePort"), self.pod.ip, self.pod.port(fields.take("targetPort", port))

    def job(self, name):
        """What the pod of a CronJob says, which succeeds."""
        return self.finish(self.objects.one("CronJob", name))

    def finish(self, document):
        """What the pod of a job says, which succeeds."""
        pod = self.kubelet.start(document, self.objects)
        code, said = pod.end_of(), pod.log()
        assert code == 0, said
        pod.remove()
        return said

    def address(self):
        """Where the registry's Service is: an address of the cluster, and a port."""
        port, = self.objects.one("Service", REGISTRY)["spec"]["ports"]
        return f"{self.kubelet.addresses[REGISTRY]}:{port['port']}"

    def close(self):
        self.kubelet.close()
        self.node.serve([])
        for path in self.kubelet.claims.values():
            if f" {path} " in self.node.run("cat", "/proc/self/mountinfo"):
                self.node.run("umount", path)
