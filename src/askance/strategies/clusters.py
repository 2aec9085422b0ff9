"""Worth a label because the model is in doubt, and no other of the batch is like it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.kernels.nearest import neighbors
from askance.selection import clusters
from askance.selection.agglomeration import linked, round_robin
from askance.selection.base import Selector
from askance.selection.divergence import Divergence
from askance.selection.order import drawn
from askance.selection.relevance import by_relevance
from askance.selection.space import Features, Space, normalized
from askance.selection.spread import FarthestFirst
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.layer import LastLayer
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities import dropout, mixing, uncertainty
from askance.view import Batch, View


@dataclass(frozen=True)
class DropQuery(Strategy):
    """Of the items whose class changes when features are dropped, one from each of n clusters. [gupte2024revisiting]

    Candidates are those whose class changes in more than half of the passes; while they are fewer than ``pool`` for
    each pick, also those where it changes less often, but at least once. If that leaves fewer than n, all of them are
    picked, and others by noise. Features are scaled to length one for k-means.

    Args:
        features: What the last layer reads.
        layer: The last layer.
        passes: How often features are dropped; which ones hangs on an item's key.
        rate: The share that is dropped.
        pool: How many candidates for each pick are enough.
        select: Who picks among the candidates.

    >>> paper = view(embeddings=[[9.0, 9.0], [9.0, -8.0], [-9.0, -9.0]], weights=[[1.0, 1.0], [-1.0, -1.0]])
    >>> DropQuery().query(paper, 1).ids  # the only one with something to be said for both
    [1]
    """

    cost: ClassVar[str] = "S N d + candidates n d"

    features: Signal = Embeddings()
    layer: Signal = LastLayer()
    passes: int = 3  # this and the next two: Gupte et al. 2024
    rate: float = 0.75
    pool: int = 25
    select: Selector = clusters.KMeans()

    def __post_init__(self) -> None:
        if self.passes < 1 or not 0 <= self.rate < 1 or self.pool < 1:
            raise BadInput(f"{self} drops nothing. Use passes and pool of 1 or more and a rate from 0 to below 1.")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n, features = min(n, len(view.candidates)), view[self.features]
        dice = view.dice.of("dropout")
        changed = dropout.mismatches(features, view[self.layer], view.keys, dice, self.passes, self.rate)
        more_than, own = self.passes // 2, changed[view.candidates]
        while more_than > 0 and int((own > more_than).sum()) < self.pool * n:
            more_than -= 1
        return _one_of_each(view, self.select, features, view.candidates[own > more_than], changed, n)


@dataclass(frozen=True)
class ClusterMargin(Strategy):
    """Of the items with the least margins, take turns among clusters, the smallest first. [citovsky2021batch]

    The clusters are those of average linkage over the pool, with features at length one. They are made on a sample of
    the pool, and an item is in the cluster of the sampled item nearest to it. Which item of a cluster is taken first is
    left to noise, as in the paper.

    Args:
        features: Where the items lie.
        signal: What the margin is taken of.
        factor: So many items of least margin for each pick are looked at.
        clusters: How many clusters; None: as many as there are picks.
        sample: How many items of the pool are clustered.

    >>> paper = view(probabilities=[[0.5, 0.5], [0.5, 0.5], [0.4, 0.6], [1, 0]],
    ...              embeddings=[[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.0, 1.0]])
    >>> ClusterMargin(factor=1.5).query(paper, 2).ids[0]  # alone of its cluster among the three least certain
    2
    """

    cost: ClassVar[str] = "N C + sample^2 d"

    features: Signal = Embeddings()
    signal: Signal = Probabilities()
    factor: float = 10.0  # Citovsky et al. 2021, for their largest data set
    clusters: int | None = None
    sample: int = 1_000

    def __post_init__(self) -> None:
        if self.factor < 1 or self.sample < 1 or (self.clusters is not None and self.clusters < 1):
            raise BadInput(f"{self} has too little to pick from. Use a factor, clusters and a sample of 1 or more.")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n, features = min(n, len(view.candidates)), view[self.features]
        margin, noise = uncertainty.margin(view[self.signal]), view.dice.of("ties").uniform(view.keys)
        rows = drawn(view.candidates, noise)
        rows = rows[margin[rows].argsort(descending=True, stable=True)][: math.ceil(self.factor * n)]
        if not n:
            return view.batch(rows)
        everyone = torch.arange(len(view), device=features.device)
        sample = drawn(everyone, view.dice.of("sample").uniform(view.keys), self.sample)
        known = normalized(_floating(features[sample]))
        groups = linked(known, n if self.clusters is None else self.clusters)
        rows = drawn(rows, noise)
        near, _ = neighbors(normalized(_floating(features[rows])), known, 1)
        rows = rows[round_robin(n, groups[near[:, 0]])]
        return view.batch(rows, notes=[{"utility": value} for value in margin[rows].tolist()])


@dataclass(frozen=True)
class Clue(Strategy):
    """The item nearest to the center of each of n clusters, in which doubtful items weigh more. [prabhu2021active]

    k-means with the entropy of each item as its weight.

    >>> paper = view(embeddings=[[0.0], [1.0], [2.0]], probabilities=[[1, 0], [0.9, 0.1], [0.5, 0.5]])
    >>> Clue().query(paper, 1).ids  # the mean is at 1, the weighted one at 1.7
    [2]
    """

    cost: ClassVar[str] = "N n d"

    features: Signal = Embeddings()
    signal: Signal = Probabilities()
    select: Selector = clusters.KMeans()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def weights(self, view: View) -> Tensor:
        return uncertainty.entropy(view[self.signal]).clamp_(min=0)

    def space(self, view: View) -> Space:
        return Features(view[self.features])


@dataclass(frozen=True)
class Cdal(Strategy):
    """Again and again the item whose class probabilities diverge most from all that is known. [agarwal2020contextual]

    Contextual diversity with the greedy core-set rule. The context of a whole item is its class probabilities, and two
    are as far apart as the mean of their two Kullback-Leibler divergences.

    >>> paper = view(probabilities=[[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]], labeled=[0])
    >>> Cdal().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "N (L + n) C"

    signal: Signal = Probabilities()
    select: Selector = FarthestFirst()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def space(self, view: View) -> Space:
        return Divergence(view[self.signal], outside=view.outside(self.signal))


