"""Geometries of kernels: items with infinitely many features, known by their inner products alone."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.selection.space import Features, Space

KINDS = ("ntk", "nngp")

_PIECE = 1 << 17  # elements of a temporary: 1 MiB of float64
_ALIKE = 1e-14  # angles whose cosine is this near to 1 are zero, or what is alike would be 1e-7 apart by rounding


class Kernel(Space):
    """A space whose squared distances are ``k(x, x) + k(y, y) - 2 k(x, y)``.

    Rows count on behind the pool: ``len(kernel) + i`` is the i-th known point that lies in no row of it.

    Args:
        array: What the kernel is a function of, (items, features).
        outside: The same of known points that lie in no row of the pool, (points, features).
    """

    def __init__(self, array: Tensor, outside: Tensor | None = None) -> None:
        self.places = Features(array, outside)

    @abstractmethod
    def products(self, ones: Tensor, others: Tensor) -> Tensor:
        """The kernel of every pair of two lists of points, float64 (ones, others)."""

    @abstractmethod
    def lengths(self, points: Tensor) -> Tensor:
        """The kernel of points with themselves, float64 (points,)."""

    @abstractmethod
    def like(self, array: Tensor, outside: Tensor | None) -> Kernel:
        """The same kernel of other points."""

    def between(self, rows: Tensor, others: Tensor) -> Tensor:
        """The kernel of some rows with others, float64 (rows, others)."""
        return self.products(self.points(rows), self.points(others))

    def diagonal(self, rows: Tensor) -> Tensor:
        """The kernel of some rows with themselves, float64 (rows,)."""
        return self.lengths(self.points(rows))

    def points(self, rows: Tensor) -> Tensor:
        """What the kernel is a function of, at some rows, float64 (rows, features)."""
        array, outside = self.places.array, self.places.outside
        if not len(outside):
            return array[rows].double()
        inside = rows < len(array)
        out = array.new_empty(len(rows), array.shape[1])
        out[inside], out[~inside] = array[rows[inside]], outside[rows[~inside] - len(array)]
        return out.double()

    def beyond_rows(self) -> Tensor:
        """The row numbers of the known points that lie in no row of the pool, int64."""
        return torch.arange(len(self), len(self) + self.beyond(), device=self.places.array.device)

    def __len__(self) -> int:
        return len(self.places)

    def norms(self) -> Tensor:
        """The kernel of every item with itself; computed once."""
        return self._norms

    @cached_property
    def _norms(self) -> Tensor:
        out = self.filled(0)
        for some in self._steps(1):
            out[some] = self.lengths(self.places.array[some].double())
        return out

    def approach(self, rows: Tensor, nearest: Tensor) -> None:
        """Kernel products of the pool with all the rows, in pieces."""
        self._approach(self.places.array[rows], nearest)

    def approach_known(self, known: Tensor, nearest: Tensor) -> bool:
        self.approach(known, nearest)
        self._approach(self.places.outside, nearest)
        return len(known) + self.beyond() > 0

    def beyond(self) -> int:
        return self.places.beyond()

    def approach_beyond(self, number: int, nearest: Tensor) -> None:
        self._approach(self.places.outside[number : number + 1], nearest)

    def take(self, rows: Tensor) -> Kernel:
        return self.like(self.places.array[rows], self.places.outside)

    def filled(self, value: float) -> Tensor:
        return torch.full((len(self),), value, dtype=torch.float64, device=self.places.array.device)

    def _approach(self, points: Tensor, nearest: Tensor) -> None:
        if not len(points):
            return
        points = points.double()
        lengths = self.lengths(points)
        for some in self._steps(len(points)):
            sums = self.norms()[some].unsqueeze(1) + lengths
            apart = sums - 2 * self.products(self.places.array[some].double(), points)
            apart = torch.where(apart <= 1e-12 * sums, 0.0, apart).amin(1)
            left = nearest[some]
            torch.where(left > 0, torch.minimum(left, apart.to(left)), left, out=left)

    def _steps(self, others: int) -> Iterator[slice]:
        step = max(1, _PIECE // max(others, self.places.array.shape[1], 1))
        return (slice(start, start + step) for start in range(0, len(self), step))


class InnerProducts(Kernel):
    """Inner products of vectors, plus a constant.

    >>> space = InnerProducts(torch.tensor([[1.0, 2.0], [3.0, 0.0]]), bias=1.0)
    >>> space.between(torch.tensor([0]), torch.tensor([0, 1])).tolist()
    [[6.0, 4.0]]

    Args:
        array: (items, features).
        outside: Of known points that lie in no row of the pool, (points, features).
        bias: The constant, at least 0.
    """

    def __init__(self, array: Tensor, outside: Tensor | None = None, bias: float = 0.0) -> None:
        super().__init__(array, outside)
        self.bias = bias

    def products(self, ones: Tensor, others: Tensor) -> Tensor:
        return ones @ others.T + self.bias

    def lengths(self, points: Tensor) -> Tensor:
        return points.square().sum(1) + self.bias

    def like(self, array: Tensor, outside: Tensor | None) -> InnerProducts:
        return InnerProducts(array, outside, self.bias)


class ArcCosine(Kernel):
    """The kernel of infinitely wide ReLU networks: their tangent kernel, or the covariance of their scores.

    With ``S_0 = w <x, x'> / features + b`` and the angle t between two items in the covariance before
    [cho2009kernel] [jacot2018neural]::

        S = w sqrt(q q') (sin t + (pi - t) cos t) / (2 pi) + b      the covariance of the next layer (nngp)
        T = S + w T_before (pi - t) / (2 pi)                        its tangent kernel (ntk), T_0 = S_0

    >>> plane = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> wide = ArcCosine(plane, settings=Wide(depth=2, kind="nngp", weight=2.0, bias=0.0))
    >>> (wide.between(torch.tensor([0]), torch.arange(3)) * torch.pi).round(decimals=2)  # each q is 1
    tensor([[3.1400, 1.0000, 0.0000]], dtype=torch.float64)

    Args:
        array: (items, features).
        outside: Of known points that lie in no row of the pool, (points, features).
        settings: Depth, kind and variances.
    """

    def __init__(self, array: Tensor, outside: Tensor | None = None, settings: Wide | None = None) -> None:
        super().__init__(array, outside)
        self.settings = settings or Wide()

    def products(self, ones: Tensor, others: Tensor) -> Tensor:
        own, weight, bias = self.settings, self.settings.weight, self.settings.bias
        share = weight / max(1, ones.shape[1])
        left, right = (points.square().sum(1).mul_(share).add_(bias) for points in (ones, others))
        covariance = (ones @ others.T).mul_(share).add_(bias)
        tangent = covariance
        for _ in range(own.depth - 1):
            sizes = torch.outer(left, right).sqrt_()
            cosine = torch.where(sizes > 0, covariance / sizes, 1.0).clamp_(-1, 1)
            cosine = torch.where(cosine > 1 - _ALIKE, 1.0, cosine)
            angle = cosine.acos()
            turned = (math.pi - angle) / (2 * math.pi)
            covariance = weight * sizes * (angle.sin() / (2 * math.pi) + turned * cosine) + bias
            tangent = covariance + weight * tangent * turned
            left, right = (weight * sizes / 2 + bias for sizes in (left, right))
        return tangent if own.kind == "ntk" else covariance

    def lengths(self, points: Tensor) -> Tensor:
        own = self.settings
        size = points.square().sum(1).mul_(own.weight / max(1, points.shape[1])).add_(own.bias)
        tangent = size
        for _ in range(own.depth - 1):
            size = own.weight * size / 2 + own.bias
            tangent = size + own.weight * tangent / 2
        return tangent if own.kind == "ntk" else size

    def like(self, array: Tensor, outside: Tensor | None) -> ArcCosine:
        return ArcCosine(array, outside, self.settings)


@dataclass(frozen=True)
class Wide:
    """Which infinitely wide ReLU network an `ArcCosine` is the kernel of.

    Args:
        depth: Linear layers, the last one included; 1 is a linear model.
        kind: ``ntk``, as trained by gradient descent, or ``nngp``, as trained in the last layer alone.
        weight: The variance of weights times the width of their layer; 2 keeps the size of what passes a ReLU.
        bias: The variance of biases.
    """

    depth: int = 3
    kind: str = "ntk"
    weight: float = 2.0
    bias: float = 0.1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind", self.kind, KINDS)
        if self.depth < 1 or not 0 < self.weight < math.inf or not 0 <= self.bias < math.inf:
            raise BadInput(
                f"{self} is no network. Use a depth of 1 or more, a weight above 0 and a bias of at least 0."
            )

    def over(self, features: Tensor, outside: Tensor | None = None) -> Kernel:
        """The kernel of some features."""
        return ArcCosine(features, outside, self)


@dataclass(frozen=True)
class Straight:
    """Inner products of the features as they are, as of tangent features, plus a constant.

    Args:
        bias: The constant, at least 0.
    """

    bias: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.bias < math.inf:
            raise BadInput(f"Straight(bias={self.bias}) is no kernel. Use a bias of at least 0.")

    def over(self, features: Tensor, outside: Tensor | None = None) -> Kernel:
        """The kernel of some features."""
        return InnerProducts(features, outside, self.bias)


Shape = Wide | Straight
