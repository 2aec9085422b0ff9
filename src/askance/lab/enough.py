"""How many seeds are enough: how often few of them put two methods in the wrong order, and false alarms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from askance.errors import BadInput
from askance.lab.statistics import LEVEL, paired_t, scipy_part
from askance.metrics import wilson
from askance.seeds import Dice

Array = NDArray[np.float64]

DRAWS = 20_000
_EXACT = 20_000  # subsets that are all looked at
_MOST = 2_000  # seeds that are ever recommended


@dataclass(frozen=True)
class Order:
    """How well few seeds order several methods.

    Args:
        seeds: How few.
        wrong: The share of the pairs of methods that they put the other way round than all seeds do.
        tau: Kendall's tau between their order of the methods and that of all seeds, on average.
        exact: Whether the least share comes from all subsets, or from drawn ones.
    """

    seeds: int
    wrong: float
    tau: float
    exact: bool


def wrong_order(gains: Array, seeds: int, seed: int = 0) -> float:
    """The probability that some of the seeds order two methods the other way round than all of them do.

    Subsets are drawn without replacement, all of them if there are few; a tie is half wrong. For more seeds than there
    are, seeds are drawn with replacement, which takes those that are there for all there is.

    Args:
        gains: Paired differences of the areas, (runs,).
        seeds: How many are looked at, at least one.
        seed: Seeds the draws.

    >>> wrong_order(np.array([3.0, 3.0, -1.0]), 1)  # one run of three says the opposite
    0.3333333333333333
    """
    kept = gains[np.isfinite(gains)]
    if seeds < 1:
        raise BadInput(f"{seeds} seeds order nothing. Ask for 1 or more.")
    if not len(kept):
        return math.nan
    truth = np.sign(kept.mean())
    if truth == 0:
        return 0.5
    sums = kept[_subsets(len(kept), seeds, seed)].sum(axis=1) * truth
    near = 1e-12 * np.abs(kept).sum()
    return float((sums < -near).mean() + 0.5 * (np.abs(sums) <= near).mean())


def enough(gains: Array, risk: float = LEVEL, seed: int = 0) -> int | None:
    """The least number of seeds that order two methods wrongly with less than some probability.

    Args:
        gains: Paired differences of the areas, (runs,).
        risk: That probability.
        seed: Seeds the draws.

    Returns:
        How many; None if even thousands would not do, as where methods are alike.
    """
    kept = gains[np.isfinite(gains)]
    if not len(kept) or kept.mean() == 0:
        return None
    spread = kept.std(ddof=1) if len(kept) > 1 else 0.0
    quantile = float(scipy_part("special").ndtri(1 - risk))
    guess = (quantile * spread / abs(kept.mean())) ** 2  # where the normal law would put it
    if guess > _MOST:
        return None
    low, high = 1, 1
    while wrong_order(kept, high, seed) >= risk:
        low, high = high, 2 * high
        if high > 2 * _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wrong_order(kept, middle, seed) >= risk else (low, middle)
    return high if wrong_order(kept, low, seed) >= risk else low


def orders(areas: Array, seeds: int, seed: int = 0) -> Order:
    """How often some of the seeds order methods otherwise than all of them.

    Args:
        areas: (methods, runs), paired by column; columns with a NaN are left out.
        seeds: How many are looked at, at most as many as there are whole columns.
        seed: Seeds the draws.
    """
    whole = areas[:, np.isfinite(areas).all(axis=0)]
    methods, runs = whole.shape
    if methods < 2 or not 1 <= seeds <= runs:
        return Order(seeds, math.nan, math.nan, False)
    chosen = _subsets(runs, seeds, seed)
    means = whole[:, chosen].mean(axis=2)  # (methods, subsets)
    truth = whole.mean(axis=1)
    wrong: list[float] = []
    agree: list[float] = []
    for one, other in combinations(range(methods), 2):
        here, there = np.sign(means[one] - means[other]), np.sign(truth[one] - truth[other])
        wrong.append(float(np.where(here == 0, 0.5, here != there).mean()) if there else 0.5)
        agree.append(float((here * there).mean()))
    return Order(seeds, float(np.mean(wrong)), float(np.mean(agree)), math.comb(runs, seeds) <= _EXACT)


def false_alarms(
    runs: Sequence[Array],
    test: Callable[[Array], float] = paired_t,
    level: float = LEVEL,
    draws: int = 2_000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """How often a paired test finds a difference where there is none: an A/A test.

    The runs of one method are dealt into two halves again and again, and the halves are compared as if they were two.

    Args:
        runs: The areas of one method on each data set, (seeds,) each.
        test: Gives a p value of paired differences.
        level: At which it rejects.
        draws: How often they are dealt.
        seed: Seeds the deals.

    Returns:
        The share of rejections, and its 95 % interval.

    Raises:
        BadInput: If no data set has four runs.
    """
    kept = [values[np.isfinite(values)] for values in runs]
    kept = [values for values in kept if len(values) >= 4]
    if not kept:
        raise BadInput("Two halves need four runs of a method on a data set. Run more seeds.")
    dice = Dice(seed, "halves").generator()
    alarms = 0
    for number in range(draws):
        values = dice.permutation(kept[number % len(kept)])
        half = len(values) // 2
        alarms += bool(test(values[:half] - values[half : 2 * half]) < level)
    return alarms / draws, *wilson(alarms, draws)


def _subsets(runs: int, seeds: int, seed: int) -> NDArray[np.int64]:
    """Which runs are looked at: all subsets if they are few, else drawn ones, (subsets, seeds)."""
    dice = Dice(seed, "subsets", seeds).generator()
    if seeds > runs:
        return dice.integers(runs, size=(max(200, DRAWS * 10 // seeds), seeds))
    if math.comb(runs, seeds) <= _EXACT:
        return np.array(list(combinations(range(runs), seeds)), dtype=np.int64)
    return np.argsort(dice.random((DRAWS, runs)), axis=1)[:, :seeds]
