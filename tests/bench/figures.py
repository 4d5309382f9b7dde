# SPDX-License-Identifier: Apache-2.0
"""The rows of the benchmarks: printed while they come, and kept for who asked tests/bench/run for JSON or the document."""

import json
import os
import statistics
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    benchmark: str
    what: str
    unit: str
    more_is_better: bool
    values: dict[str, list[float]]  # by registry, one of each round

    def medians(self) -> dict[str, float]:
        return {name: statistics.median(values) for name, values in self.values.items()}

    def ratios(self) -> dict[str, float]:
        """By how much berth is better than each other; none where the columns are no registries."""
        medians = self.medians()
        ours = medians.pop("berth", None)
        if ours is None:
            return {}
        return {name: ratio(ours, theirs, self.more_is_better) for name, theirs in medians.items()}

    def text(self) -> str:
        ratios = self.ratios()
        columns = [f"{name} {value:10.4g}" + (f" ({ratios[name]:.2f})" if name in ratios else "")
                   for name, value in self.medians().items()]
        return f"{self.what:<52} {self.unit:<8} {'   '.join(columns)}"


def in_turns(kinds, rounds: int, once) -> dict[str, list]:
    """What once(kind) returns, by name; each round begins with another."""
    results = {kind.name: [] for kind in kinds}
    for number in range(rounds):
        for at in range(len(kinds)):
            kind = kinds[(at + number) % len(kinds)]
            results[kind.name].append(once(kind))
    return results


def ratio(ours: float, theirs: float, more_is_better: bool) -> float:
    first, second = (ours, theirs) if more_is_better else (theirs, ours)
    return first / second if second else 0.0


def keep(figure: Figure):
    """Prints it, and adds it to the file of rows that is asked for."""
    print(figure.text(), flush=True)
    if os.environ.get("BENCH_ROWS"):
        with open(os.environ["BENCH_ROWS"], "a", encoding="utf-8") as rows:
            rows.write(json.dumps(asdict(figure)) + "\n")


def kept(path) -> list[Figure]:
    with open(path, encoding="utf-8") as rows:
        return [Figure(**json.loads(row)) for row in rows]
