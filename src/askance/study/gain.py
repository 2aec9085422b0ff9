"""By how much labels that were asked for teach better than as many labels drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from askance.study.arms import Arms, Taught
from askance.study.evidence import Weights
from askance.study.intervals import between
from askance.study.weighted import decided, error, is_share, parts, resampled, value


@dataclass(frozen=True)
class Gain:
    """A difference of two metrics, turned so that above 0 asking is better than drawing at random.

    Args:
        value: The difference.
        low: Lower end of its 95 % interval.
        high: Upper end.
        size: How many labels either arm learned from.
    """

    value: float
    low: float
    high: float
    size: int


def gain(arms: Arms, active: Taught, control: Taught) -> Gain:
    """The difference of two arms of one size, by a paired bootstrap over control items.

    It is about the very labels that were asked for, and about any others that chance might have drawn: what the
    control arm's metric varies by with its own labels is in the interval. Skipped items widen it, as if one arm were
    right about all of them, and as if the other were.

    Args:
        arms: Where both come from.
        active: The arm of labels that were asked for.
        control: The arm of control labels.
    """
    found = arms.found
    learned = torch.isin(found.known, found.active[: active.labels])  # their losses would be none
    (a, known), (b, other) = arms.parts(active), arms.parts(control)
    drawn, fixed = torch.cat([a, b], 1), torch.cat([known, other], 1)
    point, *ends = _between(arms, drawn, fixed, found.weights.of(~learned), control.variance)
    for right in (active, control) if len(found.skipped) else ():
        rows = torch.cat([drawn, _skipped(arms, active, control, right)])
        ends += _between(arms, rows, fixed, found.bounds.of(~learned), control.variance)[1:]
    return Gain(point, min(ends), max(ends), active.labels)


def _between(arms: Arms, drawn: Tensor, known: Tensor, weights: Weights, variance: float) -> tuple[float, float, float]:
    """The gain and its interval, of the parts of both arms side by side, (items, 4)."""
    sums = resampled(drawn, known, weights, arms.seed)
    active, control = (error(arms.task, value(arms.task, half)) for half in (sums[:, :2], sums[:, 2:]))
    gaps, items = control - active, len(drawn)
    least = 2 / items**2 if is_share(arms.task) else 0.0  # as if each arm alone were right about one item
    return float(gaps[0]), *between(gaps[1:], variance, items, least)


def _skipped(arms: Arms, active: Taught, control: Taught, right: Taught) -> Tensor:
    """The parts of both arms on skipped items, were one arm right about all of them, (skipped, 4)."""
    rows = arms.skipped
    found = []
    for guess in control.guesses:
        pair = active.guesses[0][rows], guess[rows]
        truth = decided(arms.task, pair[right is control])
        found.append(torch.cat([parts(arms.task, one, truth) for one in pair], 1))
    return torch.stack(found).mean(0)
