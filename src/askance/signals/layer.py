"""The last layer itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.errors import BadInput
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
        if outputs.layer is None:
            raise BadInput(
                "The network does more to its scores after its last linear layer, so that layer does not say all of "
                "them. Let the layer's output be the scores, or use a strategy that reads no last layer."
            )
        return outputs.layer
