"""What the strategies picked: how far they agree, and which classes they drew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from askance.reports.results import Results, Run


def overlap(results: Results) -> list[list[float]]:
    """Mean Jaccard overlap of all items picked, for each pair of strategies over the seeds they share.

    On the diagonal: the same strategy over pairs of its seeds, which says how much the seed alone changes.

    Returns:
        Strategies x strategies in the order of ``results.strategies``; NaN where there is nothing to compare.

    >>> jaccard({1, 2, 3}, {3, 4})
    0.25
    """
    picked: dict[str, dict[int, set[str | int]]] = {name: {} for name in results.strategies}
    for run in results.runs:
        picked[run.strategy][run.seed] = {item for batch in run.picks for item in batch}
    return [[_agreement(picked[one], picked[other], one == other) for other in picked] for one in picked]


def shared(results: Results, one: str, other: str) -> float:
    """The same of two strategies; NaN if one of them has no run."""
    picked: dict[str, dict[int, set[str | int]]] = {one: {}, other: {}}
    for run in results.runs:
        if run.strategy in picked:
            picked[run.strategy][run.seed] = {item for batch in run.picks for item in batch}
    return _agreement(picked[one], picked[other], one == other)


def along(results: Results, one: str, other: str) -> list[float]:
    """The overlap of all that two strategies picked up to each round, over the seeds they share; NaN where none did."""
    runs = {(run.strategy, run.seed): run.picks for run in results.runs if run.strategy in (one, other)}
    seeds = [seed for name, seed in runs if name == one and (other, seed) in runs]
    rounds = min((min(len(runs[one, seed]), len(runs[other, seed])) for seed in seeds), default=0)
    found = [0.0] * rounds
    for seed in seeds:
        here: set[str | int] = set()
        there: set[str | int] = set()
        for number in range(rounds):
            here.update(runs[one, seed][number])
            there.update(runs[other, seed][number])
            found[number] += jaccard(here, there) / len(seeds)
    return found


def jaccard(one: set[str | int], other: set[str | int]) -> float:
    """Shared items over all items; NaN if both are empty."""
    return len(one & other) / len(one | other) if one or other else math.nan


def chance(results: Results) -> float:
    """The overlap to expect of two blind samples of the usual size; NaN if the pool's size is not known.

    Of a and b items out of m, a b / m are shared on average.
    """
    pool = results.dataset.get("pool")
    sizes = [sum(map(len, run.picks)) for run in results.runs if run.picks]
    if not pool or not sizes:
        return math.nan
    open_items = int(pool) - results.runs[0].labels[0]
    size = sum(sizes) / len(sizes)
    if not 0 < size <= open_items:
        return math.nan
    shared = size * size / open_items
    return shared / (2 * size - shared)


def shares(runs: Sequence[Run]) -> list[float]:
    """Share of each class among the picks of these runs; empty if no run counted any.

    >>> shares([Run("random", 0, [2, 6], [0.1, 0.2], [[1, 2, 3, 4]], [[3, 1]], [""], {})])
    [0.75, 0.25]
    """
    counts = [sum(column) for column in zip(*(batch for run in runs for batch in run.classes), strict=True)]
    total = sum(counts)
    return [count / total for count in counts] if total else []


def evenness(parts: Sequence[float]) -> float:
    """Entropy of the shares over that of an even split: 1 is balanced, 0 is a single class.

    >>> evenness([0.5, 0.5, 0.0, 0.0])
    0.5
    """
    if len(parts) < 2:
        return math.nan
    return -sum(p * math.log(p) for p in parts if p > 0) / math.log(len(parts)) or 0.0


def _agreement(one: dict[int, set[str | int]], other: dict[int, set[str | int]], same: bool) -> float:
    pairs = list(combinations(one, 2)) if same else [(seed, seed) for seed in one if seed in other]
    found = [value for a, b in pairs if math.isfinite(value := jaccard(one[a], other[b]))]
    return sum(found) / len(found) if found else math.nan
