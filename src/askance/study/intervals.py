"""Intervals of weighted metrics, and of numbers that were resampled."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from askance.metrics import Z95
from askance.seeds import Dice
from askance.study.evidence import Weights
from askance.study.weighted import Array, drawn_again, is_share, resampled, value
from askance.task import Classes, Task


def interval(task: Task, drawn: Tensor, known: Tensor, weights: Weights, seed: int) -> tuple[float, float]:
    """The 95 % interval of a metric.

    Classes: Wilson's. Labels: a bootstrap that draws two items more, one with all labels found and one with all missed.
    Numbers: a bootstrap-t.

    Args:
        task: What the items are labeled with.
        drawn: `parts` of the items that were drawn by chance, (drawn, 2).
        known: Of the known items, (known, 2).
        weights: Of both.
        seed: The study's.
    """
    if isinstance(task, Classes):
        return share_between(drawn[:, 0], known[:, 0], weights)
    if not is_share(task):
        return error_between(drawn[:, 0], known[:, 0], weights, seed)
    half = max(0.5, float(drawn[:, 1].mean()))
    more = torch.tensor([[half, half], [0, half]], dtype=torch.float64)
    low, high = np.quantile(value(task, resampled(drawn, known, weights, seed, more)[1:]), [0.025, 0.975])
    return float(low), float(high)


def between(values: Array, variance: float, items: int, least: float) -> tuple[float, float]:
    """The 95 % interval of a resampled number, as much wider than the resamples as Student's is than the normal one.

    Args:
        values: Of the resamples.
        variance: What the resamples do not know of: that of models trained on other labels.
        items: How many items were drawn.
        least: What the resamples vary by at least, as a variance; few items may all say the same by chance.
    """
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    spread = float(values.var())
    both = max(spread * items / (items - 1), least) + variance
    quantile = student(items)
    if spread < least / 100:  # too little to have a shape
        half = quantile * math.sqrt(both)
        return float(middle) - half, float(middle) + half
    factor = quantile / Z95 * math.sqrt(both / spread) if spread else 1.0
    return float(middle - (middle - low) * factor), float(middle + (high - middle) * factor)


def share_between(right: Tensor, known: Tensor, weights: Weights) -> tuple[float, float]:
    """Wilson's interval for a weighted share. [wilson1927probable]

    Items of unequal weight tell as much as ``1 / (sum of squared weights)`` items of the same. Known items shift it.

    Args:
        right: Whether each drawn item is, float64 (drawn,).
        known: Whether each known item is, float64 (known,).
        weights: Of both.
    """
    share, items = float(weights.alone @ right), 1 / float(weights.alone.square().sum())
    shift = float(weights.drawn @ right + weights.known @ known) - share
    center, scale = share + Z95**2 / (2 * items), 1 + Z95**2 / items
    half = Z95 * math.sqrt(max(0.0, share * (1 - share)) / items + Z95**2 / (4 * items**2))
    low, high = (shift + (center + side * half) / scale for side in (-1, 1))
    return min(1.0, max(0.0, low)), min(1.0, max(0.0, high))


def error_between(squares: Tensor, known: Tensor, weights: Weights, seed: int) -> tuple[float, float]:
    """A bootstrap-t interval for the root of a weighted mean of squared errors, on the scale of its logarithm.

    Squared errors are skewed, and the plain bootstrap of a few of them is too narrow and too low.

    Args:
        squares: Of the drawn items, float64 (drawn,).
        known: Of the known items, float64 (known,).
        weights: Of both.
        seed: The study's.
    """
    items, own = len(squares), squares * weights.alone
    mean = float(weights.drawn @ squares + weights.known @ known)
    columns = torch.stack([own, own.square()], 1).numpy()
    again = drawn_again(columns, Dice(seed, "bootstrap", part="control").generator())
    sums = np.concatenate([columns.sum(0)[None], again])
    means = np.maximum(mean + sums[:, 0] - sums[0, 0], 1e-3 * mean)
    spreads = np.sqrt(np.maximum(sums[:, 1] - sums[:, 0] ** 2 / items, 0)) / np.maximum(means, 1e-300)
    if spreads[0] == 0:
        return math.sqrt(mean), math.sqrt(mean)
    turned = np.log(means[1:] / means[0]) / np.maximum(spreads[1:], 1e-3 * spreads[0])
    low, high = np.quantile(turned, [0.025, 0.975]) * spreads[0]
    return math.sqrt(mean) * math.exp(-high / 2), math.sqrt(mean) * math.exp(-low / 2)


def student(items: int) -> float:
    """Student's quantile of a two-sided 95 % interval."""
    from scipy.special import stdtrit  # takes a while to load

    return float(stdtrit(max(1, items - 1), 0.975))
