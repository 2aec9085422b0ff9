"""One strategy after another, by how much is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

from askance.learners.base import Learner
from askance.signals.embeddings import Embeddings
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.strategies.coverage import TypiClust
from askance.strategies.regression import GreedyDistance
from askance.strategies.uncertainty import Margin, MeanMargin
from askance.task import Labels, Targets, Task
from askance.view import Batch, View


@dataclass(frozen=True)
class Until(Strategy):
    """One strategy while few labels are known, another after. [hacohen2022active]

    Few labels reward typical items, many reward doubtful ones.

    Args:
        labels: How many labels end the early strategy.
        early: The strategy until then, or its name.
        late: The strategy from then on, or its name.
        per_class: So many labels more for each class, or label or number, that the task has by then.

    >>> paper = view(probabilities=[[0.9, 0.1], [0.5, 0.5]], labeled=[0])
    >>> batch = Until(labels=1, early="typiclust", late="margin").query(paper, 1)
    >>> batch.ids, batch.strategy
    ([1], 'margin')
    """

    labels: int
    early: Strategy | str
    late: Strategy | str
    per_class: int = 0

    def __post_init__(self) -> None:
        for name in ("early", "late"):
            object.__setattr__(self, name, catalogue.strategy(getattr(self, name)))

    def equip(self, learner: Learner) -> Learner:
        early, late = self._parts()
        return late.equip(early.equip(learner))

    def serves(self, task: Task) -> bool:
        return all(part.serves(task) for part in self._parts())

    def query(self, view: View, n: int) -> Batch:
        early, late = self._parts()
        name, asking = ("early", early) if _known(view) < self._enough(view.task) else ("late", late)
        batch = asking.query(view.part(name), n)
        return replace(batch, strategy=batch.strategy or catalogue.name_of(asking))

    def said(self, task: Task) -> str:
        """What asks when, in words."""
        early, late = (catalogue.name_of(part) for part in self._parts())
        much = f"{self._enough(task)} labels" if self._enough(task) else f"{self.per_class} labels of each class"
        return f"{early} until {much}, then {late}"

    def _enough(self, task: Task) -> int:
        return self.labels + self.per_class * task.width

    def _parts(self) -> tuple[Strategy, Strategy]:
        return catalogue.strategy(self.early), catalogue.strategy(self.late)


def _known(view: View) -> int:
    """How many items are labeled, those that lie in no row of the pool included."""
    outside = view.outside(Embeddings())
    return max(len(view.labels), len(view.labeled) + (len(outside) if outside is not None else 0))


def default(task: Task) -> Strategy:
    """What a study asks by when nothing is said: typical items first, then close calls; for numbers, distant ones."""
    if isinstance(task, Targets):
        return GreedyDistance()
    if isinstance(task, Labels):
        return Until(labels=0, per_class=10, early=TypiClust(), late=MeanMargin())
    return Until(labels=0, per_class=10, early=TypiClust(), late=Margin())
