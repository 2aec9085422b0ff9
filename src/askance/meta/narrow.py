"""A strategy that chooses among some of the candidates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.kernels.duplicates import close_pairs
from askance.learners.base import Learner
from askance.selection.order import drawn
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities.named import Utility, utility
from askance.view import Batch, View


@dataclass(frozen=True)
class Filter(ABC):
    """Keeps some of the candidates. Its fields are its needs, as a strategy's are."""

    @abstractmethod
    def keep(self, view: View, n: int) -> Tensor:
        """The candidates that stay, ascending, int64.

        Args:
            view: What is left of the candidates by the filters before.
            n: How many will be picked.
        """

    def serves(self, task: Task) -> bool:
        """Whether the filter means something for a task."""
        return True


@dataclass(frozen=True)
class RandomSubset(Filter):
    """So many candidates, drawn uniformly by a hash of their keys: what large pools are cut down to.

    Args:
        items: How many stay, at most.
    """

    items: int

    def __post_init__(self) -> None:
        if self.items < 1:
            raise BadInput(f"RandomSubset(items={self.items}) keeps nothing. Keep 1 or more.")

    def keep(self, view: View, n: int) -> Tensor:
        return drawn(view.candidates, view.dice.of("subset").uniform(view.keys), self.items).sort().values


@dataclass(frozen=True)
class Ranked(Filter):
    """The candidates that another strategy wants most, so many for each pick.

    Args:
        by: The other strategy, or its name.
        factor: How many stay for each item that will be picked.
    """

    by: Strategy | str
    factor: float = 10.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", catalogue.strategy(self.by))
        if self.factor < 1:
            raise BadInput(f"Ranked(factor={self.factor}) keeps fewer than are picked. Use 1 or more.")

    def keep(self, view: View, n: int) -> Tensor:
        return self._by().query(view.part("by"), int(self.factor * n)).rows.sort().values

    def serves(self, task: Task) -> bool:
        return self._by().serves(task)

    def _by(self) -> Strategy:
        return catalogue.strategy(self.by)


@dataclass(frozen=True)
class ClassQuantile(Filter):
    """Of each predicted class, the candidates above a quantile of a utility.

    With ``of_labeled`` the quantile is that of the labeled items predicted as the class, as in TBU (Go & Kim 2023),
    which drops what is more certain than nearly all that is labeled; a class without labeled items keeps all.

    Args:
        share: The share that goes, from the least wanted on.
        signal: What is predicted.
        by: The utility, as in `askance.strategies.composed.Composed`.
        of_labeled: Whose quantile counts.
    """

    share: float = 0.1  # Go & Kim 2023
    signal: Signal = Probabilities()
    by: str | Utility = "entropy"
    of_labeled: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise BadInput(f"ClassQuantile(share={self.share}) must lie in [0, 1). Use 0.1 for a tenth.")
        utility(self.by)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def keep(self, view: View, n: int) -> Tensor:
        probabilities, candidates = view[self.signal], view.candidates
        if not probabilities.shape[1]:
            return candidates
        guess, wanted = probabilities[candidates].argmax(1), utility(self.by)(probabilities)[candidates]
        if self.of_labeled:
            told = view.of_labeled(self.signal)
            their_guess, theirs = told.argmax(1), utility(self.by)(told)
        else:
            their_guess, theirs = guess, wanted
        stays = torch.ones_like(candidates, dtype=torch.bool)
        for name in torch.unique(guess).tolist():
            measure = theirs[their_guess == name]
            if len(measure):
                at = measure.sort().values[int(self.share * len(measure))]
                stays &= (guess != name) | (wanted >= at)
        return candidates[stays]


@dataclass(frozen=True)
class NearDuplicates(Filter):
    """Candidates no two of which are closer than a distance, and none that close to a known item.

    Candidates take their turn by a hash of their keys, and one is dropped if a known item or one kept before it is
    that close.

    Args:
        distance: Euclidean; 0 drops exact duplicates alone.
        features: Where the items lie.
    """

    distance: float = 0.0
    features: Signal = Embeddings()

    def __post_init__(self) -> None:
        if not self.distance >= 0:
            raise BadInput(f"NearDuplicates(distance={self.distance}) is negative. Use 0 or more.")

    def keep(self, view: View, n: int) -> Tensor:
        candidates, known = view.candidates, view.known
        outside = view.outside(self.features)
        features = view[self.features]
        order = drawn(candidates, view.dice.of("turns").uniform(view.keys))
        rows = torch.cat([known, order])
        points = features[rows]
        if outside is not None:
            points = torch.cat([outside.to(points), points])
        first = len(points) - len(order)
        return order[~close_pairs(points, first, self.distance)].sort().values


@dataclass(frozen=True)
class Narrow(Strategy):
    """A strategy among the candidates that filters leave, one filter after the other. [go2023transferable]

    Where fewer are left than are asked for, all of them are picked, and the rest by the same strategy from what the
    filters dropped.

    Args:
        strategy: Who picks, or its name.
        filters: Applied in this order.

    >>> paper = view(probabilities=[[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]], embeddings=[[1.0], [1.0], [2.0]])
    >>> sorted(Narrow("margin", (NearDuplicates(),)).query(paper, 2).ids)[1]  # one of the twins, and the other item
    2
    """

    strategy: Strategy | str
    filters: tuple[Filter, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategy", catalogue.strategy(self.strategy))
        object.__setattr__(self, "filters", tuple(self.filters))

    def equip(self, learner: Learner) -> Learner:
        for filter in self.filters:
            if isinstance(filter, Ranked):
                learner = filter._by().equip(learner)
        return self._inner().equip(learner)

    def serves(self, task: Task) -> bool:
        return self._inner().serves(task) and all(filter.serves(task) for filter in self.filters)

    def query(self, view: View, n: int) -> Batch:
        narrow = view
        for number, filter in enumerate(self.filters):
            kept = filter.keep(narrow.part(f"filters[{number}]"), n)
            narrow = replace(narrow, candidates=kept)
        inner = self._inner()
        batch = inner.query(replace(narrow, dice=view.dice.of("strategy")), n)
        short = min(n, len(view.candidates)) - len(batch)
        name = batch.strategy or catalogue.name_of(inner)
        if short <= 0 or batch.reason:
            return replace(batch, strategy=name)
        dropped = view.candidates[~torch.isin(view.candidates, narrow.candidates)]
        more = inner.query(replace(view, candidates=dropped, dice=view.dice.of("dropped")), short)
        both = view.batch(torch.cat([batch.rows, more.rows]), notes=(*batch.notes, *more.notes), reason=more.reason)
        return replace(both, strategy=name)

    def said(self, task: Task) -> str:
        """What asks among what, in words."""
        kinds = ", ".join(type(filter).__name__ for filter in self.filters)
        return f"{catalogue.name_of(self._inner())} among what {kinds or 'no filter'} leaves"

    def _inner(self) -> Strategy:
        return catalogue.strategy(self.strategy)
