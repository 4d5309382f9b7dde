# SPDX-License-Identifier: Apache-2.0
"""`berth check-storage` on one host; tests/cluster has several."""

import json
import os
import subprocess

from tests.lib.paths import BUILD

CONFIG, USAGE, IOERR = 78, 64, 74


def check(*args, status=0) -> subprocess.CompletedProcess:
    done = subprocess.run([BUILD / "berth", "check-storage", *map(str, args)], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (args, done)
    return done


def test_34_alone(tmp_path):
    """It says what can be known, and leaves nothing behind."""
    said = check(tmp_path).stdout
    assert str(tmp_path) in said and os.uname().nodename in said
    assert "locks                    exclude\n" in said
    assert "differ from this clock by 0 ms" in said
    assert "It is a file system of this host alone." in said
    report = json.loads(check(tmp_path, "--json").stdout)
    assert report["root"] == str(tmp_path) and report["host"] == os.uname().nodename
    assert report["locks"] is True and report["serverClockMs"] == 0 and report["mount"]
    assert not list(tmp_path.iterdir())


def test_34_one_hosts_file_system_is_not_shared(tmp_path):
    """As where somebody forgot to mount: no store is made there."""
    said = check(tmp_path, "--word", "apple", status=CONFIG).stderr
    assert str(tmp_path) in said and "a file system of this host alone" in said and "mount" in said
    assert not list(tmp_path.iterdir())


def test_34_what_it_takes(tmp_path):
    assert "DIR is missing" in check(status=USAGE).stderr
    assert "No such file" in check(tmp_path / "none", status=IOERR).stderr
    assert "--wait" in check(tmp_path, "--wait", "x", status=USAGE).stderr
