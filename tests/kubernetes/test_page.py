# SPDX-License-Identifier: Apache-2.0
"""What docs/kubernetes.md says to type is typed, and does in a cluster what the page says."""

import base64
import json
import re
import subprocess
import tomllib

import pytest
import yaml

from tests.kubernetes.cluster import until
from tests.kubernetes.hands import Hands
from tests.lib import service_monitor
from tests.lib.kubernetes import MANIFESTS

NAME = "registry.internal:5000"


@pytest.fixture
def hands(cluster, tmp_path):
    yield Hands(cluster, tmp_path)
    cluster.clear()


def without_a_prompt(text):
    return text.replace("htpasswd -nB alice", "htpasswd -nbB alice secret")


def logins(cluster):
    secret, = (one for one in cluster.get("/api/v1/namespaces/berth/secrets")["items"] if "berth-logins" in one["metadata"]["name"])
    return base64.b64decode(secret["data"]["htpasswd"]).decode()


def installed(hands, page):
    hands.cluster.offer_volume("ReadWriteOnce")
    hands.type(without_a_prompt(page.take("Install", 0)))


def test_kubectl_installs_it(hands, cluster, page):
    installed(hands, page)
    assert "\nalice:$2y$" in logins(cluster)
    pod, = cluster.pods("registry")
    claim = cluster.get("/api/v1/namespaces/berth/persistentvolumeclaims/berth")
    assert claim["status"]["phase"] == "Bound" and claim["spec"]["storageClassName"] == "usual"
    assert pod["spec"]["containers"][0]["image"] == "berth:0.1.0"
    # Another pod, where that one is, after a change.
    (hands.base / "berth.conf").write_text((hands.base / "berth.conf").read_text() + "page_limit = 100\n")
    hands.type("kubectl apply -k packaging/kubernetes/base && kubectl -n berth rollout status deployment/berth")
    until(lambda: len(cluster.pods("registry")) == 1, "the old pod has gone")
    other, = cluster.pods("registry")
    assert other["metadata"]["name"] != pod["metadata"]["name"] and other["spec"]["nodeName"] == pod["spec"]["nodeName"]
    hands.type(page.take("Install", 2) + "\nwait")
    assert sorted(hands.calls()) == ["docker login localhost:5000", "docker push localhost:5000/team/app:1",
                                     "docker tag app localhost:5000/team/app:1",
                                     "kubectl -n berth port-forward service/berth 5000:5000"]


def test_helm_installs_it(hands, cluster, page):
    cluster.offer_volume("ReadWriteOnce")
    hands.type(without_a_prompt(page.take("Install", 1)))
    cluster.wait_for_registry()
    assert logins(cluster).startswith("alice:$2y$")
    claim = cluster.get("/api/v1/namespaces/berth/persistentvolumeclaims/berth")["metadata"]["uid"]
    upgrade = "helm upgrade berth packaging/kubernetes/chart -n berth --reuse-values --set networkPolicy.enabled=true"
    hands.type(f"{upgrade} && helm test berth -n berth && helm uninstall berth -n berth --wait")
    until(lambda: not cluster.pods("registry"), "the pods have gone")  # helm does not wait for those
    hands.type(without_a_prompt(page.take("Install", 1)))
    assert cluster.get("/api/v1/namespaces/berth/persistentvolumeclaims/berth")["metadata"]["uid"] == claim


def test_a_directory_of_a_node(hands, cluster, page):
    hands.type(page.take("In a directory of a node", 0).replace("/var/lib/berth", str(hands.home / "images")))
    cluster.wait_for_registry()
    assert (hands.home / "images").is_dir()
    assert [pod["spec"]["nodeName"] for pod in cluster.pods("registry")] == ["worker-1"]
    volume = cluster.get("/api/v1/persistentvolumes/berth")
    assert volume["status"]["phase"] == "Bound" and volume["spec"]["local"] == {"path": "/var/lib/berth"}
    hands.type("kubectl -n berth create job --from=cronjob/berth-retain now && kubectl -n berth wait --for=condition=complete job/now")
    assert [pod["spec"]["nodeName"] for pod in cluster.pods("retain")] == ["worker-1"]


def test_tls(hands, cluster, page):
    cluster.offer_volume("ReadWriteOnce")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                    "-subj", "/CN=registry.internal", "-keyout", "registry.key", "-out", "registry.crt"], cwd=hands.home, check=True,
                   capture_output=True)
    hands.type(page.take("TLS", 0))
    cluster.wait_for_registry()
    assert cluster.get("/api/v1/namespaces/berth/secrets/berth-tls")["type"] == "kubernetes.io/tls"


