"""Worth a label because the model does not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.probabilities import Probabilities, Scores
from askance.strategies.base import Strategy
from askance.task import Classes, Labels, Task
from askance.utilities import uncertainty
from askance.view import View


@dataclass(frozen=True)
class LeastConfidence(Strategy):
    """Ask where the likeliest class is least likely. [lewis1994sequential]

    >>> paper = view(probabilities=[[0.9, 0.1, 0.0], [0.4, 0.35, 0.25]])
    >>> LeastConfidence().query(paper, 1).ids
    [1]
    """

    cost: ClassVar[str] = "N C"

    signal: Signal = Probabilities()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return uncertainty.least_confidence(view[self.signal])


@dataclass(frozen=True)
class Margin(Strategy):
    """Ask where the two likeliest classes are closest. [scheffer2001active]

    >>> paper = view(probabilities=[[0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
    >>> Margin().query(paper, 1).ids
    [0]
    """

    cost: ClassVar[str] = "N C"

    signal: Signal = Probabilities()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return uncertainty.margin(view[self.signal])


@dataclass(frozen=True)
class Entropy(Strategy):
    """Ask where the prediction says least. [settles2009active]

    >>> paper = view(probabilities=[[0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
    >>> Entropy().query(paper, 1).ids
    [1]
    """

    cost: ClassVar[str] = "N C"

    signal: Signal = Probabilities()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return uncertainty.entropy(view[self.signal])


@dataclass(frozen=True)
class MeanMargin(Strategy):
    """Ask where the labels of an item are least decided between yes and no, on average. [esuli2009active]

    For items with any number of labels: the mean over labels of how far each is from one half.

    >>> paper = view(logits=[[5.0, -5.0, 5.0], [0.0, 5.0, 0.5]], task=Labels(("urgent", "billing", "refund")))
    >>> MeanMargin().query(paper, 1).ids  # two of its labels are close to yes or no alike
    [1]
    """

    cost: ClassVar[str] = "N C"

    signal: Signal = Probabilities()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Labels)

    def utility(self, view: View) -> Tensor:
        return uncertainty.mean_margin(view[self.signal])


@dataclass(frozen=True)
class Energy(Strategy):
    """Ask where no class has a high score, by the log-sum-exp of all of them. [liu2020energy]

    Scores, not probabilities: items may be alike to every class, or unlike anything.

    >>> Energy().query(view(logits=[[5.0, 5.0], [0.0, 0.0]]), 1).ids  # to a softmax both are a tie
    [1]
    """

    cost: ClassVar[str] = "N C"

    signal: Signal = Scores()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return uncertainty.energy(view[self.signal])


@dataclass(frozen=True)
class MaxLogit(Strategy):
    """Ask where the highest score is lowest. [hendrycks2022scaling]

    >>> MaxLogit().query(view(logits=[[5.0, 5.0], [1.0, -9.0]]), 1).ids
    [1]
    """

    cost: ClassVar[str] = "N C"

    signal: Signal = Scores()
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        return uncertainty.max_logit(view[self.signal])
