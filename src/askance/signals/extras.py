"""What is trained beside a network says of each item."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from askance.learners.base import Outputs
from askance.signals.base import Signal
from askance.task import Task


@dataclass(frozen=True)
class Extra(Signal):
    """A named output of a head or critic, (items,) or (items, k).

    Args:
        name: What the part of the training calls it, one of its `gives`.
    """

    name: str

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self.name})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        return outputs.extras[self.name]
