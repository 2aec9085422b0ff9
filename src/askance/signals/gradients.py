"""The gradient that an item would cause, kept as two factors."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from askance.learners.base import Outputs
from askance.signals.base import Signal
from askance.signals.probabilities import Probabilities
from askance.task import Task


@dataclass(frozen=True)
class GradientFactors(Signal):
    """The last layer's gradient if the model's own guess were the label, as two factors.

    For a softmax layer the gradient of the cross-entropy is the outer product of ``p - onehot(argmax p)``, (items,
    classes), and the embedding, (items, features). The outer product itself is never built. [ash2020badge, Eq. 1]
    """

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings"})

    def rows(self, outputs: Outputs, task: Task) -> tuple[Tensor, Tensor]:
        assert outputs.embeddings is not None
        probabilities = Probabilities().rows(outputs, task)
        residual = probabilities.clone()
        guess = probabilities.argmax(-1, keepdim=True) if probabilities.shape[-1] else None
        if guess is not None:
            residual.scatter_add_(-1, guess, residual.new_full(guess.shape, -1.0))
        return residual, outputs.embeddings
