"""The runs behind the table of docs/large-pools.md: what batches chosen in two stages lose to those of one stage.

``python -m benchmarks.two_stage --seeds 5`` runs what is not done yet and writes docs/results/two-stage.json; ``--until
HH:MM`` stops earlier, and another call goes on. ``--items`` is for pools of another size, which stand beside the rest:
20000 for rules that take minutes of more, 1000000 for those that do not. How many items are proposed by default, and
that shards propose by chance where clusters are looked for, was chosen on seed 100.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from askance.given import select
from askance.look import threads
from askance.scoring.choose import choose
from askance.scoring.scored import ScoredShard
from askance.strategies.catalogue import strategy
from askance.task import Classes, Task
from benchmarks import kept, workload
from benchmarks.measure import ROOT

FILE = ROOT / "docs" / "results" / "two-stage.json"
SEEDS, ITEMS, FEATURES, CLASSES = 5, 100_000, 64, 10
SHARDS, N = 16, 100
FACTORS = (1, 2, 5, 10, 50)
RULES = {  # what a batch of each is judged by; True where more is better
    "k-center": ("radius", False),
    "k-means-plus-plus": ("squares", False),
    "lcmd": ("squares", False),
    "k-means": ("squares", False),
    "badge": ("potential", False),
    "facility-location": ("alikeness", True),
    "max-herding": ("herding", True),
    "typiclust": ("unit squares", False),
    "max-det": ("volume", True),
}
SLOW = ("facility-location", "max-herding", "typiclust")  # of small pools alone
LARGE = ("k-center", "k-means-plus-plus", "badge", "max-det")  # also of large ones
ORDERS = ("shuffled", "sorted")
REVISION = 1  # goes up when the pools, how shards propose or a measure change
_PIECE = 20_000  # rows looked at once

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class InMemory:
    """Arrays as a scored pool, in so many shards of one size."""

    embeddings: workload.Array
    probabilities: workload.Array

    @property
    def task(self) -> Task:
        return Classes(tuple(range(self.probabilities.shape[1])))

    @property
    def shards(self) -> tuple[int, ...]:
        return tuple(range(SHARDS))

    def span(self, number: int) -> tuple[int, int]:
        size = -(-len(self.embeddings) // SHARDS)
        return number * size, min(len(self.embeddings), (number + 1) * size)

    def shard(self, number: int) -> ScoredShard:
        start, stop = self.span(number)
        rows = np.arange(start, stop)
        return ScoredShard(number, start, stop, rows, self.embeddings[start:stop], self.probabilities[start:stop])


def pool(items: int, order: str, seed: int) -> InMemory:
    """A clustered pool of `benchmarks.workload`, drawn anew with each seed; sorted, its classes come one by one."""
    made = workload.make(workload.Size(items, FEATURES, CLASSES, 200), seed)
    rows = made.classes.argsort(kind="stable") if order == "sorted" else np.arange(items)
    return InMemory(made.embeddings[rows], made.probabilities[rows])


def decides(rule: str, order: str, items: str) -> Any:
    """What decides the runs of a rule."""
    return [kept.identity(strategy(rule)), order, items, FEATURES, CLASSES, SHARDS, N, FACTORS, RULES[rule], REVISION]


def run(rule: str, order: str, items: str, seed: str) -> dict[str, Any]:
    """One stage, chance, and two stages with several numbers of proposals: values, overlaps, seconds."""
    given = pool(int(items), order, int(seed))
    found: dict[str, Any] = {}
    picks: dict[str, Rows] = {}
    with threads(1):
        arrays: dict[str, Any] = {"embeddings": given.embeddings, "probabilities": given.probabilities}
        select(rule, 2, **{name: array[:300] for name, array in arrays.items()})  # compiles what it needs
        begun = time.perf_counter()
        picks["exact"] = np.asarray(select(rule, N, seed=int(seed), **arrays))
        found["seconds exact"] = time.perf_counter() - begun
        picks["random"] = np.asarray(select("random", N, seed=int(seed), **arrays))
        for factor in FACTORS:
            begun = time.perf_counter()
            picks[f"x{factor}"] = choose(given, rule, N, seed=int(seed), factor=factor).rows
            found[f"seconds x{factor}"] = time.perf_counter() - begun
        for name, rows in picks.items():
            found[name] = VALUES[RULES[rule][0]](given, rows)
            found[f"overlap {name}"] = len(np.intersect1d(rows, picks["exact"])) / N
    return found


# What a batch is worth


def _radius(given: InMemory, rows: Rows) -> float:
    return float(np.sqrt(max(gaps.max() for gaps in _gaps(given.embeddings, rows))))


def _squares(given: InMemory, rows: Rows) -> float:
    return _mean(_gaps(given.embeddings, rows), given)


def _potential(given: InMemory, rows: Rows) -> float:
    left = given.probabilities.copy()
    left[np.arange(len(left)), left.argmax(1)] -= 1
    return _mean(_gaps(given.embeddings, rows, left), given)


def _unit_squares(given: InMemory, rows: Rows) -> float:
    return _mean(_gaps(_units(given.embeddings), rows), given)


def _alikeness(given: InMemory, rows: Rows) -> float:
    return 1 - _unit_squares(given, rows) / 4  # |x - y|^2 = 2 - 2 cos, and alike is (1 + cos) / 2


def _herding(given: InMemory, rows: Rows) -> float:
    return _mean((np.exp(-gaps) for gaps in _gaps(_units(given.embeddings), rows)), given)


def _volume(given: InMemory, rows: Rows) -> float:
    """log det(I + X X^T / s) / 2 of the picks, with the noise of `LargestVolume`."""
    noise = 1e-6 * float((given.embeddings.astype(np.float64) ** 2).sum(1).mean())
    points = given.embeddings[rows].astype(np.float64)
    return float(np.linalg.slogdet(np.eye(len(rows)) + points @ points.T / noise)[1] / 2)


VALUES = {
    "radius": _radius,
    "squares": _squares,
    "potential": _potential,
    "unit squares": _unit_squares,
    "alikeness": _alikeness,
    "herding": _herding,
    "volume": _volume,
}


def _units(points: workload.Array) -> workload.Array:
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True).clip(1e-30), dtype=np.float32)


def _mean(parts: Iterator[workload.Array], given: InMemory) -> float:
    return sum(float(part.sum(dtype=np.float64)) for part in parts) / len(given.embeddings)


def _gaps(points: workload.Array, rows: Rows, left: workload.Array | None = None) -> Iterator[workload.Array]:
    """Squared distance of each row to the nearest pick, piece by piece; with ``left``, of the outer products."""
    for start in range(0, len(points), _PIECE):
        piece = slice(start, start + _PIECE)
        inner = points[piece] @ points[rows].T  # (rows, picks)
        lengths = np.einsum("ij,ij->i", points[piece], points[piece])
        ends = np.einsum("ij,ij->i", points[rows], points[rows])
        if left is not None:
            inner *= left[piece] @ left[rows].T
            lengths = lengths * np.einsum("ij,ij->i", left[piece], left[piece])
            ends = ends * np.einsum("ij,ij->i", left[rows], left[rows])
        yield np.maximum((ends - 2 * inner).min(1) + lengths, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help="from 0 to N - 1 (default: %(default)s)")
    parser.add_argument("--seed", type=int, metavar="N", help="this one alone, and nothing is written but its run")
    parser.add_argument("--items", type=int, default=ITEMS, metavar="N", help="in a pool (default: %(default)s)")
    parser.add_argument("--until", metavar="HH:MM", help="begin no run after this time of day (default: run them all)")
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else range(options.seeds)
    rules = LARGE if options.items > ITEMS else [rule for rule in RULES if options.items < ITEMS or rule not in SLOW]
    torch.set_num_threads(1)
    wanted = [(rule, order, str(options.items), str(seed)) for seed in seeds for rule in rules for order in ORDERS]
    found = kept.runs("two-stage", wanted, run, decides, kept.until(options.until))
    if options.seed is not None:
        print(json.dumps({"--".join(words): one.told for words, one in found.items()}, indent=1))
        return
    before: dict[str, Any] = json.loads(FILE.read_text("utf-8"))["items"] if FILE.exists() else {}
    told = {**kept.made(found.values()), "n": N, "shards": SHARDS, "features": FEATURES}
    cases: dict[str, Any] = {}
    for (rule, order, _, seed), one in found.items():
        case = cases.setdefault(rule, {}).setdefault(order, {"mark": one.mark, "seeds": []})
        case["seeds"].append(int(seed))
        for what, value in one.told.items():
            case.setdefault(what, []).append(value)
    items = {**before, str(options.items): {"cases": cases, **told}}
    FILE.write_text(json.dumps({"factors": FACTORS, "items": items}, indent=1) + "\n", encoding="utf-8")
    print(FILE)


if __name__ == "__main__":
    main()
