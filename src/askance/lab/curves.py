"""Learning curves: their area, a common grid of labels, and where they cross a score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from askance.reports.results import Run

Array = NDArray[np.float64]


def area(labels: Sequence[float] | Array, scores: Sequence[float] | Array) -> float:
    """Mean score over the labels bought: trapezoids, each as wide as the labels it cost, divided by the span.

    A last batch that came out smaller counts for what it bought. Points without a score are stepped over.
    A single point is its own mean; no point at all gives NaN. [zhan2022deepal, AUBC]

    >>> area([10, 20, 25], [0.0, 1.0, 1.0])        # (10 x 0.5 + 5 x 1) / 15
    0.6666666666666666
    """
    x, y = _measured(labels, scores)
    if not len(x):
        return float("nan")
    span = x[-1] - x[0]
    return float(np.trapezoid(y, x) / span) if span else float(y[-1])


def span(runs: Sequence[Run]) -> tuple[float, float]:
    """The labels that all runs cover, first and last; NaN twice if there are none."""
    ends = [(x[0], x[-1]) for x, _ in (_measured(run.labels, run.scores) for run in runs) if len(x)]
    if not ends:
        return float("nan"), float("nan")
    first, last = max(low for low, _ in ends), min(high for _, high in ends)
    return (float(first), float(last)) if first <= last else (float("nan"), float("nan"))


def grid(runs: Sequence[Run]) -> Array:
    """Every number of labels at which one of the runs was measured and that all of them cover, ascending."""
    first, last = span(runs)
    seen = {float(x) for run in runs for x in _measured(run.labels, run.scores)[0] if first <= x <= last}
    return np.array(sorted(seen))


def resample(run: Run, at: Array) -> Array:
    """The run's scores at these numbers of labels, by straight lines between its points.

    Args:
        run: A run that covers the grid; outside of what it covers the answer is NaN.
        at: Numbers of labels, (points,).

    Returns:
        Scores, (points,).
    """
    x, y = _measured(run.labels, run.scores)
    if not len(x):
        return np.full(len(at), np.nan)
    return np.interp(at, x, y, left=np.nan, right=np.nan)


def isotonic(curves: Array) -> Array:
    """The rising curve nearest to each row in least squares, so that a lucky bump reaches nothing.

    The min-max formula: at i the largest, over starts j <= i, of the smallest mean of j..k, over ends k >= i.
    [barlow1972statistical, eq. 1.9]

    Args:
        curves: (curves, points).

    Returns:
        (curves, points), rising along the points.

    >>> isotonic(np.array([[0.0, 2.0, 1.0, 3.0]]))
    array([[0. , 1.5, 1.5, 3. ]])
    """
    sums = np.cumsum(curves, axis=1)
    rising = np.full_like(curves, -np.inf)
    for start in range(curves.shape[1]):
        before = sums[:, start - 1 : start] if start else 0.0
        means = (sums[:, start:] - before) / np.arange(1, curves.shape[1] - start + 1)
        smallest = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        np.maximum(rising[:, start:], smallest, out=rising[:, start:])
    return rising


def crossing(labels: Array, rising: Array, scores: Array) -> Array:
    """With how many labels each rising curve first has its score; infinity where it never does.

    Args:
        labels: Ascending, (points,).
        rising: (curves, points), rising along the points.
        scores: One per curve, (curves,).

    Returns:
        Labels by straight lines between the points, (curves,).

    >>> crossing(np.array([0.0, 10.0]), np.array([[0.0, 1.0], [0.0, 0.2]]), np.array([0.5, 0.5]))
    array([ 5., inf])
    """
    there = rising >= scores[:, None]
    after = there.argmax(axis=1)
    row = np.arange(len(rising))
    before = np.maximum(after - 1, 0)
    low, high = rising[row, before], rising[row, after]
    share = np.divide(scores - low, high - low, out=np.ones_like(low), where=high > low)
    share = np.where(after == 0, 0.0, share)  # above the score from the start
    found = labels[before] + share * (labels[after] - labels[before])
    return np.where(there.any(axis=1), found, np.inf)


def _measured(labels: Sequence[float] | Array, scores: Sequence[float] | Array) -> tuple[Array, Array]:
    """The points with a score; of several with equal labels the last one, as nothing was bought between."""
    x, y = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    kept = np.isfinite(y)
    x, y = x[kept], y[kept]
    last = np.append(x[1:] > x[:-1], True)[: len(x)]
    return x[last], y[last]
