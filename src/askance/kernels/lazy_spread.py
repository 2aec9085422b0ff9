"""Farthest first and sampling by squared distance, lazily: an item is compared only as far as it can still be next.

What is kept of an item is its squared distance to the nearest of the points it was compared with, so the true one is
no larger. A heap gives the item that would be next if that were all; it is compared with the points it has not met, and
either drops behind another or is next in truth. The picks are those of comparing all with all.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]

PIVOTS = 4  # known points that every candidate meets first: more cost more than they save
_TABLE = 1 << 24  # bytes of points that may always be copied
_SHARE = 1 << 15  # candidates that are worth a thread of their own


class Factors(NamedTuple):
    """The arrays behind a space, on the CPU: points, or outer products of the rows of two factors.

    Args:
        items: Left factor, right factor, the squared lengths of their rows, and, int32, a column of each row of the
            left factor that is less by one than what the array says. Where items are plain points, they are the left
            factor, the right one has no columns, and there are no lengths; without such columns the last is empty.
        outside: The same of known points that lie in no row of the pool.
        product: Whether items are outer products.
    """

    items: tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
    outside: tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
    product: bool


class Spread(NamedTuple):
    """What was picked.

    Args:
        places: Places among the candidates, in order.
        values: For each what made it wanted: weight times squared distance, to the power.
        still: Places of the candidates whose clocks will never ring.
        left: What the clocks of those have left.
    """

    places: Array
    values: Array
    still: Array
    left: Array


def nearest_of(factors: Factors, candidates: Tensor, points: Tensor) -> Array:
    """Squared distance of each candidate to the nearest of a few points, (candidates,); infinite where it is NaN.

    Args:
        factors: Where the items lie.
        candidates: int64 rows.
        points: int64 rows; the points outside of the pool are -1, -2, and so on.
    """
    items, rows = arrays(factors.items), candidates.numpy()
    table, met, _ = tabled(factors, points, 0)
    meet = _meet_products if factors.product else _meet_points
    nearest = np.full(len(rows), np.inf, dtype=items[0].dtype)
    threads = max(1, min(torch.get_num_threads(), len(rows) // _SHARE))

    def part(k: int) -> None:
        some = slice(len(rows) * k // threads, len(rows) * (k + 1) // threads)
        meet(items, table, rows[some], met, nearest[some])

    if threads == 1:
        part(0)
    else:  # an item's distance does not know its neighbors, so the number of threads changes nothing
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, range(threads)))
    return nearest


def spread(
    factors: Factors,
    candidates: Tensor,
    points: Tensor,
    n: int,
    nearest: Array,
    met: int,
    weights: Tensor | None = None,
    clocks: Tensor | None = None,
    power: float = 1.0,
) -> Spread:
    """The next ``n`` picks among the candidates: farthest first, or those whose clocks ring.

    Args:
        factors: Where the items lie.
        candidates: int64 rows, ascending.
        points: What is known or picked already, int64; see `nearest_of`.
        n: How many more; in a race there may be fewer whose clocks ever ring.
        nearest: Squared distance of each candidate to the nearest of the first ``met`` points, finite; changed.
        met: How many that were, at least one.
        weights: Of each candidate, float64 (candidates,); None for one.
        clocks: What the clock of each candidate has left, float64 (candidates,), changed: a race, in which a clock runs
            at the speed of weight times squared distance, to the power. None: farthest first.
        power: Of the speed.
    """
    worth = np.empty(0) if weights is None else weights.double().numpy() ** power
    running = np.empty(0) if clocks is None else clocks.numpy()
    keys = nearest.astype(np.float64) ** power  # the speeds, then when a clock would ring, or minus the value
    if weights is not None:
        keys *= worth
    if clocks is not None:
        with np.errstate(divide="ignore", over="ignore"):
            np.divide(running, keys, out=keys)
    else:
        np.negative(keys, out=keys)
        if weights is not None:
            keys[worth == 0] = 1  # after what is a duplicate
    heap = np.flatnonzero(keys < np.inf).astype(np.int32)
    keys = keys if len(heap) == len(keys) else keys[heap]
    table, numbers, copied = tabled(factors, points, n)
    places, values = np.zeros(n, dtype=np.int64), np.zeros(n)
    taken = np.zeros(len(candidates), dtype=np.bool_)
    run = _spread_products if factors.product else _spread_points
    count = run(
        arrays(factors.items), table, candidates.numpy(), numbers, len(points), copied, nearest, met,
        worth, running, clocks is not None, float(power), keys, heap, taken, places, values,
    )  # fmt: skip
    still = np.flatnonzero(~taken) if count < n else np.empty(0, dtype=np.int64)
    return Spread(places[:count], values[:count], still, running[still])


def tabled(factors: Factors, points: Tensor, more: int) -> tuple[tuple[Array, ...], Array, bool]:
    """A table of points with room for some more, the points' rows in it, and whether it is a copy.

    Points are met again and again, and lie together in the cache. Many of them stay where they are in the pool, unless
    some are not there.
    """
    size = sum(part[:1].numel() * part.element_size() for part in factors.items)
    large = (len(points) + more) * size > max(_TABLE, len(factors.items[0]) * size // 20)
    if large and not bool((points < 0).any()):
        return arrays(factors.items), np.concatenate([points.numpy(), np.zeros(more, dtype=np.int64)]), False
    table, within = [], points >= 0
    for inside, outside in zip(factors.items, factors.outside, strict=True):
        rows = inside.new_zeros((len(points) + more if len(inside) else 0, *inside.shape[1:]))
        if rows.numel():
            rows[: len(points)][within] = inside[points[within]]
            rows[: len(points)][~within] = outside[-1 - points[~within]]
        table.append(rows)
    return arrays(tuple(table)), np.arange(len(points) + more), True


def arrays(factors: tuple[Tensor, ...]) -> tuple[Array, ...]:
    """The same as numpy arrays."""
    return tuple(array.numpy() for array in factors)


def lowered(left: Tensor, less: Tensor) -> Tensor:
    """Rows of a left factor with one taken off their columns ``less``, in place; off none where that is empty or -1.

    >>> lowered(torch.tensor([[0.25, 0.75]]), torch.tensor([1], dtype=torch.int32))
    tensor([[ 0.2500, -0.2500]])
    """
    if len(less):
        column = less.long().unsqueeze(1)
        left.scatter_add_(1, column.clamp(min=0), -(column >= 0).to(left))
    return left


# Helpers are inlined: what numba links to a call may be other machine code when it comes from the cache.
@numba.njit(inline="always")
def points_apart(items: Any, table: Any, row: int, point: int) -> Any:
    """Squared distance of an item to a point of the table."""
    one, two = items[0], table[0]
    gap = one.dtype.type(0)
    for column in range(one.shape[1]):
        difference = one[row, column] - two[point, column]
        gap += difference * difference
    return gap


@numba.njit(inline="always")
def products_apart(items: Any, table: Any, row: int, point: int, near: Any) -> Any:
    """The same for outer products; where it is above ``near`` it may be anything above.

    See `Plain.approach_product` for the formula. The squared gap between the right factors is at least that between
    their lengths, and at most that between one and minus the other; if that decides, it is not looked at.
    """
    one, two, three, four, unit = items[0], table[0], items[1], table[1], items[0].dtype.type(1)
    gap = one.dtype.type(0)
    less, lower = (items[4][row], table[4][point]) if len(items[4]) > 0 else (np.int32(-1), np.int32(-1))
    for column in range(one.shape[1]):
        here, there = one[row, column], two[point, column]
        here = here - unit if column == less else here
        there = there - unit if column == lower else there
        gap += (here - there) * (here - there)
    p, q = items[3][row], table[3][point]
    both, rest = items[2][row] + table[2][point] - gap, (p + q) * gap
    rest += (items[2][row] - table[2][point]) * (p - q)
    side = np.sqrt(p) - np.sqrt(q) if both > 0 else np.sqrt(p) + np.sqrt(q)
    least = (both * side * side + rest) * one.dtype.type(0.4999)  # a little less, because of rounding
    if least > near:
        gap = least
    else:
        right = one.dtype.type(0)
        for column in range(three.shape[1]):
            step = three[row, column] - four[point, column]
            right += step * step
        gap = max((both * right + rest) / 2, one.dtype.type(0))
    return gap


def compiled(function: Any) -> Any:
    """Compiled on first use, kept on disk. Sums may be reordered and fused; NaN and infinity keep their meaning."""
    return numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})(function)


@compiled
def _meet_points(items: Any, table: Any, rows: Array, points: Array, nearest: Array) -> None:
    for place in range(len(rows)):
        near = nearest[place]
        for k in range(len(points)):
            near = min(near, points_apart(items, table, rows[place], points[k]))
        nearest[place] = near


@compiled
def _meet_products(items: Any, table: Any, rows: Array, points: Array, nearest: Array) -> None:
    for place in range(len(rows)):
        near = nearest[place]
        for k in range(len(points)):
            near = min(near, products_apart(items, table, rows[place], points[k], near))
        nearest[place] = near


@numba.njit(inline="always")
def _spread(
    product: bool,
    items: Any,
    table: Any,
    rows: Array,
    points: Array,
    count: int,
    copied: bool,
    nearest: Array,
    met: int,
    worth: Array,
    clocks: Array,
    race: bool,
    power: float,
    keys: Array,
    heap: Array,
    taken: Array,
    places: Array,
    values: Array,
) -> int:
    """Fill in the picks and give how many there are.

    In a race an item runs through the past when it is looked at: from the time of each pick at the speed that the
    pick left it. A stale distance is too large, so its clock would have rung too early, never too late.
    """
    compared = np.full(len(rows), met, dtype=np.int32)
    times = np.zeros(len(points))  # when each point came: known ones at 0
    weighted, size, found = len(worth) > 0, len(heap), 0
    root = size // 2  # from here up, entries are not in order yet
    while size > 0:
        if root > 0:
            root -= 1
        else:
            place, key = heap[0], keys[0]
            near, k = nearest[place], compared[place]
            weight = worth[place] if weighted else 1.0
            if k == count or near <= 0:
                places[found], values[found], taken[place] = place, weight * np.float64(near) ** power, True
                found += 1
                if found == len(places):
                    break
                times[count] = key
                if copied:
                    table[0][count] = items[0][rows[place]]
                    if product:
                        table[1][count] = items[1][rows[place]]
                        table[2][count] = items[2][rows[place]]
                        table[3][count] = items[3][rows[place]]
                        if len(items[4]) > 0:
                            table[4][count] = items[4][rows[place]]
                else:
                    points[count] = rows[place]
                count += 1
                key = np.inf
            else:
                bound = np.inf
                for other in range(1, min(3, size)):
                    bound = min(bound, keys[other])
                while k < count and key <= bound and near > 0:
                    if product:
                        gap = products_apart(items, table, rows[place], points[k], near)
                    else:
                        gap = points_apart(items, table, rows[place], points[k])
                    if gap < near:
                        if not race:
                            if weight > 0:
                                key = -weight * np.float64(gap)
                            near = gap
                        else:
                            left = key - times[k]
                            key = np.inf
                            if gap > 0:
                                key = times[k] + left * (np.float64(near) / gap) ** power
                            if key == np.inf:  # it will never ring
                                clocks[place] = left * weight * np.float64(near) ** power
                                gap -= gap
                            near = gap
                    k += 1
                nearest[place], compared[place] = near, k
            if key < np.inf:
                keys[0] = key
            else:
                size -= 1
                keys[0], heap[0] = keys[size], heap[size]
        key, place, at = keys[root], heap[root], root  # falls to where both below are larger; a tie goes to the lower
        while 2 * at + 1 < size:
            below, beside = 2 * at + 1, 2 * at + 2
            if beside < size and (
                keys[beside] < keys[below] or (keys[beside] == keys[below] and heap[beside] < heap[below])
            ):
                below = beside
            if keys[below] > key or (keys[below] == key and heap[below] > place):
                break
            keys[at], heap[at] = keys[below], heap[below]
            at = below
        keys[at], heap[at] = key, place
    return found


@compiled
def _spread_points(
    items: Any,
    table: Any,
    rows: Array,
    points: Array,
    count: int,
    copied: bool,
    nearest: Array,
    met: int,
    worth: Array,
    clocks: Array,
    race: bool,
    power: float,
    keys: Array,
    heap: Array,
    taken: Array,
    places: Array,
    values: Array,
) -> int:
    return _spread(
        False, items, table, rows, points, count, copied, nearest, met,
        worth, clocks, race, power, keys, heap, taken, places, values,
    )  # fmt: skip


@compiled
def _spread_products(
    items: Any,
    table: Any,
    rows: Array,
    points: Array,
    count: int,
    copied: bool,
    nearest: Array,
    met: int,
    worth: Array,
    clocks: Array,
    race: bool,
    power: float,
    keys: Array,
    heap: Array,
    taken: Array,
    places: Array,
    values: Array,
) -> int:
    return _spread(
        True, items, table, rows, points, count, copied, nearest, met,
        worth, clocks, race, power, keys, heap, taken, places, values,
    )  # fmt: skip
