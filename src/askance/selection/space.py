"""Geometries over all pool rows: squared distances from factors, without building what the factors stand for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import torch
from torch import Tensor

from askance.arrays import spans
from askance.errors import BadInput
from askance.kernels.distances import loops, ready
from askance.kernels.lazy_spread import Factors, lowered

_PIECE = 1 << 20  # elements of a temporary when rows are scaled or lowered


class Space(ABC):
    """Where the items lie. Distances are squared, and duplicates are at distance exactly zero."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of items."""

    @abstractmethod
    def norms(self) -> Tensor:
        """Squared length of every item, (items,)."""

    @abstractmethod
    def approach(self, rows: Tensor, nearest: Tensor) -> None:
        """Lower ``nearest`` to the squared distance to the nearest of ``rows``, in place and in one pass.

        Args:
            rows: int64 row numbers of the points to approach.
            nearest: (items,), of the space's own type, see `filled`. Entries at zero or less are settled and stay.
        """

    def approach_known(self, known: Tensor, nearest: Tensor) -> bool:
        """Lower ``nearest`` to the known items, those in no row of the pool included; returns whether there are any.

        Args:
            known: int64 rows of the known items in the pool.
            nearest: As in `approach`.
        """
        self.approach(known, nearest)
        return len(known) > 0

    def beyond(self) -> int:
        """How many known points lie in no row of the pool."""
        return 0

    def approach_beyond(self, number: int, nearest: Tensor) -> None:  # noqa: B027 - without such points nothing is to do
        """Lower ``nearest`` to one of the known points that lie in no row of the pool."""

    def factors(self) -> Factors | None:
        """The arrays that lazy loops read; None where there are none, and rules make a pass over the pool per pick."""
        return None

    @abstractmethod
    def take(self, rows: Tensor) -> Space:
        """A space of some rows alone; this copies them."""

    @abstractmethod
    def filled(self, value: float) -> Tensor:
        """A number per item, of the type and on the device that distances have here, (items,)."""

    def distances(self, row: int, out: Tensor | None = None) -> Tensor:
        """Squared distance of every item to one row, (items,).

        Args:
            row: The row.
            out: Where to write instead of allocating.
        """
        out = self.filled(torch.inf) if out is None else out.fill_(torch.inf)
        self.approach(torch.tensor([row], device=out.device), out)
        return out

    def nearest(self, rows: Tensor) -> Tensor:
        """Squared distance of every item to the nearest of ``rows``, (items,); infinite where there are no rows."""
        out = self.filled(torch.inf)
        self.approach(rows, out)
        return out


class Features(Space):
    """Vectors and their Euclidean distance.

    >>> Features(torch.tensor([[0., 0.], [3., 4.]])).distances(0)
    tensor([ 0., 25.])

    Args:
        array: (items, features). Contiguous float32 and float64 are used as they are; anything else is converted once,
            to float32.
        outside: Known points that lie in no row of the pool, (points, features).
    """

    def __init__(self, array: Tensor, outside: Tensor | None = None) -> None:
        if array.ndim != 2:
            raise BadInput(f"Features have shape {tuple(array.shape)}. Give a matrix with a row per item.")
        self.array = ready(array)
        self.outside = self.array[:0] if outside is None else ready(outside.to(self.array))
        if self.outside.ndim != 2 or self.outside.shape[1] != self.array.shape[1]:
            raise BadInput(
                f"The points outside of the pool have shape {tuple(self.outside.shape)}, and the pool's have "
                f"{self.array.shape[1]} features. Give both from the same model."
            )

    def __len__(self) -> int:
        return len(self.array)

    def norms(self) -> Tensor:
        """Squared length of every vector; computed once."""
        return self._norms

    @cached_property
    def _norms(self) -> Tensor:
        return loops(self.array).squared_norms(self.array)

    def approach(self, rows: Tensor, nearest: Tensor) -> None:
        """One pass over the features."""
        loops(self.array).approach(self.array, self.array[rows], nearest)

    def approach_known(self, known: Tensor, nearest: Tensor) -> bool:
        """Known rows, then the points outside of the pool."""
        self.approach(known, nearest)
        loops(self.array).approach(self.array, self.outside, nearest)
        return len(known) + len(self.outside) > 0

    def beyond(self) -> int:
        """How many points outside of the pool were given."""
        return len(self.outside)

    def approach_beyond(self, number: int, nearest: Tensor) -> None:
        """One pass over the features."""
        loops(self.array).approach(self.array, self.outside[number : number + 1], nearest)

    def factors(self) -> Factors | None:
        """The points themselves, on the CPU."""
        if self.array.device.type != "cpu":
            return None
        nothing, empty, none = self.array.new_empty(0), self.array.new_empty(0, 0), _no_columns()
        others = (empty, nothing, nothing, none)
        return Factors((self.array, *others), (self.outside, *others), product=False)

    def take(self, rows: Tensor) -> Features:
        """The vectors of some rows; this copies them."""
        return Features(self.array[rows], self.outside)

    def filled(self, value: float) -> Tensor:
        """A number per item, of the features' type."""
        return self.array.new_full((len(self),), value)


