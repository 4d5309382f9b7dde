# SPDX-License-Identifier: Apache-2.0
"""Clients that push and pull while a collector runs. Each is a process, and tells what it did and what went wrong.

Two things may fail: to pull a tag or a manifest that somebody deleted meanwhile, and to push a manifest whose layers the
client was told of so long ago that the grace is nearly over.
"""

import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.lib import client, oci

KEPT = [f"load/kept{number}" for number in range(3)]  # tags are moved and deleted here
DELETED = "load/deleted"  # here manifests are deleted, too
LAYERS = 200  # contents that images share
TAGS = 4  # of each pusher in a repository
THINKING = 0.05  # seconds at the most between two images, so that the machine has time for all


@dataclass
class Report:
    done: Counter = field(default_factory=Counter)
    excused: Counter = field(default_factory=Counter)
    failures: list = field(default_factory=list)
    durations: list = field(default_factory=list)  # of requests: (when it began, seconds, request)
    reads: list = field(default_factory=list)  # the same of those to pull, which wait for no lock

    def add(self, other):
        self.done += other.done
        self.excused += other.excused
        self.failures += other.failures
        self.durations += other.durations
        self.reads += other.reads


def shared_layer(number: int) -> oci.Content:
    return oci.Content(random.Random(number).randbytes(2_000 + 300 * number), oci.OCI_LAYER)


class Client:
    def __init__(self, port: int, number: int, grace: float, deadline: float):
        self.port, self.number, self.grace, self.deadline = port, number, grace, deadline
        self.choose = random.Random(f"client {number}")
        self.report = Report()

    def request(self, method, path, headers=None, body=None):
        started = time.monotonic()
        answer = client.request(self.port, method, path if path.startswith("/v2/") else f"/v2/{path}", headers, body)
        self.times().append((started, time.monotonic() - started, f"{method} {path}"))
        return answer

    def times(self) -> list:
        """Where the times of requests go."""
        return self.report.reads

    def fail(self, what: str, answer):
        self.report.failures.append(f"client {self.number}, {time.monotonic():.3f}: {what}: {answer.status} "
                                    f"{answer.body[:300]!r}")

    def run(self) -> Report:
        while time.monotonic() < self.deadline and len(self.report.failures) < 10:
            self.turn()
            time.sleep(self.choose.uniform(0, THINKING))
        return self.report

    def turn(self):
        raise NotImplementedError


class Pusher(Client):
    def times(self):
        return self.report.durations

    def turn(self):
        name = self.choose.choice([*KEPT, DELETED])
        # Each pusher has tags of its own, and all move one.
        tag = "latest" if self.choose.random() < 0.2 else f"p{self.number}-{self.choose.randrange(TAGS)}"
        act = self.choose.random()
        if act < 0.2:
            self.delete(name, tag)
        elif act < 0.4:
            self.push_index(name, tag)
        else:
            self.push_image(name, tag)

    def delete(self, name, tag):
        reference = tag
        if name == DELETED and (answer := self.request("HEAD", f"{name}/manifests/{tag}")).status == 200:
            reference = answer.headers["Docker-Content-Digest"]
        answer = self.request("DELETE", f"{name}/manifests/{reference}")
        self.report.done[f"deleted {answer.status}"] += 1
        if answer.status not in (202, 404):
            self.fail(f"delete {name} {reference}", answer)

    def push_blob(self, name, content) -> bool:
        if self.request("HEAD", f"{name}/blobs/{content.digest}").status == 200:
            self.report.done["layers there"] += 1
            return True
        answer = self.request("POST", f"{name}/blobs/uploads/", body=b"")
        if answer.status == 202 and self.choose.random() < 0.5:  # as docker does
            half = len(content.data) // 2
            answer = self.request("PATCH", answer.headers["Location"], body=[content.data[:half], content.data[half:]])
            rest = b""
        else:
            rest = content.data
        if answer.status == 202:
            answer = self.request("PUT", oci.complete(answer.headers["Location"], content.digest), body=rest)
        if answer.status != 201:
            self.fail(f"push blob {name} {content.digest}", answer)
        self.report.done["layers pushed"] += 1
        return answer.status == 201

    def push_manifest(self, name, content, reference, since) -> bool:
        answer = self.request("PUT", f"{name}/manifests/{reference}", {"Content-Type": content.media_type}, content.data)
        if answer.status == 201:
            self.report.done["manifests pushed"] += 1
        elif b"MANIFEST_BLOB_UNKNOWN" in answer.body and time.monotonic() - since > self.grace / 2:
            self.report.excused["manifest too late"] += 1
        else:
            self.fail(f"push manifest {name} {reference} {time.monotonic() - since:.3f} s after its first layer", answer)
        return answer.status == 201

    def push_image(self, name, tag=None) -> oci.Content | None:
        """By its digest if there is no tag. None: it failed."""
        since = time.monotonic()
        layers = [shared_layer(number) for number in self.choose.sample(range(LAYERS), 3)]
        if self.choose.random() < 0.5:
            layers.append(oci.Content(os.urandom(self.choose.randrange(1, 40_000)), oci.OCI_LAYER))
        config = oci.Content(b'{"n":%d}' % self.choose.getrandbits(60), oci.OCI_CONFIG)
        if not all([self.push_blob(name, content) for content in (*layers, config)]):
            return None
        content = oci.image(config.descriptor(), [layer.descriptor() for layer in layers])
        return content if self.push_manifest(name, content, tag or content.digest, since) else None

    def push_index(self, name, tag):
        since = time.monotonic()
        children = [self.push_image(name) for _ in range(2)]
        if all(children):
            self.push_manifest(name, oci.index([child.descriptor() for child in children]), tag, since)


