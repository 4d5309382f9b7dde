# SPDX-License-Identifier: Apache-2.0
"""A cache of a registry that wants an account: whose password a file has, or a program knows."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import client, upstreams
from tests.lib.upstream import Upstream

USER, PASSWORD = "robot", "correct-horse-battery"


@pytest.fixture(params=["password_file", "helper"])
def keys(request):
    """What an upstream section says of the account, in files that the workers can read."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        file = Path(directory) / request.param
        if request.param == "helper":
            answer = json.dumps({"Username": USER, "Secret": PASSWORD})
            file.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{answer}'\n")
            yield [f'helper = "{file}"', 'helper_lifetime = "2h"'], file, 0o755
        else:
            file.write_text(PASSWORD + "\n")
            yield [f'user = "{USER}"', f'password_file = "{file}"'], file, 0o644


@pytest.mark.parametrize("wants", ["basic", "token"])
def test_pulls_with_the_account(keys, wants):
    lines, file, mode = keys
    file.chmod(mode)
    with Upstream(wants=wants, accounts={USER: PASSWORD}) as upstream:
        upstream.add_manifest("library/app", "latest")
        blob = upstream.add_blob(b"layer")
        conf = upstreams.configuration(file.with_name("berth.conf"), ("docker.io", upstream.url, *lines, 'rate = "1000000"'))
        with running_front("nginx", workers=2, workers_max=4, env={"BERTH_CONF": str(conf)}) as front:
            for what in "manifests/latest", f"blobs/{blob}":
                answer = client.request(front.port, "GET", f"/v2/docker.io/library/app/{what}")
                assert answer.status == 200, answer
            shown = {(request.account or ("nothing", ""))[0] for request in upstream.requests}
            assert shown == {"nothing", "Basic"} | ({"Bearer"} if wants == "token" else set())
            secrets = [path for path in Path(front.root).rglob("*") if path.is_file() and path.name.startswith(("token-", "account-"))]
            assert len(secrets) == (wants == "token") + (file.name == "helper")
            for path in secrets:  # of which nobody but the workers may read anything
                assert path.stat().st_mode & 0o077 == 0 and path.parent.stat().st_mode & 0o077 == 0
            assert not any(PASSWORD in path.read_text(errors="replace") for path in front.home.rglob("*.log") if os.access(path, os.R_OK))
