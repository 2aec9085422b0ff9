"""Worth a label because many items are like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.selection.base import Selector
from askance.selection.graph import dense_and_apart, neighbor_graph
from askance.selection.kmeans import k_means, nearest_center
from askance.selection.order import drawn
from askance.selection.shares import within_shares
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities import uncertainty
from askance.utilities.density import mean_cosine
from askance.view import Batch, View


@dataclass(frozen=True)
class InformationDensity(Strategy):
    """Ask where the prediction says least, in proportion to how alike the item is to all others.
    [settles2008analysis]

    The entropy times a power of the mean cosine to all candidates. A mean below zero counts as zero.

    Args:
        signal: What the model believes.
        features: Where the items lie.
        beta: The power; with 0 this is entropy.

    >>> paper = view(
    ...     embeddings=[[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], probabilities=[[0.7, 0.3], [0.6, 0.4], [0.5, 0.5]]
    ... )
    >>> InformationDensity().query(paper, 1).ids  # the last one is a little less sure, and alone
    [1]
    """

    cost: ClassVar[str] = "N (C + d)"

    signal: Signal = Probabilities()
    features: Signal = Embeddings()
    beta: float = 1.0
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        density = mean_cosine(view[self.features], view.candidates).clamp_(min=0)
        return uncertainty.entropy(view[self.signal]) * density**self.beta


@dataclass(frozen=True)
class GraphDensity(Strategy):
    """Again and again the item of the densest place in a graph of nearest neighbors, which counts less around a pick.
    [ebert2012ralf]

    Known items count as picks before the first: they lower the density of their neighbors, too. In a large pool the
    graph is of some items, drawn by a hash of their keys, known ones first; what is wanted beyond them is drawn.

    Args:
        features: Where the items lie.
        neighbors: Each item is joined to so many of its nearest.
        items: The graph is of so many items, at most, of which at most half are known.

    >>> paper = view(embeddings=[[0.0], [0.1], [0.2], [5.0], [5.5], [6.0]])
    >>> sorted(GraphDensity(neighbors=2).query(paper, 2).ids)  # one of each heap
    [1, 4]
    """

    cost: ClassVar[str] = "m^2 d + n m for m items of the graph"
    revision: ClassVar[int] = 2  # neighbors are the nearest ones, and ties go to the lower row

    features: Signal = Embeddings()
    neighbors: int = 10  # Ebert et al. 2012
    items: int = 5_000

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        features, noise = view[self.features], view.dice.of("items").uniform(view.keys)
        order = drawn(view.candidates, noise)
        known = drawn(view.known, noise, self.items // 2)
        shown = torch.cat([known, order[: self.items - len(known)]])
        points, outside = features[shown], view.outside(self.features)
        if outside is not None:
            points = torch.cat([points, outside[: self.items // 2].to(points)])
        said = torch.ones(len(points), dtype=torch.bool, device=points.device)
        said[len(known) : len(shown)] = False
        picks, values = dense_and_apart(*neighbor_graph(points, self.neighbors), said, min(n, len(shown) - len(known)))
        rest = order[self.items - len(known) :][: n - len(picks)]
        rows = torch.cat([shown[picks], rest])
        return view.batch(rows, notes=[{"utility": value} for value in values + [0.0] * len(rest)])


@dataclass(frozen=True)
class InfoDiv(Strategy):
    """The smallest margins, as long as no cluster gets more of the batch than it has of the pool.
    [zhan2021comparative]

    A batch of one would be that of plain margin, were it alone: so the batch may be counted with all that is known.

    Args:
        signal: What the model believes.
        features: Where the items lie.
        clusters: Of k-means; None is one for each class.
        with_known: Whether what is known counts, so that all of it together is shared out as the pool is.
        sample: Centers are found on so many items, at most.

    >>> paper = view(
    ...     embeddings=[[0.0], [0.1], [9.0], [9.1]], probabilities=[[0.5, 0.5], [0.6, 0.4], [0.8, 0.2], [0.9, 0.1]]
    ... )
    >>> InfoDiv().query(paper, 2).ids  # half of the pool lies elsewhere
    [0, 2]
    """

    cost: ClassVar[str] = "N (C + k d) for k clusters"

    signal: Signal = Probabilities()
    features: Signal = Embeddings()
    clusters: int | None = None
    with_known: bool = False
    sample: int = 10_000

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        margins = uncertainty.margin(view[self.signal])
        rows = drawn(view.candidates, view.dice.of("ties").uniform(view.keys))
        rows = rows[margins[rows].argsort(descending=True, stable=True).to(rows.device)]
        if n:
            pool = torch.cat([view.candidates, view.known]).sort().values
            count = min(view.task.width if self.clusters is None else self.clusters, len(pool))
            features, dice = view[self.features], view.dice.of("clusters")
            clusters = k_means(features, count, keys=view.keys, dice=dice, rows=pool, sample=self.sample)
            found, beyond = clusters.labels.to(rows.device), self._beyond(view, clusters.centers).to(rows.device)
            everyone, told = torch.cat([found[pool], beyond]), torch.cat([found[view.known], beyond])
            known = torch.bincount(told, minlength=count).double() if self.with_known else None
            shares = torch.bincount(everyone, minlength=count).double() / len(everyone)
            rows = within_shares(rows, found[rows], shares, n, known)
        rows = rows[:n]
        return view.batch(rows, notes=[{"utility": value} for value in margins[rows].tolist()])

    def _beyond(self, view: View, centers: Tensor) -> Tensor:
        """The cluster of each labeled item that lies in no row of the pool."""
        outside = view.outside(self.features)
        points = centers[:0] if outside is None else outside.to(centers)
        return nearest_center(points, torch.arange(len(points), device=points.device), centers)
