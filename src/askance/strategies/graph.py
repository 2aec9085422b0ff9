"""Worth a label because a graph of all items says that nothing near it is labeled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.selection.base import Selector
from askance.selection.order import drawn
from askance.selection.space import Features, normalized
from askance.selection.spread import FarthestFirst
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.strategies.base import Strategy
from askance.utilities.membership import GraphNetwork, Membership
from askance.view import Batch, View


@dataclass(frozen=True)
class UncertainGCN(Strategy):
    """Ask what a graph network is just not sure to be unlabeled. [caramalau2021sequential]

    A graph network learns to tell labeled from unlabeled items; those whose score is nearest to a low margin come
    first. Features are scaled to length one.

    Args:
        features: What joins items.
        network: What is trained.
        margin: The score that is wanted, from 0, surely unlabeled, to 1.
        subset: How many candidates are in the graph, at most, or n if that is more; drawn by a hash of their keys.
        select: Who takes the highest.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], labeled=[0])
    >>> UncertainGCN().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "epochs (subset + L) d hidden"

    features: Signal = Embeddings()
    network: GraphNetwork = GraphNetwork()
    margin: float = 0.1  # Caramalau et al. 2021
    subset: int = 10_000  # Caramalau et al. 2021
    select: Selector = Top()

    def __post_init__(self) -> None:
        _check(self.subset)

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        nodes = _nodes(view, view[self.features], view.outside(self.features), max(n, self.subset))
        found = nodes.learned(self.network, view)
        return nodes.batch(view, self.select, n, utility=-(found.scores - self.margin).abs())


@dataclass(frozen=True)
class CoreGCN(Strategy):
    """Again and again the item farthest from all that is known, as a graph network sees them. [caramalau2021sequential]

    The network learns to tell labeled from unlabeled items; its hidden features are the space of a greedy core-set.
    Features are scaled to length one.

    Args:
        features: What joins items.
        network: What is trained.
        subset: How many candidates are in the graph, at most, or n if that is more; drawn by a hash of their keys.
        select: Who picks in the space.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], labeled=[0])
    >>> CoreGCN().query(paper, 1).ids
    [2]
    """

    cost: ClassVar[str] = "epochs (subset + L) d hidden"

    features: Signal = Embeddings()
    network: GraphNetwork = GraphNetwork()
    subset: int = 10_000  # Caramalau et al. 2021
    select: Selector = FarthestFirst()

    def __post_init__(self) -> None:
        _check(self.subset)

    def query(self, view: View, n: int) -> Batch:
        n = min(n, len(view.candidates))
        nodes = _nodes(view, view[self.features], view.outside(self.features), max(n, self.subset))
        found = nodes.learned(self.network, view)
        return nodes.batch(view, self.select, n, space=Features(found.hidden))


@dataclass(frozen=True, eq=False)
class _Nodes:
    """The items of a graph, in an order that no pool's order can change.

    Args:
        rows: Each node's row in the pool, -1 for known items that lie in none, int64 (nodes,).
        keys: Item keys, int64 (nodes,).
        known: Which are labeled or pending, bool (nodes,).
        features: At length one, (nodes, features).
    """

    rows: Tensor
    keys: Tensor
    known: Tensor
    features: Tensor

    def learned(self, network: GraphNetwork, view: View) -> Membership:
        """What a network makes of them."""
        return network.fit(self.features, self.known, self.keys, view.dice.of("network"))

    def batch(self, view: View, select: Selector, n: int, **given: Tensor | Features) -> Batch:
        """What a selector picks among the candidates."""
        found = select.pick(
            n,
            candidates=(~self.known).nonzero().flatten(),
            known=self.known.nonzero().flatten(),
            keys=self.keys,
            dice=view.dice.of("select"),
            **given,  # type: ignore[arg-type]
        )
        values = found.utility.tolist() if found.utility is not None else ()
        return view.batch(self.rows[found.rows], notes=[{"utility": value} for value in values])


def _nodes(view: View, features: Tensor, outside: Tensor | None, most: int) -> _Nodes:
    """The known items and so many candidates at most."""
    some = drawn(view.candidates, view.dice.of("subset").uniform(view.keys), most)
    rows = torch.cat([view.known, some])
    keys, known = view.keys[rows], torch.arange(len(rows), device=rows.device) < len(view.known)
    points = features[rows] if features.dtype == torch.float64 else features[rows].float()
    if outside is not None:
        beyond = torch.arange(len(outside), device=rows.device)
        rows, keys = torch.cat([rows, -torch.ones_like(beyond)]), torch.cat([keys, -1 - beyond])
        known, points = (
            torch.cat([known, torch.ones_like(beyond, dtype=torch.bool)]),
            torch.cat([points, outside.to(points)]),
        )
    order = view.dice.of("order").uniform(keys).argsort(stable=True)
    return _Nodes(rows[order], keys[order], known[order], normalized(points[order]))


def _check(subset: int) -> None:
    if subset < 1:
        raise BadInput(f"A graph of {subset} candidates has nothing to pick from. Use a subset of 1 or more.")
