"""How likely one method is better than another, or as good as, by more than what matters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import ArrayLike

from askance.errors import BadInput
from askance.lab.holes import Array, numbers
from askance.seeds import Dice

SAMPLES = 50_000  # of the weights: a probability is off by less than 0.005
PRIOR = 0.6  # strength, as in the authors' bayesiantests
_ROWS = 4096  # samples at once, so that a hundred data sets take a few megabytes


@dataclass(frozen=True)
class Posterior:
    """Where the difference of two methods lies, the first minus the second; the three add up to 1.

    Args:
        left: The probability that the second is better, by more than the region.
        rope: That they are as good as equal.
        right: That the first is better.
        count: Of differences.
        holes: Of differences that were left out.
    """

    left: float
    rope: float
    right: float
    count: int
    holes: int


def signed_ranks(
    differences: ArrayLike,
    rope: float = 0.01,
    prior: float = PRIOR,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Posterior:
    """The Bayesian signed-rank test over data sets. [benavoli2014bayesian] [benavoli2017time, Sec. 4.2]

    Data sets have random weights (Dirichlet), and so has one more that saw a difference of 0. A sample of the
    weights gives each side the weight of the pairs of data sets whose mean difference lies there, and the heaviest
    side wins the sample; each probability is the share of samples won.

    Args:
        differences: Of the data sets' means, NaN for holes, (data sets,).
        rope: Half the width of the region in which two methods are as good as equal.
        prior: Weight of the difference of 0, above 0.
        samples: How many.
        seed: Of the dice.

    Raises:
        BadInput: If the region is negative, or there is no prior or sample.

    >>> signed_ranks([0.05] * 12).right > 0.99
    True
    """
    kept, holes = _kept(differences, rope, "data sets")
    if not (0 < prior < math.inf and samples >= 1):
        raise BadInput(f"prior={prior} and samples={samples} must be above 0. Use prior={PRIOR}, samples={SAMPLES}.")
    if not len(kept):
        return Posterior(math.nan, math.nan, math.nan, 0, holes)
    values = np.concatenate([[0.0], kept])
    means = np.add.outer(values, values) / 2
    edge = rope * (1 + 1e-9)  # so that 0.31 - 0.30 lies within 0.01
    sides = [(side).astype(np.float64) for side in (means < -edge, np.abs(means) <= edge, means > edge)]
    dice = Dice(seed, "bayes").generator()
    alpha = np.concatenate([[prior], np.ones(len(kept))])
    won = np.zeros(3)
    for start in range(0, samples, _ROWS):
        weights = dice.dirichlet(alpha, size=min(_ROWS, samples - start))
        heavy = np.stack([((weights @ side) * weights).sum(1) for side in sides])  # (sides, samples)
        won += np.bincount(heavy.argmax(0), minlength=3)
    left, middle, right = (won / samples).tolist()
    return Posterior(left, middle, right, len(kept), holes)


def paired(differences: ArrayLike, rope: float = 0.01) -> Posterior:
    """The Bayesian t-test of one data set's seeds, with a prior that says nothing. [benavoli2017time, Sec. 3.1]

    The mean difference is Student's, about the mean seen, as wide as its standard error. Seeds are taken as
    independent, which they are where each has its own split; folds of one cross-validation are not.

    Args:
        differences: Paired by seed, NaN for holes, (seeds,).
        rope: Half the width of the region in which two methods are as good as equal.

    Raises:
        BadInput: If the region is negative.

    >>> found = paired([0.0, 2.0], rope=1.0)            # Cauchy about 1: half beyond 1, a seventh or so under -1
    >>> round(found.right, 4), round(found.left, 4)     # 1/2 - atan(2) / pi
    (0.5, 0.1476)
    """
    kept, holes = _kept(differences, rope, "seeds")
    if len(kept) < 2:
        return Posterior(math.nan, math.nan, math.nan, len(kept), holes)
    mean, error = float(kept.mean()), float(kept.std(ddof=1)) / math.sqrt(len(kept))
    if error == 0:  # all alike: the limit
        left, right = float(mean < -rope), float(mean > rope)
    else:
        stdtr = import_module("scipy.special").stdtr
        left, right = (float(stdtr(len(kept) - 1, (-rope + sign * mean) / error)) for sign in (-1, 1))
    return Posterior(left, max(0.0, 1 - left - right), right, len(kept), holes)


def _kept(differences: ArrayLike, rope: float, axis: str) -> tuple[Array, int]:
    if not 0 <= rope < math.inf:
        raise BadInput(
            f"rope={rope} is no half width of a region. Use 0 or more, such as 0.01 for a point of accuracy."
        )
    values = numbers(differences, [axis], "differences")
    kept = values[~np.isnan(values)]
    return kept, len(values) - len(kept)
