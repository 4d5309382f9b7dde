# SPDX-License-Identifier: Apache-2.0
"""Clients that try again until they are told that it is done, while somebody kills what serves them."""

import contextlib
import http.client
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.lib import client, oci

REPOSITORIES = [f"storm/{number}" for number in range(4)]
TAGS = 3  # of each client in a repository
SHARED = [oci.Content(random.Random(number).randbytes(1_000 * number), oci.OCI_LAYER) for number in range(1, 20)]
PAUSE = 0.1  # seconds between two kills
PATIENCE = 60  # seconds after the last, until lighttpd asks again a backend that it has found dead
# What a client of a registry takes for a reason to try again.
PASSING = (500, 502, 503, 504)


class Unanswered(Exception):
    """No answer, or one to try again for."""


@dataclass
class Storm:
    """What all threads share."""

    front: object
    berth: list  # the command, with its configuration in `env`
    env: dict
    grace: float
    calm: threading.Event = field(default_factory=threading.Event)  # nobody is killed any more
    done: Counter = field(default_factory=Counter)
    killed: Counter = field(default_factory=Counter)
    failures: list = field(default_factory=list)
    collector: subprocess.Popen | None = None

    def fail(self, what: str):
        self.failures.append(what)

    # --- the killer ---

    def kill_for(self, seconds: float, is_enough):
        """Until the time is over and enough was done; or things went wrong."""
        choose = random.Random("storm")
        end = time.monotonic() + seconds
        limit = end + 300
        while not self.failures and (time.monotonic() < end or not is_enough()):
            assert time.monotonic() < limit, f"nobody gets anything done: {self.done}"
            self.kill_one(choose)
            time.sleep(PAUSE)
        self.calm.set()

    def kill_one(self, choose: random.Random):
        kind, = choose.choices(("worker", "gc", "pool", "web server"), (60, 24, 8, 8))
        if kind == "web server":
            self.restart()
        elif kind == "gc":
            if not (self.collector and self.collector.poll() is None):
                return
            self.collector.kill()
        else:
            pools = list(filter(self.front.is_pool, self.front.program_pids()))
            pids = pools if kind == "pool" else list(set(self.front.program_pids()) - set(pools))
            if not pids:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(choose.choice(pids), signal.SIGKILL)
            if kind == "pool" and len(self.front.processes) > 1:  # a service of its own, which is started again
                self.restart()
        self.killed[kind] += 1

    def restart(self):
        """Kills all, as a service manager does with what is left of a service."""
        self.front.kill()
        self.front.run()

    def collect(self):
        """One collector after the other, each of which does its work or is killed."""
        while not self.calm.is_set():
            self.collector = subprocess.Popen([*self.berth, "gc", "--grace", f"{self.grace}s"], env=self.env,
                                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            output, _ = self.collector.communicate(timeout=120)
            if self.collector.returncode not in (0, -signal.SIGKILL):
                self.fail(f"gc: {self.collector.returncode} {output.decode()[-500:]}")
            self.done["collections" if self.collector.returncode == 0 else "collections killed"] += 1
            time.sleep(0.05)


class Client:
    """Has tags of its own, so that it knows what each is."""

    def __init__(self, storm: Storm, number: int):
        self.storm, self.number = storm, number
        self.choose = random.Random(f"client {number}")
        self.tags = {}  # (repository, tag) -> (manifest, contents), or None once it is deleted

    def once(self, method, target, headers=None, body=None) -> client.Response:
        try:
            answer = client.request(self.storm.front.port, method, target, headers, body)
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"{method} {target}: {error!r}") from error
        if answer.status in PASSING:
            raise Unanswered(f"{method} {target}: {answer.status}")
        return answer

    def insist(self, act, *args):
        """Until it is done. In a calm it has to be, soon."""
        last, end = None, None
        while not self.storm.failures and (end is None or time.monotonic() < end):
            if end is None and self.storm.calm.is_set():
                end = time.monotonic() + PATIENCE
            try:
                return act(*args)
            except Unanswered as why:
                last = why
                self.storm.done["tries in vain"] += 1
                time.sleep(self.choose.uniform(0.01, 0.1))
        if not self.storm.failures:
            self.storm.fail(f"client {self.number} gave up: {last}")
        return None

    def run(self):
        try:
            while not self.storm.calm.is_set() and not self.storm.failures:
                self.turn()
        except Exception as error:
            self.storm.fail(f"client {self.number}: {error!r}")
            raise

    def turn(self):
        act = self.choose.random()
        if act < 0.45 or not self.tags:
            self.push(self.choose.choice(REPOSITORIES), f"c{self.number}-{self.choose.randrange(TAGS)}")
        elif act < 0.55:
            self.delete(*self.choose.choice(list(self.tags)))
        else:
            key = self.choose.choice(list(self.tags))
            self.insist(self.pull, *key)

    # --- pushing ---

    def expect(self, answer: client.Response, what: str, *statuses: int):
        if answer.status not in statuses:
            self.storm.fail(f"client {self.number}: {what}: {answer.status} {answer.body[:300]!r}")

    def push_blob(self, name: str, content: oci.Content):
        """As docker does, from the beginning each time."""
        if self.once("HEAD", f"/v2/{name}/blobs/{content.digest}").status == 200:
            return
        answer = self.once("POST", f"/v2/{name}/blobs/uploads/", body=b"")
        self.expect(answer, "POST", 202)
        if answer.status != 202:
            return
        half = len(content.data) // 2
        answer = self.once("PATCH", answer.headers["Location"], body=[content.data[:half], content.data[half:]])
        self.expect(answer, "PATCH", 202)
        answer = self.once("PUT", oci.complete(answer.headers["Location"], content.digest), body=b"")
        self.expect(answer, f"PUT {content.digest}", 201)
        self.storm.done["blobs pushed"] += 1

    def push_image(self, name: str, tag: str, manifest: oci.Content, contents: list):
        began = time.monotonic()
        for content in contents:
            self.insist(self.push_blob, name, content)
        answer = self.once("PUT", f"/v2/{name}/manifests/{tag}", {"Content-Type": manifest.media_type}, manifest.data)
        if b"MANIFEST_BLOB_UNKNOWN" in answer.body and time.monotonic() - began > self.storm.grace / 2:
            raise Unanswered("the grace of a layer is over")
        self.expect(answer, f"PUT manifest {name}:{tag}", 201)
        self.storm.done["manifests pushed"] += 1

    def push(self, name: str, tag: str):
        layers = self.choose.sample(SHARED, 2)
        layers.append(oci.Content(self.choose.randbytes(self.choose.randrange(1, 60_000)), oci.OCI_LAYER))
        config = oci.Content(b'{"n":%d}' % self.choose.getrandbits(60), oci.OCI_CONFIG)
        manifest = oci.image(config.descriptor(), [layer.descriptor() for layer in layers])
        self.insist(self.push_image, name, tag, manifest, [*layers, config])
        self.tags[name, tag] = manifest, [*layers, config]

    def delete(self, name: str, tag: str):
        def act():
            self.expect(self.once("DELETE", f"/v2/{name}/manifests/{tag}"), f"DELETE {name}:{tag}", 202, 404)
        self.insist(act)
        self.tags[name, tag] = None
        self.storm.done["tags deleted"] += 1

    # --- pulling ---

    def pull(self, name: str, tag: str):
        """What was acknowledged last, whole."""
        answer = self.once("GET", f"/v2/{name}/manifests/{tag}")
        if self.tags[name, tag] is None:
            self.expect(answer, f"GET of the deleted {name}:{tag}", 404)
            return
        manifest, contents = self.tags[name, tag]
        self.expect(answer, f"GET {name}:{tag}", 200)
        if answer.body != manifest.data:
            self.storm.fail(f"client {self.number}: {name}:{tag} is {answer.body[:300]!r}, not {manifest.digest}")
        for content in contents:
            self.insist(self.pull_blob, name, content)
        self.storm.done["images pulled"] += 1

    def pull_blob(self, name: str, content: oci.Content):
        answer = self.once("GET", f"/v2/{name}/blobs/{content.digest}")
        self.expect(answer, f"GET {content.digest}", 200)
        if answer.status == 200 and answer.body != content.data:
            self.storm.fail(f"client {self.number}: {name} {content.digest}: {len(answer.body)} other bytes")

    def pull_all(self):
        for key in self.tags:
            self.insist(self.pull, *key)
