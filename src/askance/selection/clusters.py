"""Selectors that take one item per cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.kernels.distances import typicality
from askance.kernels.nearest import neighbors
from askance.seeds import Dice
from askance.selection.base import Ground, Picked, Selector
from askance.selection.kmeans import k_means, nearest_center
from askance.selection.order import drawn
from askance.selection.space import Features, Space
from askance.selection.spread import needed

_TIED = 1e-4  # squared distances to a center that differ by no more than this share are alike


@dataclass(frozen=True)
class KMeans(Selector):
    """The candidate nearest to each centroid of k-means with n clusters, largest cluster first.

    Always exactly n: where fewer than n clusters have items, as with duplicates, the rest is filled with the candidates
    farthest from their centroids. Weights make a centroid a weighted mean. A pick's utility is how many candidates it
    stands for, or how much they weigh.

    >>> from askance.seeds import Dice
    >>> import torch
    >>> rows, line = torch.arange(5), torch.tensor([[0.], [1.], [3.], [20.], [21.]])
    >>> space = Features(line)
    >>> KMeans().pick(2, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"), space=space).rows[0]
    tensor(1)

    Args:
        iterations: Of Lloyd's algorithm, at most.
        tolerance: Stop when an iteration lowers the inertia by less than this share.
    """

    weighs: ClassVar[bool] = True

    iterations: int = 100
    tolerance: float = 1e-4

    def choose(self, n: int, ground: Ground) -> Picked:
        """Cluster the candidates and take the item nearest to each center."""
        features = _points(ground.space, self).array
        candidates, keys, dice = ground.candidates, ground.keys, ground.dice
        found = k_means(
            features,
            n,
            keys=keys,
            dice=dice,
            rows=candidates,
            weights=ground.weights,
            iterations=self.iterations,
            tolerance=self.tolerance,
        )
        labels, distances = found.labels[candidates], found.distances[candidates]
        sizes = torch.bincount(labels)
        least = distances.new_full((len(sizes),), torch.inf).scatter_reduce_(0, labels, distances, "amin")
        tied = distances <= least[labels] * (1 + _TIED)  # as two items alone are, for which rounding must not decide
        apart = torch.where(tied, least[labels], distances)
        order = _lexicographic(dice.of("ties").uniform(keys[candidates]), apart, labels)
        heads = order[(sizes.cumsum(0) - sizes)[sizes > 0]]  # where each cluster begins in the order
        heavy = sizes.double() if ground.weights is None else _sums(labels, ground.weights[candidates])
        heads = heads[heavy[labels[heads]].argsort(descending=True, stable=True)]
        others = torch.ones_like(labels, dtype=torch.bool).index_fill_(0, heads, False)
        rest = order[others[order]]
        rest = rest[distances[rest].argsort(descending=True, stable=True)][: n - len(heads)]
        stands_for = torch.cat([heavy[labels[heads]], heavy.new_zeros(len(rest))])
        return Picked(candidates[torch.cat([heads, rest])], stands_for.to(features.dtype))


@dataclass(frozen=True)
class TypicalPerCluster(Selector):
    """The most typical candidate of each cluster in turn, clusters with the fewest known items first.

    The rule of TypiClust (Hacohen et al. 2022): k-means over candidates and known items, one cluster for
    each of them known or asked for; clusters in the order of fewest known items, then most items; from each in turn the
    most typical candidate. In a large pool the centers are found on a sample. Small clusters wait until all others are
    empty, so there are always n picks. Typicality is taken over the whole cluster, known and picked items included. A
    pick's utility is its typicality.

    Args:
        clusters_at_most: Cap on the number of clusters.
        neighbors: Neighbors that count, at most, and at most half of the cluster.
        smallest: Clusters of fewer items wait.
        sample: Items that the centers are found on, at most, or ten for each cluster if that is more.
        members: Of a larger cluster, so many candidates are looked at, and neighbors looked for among so many members,
            drawn by a hash of their keys: comparing all with all would take the square of their number.
    """

    clusters_at_most: int = 500  # authors' code
    neighbors: int = 20  # Hacohen et al. 2022
    smallest: int = 6  # authors' code drops clusters of up to 5
    sample: int = 10_000  # authors' code takes mini-batches of 5,000 past 50 clusters
    members: int = 2_000

    def choose(self, n: int, ground: Ground) -> Picked:
        """Cluster, then let the clusters take turns."""
        points = _points(ground.space, self)
        candidates, known, keys, dice = ground.candidates, ground.known, ground.keys, ground.dice
        if len(points.outside):  # known points in no row of the pool count as rows behind it
            known = torch.cat([known, torch.arange(len(points.outside), device=known.device) + len(points)])
            keys = torch.cat([keys, -1 - torch.arange(len(points.outside), device=keys.device)])
        items = torch.unique(torch.cat([candidates, known]))
        k = min(len(known) + n, self.clusters_at_most)
        labels = self._labels(points, k, items, keys, dice)
        sides = (torch.bincount(labels[rows], minlength=k).tolist() for rows in (candidates, known))
        visits = turns(n, *sides, smallest=self.smallest)
        noise, draw = dice.of("ties").uniform(keys), dice.of("members").uniform(keys)

        def ranked(cluster: int, most: int) -> tuple[Tensor, Tensor]:
            own, members = (rows[labels[rows] == cluster] for rows in (candidates, items))
            own, members = _drawn(own, max(self.members, most), draw), _drawn(members, self.members, draw)
            near = torch.unique(torch.cat([own, members]))
            gathered = _gathered(points, near)  # of one cluster
            typical = typicality(
                gathered, torch.searchsorted(near, own), torch.searchsorted(near, members), self.neighbors
            )
            order = _lexicographic(noise[own], -typical)
            return own[order], typical[order]

        return _in_turn(visits, ranked)

    def _labels(self, points: Features, k: int, items: Tensor, keys: Tensor, dice: Dice) -> Tensor:
        """The cluster of each item, -1 for rows that are none: centers are found on a sample, which is copied."""
        learned = items
        if len(items) > max(self.sample, 10 * k):
            learned = drawn(items, dice.of("sample").uniform(keys), max(self.sample, 10 * k)).sort().values
        found = k_means(_gathered(points, learned), k, keys=keys[learned], dice=dice)
        labels = torch.full_like(keys, -1)
        if learned is items:
            return labels.index_copy_(0, items, found.labels)
        inside, outside = items[items < len(points)], items[items >= len(points)]
        labels[inside] = nearest_center(points.array, inside, found.centers)
        labels[outside] = nearest_center(points.outside, outside - len(points), found.centers)
        return labels


@dataclass(frozen=True)
class DensestPerCluster(Selector):
    """The candidate in the densest place of each cluster of k-means with n clusters, largest cluster first.

    As dense as the sum of distances to an item's nearest neighbors in its cluster is small; a cluster with fewer items
    than neighbors has all of them counted. Where fewer than n clusters have items, as with duplicates, they take turns.
    A pick's utility is that sum, negative.

    Args:
        neighbors: Neighbors that count, at most.
        members: Of a larger cluster, so many candidates are looked at, drawn by a hash of their keys.
    """

    neighbors: int = 20  # Gupte et al. 2024, authors' code
    members: int = 2_000

    def __post_init__(self) -> None:
        if self.neighbors < 1 or self.members < 1:
            raise BadInput(f"{self} looks at nothing. Use neighbors and members of 1 or more.")

    def choose(self, n: int, ground: Ground) -> Picked:
        """Cluster the candidates, then let the clusters take turns."""
        features = _points(ground.space, self).array
        candidates, keys, dice = ground.candidates, ground.keys, ground.dice
        labels = k_means(features, n, keys=keys, dice=dice, rows=candidates).labels[candidates]
        noise, draw = dice.of("ties").uniform(keys), dice.of("members").uniform(keys)

        def ranked(cluster: int, most: int) -> tuple[Tensor, Tensor]:
            own = _drawn(candidates[labels == cluster], max(self.members, most), draw)
            points = features[own]
            _, gaps = neighbors(points, points, min(self.neighbors + 1, len(own)))  # the nearest is the item itself
            lonely = gaps.sqrt().sum(1)
            order = _lexicographic(noise[own], lonely)
            return own[order], -lonely[order]

        sizes = torch.bincount(labels, minlength=n).tolist()
        return _in_turn(turns(n, sizes, [0] * n, smallest=1), ranked)


def turns(n: int, candidates: Sequence[int], known: Sequence[int], *, smallest: int) -> list[int]:
    """Whose turn it is for each of n picks, when clusters take turns until all are empty.

    Clusters with the fewest known items go first, then those with the most items, then the lower number. Clusters of
    fewer than ``smallest`` items wait until all others are empty.

    >>> turns(5, candidates=[1, 3, 2], known=[0, 4, 0], smallest=2)
    [2, 1, 2, 1, 1]

    Args:
        n: How many picks.
        candidates: How many candidates each cluster has.
        known: How many known items each cluster has.
        smallest: Clusters of fewer items, candidates and known together, wait.

    Returns:
        A cluster for each pick; fewer than n if the candidates run out.
    """
    sizes = [c + k for c, k in zip(candidates, known, strict=True)]
    order = sorted(range(len(sizes)), key=lambda cluster: (known[cluster], -sizes[cluster]))
    picks: list[int] = []
    for waits in (False, True):
        left = {cluster: candidates[cluster] for cluster in order if (sizes[cluster] < smallest) == waits}
        while any(left.values()) and len(picks) < n:
            turn = [cluster for cluster, count in left.items() if count]
            picks += turn
            for cluster in turn:
                left[cluster] -= 1
    return picks[:n]


def _in_turn(visits: Sequence[int], ranked: Callable[[int, int], tuple[Tensor, Tensor]]) -> Picked:
    """The best that is left of a cluster at each of its turns.

    Args:
        visits: Whose turn it is.
        ranked: Gives the rows of a cluster and what they are worth, best first, for so many turns.
    """
    found = {cluster: ranked(cluster, most) for cluster, most in Counter(visits).items()}
    places = {cluster: count() for cluster in found}
    picked = [(cluster, next(places[cluster])) for cluster in visits]
    rows, values = (torch.stack([found[cluster][part][place] for cluster, place in picked]) for part in (0, 1))
    return Picked(rows, values)


def _gathered(points: Features, rows: Tensor) -> Tensor:
    """Some rows, copied; those behind the pool are the points outside of it. Rows ascend."""
    inside = points.array[rows[rows < len(points)]]
    outside = rows[rows >= len(points)] - len(points)
    return torch.cat([inside, points.outside[outside]]) if len(outside) else inside


def _sums(labels: Tensor, weights: Tensor) -> Tensor:
    """The weight of each cluster, float64; added up in a fixed order on every device."""
    out = torch.zeros(int(labels.max()) + 1, dtype=torch.float64, device=labels.device)
    return out.index_put_((labels,), weights.double(), accumulate=True)


def _drawn(rows: Tensor, most: int, draw: Tensor) -> Tensor:
    """The rows, or so many of them by what was drawn for each, in their order."""
    return rows if len(rows) <= most else drawn(rows, draw, most).sort().values


def _lexicographic(*keys: Tensor) -> Tensor:
    """The order that sorts by the last key, then the one before it, and so on."""
    order = keys[0].argsort(stable=True)
    for key in keys[1:]:
        order = order[key[order].argsort(stable=True)]
    return order


def _points(space: Space | None, selector: Selector) -> Features:
    space = needed(space, selector)
    if not isinstance(space, Features):
        raise BadInput(
            f"{type(selector).__name__} needs points to average, and was given a {type(space).__name__}. "
            "Let `space` return Features."
        )
    return space
