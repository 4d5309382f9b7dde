# SPDX-License-Identifier: Apache-2.0
"""The Helm chart, rendered by helm itself and compared with what kubectl makes of the manifests; and both against the schemas of
Kubernetes. `make kubernetes-test` runs it, the ordinary run does not: a bare Debian has neither program."""

import shutil

import pytest

NEEDED = {
    "helm": "go install helm.sh/helm/v3/cmd/helm@v3.18.6, which leaves it in ~/go/bin",
    "kubernetes-validate": "python3 -m venv DIRECTORY && DIRECTORY/bin/pip install kubernetes-validate",
}


def pytest_sessionstart():
    missing = [f"\n  {name}: {how}" for name, how in NEEDED.items() if not shutil.which(name)]
    if missing:
        pytest.exit(f"these programs have to be in $PATH:{''.join(missing)}", returncode=1)
