"""The farthest member of the largest cluster, again and again, comparing a new center only with what it may win.

A cluster is what lies nearest to one point, known or picked, and its size is the sum of its squared distances.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from askance.kernels.lazy_spread import Array, Factors, arrays, compiled, lowered, points_apart, products_apart, tabled

_PIECE = 1 << 21  # elements of a matrix of items x points
_COLUMNS = 64  # that are added up before a distance is looked at
_FEW = 8  # points that are compared directly


def homes(factors: Factors, candidates: Tensor, points: Tensor) -> tuple[Array, Array]:
    """Squared distance of each candidate to its nearest point, and which one that is; infinite where it is NaN.

    A matrix product says which points may be nearest, and those are compared by squared differences.

    Args:
        factors: Where the items lie.
        candidates: int64 rows.
        points: int64 rows; the points outside of the pool are -1, -2, and so on.

    Returns:
        (candidates,) each; the second int32, places among the points.
    """
    items = arrays(factors.items)
    table, numbers, _ = tabled(factors, points, 0)
    nearest = np.full(len(candidates), np.inf, dtype=items[0].dtype)
    home = np.zeros(len(candidates), dtype=np.int32)
    run = _homes_of_products if factors.product else _homes_of_points
    step = max(1, _PIECE // max(len(points), 1))
    guess = _Guess(factors, table, numbers) if len(points) > _FEW else None
    for start in range(0, len(candidates), step):
        rows = candidates[start : start + step]
        if guess is None:
            rough, limits = (
                np.zeros((len(rows), len(points)), dtype=items[0].dtype),
                np.ones(len(rows), dtype=items[0].dtype),
            )
        else:
            rough, limits = guess.of(rows)
        some = slice(start, start + step)
        run(items, table, rows.numpy(), numbers, rough, limits, nearest[some], home[some])
    return nearest, home


class _Guess:
    """Squared distances by matrix products, all but for a number per item, and how much they may be off."""

    def __init__(self, factors: Factors, table: tuple[Array, ...], numbers: Array) -> None:
        left, right, left_lengths, right_lengths, less = (
            torch.from_numpy(part)[torch.from_numpy(numbers)] if len(part) else torch.from_numpy(part) for part in table
        )
        lowered(left, less)
        self.factors = factors
        self.shift = torch.zeros_like(left[0]) if factors.product else left.mean(0)  # a common offset would drown all
        self.left, self.right = left - self.shift, right
        self.lengths = left_lengths * right_lengths if factors.product else self.left.square().sum(1)
        width = left.shape[1] + right.shape[1]
        self.off = (8 + width**0.5) * torch.finfo(left.dtype).eps

    def of(self, rows: Tensor) -> tuple[Array, Array]:
        lefts, rights, left_lengths, right_lengths, less = self.factors.items
        if self.factors.product:
            inner = (lowered(lefts[rows], less[rows] if len(less) else less) @ self.left.T).mul_(
                rights[rows] @ self.right.T
            )  # (rows, points)
            rough, lengths = inner.mul_(-2).add_(self.lengths), left_lengths[rows] * right_lengths[rows]
        else:
            moved = lefts[rows].sub_(self.shift)
            rough, lengths = torch.addmm(self.lengths, moved, self.left.T, alpha=-2), moved.square().sum(1)
        limits = rough.amin(1).add_(lengths.add_(self.lengths.max()), alpha=2 * self.off)
        return rough.numpy(), limits.numpy()


def largest_cluster(
    factors: Factors,
    candidates: Tensor,
    points: Tensor,
    n: int,
    nearest: Array,
    home: Array,
    weights: Tensor | None = None,
) -> tuple[Array, Array]:
    """The next ``n`` picks, as places among the candidates, and weight times squared distance of each.

    Args:
        factors: Where the items lie.
        candidates: int64 rows, ascending.
        points: What is known or picked already, int64; see `homes`.
        n: How many more.
        nearest: Squared distance of each candidate to the nearest point; changed.
        home: Which point that is, int32; changed.
        weights: Of each candidate, float64 (candidates,); None for one.
    """
    items, rows = arrays(factors.items), candidates.numpy()
    table, numbers, copied = tabled(factors, points, n)
    if factors.product:
        radii = torch.sqrt((factors.items[2] * factors.items[3])[candidates]).numpy()
    else:
        middle = (torch.from_numpy(table[0])[torch.from_numpy(numbers[: len(points)])].mean(0, keepdim=True),)
        radii = np.full(len(rows), np.inf, dtype=nearest.dtype)
        _radii(items, arrays(middle), rows, radii)
    worth = np.empty(0) if weights is None else weights.double().numpy()
    places, values = np.zeros(n, dtype=np.int64), np.zeros(n)
    run = _largest_of_products if factors.product else _largest_of_points
    run(items, table, rows, numbers, len(points), copied, nearest, home, radii, worth, places, values)
    return places, values


@compiled
def _radii(items: Any, middle: Any, rows: Array, radii: Array) -> None:
    for place in range(len(rows)):
        radii[place] = np.sqrt(points_apart(items, middle, rows[place], 0))


@numba.njit(inline="always")
def _homes(
    product: bool,
    items: Any,
    table: Any,
    rows: Array,
    points: Array,
    rough: Array,
    limits: Array,
    nearest: Array,
    home: Array,
) -> None:
    for place in range(len(rows)):
        near, best = nearest[place], 0
        for k in range(len(points)):
            if rough[place, k] <= limits[place]:
                if product:
                    gap = products_apart(items, table, rows[place], points[k], near)
                else:
                    gap = points_apart(items, table, rows[place], points[k])
                if gap < near:
                    near, best = gap, k
        nearest[place], home[place] = near, best


@compiled
def _homes_of_points(
    items: Any, table: Any, rows: Array, points: Array, rough: Array, limits: Array, nearest: Array, home: Array
) -> None:
    _homes(False, items, table, rows, points, rough, limits, nearest, home)


@compiled
def _homes_of_products(
    items: Any, table: Any, rows: Array, points: Array, rough: Array, limits: Array, nearest: Array, home: Array
) -> None:
    _homes(True, items, table, rows, points, rough, limits, nearest, home)


@numba.njit(inline="always")
def _points_within(items: Any, table: Any, row: int, point: int, near: Any) -> Any:
    """Squared distance of an item to a point, or of so many of their columns as bring it to ``near``."""
    gap, start = items[0].dtype.type(0), 0
    one, two = items[0][row], table[0][point]
    while start + _COLUMNS <= len(one) and gap < near:
        these, those = one[start : start + _COLUMNS], two[start : start + _COLUMNS]
        for column in range(_COLUMNS):
            difference = these[column] - those[column]
            gap += difference * difference
        start += _COLUMNS
    if gap < near:
        for column in range(start, len(one)):
            difference = one[column] - two[column]
            gap += difference * difference
    return gap


@numba.njit(inline="always")
def _largest(
    product: bool,
    items: Any,
    table: Any,
    rows: Array,
    points: Array,
    count: int,
    copied: bool,
    nearest: Array,
    home: Array,
    radii: Array,
    worth: Array,
    places: Array,
    values: Array,
) -> None:
    """Taken candidates have home -1.

    An item cannot be nearer to a new center than to its own if the centers are twice as far apart (the triangle), or
    if their distances from the middle differ by more; then it is not compared.
    """
    weighted = len(worth) > 0
    sums, apart = np.zeros(len(points) + 1), np.zeros(len(points) + 1, dtype=nearest.dtype)
    for place in range(len(rows)):
        sums[home[place]] += (worth[place] if weighted else 1.0) * np.float64(nearest[place])
    for found in range(len(places)):
        largest = 0
        for k in range(count):
            if sums[k] > sums[largest]:
                largest = k
        pick, most = -1, -2.0
        for place in range(len(rows)):
            if home[place] >= 0 and (home[place] == largest or sums[largest] <= 0):
                weight = worth[place] if weighted else 1.0
                value = weight * np.float64(nearest[place]) if weight > 0 else -1.0
                if value > most:
                    pick, most = place, value
        places[found], values[found] = pick, max(most, 0.0)
        home[pick] = -1
        if found + 1 == len(places):
            break
        points[count] = count if copied else rows[pick]
        if copied:
            table[0][count] = items[0][rows[pick]]
            if product:
                table[1][count] = items[1][rows[pick]]
                table[2][count] = items[2][rows[pick]]
                table[3][count] = items[3][rows[pick]]
                if len(items[4]) > 0:
                    table[4][count] = items[4][rows[pick]]
        for k in range(count):
            if product:
                apart[k] = products_apart(items, table, rows[pick], points[k], np.inf)
            else:
                apart[k] = points_apart(items, table, rows[pick], points[k])
            sums[k] = 0.0
        sums[count] = 0.0
        radius = radii[pick]
        for place in range(len(rows)):
            own, near = home[place], nearest[place]
            if own < 0:
                continue
            step = radii[place] - radius
            # Bounds are taken a little lower, because of rounding.
            if not (0.2499 * apart[own] >= near or 0.999 * step * step >= near) and near > 0:
                if product:
                    gap = products_apart(items, table, rows[place], points[count], near)
                else:
                    gap = _points_within(items, table, rows[place], points[count], near)
                if gap < near:
                    near, own = gap, count
                    nearest[place], home[place] = near, own
            sums[own] += (worth[place] if weighted else 1.0) * np.float64(near)
        count += 1


@compiled
def _largest_of_points(
    items: Any,
    table: Any,
    rows: Array,
    points: Array,
    count: int,
    copied: bool,
    nearest: Array,
    home: Array,
    radii: Array,
    worth: Array,
    places: Array,
    values: Array,
) -> None:
    _largest(False, items, table, rows, points, count, copied, nearest, home, radii, worth, places, values)


@compiled
def _largest_of_products(
    items: Any,
    table: Any,
    rows: Array,
    points: Array,
    count: int,
    copied: bool,
    nearest: Array,
    home: Array,
    radii: Array,
    worth: Array,
    places: Array,
    values: Array,
) -> None:
    _largest(True, items, table, rows, points, count, copied, nearest, home, radii, worth, places, values)
