# SPDX-License-Identifier: Apache-2.0
"""The chart says what the manifests say, takes what it documents, and refuses the rest."""

import base64
import re
import shutil

import pytest

from tests.lib.helm import CHART, MEANING, charted, comparable, helm, is_hook, template
from tests.lib.kubernetes import MANIFESTS, VARIANTS, Objects, kustomized
from tests.lib.paths import CHECKOUT

LINE = "alice:$2y$05$" + "a" * 53


def container(template):
    only, = template["spec"]["containers"]
    return only


def test_each_directory_has_values_that_mean_it():
    assert sorted(MEANING) == VARIANTS


@pytest.mark.parametrize("variant", MEANING)
def test_object_by_object_as_kubectl_makes_it(variant):
    manifests = kustomized(MANIFESTS / variant)
    if variant == "network-policy":  # which is beside another
        manifests = Objects(manifests + kustomized(MANIFESTS / "base"))
    chart = comparable(charted(*MEANING[variant], files={"htpasswd": MANIFESTS / "base" / "htpasswd"}))
    expected = comparable(manifests)
    assert sorted(chart) == sorted(expected)
    for name, one in expected.items():
        assert chart[name] == one


def test_lint_has_nothing_to_say():
    done = helm("lint", "--strict", CHART)
    assert done.returncode == 0 and not re.search("WARNING|ERROR", done.stdout), done.stdout


def test_its_version_is_that_of_berth():
    version = re.search(r"AC_INIT\(\[berth\], \[([^]]+)\]", (CHECKOUT / "configure.ac").read_text())[1]
    chart = (CHART / "Chart.yaml").read_text()
    assert f"\nversion: {version}\n" in chart and f"\nappVersion: {version}\n" in chart
    assert container(charted("image.tag=v9", "image.repository=a.example/berth").pods()["gc"])["image"] == "a.example/berth:v9"


def checksums(**files):
    return charted(files=files).pods()["registry"]["metadata"]["annotations"]


def test_a_change_starts_new_pods(tmp_path):
    shutil.copy(MANIFESTS / "base" / "berth.conf", tmp_path / "config")
    (tmp_path / "logins").write_text(LINE + "\n")
    before = checksums()
    assert checksums(config=tmp_path / "config") == before
    (tmp_path / "config").write_text("delete = false\n")
    config, logins = checksums(config=tmp_path / "config"), checksums(htpasswd=tmp_path / "logins")
    assert config["checksum/config"] != before["checksum/config"] and config["checksum/logins"] == before["checksum/logins"]
    assert logins["checksum/config"] == before["checksum/config"] and logins["checksum/logins"] != before["checksum/logins"]


def test_files_arrive_as_they_are(tmp_path):
    (tmp_path / "config").write_text('# {{ not a template }}\nrealm = "a: b"\n\n\tdelete = true   \n')
    (tmp_path / "logins").write_text(f"# who\n\n{LINE}\n")
    found = charted(files={"config": tmp_path / "config", "htpasswd": tmp_path / "logins"})
    assert found.get("ConfigMap", "berth-config")["data"] == {"berth.conf": (tmp_path / "config").read_text()}
    assert base64.b64decode(found.get("Secret", "berth-logins")["data"]["htpasswd"]) == (tmp_path / "logins").read_bytes()


