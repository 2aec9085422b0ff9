"""Worth a label because the model would change."""

from __future__ import annotations

from dataclasses import dataclass

from askance.selection.base import Selector
from askance.selection.space import Product, Space
from askance.selection.spread import KMeansPlusPlus
from askance.signals.base import Signal
from askance.signals.gradients import GradientFactors
from askance.strategies.base import Strategy
from askance.task import Classes, Task
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

    gradient: Signal = GradientFactors()
    select: Selector = KMeansPlusPlus(first="longest")  # the authors' code starts at the longest gradient

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def space(self, view: View) -> Space:
        return Product(*view[self.gradient])
