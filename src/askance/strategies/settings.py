"""A kernel's settings chosen by what is labeled: EV-GP with model selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.selection.base import Selector
from askance.selection.expected_variance import LeastExpectedVariance
from askance.selection.kernel import Kernel, Shape, Wide
from askance.selection.order import drawn
from askance.selection.space import Space
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.strategies.base import Strategy
from askance.task import Targets
from askance.utilities import smoothing
from askance.view import View

SCORES = ("held-out", "left-out", "complexity", "spread")
FEW = 10  # labels with which nothing is chosen yet

SETTINGS = tuple(Wide(depth=depth, bias=bias) for depth in (1, 2, 3, 5) for bias in (0.1, 1.0))


@dataclass(frozen=True)
class EvGpMs(Strategy):
    """EV-GP with the network, of several, whose Gaussian process predicts the labels best. [hemachandra2023training]

    With fewer than ten labels, or one class, the kernel is `Wide()`.

    Args:
        features: What the kernels are functions of.
        settings: The networks to choose from.
        by: What is lowest for the one that is chosen. ``held-out``, as in the paper: squared error and ``tradeoff``
            times the variance of random tenths of the labels; ``left-out``: squared error of each label in turn;
            ``complexity``: y' (K + s I)^-1 y, for which nothing is left out; ``spread``: how far a prediction in the
            pool hangs on single labels, which reads none of them.
        noise: Standard deviation of the noise in the choice, in units of the root mean of k(x, x).
        parts: How many tenths are held out.
        tradeoff: What their variance counts.
        evaluated: So many items of the pool say how far predictions hang on single labels, at most.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.1], [1.0, -0.1], [0.0, 1.0]], labeled=[3], labels=[0])
    >>> EvGpMs().query(paper, 1).ids
    [0]
    """

    cost: ClassVar[str] = "S L^2 (d + L) + that of ev-gp for S settings"
    reads_labels: ClassVar[bool] = True

    features: Signal = Embeddings()
    settings: tuple[Shape, ...] = SETTINGS
    by: str = "held-out"
    noise: float = 0.1
    parts: int = 50  # Hemachandra et al. 2023
    tradeoff: float = 0.1
    evaluated: int = 500
    select: Selector = LeastExpectedVariance()

    def __post_init__(self) -> None:
        if self.by not in SCORES:
            raise unknown("score", self.by, SCORES)
        if not self.settings or self.parts < 1 or self.evaluated < 1 or not self.noise > 0 or self.tradeoff < 0:
            raise BadInput(f"{self} cannot choose. Use a setting or more, counts of 1 or more, and noise above 0.")

    def space(self, view: View) -> Space:
        return self.chosen(view).over(view[self.features], view.outside(self.features))

    def chosen(self, view: View) -> Shape:
        """The setting of the lowest score; the first one on a tie."""
        labels: Tensor = view.labels.double()
        if len(labels) < FEW or not bool((labels != labels[:1]).any()):
            return Wide()
        scores = self.scores(view)
        return self.settings[scores.index(min(scores))]

    def scores(self, view: View) -> list[float]:
        """The score of each setting, lower for better ones."""
        noise = view.dice.of("held-out").uniform(view.keys)
        order = noise[view.labeled].argsort(stable=True)  # so that the pool's order cannot matter
        order = torch.cat([order, torch.arange(len(order), len(view.labels))])
        targets = _scaled(view)[order]
        thrown = view.dice.of("parts").torch_generator()
        tenth = max(1, len(order) // 10)
        parts = [torch.randperm(len(order), generator=thrown)[:tenth] for _ in range(self.parts)]
        others = drawn(view.candidates, view.dice.of("others").uniform(view.keys), self.evaluated)
        features, outside = view[self.features], view.outside(self.features)
        return [
            self._score(shape.over(features, outside), view, order, targets, parts, others) for shape in self.settings
        ]

    def _score(
        self, kernel: Kernel, view: View, order: Tensor, targets: Tensor, parts: list[Tensor], others: Tensor
    ) -> float:
        known = torch.cat([view.labeled, kernel.beyond_rows()])[order]
        gram = kernel.between(known, known)
        scale = float(gram.diagonal().mean())
        scale = scale if scale > 0 else 1.0
        inverse = smoothing.solved(gram / scale, self.noise**2)
        if self.by == "held-out":
            return smoothing.held_out_score(inverse, targets, parts, self.noise**2, self.tradeoff)
        if self.by == "left-out":
            return smoothing.left_out_error(inverse, targets)
        if self.by == "complexity":
            return smoothing.complexity(inverse, targets)
        return smoothing.spread(kernel.between(others, known) / scale @ inverse)


def _scaled(view: View) -> Tensor:
    """The labels less their mean; numbers in units of their spread."""
    targets = view.labels.double()
    targets = targets - targets.mean(0)
    if isinstance(view.task, Targets):
        size = targets.square().mean(0).sqrt()
        targets = targets / torch.where(size > 0, size, 1.0)
    return targets
