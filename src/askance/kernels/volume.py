"""Loops over conditional variances: lazily from a heap, and in one pass; plain twins for other devices.

A variance is ``v(x) = w |x|^2 - w (u_1.x)^2 - w (u_2.x)^2 - ...`` or the same from another start: every pick adds one
row u. Sums are in float64 whatever the features are, as what is left is often a millionth of what it began with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])

PIECE = 1 << 19  # elements of a temporary of float64: 4 MiB, which stays in the cache
_PATIENCE = 16  # products per item that may be formed one by one; then all items are brought up to date at once


class Variances:
    """The variance of every candidate, brought up to date all at once: the reference, and what runs on other devices.

    Args:
        array: Features, (items, features), contiguous.
        rows: The candidates, int64 (candidates,).
        values: What each starts from, float64 (candidates,); changed in place.
        weights: What each squared product is multiplied by, float64 (candidates,).
        noise: Decides between equals, the higher first, float64 (candidates,).
    """

    def __init__(self, array: Tensor, rows: Tensor, values: Tensor, weights: Tensor, noise: Tensor) -> None:
        self.array, self.rows, self.values, self.weights, self.noise = array, rows, values, weights, noise
        self.seen = torch.zeros(len(rows), dtype=torch.int64, device=array.device)  # how many rows u are in each value

    def largest(self, directions: Tensor) -> tuple[int, float] | None:
        """The place among the candidates of the largest variance, and that variance.

        Args:
            directions: The rows u so far, float64 (picks, features), or one more column for a feature that is always 1.

        Returns:
            None where it is time to `catch_up`.
        """
        self.catch_up(directions)
        top = (self.values == self.values.max()).nonzero().flatten()
        place = int(top[self.noise[top].argmax()])
        return place, float(self.values[place])

    def take(self, place: int) -> None:
        """Leave a candidate out from now on."""
        self.values[place] = -torch.inf

    def catch_up(self, directions: Tensor) -> None:
        """Bring every variance up to date, by matrix products."""
        first = int(self.seen.min())
        missing = directions[first:]
        if not len(missing):
            return
        places = torch.arange(first, len(directions), device=directions.device)
        width = self.array.shape[1]
        step = max(1, PIECE // max(width, len(missing)))
        for start in range(0, len(self.rows), step):
            some = slice(start, start + step)
            products = self.array[self.rows[some]].double() @ missing[:, :width].T
            if missing.shape[1] > width:
                products += missing[:, width]
            products.square_().masked_fill_(places < self.seen[some].unsqueeze(1), 0)
            self.values[some] -= self.weights[some] * products.sum(1)
        self.seen.fill_(len(directions))

    def forget(self) -> None:
        """Begin a new list of rows u: the old ones are in every value."""
        self.seen.zero_()


class LazyVariances(Variances):
    """The same on the CPU, where most variances are never looked at again: a stale one is an upper bound."""

    def __init__(self, array: Tensor, rows: Tensor, values: Tensor, weights: Tensor, noise: Tensor) -> None:
        super().__init__(array, rows, values, weights, noise)
        self.heap = np.arange(len(rows))
        self.size = len(rows)
        self.spent = 0
        _heapify(self.values.numpy(), self.noise.numpy(), self.heap, self.size)

    def largest(self, directions: Tensor) -> tuple[int, float] | None:
        """Bring the top of the heap up to date until it stays the top; None after too much work."""
        self.spent += _settle(
            self.array.numpy(),
            self.rows.numpy(),
            self.weights.numpy(),
            directions.numpy(),
            self.values.numpy(),
            self.seen.numpy(),
            self.noise.numpy(),
            self.heap,
            self.size,
            _PATIENCE * len(self.rows) - self.spent,
        )
        place = int(self.heap[0])
        return (place, float(self.values[place])) if self.seen[place] == len(directions) else None

    def take(self, place: int) -> None:
        assert self.heap[0] == place
        self.size -= 1
        self.heap[0] = self.heap[self.size]
        _sink(self.values.numpy(), self.noise.numpy(), self.heap, self.size)

    def catch_up(self, directions: Tensor) -> None:
        """Bring every variance up to date and sort the heap anew."""
        super().catch_up(directions)
        self.spent = 0
        _heapify(self.values.numpy(), self.noise.numpy(), self.heap, self.size)


def variances(array: Tensor, rows: Tensor, values: Tensor, weights: Tensor, noise: Tensor) -> Variances:
    """The twin that runs where the array lies."""
    kind = LazyVariances if array.device.type == "cpu" else Variances
    return kind(array, rows, values, weights, noise)


def squared_lengths(array: Tensor, rows: Tensor) -> Tensor:
    """Squared length of some rows, summed in float64, (rows,)."""
    out = torch.empty(len(rows), dtype=torch.float64, device=array.device)
    if array.device.type == "cpu":
        _squared_lengths(array.numpy(), rows.numpy(), out.numpy())
        return out
    step = max(1, PIECE // max(1, array.shape[1]))
    for start in range(0, len(rows), step):
        out[start : start + step] = array[rows[start : start + step]].double().square().sum(1)
    return out


def products(array: Tensor, rows: Tensor, vector: Tensor) -> Tensor:
    """Inner product of some rows with a vector of float64, summed in float64, (rows,)."""
    out = torch.empty(len(rows), dtype=torch.float64, device=array.device)
    if array.device.type == "cpu":
        _products(array.numpy(), rows.numpy(), vector.numpy(), out.numpy())
        return out
    step = max(1, PIECE // max(1, array.shape[1]))
    for start in range(0, len(rows), step):
        out[start : start + step] = array[rows[start : start + step]].double() @ vector
    return out


def lower(
    array: Tensor, rows: Tensor, weights: Tensor, one: Tensor, two: Tensor, length: float, fall: Tensor, spread: Tensor
) -> None:
    """What a pick changes in the scores of BAIT: in place, in one pass over the features.

    With a = u.x and b = s.x, ``fall -= w (2 a b - length a^2)`` and ``spread -= w a^2``.

    Args:
        array: Features, (items, features), contiguous.
        rows: The candidates, int64 (candidates,).
        weights: float64 (candidates,).
        one: u, float64 (features,), or one more for a feature that is always 1.
        two: s, as u.
        length: A number.
        fall: float64 (candidates,).
        spread: float64 (candidates,).
    """
    if array.device.type == "cpu":
        _lower(
            array.numpy(),
            rows.numpy(),
            weights.numpy(),
            one.numpy(),
            two.numpy(),
            length,
            fall.numpy(),
            spread.numpy(),
        )
        return
    width = array.shape[1]
    step = max(1, PIECE // max(1, width))
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        points = array[rows[some]].double()
        a, b = points @ one[:width], points @ two[:width]
        if len(one) > width:
            a, b = a + one[width], b + two[width]
        fall[some] -= weights[some] * a * (2 * b - length * a)
        spread[some] -= weights[some] * a * a


def best_ratio(fall: Tensor, spread: Tensor, noise: float, draw: Tensor, open_: Tensor) -> tuple[int, float]:
    """The open place with the largest ``fall / (spread + noise)``, of equals the one that draws highest.

    Args:
        fall: float64 (places,).
        spread: float64 (places,); what is below 0 counts as 0.
        noise: Above 0.
        draw: float64 (places,).
        open_: bool (places,).
    """
    if fall.device.type == "cpu":
        place = int(_best_ratio(fall.numpy(), spread.numpy(), noise, draw.numpy(), open_.numpy()))
    else:
        scores = (fall / (spread.clamp(min=0) + noise)).masked_fill_(~open_, -torch.inf)
        top = (scores == scores.max()).nonzero().flatten()
        place = int(top[draw[top].argmax()])
    return place, float(fall[place]) / (max(float(spread[place]), 0.0) + noise)


def _compiled(function: Loop) -> Loop:
    # Sums may be reordered and fused, which makes them fast; NaN and infinity keep their meaning.
    return cast(Loop, numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})(function))


def _inlined(function: Loop) -> Loop:
    return cast(Loop, numba.njit(inline="always")(function))


@_inlined
def _sift(values: Array, noise: Array, heap: Array, size: int, place: int) -> None:
    item = heap[place]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size:
            one, two = heap[child], heap[child + 1]
            if values[two] > values[one] or (values[two] == values[one] and noise[two] > noise[one]):
                child += 1
        other = heap[child]
        if values[other] < values[item] or (values[other] == values[item] and noise[other] <= noise[item]):
            break
        heap[place] = other
        place = child
    heap[place] = item


@_compiled
def _heapify(values: Array, noise: Array, heap: Array, size: int) -> None:
    for place in range(size // 2 - 1, -1, -1):
        _sift(values, noise, heap, size, place)


@_compiled
def _sink(values: Array, noise: Array, heap: Array, size: int) -> None:
    if size > 0:
        _sift(values, noise, heap, size, 0)


@_compiled
def _settle(
    array: Array,
    rows: Array,
    weights: Array,
    directions: Array,
    values: Array,
    seen: Array,
    noise: Array,
    heap: Array,
    size: int,
    most: int,
) -> int:
    count, width, spent = len(directions), array.shape[1], 0
    while spent <= most:
        place = heap[0]
        if seen[place] == count:
            break
        row = rows[place]
        for k in range(seen[place], count):
            total = 0.0
            for column in range(width):
                total += directions[k, column] * array[row, column]
            if directions.shape[1] > width:
                total += directions[k, width]
            values[place] -= weights[place] * total * total
        spent += count - seen[place]
        seen[place] = count
        _sift(values, noise, heap, size, 0)
    return spent


@_compiled
def _best_ratio(fall: Array, spread: Array, noise: float, draw: Array, open_: Array) -> int:
    winner, best = -1, -np.inf
    for place in range(len(fall)):
        if open_[place]:
            score = fall[place] / (max(spread[place], 0.0) + noise)
            if winner < 0 or score > best or (score == best and draw[place] > draw[winner]):
                winner, best = place, score
    return winner


@_compiled
def _squared_lengths(array: Array, rows: Array, out: Array) -> None:
    for place in range(len(rows)):
        row = rows[place]
        total = 0.0
        for column in range(array.shape[1]):
            value = np.float64(array[row, column])
            total += value * value
        out[place] = total


@_compiled
def _products(array: Array, rows: Array, vector: Array, out: Array) -> None:
    for place in range(len(rows)):
        row = rows[place]
        total = 0.0
        for column in range(array.shape[1]):
            total += vector[column] * array[row, column]
        out[place] = total


@_compiled
def _lower(
    array: Array,
    rows: Array,
    weights: Array,
    one: Array,
    two: Array,
    length: float,
    fall: Array,
    spread: Array,
) -> None:
    width = array.shape[1]
    for place in range(len(rows)):
        row = rows[place]
        a, b = 0.0, 0.0
        for column in range(width):
            a += one[column] * array[row, column]
            b += two[column] * array[row, column]
        if len(one) > width:
            a += one[width]
            b += two[width]
        fall[place] -= weights[place] * a * (2 * b - length * a)
        spread[place] -= weights[place] * a * a
