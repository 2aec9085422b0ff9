"""Classics with a structure or a classifier of their own: worth a label for what that makes of the pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.selection.base import Selector
from askance.selection.kmeans import k_means
from askance.selection.order import drawn
from askance.selection.top import Top
from askance.selection.tree import draws, joined, pruned
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities.hints import boundary_distance, hinted_machine
from askance.utilities.mixture import cluster_beliefs, density_weighted_error, mixture
from askance.utilities.quire import gaussian, worst_cost
from askance.view import Batch, View

_PART = 1_000  # rows at once, where they are compared with all centers
_SPREAD = 2_000  # items that a kernel's width is taken from


@dataclass(frozen=True)
class Hierarchical(Strategy):
    """Draw from the parts of a tree of clusters, as often as they are large and their majority is not certain.
    [dasgupta2008hierarchical]

    The tree is Ward's over small clusters of k-means; with few items it is over the items. Where labels tell children
    apart the tree is cut lower. The cut follows from all labels at once, however they came, where the paper remembers
    the last one.

    Args:
        features: Where the items lie.
        leaves: So many small clusters, at most.
        beta: How much better than all others the label of a cluster must be.
        sample: Centers are found on so many items, at most.

    >>> paper = view(embeddings=[[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]], labeled=[0, 1, 2, 3], labels=[0, 0, 0, 1])
    >>> sorted(Hierarchical().query(paper, 2).ids)
    [4, 5]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "N d k + k^2 d for k leaves"

    features: Signal = Embeddings()
    leaves: int = 300
    beta: float = 2.0  # Dasgupta & Hsu 2008
    sample: int = 5_000

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        if n == 0:
            return view.batch(view.candidates[:0])
        features, outside = view[self.features], view.outside(self.features)
        places, centers = self._clusters(view, features)
        told = places[view.labeled]
        if outside is not None:
            parts = outside.to(centers).split(_PART)
            told = torch.cat([told, *(torch.cdist(part, centers).argmin(1).to(told.device) for part in parts)])
        counts = torch.zeros(len(centers), view.task.width, dtype=torch.float64, device=told.device)
        counts.index_add_(0, told, view.labels.to(counts))
        everyone = torch.cat([places[view.candidates], places[view.pending], told])
        tree = joined(centers, torch.bincount(everyone, minlength=len(centers)))
        cut, _, unsure = pruned(tree, counts.cpu().numpy(), self.beta)
        order = drawn(view.candidates, view.dice.of("items").uniform(view.keys))
        throws = view.dice.of("nodes").uniform(torch.arange(n))
        weights = tree.sizes[cut] * unsure
        rows = draws(tree, cut, weights, places[order], order, throws)
        return view.batch(rows, notes=[{"parts": len(cut)}] * len(rows))

    def _clusters(self, view: View, features: Tensor) -> tuple[Tensor, Tensor]:
        """The small cluster of each item, and the centers."""
        rows = torch.cat([view.candidates, view.known]).sort().values
        dice = view.dice.of("clusters")
        if len(rows) > self.leaves:
            found = k_means(features, self.leaves, keys=view.keys, dice=dice, rows=rows, sample=self.sample)
            labels = found.labels.to(rows.device)
            used = torch.unique(labels[rows])
            places = torch.zeros(self.leaves, dtype=torch.int64, device=rows.device)
            places[used] = torch.arange(len(used), device=rows.device)
            return places[labels.clamp(min=0)], found.centers[used]
        rows = drawn(rows, dice.uniform(view.keys))
        places = torch.zeros(len(view), dtype=torch.int64, device=rows.device)
        places[rows] = torch.arange(len(rows), device=rows.device)
        return places, features[rows]


