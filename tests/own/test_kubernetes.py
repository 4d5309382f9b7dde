# SPDX-License-Identifier: Apache-2.0
"""packaging/kubernetes: what kubectl makes of each directory hangs together, asks for no right that it need not have, and calls
berth as it can be called."""

import base64
import re
import shutil
import subprocess
from functools import cache

import pytest
import yaml

from tests.lib import service_monitor
from tests.lib.kubernetes import MANIFESTS, VARIANTS, kustomized, parsed
from tests.lib.paths import BUILD, CHECKOUT
from tests.recipes.document import Document

WHOLE = [name for name in VARIANTS if name != "network-policy"]
COMPONENTS = {"registry", "gc", "retain"}
# By which what was found of a node's mount counts for all pods there.
NODE = {"name": "BERTH_HOST", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}


@cache
def objects(variant):
    return kustomized(MANIFESTS / variant)


def container(template):
    only, = template["spec"]["containers"]
    return only


def matches(selector, labels):
    def holds(rule):
        assert rule["operator"] == "In"
        return labels.get(rule["key"]) in rule["values"]
    return selector.get("matchLabels", {}).items() <= labels.items() and all(map(holds, selector.get("matchExpressions", [])))


def test_all_are_looked_at():
    assert {"base", "host-path", "host-port", "air-gapped", "tls", "shared", "metrics", "service-monitor"} <= set(WHOLE)


@pytest.mark.parametrize("variant", WHOLE)
def test_what_it_consists_of(variant):
    found = [(one["kind"], re.sub("-[a-z0-9]{10}$", "", one["metadata"]["name"])) for one in objects(variant)]
    assert (("PodDisruptionBudget", "berth") in found) == (variant == "shared")
    assert (("ServiceMonitor", "berth") in found) == (variant == "service-monitor")
    assert sorted(pair for pair in found if pair[0] not in ("PersistentVolume", "PodDisruptionBudget", "ServiceMonitor")) == [
        ("ConfigMap", "berth-config"), ("CronJob", "berth-gc"), ("CronJob", "berth-retain"), ("Deployment", "berth"),
        ("Namespace", "berth"), ("PersistentVolumeClaim", "berth"), ("Secret", "berth-logins"), ("Service", "berth")]
    assert (("PersistentVolume", "berth") in found) == (variant == "host-path")
    assert set(objects(variant).pods()) == COMPONENTS
    for one in objects(variant):
        if one["kind"] not in ("Namespace", "PersistentVolume"):
            assert one["metadata"]["namespace"] == "berth"
            assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == "berth"


