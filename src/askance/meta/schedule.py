"""One strategy after another, by how much is known."""

from __future__ import annotations

from dataclasses import dataclass

from askance.learners.base import Learner
from askance.strategies.base import Strategy
from askance.strategies.coverage import TypiClust
from askance.strategies.uncertainty import Margin
from askance.task import Task
from askance.view import Batch, View


@dataclass(frozen=True)
class Until(Strategy):
    """One strategy while few labels are known, another after. [hacohen2022active]

    Few labels reward typical items, many reward doubtful ones.

    Args:
        labels: How many labels end the early strategy.
        early: The strategy until then.
        late: The strategy from then on.

    >>> paper = view(probabilities=[[0.9, 0.1], [0.5, 0.5]], labeled=[0])
    >>> Until(labels=1, early=TypiClust(), late=Margin()).query(paper, 1).ids
    [1]
    """

    labels: int
    early: Strategy
    late: Strategy

    def equip(self, learner: Learner) -> Learner:
        return self.late.equip(self.early.equip(learner))

    def query(self, view: View, n: int) -> Batch:
        if len(view.labeled) < self.labels:
            return self.early.query(view.part("early"), n)
        return self.late.query(view.part("late"), n)


def default(task: Task) -> Strategy:
    """What a study asks by when nothing is said: typical items first, then close calls."""
    return Until(labels=10 * task.width, early=TypiClust(), late=Margin())
