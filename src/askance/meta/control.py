"""A strategy on the training of another one: what its picks are worth, and what its training."""

from __future__ import annotations

from dataclasses import dataclass

from askance.learners.base import Learner
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.strategies.random import Random
from askance.strategies.trained import Lpl
from askance.task import Task
from askance.view import Batch, View


@dataclass(frozen=True)
class Equipped(Strategy):
    """Asks like one strategy, on the learner that another one equips. [zhan2022deepal, where this was not held equal]

    The control of a method that changes the training: random picks on the same head, critic or committee. It picks
    exactly what the strategy alone would pick of the same model.

    Args:
        strategy: Who asks, or its name.
        by: Who equips the learner, or its name.

    >>> paper = view(embeddings=[[0.0], [1.0], [2.0], [3.0]])
    >>> Equipped("random", by="lpl").query(paper, 2).ids == Random().query(paper, 2).ids
    True
    """

    strategy: Strategy | str = Random()
    by: Strategy | str = Lpl()

    def __post_init__(self) -> None:
        for name in ("strategy", "by"):
            object.__setattr__(self, name, catalogue.strategy(getattr(self, name)))

    def equip(self, learner: Learner) -> Learner:
        return self._asks().equip(catalogue.strategy(self.by).equip(learner))

    def serves(self, task: Task) -> bool:
        return self._asks().serves(task) and catalogue.strategy(self.by).serves(task)

    def query(self, view: View, n: int) -> Batch:
        return self._asks().query(view, n)  # with its own dice: paired with the strategy alone

    def needs_model(self) -> bool:
        return self._asks().needs_model()

    def said(self, task: Task) -> str:
        """Who asks, on whose training, in words."""
        asks, equips = (catalogue.name_of(catalogue.strategy(part)) for part in (self.strategy, self.by))
        return f"{asks} on the training of {equips}"

    def _asks(self) -> Strategy:
        return catalogue.strategy(self.strategy)
