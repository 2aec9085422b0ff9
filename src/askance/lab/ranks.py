"""Methods over many data sets: average ranks, whether they differ, and groups that do not.

A data set is one observation, however many runs it had. Runs of one data set are no replicates of each other as
far as other data sets go: counted as such, everything is significant. Nor are conditions of one data set, such as
batch sizes or encoders: average those first, as `askance.lab.across` does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import combinations
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from askance.errors import BadInput
from askance.lab.holes import Array, checked_level, numbers, settled
from askance.lab.pairs import symmetric_holm
from askance.lab.signed import least_p, ranks, signed_ranks
from askance.lab.statistics import LEVEL

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Friedman:
    """Whether average ranks differ by more than chance.

    Args:
        statistic: Friedman's, corrected for ties.
        p: Its p value, by the chi-squared law.
        f: Iman and Davenport's statistic; infinite where all data sets agree.
        p_f: Its p value, by the F law, which is closer for few data sets; exact where all data sets agree.
        ties: What the statistic was divided by for ties; 1 without any.
        datasets: How many had a number for every method.
        methods: How many.
    """

    statistic: float
    p: float
    f: float
    p_f: float
    ties: float
    datasets: int
    methods: int


@dataclass(frozen=True)
class Ranking:
    """Methods compared over data sets.

    Args:
        methods: Names, in the order of the table's columns.
        average: Average ranks, 1 is best; NaN for a method that has none, (methods,).
        datasets: Over how many data sets.
        friedman: Whether any differ.
        critical: Nemenyi's critical difference of average ranks.
        p: Wilcoxon's p value for each pair, NaN where it was not tested, (methods, methods).
        p_holm: The same, adjusted for all pairs.
        shared: On how many data sets each pair was compared, (methods, methods).
        least: The least adjusted p value that so many data sets can give; at ``level`` or above, no pair can be told
            apart whatever the results.
        cliques: Groups of methods next to each other in rank, no pair of which differs by the adjusted Wilcoxon test.
        cliques_nemenyi: The same, by the critical difference.
        level: Of the tests.
        said: What was left out, and what the numbers cannot show.
    """

    methods: list[str]
    average: Array
    datasets: int
    friedman: Friedman
    critical: float
    p: Array
    p_holm: Array
    shared: NDArray[np.int64]
    least: float
    cliques: list[list[str]]
    cliques_nemenyi: list[list[str]]
    level: float
    said: list[str]


def rank(
    table: ArrayLike,
    methods: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
    level: float = LEVEL,
) -> Ranking:
    """Compare methods over data sets: ranks, Friedman's test, all pairs, and groups. [demsar2006statistical]

    Pairs are tested by signed ranks and not by their mean ranks, since mean ranks of two methods depend on which
    others are in the table. [benavoli2016should]

    A method without any number is left out. Ranks and Friedman's test are over the data sets on which all others
    have a number; a pair is tested on those that both have.

    Args:
        table: A mean for each data set and method, higher is better, NaN for a hole, (data sets, methods).
        methods: Names of the columns; numbers if there are none.
        datasets: Names of the rows, for what is said of holes.
        level: Of the tests.

    Raises:
        BadInput: If the table has other axes, or other numbers of names.

    >>> rank([[0.9, 0.8, 0.1], [0.8, 0.7, 0.3]]).average.tolist()
    [1.0, 2.0, 3.0]
    """
    checked_level(level)
    means = settled(numbers(table, ["data sets", "methods"], "table"))
    names = _names(methods, means.shape[1], "methods", "columns")
    rows = _names(datasets, means.shape[0], "datasets", "rows")
    there = np.asarray(~np.isnan(means).all(0))
    whole = np.asarray(~np.isnan(means[:, there]).any(1) & there.any())
    average = np.full(len(names), np.nan)
    if whole.any():
        average[there] = ranks(means[np.ix_(whole, there)]).mean(0)
    tested = friedman(means[np.ix_(whole, there)])
    p, shared = _pairs(means)
    p_holm = symmetric_holm(p)
    pairs = int(np.isfinite(p[np.triu_indices(len(names), 1)]).sum())
    least = least_p(int(shared[np.triu_indices(len(names), 1)].max(initial=0)), pairs)
    critical = nemenyi(int(there.sum()), int(whole.sum()), level)
    return Ranking(
        methods=names,
        average=average,
        datasets=int(whole.sum()),
        friedman=tested,
        critical=critical,
        p=p,
        p_holm=p_holm,
        shared=shared,
        least=least,
        cliques=[[names[i] for i in group] for group in cliques(average, p_holm < level)],
        cliques_nemenyi=[
            [names[i] for i in group]
            for group in cliques(average, np.abs(np.subtract.outer(average, average)) >= critical)
        ],
        level=level,
        said=_said(names, rows, there, whole, np.isnan(means), tested, least, pairs, level),
    )


def friedman(table: Array) -> Friedman:
    """Friedman's test with the correction for ties, and Iman and Davenport's F.

    Where everything is tied, nothing differs: p is 1. Where all data sets agree on one order, F is infinite, and its
    p is the chance of that: each but the first has to fall into the same order.
    [friedman1937use] [iman1980approximations]

    Args:
        table: Higher is better, without holes, (data sets, methods).

    >>> found = friedman(np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]))      # both say the same
    >>> found.statistic, round(found.p_f, 4)                                # 2 x (3 - 1), and 1 of 3! orders
    (4.0, 0.1667)
    """
    datasets, methods = table.shape
    if datasets < 2 or methods < 2:
        return Friedman(math.nan, math.nan, math.nan, math.nan, math.nan, datasets, methods)
    found = ranks(table)
    spread = float((found**2).sum() - datasets * methods * (methods + 1) ** 2 / 4)
    ties = spread / (datasets * methods * (methods**2 - 1) / 12)
    if spread == 0:
        return Friedman(0.0, 1.0, 0.0, 1.0, 0.0, datasets, methods)
    sums = found.sum(0) - datasets * (methods + 1) / 2
    statistic = (methods - 1) * float((sums**2).sum()) / spread
    p = float(_special().chdtrc(methods - 1, statistic))
    if (found == found[0]).all():
        _, sizes = np.unique(found[0], return_counts=True)
        orders = math.lgamma(methods + 1) - sum(math.lgamma(size + 1) for size in sizes)
        return Friedman(statistic, p, math.inf, math.exp(-(datasets - 1) * orders), ties, datasets, methods)
    f = (datasets - 1) * statistic / (datasets * (methods - 1) - statistic)
    p_f = float(_special().fdtrc(methods - 1, (methods - 1) * (datasets - 1), f))
    return Friedman(statistic, p, f, p_f, ties, datasets, methods)


def nemenyi(methods: int, datasets: int, level: float = LEVEL) -> float:
    """The difference of average ranks from which two of these methods differ. [demsar2006statistical, Sec. 3.2.2]

    >>> round(nemenyi(methods=4, datasets=14), 2)           # 2.569 sqrt(4 x 5 / (6 x 14))
    1.25
    """
    checked_level(level)
    if methods < 2 or datasets < 1:
        return math.nan
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - level, methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(methods * (methods + 1) / (6 * datasets))


def cliques(average: Array, different: Flags) -> list[list[int]]:
    """The largest groups of neighbors in rank in which no pair differs: the bars of a critical-difference diagram.

    Args:
        average: Average ranks; those that are NaN are in no group, (methods,).
        different: Whether two methods differ, (methods, methods).

    Returns:
        Columns of each group of two or more, best first; a method in no group differs from both its neighbors.

    >>> apart = np.array([[False, False, True], [False, False, False], [True, False, False]])
    >>> cliques(np.array([1.0, 2.0, 3.0]), apart)
    [[0, 1], [1, 2]]
    """
    order = [int(i) for i in np.argsort(average, kind="stable") if np.isfinite(average[i])]
    groups, reached = [], 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not different[order[end], order[start:end]].any():
            end += 1
        if end - start > 1 and end > reached:  # else it lies within the group before
            groups.append(order[start:end])
        reached = max(reached, end)
    return groups


def _pairs(means: Array) -> tuple[Array, NDArray[np.int64]]:
    """Wilcoxon's p value for each pair, and on how many data sets both have a number."""
    known = ~np.isnan(means)
    shared = known.T.astype(np.int64) @ known.astype(np.int64)
    p = np.full((means.shape[1], means.shape[1]), np.nan)
    for i, j in combinations(range(means.shape[1]), 2):
        p[i, j] = p[j, i] = signed_ranks(means[:, i] - means[:, j])
    return p, shared


