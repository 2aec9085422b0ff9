"""How a label would move all weights of a model, and what that does; no gradient is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import grad

from askance.arrays import spans
from askance.kernels.room import at_once, footprint, size
from askance.kernels.transforms import each, transformable
from askance.learners.base import Differentiable, Model, Outputs
from askance.signals.base import Signal
from askance.signals.gradients import off_the_guess
from askance.task import Task


@dataclass(frozen=True)
class GradientNorms(Signal):
    """The squared length of each item's gradient by all weights if the model's own guess were the label, (items,).

    For classes, and for cross-entropy. The gradients of a few items at a time are made, so that they take about 64 MiB
    together, or one at a time where one takes more.
    """

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"differentiable"})

    def read(self, model: Model, items: Any, task: Task) -> Tensor:
        with transformable():
            return _norms(model.differentiable(), items, task)


@dataclass(frozen=True)
class ScoresAlong(Signal):
    """How fast scores change along the direction that a companion such as `LabeledGradient` holds, (items, width)."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"along"})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        return outputs.extras["along"]


def _norms(whole: Differentiable, items: Tensor, task: Task) -> Tensor:
    weights = dict(whole.weights)

    def norm(given: dict[str, Tensor]) -> Tensor:
        def pushed(at: dict[str, Tensor]) -> Tensor:
            scores = whole.scores(at, given["item"].unsqueeze(0)).double()
            return (scores * off_the_guess(task.link(scores.detach()))).sum()  # its slope by scores is that of the loss

        found = [array.square().sum(dtype=torch.float64) for array in grad(pushed)(weights).values()]
        return torch.stack(found).sum()

    _, kept = footprint(whole.scores, weights, items)
    step = at_once(2 * max(size(weights), kept), len(items))  # gradients and their squares, or what they are made of
    found = [each(norm, {"item": items[start:stop]}) for start, stop in spans(len(items), step)]
    return torch.cat(found).cpu()
