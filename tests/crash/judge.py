# SPDX-License-Identifier: Apache-2.0
"""Whether a state of the disk keeps what was promised: told here independently of berth, from the layout alone."""

import functools
import hashlib
import json
import re

from tests.crash.disk import State

V2 = "store/docker/registry/v2/"

# What a blob is of which a repository has the link alone. It counts as not there, and is there only while somebody pushes it.
LINK_ALONE = "a link alone"

HEX = r"[0-9a-f]{64}(?:[0-9a-f]{64})?"
PLACES = {
    "blob": re.compile(rf"blobs/(sha256|sha512)/([0-9a-f]{{2}})/({HEX})/data"),
    "layer": re.compile(rf"repositories/(.+)/_layers/(sha256|sha512)/({HEX})/link"),
    "revision": re.compile(rf"repositories/(.+)/_manifests/revisions/(sha256|sha512)/({HEX})/link"),
    "current": re.compile(r"repositories/(.+)/_manifests/tags/([^/]+)/current/link"),
    "index": re.compile(rf"repositories/(.+)/_manifests/tags/([^/]+)/index/(sha256|sha512)/({HEX})/link"),
    "referrer": re.compile(rf"repositories/(.+)/_referrers/(sha256|sha512)/({HEX})/(sha256|sha512)/({HEX})"),
    "version": re.compile("_berth/version"),
    "session": re.compile(r"repositories/(.+)/_uploads/([0-9a-f-]{36})/(data|startedat|state)"),
}


@functools.lru_cache(maxsize=100_000)
def place_of(path: str) -> tuple:
    """(kind, parts), or ("", ()) where it is of no interest."""
    if path.startswith(V2):
        for kind, pattern in PLACES.items():
            if match := pattern.fullmatch(path[len(V2):]):
                return kind, match.groups()
    return "", ()


@functools.lru_cache(maxsize=100_000)
def has_digest(data: bytes, algorithm: str, digits: str) -> bool:
    return hashlib.new(algorithm, data).hexdigest() == digits


@functools.lru_cache(maxsize=100_000)
def parsed(data: bytes) -> tuple:
    """(blobs, children, subject) of a manifest."""
    document = json.loads(data)
    blobs = [part["digest"] for part in (document.get("config"), *document.get("layers", ())) if part]
    return tuple(blobs), tuple(child["digest"] for child in document.get("manifests", ())), \
        (document.get("subject") or {}).get("digest")


