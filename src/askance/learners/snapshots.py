"""Snapshot ensembles: one training whose rate falls to nothing several times, and the models of these moments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from askance.errors import BadInput
from askance.learners.base import Learner, Lesson
from askance.learners.ensemble import Mean, link_of
from askance.learners.schedules import Cycles
from askance.learners.torch import Torch


@dataclass(frozen=True)
class Snapshots(Learner):
    """The models at the end of each cycle of one training, which together cost what one of them does.

    The rate goes along a cosine from the whole to nothing, ``count`` times over the same number of steps; each end is
    a model, and they differ because the rate jumps up between them. Beliefs are as in `Ensemble`: the mean of the
    members' probabilities, and their scores as samples. Embeddings, records and outputs of heads are those of the last
    model, which is the first member. Source: Huang et al. 2017.

    Args:
        learner: The training; its own schedule does not count.
        count: How many models.
    """

    learner: Torch
    count: int = 5  # the paper has 5 or 6

    def __post_init__(self) -> None:
        if not isinstance(self.learner, Torch):
            raise BadInput(
                f"Snapshots are taken of the training of a network, and {type(self.learner).__name__} shows none. Hand "
                f"in a Torch(...), or use Ensemble(...), which takes any learner."
            )
        if not isinstance(self.count, int) or not 2 <= self.count <= self.learner.steps:
            raise BadInput(
                f"Snapshots(count={self.count}) of {self.learner.steps} steps cannot be. Use 2 to {self.learner.steps}."
            )
        if self.learner.patience:
            raise BadInput(
                f"Torch(patience={self.learner.patience}) may end before the last cycle. Leave patience out."
            )

    @property
    def gives(self) -> frozenset[str]:
        return (self.learner.gives - {"layer"}) | {"samples", "votes", "spread"}  # no one layer makes these scores

    @property
    def gives_records(self) -> frozenset[str]:
        return self.learner.gives_records

    def fit(self, lesson: Lesson) -> Mean:
        steps = self.learner.steps
        marks = [math.ceil(steps * cycle / self.count) for cycle in range(1, self.count)]
        models = replace(self.learner, schedule=Cycles(self.count)).fit_at(lesson, marks)
        members = models if len(models) == self.count else models[-1:] * self.count
        return Mean(tuple(reversed(members)), link_of(lesson.task))

    def beside(self, part: Any) -> Learner:
        learner = self.learner.beside(part)
        assert isinstance(learner, Torch)
        return replace(self, learner=learner)

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Mean | None:
        return Mean.restored(weights, facts, self.learner)
