"""Loops over squared distances: compiled for the CPU without temporaries, in plain torch for other devices.

Distances come from squared differences, never from an expanded product, so a duplicate is at distance exactly zero. No
floating-point option is used that lets the compiler assume NaN away.
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

_PIECE = 1 << 22  # elements of a temporary in the plain twin: 16 MiB of float32
_OFFSET = 1e-5  # keeps the typicality of duplicates finite; the authors' code
_GROUP = 16  # rows that are compared with a point while it is in the nearest cache


class Plain:
    """The loops in torch: the reference, and what runs on other devices.

    ``nearest`` and ``speeds`` hold a number per item. Where it is zero or less the item is settled: nothing can bring
    it closer, so it is skipped. Picked items and items that are no candidates are marked with -1.
    """

    @staticmethod
    def squared_norms(array: Tensor) -> Tensor:
        """Squared length of each row: (items, features) to (items,)."""
        out = array.new_empty(len(array))
        for piece in _pieces(array):
            out[piece] = array[piece].square().sum(1)
        return out

    @staticmethod
    def approach(array: Tensor, points: Tensor, nearest: Tensor) -> None:
        """Lower ``nearest`` to the squared distance to the nearest of ``points``, in place.

        Args:
            array: Features, (items, features).
            points: What is approached, (points, features).
            nearest: Changed in place, (items,).
        """
        for point in points:
            for piece in _pieces(array):
                _lower(nearest[piece], (array[piece] - point).square().sum(1))

    @staticmethod
    def approach_product(
        left: Tensor,
        right: Tensor,
        left_norms: Tensor,
        right_norms: Tensor,
        points: tuple[Tensor, ...],
        nearest: Tensor,
    ) -> None:
        """The same for outer products of the rows of ``left`` and ``right``, never built; so are the points'.

        With squared lengths a, b of two items' left rows, p, q of their right rows, and squared gaps L and R between
        the left and the right rows, |l_i x r_i - l_j x r_j|^2 = ap + bq - 2 (l_i.l_j)(r_i.r_j) is the same as
        ((a + b) R + (p + q) L - L R + (a - b)(p - q)) / 2, in which every term vanishes for a duplicate.
        """
        for one, other, length, width in zip(*points, strict=True):
            for piece in _pieces(right):
                lefts, rights = left_norms[piece], right_norms[piece]
                left_gap = (left[piece] - one).square().sum(1)
                right_gap = (right[piece] - other).square().sum(1)
                twice = (lefts + length) * right_gap + (rights + width) * left_gap
                twice += (lefts - length) * (rights - width) - left_gap * right_gap
                _lower(nearest[piece], (twice / 2).clamp_(min=0))

    @staticmethod
    def ring(clocks: Tensor, speeds: Tensor) -> int:
        """Let every clock run down at its speed until the first one rings.

        Args:
            clocks: What each clock has left, float64 (items,), changed in place.
            speeds: How fast each runs, (items,); those at zero or less stand still.

        Returns:
            The row whose clock rang, or -1 when all stand still.
        """
        times = torch.where(speeds > 0, clocks / speeds, torch.inf)
        row = int(times.argmin())
        if speeds[row] <= 0:
            return -1
        clocks -= torch.where(speeds > 0, speeds * times[row], 0)
        clocks.clamp_(min=0)
        return row

    @staticmethod
    def neighbor_distances(features: Tensor, rows: Tensor, members: Tensor, most: int) -> Tensor:
        """Mean distance of each of ``rows`` to its nearest ``members`` other than itself.

        Args:
            features: (items, features).
            rows: int64 rows to answer for.
            members: int64 rows among which neighbors are looked for.
            most: How many neighbors count; never more than half of the members, and at least one.

        Returns:
            (rows,); infinite where there is no other member.
        """
        count = _neighbors(members, most)
        out = features.new_empty(len(rows))
        step = max(1, _PIECE // max(1, len(members)))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            gaps = torch.cdist(features[some], features[members], compute_mode="donot_use_mm_for_euclid_dist")
            gaps.masked_fill_(some.unsqueeze(1) == members, torch.inf)  # (rows, members)
            out[start : start + step] = gaps.topk(count, largest=False).values.mean(1)
        return out


class Compiled(Plain):
    """The same loops compiled for contiguous float32 and float64 arrays on the CPU; they release the GIL."""

    @staticmethod
    def squared_norms(array: Tensor) -> Tensor:
        """Squared length of each row, compiled."""
        out = array.new_empty(len(array))
        _squared_norms(array.numpy(), out.numpy())
        return out

    @staticmethod
    def approach(array: Tensor, points: Tensor, nearest: Tensor) -> None:
        """Lower ``nearest`` in one pass, compiled."""
        _approach(array.numpy(), points.numpy(), nearest.numpy())

    @staticmethod
    def approach_product(
        left: Tensor,
        right: Tensor,
        left_norms: Tensor,
        right_norms: Tensor,
        points: tuple[Tensor, ...],
        nearest: Tensor,
    ) -> None:
        """Lower ``nearest`` in one pass over both factors, compiled."""
        arrays = (left, right, left_norms, right_norms, *points, nearest)
        _approach_product(*(array.numpy() for array in arrays))

    @staticmethod
    def ring(clocks: Tensor, speeds: Tensor) -> int:
        """Run the clocks down until the first one rings, compiled."""
        return int(_ring(clocks.numpy(), speeds.numpy()))

    @staticmethod
    def neighbor_distances(features: Tensor, rows: Tensor, members: Tensor, most: int) -> Tensor:
        """Mean distance to the nearest members, compiled and without a matrix of rows x members."""
        out = features.new_empty(len(rows))
        count = _neighbors(members, most)
        _neighbor_distances(features.numpy(), rows.numpy(), members.numpy(), count, out.numpy())
        return out


def loops(array: Tensor) -> type[Plain]:
    """The twin that runs where the array lies."""
    return Compiled if array.device.type == "cpu" else Plain


def typicality(features: Tensor, rows: Tensor, members: Tensor, most: int) -> Tensor:
    """The inverse of the mean distance to the nearest members; 0 where there are none.

    Source: Hacohen et al. 2022, the definition of typicality.

    Args:
        features: As `ready` gives them, (items, features).
        rows: int64 rows to answer for.
        members: int64 rows among which neighbors are looked for.
        most: How many neighbors count; never more than half of the members, and at least one.

    Returns:
        (rows,).
    """
    return 1 / (loops(features).neighbor_distances(features, rows, members, most) + _OFFSET)


def ready(array: Tensor) -> Tensor:
    """The array as the loops take it: contiguous float32 and float64 as they are, else converted once, to float32."""
    kept = array.dtype if array.dtype in (torch.float32, torch.float64) else torch.float32
    return array.detach().to(kept).contiguous()


def _neighbors(members: Tensor, most: int) -> int:
    return max(1, min(most, len(members) // 2))


def _pieces(array: Tensor) -> list[slice]:
    step = max(1, _PIECE // max(1, array.shape[1]))
    return [slice(start, start + step) for start in range(0, len(array), step)]


def _lower(nearest: Tensor, distances: Tensor) -> None:
    # Not torch.minimum: a NaN must leave the entry as it is, as in the compiled twin.
    nearest.copy_(torch.where(distances < nearest, distances, nearest))


def _compiled(function: Loop) -> Loop:
    # Sums may be reordered and fused, which makes them fast; NaN and infinity keep their meaning.
    return cast(Loop, numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})(function))


# Inlined: what numba links to a call may be other machine code when it comes from the cache.
@numba.njit(inline="always")
def _gap(one: Array, i: int, other: Array, j: int) -> Any:
    total = one.dtype.type(0)
    for column in range(one.shape[1]):
        difference = one[i, column] - other[j, column]
        total += difference * difference
    return total


@_compiled
def _squared_norms(array: Array, out: Array) -> None:
    for i in range(len(array)):
        total = array.dtype.type(0)
        for column in range(array.shape[1]):
            total += array[i, column] * array[i, column]
        out[i] = total


@_compiled
def _approach(array: Array, points: Array, nearest: Array) -> None:
    for start in range(0, len(array), _GROUP):
        for point in range(len(points)):
            for i in range(start, min(start + _GROUP, len(array))):
                if nearest[i] > 0:
                    gap = _gap(array, i, points, point)
                    if gap < nearest[i]:
                        nearest[i] = gap


@_compiled
def _approach_product(
    left: Array,
    right: Array,
    left_norms: Array,
    right_norms: Array,
    left_points: Array,
    right_points: Array,
    left_lengths: Array,
    right_lengths: Array,
    nearest: Array,
) -> None:
    for start in range(0, len(left), _GROUP):
        for point in range(len(left_points)):
            a, b = left_lengths[point], right_lengths[point]
            for i in range(start, min(start + _GROUP, len(left))):
                if nearest[i] > 0:
                    left_gap = _gap(left, i, left_points, point)
                    right_gap = _gap(right, i, right_points, point)
                    twice = (left_norms[i] + a) * right_gap + (right_norms[i] + b) * left_gap
                    twice += (left_norms[i] - a) * (right_norms[i] - b) - left_gap * right_gap
                    gap = max(twice / 2, left.dtype.type(0))
                    if gap < nearest[i]:
                        nearest[i] = gap


@_compiled
def _ring(clocks: Array, speeds: Array) -> int:
    winner, soonest = -1, np.inf
    for i in range(len(clocks)):
        if speeds[i] > 0:
            time = clocks[i] / speeds[i]
            if time < soonest:
                winner, soonest = i, time
    if winner >= 0:
        for i in range(len(clocks)):
            if speeds[i] > 0:
                clocks[i] = max(0.0, clocks[i] - soonest * speeds[i])
    return winner


@_compiled
def _neighbor_distances(features: Array, rows: Array, members: Array, count: int, out: Array) -> None:
    nearest = np.empty((_GROUP, count), features.dtype)  # each line sorted, the farthest neighbor last
    for start in range(0, len(rows), _GROUP):
        group = rows[start : start + _GROUP]
        nearest[:] = np.inf
        for member in members:
            for i in range(len(group)):
                if group[i] == member:
                    continue
                gap = _gap(features, group[i], features, member)
                if gap < nearest[i, count - 1]:
                    place = count - 1
                    while place > 0 and nearest[i, place - 1] > gap:
                        nearest[i, place] = nearest[i, place - 1]
                        place -= 1
                    nearest[i, place] = gap
        for i in range(len(group)):
            out[start + i] = np.sqrt(nearest[i]).mean()
