"""Worth a label because the model does not know."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.utilities import uncertainty
from askance.view import View


@dataclass(frozen=True)
class LeastConfidence(Strategy):
    """Ask where the likeliest class is least likely. [lewis1994sequential]

    >>> paper = view(probabilities=[[0.9, 0.1, 0.0], [0.4, 0.35, 0.25]])
    >>> LeastConfidence().query(paper, 1).ids
    [1]
    """

    signal: Signal = Probabilities()
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return uncertainty.least_confidence(view[self.signal])


@dataclass(frozen=True)
class Margin(Strategy):
    """Ask where the two likeliest classes are closest. [scheffer2001active]

    >>> paper = view(probabilities=[[0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
    >>> Margin().query(paper, 1).ids
    [0]
    """

    signal: Signal = Probabilities()
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return uncertainty.margin(view[self.signal])


@dataclass(frozen=True)
class Entropy(Strategy):
    """Ask where the prediction says least. [settles2009active]

    >>> paper = view(probabilities=[[0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
    >>> Entropy().query(paper, 1).ids
    [1]
    """

    signal: Signal = Probabilities()
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return uncertainty.entropy(view[self.signal])
