"""Several methods over several data sets: ranks, whether they differ at all, and which of them do.

The unit is the data set: runs of one data set are no independent evidence about others, however many there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from askance.errors import BadInput
from askance.lab.statistics import LEVEL, holm, scipy_part

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Friedman:
    """Whether methods differ at all.

    Args:
        statistic: Friedman's chi-square, corrected for ties. [friedman1940comparison]
        p: Its p value.
        f: The F of Iman and Davenport, which is less conservative. [iman1980approximations]
        p_f: Its p value.
        data_sets: How many were compared.
    """

    statistic: float
    p: float
    f: float
    p_f: float
    data_sets: int


def ranks(means: Array) -> Array:
    """The rank of each method on each data set, 1 is the best; ties share the mean of their ranks.

    Args:
        means: Higher is better, (data sets, methods); a data set with a NaN has no ranks.

    Returns:
        (data sets, methods), NaN where there are none.

    >>> ranks(np.array([[0.9, 0.5, 0.9]]))
    array([[1.5, 3. , 1.5]])
    """
    table = _table(means)
    found = np.array([scipy_part("stats").rankdata(-row) for row in table]).reshape(table.shape)
    found[np.isnan(table).any(axis=1)] = np.nan
    return found


def average_ranks(means: Array) -> Array:
    """The mean rank of each method over the data sets that all of them finished, (methods,)."""
    found = ranks(means)
    whole = found[~np.isnan(found).any(axis=1)]
    return whole.mean(axis=0) if len(whole) else np.full(found.shape[1], np.nan)


def friedman(means: Array) -> Friedman:
    """Friedman's test over data sets; data sets that one of the methods did not finish are left out.

    With fewer than two data sets or methods nothing can be told, and all is NaN.
    """
    found = ranks(means)
    found = found[~np.isnan(found).any(axis=1)]
    sets, methods = found.shape
    if sets < 2 or methods < 2:
        return Friedman(math.nan, math.nan, math.nan, math.nan, sets)
    spread = ((found - (methods + 1) / 2) ** 2).sum()
    between = sets * ((found.mean(axis=0) - (methods + 1) / 2) ** 2).sum()
    if spread == 0:  # all methods are the same everywhere
        return Friedman(0.0, 1.0, 0.0, 1.0, sets)
    statistic = float((methods - 1) * sets * between / spread)
    special = scipy_part("special")
    p = float(special.chdtrc(methods - 1, statistic))
    rest = sets * (methods - 1) - statistic
    if rest <= 1e-12:  # one order on all data sets
        return Friedman(statistic, p, math.inf, 0.0, sets)
    f = (sets - 1) * statistic / rest
    return Friedman(statistic, p, float(f), float(special.fdtrc(methods - 1, (methods - 1) * (sets - 1), f)), sets)


def critical_difference(methods: int, data_sets: int, level: float = LEVEL) -> float:
    """How far two average ranks have to lie apart by Nemenyi's test. [demsar2006statistical, Eq. 5]

    >>> round(critical_difference(5, 10), 2)
    1.93
    """
    if methods < 2 or data_sets < 1:
        return math.nan
    # The range's quantile with so many degrees of freedom that they are infinite.
    quantile = float(scipy_part("stats").studentized_range.ppf(1 - level, methods, 1e7)) / math.sqrt(2)
    return quantile * math.sqrt(methods * (methods + 1) / (6 * data_sets))


def wilcoxon_pairs(means: Array) -> Array:
    """Wilcoxon's signed ranks of every pair of methods over data sets, adjusted by Holm over all pairs.

    Exact where there are no ties and few data sets; zeros are ranked and then dropped. [pratt1959remarks]

    Args:
        means: (data sets, methods); for a pair, the data sets that both finished count.

    Returns:
        p values, (methods, methods), NaN on the diagonal and where a pair has fewer than two data sets.
    """
    from askance.lab.statistics import wilcoxon

    table = _table(means)
    methods = table.shape[1]
    pairs = [(i, j) for i in range(methods) for j in range(i + 1, methods)]
    gaps = [table[:, i] - table[:, j] for i, j in pairs]
    adjusted = holm([wilcoxon(gap[np.isfinite(gap)]) for gap in gaps])
    found = np.full((methods, methods), np.nan)
    for (i, j), p in zip(pairs, adjusted, strict=True):
        found[i, j] = found[j, i] = p
    return found


def least_p(data_sets: int, comparisons: int = 1) -> float:
    """The least p value that Wilcoxon's test can give, after Holm: with few data sets it never gets under 0.05.

    >>> least_p(5), least_p(8, 3)
    (0.0625, 0.0234375)
    """
    return min(1.0, comparisons * 2.0 * 0.5**data_sets) if data_sets else 1.0


def cliques(average: Array, differ: NDArray[np.bool_]) -> list[list[int]]:
    """The bars of a critical-difference diagram: the longest rows of methods, by rank, no two of which differ.

    Args:
        average: Average ranks, (methods,).
        differ: Which pairs differ, symmetric, (methods, methods).

    Returns:
        Methods of each group, best first; groups of one are left out.

    >>> differ = np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=bool)
    >>> cliques(np.array([1.0, 2.0, 3.0]), differ)
    [[0, 1], [1, 2]]
    """
    order = [int(place) for place in np.argsort(average, kind="stable") if np.isfinite(average[place])]
    found: list[list[int]] = []
    reached = 0  # the end of the last group: one that ends no later lies within it
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(differ[order[end], order[inner]] for inner in range(start, end)):
            end += 1
        if end - start > 1 and end > reached:
            found.append(order[start:end])
            reached = end
    return found


def _table(means: Array) -> Array:
    table = np.asarray(means, dtype=np.float64)
    if table.ndim != 2:
        raise BadInput(f"The means have shape {table.shape}. Give a table (data sets, methods).")
    return table