@pytest.mark.parametrize("variant", WHOLE)
def test_what_pods_mount_is_there(variant):
    """All but the certificate and the token of Prometheus, which are nobody else's to make."""
    there = {(one["kind"], one["metadata"]["name"]) for one in objects(variant)} | {
        ("Secret", {"tls": "berth-tls", "metrics": "berth-metrics", "service-monitor": "berth-metrics"}.get(variant, "berth-logins"))}
    for template in objects(variant).pods().values():
        wanted = []
        for volume in template["spec"]["volumes"]:
            for source in volume.get("projected", {}).get("sources", [volume]):
                wanted += [("ConfigMap", source["configMap"]["name"])] if "configMap" in source else []
                wanted += [("Secret", source["secret"].get("name") or source["secret"]["secretName"])] if "secret" in source else []
            if "persistentVolumeClaim" in volume:
                wanted.append(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
        assert len(wanted) >= 2 and set(wanted) <= there
        assert ({volume["name"] for volume in template["spec"]["volumes"]} ==
                {mount["name"] for mount in container(template)["volumeMounts"]})


@pytest.mark.parametrize("variant", WHOLE)
def test_no_right_that_it_need_not_have(variant):
    """As Kubernetes' own profile `restricted` asks for, and more."""
    for template in objects(variant).pods().values():
        pod, only = template["spec"], container(template)
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(pod)
        rights = pod["securityContext"]
        assert rights["runAsNonRoot"] is True and rights["runAsUser"] == rights["runAsGroup"] == rights["fsGroup"] == 1000
        assert rights["seccompProfile"] == {"type": "RuntimeDefault"}
        # A large volume is not walked at each start.
        assert rights["fsGroupChangePolicy"] == "OnRootMismatch"
        assert only["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                           "capabilities": {"drop": ["ALL"]}}
        assert only["resources"]["limits"]["memory"] and only["resources"]["requests"]["memory"]
        assert all(set(volume) - {"name"} <= {"persistentVolumeClaim", "configMap", "projected", "secret", "emptyDir"}
                   for volume in pod["volumes"])
        # What is not berth's to write is mounted for reading.
        for mount in only["volumeMounts"]:
            assert mount["name"] in ("images", "run", "spool") or mount["readOnly"] is True
    level = objects(variant).get("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert level == ("privileged" if variant == "host-port" else "restricted")


@pytest.mark.parametrize("variant", WHOLE)
def test_the_image_is_of_this_version(variant):
    version = re.search(r"AC_INIT\(\[berth\], \[([^]]+)\]", (CHECKOUT / "configure.ac").read_text())[1]
    for template in objects(variant).pods().values():
        assert container(template)["image"] == f"berth:{version}"
        assert f"Nodes need the image `berth:{version}`" in (CHECKOUT / "docs/kubernetes.md").read_text()
        assert container(template)["imagePullPolicy"] == ("Never" if variant == "air-gapped" else "IfNotPresent")


@pytest.mark.parametrize("variant", WHOLE)
def test_the_service_leads_to_the_registry_alone(variant):
    service = objects(variant).get("Service")["spec"]
    assert [component for component, template in objects(variant).pods().items()
            if service["selector"].items() <= template["metadata"]["labels"].items()] == ["registry"]
    port, = service["ports"]
    served, = container(objects(variant).pods()["registry"])["ports"]
    assert (port["port"], port["targetPort"], served["name"], served["containerPort"]) == (5000, "http", "http", 5000)
    assert served.get("hostPort") == (5000 if variant == "host-port" else None)
    assert (service["type"], port.get("nodePort")) == (("NodePort", 30500) if variant == "air-gapped" else ("ClusterIP", None))


@pytest.mark.parametrize("variant", WHOLE)
def test_all_pods_go_to_the_node_that_has_the_volume(variant):
    """Unless every node may have it."""
    modes = objects(variant).get("PersistentVolumeClaim")["spec"]["accessModes"]
    labels = objects(variant).pods()["registry"]["metadata"]["labels"]
    assert matches(objects(variant).get("Deployment")["spec"]["selector"], labels)
    for component, template in objects(variant).pods().items():
        env = container(template).get("env", [])
        shared = {"name": "BERTH_SHARED", "value": "true"} in env
        assert (NODE in env) == shared
        if variant == "shared":
            assert modes == ["ReadWriteMany"] and "affinity" not in template["spec"] and shared
            continue
        assert modes == ["ReadWriteOnce"] and not shared
        term, = template["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "kubernetes.io/hostname" and matches(term["labelSelector"], labels)
        assert matches(term["labelSelector"], template["metadata"]["labels"]) == (component == "registry")


@pytest.mark.parametrize("variant", WHOLE)
def test_a_new_pod_comes_before_the_old_one_goes(variant):
    """Where both can be there."""
    expected = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    strategy = objects(variant).get("Deployment")["spec"]["strategy"]
    assert {key: value for key, value in strategy.items() if value is not None} == (
        {"type": "Recreate"} if variant == "host-port" else expected)


def test_the_job_that_makes_a_shared_store():
    """Has the image, the rights and the volume of the other jobs, and is not taken for the registry."""
    job, = parsed((MANIFESTS / "shared" / "check-storage.yaml").read_text())
    mine, other = job["spec"]["template"], objects("shared").pods()["gc"]
    for key in ("securityContext", "automountServiceAccountToken", "enableServiceLinks"):
        assert mine["spec"][key] == other["spec"][key]
    for key in ("image", "imagePullPolicy", "securityContext"):
        assert container(mine)[key] == container(other)[key]
    assert container(mine)["env"] == [NODE]
    assert mine["spec"]["volumes"] == [volume for volume in other["spec"]["volumes"] if volume["name"] == "images"]
    assert job["metadata"]["namespace"] == objects("shared").get("Service")["metadata"]["namespace"]
    assert not objects("shared").get("Service")["spec"]["selector"].items() <= mine["metadata"]["labels"].items()


def test_a_node_that_goes_leaves_a_shared_registry():
    """Pods are on as many nodes as can be, and those that are emptied by hand wait for each other."""
    template, deployment = objects("shared").pods()["registry"], objects("shared").get("Deployment")["spec"]
    spread, = template["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["maxSkew"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", 1, "ScheduleAnyway")
    budget = objects("shared").get("PodDisruptionBudget")["spec"]
    assert deployment["replicas"] > budget["maxUnavailable"] == 1
    assert budget["selector"] == spread["labelSelector"] == deployment["selector"]


def test_shared_spools_go_to_a_disk():
    template = objects("shared").pods()["registry"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container(template)["volumeMounts"]}
    assert {"name": mounts["/var/tmp"], "emptyDir": {}} in template["spec"]["volumes"]


def test_tls_is_of_the_secret_and_of_the_probes_too():
    template = objects("tls").pods()["registry"]
    env = {one["name"]: one["value"] for one in container(template)["env"]}
    assert env == {"REGISTRY_HTTP_TLS_CERTIFICATE": "/tls/tls.crt", "REGISTRY_HTTP_TLS_KEY": "/tls/tls.key"}
    assert {"name": "tls", "mountPath": "/tls", "readOnly": True} in container(template)["volumeMounts"]
    for probe in ("livenessProbe", "readinessProbe"):
        assert container(template)[probe]["httpGet"] == {"scheme": "HTTPS", "port": "http", "path": {
            "livenessProbe": "/livez", "readinessProbe": "/readyz?for=pull"}[probe]}


def annotations(variant):
    return objects(variant).pods()["registry"]["metadata"].get("annotations", {})


@pytest.mark.parametrize("variant", ["metrics", "service-monitor"])
def test_prometheus_has_a_token_of_the_secret(variant):
    """Which only the registry knows, and which lets nobody in who had to log in before."""
    pods = objects(variant).pods()
    env = {one["name"]: one["value"] for one in container(pods["registry"])["env"]}
    assert env == {"BERTH_METRICS": "login token", "BERTH_METRICS_TOKEN": "/metrics/token"}
    assert {"name": "metrics", "mountPath": "/metrics", "readOnly": True} in container(pods["registry"])["volumeMounts"]
    assert {"name": "metrics", "secret": {"secretName": "berth-metrics", "defaultMode": 0o440}} in pods["registry"]["spec"]["volumes"]
    assert not [component for component in ("gc", "retain") if "berth-metrics" in str(pods[component])]
    asked = {"port": str(container(pods["registry"])["ports"][0]["containerPort"]), "path": "/metrics",
             "scrape": "true" if variant == "metrics" else "false"}
    assert annotations(variant) == {f"prometheus.io/{name}": value for name, value in asked.items()}
    done = subprocess.run([BUILD / "berth", "config", "check"], check=False, capture_output=True, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "BERTH_CONF": "/dev/null", **env})
    assert done.returncode == 0, done.stderr


def test_nobody_is_found_by_prometheus_who_was_not_told_of_it():
    for variant in set(WHOLE) - {"metrics", "service-monitor"}:
        assert not annotations(variant) and "metrics" not in str(objects(variant).pods())


def test_a_service_monitor_finds_each_pod_once():
    """By the Service, with the token that the pods have."""
    found, service = objects("service-monitor").get("ServiceMonitor"), objects("service-monitor").get("Service")
    assert found["apiVersion"] == "monitoring.coreos.com/v1" and matches(found["spec"]["selector"], service["metadata"]["labels"])
    assert not service_monitor.complaints(found["spec"], service_monitor.SPEC)
    job = service["metadata"]["labels"][found["spec"]["jobLabel"]]
    by_job = re.findall(r'job=~"(.*?)"', (CHECKOUT / "etc/prometheus/berth.rules.yml").read_text())
    assert by_job and all(re.fullmatch(pattern, job) for pattern in by_job)
    assert set(found["spec"]) == {"jobLabel", "selector", "endpoints"}  # in its own namespace, where Service and Secret are
    endpoint, = found["spec"]["endpoints"]
    assert endpoint == {"port": service["spec"]["ports"][0]["name"], "path": "/metrics", "interval": "30s",
                        "authorization": {"credentials": {"name": "berth-metrics", "key": "token"}}}


def test_a_directory_of_a_node_is_for_this_claim_alone():
    volume, claim = objects("host-path").get("PersistentVolume"), objects("host-path").get("PersistentVolumeClaim")
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"] and claim["spec"]["storageClassName"] == ""
    assert (volume["spec"]["claimRef"]["namespace"], volume["spec"]["claimRef"]["name"]) == ("berth", claim["metadata"]["name"])
    assert volume["spec"]["capacity"] == claim["spec"]["resources"]["requests"]
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain" and volume["spec"]["local"] == {"path": "/var/lib/berth"}


def test_each_pod_has_its_network_policy():
    policies = objects("network-policy").of("NetworkPolicy")
    for component, template in objects("base").pods().items():
        policy, = (one["spec"] for one in policies if matches(one["spec"]["podSelector"], template["metadata"]["labels"]))
        assert policy["policyTypes"] == ["Ingress", "Egress"] and not policy.get("egress")
        assert policy.get("ingress") == ([{"ports": [{"port": "http", "protocol": "TCP"}]}] if component == "registry" else None)


def test_options_are_added_to_each_other(tmp_path):
    """By the line of their base; and a policy beside them."""
    shutil.copytree(MANIFESTS, tmp_path / "kubernetes")
    mine = tmp_path / "kubernetes" / "air-gapped" / "kustomization.yaml"
    mine.write_text(mine.read_text().replace("  - ../base\n", "  - ../host-path\n  - ../network-policy\n"))
    found = kustomized(mine.parent)
    assert found.get("PersistentVolume") and found.get("NetworkPolicy")["metadata"]["namespace"] == "berth"
    assert found.get("Service")["spec"]["type"] == "NodePort"
    assert container(found.pods()["gc"])["imagePullPolicy"] == "Never"


def test_metrics_are_added_to_tls(tmp_path):
    """As the page says: both Secrets are mounted, and what stands commented out is said of https."""
    shutil.copytree(MANIFESTS, tmp_path / "kubernetes")
    for name, change in (("metrics/kustomization.yaml", (r"  - \.\./base\n", "  - ../tls\n")),
                         ("service-monitor/service-monitor.yaml", (r"#(?! \S)", ""))):
        file = tmp_path / "kubernetes" / name
        file.write_text(re.sub(*change, file.read_text()))
    found = kustomized(tmp_path / "kubernetes" / "service-monitor")
    assert {mount["mountPath"] for mount in container(found.pods()["registry"])["volumeMounts"]} >= {"/tls", "/metrics"}
    assert {one["name"] for one in container(found.pods()["registry"])["env"]} == {
        "REGISTRY_HTTP_TLS_CERTIFICATE", "REGISTRY_HTTP_TLS_KEY", "BERTH_METRICS", "BERTH_METRICS_TOKEN"}
    endpoint, = found.get("ServiceMonitor")["spec"]["endpoints"]
    assert not service_monitor.complaints(found.get("ServiceMonitor")["spec"], service_monitor.SPEC)
    assert endpoint["scheme"] == "https" and endpoint["tlsConfig"] == {
        "serverName": "registry.internal", "ca": {"secret": {"name": "berth-tls", "key": "ca.crt"}}}


@pytest.mark.parametrize("variant", VARIANTS)
def test_another_namespace(variant, tmp_path):
    """By the command of the page, whichever directory is applied then: nothing says the other one any more."""
    shutil.copytree(MANIFESTS, tmp_path / "packaging/kubernetes")
    command = Document(CHECKOUT / "docs/kubernetes.md").take("What can be different")
    subprocess.run(["sh", "-ec", command], cwd=tmp_path, check=True, timeout=60)
    for one in kustomized(tmp_path / "packaging/kubernetes" / variant):
        assert one["metadata"].get("namespace") != "berth"
        assert one.get("spec", {}).get("claimRef", {}).get("namespace") != "berth"
        assert one["kind"] != "Namespace" or one["metadata"]["name"] == "registry"
    job = (tmp_path / "packaging/kubernetes/shared/check-storage.yaml").read_text()
    assert "\n  namespace: registry\n" in job and "namespace: berth" not in job


@pytest.mark.parametrize("name, replaced", [("berth.conf", {"registry", "gc", "retain"}), ("htpasswd", {"registry"})])
def test_a_change_starts_new_pods(tmp_path, name, replaced):
    shutil.copytree(MANIFESTS / "base", tmp_path / "base")
    before = kustomized(tmp_path / "base").pods()
    with open(tmp_path / "base" / name, "a") as file:
        file.write("# changed\n")
    after = kustomized(tmp_path / "base").pods()
    assert {component for component in before if before[component] != after[component]} == replaced


@pytest.mark.parametrize("variant", WHOLE)
def test_berth_takes_its_configuration(variant, tmp_path):
    """And lets nobody in until there are logins."""
    config, = objects(variant).of("ConfigMap")
    logins, = objects(variant).of("Secret")
    mounts = {mount["name"]: mount["mountPath"] for mount in container(objects(variant).pods()["registry"])["volumeMounts"]}
    assert mounts["config"] == "/etc/berth" and mounts["images"] == "/var/lib/registry" and mounts["run"] == "/run"
    for name, text in config["data"].items():
        (tmp_path / name).write_text(text.replace("/etc/berth/", f"{tmp_path}/"))
    for name, text in logins["data"].items():
        (tmp_path / name).write_bytes(base64.b64decode(text))
    env = {"PATH": "/usr/bin:/bin", "BERTH_CONF": str(tmp_path / "berth.conf"), "BERTH_ROOT": str(tmp_path)}
    for command in (["config", "check"], ["access", "alice", "team/app"]):
        subprocess.run([BUILD / "berth", *command], check=True, env=env, timeout=60)
    assert f'htpasswd = "{tmp_path}/htpasswd"' in (tmp_path / "berth.conf").read_text()
    assert not [line for line in (tmp_path / "htpasswd").read_text().splitlines() if not line.startswith("#")]


def time_of(schedule):
    minute, hour = map(int, schedule.split()[:2])
    return 60 * hour + minute


@pytest.mark.parametrize("variant", WHOLE)
def test_transfers_are_waited_for(variant):
    """Longer than berth itself does."""
    own = re.search(r"#define FINISH_MS[\\\s]+(\d+)", (CHECKOUT / "src/serve/children.c").read_text())[1]
    assert objects(variant).pods()["registry"]["spec"]["terminationGracePeriodSeconds"] > int(own) / 1000


@pytest.mark.parametrize("variant", WHOLE)
def test_secrets_are_for_berth_alone(variant):
    for template in objects(variant).pods().values():
        for volume in template["spec"]["volumes"]:
            for kind in volume.values():
                if isinstance(kind, dict) and "secret" in str(kind):
                    assert kind["defaultMode"] == 0o440


def test_jobs_do_what_they_are_called():
    for component in ("gc", "retain"):
        job = objects("base").get("CronJob", f"berth-{component}")
        only = container(objects("base").pods()[component])
        assert only["command"] == ["/usr/bin/berth", component] and job["spec"]["concurrencyPolicy"] == "Forbid"
        subprocess.run([BUILD / "berth", component, "--help"], check=True, stdout=subprocess.DEVNULL, timeout=60)
        assert re.fullmatch(r"\d+ \d+ \* \* \*", job["spec"]["schedule"])
    # What one leaves without a tag, the other removes in the same night.
    minutes = {component: time_of(objects("base").get("CronJob", f"berth-{component}")["spec"]["schedule"])
               for component in ("gc", "retain")}
    assert minutes["retain"] < minutes["gc"]
    assert "command" not in container(objects("base").pods()["registry"])


def test_prometheus_takes_the_job_of_the_page(tmp_path):
    """And finds the registry with it, and no other pod. (Debian's is built without kubernetes_sd_configs.)"""
    document = yaml.safe_load(Document(CHECKOUT / "docs/kubernetes.md").take("Prometheus", 1))
    job, = document["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["berth"]}}]
    rule, = job["relabel_configs"]
    found = [component for component, template in objects("metrics").pods().items()
             for name, value in template["metadata"]["labels"].items()
             if rule["source_labels"] == ["__meta_kubernetes_pod_label_" + re.sub("[./-]", "_", name)] and rule["regex"] == value]
    assert found == ["registry"]
    job["static_configs"] = [{"targets": ["berth:5000"]}]
    (tmp_path / "token").touch()
    job["authorization"]["credentials_file"] = str(tmp_path / "token")
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(document))
    subprocess.run(["promtool", "check", "config", tmp_path / "prometheus.yml"], check=True, capture_output=True, timeout=60)