@dataclass(frozen=True)
class Quire(Strategy):
    """Ask where even the worst label costs a kernel classifier least: informative and representative at once.
    [huang2010active]

    The classifier is the method's own, with a Gaussian kernel, one class against the rest. The paper's formula over all
    unlabeled items comes out as one over the labeled items alone, so it is exact for a pool of any size.

    Args:
        features: Where the items lie.
        ridge: The penalty of the classifier.
        gamma: The kernel is exp(-gamma |x - x'|^2); None is one over the features' total variance.
        known: So many labeled items are looked at, at most, drawn by a hash of their keys.

    >>> paper = view(embeddings=[[0.0], [1.0], [2.0]], labeled=[0, 2], labels=[0, 1])
    >>> Quire().query(paper, 1).ids
    [1]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "N L (L + d + C) + L^3"

    features: Signal = Embeddings()
    ridge: float = 1.0
    gamma: float | None = None
    known: int = 2_000
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        features = view[self.features]
        known, labels = _known(view, self.features, self.known)
        gamma = _gamma(view, features) if self.gamma is None else self.gamma
        cost = worst_cost(features, known, 2 * labels - 1, ridge=self.ridge, gamma=gamma)
        return -cost.float()  # costs equal but for rounding are ties


@dataclass(frozen=True)
class Dwus(Strategy):
    """Ask where the expected squared error is large and many items are alike: density-weighted uncertainty.
    [nguyen2004active]

    The model is the method's own: clusters of k-means, of which each has class probabilities and each item a share.

    Args:
        features: Where the items lie.
        clusters: How many, at most.
        ridge: The penalty of the head that says the clusters' classes.
        sample: The clusters are found on so many items, at most.

    >>> paper = view(embeddings=[[0.0], [0.1], [-0.1], [4.0], [9.0], [9.1]], labeled=[1, 5], labels=[0, 1])
    >>> Dwus(clusters=2).query(paper, 4).ids[3]  # nothing is like it
    3
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "N k (d + C) for k clusters"

    features: Signal = Embeddings()
    clusters: int = 20
    ridge: float = 1.0
    sample: int = 5_000
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        features: Tensor = view[self.features]
        dice = view.dice.of("clusters")
        everyone = torch.arange(len(view), device=view.keys.device)
        if not len(everyone):
            return features.new_zeros(0)
        count = min(self.clusters, len(everyone))
        centers = k_means(features, count, keys=view.keys, dice=dice, sample=self.sample).centers
        found = mixture(features[drawn(everyone, dice.of("fit").uniform(view.keys), self.sample)], centers)
        _, belongs = found.of(view.of_labeled(self.features).to(centers))
        beliefs = cluster_beliefs(found, belongs, view.labels, self.ridge)
        return density_weighted_error(features, found, beliefs).float()  # what is equal but for rounding is a tie


@dataclass(frozen=True)
class HintSvm(Strategy):
    """Ask nearest to the boundary of a machine whose boundary is drawn through what is unlabeled. [li2012active]

    The machine is the method's own, with a Gaussian kernel, one class against the rest; hints are unlabeled items,
    drawn by a hash of their keys. Hints that the boundary goes through are ties. With more than two classes the two
    highest values count, as with margin.

    Args:
        features: Where the items lie.
        loss: What a labeled item on the wrong side costs.
        hint: What a hint away from the boundary costs.
        hints: How many, at most.
        gamma: The kernel is exp(-gamma |x - x'|^2); None is one over the features' total variance.
        known: So many labeled items are looked at, at most, drawn by a hash.

    >>> paper = view(embeddings=[[0.0], [1.0], [2.2], [3.0], [4.0]], labeled=[0, 4], labels=[0, 1])
    >>> HintSvm(hint=0.01).query(paper, 1).ids
    [2]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "N (L + h) (d + C) + (L + h)^3 for h hints"

    features: Signal = Embeddings()
    loss: float = 0.1  # the pool benchmark's setting, as is that of hints
    hint: float = 0.1
    hints: int = 200
    gamma: float | None = None
    known: int = 1_000
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        features = view[self.features]
        known, labels = _known(view, self.features, self.known)
        hints = features[drawn(view.candidates, view.dice.of("hints").uniform(view.keys), self.hints)]
        points = torch.cat([known, hints])
        gamma = _gamma(view, features) if self.gamma is None else self.gamma
        gram = gaussian(points.double(), points.double(), gamma) + 1  # the one is for the bias
        dual = hinted_machine(gram, 2 * labels - 1, cost=self.loss, hint_cost=self.hint)
        return -boundary_distance(features, points, dual, gamma).float()  # equal but for rounding are ties


def _known(view: View, features: Signal, most: int) -> tuple[Tensor, Tensor]:
    """Features and targets of the labeled items, or of so many of them; those outside of the pool have no keys."""
    known, labels = view.of_labeled(features), view.labels
    if len(known) <= most:
        return known, labels
    keys = torch.arange(len(known), device=view.keys.device)
    keys[: len(view.labeled)] = view.keys[view.labeled]
    kept = drawn(torch.arange(len(known), device=keys.device), view.dice.of("known").uniform(keys), most)
    return known[kept], labels[kept]


def _gamma(view: View, features: Tensor) -> float:
    """One over the total variance of the features, over some items."""
    everyone = torch.arange(len(view), device=view.keys.device)
    some = features[drawn(everyone, view.dice.of("width").uniform(view.keys), _SPREAD)].double()
    total = float(some.var(0, correction=0).sum()) if len(some) else 0.0
    return 1 / total if total > 0 else 1.0