class Puller(Client):
    """Pulls by tag, and what it saw a moment ago again by digest."""

    def __init__(self, *args):
        super().__init__(*args)
        self.seen = []  # (when, repository, digest)

    def turn(self):
        now = time.monotonic()
        self.seen = [entry for entry in self.seen if now - entry[0] < self.grace / 2]
        if self.seen and self.choose.random() < 0.4:
            when, name, digest = self.choose.choice(self.seen)
            self.pull(name, digest, when)
            return
        name = self.choose.choice([*KEPT, DELETED])
        answer = self.request("GET", f"{name}/tags/list")
        tags = answer.json()["tags"] if answer.status == 200 else []
        if answer.status not in (200, 404):  # 404: of an empty repository
            self.fail(f"tags of {name}", answer)
        if tags:
            self.pull(name, self.choose.choice(tags), None)

    def pull(self, name, reference, since):
        """`since` is when a digest was known to have a tag; a tag has it now."""
        started = time.monotonic() if since is None else since
        answer = self.request("GET", f"{name}/manifests/{reference}")
        if answer.status != 200:
            self.missing(name, reference if since is not None else None, started, f"manifest {reference}", answer)
            return
        digest = oci.digest_of(answer.body)
        if digest != answer.headers["Docker-Content-Digest"]:
            self.fail(f"{name} {reference} is not {digest}", answer)
        self.report.done["pulled by tag" if since is None else "pulled by digest"] += 1
        if since is None:
            self.seen.append((started, name, digest))
        self.pull_parts(name, digest, answer.json(), started)

    def pull_parts(self, name, top, document, started):
        """What the manifest needs: `top`, or the index that led to it, had a tag when it was started."""
        for child in document.get("manifests", ()):
            answer = self.request("GET", f"{name}/manifests/{child['digest']}")
            if answer.status == 200:
                self.pull_parts(name, top, answer.json(), started)
            else:
                self.missing(name, top, started, f"child {child['digest']}", answer)
        for part in filter(None, [document.get("config"), *document.get("layers", ())]):
            answer = self.request("GET", f"{name}/blobs/{part['digest']}")
            if answer.status != 200:
                self.missing(name, top, started, f"blob {part['digest']}", answer)
            elif oci.digest_of(answer.body) != part["digest"]:
                self.fail(f"{name}: wrong bytes of {part['digest']}", answer)
            self.report.done["layers pulled"] += 1

    def missing(self, name, top, started, what, answer):
        """`top` is None for a tag, which somebody deleted since it was listed."""
        if answer.status == 404 and top is None:
            self.report.excused["tag deleted"] += 1
        elif answer.status == 404 and name == DELETED and self.request("HEAD", f"{name}/manifests/{top}").status == 404:
            self.report.excused["manifest deleted"] += 1
        elif answer.status == 404 and time.monotonic() - started > self.grace:
            self.report.excused["pulled too slowly"] += 1
        else:
            self.fail(f"pull of {name} {top}: {what}", answer)


def work(kind, *args) -> Report:
    return {"pusher": Pusher, "puller": Puller}[kind](*args).run()
