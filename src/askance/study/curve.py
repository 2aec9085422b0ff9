"""The learning curve of labels drawn at random, and how many of them the model of today would take: a power law."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from askance.seeds import Dice
from askance.study.weighted import Array

EXPONENTS = np.linspace(0.15, 1.5, 28)
FAST = 1.0  # the exponent that a curve may still get to, however flat it begins: twice the labels, half the error
FAR = 1000.0  # times the most labels of the curve: nobody would label so many, and no law holds so far


@dataclass(frozen=True)
class Saved:
    """How many labels fewer were used than drawing at random would take; an extrapolation.

    Args:
        value: Labels that drawing at random would take, less those that were used; below 0 if it would take fewer.
            Infinite where it might never get there.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def saved(sizes: Array, errors: Array, variances: Array, today: Array, used: int, seed: int) -> tuple[Saved, Saved]:
    """Labels saved by asking, from power laws, ``error = floor + scale * labels ** -exponent``.

    The law is fitted to every resample anew, each error with its share of the noise of other labels to learn from. The
    upper end is that of the law as fitted, by which drawing at random may never get there. The lower end is that of a
    law without a floor whose exponent is at least `FAST`: a short curve does not show whether a slow beginning ends.

    Args:
        sizes: Labels at the points of the curve, (points,).
        errors: What the control arm's models miss there, and in each resample, (1 + resamples, points).
        variances: Of each point, had other items been drawn to learn from, (points,).
        today: What the model of all labels misses, in the same resamples, (1 + resamples,).
        used: How many labels it learned from.
        seed: The study's.

    Returns:
        The labels saved, and the same as the logarithm of how many times as many labels chance would take.
    """
    noise = Dice(seed, "proof", part="curve").generator().standard_normal((len(errors) - 1, len(sizes)))
    drawn = errors.copy()
    drawn[1:] += noise * np.sqrt(variances)
    weights = 1 / (drawn[1:].var(0) + 1e-9)
    fast, level = (crossing(sizes, drawn, today, weights, least) for least in (FAST, None))
    low = float(np.quantile(fast[1:], 0.025, method="inverted_cdf"))
    high = float(np.quantile(level[1:], 0.975, method="inverted_cdf"))
    low = min(low, high)
    ends = (min(max(float(level[0]), low), high), low, high)
    return Saved(*(end - used for end in ends)), Saved(*(math.log(end / used) for end in ends))


def crossing(sizes: Array, errors: Array, today: Array, weights: Array, fast: float | None = None) -> Array:
    """How many labels a law takes to an error, by least squares for each row; infinite where it never gets there.

    Args:
        sizes: Labels, (points,).
        errors: (rows, points).
        today: The error to reach, (rows,).
        weights: Of each point, (points,).
        fast: The least exponent of a law that does not level off and goes through the last point; None: any law.

    >>> sizes = np.array([10.0, 20.0, 40.0])
    >>> crossing(sizes, (1 / sizes)[None], np.array([1 / 160]), np.ones(3)).round(6)
    array([160.])
    >>> crossing(sizes, (0.05 + 1 / sizes)[None], np.array([0.04]), np.ones(3))
    array([inf])
    >>> crossing(sizes, (1 / sizes**0.5)[None], np.array([1 / 160**0.5]), np.ones(3), fast=1.0)     # not 160
    array([80.])
    """
    best, needed = np.full(len(errors), np.inf), np.full(len(errors), np.inf)
    most = float(sizes[-1])
    total = weights.sum()
    mean = errors @ weights / total
    for exponent in EXPONENTS:
        falls = (sizes / most) ** -exponent
        middle = float(weights @ falls) / total
        scale = np.maximum(errors @ (weights * falls) / (weights @ falls**2), 0)
        floor = np.zeros(len(errors))
        if fast is None:
            slope = (errors - mean[:, None]) @ (weights * (falls - middle)) / (weights @ (falls - middle) ** 2)
            slope = np.maximum(slope, 0)  # more labels do no harm
            above = mean > slope * middle  # else the floor would be below 0, where no error is
            floor, scale = np.where(above, mean - slope * middle, 0), np.where(above, slope, scale)
        rest = (errors - floor[:, None] - scale[:, None] * falls) ** 2 @ weights
        better = rest < best
        best[better] = rest[better]
        last, steep = (scale, exponent) if fast is None else (errors[:, -1], max(fast, exponent))
        needed[better] = _reached(floor, last, steep, today, most)[better]
    return needed


def _reached(floor: Array, scale: Array, exponent: float, today: Array, most: float) -> Array:
    """Where a law is at an error; from 1 label on."""
    over = today - floor
    there = (over > 0) & (scale > 0)
    ratio = np.where(there, over, 1) / np.where(there, scale, 1)
    with np.errstate(over="ignore"):  # an infinity is what is meant
        labels = np.maximum(most * ratio ** (-1 / exponent), 1)
    labels[labels > FAR * most] = np.inf
    return np.where(there, labels, np.where(over > 0, 1.0, np.inf))
