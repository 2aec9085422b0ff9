"""Worth a label because a linear model on the features would learn most from the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.selection.base import Selector
from askance.selection.herding import FrankWolfe
from askance.selection.posterior import Scaled
from askance.selection.space import Features, Space
from askance.selection.volume import LargestVolume, LeastVariance
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Labels, Targets, Task
from askance.utilities import fisher
from askance.view import View


@dataclass(frozen=True)
class MaxDet(Strategy):
    """Again and again the item of which a linear model knows least. [holzmueller2023framework]

    What it knows is the labeled items and the picks so far. Greedy on the determinant of the batch's posterior
    covariance: BatchBALD of a Gaussian process.

    >>> paper = view(embeddings=[[3.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    >>> MaxDet().query(paper, 2).ids  # once [3, 0] is known, [2, 0] is no news
    [0, 2]
    """

    cost: ClassVar[str] = "N d + few n d; N d² with labels; N n d beyond d picks"

    features: Signal = Embeddings()
    select: Selector = LargestVolume()

    def space(self, view: View) -> Space:
        return Features(view[self.features], outside=view.outside(self.features))


@dataclass(frozen=True)
class Bait(Strategy):
    """The batch that leaves a linear model the least variance over the whole pool. [ash2021gone]

    Greedy, then twice as many picked and half of them given up. For numbers it is exact (BAIT of a regression, also
    EV-GP, [hemachandra2023training]). For classes the Fisher information of an item is ``(diag(p) - p p^T) x h h^T``;
    its first factor is taken for a multiple of the unit matrix with the same trace, ``1 - sum of p^2``. That is exact
    for two classes, and turns a matrix of (classes features)^2 into one of features^2.

    Args:
        features: h; a feature that is always 1 stands for the bias.
        probabilities: p; not looked at where labels are numbers.
        select: `LeastVariance(backward=False)` leaves off the second half.

    >>> paper = view(probabilities=[[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]], embeddings=[[1.0], [1.0], [3.0]])
    >>> Bait().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "N d² + N n d"
    revision: ClassVar[int] = 1  # the order within a batch is another than at first, but the batch as a set is not

    features: Signal = Embeddings()
    probabilities: Signal = Probabilities()
    select: Selector = LeastVariance()

    def space(self, view: View) -> Space:
        features, outside = view[self.features], view.outside(self.features)
        if isinstance(view.task, Targets):
            return Features(features, outside=outside)
        scales = self._size(view.task, view[self.probabilities]).sqrt()
        beyond = None
        if outside is not None:
            believed = view.outside(self.probabilities)  # where nobody says, the pool's mean
            beyond = scales.mean().expand(len(outside)) if believed is None else self._size(view.task, believed).sqrt()
        return Scaled(scales, features, outside, beyond)

    @staticmethod
    def _size(task: Task, probabilities: Tensor) -> Tensor:
        of = fisher.of_labels if isinstance(task, Labels) else fisher.of_classes
        return of(probabilities)


@dataclass(frozen=True)
class AcsFw(Strategy):
    """A batch whose weighted sum comes nearest to the sum over the pool, by Frank and Wolfe. [pinsler2019bayesian]

    The sparse subset of the paper with the features of a linear model, in which what is labeled does not enter;
    `FrankWolfe(projections=10)` takes log likelihoods at draws of the model's weights given what is labeled.

    >>> paper = view(embeddings=[[1.0, 0.0], [3.0, 3.0], [0.0, 1.0]])
    >>> AcsFw().query(paper, 1).ids
    [1]
    """

    cost: ClassVar[str] = "N n d"

    features: Signal = Embeddings()
    select: Selector = FrankWolfe()

    def space(self, view: View) -> Space:
        return Features(view[self.features], outside=view.outside(self.features))
