"""Worth a label because a linear model would know more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.selection.volume import Rows, drop_variance, frank_wolfe, greedy_determinant, greedy_variance
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes, Targets, Task
from askance.view import Batch, View


@dataclass(frozen=True)
class _OfLinearModel(Strategy):
    """Rules that ask what a linear model on the features would learn."""

    features: Signal = Embeddings()

    def rows(self, view: View, scale: Tensor | None = None, *, bias: bool = False) -> Rows:
        """The features, so that the mean squared length over the pool is 1: noise then has no unit."""
        plain = Rows(view[self.features], scale, bias)
        mean = float(plain.norms().mean()) if len(view) else 1.0
        return Rows(view[self.features], scale, bias, mean**0.5 if mean > 0 else 1.0)

    def order(self, view: View) -> Tensor:
        """The candidates in the order of their noise, which decides ties."""
        return view.candidates[view.dice.of("ties").uniform(view.keys[view.candidates]).argsort(stable=True)]

    def known(self, view: View, rows: Rows, outer: Tensor | None = None) -> Tensor:
        """The features of all known items, float64 (known, width).

        Args:
            view: The pool.
            rows: The features.
            outer: What those outside of the pool are scaled by.
        """
        inside, outside = rows.of(view.known), view.outside(self.features)
        if outside is None:
            return inside
        beyond = Rows(outside.to(view[self.features]), outer, rows.bias, rows.unit)
        return torch.cat([inside, beyond.of(torch.arange(len(outside), device=outside.device))])


def _noted(view: View, rows: Tensor, values: Tensor) -> Batch:
    return view.batch(rows, notes=[{"utility": value} for value in values.tolist()])


@dataclass(frozen=True)
class MaxDet(_OfLinearModel):
    """Again and again the item that a linear model is least sure of, given what is known and picked.
    [holzmueller2023framework]

    It maximizes the determinant of the kernel matrix plus noise, which is BatchBALD for a Gaussian process. Features
    are taken in units of their root mean squared length.

    Args:
        features: What the linear model reads.
        noise: Standard deviation of an observation, in the same units.

    >>> paper = view(embeddings=[[3.0, 0.0], [2.9, 0.0], [0.0, 1.0]])
    >>> MaxDet().query(paper, 2).ids  # the longest, and then what points elsewhere
    [0, 2]
    """

    cost: ClassVar[str] = "looks x n d; at worst n N d"

    noise: float = 0.1

    def __post_init__(self) -> None:
        _check_noise(self)

    def query(self, view: View, n: int) -> Batch:
        rows = self.rows(view)
        found, variances, _ = greedy_determinant(
            rows, self.order(view), min(n, len(view.candidates)), known=self.known(view, rows), noise=self.noise
        )
        return _noted(view, found, torch.log1p(variances / self.noise**2) / 2)


@dataclass(frozen=True)
class Bait(_OfLinearModel):
    """Ask for what lowers the model's variance over the whole pool most, summed. [ash2021gone]

    Twice as many items as asked for are picked greedily, and then those dropped again that matter least. For numbers
    this is exact: the model is linear in the features and a constant. For classes the Fisher information of an item is
    a matrix of classes x features; in its place stands that of the question whether the likeliest class is right,
    features scaled by sqrt(p (1 - p)), as in fast approximations of BAIT (Huseljic et al. 2024).

    Args:
        features: What the last layer reads.
        signal: What the model believes; for numbers it only says that they are numbers.
        noise: Standard deviation of an observation, in units of the features' root mean squared length.
        backward: Whether to pick twice as many and drop half.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.1, 0.0], [0.9, 0.0], [0.0, 1.0]], probabilities=[[0.5, 0.5]] * 4)
    >>> Bait().query(paper, 1).ids  # it speaks for three others
    [2]
    """

    cost: ClassVar[str] = "N d^2 + 2 n N d"

    signal: Signal = Probabilities()
    noise: float = 0.1
    backward: bool = True

    def __post_init__(self) -> None:
        _check_noise(self)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes | Targets)

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        scale = outer = None
        if isinstance(view.task, Classes):
            scale = self._doubt(view[self.signal])
            beyond = view.outside(self.signal)
            outside = view.outside(self.features)
            if beyond is not None:
                outer = self._doubt(beyond)
            elif outside is not None:  # what the model believes of them is not known: as sure as the pool on average
                outer = scale.mean().expand(len(outside))
        rows = self.rows(view, scale, bias=True)
        known, aims = self.known(view, rows, outer), rows.gram()
        most = min(2 * n, len(view.candidates)) if self.backward else n
        found, gains = greedy_variance(rows, self.order(view), most, known=known, noise=self.noise, aims=aims)
        if most > n:
            kept = drop_variance(rows, found, n, known=known, noise=self.noise, aims=aims)
            gains = gains[torch.isin(found, kept)]
            found = kept
        return _noted(view, found, gains)

    def _doubt(self, probabilities: Tensor) -> Tensor:
        """sqrt(p (1 - p)) of the likeliest class; a little where the model is certain, or nothing would be left."""
        if not probabilities.shape[1]:
            return probabilities.new_ones(len(probabilities))
        p = probabilities.amax(1)
        return (p * (1 - p)).clamp_min(1e-6).sqrt()


@dataclass(frozen=True)
class FrankWolfe(_OfLinearModel):
    """Ask for a batch whose features, weighted, sum up to those of the whole pool. [pinsler2019bayesian]

    The active Bayesian core-set with a linear kernel. What is labeled does not count.

    Args:
        features: What is summed up.

    >>> paper = view(embeddings=[[1.0, 0.1], [1.0, -0.1], [0.9, 0.0], [-0.5, 0.0]])
    >>> FrankWolfe().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "n N d"

    def query(self, view: View, n: int) -> Batch:
        found, scores = frank_wolfe(self.rows(view), self.order(view), min(n, len(view.candidates)))
        return _noted(view, found, scores)


def _check_noise(part: MaxDet | Bait) -> None:
    if not 0 < part.noise < float("inf"):
        raise BadInput(f"{type(part).__name__}(noise={part.noise}) must be above 0. Use 0.1.")
