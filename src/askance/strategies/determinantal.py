"""Worth a label as one of a batch whose items avoid each other by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.learners.base import Learner
from askance.selection import determinantal
from askance.selection.base import Selector
from askance.selection.criteria import conditioned, kernel, representatives
from askance.selection.space import Features, Space
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.samples import Samples
from askance.strategies.base import Strategy, several
from askance.task import Classes, Task
from askance.utilities import committee
from askance.view import Batch, View


@dataclass(frozen=True)
class KDpp(Strategy):
    """Draw a batch by the volume its features span: long and unlike each other and what is known. [kulesza2011kdpps]

    The determinantal point process of a fixed size, exact, on inner products of features.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> 2 in KDpp().query(paper, 2).ids  # the other two are copies and never come together
    True
    """

    cost: ClassVar[str] = "N d² + N n d"

    features: Signal = Embeddings()
    select: Selector = determinantal.KDpp()

    def space(self, view: View) -> Space:
        return Features(view[self.features], outside=view.outside(self.features))


@dataclass(frozen=True)
class MultipleCriteriaDpp(Strategy):
    """A fixed-size determinantal draw that weighs a committee's doubt, typicality and diversity. [zhan2021multiple]

    Built from the paper's abstract, as no code is public. Members are trusted by their accuracy on what is labeled.
    Clusters give one item each to draw from, the one nearest to the center; an item's quality is the exponential of its
    standardized doubt and typicality; similarity is a Gaussian of the distance, given what is known. The item in most
    doubt always comes first.

    Args:
        samples: What the members believe.
        features: Where the items lie.
        select: The draw; `KDpp(most_likely=True)` takes the likeliest batch.
        clusters: How many for each pick.
        doubt: How much doubt counts.
        typicality: How much typicality counts.
        conditional: Whether known items repel.

    >>> paper = view(
    ...     mc_probabilities=[[[0.9, 0.1], [0.5, 0.5], [0.9, 0.1]]] * 2, embeddings=[[0.0], [1.0], [2.0]]
    ... )
    >>> MultipleCriteriaDpp().query(paper, 2).ids[0]  # the hardest
    1
    """

    cost: ClassVar[str] = "N S C + N n d + n^3"

    samples: Signal = Samples()
    features: Signal = Embeddings()
    select: Selector = determinantal.KDpp()
    clusters: int = 10  # the reconstruction of the paper takes 10 to 20
    doubt: float = 1.0
    typicality: float = 1.0
    conditional: bool = True

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def equip(self, learner: Learner) -> Learner:
        return several(learner)

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        if n == 0:
            return view.batch(view.candidates[:0])
        doubts = self._doubts(view)
        order = doubts[view.candidates]
        noise = view.dice.of("ties").uniform(view.keys)
        top = view.candidates[order == order.max()]
        hardest = top[noise[top].argmax()]
        features: Tensor = view[self.features]
        rows, sizes = representatives(
            features, n, self.clusters, candidates=view.candidates, first=hardest, keys=view.keys, dice=view.dice
        )
        outside = view.outside(self.features)
        known = features[view.known] if outside is None else torch.cat([features[view.known], outside.to(features)])
        # The hardest is row 0; with it in the batch, the rest is drawn given it.
        matrix = kernel(
            features[rows], sizes, doubts[rows], known if self.conditional else known[:0], self.doubt, self.typicality
        )
        rest = self.select.pick(
            n - 1,
            candidates=torch.arange(1, len(rows), device=rows.device),
            known=rows[:0],
            keys=view.keys[rows],
            dice=view.dice.of("select"),
            space=Features(conditioned(matrix)),
        )
        values = [1.0, *(rest.utility.tolist() if rest.utility is not None else [0.0] * (n - 1))]
        return view.batch(
            torch.cat([hardest.unsqueeze(0), rows[rest.rows]]), notes=[{"utility": value} for value in values]
        )

    def _doubts(self, view: View) -> Tensor:
        samples: Tensor = view[self.samples]
        weights = committee.trust(samples[view.labeled], view.targets)  # of others the members were not heard
        return committee.doubt(samples, weights)