class Product(Space):
    """Outer products of the rows of two factors, as the gradients of a last layer are; they are never built.

    >>> space = Product(torch.tensor([[1.], [2.]]), torch.tensor([[1., 0.], [0., 1.]]))
    >>> space.distances(0)                                 # between (1, 0) and (0, 2)
    tensor([0., 5.])

    Args:
        left: (items, rows of the product), such as the classes.
        right: (items, columns of the product), such as the features.
        outside: Both factors of known points that lie in no row of the pool.
        less: A column of each row of ``left`` that counts as one less than it says, (items,): so probabilities stand
            for their distance to the guess, and no copy of them is made unless a rule has to look at all of it.
    """

    def __init__(
        self,
        left: Tensor,
        right: Tensor,
        outside: tuple[Tensor, Tensor] | None = None,
        less: Tensor | None = None,
    ) -> None:
        for one, other in ((left, right), outside or (left, right)):
            if len(one) != len(other):
                raise BadInput(f"The factors have {len(one)} and {len(other)} rows. Give both one row per item.")
        kept = torch.promote_types(left.dtype, right.dtype)
        lefts, rights = outside if outside is not None else (None, None)
        self.right = Features(right.to(kept), rights)
        self._said = Features(left.to(kept), lefts)
        self._less = _no_columns() if less is None else less.to(torch.int32)
        if len(self._less) not in (0, len(left)):
            raise BadInput(f"{len(self._less)} columns are less in {len(left)} rows. Give one for each row.")

    @classmethod
    def off_the_guess(cls, probabilities: Tensor, right: Tensor) -> Product:
        """The last layer's gradients if each guess were the label: ``p - onehot(argmax p)`` times the features.

        >>> Product.off_the_guess(torch.tensor([[0.75, 0.25]]), torch.tensor([[2.0]])).norms()
        tensor([0.5000])
        """
        guess = torch.empty(len(probabilities), dtype=torch.int32, device=probabilities.device)
        for piece in _pieces(probabilities):
            guess[piece] = probabilities[piece].argmax(1)
        return cls(probabilities, right, less=guess)

    @cached_property
    def left(self) -> Features:
        """The left factor as it counts."""
        if not len(self._less):
            return self._said
        return Features(lowered(self._said.array.clone(), self._less), self._said.outside)

    def __len__(self) -> int:
        return len(self.right)

    def norms(self) -> Tensor:
        """Squared length of every product: the product of the factors' lengths."""
        return self._left_norms * self.right.norms()

    @cached_property
    def _left_norms(self) -> Tensor:
        if not len(self._less):
            return self._said.norms()
        array, out = self._said.array, self.filled(0)
        for piece in _pieces(array):
            out[piece] = loops(array).squared_norms(lowered(array[piece].clone(), self._less[piece]))
        return out

    def approach(self, rows: Tensor, nearest: Tensor) -> None:
        """One pass over both factors."""
        items, _ = self._whole()
        loops(nearest).approach_product(*items, tuple(part[rows] for part in items), nearest)

    def approach_known(self, known: Tensor, nearest: Tensor) -> bool:
        """Known rows, then the points outside of the pool."""
        self.approach(known, nearest)
        items, outside = self._whole()
        loops(nearest).approach_product(*items, outside, nearest)
        return len(known) + self.beyond() > 0

    def beyond(self) -> int:
        """How many points outside of the pool were given."""
        return len(self.right.outside)

    def approach_beyond(self, number: int, nearest: Tensor) -> None:
        """One pass over both factors."""
        items, outside = self._whole()
        points = tuple(part[number : number + 1] for part in outside)
        loops(nearest).approach_product(*items, points, nearest)

    def factors(self) -> Factors | None:
        """Both factors and the lengths of their rows, on the CPU."""
        if self.right.array.device.type != "cpu":
            return None
        said, right = self._said, self.right
        outside = Features(said.outside).norms(), Features(right.outside).norms()
        less = self._less[:0] if not len(self._less) else self._less.new_full((len(right.outside),), -1)
        return Factors(
            (said.array, right.array, self._left_norms, right.norms(), self._less),
            (said.outside, right.outside, *outside, less),
            product=True,
        )

    def _whole(self) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Both factors as they count and the lengths of their rows, then those of the points outside of the pool."""
        left, right = self.left, self.right
        outside = Features(left.outside).norms(), Features(right.outside).norms()
        return (left.array, right.array, left.norms(), right.norms()), (left.outside, right.outside, *outside)

    def take(self, rows: Tensor) -> Product:
        """Both factors of some rows; this copies them."""
        return Product(self.left.array[rows], self.right.array[rows], (self.left.outside, self.right.outside))

    def filled(self, value: float) -> Tensor:
        """A number per item, of the factors' type."""
        return self.right.filled(value)


