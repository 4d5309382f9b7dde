# SPDX-License-Identifier: Apache-2.0
"""The kubelet of these tests itself: it does what real ones do, and lets nothing of a manifest pass that it does not know."""

import copy
import os
import stat
from types import SimpleNamespace

import pytest
import yaml

from tests.lib import pod_config
from tests.lib.cri import CODEC
from tests.lib.manifests import Applied, Fields, pull_credentials, quantity
from tests.lib.pod_config import Context, Pod
from tests.lib.pod_volumes import Volumes

GROUP = 1234
IMAGE = {"id": "sha256:0", "uid": {"value": 1000}, "username": ""}
CONTAINER = yaml.safe_load("""
name: app
image: app:1
args: ["--name=$(NAME)", "$$(NAME)", "$(NOBODY)"]
env:
  - {name: NAME, value: berth}
  - {name: WHERE, valueFrom: {configMapKeyRef: {name: config, key: where}}}
resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 512Mi}}
securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
""")
OBJECTS = Applied(yaml.safe_load_all("""
{apiVersion: v1, kind: ConfigMap, metadata: {name: config}, data: {where: here, other: there}}
---
{apiVersion: v1, kind: Secret, metadata: {name: secret}, data: {key: "aHVu\\ndGVyMg=="}}
---
{apiVersion: v1, kind: Service, metadata: {name: my-app}, spec: {ports: [{name: http, port: 80}]}}
"""))


def pod(spec):
    return Pod("app-1", "default", "uid", {}, {}, spec, OBJECTS, {"my-app": "10.96.7.1"})


def translated(container, context=None):
    with Fields(container, "container") as fields:
        fields.pass_over("image")  # others have looked it up
        return pod_config.container(pod({"containers": [container]}), context or Context(links=False), fields, IMAGE, [])


def changed(**fields):
    return copy.deepcopy(CONTAINER) | fields


def test_container():
    config = translated(CONTAINER)
    assert config["args"] == ["--name=berth", "$(NAME)", "$(NOBODY)"]
    variables = {pair["key"]: pair["value"] for pair in config["envs"]}
    assert (variables["NAME"], variables["WHERE"], variables["KUBERNETES_PORT"]) == ("berth", "here", "tcp://10.96.0.1:443")
    resources, security = config["linux"]["resources"], config["linux"]["security_context"]
    assert (resources["cpu_shares"], resources["cpu_quota"], resources["memory_limit_in_bytes"]) == (51, None, 512 << 20)
    assert resources["oom_score_adj"] == 993
    assert security["no_new_privs"] and security["readonly_rootfs"] and security["run_as_user"] == {"value": 1000}
    assert security["capabilities"]["drop_capabilities"] == ["ALL"]
    assert security["seccomp"] == {"profile_type": pod_config.UNCONFINED}


def test_services_are_variables_unless_that_is_refused():
    variables = {pair["key"]: pair["value"] for pair in translated(CONTAINER, Context(links=True))["envs"]}
    assert variables["MY_APP_PORT"] == variables["MY_APP_PORT_80_TCP"] == "tcp://10.96.7.1:80"
    assert (variables["MY_APP_SERVICE_HOST"], variables["MY_APP_SERVICE_PORT_HTTP"]) == ("10.96.7.1", "80")
    assert not [pair for pair in translated(CONTAINER)["envs"] if pair["key"].startswith("MY_APP")]


