"""The last layer itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.learners.base import Outputs
from askance.signals.base import Signal
from askance.task import Task


@dataclass(frozen=True)
class LastLayer(Signal):
    """The linear layer that makes scores of embeddings, (classes, features + 1), the bias last."""

    per_item: ClassVar[bool] = False

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"layer"})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        assert outputs.layer is not None
        return outputs.layer
