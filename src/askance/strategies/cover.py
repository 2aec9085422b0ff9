"""Worth a label because it stands for many that nothing labeled stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.selection.base import Selector
from askance.selection.cover import Cover, Covered, Likeness, PurestBalls, greedy_cover
from askance.selection.medoids import Medoids
from askance.selection.order import drawn
from askance.selection.space import Features, Space, normalized
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities import uncertainty
from askance.view import Batch, View

MEASURES = ("flqmi", "gcmi", "flcg")


@dataclass(frozen=True)
class _OnUnitVectors(Strategy):
    """Rules over features that are scaled to length one."""

    features: Signal = Embeddings()

    def space(self, view: View) -> Space:
        rows, outside = view[self.features].to(torch.float32), view.outside(self.features)
        return Features(
            normalized(rows), outside=normalized(outside.to(torch.float32)) if outside is not None else None
        )


@dataclass(frozen=True)
class ProbCover(_OnUnitVectors):
    """Again and again the item whose ball holds most items that lie in no ball yet. [yehuda2022active]

    Features are scaled to length one. The balls are as wide as they may be while 95 % of them hold items of one
    cluster alone, by k-means with ten clusters; the paper takes as many as there are classes. Once all is covered,
    picks are by chance.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 1.0]])
    >>> ProbCover(select=PurestBalls(width=0.12)).query(paper, 2).ids
    [1, 3]
    """

    cost: ClassVar[str] = "N M d for M points to be covered"

    select: Selector = PurestBalls()


@dataclass(frozen=True)
class MaxHerding(_OnUnitVectors):
    """Again and again the item that most raises how well the pool is covered, softly. [bae2024generalized]

    Covered is how like an item its most alike labeled or picked one is, by a Gaussian kernel on features of length one.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 1.0]])
    >>> MaxHerding().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "N M d for M points to be covered"

    select: Selector = Cover("gauss", width=1.0)


@dataclass(frozen=True)
class UncertaintyHerding(_OnUnitVectors):
    """MaxHerding in which it matters more that doubtful items are covered. [bae2025uncertainty]

    An item counts by how torn the model is between its two likeliest classes. The paper also calibrates the model and
    narrows the kernel as labels come in; here the kernel stays as wide as MaxHerding's.

    Args:
        features: Where the items lie.
        signal: What the model believes.
        select: Covers.

    >>> shares = [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.5, 0.5]]
    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 1.0]], probabilities=shares)
    >>> UncertaintyHerding().query(paper, 1).ids
    [3]
    """

    cost: ClassVar[str] = "N M d for M points to be covered"

    signal: Signal = Probabilities()
    select: Selector = Cover("gauss", width=1.0)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def weights(self, view: View) -> Tensor:
        probabilities: Tensor = view[self.signal]
        if probabilities.shape[1] < 2:
            return probabilities.new_ones(len(probabilities))
        return (1 + uncertainty.margin(probabilities)).clamp(0, 1)


@dataclass(frozen=True)
class FacilityLocation(Strategy):
    """Again and again the item by which the pool becomes most alike to what is labeled or picked.
    [mirzasoleiman2013distributed]

    Alike is (1 + cosine) / 2.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 1.0]])
    >>> FacilityLocation().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "N M d for M points to be covered"

    features: Signal = Embeddings()
    select: Selector = Cover("cosine")

    def space(self, view: View) -> Space:
        return Features(view[self.features], outside=view.outside(self.features))


@dataclass(frozen=True)
class KMedoids(Strategy):
    """The n items from which the others are nearest. [kaufman1990finding]

    What is labeled does not count.

    >>> paper = view(embeddings=[[0.0], [1.0], [2.0], [50.0], [51.0]])
    >>> KMedoids().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "m^2 d for m items looked at"

    features: Signal = Embeddings()
    select: Selector = Medoids()

    def space(self, view: View) -> Space:
        return Features(view[self.features])