def test_prometheus(hands, cluster, page):
    """By an operator, whose kind the cluster has to know, or by a job that finds the pods."""
    cluster.offer_volume("ReadWriteOnce")
    *create, apply = page.take("Prometheus", 0).splitlines()
    hands.type("\n".join(create))
    refused = cluster.kubectl("apply", "-k", MANIFESTS / "service-monitor", check=False)
    assert 'no matches for kind "ServiceMonitor"' in refused.stderr
    cluster.apply(service_monitor.DEFINITION)
    cluster.kubectl("wait", "--for=condition=established", "crd/servicemonitors.monitoring.coreos.com")
    hands.type(apply)
    cluster.wait_for_registry()
    assert cluster.get("/apis/monitoring.coreos.com/v1/namespaces/berth/servicemonitors/berth")
    token = base64.b64decode(cluster.get("/api/v1/namespaces/berth/secrets/berth-metrics")["data"]["token"])
    assert re.fullmatch(b"[0-9a-f]{64}", token)
    job, = yaml.safe_load(page.take("Prometheus", 1))["scrape_configs"]
    found, = job["kubernetes_sd_configs"]
    for rule in job["relabel_configs"]:
        label = rule["source_labels"][0].removeprefix("__meta_kubernetes_pod_label_")
        pods = [pod for pod in cluster.pods(namespace=found["namespaces"]["names"][0])
                if rule["regex"] in (value for name, value in pod["metadata"]["labels"].items() if re.sub("[./-]", "_", name) == label)]
        assert pods == cluster.pods("registry") and pods
    cluster.kubectl("delete", "crd", "servicemonitors.monitoring.coreos.com")


def test_on_several_nodes(hands, cluster, page):
    """The volume is looked at from two nodes."""
    cluster.offer_volume("ReadWriteMany")
    hands.type(page.take("On several nodes"))
    assert len({pod["spec"]["nodeName"] for pod in cluster.pods("check-storage")}) == 2
    assert len(cluster.pods("registry")) == 2


def test_another_namespace(hands, page):
    hands.type(page.take("What can be different"))
    assert "namespace: registry\n" in hands.type("kubectl kustomize packaging/kubernetes/base")


@pytest.mark.parametrize("variant", ["host-port", "network-policy"])
def test_the_other_directories(hands, cluster, variant):
    cluster.offer_volume("ReadWriteOnce")
    if variant == "network-policy":
        file = hands.base / "../air-gapped/kustomization.yaml"
        file.write_text(file.read_text().replace("  - ../base\n", "  - ../base\n  - ../network-policy\n"))
        variant = "air-gapped"
    hands.type(f"kubectl apply -k packaging/kubernetes/{variant}")
    cluster.wait_for_registry()
    assert len(cluster.pods("registry")) == 1


def typed_on_a_node(hands, page, *changes, **places):
    """`node`, as the page has it, but for another URL and what follows it."""
    line = page.take("Without a network", 0)
    for old, new in changes:
        assert old in line
        line = line.replace(old, new)
    where = {"CERTS": str(hands.home / "certs.d"), "CONFIG": str(hands.home / "config.toml"), "K3S": str(hands.home / "no"), **places}
    return hands.type(line, **where)


def test_containerd(hands, page):
    once = [tomllib.loads(page.take("containerd", number))["plugins"] for number in (0, 1)]
    where, = {plugin["registry"]["config_path"] for plugins in once for plugin in plugins.values()}
    (hands.home / "config.toml").write_text(f'config_path = "{hands.home}/certs.d"\n')
    (hands.home / "ca.crt").touch()
    written = hands.home / "certs.d" / NAME / "hosts.toml"
    typed_on_a_node(hands, page)
    assert tomllib.loads(written.read_text()) == tomllib.loads(page.take("containerd", 2))
    typed_on_a_node(hands, page, ("http://127.0.0.1:30500", "https://10.0.0.11:30500 ca.crt"))
    assert written.read_text().replace(f"{hands.home}/certs.d", where).strip() == page.take("containerd", 3)


def test_k3s(hands, page):
    (hands.home / "k3s").mkdir()
    (hands.home / "registry.crt").touch()
    (hands.home / "bin/ctr").rename(hands.home / "bin/k3s")
    typed_on_a_node(hands, page, ("http://127.0.0.1:30500", "https://10.0.0.11:30500 registry.crt"), K3S=str(hands.home / "k3s"))
    written = yaml.safe_load((hands.home / "k3s/registries.yaml").read_text())
    expected = yaml.safe_load(page.take("k3s", 0))
    tls = expected["configs"]["10.0.0.11:30500"]["tls"]
    tls["ca_file"] = tls["ca_file"].replace("/etc/rancher/k3s/registry.crt", f"{hands.home}/k3s/{NAME}.crt")
    assert written == expected


