"""A companion that sums the gradients of what is labeled, by all weights of the task model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import grad

from askance.arrays import spans, take
from askance.errors import BadInput
from askance.kernels.room import at_once, footprint
from askance.kernels.transforms import slope, transformable
from askance.learners.base import Differentiable, Learner, Lesson, Model, Outputs


@dataclass(frozen=True)
class LabeledGradient(Learner):
    """Sums the gradients of the labeled items' losses, G, by all weights of the task model; it trains nothing.

    The labels that it needs come by the lesson, as those of every learner do, so there is none among them that was not
    told. For items its model gives ``along``: how fast each score changes as the weights go along G, (items, width).
    The product of any item's gradient with G follows from that: with v the slope of the item's loss by its scores it is
    ``v . along``. With nothing labeled it is zero.
    """

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"along"})

    def fit(self, lesson: Lesson) -> Along:
        if lesson.model is None:
            raise BadInput("LabeledGradient differentiates the task model and has none. Read it by a signal's of=.")
        whole = lesson.model.differentiable()
        with transformable():
            return Along(whole, _summed(whole, lesson))


@dataclass(frozen=True, eq=False)
class Along(Model):
    """The task model, and a direction of its weights.

    Args:
        whole: The task model.
        direction: By name, of the shapes of its weights.
    """

    whole: Differentiable
    direction: Mapping[str, Tensor]

    def outputs(self, items: Any) -> Outputs:
        some = items if len(items) else items.new_zeros(1, *items.shape[1:])  # of none: what one has, less its row
        with transformable():
            largest, _ = footprint(self.whole.scores, self.whole.weights, some)
            step = at_once(4 * largest, len(some))  # what a layer reads and what it gives, and how fast both change
            parts = [self._along(some[start:stop]) for start, stop in spans(len(some), step)]
        return Outputs(extras={"along": torch.cat(parts).cpu()[: len(items)]})

    def _along(self, items: Tensor) -> Tensor:
        return slope(lambda at: self.whole.scores(at, items), dict(self.whole.weights), dict(self.direction))


def _summed(whole: Differentiable, lesson: Lesson) -> dict[str, Tensor]:
    """The sum of the labeled items' gradients by all weights."""
    weights = dict(whole.weights)
    total = {name: torch.zeros_like(array) for name, array in weights.items()}
    if not len(lesson.labeled):
        return total

    def loss(at: dict[str, Tensor], items: Tensor, targets: Tensor) -> Tensor:
        scores = whole.scores(at, items).double()
        return lesson.task.loss(scores, targets.to(scores)).sum()

    _, kept = footprint(whole.scores, weights, take(lesson.items, lesson.labeled[:1]))
    for start, stop in spans(len(lesson.labeled), at_once(2 * kept, len(lesson.labeled))):
        items = take(lesson.items, lesson.labeled[start:stop])
        for name, array in grad(loss)(weights, items, lesson.targets[start:stop]).items():
            total[name] += array
    return total
