"""Where the model sees an item: penultimate or frozen features."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from askance.learners.base import Outputs
from askance.signals.base import Signal
from askance.task import Task


@dataclass(frozen=True)
class Embeddings(Signal):
    """The features that the last layer reads, (items, features); frozen features are not copied."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"embeddings"})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        assert outputs.embeddings is not None
        return outputs.embeddings
