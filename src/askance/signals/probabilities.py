"""What the model believes: scores and probabilities."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from askance.learners.base import Outputs
from askance.signals.base import Signal
from askance.task import Task


@dataclass(frozen=True)
class Scores(Signal):
    """Scores before the link, (items, classes | labels | targets)."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"scores"})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        assert outputs.scores is not None
        return outputs.scores


@dataclass(frozen=True)
class Probabilities(Signal):
    """Scores through the task's link: class probabilities, (items, classes)."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"scores"})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        if outputs.probabilities is not None:
            return outputs.probabilities
        if outputs.scores is None and outputs.sampled is not None:
            return outputs.sampled.mean(1)
        assert outputs.scores is not None
        return task.link(outputs.scores)
