# SPDX-License-Identifier: Apache-2.0
"""The API takes what both make, in the oldest and the newest version that the program knows."""

import subprocess

import pytest
import yaml

from tests.lib import service_monitor
from tests.lib.helm import MEANING, charted
from tests.lib.kubernetes import MANIFESTS, VARIANTS, kustomized

VERSIONS = ("1.25", "1.37")


def complaints(objects, tmp_path, version):
    """Of the program; and of a kind that is not Kubernetes' own, by its definition."""
    more = [said for one in objects.of("ServiceMonitor") for said in service_monitor.complaints(one["spec"], service_monitor.SPEC)]
    objects = [one for one in objects if one["kind"] != "ServiceMonitor"]
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    done = subprocess.run(["kubernetes-validate", "--kubernetes-version", version, "--strict", tmp_path / "objects.yaml"],
                          capture_output=True, text=True, check=False, timeout=120)
    lines = (done.stdout + done.stderr).splitlines()
    assert len([line for line in lines if " passed " in line]) + (done.returncode != 0) >= len(objects)
    return more + [line for line in lines if " passed " not in line]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_manifests(variant, version, tmp_path):
    assert not complaints(kustomized(MANIFESTS / variant), tmp_path, version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("variant", MEANING)
def test_chart(variant, version, tmp_path):
    assert not complaints(charted(*MEANING[variant]), tmp_path, version)


@pytest.mark.parametrize("spoil", [
    lambda pod: pod.update(automountServiceAccountTokens=False),
    lambda pod: pod["securityContext"].update(runAsUser="root"),
    lambda pod: pod["containers"][0]["livenessProbe"].pop("httpGet") and pod["containers"][0]["livenessProbe"].update(http={}),
])
def test_a_mistake_is_seen(spoil, tmp_path):
    objects = kustomized(MANIFESTS / "base")
    spoil(objects.pods()["registry"]["spec"])
    assert complaints(objects, tmp_path, VERSIONS[-1])


def test_a_mistake_of_a_service_monitor_is_seen(tmp_path):
    objects = kustomized(MANIFESTS / "service-monitor")
    objects.get("ServiceMonitor")["spec"]["endpoints"][0]["authorisation"] = {}
    assert complaints(objects, tmp_path, VERSIONS[-1]) == ["spec.endpoints[0].authorisation is not known"]
