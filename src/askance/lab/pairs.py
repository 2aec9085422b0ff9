"""Methods against each other on runs that are paired by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from askance.lab.statistics import LEVEL, paired_t, scipy_part

Array = NDArray[np.float64]


def sign_test(gains: Array) -> float:
    """Two-sided exact p value of "as many gains as losses"; ties are dropped.

    >>> sign_test(np.array([1.0, 2.0, 0.5, 0.1, 3.0, 0.0]))  # five gains: 2 x 0.5^5
    0.0625
    """
    kept = gains[np.isfinite(gains) & (gains != 0)]
    if not len(kept):
        return 1.0 if len(gains) else math.nan
    less = min(int((kept > 0).sum()), int((kept < 0).sum()))
    return min(1.0, 2 * float(scipy_part("special").bdtr(less, len(kept), 0.5)))


def win_rates(areas: Sequence[Array]) -> Array:
    """How often each method is above each other one, over paired seeds, averaged over data sets; a tie is half.

    Args:
        areas: For each data set (methods, seeds); NaN where a run is missing.

    Returns:
        (methods, methods), row above column; NaN where no pair of runs was there.
    """
    rates = []
    for table in areas:
        both = np.isfinite(table[:, None]) & np.isfinite(table[None])
        won = np.where(both, (table[:, None] > table[None]) + 0.5 * (table[:, None] == table[None]), 0.0).sum(2)
        count = both.sum(2)
        rates.append(np.divide(won, count, out=np.full(won.shape, np.nan), where=count > 0))
    stacked = np.array(rates)
    there = np.isfinite(stacked)
    count = there.sum(0)
    found: Array = np.divide(
        np.where(there, stacked, 0.0).sum(0), count, out=np.full(count.shape, np.nan), where=count > 0
    )
    np.fill_diagonal(found, np.nan)
    return found


def penalties(curves: Sequence[Array], level: float = LEVEL) -> Array:
    """The pairwise penalty matrix: row i of column j grows by 1 / points wherever i beats j. [ash2020badge, Section 4]

    Who beats whom at a number of labels is told by a two-sided paired t-test over seeds; one data set adds 1 at most.
    No adjustment is made for the many tests, so under no difference a share of ``level`` of them adds up anyway.

    Args:
        curves: For each data set (methods, seeds, points); NaN where there is no score.
        level: Of the tests.

    Returns:
        (methods, methods), row beats column; the column's mean is what it loses on the whole.
    """
    methods = curves[0].shape[0]
    found = np.zeros((methods, methods))
    for table in curves:
        points = table.shape[2]
        for i in range(methods):
            for j in range(i + 1, methods):
                gaps = table[i] - table[j]  # (seeds, points)
                for point in range(points):
                    gap = gaps[np.isfinite(gaps[:, point]), point]
                    if len(gap) > 1 and paired_t(gap) < level:
                        winner, loser = (i, j) if gap.mean() > 0 else (j, i)
                        found[winner, loser] += 1 / points
    return found
