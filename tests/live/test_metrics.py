# SPDX-License-Identifier: Apache-2.0
"""What is counted behind each web server equals what was done there, and Prometheus reads it; and who may see it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import running_front
from tests.lib import access, metrics, oci
from tests.lib.access import basic, bearer
from tests.lib.metrics import LOCAL, Prometheus, scrape
from tests.lib.oci import expect
from tests.lib.paths import BUILD, ETC
from tests.live.conftest import SERVERS

CHUNK = 300000
RULES, BOARD = ETC / "prometheus/berth.rules.yml", ETC / "grafana/berth.json"


def load(front):
    """A client's day, and what it makes of each number. What the web server itself refuses, berth never hears of."""
    repo = oci.Repository(front)
    expect(front.request("GET", "/v2/"), 200)
    blob = oci.blob(2 * CHUNK)
    location = expect(repo.send_chunk(repo.start_upload(), blob.data[:CHUNK]), 202).headers["Location"]
    expect(repo.close_upload(location, blob.digest, blob.data[CHUNK:]), 201)
    manifest = repo.push_manifest(oci.image(blob.descriptor(), []), "v1")
    for _ in range(5):
        expect(repo.get("manifests/v1"), 200)
    expect(repo.head("manifests/v1"), 200)
    expect(repo.get("manifests/v2"), 404)
    expect(repo.get(f"blobs/{blob.digest}"), 200)
    expect(repo.get(f"blobs/{blob.digest}", {"Range": "bytes=1000-1999"}), 206)
    expect(repo.get("tags/list"), 200)
    expect(repo.delete("manifests/v1"), 202)
    expect(repo.get("nothing"), 404)
    return {("base", "get", 200): 1, ("blob_upload", "post", 202): 1, ("blob_upload_chunk", "patch", 202): 1,
            ("blob_upload_chunk", "put", 201): 1, ("manifest", "put", 201): 1, ("manifest", "get", 200): 5,
            ("manifest", "head", 200): 1, ("manifest", "get", 404): 1, ("blob", "get", None): 2, ("tags", "get", 200): 1,
            ("manifest", "delete", 202): 1, ("other", "get", 404): 1}, manifest


def requests_of(seen) -> dict:
    """Where the web server answers a Range, berth's answer to it is 200."""
    found = {}
    for (name, labels), value in seen.items():
        its = dict(labels)
        if name == "registry_http_requests_total" and its["handler"] != "metrics":
            key = its["handler"], its["method"], None if its["handler"] == "blob" else int(its["code"])
            found[key] = found.get(key, 0) + value
    return found


def expect_numbers(seen, done, manifest):
    assert requests_of(seen) == done
    assert seen.sum("registry_http_request_size_bytes_sum", handler="blob_upload_chunk") == 2 * CHUNK
    assert seen.sum("registry_http_request_size_bytes_sum", handler="manifest") == len(manifest.data)
    assert seen.sum("registry_http_response_size_bytes_sum", handler="blob") == 2 * CHUNK + 1000
    assert seen.sum("registry_http_request_duration_seconds_count") - \
        seen.sum("registry_http_request_duration_seconds_count", handler="metrics") == sum(done.values())
    assert seen.sum("berth_uploads_open") == 0 == seen.sum("berth_upload_open_bytes")
    assert seen.sum("berth_uploads_total", event="finished") == 1


def test_the_numbers_of_a_load(tmp_path):
    """Of each front, by each of its workers, and as Prometheus has them. CGI programs count with those that stay."""
    with contextlib.ExitStack() as running:
        fronts = {name: running.enter_context(running_front(name, env={**LOCAL, "BERTH_DURABILITY": "full"}, workers=2))
                  for name in SERVERS}
        loads = {name: load(front) for name, front in fronts.items()}
        for name, front in fronts.items():
            done, manifest = loads[name]
            seen = metrics.await_scrape(lambda front=front: scrape(front), lambda seen, done=done: requests_of(seen) == done)
            expect_numbers(seen, done, manifest)
            assert seen.sum("berth_metrics_shared") == 1
            metrics.check(metrics.text_of(front))
            assert seen.sum("berth_workers") >= 1 <= seen.sum("berth_workers", state="busy")
        for command in ("gc", "-q"), ("fsck", "-q", "--fast"):
            subprocess.run([BUILD / "berth", *command, "--root", fronts["nginx"].root], check=True, capture_output=True,
                           env={**os.environ, **LOCAL, "BERTH_METRICS_DIR": fronts["nginx"].settings["BERTH_METRICS_DIR"]})
        with Prometheus(tmp_path, {name: f"127.0.0.1:{front.port}" for name, front in fronts.items()}, [RULES]) as prometheus:
            up = prometheus.await_value("count(up{job='berth'} == 1)", lambda n: n == len(SERVERS))
            assert up
            for name in SERVERS:
                asked = prometheus.query(f'sum by (handler, method, code) (registry_http_requests_total{{front="{name}",handler!~"metrics|blob"}})')
                got = {(one["metric"]["handler"], one["metric"]["method"], int(one["metric"]["code"])): float(one["value"][1])
                       for one in asked}
                assert got == {key: value for key, value in loads[name][0].items() if key[0] != "blob"}
                [size] = prometheus.query(f'sum(registry_http_response_size_bytes_sum{{front="{name}",handler="blob"}})')
                assert float(size["value"][1]) == 2 * CHUNK + 1000
            expect_rules(prometheus)
            expect_board(prometheus)


