"""Worth a label because the model would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.selection.base import Selector
from askance.selection.space import Product, Space
from askance.selection.spread import KMeansPlusPlus
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities import movement
from askance.view import View


@dataclass(frozen=True)
class Badge(Strategy):
    """Spread a batch over the gradients that the model's own guesses would cause. [ash2020badge]

    Long gradients are doubtful items, distant ones are different items; k-means++ wants both. As in the paper, what
    is already labeled does not repel.

    >>> paper = view(probabilities=[[1.0, 0.0], [0.5, 0.5]], embeddings=[[1.0], [1.0]])
    >>> Badge().query(paper, 1).ids  # a certain guess would cause no gradient
    [1]
    """

    cost: ClassVar[str] = "looks x (C + d), far fewer than n N"

    signal: Signal = Probabilities()
    features: Signal = Embeddings()
    select: Selector = KMeansPlusPlus(first="longest")  # the authors' code starts at the longest gradient

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def space(self, view: View) -> Space:
        return Product.off_the_guess(view[self.signal], view[self.features])


@dataclass(frozen=True)
class Egl(Strategy):
    """Ask where the gradient is longest, on average over the labels that the model expects. [settles2008analysis]

    The gradient is that of the last layer; items with long features have long gradients.

    >>> paper = view(probabilities=[[0.9, 0.1], [0.5, 0.5]], embeddings=[[1.0], [1.0]])
    >>> Egl().query(paper, 1).ids
    [1]
    """

    cost: ClassVar[str] = "N (C + d)"

    signal: Signal = Probabilities()
    features: Signal = Embeddings()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return movement.expected_gradient_length(view[self.signal], view[self.features])


@dataclass(frozen=True)
class GradNorm(Strategy):
    """Ask where the gradient away from knowing nothing is shortest. [huang2021importance]

    It finds items that belong to no known class, as open-world methods want; as a measure of doubt it is flat.

    Args:
        signal: What the model believes.
        features: What its last layer reads.
        select: Takes the top.
        largest: Ask where it is longest instead: what surely belongs to a known class.

    >>> paper = view(probabilities=[[0.9, 0.1], [0.5, 0.5]], embeddings=[[1.0], [1.0]])
    >>> GradNorm().query(paper, 1).ids
    [1]
    """

    cost: ClassVar[str] = "N (C + d)"

    signal: Signal = Probabilities()
    features: Signal = Embeddings()
    select: Selector = Top()
    largest: bool = False

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        norms = movement.gradient_norm(view[self.signal], view[self.features])
        return norms if self.largest else -norms
