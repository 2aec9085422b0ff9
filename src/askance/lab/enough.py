"""How many seeds are enough: how often few of them order methods wrongly, and how often a test cries wolf."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from askance.errors import BadInput
from askance.lab.choices import choices
from askance.lab.holes import Array, checked_level, numbers
from askance.lab.pairs import Test
from askance.lab.statistics import LEVEL, paired_t
from askance.metrics import wilson
from askance.seeds import Dice

DRAWS = 20_000  # of seeds; a chance of 5% is then off by 0.15 points
TRIALS = 2000  # of a test
LIMIT = 10_000  # seeds up to which `needed` looks; nobody runs more

Null = Callable[[Array, np.random.Generator], Array]  # one method's numbers to paired gains that mean nothing


@dataclass(frozen=True)
class Chance:
    """How often some seeds order two methods the other way round than all do.

    Args:
        value: The chance; NaN if all seeds together order nothing.
        error: Its standard error; 0 where all choices of seeds were looked at.
        seeds: How many were drawn.
        of: From how many.
    """

    value: float
    error: float
    seeds: int
    of: int


@dataclass(frozen=True)
class Needed:
    """How many seeds order two methods right.

    Args:
        seeds: The fewest; None if no number up to the limit will do, or there is no order.
        chance: Of ordering them wrongly, with that many, or with the limit.
        error: Its standard error.
        said: Why there is no number, or nothing.
    """

    seeds: int | None
    chance: float
    error: float
    said: str


@dataclass(frozen=True)
class Agreement:
    """How well some seeds rank methods as all do.

    Args:
        wrong: Mean share of the pairs that are ordered wrongly; a tie is half wrong.
        tau: Mean of Kendall's tau with the ranking by all seeds: 1 - 2 wrong.
        error: Standard error of ``wrong``; that of ``tau`` is twice as large.
        flips: The chance of a wrong order for each pair; NaN for pairs that all seeds tie, (methods, methods).
        pairs: How many are ordered by all seeds.
        seeds: How many were drawn.
        of: From how many that every method has.
    """

    wrong: float
    tau: float
    error: float
    flips: Array
    pairs: int
    seeds: int
    of: int


@dataclass(frozen=True)
class Alarms:
    """How often a test rejects where there is nothing to find.

    Args:
        rate: The share of trials that reject.
        low: End of its 95% interval. [wilson1927probable]
        high: The other end.
        rejections: How many.
        trials: Out of how many.
        level: At which the test was made: what an honest test has as its rate, or less.
    """

    rate: float
    low: float
    high: float
    rejections: int
    trials: int
    level: float

    @property
    def inflated(self) -> bool:
        """Whether the test rejects more often than it promises, by more than the luck of the trials."""
        return self.low > self.level


def wrong_order(gains: ArrayLike, seeds: int, replace: bool | None = None, draws: int = DRAWS, seed: int = 0) -> Chance:
    """The chance that the mean of some seeds orders two methods the other way round than the mean of all.

    All choices of seeds are looked at where they are few, else some are drawn. A choice whose mean is 0 is half wrong.

    Args:
        gains: Paired differences, NaN for holes, (seeds,).
        seeds: How many to draw.
        replace: Whether a seed may be drawn twice; by default only if more are drawn than there are. Without, the
            chance falls to 0 as the choice becomes all seeds, whatever the truth is: it says how far results
            published with a few of *these* seeds may be trusted. With, these seeds stand for all that might be run.
        draws: If choices are many.
        seed: Of the dice.

    Raises:
        BadInput: If no seed is drawn.

    >>> wrong_order([3.0, 3.0, -1.0], 1).value              # one in three; two in any three are right
    0.3333333333333333
    >>> wrong_order([3.0, 3.0, -1.0], 2).value
    0.0
    """
    values = numbers(gains, ["seeds"], "gains")
    values = values[~np.isnan(values)]
    _positive(seeds=seeds, draws=draws)
    edge = _edge(values)
    sign = np.sign(values.mean()) if len(values) and abs(values.mean()) > edge else 0.0
    if not sign:
        return Chance(math.nan, math.nan, seeds, len(values))
    exact, blocks = choices(len(values), seeds, replace, draws, Dice(seed, "enough", number=seeds))
    chance = sum(float(shares @ _against(weights @ values * sign, edge)) for weights, shares in blocks)
    chance = min(1.0, chance)
    return Chance(chance, 0.0 if exact else math.sqrt(chance * (1 - chance) / draws), seeds, len(values))


def needed(gains: ArrayLike, chance: float = LEVEL, limit: int = LIMIT, draws: int = DRAWS, seed: int = 0) -> Needed:
    """The fewest seeds that order two methods wrongly with less than this chance.

    Seeds are drawn with replacement, also where there are enough without: a choice of nearly all seeds agrees with
    all of them by construction. The mean of all seeds is taken for the truth, so run enough of them first; if it is
    close to 0, the answer is large and not to be relied on. Found by doubling and halving, for the chance falls.

    Args:
        gains: Paired differences, NaN for holes, (seeds,).
        chance: Of a wrong order that is accepted, up to 1/2.
        limit: The most seeds to consider.
        draws: Of seeds, for each number.
        seed: Of the dice.

    Raises:
        BadInput: If the chance or a number cannot be one.

    >>> needed([1.0, 1.0, 1.0]).seeds
    1
    """
    if not 0 < chance <= 0.5:
        raise BadInput(f"chance={chance} is not above 0 and up to 1/2, the chance of a coin. Use chance={LEVEL}.")
    _positive(limit=limit, draws=draws)
    at = partial(wrong_order, gains, replace=True, draws=draws, seed=seed)
    found = at(1)
    if math.isnan(found.value):
        why = f"The mean of {found.of} seeds is 0, so there is no order." if found.of else "There is no gain."
        return Needed(None, math.nan, math.nan, f"{why} Run more seeds.")
    few, enough = 0, 1  # `few` are too few, `enough` are enough once the first loop ends
    while found.value >= chance and enough < limit:
        few, enough = enough, min(2 * enough, limit)
        found = at(enough)
    if found.value >= chance:
        said = f"With {limit} seeds the order is still wrong with a chance of {found.value:.1%}: take it for a tie."
        return Needed(None, found.value, found.error, said)
    while enough - few > 1:
        middle = (few + enough) // 2
        tried = at(middle)
        if tried.value < chance:
            enough, found = middle, tried
        else:
            few = middle
    return Needed(enough, found.value, found.error, "")


def agreement(
    table: ArrayLike, seeds: int, replace: bool | None = None, draws: int = TRIALS, seed: int = 0
) -> Agreement:
    """How well the ranking by some seeds, the same for all methods, agrees with the ranking by all.

    Args:
        table: A value for each run, NaN for holes, (methods, seeds). Seeds that one method lacks are left out, and so
            are methods without any; pairs with them are NaN.
        seeds: How many to draw.
        replace: As for `wrong_order`.
        draws: If choices are many.
        seed: Of the dice.

    >>> agreement([[3.0, 3.0, -1.0], [0.0, 0.0, 0.0]], 1).tau           # 1 in 3 is wrong: 1 - 2/3
    0.33333333333333337
    """
    values = numbers(table, ["methods", "seeds"], "table")
    _positive(seeds=seeds, draws=draws)
    there = np.flatnonzero(~np.isnan(values).all(1))
    kept = values[there][:, ~np.isnan(values[there]).any(0)]
    flips = np.full((len(values), len(values)), np.nan)
    first, second = np.triu_indices(len(there), 1)
    edge = _edge(kept)
    middle = kept.sum(1) / max(1, kept.shape[1])
    gaps = middle[first] - middle[second]
    first, second, signs = (side[np.abs(gaps) > edge] for side in (first, second, np.sign(gaps)))
    if not len(signs):
        return Agreement(math.nan, math.nan, math.nan, flips, 0, seeds, kept.shape[1])
    exact, blocks = choices(kept.shape[1], seeds, replace, draws, Dice(seed, "enough", number=seeds), len(signs))
    chances, square = np.zeros(len(signs)), 0.0
    for weights, shares in blocks:
        means = weights @ kept.T  # (choices, methods)
        against = _against((means[:, first] - means[:, second]) * signs, edge)  # (choices, pairs)
        chances += shares @ against
        square += float(shares @ against.mean(1) ** 2)
    flips[there[first], there[second]] = flips[there[second], there[first]] = chances
    wrong = float(chances.mean())
    error = 0.0 if exact else math.sqrt(max(0.0, square - wrong**2) / draws)
    return Agreement(wrong, 1 - 2 * wrong, error, flips, len(signs), seeds, kept.shape[1])


def flipped(gaps: Array, dice: np.random.Generator) -> Array:
    """The gaps with signs thrown anew: what two methods that do not differ might have given.

    Args:
        gaps: Paired differences, (seeds,).
        dice: For the signs.
    """
    return np.asarray(gaps * dice.choice([-1.0, 1.0], size=len(gaps)))


def halved(values: Array, dice: np.random.Generator) -> Array:
    """One half of a method's runs minus the other, split by chance; an odd run is left out.

    Args:
        values: Of one method, (seeds,).
        dice: For the split.
    """
    order = dice.permutation(len(values))
    half = len(values) // 2
    return np.asarray(values[order[:half]] - values[order[half : 2 * half]])


def false_alarms(
    values: ArrayLike,
    null: Null = flipped,
    test: Test = paired_t,
    level: float = LEVEL,
    trials: int = TRIALS,
    seed: int = 0,
) -> Alarms:
    """The A/A check: how often a paired test finds a difference where there is none.

    A rate above the level means that the test does not keep its promise on numbers such as these. A rate below it is
    no fault; tests of signs and ranks have few p values, and few seeds seldom reach the level exactly.

    Args:
        values: Gaps of two methods for `flipped`, values of one method for `halved`, NaN for holes, (seeds,).
        null: Makes gains that mean nothing out of the values.
        test: From paired differences to a p value.
        level: Of the test.
        trials: How many.
        seed: Of the dice.

    Raises:
        BadInput: If fewer than two gains are left to test.

    >>> from askance.lab.pairs import sign_test
    >>> false_alarms([1.0, 2.0, 3.0, 4.0, 5.0], test=lambda gains: sign_test(gains).p).rate     # 2 of 32 at the least
    0.0
    """
    kept = numbers(values, ["seeds"], "values")
    kept = kept[~np.isnan(kept)]
    checked_level(level)
    _positive(trials=trials)
    dice = Dice(seed, "enough", part="alarms").generator()
    if len(null(kept, dice)) < 2:
        raise BadInput(
            f"{len(kept)} values are too few for a test of what {null.__name__} makes of them. Run more seeds."
        )
    rejections = sum(test(null(kept, dice)) < level for _ in range(trials))
    low, high = wilson(rejections, trials)
    return Alarms(rejections / trials, low, high, rejections, trials, level)


def _against(means: Array, edge: float) -> Array:
    """1 where a mean, turned so that all seeds have it above 0, is below; 1/2 where it is 0."""
    return np.where(np.abs(means) <= edge, 0.5, (means < 0).astype(np.float64))


def _edge(values: Array) -> float:
    """What a mean of such values may be off by, in its last bits."""
    return 1e-12 * float(np.abs(values).max(initial=0.0))


def _positive(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise BadInput(f"{name}={number} is too few. Use 1 or more.")
