"""Worth a label because of what the model would be with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import unknown
from askance.selection.order import best, drawn
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities.lookahead import (
    LOSSES,
    Solve,
    Variance,
    curvature,
    expected_reduction,
    head_solver,
    lifted,
)
from askance.view import Batch, View

_ALIKE = 1e-6  # what is the best but for rounding ties with it


@dataclass(frozen=True)
class ExpectedErrorReduction(Strategy):
    """Ask for the label after which the least error is expected on other items. [roy2001toward]

    The error after each label that an item may get is that of the last layer after one Newton step; nothing is trained.
    The layer is a softmax with this ridge and a free bias, such as `Linear(ridge=...)`. With two classes the step has
    its curvature, with more one that is the same for all of them. Training it anew ranks items much alike where a label
    moves it little, as under a strong ridge, and less so where classes lie far apart and the ridge is weak.
    Some candidates are looked at, and some stand for all others, drawn by a hash of their keys; what is wanted beyond
    them is drawn.

    Args:
        features: What the last layer reads.
        signal: What the model believes.
        loss: ``log`` or ``zero-one``.
        ridge: The penalty of the last layer, as its learner has it.
        candidates: So many candidates are looked at, at most.
        evaluated: So many stand for all others, at most.
        labels: So many of an item's likeliest labels are tried, at most.

    >>> paper = view(embeddings=[[1.0], [1.0], [1.0], [-0.1], [0.0]], probabilities=[[0.6, 0.4]] * 5, labeled=[4])
    >>> ExpectedErrorReduction().query(paper, 4).ids[3]  # it says least of the others
    3
    """

    cost: ClassVar[str] = "m e C min(C, 10) for m candidates and e others looked at, + min(L, d)^2 max(L, d)"
    revision: ClassVar[int] = 2  # the ridge leaves the bias free

    features: Signal = Embeddings()
    signal: Signal = Probabilities()
    loss: str = "log"
    ridge: float = 1.0
    candidates: int = 500
    evaluated: int = 500
    labels: int = 10

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise unknown("loss", self.loss, LOSSES)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        features, beliefs = view[self.features], view[self.signal]
        order = drawn(view.candidates, view.dice.of("candidates").uniform(view.keys))
        others = drawn(view.candidates, view.dice.of("others").uniform(view.keys), self.evaluated)
        shown = order[: self.candidates]
        gains = expected_reduction(
            _last_layer(view, self.features, self.signal, self.ridge),
            lifted(features[shown]),
            beliefs[shown],
            lifted(features[others]),
            beliefs[others],
            loss=self.loss,
            most=self.labels,
        )
        rows, values = best(shown, gains, n, order)
        return view.batch(rows, notes=[{"utility": value} for value in values])


@dataclass(frozen=True)
class VarianceReduction(Strategy):
    """Ask for the labels that lower the variance of the predictions most: A-optimality. [schein2007active]

    The variance is that of a last layer with softmax and a free bias, such as `Linear(ridge=...)`, to first order. A
    batch is picked one by one, and each pick counts as labeled for the next. No label has to be guessed for that. With
    two classes the information is Fisher's, of the labeled items and the ridge, with more it is taken to be alike for
    all of them.

    Args:
        features: What the last layer reads.
        signal: What the model believes.
        ridge: The penalty of the last layer, as its learner has it.
        evaluated: So many candidates stand for all, at most, drawn by a hash of their keys.

    >>> paper = view(embeddings=[[0.0], [2.0], [1.0]], probabilities=[[0.5, 0.5]] * 3, labeled=[0])
    >>> VarianceReduction().query(paper, 1).ids  # at the far end a slope is seen best
    [1]
    """

    cost: ClassVar[str] = "N d (n + min(d, L) + e) for e others looked at"
    revision: ClassVar[int] = 2  # the ridge leaves the bias free

    features: Signal = Embeddings()
    signal: Signal = Probabilities()
    ridge: float = 1.0
    evaluated: int = 500

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        features, beliefs = view[self.features], view[self.signal]
        others = drawn(view.candidates, view.dice.of("others").uniform(view.keys), self.evaluated)
        noise = view.dice.of("ties").uniform(view.keys)
        solve = _last_layer(view, self.features, self.signal, self.ridge)
        left = Variance(solve, features, beliefs, lifted(features[others]), beliefs[others])
        open_ = torch.zeros(len(view), dtype=torch.bool, device=features.device)
        open_[view.candidates] = True
        rows: list[int] = []
        values: list[float] = []
        while len(rows) < n:
            gains = left.reductions().masked_fill_(~open_, -1)
            top = float(gains.max())
            tied = (gains >= top - _ALIKE * top).nonzero().squeeze(1).to(noise.device)
            row = int(tied[noise[tied].argmin()])
            rows.append(row)
            values.append(top)
            open_[row] = False
            if top > 0 and len(rows) < n:
                left.take(row)
        return view.batch(torch.tensor(rows, dtype=torch.int64), notes=[{"utility": value} for value in values])


def _last_layer(view: View, features: Signal, signal: Signal, ridge: float) -> Solve:
    """The inverse curvature of a last layer that is fitted on the labeled items."""
    known: Tensor = view.of_labeled(features)
    return head_solver(known.double(), bends(view, signal, known), ridge)


def bends(view: View, signal: Signal, known: Tensor) -> Tensor:
    """By how much each labeled item bends the loss of a last layer, float64 (labeled,).

    Of labeled items outside of the pool without probabilities, nothing is known: they bend it most.

    Args:
        view: The view.
        signal: What the model believes.
        known: What the layer reads of the labeled items, (labeled, features).
    """
    beliefs: Tensor = view[signal][view.labeled]
    beyond: Tensor | None = view.outside(signal)
    if beyond is not None:
        beliefs = torch.cat([beliefs, beyond.to(beliefs)])
    found = torch.full((len(known),), 1 / max(1, beliefs.shape[1]), dtype=torch.float64, device=known.device)
    found[: len(beliefs)] = curvature(beliefs).double()
    return found
