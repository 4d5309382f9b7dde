# SPDX-License-Identifier: Apache-2.0
"""How many calls of the file system a request or a repository costs: exact, whatever else the machine does, so that the bounds
are a fifth above what they are, and a third more is always seen. What each call costs is the matter of `make bench`."""

import json
import os
import subprocess

import pytest

from tests.bench.bench_growth import Planter
from tests.fault.calls import INJECTOR, make_injector
from tests.lib import tree
from tests.lib.oci import OCI_LAYER, OCI_MANIFEST
from tests.lib.paths import BUILD

FEW, MANY = 20, 60


@pytest.fixture(scope="module", autouse=True)
def injector():
    make_injector()


def calls(root, argv, environment=None, status=0) -> int:
    """Below the data directory."""
    log = root.parent / "calls"
    done = subprocess.run([*map(str, (INJECTOR, root, log, *argv))], env={"PATH": os.environ["PATH"], **(environment or {})},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == status, done.stderr.decode()
    if environment:
        assert done.stdout.startswith(b"Status: 200"), done.stdout[:300]
    return sum(not line.startswith(("exit", "struck")) for line in log.read_text(errors="replace").splitlines())


def get(root, target: str) -> int:
    path, _, query = target.partition("?")
    return calls(root, [BUILD / "berth.fcgi"], {
        "GATEWAY_INTERFACE": "CGI/1.1", "BERTH_ROOT": str(root), "BERTH_LOG_LEVEL": "error", "REQUEST_METHOD": "GET",
        "REQUEST_URI": target, "SCRIPT_NAME": path, "PATH_INFO": "", "QUERY_STRING": query, "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "lighttpd", "REMOTE_ADDR": "127.0.0.1"})


@pytest.mark.parametrize("command, most", [("ls", 16.5), ("du", 33), ("gc --dry-run", 58), ("fsck --fast", 640)])
def test_a_repository(tmp_path, command, most):
    """With two images and four blobs of its own."""
    counts = []
    for number in (FEW, MANY):
        root = tmp_path / str(number)
        tree.make(root, tree.Shape(number, number * 2, number * 4))
        name, *options = command.split()
        counts.append(calls(root, [BUILD / "berth", name, "--root", root, *options]))
    each = (counts[1] - counts[0]) / (MANY - FEW)
    print(f"{command}: {each:.1f} calls a repository")
    assert each <= most, counts


def plant(root, referrers: int, tags: int):
    planter = Planter(root)
    planter.repository("many")
    subject, length = planter.image("subject")
    layer = planter.part(b"layer", OCI_LAYER)["digest"]
    entries = f"{planter.directory}/_referrers/sha256/{subject}/sha256"
    os.makedirs(entries, 0o750)
    for number in range(referrers):
        digest, size = planter.image(f"r{number}", artifactType="application/vnd.test.common", subject={
            "mediaType": OCI_MANIFEST, "digest": f"sha256:{subject}", "size": length})
        with open(f"{entries}/{digest}", "w", encoding="ascii") as entry:
            json.dump({"mediaType": OCI_MANIFEST, "digest": f"sha256:{digest}", "size": size,
                       "artifactType": "application/vnd.test.common"}, entry)
    for number in range(tags):
        planter.light_tag(f"v{number}", subject)
    for number in range(tags):
        planter.repository(f"app{number}")
        planter.link(planter.revisions, subject)
    subprocess.run([BUILD / "berth", "fsck", "--fast", "--repair", "--root", root], stdout=subprocess.DEVNULL, check=False)
    return f"sha256:{subject}", layer


def test_requests(tmp_path):
    """Of a list each entry, and the rest once."""
    targets = {
        "manifest by tag": ("manifests/v1", 0, 5),
        "blob": ("blobs/{layer}", 0, 4),
        "page of tags": ("tags/list?n=1000", 2.3, 3),
        "filter of referrers": ("referrers/{subject}?artifactType=none", 0.1, 7),
        "catalog": ("", 7, 8),
    }
    counts = {name: [] for name in targets}
    for number in (FEW, MANY):
        root = tmp_path / str(number)
        subject, layer = plant(root, number, number)
        start = get(root, "/v2/")
        for name, (target, _, _) in targets.items():
            target = f"/v2/many/{target.format(subject=subject, layer=layer)}" if target else "/v2/_catalog?n=1000"
            counts[name].append(get(root, target) - start)
    for name, (_, each, once) in targets.items():
        few, many = counts[name]
        slope = (many - few) / (MANY - FEW)
        print(f"{name}: {slope:.1f} calls an entry, {few - slope * FEW:.0f} besides")
        assert slope <= each and few - slope * FEW <= once, (name, counts[name])
