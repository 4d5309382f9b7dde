# SPDX-License-Identifier: Apache-2.0
"""The same data directory, configuration file and environment: registry 2.8 as Debian has it, then the image, then back."""

import re

import pytest

from tests.image.host import REGISTRY
from tests.interop.ledger import Ledger
from tests.interop.test_there_and_back import APP, push_everything
from tests.lib.clients import Daemon

CONFIG = """version: 0.1
log:
  fields: {service: registry}
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: /var/lib/registry}
http:
  addr: :5000
  headers: {X-Content-Type-Options: [nosniff]}
health:
  storagedriver: {enabled: true, interval: 10s, threshold: 3}
"""
VARIABLES = ["REGISTRY_STORAGE_DELETE_ENABLED=true"]
# It finds the directory where its container has it; nothing is made on this machine for that.
SERVE = """mkdir -p /mnt/upper-lib/registry /mnt/work-lib
mount -t overlay -o lowerdir=/var/lib,upperdir=/mnt/upper-lib,workdir=/mnt/work-lib overlay /var/lib
mount --bind "$1" /var/lib/registry
exec env $3 docker-registry serve "$2"
"""


class Front:
    """Requests to whoever has port 5000 of the host."""

    def __init__(self, host):
        self.host = host

    def request(self, method, target, headers=None, body=None):
        return self.host.request(method, re.sub(r"^http://[^/]+", "", target), headers, body)  # Distribution's are absolute


@pytest.fixture
def original(host, place):
    """registry:2, as long as which it serves."""
    images, config = host.directory / "images", host.directory / "config.yml"
    images.mkdir()
    config.write_text(CONFIG)
    argv = [*host.machine.enter, "unshare", "--mount", "sh", "-ec", SERVE, "sh", images, config, *VARIABLES]
    return lambda: Daemon(host.directory, argv, lambda: host.status() == 200)


def test_there_and_back(host, document, original):
    ledger, front = Ledger(), Front(host)
    with original():
        doomed = push_everything(ledger, front)
        ledger.check(front)

    typed = document.take("From registry:2")
    assert all(f"-e {variable} " in typed for variable in VARIABLES)
    host.type(typed)
    host.await_registry()
    ledger.check(front)
    ledger.check_lists(front)
    ledger.push_docker_image(front, APP, "2", "latest")
    ledger.push_image(front, "new/repository", "1")
    ledger.delete_manifest(front, "team/deep/other", doomed)
    ledger.check(front)
    host.docker("rm", "-f", REGISTRY)

    with original():
        ledger.check(front)
        ledger.check_lists(front)
        ledger.push_image(front, "new/repository", "2")

    host.type(typed)
    host.await_registry()
    ledger.check(front)
    ledger.check_lists(front)


def test_without_the_variable_nothing_is_deleted(host, document, original):
    """As registry:2 has it."""
    with original():
        ledger, front = Ledger(), Front(host)
        pushed = ledger.push_image(front, APP, "1")
    host.type(document.take("From registry:2").replace(f"-e {VARIABLES[0]} ", ""))
    host.await_registry()
    assert front.request("DELETE", f"/v2/{APP}/manifests/{pushed.digest}").status == 405
    ledger.check(front)


@pytest.mark.parametrize("variable", ["REGISTRY_STORAGE_S3_BUCKET=images", "REGISTRY_STORAGE_GCS_BUCKET=images",
                                      "REGISTRY_HTTP_ADR=:5000", "REGISTRY_STORAGE_DELETE_ENABLED=perhaps"])
def test_what_has_no_equal_stops_the_start(host, variable):
    """One line says its name."""
    name = host.docker("run", "-d", "-e", variable, "berth").strip()
    assert host.docker("wait", name).strip() == "78"
    said = host.logs(name).strip()
    assert variable.partition("=")[0] in said and "\n" not in said


def test_what_the_file_has_without_an_equal_stops_the_start(host):
    (host.directory / "config.yml").write_text("version: 0.1\nstorage: {s3: {bucket: images, region: here}}\n")
    said = host.refusal_of('docker run --rm -v "$(pwd)"/config.yml:/etc/docker/registry/config.yml berth')
    assert "storage.s3" in said and len(said.splitlines()) == 1
