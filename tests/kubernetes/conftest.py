# SPDX-License-Identifier: Apache-2.0
"""The manifests and the Helm chart in the hands of Kubernetes' own programs. `make kubernetes-test` runs it, the ordinary run does
not: a bare Debian does not have them."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.kubernetes.cluster import Cluster
from tests.lib.kubernetes import KUBECTL
from tests.lib.paths import CHECKOUT
from tests.recipes.document import Document

NEEDED = (KUBECTL, "helm", "kubernetes-validate", "htpasswd", "openssl", "etcd", "kube-apiserver", "kube-controller-manager",
          "kube-scheduler")


def pytest_sessionstart():
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        pytest.exit(f"these programs have to be in $PATH: {', '.join(missing)}\n"
                    "tests/kubernetes/programs DIRECTORY leaves those of Kubernetes in DIRECTORY/bin; it takes Go, Python and half an hour. "
                    "Debian has htpasswd in apache2-utils.", returncode=1)


@pytest.fixture(scope="session")
def cluster():
    with tempfile.TemporaryDirectory(prefix="berth-kubernetes-") as directory, Cluster(Path(directory)) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def page(request):
    page = Document(CHECKOUT / "docs/kubernetes.md")
    yield page
    page.check_all_typed("tests/kubernetes", request.config)
