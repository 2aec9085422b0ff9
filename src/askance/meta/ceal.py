"""A strategy whose learner also learns from what it is sure of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from askance.learners.base import Learner
from askance.learners.pseudo import PseudoLabeled, check_schedule
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.strategies.uncertainty import Entropy
from askance.task import Classes, Task
from askance.view import Batch, View


@dataclass(frozen=True)
class Ceal(Strategy):
    """Ask people as another strategy does, and let the model label what it is sure of. [wang2016cost]

    The picks are the other strategy's; what the learner is sure of, it learns from as if somebody had said it, for one
    fit. The fair control is the other strategy, and random on the same learner.

    Args:
        strategy: Who picks, or its name.
        threshold: The entropy, in nats, under which the model is sure, as in `PseudoLabeled`.
        decay: How much less it is at each fit after.

    >>> paper = view(probabilities=[[0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
    >>> batch = Ceal().query(paper, 1)
    >>> batch.ids, batch.strategy
    ([1], 'entropy')
    """

    revision: ClassVar[int] = 2  # that of its learner
    cost: ClassVar[str] = "as the strategy inside"

    strategy: Strategy | str = Entropy()  # as in the paper's experiments
    threshold: float = 0.05
    decay: float = 0.0033

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategy", catalogue.strategy(self.strategy))
        check_schedule(type(self).__name__, self.threshold, self.decay)

    def equip(self, learner: Learner) -> Learner:
        inner = self._inner().equip(learner)
        return inner if isinstance(inner, PseudoLabeled) else PseudoLabeled(inner, self.threshold, self.decay)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes) and self._inner().serves(task)

    def query(self, view: View, n: int) -> Batch:
        inner = self._inner()  # with the same dice as alone, so that both are paired
        batch = inner.query(view, n)
        return replace(batch, strategy=batch.strategy or catalogue.name_of(inner))

    def said(self, task: Task) -> str:
        """Who picks, in words."""
        return f"{catalogue.name_of(self._inner())}, with pseudo-labels"

    def _inner(self) -> Strategy:
        return catalogue.strategy(self.strategy)
