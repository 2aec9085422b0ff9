"""How likely a method is better, worse or as good for all practical purposes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from askance.errors import BadInput
from askance.lab.statistics import scipy_part
from askance.seeds import Dice

Array = NDArray[np.float64]

ROPE = 0.005  # differences of the area under this are no difference in practice: half a percent of the items
STRENGTH = 0.6  # of the prior, in observations [benavoli2017time, Section 4.3]
DRAWS = 50_000
_PIECE = 2_000_000  # weights drawn at once


@dataclass(frozen=True)
class Beliefs:
    """Probabilities of worse, as good in practice, and better; they sum to one."""

    worse: float
    same: float
    better: float


def signed_rank(gains: Array, rope: float = ROPE, strength: float = STRENGTH, seed: int = 0) -> Beliefs:
    """The Bayesian signed-rank test over data sets. [benavoli2017time, Section 4.3]

    The law of the gains has a Dirichlet process as its prior, with one pseudo-observation at zero. What is told is how
    likely the mean of two gains drawn from it lies mostly left of, in, or right of the region of practical equivalence.

    Args:
        gains: The mean difference on each data set, (data sets,); NaN is left out.
        rope: Half the width of the region.
        strength: How many observations the prior counts for.
        seed: Seeds the draws.

    Raises:
        BadInput: If the region or the prior is negative.
    """
    if rope < 0 or strength <= 0:
        raise BadInput(f"rope={rope} and strength={strength} make no test. Use 0 or more, and above 0.")
    kept = gains[np.isfinite(gains)]
    if not len(kept):
        return Beliefs(math.nan, math.nan, math.nan)
    values = np.concatenate([[0.0], kept])
    middle = (values[:, None] + values[None]) / 2
    left, right = (middle < -rope).astype(float), (middle > rope).astype(float)
    dice = Dice(seed, "signed-rank").generator()
    alpha = np.concatenate([[strength], np.ones(len(kept))])
    won, step = np.zeros(3), max(1, _PIECE // len(alpha))
    for start in range(0, DRAWS, step):
        drawn = dice.dirichlet(alpha, size=min(step, DRAWS - start))
        below, above = ((drawn @ part * drawn).sum(1) for part in (left, right))
        shares = np.stack([below, 1 - below - above, above], axis=1)
        most = np.isclose(shares, shares.max(axis=1, keepdims=True), rtol=0, atol=1e-12)
        won += (most / most.sum(axis=1, keepdims=True)).sum(axis=0)  # ties are shared
    return Beliefs(*(won / DRAWS).tolist())


def paired_runs(gains: Array, rope: float = ROPE) -> Beliefs:
    """What paired runs on one data set say of the mean gain: its posterior is Student's, under a flat prior.

    Runs here are independent, unlike the folds of a cross-validation, so no correlation is put in.

    Args:
        gains: Paired differences, (seeds,); NaN is left out.
        rope: Half the width of the region of practical equivalence.
    """
    kept = gains[np.isfinite(gains)]
    if len(kept) < 2:
        return Beliefs(math.nan, math.nan, math.nan)
    mean, error = float(kept.mean()), float(kept.std(ddof=1) / math.sqrt(len(kept)))
    if error == 0:
        return Beliefs(float(mean < -rope), float(abs(mean) <= rope), float(mean > rope))
    law = scipy_part("special").stdtr
    worse = float(law(len(kept) - 1, (-rope - mean) / error))
    better = float(law(len(kept) - 1, (mean - rope) / error))
    return Beliefs(worse, max(0.0, 1 - worse - better), better)
