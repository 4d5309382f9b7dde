# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes Container Runtime Interface, by which a kubelet tells containerd what to do. That is gRPC, which is
protobuf after a five byte prefix over HTTP/2, and curl speaks HTTP/2 over a Unix socket."""

import re
import struct
import subprocess
from urllib.parse import unquote

from tests.lib.protobuf import Codec, messages

# As of runtime.v1: what kubelets send, and of the replies what is looked at here.
CODEC = Codec(messages("""
    AuthConfig: username 1 str, password 2 str
    ImageSpec: image 1 str
    ImageStatusRequest: image 1 ImageSpec
    ImageStatusResponse: image 1 Image
    Image: id 1 str, repo_tags 2 str*, repo_digests 3 str*, uid 5 Int64Value, username 6 str
    PullImageRequest: image 1 ImageSpec, auth 2 AuthConfig
    PullImageResponse: image_ref 1 str
    RemoveImageRequest: image 1 ImageSpec
    RemoveImageResponse:

    StatusRequest:
    StatusResponse: status 1 RuntimeStatus
    RuntimeStatus: conditions 1 RuntimeCondition*
    RuntimeCondition: type 1 str, status 2 bool, reason 3 str, message 4 str

    Int64Value: value 1 int
    KeyValue: key 1 str, value 2 str
    DNSConfig: servers 1 str*, searches 2 str*, options 3 str*
    PortMapping: protocol 1 int, container_port 2 int, host_port 3 int, host_ip 4 str
    Mount: container_path 1 str, host_path 2 str, readonly 3 bool, propagation 5 int
    NamespaceOption: network 1 int, pid 2 int, ipc 3 int
    SecurityProfile: profile_type 1 int, localhost_ref 2 str
    Capability: add_capabilities 1 str*, drop_capabilities 2 str*
    Resources: cpu_period 1 int, cpu_quota 2 int, cpu_shares 3 int, memory_limit_in_bytes 4 int, oom_score_adj 5 int

    RunPodSandboxRequest: config 1 PodSandboxConfig
    RunPodSandboxResponse: pod_sandbox_id 1 str
    PodSandboxConfig: metadata 1 PodSandboxMetadata, hostname 2 str, log_directory 3 str, dns_config 4 DNSConfig, \
port_mappings 5 PortMapping*, labels 6 map, annotations 7 map, linux 8 LinuxPodSandboxConfig
    PodSandboxMetadata: name 1 str, uid 2 str, namespace 3 str, attempt 4 int
    LinuxPodSandboxConfig: cgroup_parent 1 str, security_context 2 LinuxSandboxSecurityContext
    LinuxSandboxSecurityContext: namespace_options 1 NamespaceOption, run_as_user 3 Int64Value, run_as_group 8 Int64Value, \
supplemental_groups 5 int*, seccomp 9 SecurityProfile
    PodSandboxStatusRequest: pod_sandbox_id 1 str
    PodSandboxStatusResponse: status 1 PodSandboxStatus
    PodSandboxStatus: id 1 str, state 3 int, network 5 PodSandboxNetworkStatus
    PodSandboxNetworkStatus: ip 1 str
    StopPodSandboxRequest: pod_sandbox_id 1 str
    StopPodSandboxResponse:
    RemovePodSandboxRequest: pod_sandbox_id 1 str
    RemovePodSandboxResponse:
    ListPodSandboxRequest:
    ListPodSandboxResponse: items 1 PodSandbox*
    PodSandbox: id 1 str

    CreateContainerRequest: pod_sandbox_id 1 str, config 2 ContainerConfig, sandbox_config 3 PodSandboxConfig
    CreateContainerResponse: container_id 1 str
    ContainerConfig: metadata 1 ContainerMetadata, image 2 ImageSpec, command 3 str*, args 4 str*, working_dir 5 str, \
envs 6 KeyValue*, mounts 7 Mount*, labels 9 map, annotations 10 map, log_path 11 str, linux 15 LinuxContainerConfig
    ContainerMetadata: name 1 str, attempt 2 int
    LinuxContainerConfig: resources 1 Resources, security_context 2 LinuxContainerSecurityContext
    LinuxContainerSecurityContext: capabilities 1 Capability, namespace_options 3 NamespaceOption, run_as_user 5 Int64Value, \
run_as_group 12 Int64Value, readonly_rootfs 7 bool, supplemental_groups 8 int*, no_new_privs 11 bool, masked_paths 13 str*, \
readonly_paths 14 str*, seccomp 15 SecurityProfile
    StartContainerRequest: container_id 1 str
    StartContainerResponse:
    StopContainerRequest: container_id 1 str, timeout 2 int
    StopContainerResponse:
    RemoveContainerRequest: container_id 1 str
    RemoveContainerResponse:
    ListContainersRequest:
    ListContainersResponse: containers 1 Container*
    Container: id 1 str
    ContainerStatusRequest: container_id 1 str, verbose 2 bool
    ContainerStatusResponse: status 1 ContainerStatus, info 2 map
    ContainerStatus: id 1 str, state 3 int, started_at 5 int, finished_at 6 int, exit_code 7 int, reason 10 str, message 11 str
    ExecSyncRequest: container_id 1 str, cmd 2 str*, timeout 3 int
    ExecSyncResponse: stdout 1 bytes, stderr 2 bytes, exit_code 3 int
"""))
# enum ContainerState, of which 2 is the end.
CREATED, RUNNING, EXITED = range(3)
PATIENCE = 120  # seconds


class Refused(AssertionError):
    """What the runtime says where it does not do it."""


class Runtime:
    """A runtime at a Unix socket."""

    def __init__(self, socket):
        self.socket = socket

    def call(self, method, **fields):
        """The reply to a call of RuntimeService, or of ImageService if it is one of images."""
        service = "ImageService" if "Image" in method else "RuntimeService"
        message = CODEC.encode(f"{method}Request", fields)
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--unix-socket", self.socket,
             "--header", "Content-Type: application/grpc", "--header", "TE: trailers", "--data-binary", "@-",
             "--dump-header", "/dev/stderr", f"http://localhost/runtime.v1.{service}/{method}"],
            input=struct.pack(">?I", False, len(message)) + message, capture_output=True, timeout=PATIENCE)
        status = re.search(rb"^grpc-status: *(\d+)", done.stderr, re.MULTILINE)
        assert status, f"{method}: {done.stderr.decode(errors='replace')}"
        if status[1] != b"0":
            text = re.search(rb"^grpc-message: *(.*?)\r?$", done.stderr, re.MULTILINE)
            raise Refused(f"{method}: {unquote(text[1].decode()) if text else ''} (status {status[1].decode()})")
        return CODEC.decode(f"{method}Response", done.stdout[5:])

    def pull(self, image, credentials=None):
        """Pulls an image and returns the reference that the runtime keeps it by: the digest of its configuration.
        `credentials` are a user and a password, as a kubelet takes them from an imagePullSecret."""
        auth = dict(zip(("username", "password"), credentials)) if credentials else None
        return self.call("PullImage", image={"image": image}, auth=auth)["image_ref"]


def pull_image(socket, image, credentials=None):
    """As Runtime.pull."""
    return Runtime(socket).pull(image, credentials)


def refusal(socket, image, credentials=None):
    """What the runtime says of a pull that it refuses, and None if it pulled the image."""
    try:
        Runtime(socket).pull(image, credentials)
    except Refused as refused:
        return str(refused)
    return None
