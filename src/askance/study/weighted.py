"""Metrics of items that do not count alike, and their bootstrap over the items that were drawn by chance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.seeds import Dice
from askance.study.evidence import Weights
from askance.study.score import RESAMPLES
from askance.task import Classes, Labels, Task

Array = np.ndarray[Any, np.dtype[np.float64]]

STEP = 250  # resamples counted at once


def metric(task: Task) -> str:
    """What a task is measured by: ``accuracy``, ``f1`` or ``rmse``."""
    return "accuracy" if isinstance(task, Classes) else "f1" if isinstance(task, Labels) else "rmse"


def is_share(task: Task) -> bool:
    """Whether the metric lies between 0 and 1, and more is better."""
    return isinstance(task, Classes | Labels)


def parts(task: Task, guesses: Tensor, truth: Tensor) -> Tensor:
    """Two numbers for each item, of whose sums the metric is made, float64 (items, 2).

    Classes: right or not, and 1. Labels: how many were found, and half of how many were guessed and told. Numbers:
    the squared error, and 1.
    """
    if isinstance(task, Classes):
        first = (guesses.argmax(1) == truth.argmax(1)).double()
    elif isinstance(task, Labels):
        guess, told = guesses >= 0.5, truth >= 0.5
        return torch.stack([(guess & told).sum(1), (guess.sum(1) + told.sum(1)) / 2], 1).double()
    else:
        first = (guesses - truth).double().square().mean(1)
    return torch.stack([first, torch.ones_like(first)], 1)


def value(task: Task, sums: Array) -> Array:
    """The metric of weighted sums of `parts`, (..., 2) to (...)."""
    ratio = np.where(sums[..., 1] > 0, sums[..., 0] / np.maximum(sums[..., 1], 1e-300), 1.0)
    return ratio if is_share(task) else np.sqrt(ratio)


def error(task: Task, values: Array) -> Array:
    """How far a metric is from perfect."""
    return 1 - values if is_share(task) else values


def decided(task: Task, guesses: Tensor) -> Tensor:
    """The targets that guesses amount to, (items, width)."""
    if isinstance(task, Classes):
        return torch.nn.functional.one_hot(guesses.argmax(1), guesses.shape[1]).to(guesses)
    return (guesses >= 0.5).to(guesses) if isinstance(task, Labels) else guesses


def expected(task: Task, guesses: Tensor, reference: Tensor, noise: float) -> float:
    """The metric that guesses would have on items whose truth is drawn from a reference's probabilities.

    Args:
        task: What the items are labeled with.
        guesses: Linked scores, (items, width).
        reference: Linked scores of the model that is believed, (items, width).
        noise: Of numbers, the mean squared error of the reference.
    """
    if isinstance(task, Classes):
        return float(reference.gather(1, guesses.argmax(1, keepdim=True)).double().mean())
    if isinstance(task, Labels):
        guess = (guesses >= 0.5).double()
        return float(2 * (guess * reference).sum() / (guess.sum() + reference.sum()).clamp_min(1e-12))
    return math.sqrt(float((guesses - reference).double().square().mean()) + noise)


def resampled(drawn: Tensor, known: Tensor, weights: Weights, seed: int, more: Tensor | None = None) -> Array:
    """Weighted sums of columns, and what they are when the drawn items are drawn again.

    Args:
        drawn: A row for each drawn item, float64 (drawn, columns).
        known: A row for each known item, which every resample holds, float64 (known, columns).
        weights: Of both.
        seed: The study's.
        more: Made-up items that resamples draw from too, float64 (more, columns).

    Returns:
        float64 (1 + RESAMPLES, columns), the sums themselves first.
    """
    sums = (weights.drawn @ drawn + weights.known @ known).numpy()
    own = weights.alone
    table = drawn * own[:, None]
    rows = (table if more is None else torch.cat([table, more * own.mean()])).numpy()
    dice = Dice(seed, "bootstrap", part="control").generator()
    again = drawn_again(rows, dice) * (len(drawn) / len(rows))
    return np.concatenate([sums[None], again + (sums - table.sum(0).numpy())])


def drawn_again(table: Array, dice: np.random.Generator) -> Array:
    """Sums of as many rows, drawn with replacement; a row for each resample.

    Args:
        table: (items, columns).
        dice: Thrown.
    """
    items = len(table)
    steps = [min(STEP, RESAMPLES - begin) for begin in range(0, RESAMPLES, STEP)]
    return np.concatenate([dice.multinomial(items, np.full(items, 1 / items), size=step) @ table for step in steps])


def extremes(task: Task, drawn: Tensor) -> list[Tensor]:
    """What an item without a label may be at worst and at best, as `parts`, float64 (2,) each.

    Classes: wrong or right. Labels: as many labels as others have on average, all missed or all found. Numbers: as far
    off as the farthest, or exact.
    """
    second = float(drawn[:, 1].mean())
    ends = (0.0, second) if is_share(task) else (float(drawn[:, 0].max()), 0.0)
    return [torch.tensor([end, second], dtype=torch.float64) for end in ends]
