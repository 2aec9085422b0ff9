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
_SHARE = 1 << 15  # candidates that are worth a thread of their own


class Factors(NamedTuple):
    """The arrays behind a space, on the CPU: points, or outer products of the rows of two factors.

    Args:
        items: Left factor, right factor and the squared lengths of their rows. Where items are plain points, they
            are the left factor, and the right one has no columns.
        outside: The same of known points that lie in no row of the pool.
        product: Whether items are outer products.
    """

    items: tuple[Tensor, Tensor, Tensor, Tensor]
    outside: tuple[Tensor, Tensor, Tensor, Tensor]
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
    items, outside = _arrays(factors.items), _arrays(factors.outside)
    rows, met = candidates.numpy(), points.numpy()
    nearest = np.full(len(rows), np.inf, dtype=items[0].dtype)
    threads = max(1, min(torch.get_num_threads(), len(rows) // _SHARE))

    def part(k: int) -> None:
        some = slice(len(rows) * k // threads, len(rows) * (k + 1) // threads)
        _meet(items, outside, factors.product, rows[some], met, nearest[some])

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
        clocks: What the clock of each candidate has left, float64 (candidates,): a race, in which a clock runs at the
            speed of weight times squared distance, to the power. None: farthest first.
        power: Of the speed.
    """
    running = np.empty(0) if clocks is None else clocks.numpy().copy()
    worth = np.empty(0) if weights is None else weights.double().numpy() ** power
    met_points = np.concatenate([points.numpy(), np.zeros(n, dtype=np.int64)])
    places, values = np.zeros(n, dtype=np.int64), np.zeros(n)
    taken = np.zeros(len(candidates), dtype=np.bool_)
    count = _spread(
        _arrays(factors.items), _arrays(factors.outside), factors.product, candidates.numpy(), met_points, len(points),
        nearest, met, worth, running, clocks is not None, float(power), taken, places, values,
    )  # fmt: skip
    still = np.flatnonzero(~taken) if count < n else np.empty(0, dtype=np.int64)
    return Spread(places[:count], values[:count], still, running[still])


def _arrays(four: tuple[Tensor, ...]) -> tuple[Array, ...]:
    return tuple(array.numpy() for array in four)


# Helpers are inlined: what numba links to a call may be other machine code when it comes from the cache.
@numba.njit(inline="always")
def _apart(items: Any, outside: Any, product: bool, row: int, point: int, near: Any) -> Any:
    """Squared distance of an item to a point; of a product it may be anything above ``near`` where it is above.

    See `Plain.approach_product` for the formula. The squared gap between the right factors is at least that between
    their lengths, and at most that between one and minus the other; if that decides, it is not looked at.
    """
    other, at = (items, point) if point >= 0 else (outside, -1 - point)
    one, two = items[0], other[0]
    gap = one.dtype.type(0)
    for column in range(one.shape[1]):
        difference = one[row, column] - two[at, column]
        gap += difference * difference
    if product:
        p, q = items[3][row], other[3][at]
        both, rest = items[2][row] + other[2][at] - gap, (p + q) * gap
        rest += (items[2][row] - other[2][at]) * (p - q)
        side = np.sqrt(p) - np.sqrt(q) if both > 0 else np.sqrt(p) + np.sqrt(q)
        least = (both * side * side + rest) * one.dtype.type(0.4999)  # a little less, because of rounding
        if least > near:
            gap = least
        else:
            three, four = items[1], other[1]
            right = one.dtype.type(0)
            for column in range(three.shape[1]):
                step = three[row, column] - four[at, column]
                right += step * step
            gap = max((both * right + rest) / 2, one.dtype.type(0))
    return gap


@numba.njit(inline="always")
def _sink(keys: Array, heap: Array, place: int, size: int) -> None:
    """Let an entry of the heap fall to where both below it are larger; the lower place wins a tie."""
    key, entry, at = keys[place], heap[place], place
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        beside = below + 1
        if beside < size and (
            keys[beside] < keys[below] or (keys[beside] == keys[below] and heap[beside] < heap[below])
        ):
            below = beside
        if not (keys[below] < key or (keys[below] == key and heap[below] < entry)):
            break
        keys[at], heap[at] = keys[below], heap[below]
        at = below
    keys[at], heap[at] = key, entry


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _meet(items: Any, outside: Any, product: bool, rows: Array, points: Array, nearest: Array) -> None:
    for place in range(len(rows)):
        near = nearest[place]
        for k in range(len(points)):
            gap = _apart(items, outside, product, rows[place], points[k], near)
            if gap < near:
                near = gap
        nearest[place] = near


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _spread(
    items: Any,
    outside: Any,
    product: bool,
    rows: Array,
    points: Array,
    count: int,
    nearest: Array,
    met: int,
    worth: Array,
    clocks: Array,
    race: bool,
    power: float,
    taken: Array,
    places: Array,
    values: Array,
) -> int:
    """Fill in the picks and give how many there are; keys are minus the value, or the time at which a clock rings.

    In a race an item runs through the past when it is looked at: from the time of each pick at the speed that the
    pick left it. A stale distance is too large, so its clock would have rung too early, never too late.
    """
    compared = np.full(len(rows), met, dtype=np.int32)
    keys, heap, size = np.empty(len(rows)), np.empty(len(rows), dtype=np.int32), 0
    times = np.zeros(len(points))  # when each point came: known ones at 0
    weighted = len(worth) > 0
    for place in range(len(rows)):
        speed = np.float64(nearest[place])
        if race and power != 1.0:
            speed = speed**power
        if weighted:
            speed *= worth[place]
        if race:
            key = clocks[place] / speed if speed > 0 else np.inf
            if key == np.inf:  # it will never ring
                continue
        else:
            key = 1.0 if weighted and worth[place] == 0 else -speed
        keys[size], heap[size] = key, place
        size += 1
    for place in range(size // 2 - 1, -1, -1):
        _sink(keys, heap, place, size)

    found = 0
    while found < len(places) and size > 0:
        place, key = heap[0], keys[0]
        near, k = nearest[place], compared[place]
        if k == count or near <= 0:
            value = np.float64(near)
            if race and power != 1.0:
                value = value**power
            if weighted:
                value *= worth[place]
            places[found], values[found], taken[place] = place, value, True
            points[count], times[count] = rows[place], key
            found += 1
            count += 1
        else:
            bound = np.inf
            for other in range(1, min(3, size)):
                bound = min(bound, keys[other])
            while k < count and key <= bound and near > 0:
                gap = _apart(items, outside, product, rows[place], points[k], near)
                if gap < near:
                    if not race:
                        if not (weighted and worth[place] == 0):
                            key = -np.float64(gap) * worth[place] if weighted else -np.float64(gap)
                    elif gap > 0:
                        slower = np.float64(near) / gap
                        if power != 1.0:
                            slower = slower**power
                        later = times[k] + (key - times[k]) * slower
                        if later < np.inf:
                            key = later
                        else:
                            gap -= gap
                    if race and gap <= 0:
                        speed = np.float64(near)
                        if power != 1.0:
                            speed = speed**power
                        if weighted:
                            speed *= worth[place]
                        clocks[place] = (key - times[k]) * speed
                    near = gap
                k += 1
            nearest[place], compared[place] = near, k
            if not race or near > 0:
                keys[0] = key
                _sink(keys, heap, 0, size)
                continue
        size -= 1
        if size > 0:
            keys[0], heap[0] = keys[size], heap[size]
            _sink(keys, heap, 0, size)
    return found