@dataclass(frozen=True)
class Falcun(Strategy):
    """Draw items by how doubtful they are and how far their probabilities are from those drawn. [gilhuber2024falcun]

    The probability of each draw is in proportion to (u + d) ** gamma: u is one minus the margin, and d the distance
    (sum of absolute differences) to the nearest item drawn, scaled to lie between 0 and 1; at first it is u.

    Args:
        signal: What the model believes.
        gamma: How much the most relevant are preferred; 0 draws uniformly.

    >>> paper = view(probabilities=[[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]])
    >>> Falcun().query(paper, 1).ids
    [1]
    """

    cost: ClassVar[str] = "N n C"

    signal: Signal = Probabilities()
    gamma: float = 10.0  # Gilhuber et al. 2024

    def __post_init__(self) -> None:
        if not 0 <= self.gamma <= 1e6:
            raise BadInput(f"Falcun(gamma={self.gamma}) cannot be computed. Use a gamma from 0 to a million.")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n, believed = min(n, len(view.candidates)), view[self.signal]
        doubts = (1 + uncertainty.margin(believed)).clamp_(0, 1)
        clocks = view.dice.of("select").exponential(view.keys)
        rows, values = by_relevance(believed, doubts, n, view.candidates, clocks, self.gamma)
        return view.batch(rows, notes=[{"utility": value} for value in values])


@dataclass(frozen=True)
class AlfaMix(Strategy):
    """Of the items that change class when a little of labeled ones is mixed in, one of each of n clusters.
    [parvaneh2022active]

    Anchors are the mean features of each class's labeled items. The ratio of the mix is raised step by step until n
    items change class; its direction is the closed form of the paper. If fewer than n change at the largest ratio, all
    of them are picked, and others by noise. Features are scaled to length one for k-means.

    Args:
        features: What the last layer reads.
        layer: The last layer.
        step: How much the ratio is raised, in units of one over the root of the number of features.
        most: The largest ratio in these units.
        select: Who picks among the items that change.

    >>> paper = view(embeddings=[[-4.0], [4.0], [0.5], [3.0]], weights=[[-1.0], [1.0]], labeled=[0, 1], labels=[0, 1])
    >>> AlfaMix().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "N C d + changed n d"
    reads_labels: ClassVar[bool] = True
    revision: ClassVar[int] = 2  # confident items are mixed, too

    features: Signal = Embeddings()
    layer: Signal = LastLayer()
    step: float = 1 / 32  # authors' code, as is the next
    most: float = 1.0
    select: Selector = clusters.KMeans()

    def __post_init__(self) -> None:
        if not 0 < self.step <= self.most:
            raise BadInput(f"{self} mixes nothing. Use a step above 0 and no larger than the largest ratio.")

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n, features = min(n, len(view.candidates)), view[self.features]
        known, labels = view.of_labeled(self.features), view.labels
        seen = labels.sum(0) > 0
        anchors = (labels.T[seen] @ known.to(labels)) / labels.sum(0)[seen].unsqueeze(1)  # (classes, features)
        ratio = mixing.mixing_ratio(features, view[self.layer], anchors) * features.shape[1] ** 0.5
        steps = (ratio / self.step).ceil().clamp(min=1)  # of the first mix that changes each item's class
        least = steps[view.candidates].sort().values[n - 1] if n else 0
        changed = view.candidates[steps[view.candidates] <= min(float(least), self.most / self.step)]
        utility = -steps.clamp(max=self.most / self.step + 1)
        return _one_of_each(view, self.select, features, changed, utility, n)


def _one_of_each(view: View, select: Selector, features: Tensor, rows: Tensor, utility: Tensor, n: int) -> Batch:
    """One of each of n clusters of some rows, by their directions; all of them and others by noise if they are few."""
    if len(rows) <= n:
        noise = view.dice.of("rest").uniform(view.keys)
        rest = view.candidates[~torch.isin(view.candidates, rows)]
        rest, rows = drawn(rest, noise, n - len(rows)), drawn(rows, noise)
        picked = torch.cat([rows[utility[rows].argsort(descending=True, stable=True)], rest])
    else:
        found = select.pick(
            n,
            candidates=torch.arange(len(rows), device=rows.device),
            known=rows[:0],
            keys=view.keys[rows],
            dice=view.dice.of("select"),
            space=Features(normalized(_floating(features[rows]))),
        )
        picked = rows[found.rows]
    return view.batch(picked, notes=[{"utility": float(value)} for value in utility[picked].tolist()])


def _floating(array: Tensor) -> Tensor:
    return array if array.dtype in (torch.float32, torch.float64) else array.float()
