# SPDX-License-Identifier: Apache-2.0
"""What a kubelet makes of a pod's spec: the configurations of its sandbox and of its containers that it hands to the
runtime. Fields that are not known here are errors."""

import re
from dataclasses import dataclass, field

from tests.lib.manifests import Fields, data_of, quantity

POD, CONTAINER, NODE = range(3)  # enum NamespaceMode
NODE_NAME = "node-1"  # what the cluster calls the only one
RUNTIME_DEFAULT, UNCONFINED = range(2)  # enum ProfileType
PROTOCOLS = {"TCP": 0, "UDP": 1, "SCTP": 2}
# How much of the node's memory decides who goes first when it runs out.
MEMORY = 8 << 30
GUARANTEED, BEST_EFFORT = -997, 1000
PERIOD = 100_000  # microseconds
MASKED = ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
# What a cluster tells each container: where its API is.
API = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443", "KUBERNETES_SERVICE_PORT_HTTPS": "443",
       "KUBERNETES_PORT": "tcp://10.96.0.1:443", "KUBERNETES_PORT_443_TCP": "tcp://10.96.0.1:443",
       "KUBERNETES_PORT_443_TCP_PROTO": "tcp", "KUBERNETES_PORT_443_TCP_PORT": "443", "KUBERNETES_PORT_443_TCP_ADDR": "10.96.0.1"}
# Whom a cluster asks for names, which nobody answers here.
DNS = {"servers": ["10.96.0.10"], "searches": ["{}.svc.cluster.local", "svc.cluster.local", "cluster.local"],
       "options": ["ndots:5"]}
SCHEDULER = ("nodeSelector", "affinity", "tolerations", "topologySpreadConstraints", "priorityClassName", "schedulerName")


@dataclass
class Pod:
    name: str
    namespace: str
    uid: str
    labels: dict
    annotations: dict
    spec: dict
    objects: object  # of the cluster: ConfigMaps, Secrets, Services
    addresses: dict = field(default_factory=dict)  # {name of a Service: its address}


@dataclass
class Context:
    """What the spec says for all containers of the pod."""
    user: int = None
    group: int = None
    not_root: bool = None
    seccomp: dict = None
    groups: list = field(default_factory=list)
    fs_group: int = None
    policy: str = None
    host_network: bool = False
    links: bool = True


def value(number):
    return None if number is None else {"value": number}


def seccomp_of(fields):
    """None where nothing is said."""
    said = fields.take("seccompProfile")
    if said is None:
        return None
    with Fields(said, f"{fields.where}.seccompProfile") as profile:
        kind = profile.only("type", "RuntimeDefault", "Unconfined")
    return {"profile_type": RUNTIME_DEFAULT if kind == "RuntimeDefault" else UNCONFINED}


def context_of(spec):
    context = Context()
    with spec.inside("securityContext") as said:
        context.user, context.group = said.take("runAsUser"), said.take("runAsGroup")
        context.not_root = said.take("runAsNonRoot")
        context.fs_group, context.policy = said.take("fsGroup"), said.only("fsGroupChangePolicy", None, "Always", "OnRootMismatch")
        context.seccomp = seccomp_of(said)
        context.groups = list(said.take("supplementalGroups") or ())
    if context.fs_group is not None:
        context.groups.append(context.fs_group)
    context.host_network = bool(spec.take("hostNetwork"))
    context.links = spec.take("enableServiceLinks") is not False
    return context


