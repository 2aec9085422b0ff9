"""Arrays to frozen features: the numbers as they came, or standardized."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.encoders.base import Encoder, Encoding
from askance.errors import BadInput

FAR = 1e6  # standard deviations; of n rows that were learned from none is further off than the square root of n
ROWS = 4096  # looked at at once


@dataclass(frozen=True)
class AsIs(Encoder):
    """Rows of numbers as they are: whoever made them, such as a large model's embeddings, has scaled them.

    Measurements in units that have nothing to do with each other want `Standardized` instead.
    """

    reads: ClassVar[str] = "array"

    def fit(self, items: Iterable[NDArray[np.float32]], seed: int = 0) -> AsIsEncoding:
        for item in items:
            return AsIsEncoding(len(item))
        raise BadInput("There is no row of numbers. Hand in at least one.")

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> AsIsEncoding:
        return AsIsEncoding(int(facts["width"]))


@dataclass(frozen=True)
class AsIsEncoding(Encoding):
    """Rows of one width.

    Args:
        features: How many numbers a row has.
    """

    features: int

    @property
    def width(self) -> int:
        return self.features

    def encode(self, items: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        return _stacked(items, self.features).astype(np.float32)

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {}, {"width": self.features}


@dataclass(frozen=True)
class Standardized(Encoder):
    """Rows of numbers, each column with mean 0 and standard deviation 1; a column of one value becomes zeros.

    A later number that is far from all that were learned from counts as a million standard deviations.

    >>> Standardized().fit([[1, 5], [3, 5]]).encode([[1, 5], [5, 5]]).tolist()
    [[-1.0, 0.0], [3.0, 0.0]]
    """

    reads: ClassVar[str] = "array"

    def fit(self, items: Iterable[NDArray[np.float32]], seed: int = 0) -> StandardizedEncoding:
        count, mean, squares = 0, np.zeros(0), np.zeros(0)
        low, high = np.zeros(0), np.zeros(0)
        for rows in _pieces(items):
            if not count:
                mean, squares = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
                low, high = rows[0], rows[0]
            low, high = np.minimum(low, rows.min(axis=0)), np.maximum(high, rows.max(axis=0))
            own = rows.mean(axis=0)
            off, total = own - mean, count + len(rows)
            squares = squares + ((rows - own) ** 2).sum(axis=0) + off**2 * (count * len(rows) / total)
            mean, count = mean + off * (len(rows) / total), total  # moments of two parts make those of both (Chan 1979)
        if not count:
            raise BadInput("There is no row of numbers. Hand in at least one.")
        # The rounding of a mean is no spread: whether a column has one value is seen from its ends.
        return StandardizedEncoding(mean, np.where(low == high, 0.0, np.sqrt(squares / count)))

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> StandardizedEncoding:
        return StandardizedEncoding(arrays["mean"], arrays["spread"])


@dataclass(frozen=True, eq=False)
class StandardizedEncoding(Encoding):
    """What each column is measured by.

    Args:
        mean: Float64 (features,).
        spread: Standard deviations, float64 (features,); 0 where a column has one value.
    """

    mean: NDArray[np.float64] = field(repr=False)
    spread: NDArray[np.float64] = field(repr=False)

    @property
    def width(self) -> int:
        return len(self.mean)

    def encode(self, items: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        rows = _stacked(items, self.width).astype(np.float64)
        _refuse_gaps(rows, 0)
        off = (rows - self.mean) / np.where(self.spread > 0, self.spread, np.inf)
        return np.asarray(np.clip(off, -FAR, FAR), dtype=np.float32)

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {"mean": self.mean, "spread": self.spread}, {}


def _pieces(items: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float64]]:
    """Rows, many at a time, all of the width of the first."""
    walk, seen, width = iter(items), 0, None
    while piece := list(islice(walk, ROWS)):
        width = len(piece[0]) if width is None else width
        rows = _stacked(piece, width, seen).astype(np.float64)
        _refuse_gaps(rows, seen)
        seen += len(piece)
        yield rows


def _stacked(items: Sequence[NDArray[np.float32]], width: int, first: int = 0) -> NDArray[Any]:
    for number, item in enumerate(items, start=first):
        if np.shape(item) != (width,):
            raise BadInput(
                f"Row {number} has the shape {np.shape(item)}, and the first items have ({width},). Give "
                f"all rows the same width."
            )
    return np.stack(items) if len(items) else np.zeros((0, width), np.float32)


def _refuse_gaps(rows: NDArray[np.float64], first: int) -> None:
    if not np.isfinite(rows).all():
        row, column = (int(place[0]) for place in np.nonzero(~np.isfinite(rows)))
        raise BadInput(f"Row {first + row}, column {column} holds {rows[row, column]}. Clean that row or leave it out.")