def normalized(array: Tensor) -> Tensor:
    """The rows at length one, for the geometry of the cosine; rows of zeros stay.

    >>> normalized(torch.tensor([[3., 4.], [0., 0.]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])

    Args:
        array: (items, features), floating point.

    Returns:
        A new array of the same shape.
    """
    out = torch.empty_like(array)
    for some in _pieces(array):
        piece = array[some]
        lengths = torch.linalg.vector_norm(piece, dim=1, keepdim=True)
        torch.div(piece, lengths.masked_fill_(lengths == 0, 1), out=out[some])
    return out


def _pieces(array: Tensor) -> list[slice]:
    step = max(1, _PIECE // max(1, array.shape[1]))
    return [slice(start, start + step) for start in range(0, len(array), step)]


def _no_columns() -> Tensor:
    return torch.empty(0, dtype=torch.int32)


def principal(features: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The mean and the main directions of some points, the one of most spread first.

    >>> middle, directions = principal(torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 1.0], [6.0, 1.0]]), 1)
    >>> middle, (directions.abs() * 10).round()
    (tensor([3.0000, 0.5000], dtype=torch.float64), tensor([[10.],
            [ 2.]], dtype=torch.float64))

    Args:
        features: (items, features).
        count: How many directions, at most as many as features.

    Returns:
        float64 (features,) and (features, count); each direction's largest entry by size is positive.
    """
    middle = torch.zeros(features.shape[1], dtype=torch.float64, device=features.device)
    squares = middle.new_zeros(features.shape[1], features.shape[1])
    for start, stop in spans(len(features), 1 << 14):
        middle += features[start:stop].double().sum(0)
    middle /= max(1, len(features))
    for start, stop in spans(len(features), 1 << 14):
        part = features[start:stop].double() - middle
        squares += part.T @ part
    directions = torch.linalg.eigh(squares).eigenvectors.flip(1)[:, :count]
    signs = directions.gather(0, directions.abs().argmax(0, keepdim=True)).sign()
    return middle, directions * signs