def test_images_stay_when_the_release_goes():
    found = charted("storage.hostPath=/srv/images")
    for kind in ("PersistentVolumeClaim", "PersistentVolume"):
        assert found.get(kind)["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


@pytest.mark.parametrize("release, name", [("berth", "berth"), ("my-berth", "my-berth"), ("images", "images-berth"),
                                           ("x" * 53, "x" * 39 + "-berth"), ("berth" * 10, "berth" * 9)])
def test_names_follow_the_release(release, name):
    """And are short enough for what Kubernetes makes of those of CronJobs."""
    found = charted(release=release)
    labels = found.pods()["registry"]["metadata"]["labels"]
    assert found.get("Deployment", name) and found.get("Service", name) and found.get("CronJob", f"{name}-gc")
    assert len(found.get("CronJob", f"{name}-retain")["metadata"]["name"]) <= 52
    assert found.get("Service", name)["spec"]["selector"] == labels and labels["app.kubernetes.io/instance"] == release


def test_what_else_can_be_said():
    found = charted("existingSecret=mine", "storage.existingClaim=theirs", "imagePullSecrets={a,b}", "env[0].name=BERTH_LOG_LEVEL",
                    "env[0].value=info", "nodeSelector.disk=large", "tolerations[0].operator=Exists", "retain.enabled=false",
                    "service.type=LoadBalancer", "service.port=80")
    assert set(found.pods()) == {"registry", "gc"}
    assert not found.of("Secret") and not found.of("PersistentVolumeClaim") and found.get("Service")["spec"]["ports"][0]["port"] == 80
    for template in found.pods().values():
        pod = template["spec"]
        assert pod["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}] and pod["nodeSelector"] == {"disk": "large"}
        assert pod["tolerations"] == [{"operator": "Exists"}]
        assert container(template)["env"] == [{"name": "BERTH_LOG_LEVEL", "value": "info"}]
        assert {"name": "images", "persistentVolumeClaim": {"claimName": "theirs"}} in pod["volumes"]
    sources = [volume for volume in found.pods()["registry"]["spec"]["volumes"] if "projected" in volume][0]["projected"]["sources"]
    assert {"secret": {"name": "mine"}} in sources
    for given, expected in (("fast", "fast"), ("-", "")):
        assert charted(f"storage.className={given}").get("PersistentVolumeClaim")["spec"]["storageClassName"] == expected
    assert "storageClassName" not in charted().get("PersistentVolumeClaim")["spec"]


@pytest.mark.parametrize("tls", [[], ["tls.secret=a"]])
def test_its_own_test_asks_the_service(tls):
    one, = filter(is_hook, charted(*tls, "service.port=80"))
    assert container({"spec": one["spec"]})["command"] == ["/usr/bin/berth", "health", *(["--tls"] if tls else []), "berth:80"]


def test_prometheus_asks_as_the_registry_wants_it():
    """By TLS where that is spoken, and with the labels by which an operator finds it; without one by annotations."""
    metrics = ["metrics.secret=a", "tls.secret=b"]
    found = charted(*metrics, "serviceMonitor.enabled=true", "serviceMonitor.tlsConfig.serverName=registry.internal",
                    "serviceMonitor.interval=1m", "serviceMonitor.labels.release=prometheus", release="images")
    monitor = found.get("ServiceMonitor", "images-berth")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert found.get("Service", "images-berth")["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "berth"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= found.get("Service", "images-berth")["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"] == [{
        "port": "http", "path": "/metrics", "interval": "1m", "scheme": "https", "tlsConfig": {"serverName": "registry.internal"},
        "authorization": {"credentials": {"name": "a", "key": "token"}}}]
    asked = charted(*metrics).pods()["registry"]["metadata"]["annotations"]
    assert (asked["prometheus.io/scheme"], asked["prometheus.io/scrape"]) == ("https", "true")


@pytest.mark.parametrize("value, said", [
    ("replica=2", "'replica' not allowed"),
    ("resources.limit.memory=1Gi", "'limit' not allowed"),
    ("replicas=0", "at '/replicas': minimum: got 0, want 1"),
    ("replicas=two", "at '/replicas': got string, want integer"),
    ("config=null", "config"),
    ("service.type=Node", "at '/service/type': value must be one of 'ClusterIP', 'NodePort', 'LoadBalancer'"),
    ("service.port=0", "at '/service/port': minimum: got 0, want 1"),
    ("hostPort=70000", "at '/hostPort': maximum: got 70,000, want 65,535"),
    ("image.pullPolicy=Sometimes", "at '/image/pullPolicy': value must be one of"),
    ("image.repository=Berth", "at '/image/repository': 'Berth' does not match"),
    ("image.tag=a/b", "at '/image/tag': 'a/b' does not match"),
    ("gc.schedule=nightly", "at '/gc/schedule': 'nightly' does not match"),
    ("storage.size=20GB", "at '/storage/size': '20GB' does not match"),
    ("storage.hostPath=srv", "at '/storage/hostPath': 'srv' does not match"),
    ("existingSecret=A_b", "at '/existingSecret': 'A_b' does not match"),
    ("env[0].value=a", "missing property 'name'"),
    ("htpasswd=alice:secret", "htpasswd: line 1 is not USER:HASH as `htpasswd -nB USER` prints it"),
    ("htpasswd=alice:$apr1$xxxxxxxx$yyyyyyyyyyyyyyyyyyyyyy", "htpasswd: line 1 is not USER:HASH"),
    (f"htpasswd={LINE},existingSecret=mine", "htpasswd and existingSecret: logins are of one of them"),
    ("storage.hostPath=/srv,storage.existingClaim=a", "storage.hostPath and storage.existingClaim"),
    ("storage.hostPath=/srv,storage.shared=true", "storage.hostPath and storage.shared"),
    ("hostPort=5000,replicas=2", "hostPort and replicas: only one pod has the port"),
    ("service.nodePort=30500", "service.nodePort: set service.type to NodePort or LoadBalancer"),
    ("metrics.secret=A_b", "at '/metrics/secret': 'A_b' does not match"),
    ("serviceMonitor.interval=often", "at '/serviceMonitor/interval': 'often' does not match"),
    ("serviceMonitor.enabled=true", "serviceMonitor: set metrics.secret"),
    ("serviceMonitor.enabled=true,metrics.secret=a,tls.secret=b", "serviceMonitor.tlsConfig: with TLS it wants"),
])
def test_what_cannot_be_is_refused_and_named(value, said):
    done = template(value)
    assert done.returncode != 0 and said in done.stderr
    assert ("execution error" in done.stderr) != ("values don't meet the specifications of the schema" in done.stderr)
