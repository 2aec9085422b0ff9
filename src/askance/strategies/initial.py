"""Worth a label before anything is known: pools' first items, by where items lie alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from askance.selection import clusters
from askance.selection.base import Selector
from askance.selection.space import Features, Space, normalized
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.strategies.base import Strategy
from askance.view import View


@dataclass(frozen=True)
class Centroid(Strategy):
    """The item nearest to the center of each of n clusters of directions. [gupte2024revisiting]

    k-means with features scaled to length one; `KMeans` takes them as they are.

    >>> paper = view(embeddings=[[9.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 5.0]])
    >>> Centroid().query(paper, 2).ids  # of three in one direction the middle one, however long the others are
    [1, 3]
    """

    cost: ClassVar[str] = "iterations x far fewer than n N d"

    features: Signal = Embeddings()
    select: Selector = clusters.KMeans()

    def space(self, view: View) -> Space:
        return Features(normalized(view[self.features]))


@dataclass(frozen=True)
class DiverseDense(Strategy):
    """The item in the densest place of each of n clusters of directions. [gupte2024revisiting]

    k-means with features scaled to length one; an item's place is as dense as its 20 nearest neighbors in the cluster
    are near, in sum. The authors' code fails for clusters of fewer than 21 items; here those have fewer neighbors.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [1.0, 0.5], [0.0, 5.0]])
    >>> DiverseDense().query(paper, 2).ids
    [1, 4]
    """

    cost: ClassVar[str] = "iterations x far fewer than n N d, and N m d for clusters of m items, at most 2,000"

    features: Signal = Embeddings()
    select: Selector = clusters.DensestPerCluster()

    def space(self, view: View) -> Space:
        return Features(normalized(view[self.features]))