def _said(
    names: list[str],
    rows: list[str],
    there: Flags,
    whole: Flags,
    holes: Flags,
    tested: Friedman,
    least: float,
    pairs: int,
    level: float,
) -> list[str]:
    """What a reader must know of the numbers."""
    said = [f"{name} has no number on any data set and is left out." for name in np.array(names)[~there]]
    if there.any() and not whole.all():
        lacking = [names[i] for i in np.flatnonzero(holes.any(0) & there)]
        gone = [rows[i] for i in np.flatnonzero(~whole)]
        said.append(
            f"{len(gone)} of {len(rows)} data sets lack a number of {', '.join(lacking)} and are left out of "
            f"the ranks: {', '.join(gone)}. A pair is tested on the data sets that both have."
        )
    if there.sum() < 2:
        said.append(f"{int(there.sum())} methods have numbers, and a comparison needs 2. Nothing is tested.")
    elif pairs and least >= level:
        needed = next(n for n in range(1, 10_000) if least_p(n, pairs) < level)
        said.append(
            f"So few data sets cannot tell any of {pairs} pairs apart: the least adjusted p value that they can give "
            f"is {least:.3g}, and {level:g} is asked for. Compare on {needed} data sets or more."
        )
    elif not pairs:
        said.append("No two methods have two data sets in common, so no pair is tested. Compare on more data sets.")
    if tested.p_f >= level:
        said.append(f"Friedman's test finds no difference among the ranks (p {tested.p_f:.2g}).")
    return said


def _names(given: Sequence[str] | None, count: int, option: str, axis: str) -> list[str]:
    names = [str(i) for i in range(count)] if given is None else list(given)
    if len(names) != count:
        raise BadInput(f"{option} has {len(names)} names, and the table has {count} {axis}. Give a name for each.")
    return names


def _special() -> ModuleType:
    return import_module("scipy.special")