def test_kind(hands, cluster, page):
    mapping, = yaml.safe_load(page.take("kind", 0))["nodes"][0]["extraPortMappings"]
    cluster.offer_volume("ReadWriteOnce")
    hands.type(page.take("kind", 1))
    port, = cluster.get("/api/v1/namespaces/berth/services/berth")["spec"]["ports"]
    assert port["nodePort"] == mapping["containerPort"] == mapping["hostPort"] == 30500
    assert hands.calls()[0] == "kind create cluster --config kind.yaml" and f":{port['nodePort']}/" in hands.calls()[-1]


def test_without_a_network(hands, cluster, page):
    cluster.offer_volume("ReadWriteOnce")
    (hands.home / "config.toml").write_text(f'config_path = "{hands.home}/certs.d"\n')
    assert "imported  docker.io/library/berth:0.1.0" in typed_on_a_node(hands, page)
    hands.type(page.take("Without a network", 1))
    cluster.wait_for_registry()


def login(cluster, namespace="default"):
    secret = cluster.get(f"/api/v1/namespaces/{namespace}/secrets/berth")
    return json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"][NAME]


def test_logins_of_nodes(hands, cluster, page):
    installed(hands, page)
    hands.type(page.take("Logins of nodes", 0))
    account = cluster.get("/api/v1/namespaces/default/serviceaccounts/default")
    assert account["imagePullSecrets"] == [{"name": "berth"}] and login(cluster)["username"] == "alice"
    cluster.kubectl("delete", "secret", "berth")

    hands.mount()
    hands.type(page.take("Logins of nodes", 1), at="packaging/kubernetes/base")
    cluster.wait_for_registry()
    until(lambda: len(cluster.pods("registry")) == 1, "the old pod has gone")
    hands.mount()
    hands.type(page.take("Logins of nodes", 2))
    assert login(cluster)["username"] == "nodes" and login(cluster)["password"].startswith("ey")
    assert "nodes" in hands.type("berth token ls")
    cluster.kubectl("delete", "secret", "berth")


def test_looking_after_it(hands, cluster, page):
    installed(hands, page)
    hands.mount()
    hands.type(page.take("Looking after it", 0))
    hands.type("kubectl -n berth wait --for=condition=complete job/berth-gc-now")
    hands.type(page.take("What removes images", 0))
    until(lambda: not cluster.pods("registry"), "it has gone")
    assert cluster.get("/api/v1/namespaces/berth/persistentvolumeclaims/berth")["status"]["phase"] == "Bound"


def messages(cluster):
    found = [event.get("message") or "" for event in cluster.get("/api/v1/namespaces/berth/events")["items"]]
    return found + [condition.get("message", "") for pod in cluster.pods() for condition in pod["status"].get("conditions", [])]


def is_heard(cluster, message):
    until(lambda: any(message in one for one in messages(cluster)), message)


def test_a_claim_that_nobody_fulfils(hands, cluster):
    cluster.kubectl("delete", "storageclass", "--all")
    hands.type("kubectl apply -k packaging/kubernetes/base")
    is_heard(cluster, "pod has unbound immediate PersistentVolumeClaims")


def test_a_job_without_a_registry(hands, cluster, page):
    installed(hands, page)
    hands.type("kubectl -n berth scale deployment/berth --replicas=0")
    until(lambda: not cluster.pods("registry"), "it has gone")
    hands.type("kubectl -n berth create job --from=cronjob/berth-gc now")
    is_heard(cluster, "didn't match pod affinity rules")
    hands.type("kubectl -n berth scale deployment/berth --replicas=1 && kubectl -n berth wait --for=condition=complete job/now")


def test_another_volume_for_the_same_claim(hands, page):
    installed(hands, page)
    assert "spec is immutable after creation" in hands.cluster.kubectl("apply", "-k", MANIFESTS / "host-path", check=False).stderr


def test_a_port_of_a_node_where_that_is_forbidden(hands, cluster):
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": "berth", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    cluster.offer_volume("ReadWriteOnce")
    hands.type("helm install berth packaging/kubernetes/chart -n berth --set hostPort=5000")
    is_heard(cluster, 'violates PodSecurity "restricted')


def test_no_directory_of_manifests_is_left_out(page):
    """Of the table."""
    text = (MANIFESTS / "../../docs/kubernetes.md").read_text()
    for path in MANIFESTS.glob("*/kustomization.yaml"):
        assert path.parent.name == "base" or f"| `{path.parent.name}` |" in text