def resources_of(fields):
    """Of a container; its score by how much of the node it asks for."""
    with fields.inside("resources") as said:
        asked, most = said.take("requests") or {}, said.take("limits") or {}
    for amounts in asked, most:
        assert set(amounts) <= {"cpu", "memory", "ephemeral-storage"}, f"{fields.where}.resources: {amounts}"
    asked = most | asked  # as the API server completes them
    cores, memory = quantity(asked.get("cpu", 0)), quantity(asked.get("memory", 0))
    score = max(2, min(999, 1000 - int(1000 * memory) // MEMORY))
    if not asked:
        score = BEST_EFFORT
    elif all(name in most and quantity(most[name]) == quantity(asked[name]) for name in ("cpu", "memory")):
        score = GUARANTEED
    return {"cpu_period": PERIOD if "cpu" in most else None,
            "cpu_quota": max(1000, int(quantity(most["cpu"]) * PERIOD)) if "cpu" in most else None,
            "cpu_shares": max(2, int(cores * 1024)),
            "memory_limit_in_bytes": int(quantity(most["memory"])) if "memory" in most else None,
            "oom_score_adj": score}


def class_of(spec):
    """The quality of service, of which a pod's cgroup has its name."""
    containers = spec["containers"] + spec.get("initContainers", [])
    scores = {resources_of(Fields(said, "container"))["oom_score_adj"] for said in containers}
    return "" if scores == {GUARANTEED} else "besteffort/" if scores == {BEST_EFFORT} else "burstable/"


def port_mappings(spec):
    found = []
    for container in spec["containers"]:
        for fields in Fields(container, "container").each("ports"):
            with fields:
                fields.pass_over("name")
                found.append({"protocol": PROTOCOLS[fields.take("protocol", "TCP")], "container_port": fields.need("containerPort"),
                              "host_port": fields.take("hostPort"), "host_ip": fields.take("hostIP")})
    return found


def sandbox(pod, context, log_directory, cgroup):
    """PodSandboxConfig."""
    dns = {**DNS, "searches": [search.format(pod.namespace) for search in DNS["searches"]]}
    return {
        "metadata": {"name": pod.name, "uid": pod.uid, "namespace": pod.namespace, "attempt": 0},
        "hostname": pod.name[:63].rstrip("-."),
        "log_directory": log_directory,
        "dns_config": None if context.host_network else dns,
        "port_mappings": port_mappings(pod.spec),
        "labels": {**pod.labels, "io.kubernetes.pod.name": pod.name, "io.kubernetes.pod.namespace": pod.namespace,
                   "io.kubernetes.pod.uid": pod.uid},
        "annotations": pod.annotations,
        "linux": {
            "cgroup_parent": f"{cgroup}/kubepods/{class_of(pod.spec)}pod{pod.uid}",
            "security_context": {
                "namespace_options": namespaces(context),
                "run_as_user": value(context.user),
                "run_as_group": value(context.group if context.user is not None else None),
                "supplemental_groups": context.groups,
                "seccomp": {"profile_type": RUNTIME_DEFAULT},
            },
        },
    }


def namespaces(context):
    return {"network": NODE if context.host_network else POD, "pid": CONTAINER, "ipc": POD}


def service_links(pod):
    """What older programs find services by: of each in the namespace a handful of variables."""
    found = {}
    for service in pod.objects.all("Service"):
        name, ports = service["metadata"]["name"], service["spec"]["ports"]
        address, prefix = pod.addresses[name], name.upper().replace("-", "_")
        found |= {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(ports[0]["port"]),
                  f"{prefix}_PORT": f"tcp://{address}:{ports[0]['port']}"}
        for port in ports:
            if "name" in port:
                found[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
            one = f"{prefix}_PORT_{port['port']}_TCP"
            found |= {one: f"tcp://{address}:{port['port']}", f"{one}_PROTO": "tcp", f"{one}_PORT": str(port["port"]),
                      f"{one}_ADDR": address}
    return found


def key_of(pod, kind, fields):
    """The value that a reference to a key names; None where that is optional and not there."""
    with fields:
        name, key, optional = fields.need("name"), fields.need("key"), fields.take("optional")
    document = pod.objects.get(kind, name)
    data = data_of(document) if document else {}
    assert key in data or optional, f"{kind} {name} has no {key}"
    return data[key].decode() if key in data else None


def field_of(pod, fields):
    with fields:
        fields.only("apiVersion", None, "v1")
        path = fields.need("fieldPath")
    known = {"metadata.name": pod.name, "metadata.namespace": pod.namespace, "metadata.uid": pod.uid,
             "spec.nodeName": NODE_NAME}
    return known[path]


def value_from(pod, said):
    with said:
        kind, = said.left
        inner = said.inside(kind)
        if kind == "fieldRef":
            return field_of(pod, inner)
        return key_of(pod, {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}[kind], inner)


def expand(text, variables):
    """$(NAME) of variables that are there; $$ is a dollar."""
    def one(found):
        if found[0] == "$$":
            return "$"
        return variables.get(found[1], found[0])
    return re.sub(r"\$\$|\$\(([A-Za-z0-9_.-]+)\)", one, text)


def environment(pod, context, fields):
    found = {**API, **(service_links(pod) if context.links else {})}
    own = {}
    for source in fields.each("envFrom"):
        with source:
            prefix = source.take("prefix", "")
            kind, = source.left
            with source.inside(kind) as reference:
                document = pod.objects.one({"secretRef": "Secret", "configMapRef": "ConfigMap"}[kind], reference.need("name"))
            own |= {prefix + key: text.decode() for key, text in data_of(document).items()}
    for variable in fields.each("env"):
        with variable:
            name, text, source = variable.need("name"), variable.take("value"), variable.take("valueFrom")
            text = value_from(pod, Fields(source, variable.where)) if source else expand(text or "", {**found, **own})
            if text is not None:
                own[name] = text
    return {**found, **own}


def security(context, fields, image):
    """LinuxContainerSecurityContext. `image` is the runtime's, which knows the user that the container has without one."""
    with fields.inside("securityContext") as said:
        assert not said.take("privileged"), f"{said.where}.privileged"
        said.only("procMount", None, "Default")
        user, group = said.take("runAsUser", context.user), said.take("runAsGroup", context.group)
        not_root, more = said.take("runAsNonRoot", context.not_root), said.take("allowPrivilegeEscalation")
        read_only, seccomp = said.take("readOnlyRootFilesystem"), seccomp_of(said) or context.seccomp
        with said.inside("capabilities") as capabilities:
            add, drop = capabilities.take("add") or [], capabilities.take("drop") or []
    own = user if user is not None else (image["uid"] or {"value": 0})["value"]
    assert not (not_root and own == 0), f"{fields.where}: container has runAsNonRoot and image will run as root"
    assert not (not_root and user is None and image["username"]), f"{fields.where}: cannot verify user is non-root"
    return {
        "capabilities": {"add_capabilities": add, "drop_capabilities": drop},
        "namespace_options": namespaces(context),
        "run_as_user": value(own),
        "run_as_group": value(group),
        "readonly_rootfs": bool(read_only),
        "supplemental_groups": context.groups,
        "no_new_privs": more is False,
        "masked_paths": MASKED,
        "readonly_paths": READ_ONLY,
        "seccomp": seccomp or {"profile_type": UNCONFINED},
    }


def container(pod, context, fields, image, mounts):
    """ContainerConfig, of the first attempt. `mounts` are those of the spec and of the kubelet."""
    variables = environment(pod, context, fields)
    config = {
        "metadata": {"name": fields.need("name"), "attempt": 0},
        "image": {"image": image["id"]},
        "command": [expand(word, variables) for word in fields.take("command") or ()],
        "args": [expand(word, variables) for word in fields.take("args") or ()],
        "working_dir": fields.take("workingDir"),
        "envs": [{"key": key, "value": text} for key, text in variables.items()],
        "mounts": mounts,
        "labels": {"io.kubernetes.container.name": fields.take("name"), "io.kubernetes.pod.name": pod.name,
                   "io.kubernetes.pod.namespace": pod.namespace, "io.kubernetes.pod.uid": pod.uid},
        "annotations": {},
        "linux": {"resources": resources_of(fields), "security_context": security(context, fields, image)},
    }
    fields.pass_over("ports")  # the sandbox has them
    fields.only("terminationMessagePolicy", None, "File", "FallbackToLogsOnError")
    return config