def expect_rules(prometheus):
    """Each is evaluated, and those of what is counted have something to say once the comparison is left out."""
    def rules():
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    deadline = time.monotonic() + metrics.PATIENCE
    while any(rule["health"] == "unknown" for rule in rules()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(rules()) >= 12
    for rule in rules():
        assert (rule["health"], rule.get("lastError", "")) == ("ok", ""), rule
        if rule["name"] != "BerthCertificateEnds":
            left = re.split(r" (?:==|<|>) (?=[0-9])", re.split(r"\) (?=and )| and ", rule["query"])[0])[0]
            prometheus.await_value(left.replace("[5m]", "[1m]").replace("5..", "4.."))  # none failed


def expect_board(prometheus):
    board = json.loads(BOARD.read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(queries) > 20 and len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for query in queries:
        for variable, value in (("$job", "berth"), ("$instance", ".*"), ("$__rate_interval", "1m")):
            query = query.replace(variable, value)
        assert "$" not in query
        for value in prometheus.await_value(query):
            assert value["value"][1] not in ("+Inf", "-Inf"), (query, value)


def test_each_alert_fires_when_it_should(tmp_path):
    """And is silent while all is well: promtool, with numbers of its own."""
    cases = tmp_path / "cases.yml"
    cases.write_text(Path(__file__).with_name("berth.rules.test.yml").read_text().replace("RULES", f'"{RULES}"'))
    for command in ("rules", RULES), ("config", RULES.with_name("prometheus.yml")):
        subprocess.run(["promtool", "check", *command], check=True, capture_output=True)
    done = subprocess.run(["promtool", "test", "rules", cases], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    names = re.findall(r"alert: (\w+)", RULES.read_text())
    assert len(names) == len(set(names)) == int(re.search(r"value: (\d+)", cases.read_text())[1])


@pytest.mark.parametrize("server", ["lighttpd", "apache-fcgid"])
def test_workers_that_are_killed_lose_no_count(server):
    with running_front(server, env=LOCAL) as front:
        for _ in range(3):
            expect(front.request("GET", "/v2/"), 200)
        metrics.await_scrape(lambda: scrape(front), lambda seen: seen.sum("registry_http_requests_total", handler="base") == 3)
        for pid in front.worker_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while front.request("GET", "/metrics").status != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert scrape(front).sum("registry_http_requests_total", handler="base") == 3


@pytest.mark.parametrize("auth", ["login", "anonymous", "tokens"])
@pytest.mark.parametrize("server", ["lighttpd", "apache-proxy", "nginx"])
def test_logins_that_the_server_checks(server, auth):
    """A password is checked before berth hears of it; a token of /metrics' own, and who shows nothing, are berth's."""
    with access.site(rules="", passwords=False, tokens=False) as site:
        site.home.chmod(0o777)
        (site.home / "token").write_text("s3cret\n")
        site.write(f'metrics = {{{{"login", "token"}}}}\nmetrics_token = "{site.home}/token"\n'
                   f'metrics_dir = "{site.home}/counters"\n')
        expect_judged(server, auth, site)


def expect_judged(server, auth, site):
    with running_front(server, auth=auth, users={"bob": "b"}, env=site.env) as front:
        assert front.request("GET", "/metrics", basic("bob", "b")).status == 200
        assert front.request("GET", "/metrics", bearer("s3cret")).status == 200
        for wrong in {}, basic("bob", "x"), basic("", ""), bearer("x"), {"Authorization": "basic " + "Ym9iOng="}:
            assert front.request("GET", "/metrics", wrong).status == 401, wrong
