"""Intervals over data sets and seeds at once: both are drawn again, data sets first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from askance.errors import BadInput
from askance.lab.statistics import LEVEL, RESAMPLES
from askance.seeds import Dice

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Resampled:
    """A mean over data sets with its interval.

    Args:
        mean: The mean over data sets of the mean over seeds.
        low: The lower end of the 95 % interval.
        high: Its upper end.
        above: The share of the resamples in which it is above zero.
        data_sets: How many there are.
    """

    mean: float
    low: float
    high: float
    above: float
    data_sets: int


def hierarchical(gains: Sequence[Array], resamples: int = RESAMPLES, seed: int = 0) -> Resampled:
    """The mean gain over data sets: data sets are drawn with replacement, then seeds within each that was drawn.

    With few data sets the interval is too short, as no bootstrap knows data sets that were not drawn.
    [davison1997bootstrap, Section 3.8]

    Args:
        gains: Paired differences of each data set, (seeds,) each; NaN is left out.
        resamples: How often it is drawn.
        seed: Seeds the draws; the same one pairs the intervals of several methods.

    Raises:
        BadInput: If no data set has a difference.
    """
    kept = [gap[np.isfinite(gap)] for gap in gains]
    kept = [gap for gap in kept if len(gap)]
    if not kept:
        raise BadInput("There is no paired difference on any data set. Run both methods with the same seeds.")
    dice = Dice(seed, "hierarchical").generator()
    means = np.empty((len(kept), resamples, len(kept)))  # of every data set, in case it is drawn at a place
    for number, gap in enumerate(kept):
        drawn = dice.multinomial(len(gap), np.full(len(gap), 1 / len(gap)), size=resamples * len(kept))
        means[number] = (drawn @ gap / len(gap)).reshape(resamples, len(kept))
    chosen = dice.integers(len(kept), size=(resamples, len(kept)))
    values = np.take_along_axis(means, chosen[None], axis=0)[0].mean(axis=1)
    low, high = np.quantile(values, [LEVEL / 2, 1 - LEVEL / 2]).tolist()
    centre = float(np.mean([gap.mean() for gap in kept]))
    return Resampled(centre, low, high, float((values > 0).mean()), len(kept))
