# SPDX-License-Identifier: Apache-2.0
"""What kubectl makes of packaging/kubernetes."""

import os
import subprocess
from pathlib import Path

import yaml

from tests.lib.paths import CHECKOUT

MANIFESTS = CHECKOUT / "packaging" / "kubernetes"
# Each directory of its own with a kustomization.
VARIANTS = sorted(path.parent.name for path in MANIFESTS.glob("*/kustomization.yaml"))
# Debian's, or that of Kubernetes' own package.
KUBECTL = os.environ.get("KUBECTL", "kubectl")


class Objects(list):
    """What would be applied."""

    def get(self, kind: str, name: str = "berth") -> dict:
        found, = (one for one in self if one["kind"] == kind and one["metadata"]["name"] == name)
        return found

    def of(self, kind: str) -> list[dict]:
        return [one for one in self if one["kind"] == kind]

    def pods(self) -> dict[str, dict]:
        """The templates of pods, by the component that each says it is."""
        templates = [*(one["spec"]["template"] for one in self.of("Deployment")),
                     *(one["spec"]["jobTemplate"]["spec"]["template"] for one in self.of("CronJob"))]
        return {template["metadata"]["labels"]["app.kubernetes.io/component"]: template for template in templates}


def parsed(text: str) -> Objects:
    return Objects(one for one in yaml.safe_load_all(text) if one is not None)


def kustomized(directory: Path, kubectl: str = KUBECTL) -> Objects:
    done = subprocess.run([kubectl, "kustomize", directory], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return parsed(done.stdout)
