# SPDX-License-Identifier: Apache-2.0
"""What helm makes of the chart, and how that is compared with what kubectl makes of the manifests."""

import base64
import re
import subprocess

from tests.lib.kubernetes import MANIFESTS, Objects, parsed

CHART = MANIFESTS / "chart"
# The values that mean what a directory of manifests says.
MEANING = {
    "base": [],
    "host-path": ["storage.hostPath=/var/lib/berth"],
    "host-port": ["hostPort=5000"],
    "air-gapped": ["image.pullPolicy=Never", "service.type=NodePort", "service.nodePort=30500"],
    "tls": ["tls.secret=berth-tls"],
    "shared": ["storage.shared=true", "replicas=2"],
    "network-policy": ["networkPolicy.enabled=true"],
    "metrics": ["metrics.secret=berth-metrics"],
    "service-monitor": ["metrics.secret=berth-metrics", "serviceMonitor.enabled=true"],
}
# What only one of the two says, for itself.
OWN_LABELS = {"app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart"}
OWN_ANNOTATIONS = {"checksum/config", "checksum/logins", "helm.sh/resource-policy"}


def helm(*args):
    return subprocess.run(["helm", *args], capture_output=True, text=True, check=False, timeout=60)


def charted(*values, release="berth", files=None) -> Objects:
    """values: as after --set. Of a cluster that is new enough, which helm cannot ask here."""
    done = template(*values, release=release, files=files)
    assert done.returncode == 0, done.stderr
    return parsed(done.stdout)


def template(*values, release="berth", files=None):
    sets = [word for value in values for word in ("--set", value)]
    sets += [word for key, path in (files or {}).items() for word in ("--set-file", f"{key}={path}")]
    return helm("template", release, CHART, "--namespace", "berth", "--kube-version", "1.34.0", *sets)


def is_hook(one: dict) -> bool:
    return "helm.sh/hook" in one["metadata"].get("annotations", {})


def comparable(objects: Objects) -> dict:
    """By kind and name. Without names that are made of content, the namespace, and the order of lists in which each has a name."""
    found = [without_own(one) for one in objects if one["kind"] != "Namespace" and not is_hook(one)]
    for one in found:
        one["metadata"].pop("namespace", None)
        if one["kind"] == "Secret":  # some break its lines
            one["data"] = {name: base64.b64decode(text) for name, text in one["data"].items()}
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def without_own(value, key=None):
    if isinstance(value, dict):
        own = {"labels": OWN_LABELS, "annotations": OWN_ANNOTATIONS}.get(key, set())
        kept = {name: without_own(one, name) for name, one in value.items() if name not in own and one is not None}
        return {name: one for name, one in kept.items() if name != "annotations" or one}
    if isinstance(value, list):
        kept = [without_own(one) for one in value]
        return sorted(kept, key=lambda one: one["name"]) if all(isinstance(one, dict) and "name" in one for one in kept) else kept
    if isinstance(value, str):
        return re.sub(r"^(berth-(?:config|logins))-[a-z0-9]{10}$", r"\1", value)
    return value
