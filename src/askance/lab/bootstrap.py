"""The mean difference of two methods over data sets, with an interval that knows both data sets and seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import ArrayLike

from askance.errors import BadInput
from askance.lab.holes import Array, checked_level, numbers
from askance.lab.statistics import LEVEL
from askance.seeds import Dice

RESAMPLES = 10_000


@dataclass(frozen=True)
class Resampled:
    """A mean over data sets, and what it was when data sets and seeds were drawn again.

    Args:
        mean: Of the data sets' means.
        low: End of the interval; NaN where one number is all there is.
        high: The other end.
        above: The share of resamples above 0.
        below: Below 0; what lacks to 1 was exactly 0.
        datasets: How many had a number.
        said: What was left out, and what the interval cannot show.
    """

    mean: float
    low: float
    high: float
    above: float
    below: float
    datasets: int
    said: list[str]


def hierarchical(
    differences: Sequence[ArrayLike],
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Resampled:
    """Draw data sets with replacement, then seeds of each, and average the data sets' means. [saravanan2020application]

    Every data set counts the same, whatever its number of seeds. The interval asks about data sets like these, so it
    is wide where they disagree, however many seeds there are. It has the shape of the resamples and the width of
    Student's interval of the data sets' means: resamples of few data sets scatter too little, and the noise of the
    seeds, which is in the means already, comes into them a second time.

    Args:
        differences: Paired differences for each data set, NaN for holes, (seeds,) each.
        resamples: How many.
        level: One minus the share of resamples in the interval.
        seed: Of the dice.

    >>> found = hierarchical([[0.25, 0.25], [0.25]])
    >>> found.mean, found.low, found.high, found.above
    (0.25, 0.25, 0.25, 1.0)
    """
    checked_level(level)
    if resamples < 1:
        raise BadInput(f"{resamples} resamples give no interval. Use resamples={RESAMPLES}.")
    given = [numbers(values, ["seeds"], "differences of a data set") for values in differences]
    kept = [values[~np.isnan(values)] for values in given]
    kept = [values for values in kept if len(values)]
    said = _said(sum(len(values) for values in given) - sum(map(len, kept)), len(given) - len(kept), len(kept))
    if not kept:
        return Resampled(math.nan, math.nan, math.nan, math.nan, math.nan, 0, said)
    dice = Dice(seed, "bootstrap", part="hierarchical").generator()
    drawn = dice.multinomial(len(kept), np.full(len(kept), 1 / len(kept)), size=resamples)  # (resamples, data sets)
    sums = np.zeros(resamples)
    for times, values in zip(drawn.T, kept, strict=True):
        # A data set that is drawn t times is drawn t times n seeds; each draw has seeds of its own.
        weights = dice.multinomial(times * len(values), np.full(len(values), 1 / len(values)))
        sums += weights @ values / len(values)
    means = sums / len(kept)
    low, high = _interval(means, np.array([v.mean() for v in kept]) if len(kept) > 1 else kept[0], level)
    return Resampled(
        mean=float(np.mean([values.mean() for values in kept])),
        low=low,
        high=high,
        above=float((means > 0).mean()),
        below=float((means < 0).mean()),
        datasets=len(kept),
        said=said,
    )


def _interval(resampled: Array, values: Array, level: float) -> tuple[float, float]:
    """Quantiles of resampled means, moved until they are as far out as Student's of the mean of so many values."""
    if len(values) < 2:
        return math.nan, math.nan
    special, mean, spread = import_module("scipy.special"), values.mean(), resampled.std()
    error = values.std(ddof=1) / math.sqrt(len(values))
    wider = special.stdtrit(len(values) - 1, level / 2) / special.ndtri(level / 2) * error / spread if spread else 0.0
    low, high = mean + (np.quantile(resampled, [level / 2, 1 - level / 2]) - mean) * wider
    return float(low), float(high)


def _said(holes: int, empty: int, datasets: int) -> list[str]:
    said = []
    if holes:
        said.append(f"{holes} differences are holes and are left out.")
    if empty:
        said.append(f"{empty} data sets have no difference and are left out.")
    if datasets == 1:
        said.append("One data set says nothing of others: the interval is over its seeds alone.")
    elif 1 < datasets < 6:
        said.append(f"{datasets} data sets are few: the interval holds what it says if they scatter like a normal law.")
    return said
