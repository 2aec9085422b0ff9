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

COTANGENTS = ("guess", "uniform", "ones", "one", "believed", "signed")


@dataclass(frozen=True)
class GradientFactors(Signal):
    """The last layer's gradient if the model's own guess were the label, as two factors.

    The outer product of a cotangent v, (items, classes), and the embedding h, (items, features), is the gradient of
    ``v . scores`` by the last layer. It is never built: products of gradients are ``(v . v')(h . h')``. For the
    cross-entropy with the guess as label v is ``p - onehot(argmax p)``. [ash2020badge, Eq. 1] Other cotangents give the
    features of other methods.

    Args:
        cotangent: ``guess``; ``uniform``, p - 1/C, the gradient of the divergence from knowing nothing (GradNorm);
            ``ones``, 1/sqrt(C), whose kernel is the pseudo-NTK of the last layer; ``one``, a single class;
            ``believed``, p; ``signed``, +1 at the guess and -1 elsewhere (lpNTK, with the guess as label).
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
        return cotangents(self.cotangent, probabilities, self.column)


def cotangents(kind: str, probabilities: Tensor, column: int = 0) -> Tensor:
    """The vectors v of a kind whose product with the scores is differentiated, (items, classes).

    >>> cotangents("signed", torch.tensor([[0.25, 0.75]]))
    tensor([[-1.,  1.]])

    Args:
        kind: One of `COTANGENTS`, as `GradientFactors` says them.
        probabilities: (items, classes); of those that hang on none, only the shape counts.
        column: Which class ``one`` means; counted around where there are fewer.
    """
    classes = probabilities.shape[-1]
    if not classes:
        return probabilities.clone()
    if kind == "uniform":
        return probabilities - 1 / classes
    if kind == "ones":
        return torch.full_like(probabilities, classes**-0.5)
    if kind == "one":
        left = torch.zeros_like(probabilities)
        left[:, column % classes] = 1
        return left
    if kind == "believed":
        return probabilities.clone()
    if kind == "signed":
        return signed(probabilities.argmax(-1), probabilities)
    return off_the_guess(probabilities)


def signed(labels: Tensor, like: Tensor) -> Tensor:
    """+1 at the label and -1 elsewhere, of the shape and type of ``like``, (items, classes). [guo2024lpntk]"""
    return torch.full_like(like, -1.0).scatter_(-1, labels.unsqueeze(-1), 1.0)


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
