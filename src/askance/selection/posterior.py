"""Features under the posterior of a linear model: what known items leave to learn, without a copy of the features."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import cached_property

import torch
from scipy.linalg import blas
from torch import Tensor

from askance.errors import BadInput
from askance.kernels.roots import JITTER, root_of
from askance.kernels.volume import PIECE, squared_lengths
from askance.selection.base import Ground
from askance.selection.space import Features, Product


class Scaled(Product):
    """Vectors times a number each, which are not multiplied out.

    >>> Scaled(torch.tensor([2., 1.]), torch.tensor([[1., 0.], [0., 1.]])).norms()
    tensor([4., 1.])

    Args:
        scales: The numbers, (items,).
        features: The vectors, (items, features).
        outside: Known points that lie in no row of the pool, (points, features). They count in a
            posterior; distances are taken to none of them.
        outside_scales: The numbers that go with them, (points,).
    """

    def __init__(
        self,
        scales: Tensor,
        features: Tensor,
        outside: Tensor | None = None,
        outside_scales: Tensor | None = None,
    ) -> None:
        super().__init__(scales.unsqueeze(1), features)
        self.scales = self.left.array[:, 0]
        self.outside = self.right.array[:0] if outside is None else outside.to(self.right.array)
        self.outside_scales = self.scales[:0] if outside_scales is None else outside_scales.to(self.scales)


class Points:
    """The features of a ground as float64, piece by piece: scaled by importance, with a column of ones if wanted.

    Importance is a factor of quality: a candidate of weight w counts as ``sqrt(w) x``. Known items count as they are.

    Args:
        ground: What is picked from; its space must be `Features` or `Scaled`.
        who: Who asks, for the error.
        bias: Whether every item has one more feature that is always 1 before it is scaled.
        known: Whether known items count.
        short: Whether items that are fewer than half of the features may be turned, so that they have as many features
            as there are items: inner products stay, and matrices of features by features get small.
    """

    def __init__(
        self, ground: Ground, who: str, *, bias: bool = False, known: bool = True, short: bool = False
    ) -> None:
        space = ground.space
        if not isinstance(space, Features | Scaled):
            raise BadInput(f"{who} picks among vectors. Define `space` on the strategy and give it Features.")
        self.array = space.array if isinstance(space, Features) else space.right.array
        self.outside = space.outside if known else space.outside[:0]
        self.known = ground.known if known else ground.known[:0]
        self.named = self.rows = ground.candidates  # `named` stay pool rows
        self.bias = bias
        self.width = self.array.shape[1] + bias
        self._scales = space.scales.double() if isinstance(space, Scaled) else None
        self._outside_scales = space.outside_scales.double() if isinstance(space, Scaled) else None
        self.weighted = ground.weights is not None or self._scales is not None
        self.weights = self.array.new_ones(len(self.rows), dtype=torch.float64)
        if ground.weights is not None:
            self.weights *= ground.weights[self.rows].to(self.weights)
        if self._scales is not None:
            self.weights *= self._scales[self.rows].square()
        if short and 2 * (len(self.rows) + self.count_known()) <= self.width:
            self._turn()

    def candidates(self, places: Tensor | slice, kind: torch.dtype = torch.float64) -> Tensor:
        """Some candidates, scaled, (places, width)."""
        whole = isinstance(places, slice) and len(self.rows) == len(self.array)
        points = self._with_ones(self.array[places if whole else self.rows[places]], kind)
        return points * self.weights[places].sqrt().to(kind).unsqueeze(1) if self.weighted else points

    @cached_property
    def lengths(self) -> Tensor:
        """Squared length of every candidate, scaled, (candidates,)."""
        return (squared_lengths(self.array, self.rows) + self.bias) * self.weights

    def pieces(self, kind: torch.dtype = torch.float64) -> Iterator[tuple[slice, Tensor]]:
        """All candidates."""
        for some in self._steps(len(self.rows)):
            yield some, self.candidates(some, kind)

    def knowns(self) -> Iterator[Tensor]:
        """All known items, those outside of the pool included, float64 pieces."""
        for some in self._steps(len(self.known)):
            rows = self.known[some]
            points = self._with_ones(self.array[rows])
            yield points if self._scales is None else points * self._scales[rows].unsqueeze(1)
        for some in self._steps(len(self.outside)):
            points = self._with_ones(self.outside[some])
            yield points if self._outside_scales is None else points * self._outside_scales[some].unsqueeze(1)

    def count_known(self) -> int:
        """How many items are known."""
        return len(self.known) + len(self.outside)

    def mean_length(self) -> float:
        """The mean squared length of the known items, or of the candidates where nothing is known; 1 where it is 0."""
        count = self.count_known()
        total = sum(float(points.square().sum()) for points in self.knowns()) if count else float(self.lengths.sum())
        mean = total / max(1, count or len(self.rows))
        if not math.isfinite(mean):
            raise BadInput("A squared length is infinite or NaN. Check the features for NaN, and scale them down.")
        return mean if mean > 0 else 1.0

    def noise(self, deviation: float) -> float:
        """The variance of noise whose standard deviation is given in units of the root of `mean_length`.

        Below a millionth it counts as a millionth, or rounding would decide what copies of known items and picks leave.
        """
        return max(deviation**2, JITTER) * self.mean_length()

    def _turn(self) -> None:
        """Coordinates of all items in the space that they span."""
        items = torch.cat([*(piece for _, piece in self.pieces()), *self.knowns()])
        values, vectors = torch.linalg.eigh(items @ items.T)
        coordinates = vectors * values.clamp(min=0).sqrt()
        self.array, self.outside = coordinates[: len(self.rows)].contiguous(), coordinates[len(self.rows) :]
        self.rows = torch.arange(len(self.rows), device=self.rows.device)
        self.known, self.width, self.bias = self.rows[:0], len(items), False
        self.weights = torch.ones_like(self.weights)
        self._scales = self._outside_scales = None
        self.weighted = False

    def _steps(self, count: int) -> list[slice]:
        step = max(1, PIECE // max(1, self.width))
        return [slice(start, start + step) for start in range(0, count, step)]

    def _with_ones(self, points: Tensor, kind: torch.dtype = torch.float64) -> Tensor:
        if not self.bias:
            return points.to(kind)
        out = points.new_empty(len(points), self.width, dtype=kind)
        out[:, :-1] = points
        out[:, -1] = 1
        return out


class Posterior:
    """The covariance of the weights of a linear model with unit prior, ``A = s (s I + sum of x x^T)^-1``.

    It is kept as a base, which is the unit matrix or a full one, less the squares of a few rows: each item that is
    learned adds ``u = A x / sqrt(x.A x + s)``, after which ``A`` has become ``A - u u^T`` (Sherman and Morrison).

    Args:
        points: Whose known items are learned first.
        noise: s, the variance of the noise; above 0 where something is known.
    """

    def __init__(self, points: Points, noise: float) -> None:
        self.width, self.noise = points.width, noise
        self._device = points.array.device
        self.base: Tensor | None = None  # None: the unit matrix
        self._root: Tensor | None = None  # upper triangular: base = root root^T
        self._moment: Tensor | None = None
        self.count = 0
        known = points.count_known()
        self._rows = torch.empty(min(known, self.width) + 64, self.width, dtype=torch.float64, device=self._device)
        self._learned: list[Tensor] = []
        if 0 < known < self.width:
            learned = torch.cat(list(points.knowns()))
            self._learned.append(learned)
            inner = learned @ learned.T
            inner.diagonal().add_(noise)
            self._rows[:known] = torch.linalg.solve_triangular(root_of(inner), learned, upper=False)
            self.count = known
        elif known:
            self._moment = moment(points.knowns(), self.width, self._device)
            self._rebase()

    @property
    def directions(self) -> Tensor:
        """The rows u that are not in the base, float64 (rows, width)."""
        return self._rows[: self.count]

    def apply(self, vectors: Tensor) -> Tensor:
        """A times each vector, (vectors, width)."""
        straight = vectors if self.base is None else vectors @ self.base
        return straight - (vectors @ self.directions.T) @ self.directions

    def covariance(self) -> Tensor:
        """A itself, (width, width)."""
        return self.apply(torch.eye(self.width, dtype=torch.float64, device=self._device))

    def root(self) -> Tensor:
        """The symmetric root of A, (width, width)."""
        values, vectors = torch.linalg.eigh(self.covariance())
        root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
        return root

    def variances(self, points: Points) -> Tensor:
        """``x.A x`` of every candidate, float64 (candidates,)."""
        if self.base is None and not self.count:
            return points.lengths.clone()
        out = torch.empty(len(points.rows), dtype=torch.float64, device=self._device)
        for some, piece in points.pieces():
            out[some] = piece.square().sum(1) if self._root is None else lengths(piece, self._root)
            if self.count:
                out[some] -= (piece @ self.directions.T).square_().sum(1)
        return out.clamp_(min=0)

    def learn(self, vector: Tensor, variance: float, noise: float) -> Tensor:
        """Learn one item, whose variance is known already; returns its row u."""
        if self.count == len(self._rows):
            self._rows = torch.cat([self._rows, torch.empty_like(self._rows)])
        self._rows[self.count] = self.apply(vector.unsqueeze(0))[0] / math.sqrt(variance + noise)
        self.count += 1
        self._learned.append(vector.unsqueeze(0))
        return self._rows[self.count - 1]

    def fold(self) -> None:
        """Put all rows into the base."""
        if self._moment is None:
            self._moment = torch.zeros(self.width, self.width, dtype=torch.float64, device=self._device)
        learned = torch.cat(self._learned)
        self._moment += learned.T @ learned
        self._learned = []
        self.count = 0
        self._rebase()

    def _rebase(self) -> None:
        assert self._moment is not None
        self._root = covariance_root(self._moment, self.noise)
        self.base = self._root @ self._root.T


def covariance_root(moment: Tensor, noise: float) -> Tensor:
    """An upper triangular root of ``A = s (s I + M)^-1``, R R^T.

    Args:
        moment: M, the sum of ``x x^T`` over what is known, float64 (width, width).
        noise: s, above 0.
    """
    inner = moment.clone()
    inner.diagonal().add_(noise)
    unit = torch.eye(len(inner)).to(inner)
    root: Tensor = math.sqrt(noise) * torch.linalg.solve_triangular(root_of(inner), unit, upper=False).T
    return root


def moment(pieces: Iterable[Tensor], width: int, device: torch.device | str = "cpu") -> Tensor:
    """The sum of ``x x^T`` over all rows, float64 (width, width); of float32, each piece is summed in float32."""
    total = torch.zeros(width, width, dtype=torch.float64, device=device)
    if total.device.type != "cpu":
        for points in pieces:
            total += points.T @ points
        return total
    for points in pieces:
        if len(points):  # a symmetric product is half the work of a full one
            symmetric = blas.dsyrk if points.dtype == torch.float64 else blas.ssyrk
            total += torch.from_numpy(symmetric(1.0, points.numpy().T)).T  # its lower triangle
    return total + total.tril(-1).T


def lengths(points: Tensor, root: Tensor) -> Tensor:
    """Squared length of each row times an upper triangular matrix, (rows,)."""
    if points.device.type != "cpu" or not len(points):
        return (points @ root).square_().sum(1)
    turned = blas.dtrmm(1.0, root.numpy().T, points.numpy().T, lower=1)
    return torch.from_numpy(turned).square_().sum(0)
