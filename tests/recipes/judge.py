# SPDX-License-Identifier: Apache-2.0
"""Whether what was typed made a registry, as a client on that machine sees it."""

import hashlib
import json
import re
import uuid

CURL = "curl -sS -m 60 -o /tmp/answer -w %{http_code}"
EMPTY = b"{}"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def artifact() -> bytes:
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(EMPTY), "size": len(EMPTY)}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example",
                       "config": config, "layers": [config], "annotations": {"x": uuid.uuid4().hex}}).encode()


def status(machine, url, options="") -> int:
    return int(machine.run(f"{CURL} {options} '{url}'"))


def wait(machine, url="http://127.0.0.1"):
    """Until somebody listens there; systemd says of most servers that they run before they do."""
    machine.run(f"timeout 60 sh -c 'until curl -sk -o /dev/null {url}/v2/; do sleep 0.2; done'")


def push(machine, url, name="team/app", tag="1.2", options=""):
    """An artifact, whose bytes are returned."""
    manifest = artifact()
    machine.write("root/blob", EMPTY.decode())
    machine.write("root/manifest", manifest.decode())
    assert status(machine, f"{url}/v2/{name}/blobs/uploads/", f"{options} -D /tmp/head -X POST -H Content-Length:0") == 202
    location = re.search(r"(?im)^location: (?:https?://[^/]+)?(\S+)", machine.run("cat /tmp/head"))[1]
    assert status(machine, f"{url}{location}{'&' if '?' in location else '?'}digest={digest_of(EMPTY)}",
                  f"{options} -X PUT --data-binary @/root/blob -H Content-Type:application/octet-stream") == 201
    assert status(machine, f"{url}/v2/{name}/manifests/{tag}",
                  f"{options} -X PUT --data-binary @/root/manifest -H Content-Type:{MANIFEST}") == 201
    return manifest


def has(machine, url, manifest, name="team/app", tag="1.2", options=""):
    """Whether it is what a client pulls."""
    assert status(machine, f"{url}/v2/{name}/manifests/{tag}", f"{options} -H Accept:{MANIFEST}") == 200
    assert machine.run("cat /tmp/answer") == manifest.decode()
    assert status(machine, f"{url}/v2/{name}/blobs/{digest_of(EMPTY)}", options) == 200
    assert machine.run("cat /tmp/answer") == EMPTY.decode()


def serves(machine, url="http://127.0.0.1", options=""):
    has(machine, url, push(machine, url, options=options), options=options)
