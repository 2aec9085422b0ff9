"""A strategy on a training that knows how the labeled items were chosen."""

from __future__ import annotations

from dataclasses import dataclass

from askance.learners.base import Learner
from askance.learners.terms import Dependency
from askance.selection.top import StochasticTop
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.strategies.uncertainty import Entropy
from askance.task import Classes, Task
from askance.view import Batch, View


@dataclass(frozen=True)
class Dmle(Strategy):
    """Ask by any strategy, and train by a likelihood that holds the choice of the items, too. [kalkanli2025dependency]

    It asks like the strategy; the training gets `askance.learners.terms.Dependency`, which needs a learner with a
    training loop. The likelihood is that of items drawn by softmax or power sampling, as `StochasticTop` draws them;
    the exact top is its limit. Say the score, kind and beta that the strategy draws by. In docs/papers/dmle.md it
    trains far worse than plain training; look there before you use it.

    Args:
        strategy: Who asks, or its name.
        beta: As of the selector.
        score: The acquisition score.
        kind: How items are drawn by it.

    >>> paper = view(probabilities=[[0.9, 0.1], [0.6, 0.4]])
    >>> Dmle("entropy").query(paper, 1).ids
    [1]
    """

    strategy: Strategy | str = Entropy(select=StochasticTop("softmax"))
    beta: float = 1.0
    score: str = "entropy"
    kind: str = "softmax"

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategy", catalogue.strategy(self.strategy))
        self._term()

    def equip(self, learner: Learner) -> Learner:
        return self._asks().equip(learner).beside(self._term())

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes) and self._asks().serves(task)

    def query(self, view: View, n: int) -> Batch:
        return self._asks().query(view, n)

    def needs_model(self) -> bool:
        return self._asks().needs_model()

    def said(self, task: Task) -> str:
        """Who asks, on which training, in words."""
        return f"{catalogue.name_of(self._asks())}, with the choice of items in the likelihood"

    def _asks(self) -> Strategy:
        return catalogue.strategy(self.strategy)

    def _term(self) -> Dependency:
        return Dependency(self.beta, self.score, self.kind)