@pytest.mark.parametrize("wrong", [
    {"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}},
    {"volumeDevices": [{"name": "disk", "devicePath": "/dev/sda"}]},
    {"securityContext": {"privileged": True}},
    {"securityContext": {"seLinuxOptions": {"level": "s0"}}},
    {"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "own"}}},
    {"securityContext": {"capabilities": {"drop": ["ALL"], "keep": []}}},
    {"resources": {"limits": {"hugepages-2Mi": "4Mi"}}},
    {"resources": {"claims": []}},
    {"env": [{"name": "NODE", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]},
    {"env": [{"name": "MISSING", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "nothing"}}}]},
    {"env": [{"name": "MISSING", "valueFrom": {"secretKeyRef": {"name": "nobody", "key": "key"}}}]},
])
def test_what_is_not_known_is_refused(wrong):
    with pytest.raises((AssertionError, KeyError)):
        translated(changed(**wrong))


def test_root_is_refused():
    with pytest.raises(AssertionError, match="will run as root"):
        translated(changed(securityContext={"runAsNonRoot": True, "runAsUser": 0}))


@pytest.mark.parametrize("spec", [
    {"hostPID": True},
    {"securityContext": {"sysctls": []}},
    {"securityContext": {"fsGroupChangePolicy": "Never"}},
])
def test_a_pod_that_is_not_known_is_refused(spec):
    with pytest.raises(AssertionError), Fields(spec, "spec") as fields:
        pod_config.context_of(fields)


def test_messages_are_read_as_they_were_written():
    context = Context(user=1000, fs_group=GROUP, groups=[GROUP])
    config = pod_config.sandbox(pod({"containers": [CONTAINER]}), context, "/log", "/top")
    assert config["linux"]["cgroup_parent"] == "/top/kubepods/burstable/poduid"
    read = CODEC.decode("RunPodSandboxRequest", CODEC.encode("RunPodSandboxRequest", {"config": config}))["config"]
    assert read["labels"]["io.kubernetes.pod.name"] == read["hostname"] == "app-1"
    security = read["linux"]["security_context"]
    assert security["supplemental_groups"] == [GROUP]
    assert (security["run_as_user"], security["run_as_group"]) == ({"value": 1000}, None)
    resources = CODEC.encode("Resources", {"oom_score_adj": -997})
    assert CODEC.decode("Resources", resources)["oom_score_adj"] == -997
    with pytest.raises(KeyError):
        CODEC.encode("ImageSpec", {"picture": "app"})


@pytest.fixture
def volumes(tmp_path):
    def make(said, group=None, policy=None, claims=None):
        made = Volumes(SimpleNamespace(path=lambda path: tmp_path / str(path).lstrip("/")), "/pod", OBJECTS, claims or {})
        made.make(Fields({"volumes": yaml.safe_load(said)}, "spec"), group, policy)
        return made, tmp_path
    return make


def access(path):
    found = os.stat(path)
    return found.st_gid, stat.S_IMODE(found.st_mode)


def test_files_of_a_config_map(volumes):
    """Behind links that are changed at once; readable by the pod's group, whoever else may read them."""
    made, top = volumes("[{name: config, configMap: {name: config, defaultMode: 0400, items: [{key: where, path: a/b}]}}]", GROUP)
    volume = made.volumes["config"]
    file = top / volume.path.lstrip("/") / "a/b"
    assert file.read_text() == "here" and access(file) == (GROUP, 0o440)
    before = os.readlink(file.parents[1] / "..data")
    OBJECTS.get("ConfigMap", "config")["data"]["where"] = "elsewhere"
    try:
        made.refresh()
    finally:
        OBJECTS.get("ConfigMap", "config")["data"]["where"] = "here"
    assert file.read_text() == "elsewhere" and os.readlink(file.parents[1] / "..data") != before
    assert not (file.parents[1] / before).exists()
    mount = made.mount(Fields({"name": "config", "mountPath": "/x"}, "mount"))
    assert mount["readonly"]
    part = made.mount(Fields({"name": "config", "mountPath": "/x", "subPath": "a/b"}, "mount"))["host_path"]
    assert (top / part.lstrip("/")).read_text() == "elsewhere" and "..data" not in part


def test_a_claim_becomes_the_groups(volumes, tmp_path):
    (tmp_path / "disk/deep").mkdir(parents=True)
    (tmp_path / "disk/deep/file").write_text("")
    (tmp_path / "disk/deep/file").chmod(0o600)
    said = "[{name: images, persistentVolumeClaim: {claimName: images}}]"
    made, _ = volumes(said, GROUP, "OnRootMismatch", {"images": "/disk"})
    assert access(tmp_path / "disk/deep/file") == (GROUP, 0o660)
    assert access(tmp_path / "disk")[1] & 0o7070 == stat.S_ISGID | 0o070
    (tmp_path / "disk/deep/file").chmod(0o600)
    made.make(Fields({"volumes": yaml.safe_load(said)}, "spec"), GROUP, "OnRootMismatch")
    assert access(tmp_path / "disk/deep/file") == (GROUP, 0o600)
    made.make(Fields({"volumes": yaml.safe_load(said)}, "spec"), GROUP, "Always")
    assert access(tmp_path / "disk/deep/file") == (GROUP, 0o660)


@pytest.mark.parametrize("said", [
    "[{name: x, nfs: {server: a, path: /b}}]",
    "[{name: x}]",
    "[{name: x, configMap: {name: nobody}}]",
    "[{name: x, configMap: {name: config, items: [{key: nothing, path: a}]}}]",
    "[{name: x, configMap: {name: config, mode: 0400}}]",
    "[{name: x, emptyDir: {medium: HugePages}}]",
    "[{name: x, hostPath: {path: /x, type: Directory}}]",
    "[{name: x, projected: {sources: [{serviceAccountToken: {path: token}}]}}]",
])
def test_volumes_that_are_not_known_are_refused(volumes, said):
    with pytest.raises(AssertionError):
        volumes(said)


def test_quantities():
    assert [quantity(said) for said in ("50m", "64Mi", "1", 2, "20Gi", "1k")] == [0.05, 64 << 20, 1, 2, 20 << 30, 1000]


def test_a_pull_secret():
    said = {"type": "kubernetes.io/dockerconfigjson", "kind": "Secret", "metadata": {}, "stringData": {
        ".dockerconfigjson": '{"auths": {"a:5000": {"auth": "YWxpY2U6czM6Y3JldA=="}}}'}}
    assert pull_credentials(said) == {"a:5000": ("alice", "s3:cret")}
