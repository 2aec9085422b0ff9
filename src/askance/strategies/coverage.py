"""Worth a label because nothing like it is labeled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from askance.errors import BadInput
from askance.selection import clusters, spread
from askance.selection.base import Selector
from askance.selection.space import Features, Space, normalized, principal
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.strategies.base import Strategy
from askance.view import View


@dataclass(frozen=True)
class KCenter(Strategy):
    """Again and again the item farthest from all that is known: the greedy core-set. [sener2018active]

    >>> paper = view(embeddings=[[0.0], [1.0], [3.0]], labeled=[0])
    >>> KCenter().query(paper, 2).ids
    [2, 1]
    """

    cost: ClassVar[str] = "N d, and few of n N d and L N d"

    features: Signal = Embeddings()
    select: Selector = spread.FarthestFirst()

    def space(self, view: View) -> Space:
        return Features(view[self.features], outside=view.outside(self.features))


@dataclass(frozen=True)
class KCenterPca(Strategy):
    """Again and again the item farthest from all that is known, along the main directions of the pool alone.
    [sener2018active; zhan2022deepal, KCenterGreedyPCA]

    The directions are the principal components of the pool's features, found exactly in double precision. DeepAL+
    squares distances in half precision, where they overflow to NaN.

    Args:
        features: Where the items lie.
        components: How many directions, at most.

    >>> paper = view(embeddings=[[0.0, 0.0], [5.0, 1.0], [9.0, 0.0], [4.0, -3.0]], labeled=[0])
    >>> KCenterPca(components=1).query(paper, 2).ids  # along the line of most spread
    [2, 1]
    """

    cost: ClassVar[str] = "N d^2 + d^3 + n N components"

    features: Signal = Embeddings()
    components: int = 50  # DeepAL+
    select: Selector = spread.FarthestFirst()

    def __post_init__(self) -> None:
        if self.components < 1:
            raise BadInput(f"KCenterPca(components={self.components}) looks along nothing. Use 1 or more.")

    def space(self, view: View) -> Space:
        features, outside = view[self.features], view.outside(self.features)
        if features.shape[1] <= self.components or not len(features):
            return Features(features, outside=outside)
        middle, directions = principal(features, self.components)
        moved = (features.double() - middle) @ directions
        beyond = None if outside is None else (outside.double() - middle) @ directions
        return Features(moved.float(), outside=None if beyond is None else beyond.float())


@dataclass(frozen=True)
class KMeansPlusPlus(Strategy):
    """Each item drawn in proportion to its squared distance to what is labeled or drawn. [arthur2007kmeans]

    Far items are likely and outliers are not certain, which is what sets it apart from k-center.

    Args:
        features: Where the items lie.

    >>> paper = view(embeddings=[[0.0], [0.0], [3.0]], labeled=[0])
    >>> KMeansPlusPlus().query(paper, 1).ids  # a duplicate of what is known is never drawn before another
    [2]
    """

    cost: ClassVar[str] = "N d, and few of n N d and L N d"

    features: Signal = Embeddings()
    select: Selector = spread.KMeansPlusPlus(first="noise", from_known=True)

    def space(self, view: View) -> Space:
        return Features(view[self.features], outside=view.outside(self.features))


@dataclass(frozen=True)
class Lcmd(Strategy):
    """The farthest member of the largest cluster around items known or picked. [holzmueller2023framework]

    Largest cluster maximum distance: a cluster is as large as the sum of its squared distances, so that dense parts of
    the pool get more items than by k-center.

    Args:
        features: Where the items lie; the paper recommends sketched gradients.

    >>> paper = view(embeddings=[[0.0], [20.0], [4.0], [-4.0], [3.0], [25.0]], labeled=[0, 1])
    >>> Lcmd().query(paper, 1).ids  # 16 + 16 + 9 around the first, 25 around the second
    [2]
    """

    cost: ClassVar[str] = "L N d + n N d"

    features: Signal = Embeddings()
    select: Selector = spread.LargestCluster()

    def space(self, view: View) -> Space:
        return Features(view[self.features], outside=view.outside(self.features))


@dataclass(frozen=True)
class KMeans(Strategy):
    """The item nearest to the center of each of n clusters. [zhdanov2019diverse]

    >>> paper = view(embeddings=[[0.0], [1.0], [2.0], [9.0]])
    >>> sorted(KMeans().query(paper, 2).ids)
    [1, 3]
    """

    cost: ClassVar[str] = "iterations x far fewer than n N d"

    features: Signal = Embeddings()
    select: Selector = clusters.KMeans()

    def space(self, view: View) -> Space:
        return Features(view[self.features])


@dataclass(frozen=True)
class TypiClust(Strategy):
    """The most typical item of each cluster that holds no label yet. [hacohen2022active]

    Features are scaled to length one, as in the paper.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [1.0, 0.5], [0.0, 1.0]], labeled=[4])
    >>> TypiClust().query(paper, 1).ids
    [1]
    """

    cost: ClassVar[str] = "k N d for k = L + n clusters, at most 500"

    features: Signal = Embeddings()
    select: Selector = clusters.TypicalPerCluster()

    def space(self, view: View) -> Space:
        outside = view.outside(self.features)
        return Features(normalized(view[self.features]), outside=normalized(outside) if outside is not None else None)
