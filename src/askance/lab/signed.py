"""Ranks with ties, Wilcoxon's signed ranks counted out, and the least that they can show."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np
from numpy.typing import ArrayLike

from askance.lab.holes import Array, numbers, settled

EXACT = 100  # differences up to which the law is counted out; it is near normal far earlier


def ranks(table: Array) -> Array:
    """Each row's ranks: 1 for the highest, ties share their mean; a row with a hole has none.

    Args:
        table: Higher is better, (data sets, methods).

    Returns:
        (data sets, methods).

    >>> ranks(np.array([[0.9, 0.7, 0.7, 0.1]]))
    array([[1. , 2.5, 2.5, 4. ]])
    """
    above = (table[:, None, :] > table[:, :, None]).sum(2)  # (data sets, methods)
    same = (table[:, None, :] == table[:, :, None]).sum(2)
    return np.where(np.isnan(table).any(1, keepdims=True), np.nan, above + (same + 1) / 2)


def signed_ranks(differences: ArrayLike) -> float:
    """Two-sided p value of Wilcoxon's signed ranks, counted out over all signs. [wilcoxon1945individual]

    Differences of 0 are ranked and then dropped, ties share their mean rank, and the law is that of those very
    ranks, so that few data sets and ties need no approximation. [pratt1959remarks] With more than 100 differences
    the normal law is used. Holes are left out; fewer than two differences give NaN.

    >>> signed_ranks([1.0, 2.0, 3.0, 4.0])          # all of one sign: 2 of 16 patterns
    0.125
    >>> signed_ranks([1.0, 2.0, -3.0])              # ranks against are 3; of 8 patterns 5 have 3 or less, so 1
    1.0
    """
    values = numbers(differences, ["data sets"], "differences")
    values = settled(values[~np.isnan(values)], digits=9)
    if len(values) < 2:
        return math.nan
    if not values.any():
        return 1.0
    if len(values) > EXACT:
        return wilcoxon(values)
    doubled = np.round(2 * ranks(-np.abs(values)[None])[0]).astype(np.int64)  # whole numbers, ties too
    doubled, up = doubled[values != 0], values[values != 0] > 0
    law = np.ones(1)  # of the sum of the ranks with a plus, doubled
    for one in doubled:
        law = (np.pad(law, (0, one)) + np.pad(law, (one, 0))) / 2
    fewer = min(doubled[up].sum(), doubled[~up].sum())
    return min(1.0, 2 * float(law[: fewer + 1].sum()))


def wilcoxon(differences: Array) -> float:
    """Two-sided p value of the signed ranks by the normal law; zeros are ranked and then dropped. [pratt1959remarks]"""
    if len(differences) < 2:
        return math.nan
    if not differences.any():
        return 1.0
    return float(import_module("scipy.stats").wilcoxon(differences, zero_method="pratt").pvalue)


def least_p(datasets: int, tests: int = 1) -> float:
    """The least p value, adjusted for so many tests, that signed ranks of so many data sets can give.

    >>> least_p(6), least_p(5)              # 2 of 64 patterns of signs, 2 of 32
    (0.03125, 0.0625)
    """
    return min(1.0, max(tests, 1) * 2.0 ** (1 - datasets))
