# SPDX-License-Identifier: Apache-2.0
"""Pushing: blobs of each size in each way, manifests, and an image, in memory and on the disk. berth's durability is full."""

import os
import re
import secrets
import sys
import tempfile
from dataclasses import dataclass

from tests.bench import figures, generator, registries

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
SMALL, MIDDLE, LARGE, LAYER = 4_000, 1_000_000, 256 << 20, 20_000_000
WAYS = {"patch": "POST, PATCH in chunks, PUT", "put": "POST, PUT", "post": "one POST (others: POST, PUT)"}


@dataclass(frozen=True)
class Row:
    what: str
    place: str
    unit: str
    work: str
    options: dict
    warm: bool = False  # the repository is there before

    @property
    def way_of_all(self) -> str:
        """Those that know no POST with a body are sent a PUT."""
        return {"post": "put"}.get(self.options.get("W"), self.options.get("W", "patch"))

    def once(self, kind: registries.Kind) -> float:
        """On a new store: what one round leaves must not slow down the next."""
        with kind.running(registries.places()[self.place]) as registry:
            if self.warm:
                generator.load(registry.port, "prepare", r="bench/0", n=1)
            os.sync()
            options = self.options if kind.takes_whole_posts else {**self.options, "W": self.way_of_all}
            done = generator.load(registry.port, self.work, **options)
        if self.unit == "s":
            return done["seconds"]
        each = self.options["s"] / 1e6 if self.unit == "MB/s" else 1
        return done["operations"] * each / done["seconds"]


def push(size: int, what: str, clients: int, way: str, place: str) -> Row:
    amount = {"n": 1 if clients > 1 else 3} if size == LARGE else {"t": SECONDS}
    return Row(f"push of {what}, {clients} client{'s' * (clients > 1)}, {WAYS[way]}, {place}", place,
               "/s" if size == SMALL else "MB/s", "push", {"s": size, "c": clients, "W": way, **amount}, size == SMALL)


def rows() -> list[Row]:
    return [*(push(LARGE, "256 MiB", clients, "patch", place) for place in ("memory", "disk") for clients in (1, 8)),
            *(push(LARGE, "256 MiB", 1, way, "memory") for way in ("put", "post")),
            *(push(MIDDLE, "1 MB", 8, way, "memory") for way in ("patch", "put")),
            *(push(SMALL, "4 kB", clients, "patch", place) for place in ("memory", "disk") for clients in (1, 16)),
            *(Row(f"PUT manifest, new tags, {clients} client{'s' * (clients > 1)}, {place}", place, "/s", "manifest",
                  {"c": clients, "t": SECONDS, "r": "bench/one", "s": 200}) for place in ("memory", "disk")
              for clients in (1, 16)),
            *(Row(f"image of 10 layers, 200 MB, 4 at once, {place}", place, "s", "image",
                  {"c": 4, "n": 1, "s": LAYER, "r": "bench/image", "g": "t" + secrets.token_hex(4)})
              for place in ("memory", "disk"))]


def main(only: str = ""):
    generator.make()
    kinds = registries.all_kinds()
    print(f"the disk is that of {registries.places()['disk'] or tempfile.gettempdir()}")
    for row in rows():
        if re.search(only, row.what):
            values = figures.in_turns(kinds, ROUNDS, row.once)
            figures.keep(figures.Figure("push", row.what, row.unit, row.unit != "s", values))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