@dataclass(frozen=True)
class Similar(Strategy):
    """The batch that has most in common with labeled items of some classes, or least with those of others.
    [kothawade2021similar]

    With a query set Q, the labeled items of ``target``, a batch A is wanted for its mutual information with it:
    ``flqmi``, sum_Q max_A s + weight sum_A max_Q s; ``gcmi``, the sum of all s between them. With a set P of labeled
    items to avoid, ``flcg`` is what A covers of the pool beyond what P does. s is (1 + cosine) / 2. Of several rarest
    classes all are wanted.

    Args:
        features: Where the items lie.
        target: Names of the classes to ask for more of; none are the rarest among the labels, of those that have any.
        avoid: Names of the classes to stay away from; for ``flcg``.
        measure: ``flqmi``, ``gcmi`` or ``flcg``.
        weight: What being like the query set counts against covering it.
        reference: Points to be covered by ``flcg``, at most.

    >>> rows = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [0.1, 1.0], [1.0, 0.2]]
    >>> paper = view(embeddings=rows, labeled=[0, 1, 4], labels=[0, 1, 0])
    >>> Similar().query(paper, 1).ids  # like the one labeled item of the rarer class
    [3]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "N q d for q items of the query set"

    features: Signal = Embeddings()
    target: tuple[Any, ...] = ()
    avoid: tuple[Any, ...] = ()
    measure: str = "flqmi"
    weight: float = 1.0
    reference: int = 4000

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise unknown("measure", self.measure, MEASURES)
        if self.measure == "flcg" and not self.avoid:
            raise BadInput("Similar(measure='flcg') avoids nothing. Name classes in avoid=(...).")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n, features = min(n, len(view.candidates)), view[self.features]
        order = drawn(view.candidates, view.dice.of("ties").uniform(view.keys))
        told, known = view.of_labeled(self.features), features[view.pending]
        if self.measure == "flcg":
            avoided = told[self._of(view, self.avoid)]
            found = self._cover(view, order, n, torch.cat([avoided, known.to(avoided)]))
        else:
            wanted = told[self._of(view, self.target or self.rarest(view))]
            if len(wanted):
                found = self._common(features, order, n, wanted, known)
            else:
                found = self._cover(view, order, n, torch.cat([told, known.to(told)]))
        return view.batch(found.rows, notes=[{"utility": value} for value in found.gains.tolist()])

    def rarest(self, view: View) -> tuple[Any, ...]:
        """The names of the labeled classes with fewest labels."""
        counts = view.labels.sum(0)
        there = counts > 0
        if not bool(there.any()):
            return ()
        least = counts[there].min()
        return tuple(view.task.names[c] for c in ((counts == least) & there).nonzero().flatten().tolist())  # type: ignore[attr-defined]

    def _of(self, view: View, names: tuple[Any, ...]) -> Tensor:
        """Which labeled items are of some classes, int64."""
        known = list(view.task.names)  # type: ignore[attr-defined]
        for name in names:
            if name not in known:
                raise unknown("class", str(name), [str(one) for one in known])
        columns = [known.index(name) for name in names]
        share = view.labels[:, columns].sum(1) if columns else view.labels.new_zeros(len(view.labels))
        return (share >= 0.5).nonzero().squeeze(1)

    def _common(self, features: Tensor, order: Tensor, n: int, wanted: Tensor, known: Tensor) -> Covered:
        """By mutual information with a query set."""
        likeness = Likeness("cosine")
        alike = torch.empty(len(order), dtype=torch.float64, device=order.device)
        step = max(1, (1 << 17) // max(1, len(wanted), features.shape[1]))
        for start in range(0, len(order), step):
            block = likeness.between(features[order[start : start + step]], wanted.to(features))
            alike[start : start + step] = (block.sum(1) if self.measure == "gcmi" else block.amax(1)).double()
        if self.measure == "gcmi":
            best = alike.argsort(descending=True, stable=True)[:n]
            return Covered(order[best], alike[best], len(order))
        extra = self.weight * alike
        return greedy_cover(features, order, n, likeness=likeness, reference=wanted, known=known, extra=extra)

    def _cover(self, view: View, order: Tensor, n: int, known: Tensor) -> Covered:
        """By what is covered of the pool beyond some items."""
        features = view[self.features]
        everyone = torch.arange(len(view), device=features.device)
        shown = drawn(everyone, view.dice.of("reference").uniform(view.keys), self.reference)
        return greedy_cover(features, order, n, likeness=Likeness("cosine"), reference=features[shown], known=known)
