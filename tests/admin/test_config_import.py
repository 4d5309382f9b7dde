# SPDX-License-Identifier: Apache-2.0
"""`berth config import`: registry:2's configuration as a berth.conf, and what of it has no equal."""

import subprocess
from pathlib import Path

from tests.lib.paths import BUILD, SANITIZING

DEBIAN = Path("/etc/docker/registry/config.yml")  # of the package docker-registry

WHOLE = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: {root}
  delete:
    enabled: true
  maintenance:
    readonly:
      enabled: true
http:
  addr: localhost:5001
  tls:
    certificate: /etc/tls.crt
    key: /etc/tls.key
auth:
  htpasswd:
    realm: basic-realm
    path: {users}
log:
  level: warn
catalog:
  maxentries: 20
"""


def berth(*args, status=0, **environment) -> subprocess.CompletedProcess:
    done = subprocess.run([BUILD / "berth", *args], capture_output=True, text=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", **SANITIZING, **environment})
    assert done.returncode == status, (args, done)
    return done


def lines_of(output: str) -> list[str]:
    """Without comments."""
    return [line for line in output.splitlines() if line and not line.startswith("#")]


def test_debians_own_file_is_understood_whole():
    output = berth("config", "import", DEBIAN).stdout
    assert "no equal" not in output
    assert lines_of(output) == ['root = "/var/lib/docker-registry"', "delete = true", 'htpasswd = "/etc/docker/registry"',
                                'realm = "basic-realm"']
    assert "berth serve --listen '*:5000'" in output


def test_what_it_prints_is_a_berth_conf(tmp_path):
    """Which says what the file said, and in which nothing is wrong."""
    (tmp_path / "root").mkdir()
    (tmp_path / "users").write_text("")
    (tmp_path / "config.yml").write_text(WHOLE.format(root=tmp_path / "root", users=tmp_path / "users"))
    output = berth("config", "import", tmp_path / "config.yml").stdout
    assert lines_of(output) == [f'root = "{tmp_path}/root"', "delete = true", "readonly = true", "page_limit = 20",
                                'log_level = "warning"', f'htpasswd = "{tmp_path}/users"', 'realm = "basic-realm"']
    assert "--listen 'localhost:5001' --tls-cert '/etc/tls.crt' --tls-key '/etc/tls.key'" in output
    (tmp_path / "berth.conf").write_text(output)
    berth("config", "check", "--config", tmp_path / "berth.conf")


def test_the_environment_counts():
    output = berth("config", "import", DEBIAN, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="/srv/x",
                   REGISTRY_STORAGE_DELETE_ENABLED="false", REGISTRY_HTTP_ADDR="127.0.0.1:5002").stdout
    assert lines_of(output)[:2] == ['root = "/srv/x"', "delete = false"]
    assert "--listen '127.0.0.1:5002'" in output


def test_a_cache_has_the_names_of_what_it_caches(tmp_path):
    config = tmp_path / "config.yml"
    config.write_text("proxy:\n  remoteurl: https://registry-1.docker.io/\n  username: me\n  password: pass\n  ttl: 168h\n")
    output = berth("config", "import", config).stdout
    assert 'upstream "docker.io" {\n    url = {"https://registry-1.docker.io"}\n    prefix = ""\n' \
           '    user = "me"\n    password = "pass"\n}\n' in output
    (tmp_path / "berth.conf").write_text(output)
    berth("config", "check", "--config", tmp_path / "berth.conf")
    output = berth("config", "import", DEBIAN, REGISTRY_PROXY_REMOTEURL="http://127.0.0.1:5001").stdout
    assert 'upstream "127.0.0.1:5001" {\n    url = {"http://127.0.0.1:5001"}\n    prefix = ""\n}\n' in output


def test_what_has_no_equal_is_named_line_by_line(tmp_path):
    config = tmp_path / "config.yml"
    config.write_text("storage:\n  s3:\n    bucket: secret\n  delete:\n    enabled: true\nredis:\n  addr: secret\n")
    done = berth("config", "import", config, status=78, REGISTRY_REPORTING_BUGSNAG_APIKEY="secret", REGISTRY_NONSENSE="secret")
    named = [line for line in done.stdout.splitlines() if "no equal" in line]
    assert [line.split(":")[0] for line in named] == [f"# {config}", f"# {config}", "# REGISTRY_NONSENSE",
                                                            "# REGISTRY_REPORTING_BUGSNAG_APIKEY"]
    assert named[0].startswith(f"# {config}:3: storage.s3.bucket: ")
    assert named[1].startswith(f"# {config}:7: redis.addr: has no equal: ")
    assert "delete = true" in lines_of(done.stdout)
    assert "secret" not in done.stdout + done.stderr
    assert "the first of 4 settings" in done.stderr


def test_bad_files(tmp_path):
    for text, message in (("a: [", "is no YAML"), ("http:\n  addr: x\n", "config.yml:2: http.addr"),
                          ("log: {level: loud}", "must be error, warn, info or debug")):
        (tmp_path / "config.yml").write_text(text)
        assert message in berth("config", "import", tmp_path / "config.yml", status=78).stderr
    assert "No such file" in berth("config", "import", tmp_path / "none.yml", status=78).stderr