class View:
    """What the names and bytes of a state say."""

    def __init__(self, state: State):
        self.state = state
        self.blobs, self.problems = {}, []
        self.layers, self.revisions, self.referrers, self.index = set(), set(), set(), set()
        self.tags, self.sessions, self.touched = {}, {}, {}
        for path, data in state.files.items():
            kind, parts = place_of(path)
            if kind:
                getattr(self, "_" + kind)(path, data, *parts)

    def _blob(self, path, data, algorithm, shard, digits):
        if not has_digest(data, algorithm, digits):
            self.problems.append(f"the blob {digits[:12]} holds other bytes, {len(data)} of them")
        self.blobs[f"{algorithm}:{digits}"] = data

    def _link(self, path, data, algorithm, digits):
        if data.decode(errors="replace") != f"{algorithm}:{digits}":
            self.problems.append(f"{path} holds {data!r}")

    def _layer(self, path, data, name, algorithm, digits):
        self._link(path, data, algorithm, digits)
        self.layers.add((name, f"{algorithm}:{digits}"))
        self.touched[name, f"{algorithm}:{digits}"] = self.state.times[path]

    def _revision(self, path, data, name, algorithm, digits):
        self._link(path, data, algorithm, digits)
        self.revisions.add((name, f"{algorithm}:{digits}"))
        self.touched[name, f"{algorithm}:{digits}"] = self.state.times[path]

    def _current(self, path, data, name, tag):
        self.tags[name, tag] = data.decode(errors="replace")

    def _index(self, path, data, name, tag, algorithm, digits):
        self._link(path, data, algorithm, digits)
        self.index.add((name, tag, f"{algorithm}:{digits}"))

    def _version(self, path, data):
        if data != b"1\n":
            self.problems.append(f"the version is {data!r}")

    def _referrer(self, path, data, name, *digests):
        try:
            if json.loads(data)["digest"] != ":".join(digests[2:]):
                self.problems.append(f"{path} is of another manifest")
        except (ValueError, KeyError):
            self.problems.append(f"{path} holds {data[:20]!r}")
        self.referrers.add((name, ":".join(digests[:2]), ":".join(digests[2:])))

    def _session(self, path, data, name, session, file):
        self.sessions.setdefault((name, session), {})[file] = data

    # --- judging ---

    def has_blob(self, name: str, digest: str) -> bool:
        return (name, digest) in self.layers and digest in self.blobs and has_digest(self.blobs[digest], *digest.split(":"))

    def has_manifest(self, name: str, digest: str) -> bool:
        """With its bytes and all that it needs."""
        return (name, digest) in self.revisions and digest in self.blobs and not self._lacks(name, digest)

    def _lacks(self, name: str, digest: str) -> list[str]:
        if not has_digest(self.blobs[digest], *digest.split(":")):
            return ["its bytes"]
        blobs, children, subject = parsed(self.blobs[digest])
        lacks = [f"the blob {blob[7:19]}" for blob in blobs if not self.has_blob(name, blob)]
        lacks += [f"the child {child[7:19]}" for child in children
                  if (name, child) not in self.revisions or child not in self.blobs]
        if subject and (name, subject, digest) not in self.referrers:
            lacks.append("its entry among the referrers")
        return lacks

    def wrong(self) -> list[str]:
        """What is so, whatever was promised: no name points at bytes that are not there."""
        found = list(self.problems)
        for (name, tag), digest in self.tags.items():
            if (name, digest) not in self.revisions:
                found.append(f"the tag {name}:{tag} points at {digest[7:19] or 'nothing'}, which is no manifest there")
            elif (name, tag, digest) not in self.index:
                found.append(f"the history of {name}:{tag} lacks what it points at")
        for name, digest in self.revisions:
            if digest not in self.blobs:
                found.append(f"the manifest {digest[7:19]} of {name} has no bytes")
            else:
                found += [f"the manifest {digest[7:19]} of {name} lacks {what}" for what in self._lacks(name, digest)]
        names = {name for name, _ in self.revisions} | {name for name, _ in self.layers}
        found += [f"{name} has no _layers" for name in names
                  if f"{V2}repositories/{name}/_layers" not in self.state.directories]
        return found

    def value(self, key: tuple):
        """What a promise is about."""
        kind, name, what = key
        if kind == "tag":
            return self.tags.get((name, what))
        if kind == "manifest":
            return self.has_manifest(name, what) if (name, what) in self.revisions else None
        if kind == "blob":
            if (name, what) not in self.layers:
                return None
            return self.has_blob(name, what) if what in self.blobs else LINK_ALONE
        if kind == "bytes":  # wherever they are now
            return what.encode() in self.state.files.values() or None
        if kind == "fresh":  # not older than what was promised
            return self.touched.get((name, what))
        return True if "data" in self.sessions.get((name, what), ()) else None


def values(view: View) -> dict:
    """All that could be promised of a state: the tags, manifests and blobs of its repositories."""
    keys = [("tag", *key) for key in view.tags]
    keys += [("manifest", *key) for key in view.revisions]
    keys += [("blob", *key) for key in view.layers]
    return {key: view.value(key) for key in keys}


def broken(view: View, promises: dict) -> list[str]:
    """promises: key -> the values that it may have; of "fresh" the time after which it was touched."""
    found = []
    for key, allowed in promises.items():
        value = view.value(key)
        if key[0] == "fresh":
            if value is not None and value < allowed:
                found.append(f"{key[1]} {key[2][7:19]} was renewed for a client, and looks old")
        elif value not in allowed:
            found.append(f"promised {' '.join(key)}: it is {value}, not {' or '.join(map(str, allowed))}")
    return found
