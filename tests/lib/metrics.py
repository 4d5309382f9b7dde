# SPDX-License-Identifier: Apache-2.0
"""What berth counts, as Prometheus reads it, and Prometheus itself."""

import contextlib
import json
import re
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from tests.lib import client
from tests.lib.ports import free_port

LOCAL = {"BERTH_METRICS": "127.0.0.1"}
PATIENCE = 40

LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="[^"]*",?)*)\})? (-?[0-9.e+]+)')
LABEL = re.compile(r'([a-z_]+)="([^"]*)"')


class Scrape(dict):
    """Numbers by their name and labels."""

    def __init__(self, text: str):
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = LINE.fullmatch(line).groups()
                self[name, frozenset(LABEL.findall(labels or ""))] = float(value)

    def sum(self, name: str, **labels: str) -> float:
        return sum(value for (found, its), value in self.items() if found == name and its >= set(labels.items()))

    def has(self, name: str) -> bool:
        return any(found == name for found, _ in self)


def text_of(front, headers=None, **options) -> str:
    response = front.request("GET", "/metrics", headers, **options)
    assert response.status == 200, response
    return response.body.decode()


def scrape(front, headers=None, **options) -> Scrape:
    return Scrape(text_of(front, headers, **options))


def await_scrape(look, is_it) -> Scrape:
    """A request may be counted when its answer has come already."""
    deadline = time.monotonic() + PATIENCE
    while not is_it(scraped := look()):
        assert time.monotonic() < deadline, {key: value for key, value in scraped.items() if "bucket" not in key[0]}
        time.sleep(0.05)
    return scraped


def check(text: str):
    """As promtool does, which is to have nothing to say."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


class Prometheus:
    """One that scrapes each of these addresses every second."""

    def __init__(self, home: Path, targets: dict[str, str], rules: list[Path] = []):
        self.home, self.port = home, free_port()
        (home / "prometheus.yml").write_text(json.dumps({  # which is YAML, too
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [{"job_name": "berth", "scrape_timeout": "1s",
                                "static_configs": [{"targets": [address], "labels": {"front": name}}
                                                   for name, address in targets.items()]}]}))

    def __enter__(self):
        self.log = open(self.home / "prometheus.log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.home}/prometheus.yml", f"--storage.tsdb.path={self.home}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                if client.request(self.port, "GET", "/-/ready").status == 200:
                    return self
            assert self.process.poll() is None and time.monotonic() < deadline, (self.home / "prometheus.log").read_text()
            time.sleep(0.05)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()

    def get(self, path: str, **parameters: str):
        response = client.request(self.port, "GET", f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = response.json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def query(self, query: str) -> list[dict]:
        """[{metric, value: [time, text]}]"""
        return self.get("query", query=query)["result"]

    def await_value(self, query: str, is_it=lambda value: True) -> Iterator[dict]:
        """The result of a query as soon as it has values that are right."""
        deadline = time.monotonic() + PATIENCE
        while not ((found := self.query(query)) and all(is_it(float(each["value"][1])) for each in found)):
            assert time.monotonic() < deadline, (query, found)
            time.sleep(0.1)
        return found
