"""Pairs of methods on one data set, seed by seed: who wins, by how much, and is it chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from askance.errors import BadInput
from askance.lab.holes import Array, checked_level, numbers, settled
from askance.lab.statistics import LEVEL, holm, paired_t

Test = Callable[[Array], float]  # paired differences, (seeds,), to a two-sided p value; NaN if they are too few


@dataclass(frozen=True)
class Signs:
    """How often one of two methods was ahead.

    Args:
        wins: Seeds with a gain above 0.
        losses: Below 0.
        ties: Exactly 0; they are left out of the test.
        holes: Seeds without a gain.
        p: Two-sided, exact.
    """

    wins: int
    losses: int
    ties: int
    holes: int
    p: float


@dataclass(frozen=True)
class Pairs:
    """All pairs of methods on one data set.

    Args:
        difference: Mean of the first's values over the second's, (methods, methods).
        p: Of each pair, NaN where it was not tested, (methods, methods).
        p_holm: The same, adjusted for all pairs.
        seeds: How many both have, (methods, methods).
    """

    difference: Array
    p: Array
    p_holm: Array
    seeds: NDArray[np.int64]


def sign_test(gains: ArrayLike) -> Signs:
    """Exact two-sided test of "ahead as often as behind".

    Args:
        gains: Paired differences, NaN for holes, (seeds,).

    >>> sign_test([0.1, 0.2, 0.1, 0.3, 0.0])            # 4 of 4: 2 of 16 patterns
    Signs(wins=4, losses=0, ties=1, holes=0, p=0.125)
    """
    values = numbers(gains, ["seeds"], "gains")
    wins, losses = int((values > 0).sum()), int((values < 0).sum())
    holes = int(np.isnan(values).sum())
    if len(values) == holes:
        p = math.nan
    else:
        p = min(1.0, 2 * float(import_module("scipy.special").bdtr(min(wins, losses), wins + losses, 0.5)))
    return Signs(wins, losses, len(values) - wins - losses - holes, holes, p)


def pairwise(table: ArrayLike, test: Test = paired_t) -> Pairs:
    """Test every pair of methods on the seeds that both have, and adjust for all pairs. [holm1979simple]

    Args:
        table: A value for each run, higher is better, NaN for holes, (methods, seeds).
        test: From paired differences to a p value.

    >>> pairwise([[3.0, 4.0, 5.0], [2.0, 2.0, 2.0]]).difference[0, 1]
    np.float64(2.0)
    """
    values = settled(numbers(table, ["methods", "seeds"], "table"))
    known = (~np.isnan(values)).astype(np.int64)
    difference = np.full((len(values), len(values)), np.nan)
    p = difference.copy()
    for i, j in combinations(range(len(values)), 2):
        gains = values[i] - values[j]
        gains = gains[~np.isnan(gains)]
        if len(gains):
            difference[i, j], difference[j, i] = gains.mean(), -gains.mean()
        p[i, j] = p[j, i] = test(gains)
    difference[np.diag_indices(len(values))] = np.where(known.any(1), 0.0, np.nan)
    return Pairs(difference, p, symmetric_holm(p), known @ known.T)


def symmetric_holm(p: Array) -> Array:
    """A symmetric matrix of p values, adjusted for all pairs that were tested. [holm1979simple]

    Args:
        p: NaN where no test was made, (methods, methods).
    """
    above = np.triu_indices(len(p), 1)
    adjusted = np.full_like(p, np.nan)
    adjusted[above] = holm(p[above].tolist())
    adjusted.T[above] = adjusted[above]
    return adjusted


def penalty_matrix(curves: ArrayLike, level: float = LEVEL) -> Array:
    """How much of the label counts each method is beaten at, by each other. [ash2020badge, Sec. 4]

    Row i of column j grows by 1/L whenever i beats j by a paired t-test at one of the L label counts. Add the
    matrices of several data sets; a low mean of a column is a method that is rarely beaten, a high mean of a row one
    that often beats others. No p value is adjusted here: the matrix counts, it proves nothing.

    Args:
        curves: Scores, higher is better, NaN for holes, (methods, seeds, label counts). Counts at which no pair has
            two seeds in common are not counted in L.
        level: Of each test, two-sided.

    Returns:
        From 0 to 1, (methods, methods).

    >>> better, worse = [[0.5, 0.8], [0.5, 0.9], [0.5, 0.8]], [[0.5, 0.6], [0.5, 0.7], [0.5, 0.7]]
    >>> penalty_matrix([better, worse])                     # ahead at the second of two counts
    array([[0. , 0.5],
           [0. , 0. ]])
    """
    values = settled(numbers(curves, ["methods", "seeds", "label counts"], "curves"))
    checked_level(level)
    methods, _, points = values.shape
    beats = np.zeros((methods, methods, points), dtype=bool)
    tested = np.zeros(points, dtype=bool)
    for i, j in combinations(range(methods), 2):
        gains = values[i] - values[j]
        for point in np.flatnonzero((~np.isnan(gains)).sum(0) >= 2):
            here = gains[~np.isnan(gains[:, point]), point]
            tested[point] = True
            if paired_t(here) < level:
                first, second = (i, j) if here.mean() > 0 else (j, i)
                beats[first, second, point] = True
    return np.asarray(beats.sum(2) / max(1, int(tested.sum())))


def win_rates(tables: Sequence[ArrayLike]) -> Array:
    """How often each method is ahead of each other, a tie half; every data set counts the same.

    Args:
        tables: One for each data set, (methods, seeds), of the same methods in the same order. NaN for holes; numbers
            of seeds may differ.

    Returns:
        Row over column, NaN where no seed has both, (methods, methods).

    >>> win_rates([[[0.9, 0.8], [0.7, 0.8]], [[0.5], [0.6]]])       # 3/4 and 0
    array([[0.5  , 0.375],
           [0.625, 0.5  ]])
    """
    rates = [_wins(settled(numbers(table, ["methods", "seeds"], "table"))) for table in tables]
    if len({rate.shape for rate in rates}) != 1:
        raise _unlike([len(rate) for rate in rates])
    stacked = np.stack(rates)
    known = ~np.isnan(stacked)
    total = np.where(known, stacked, 0.0).sum(0)
    rate: Array = np.divide(total, known.sum(0), out=np.full(total.shape, np.nan), where=known.any(0))
    return rate


def _wins(values: Array) -> Array:
    """Share of the seeds, (methods, methods)."""
    known = (~np.isnan(values)).astype(np.float64)
    both = known @ known.T
    ahead = (values[:, None] > values[None, :]).sum(2) + (values[:, None] == values[None, :]).sum(2) / 2
    rate: Array = np.divide(ahead, both, out=np.full(both.shape, np.nan), where=both > 0)
    return rate


def _unlike(methods: list[int]) -> BadInput:
    if not methods:
        return BadInput("There is no table, so no rate. Give one for each data set, (methods, seeds).")
    return BadInput(f"The tables have {methods} methods. Give the same methods in the same order for each data set.")
