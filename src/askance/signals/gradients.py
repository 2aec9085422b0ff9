"""The gradient that an item would cause, kept as two factors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.learners.base import Outputs
from askance.signals.base import Signal
from askance.signals.probabilities import Probabilities
from askance.task import Task

COTANGENTS = ("guess", "uniform", "ones", "one")


@dataclass(frozen=True)
class GradientFactors(Signal):
    """The last layer's gradient if the model's own guess were the label, as two factors.

    The outer product of a cotangent v, (items, classes), and the embedding h, (items, features), is the gradient of
    ``v . scores`` by the last layer. It is never built: products of gradients are ``(v . v')(h . h')``. For the
    cross-entropy with the guess as label v is ``p - onehot(argmax p)``. [ash2020badge, Eq. 1] Other cotangents give the
    features of other methods.

    Args:
        cotangent: ``guess``; ``uniform``, p - 1/C, the gradient of the divergence from knowing nothing (GradNorm);
            ``ones``, 1/sqrt(C), whose kernel is the pseudo-NTK of the last layer; ``one``, a single class.
        bias: Whether the last layer has a bias: then h ends in a 1. That copies the embeddings.
        column: Which class ``one`` means.
    """

    cotangent: str = "guess"
    bias: bool = False
    column: int = 0

    def __post_init__(self) -> None:
        if self.cotangent not in COTANGENTS:
            raise unknown("cotangent", self.cotangent, COTANGENTS)
        if self.column < 0:
            raise BadInput(f"GradientFactors(column={self.column}) is no class. Count from 0.")

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings"})

    def rows(self, outputs: Outputs, task: Task) -> tuple[Tensor, Tensor]:
        assert outputs.embeddings is not None
        right = outputs.embeddings
        if self.bias:
            right = torch.cat([right, right.new_ones(len(right), 1)], 1)
        return self._left(Probabilities().rows(outputs, task)), right

    def _left(self, probabilities: Tensor) -> Tensor:
        """The cotangent of every item, (items, classes)."""
        classes = probabilities.shape[-1]
        if not classes:
            return probabilities.clone()
        if self.cotangent == "uniform":
            return probabilities - 1 / classes
        if self.cotangent == "ones":
            return torch.full_like(probabilities, classes**-0.5)
        if self.cotangent == "one":
            left = torch.zeros_like(probabilities)
            left[:, self.column % classes] = 1
            return left
        return off_the_guess(probabilities)


def off_the_guess(probabilities: Tensor) -> Tensor:
    """``p - onehot(argmax p)``: what the cross-entropy with the guess as label pushes scores by, (items, classes).

    >>> off_the_guess(torch.tensor([[0.75, 0.25]]))
    tensor([[-0.2500,  0.2500]])
    """
    left = probabilities.clone()
    if left.shape[-1]:
        guess = probabilities.argmax(-1, keepdim=True)
        left.scatter_add_(-1, guess, left.new_full(guess.shape, -1.0))
    return left


@dataclass(frozen=True)
class Gradients(Signal):
    """Gradient features that somebody computed, (items, features)."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"gradients"})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        return outputs.extras["gradients"]
