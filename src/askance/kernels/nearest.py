"""Loops around nearest points: distances to own centers, sums of clusters, and the few nearest of many points.

As in `askance.kernels.distances`, distances come from squared differences; a matrix product only says where to look.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import torch
from torch import Tensor

from askance.kernels.distances import ready

Array = np.ndarray[Any, np.dtype[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])

_PIECE = 1 << 20  # elements of a temporary: 4 MiB of float32
_ROUNDED = 1e-5  # what rounding may add to a squared distance from a product, in units of the lengths in it
_SLACK = 1e-5  # what rounding may add to a distance, as a share of it
_MORE = 8  # neighbors kept beyond those asked for: rounding in the product seldom leaves open more


class Plain:
    """The loops in torch: the reference, and what runs on other devices."""

    @staticmethod
    def gaps(features: Tensor, rows: Tensor, shift: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        """Squared distance of some rows, less ``shift``, to the points that ``labels`` name, (rows,).

        Args:
            features: (items, features).
            rows: int64 (rows,).
            shift: (features,).
            points: (points, features).
            labels: Which point belongs to each row, int64 (rows,).
        """
        out = features.new_empty(len(rows))
        for piece in _pieces(len(rows), features.shape[1]):
            out[piece] = (features[rows[piece]] - shift - points[labels[piece]]).square_().sum(1)
        return out

    @staticmethod
    def settle(
        features: Tensor,
        rows: Tensor,
        shift: Tensor,
        points: Tensor,
        drift: Tensor,
        apart: Tensor,
        labels: Tensor,
        within: Tensor,
        beyond: Tensor,
    ) -> None:
        """After points have moved, find the nearest one to each row again; ``labels`` and the bounds change in place.

        Points are in groups of ``ceil(points / groups)`` by their numbers. The bounds only spare work.

        Args:
            features: (items, features).
            rows: int64 (rows,).
            shift: What is taken off every row, (features,).
            points: (points, features).
            drift: How far each point has moved, (points,).
            apart: Less than half of how far each point is from the next one, (points,).
            labels: The nearest point of each row before, int64 (rows,).
            within: No less than the distance of each row to that point, before it moved, (rows,).
            beyond: No more than the distance to any other point of a group, before they moved, (rows, groups).
        """
        lengths = points.square().sum(1)
        for piece in _pieces(len(rows), max(points.shape)):
            part = features[rows[piece]] - shift
            labels[piece] = torch.addmm(lengths, part, points.T, alpha=-2).argmin(1)

    @staticmethod
    def gather(
        features: Tensor, rows: Tensor, shift: Tensor, weights: Tensor, before: Tensor, labels: Tensor, sums: Tensor
    ) -> None:
        """Move weighted rows, less ``shift``, from the sums of their clusters before to those of now, in place.

        Args:
            features: (items, features).
            rows: int64 (rows,).
            shift: (features,).
            weights: float64 (rows,).
            before: The cluster that each row was in, int64 (rows,); -1 for none.
            labels: The cluster that each row is in, int64 (rows,).
            sums: float64 (clusters, features), changed in place.
        """
        for piece in _pieces(len(rows), features.shape[1]):
            moved = (features[rows[piece]] - shift).double() * weights[piece].unsqueeze(1)
            # Unlike index_add_, this adds in a fixed order on every device.
            sums.index_put_((labels[piece],), moved, accumulate=True)
            old = before[piece] >= 0
            sums.index_put_((before[piece][old],), -moved[old], accumulate=True)

    @staticmethod
    def few(
        queries: Tensor, points: Tensor, rough: Tensor, slack: Tensor, wide: int, places: Tensor, gaps: Tensor
    ) -> None:
        """The nearest points of each query by exact distances, among those that rough ones leave open.

        Args:
            queries: (queries, features).
            points: (points, features).
            rough: A number that is larger for points farther from a query, (queries, points).
            slack: By how much rounding may swap two points, (queries,).
            wide: How many points are kept at first; where rounding leaves open more, all of those are looked at.
            places: Where to write which they are, int64 (queries, count).
            gaps: Where to write their squared distances, (queries, count).
        """
        count = places.shape[1]
        values, near = rough.topk(wide, largest=False)
        crowded = (values[:, -1] <= values[:, count - 1] + slack).nonzero().squeeze(1)
        near = near.sort(1).values  # ties go to the lower place
        exact = torch.stack([(queries - points[near[:, at]]).square_().sum(1) for at in range(wide)], 1)
        found, order = exact.sort(stable=True, dim=1)
        gaps.copy_(found[:, :count])
        places.copy_(near.gather(1, order[:, :count]))
        if len(crowded) and wide < len(points):
            again = places[crowded], gaps[crowded]
            Plain.few(
                queries[crowded], points, rough[crowded], slack[crowded], min(2 * wide, len(points)), again[0], again[1]
            )
            places[crowded], gaps[crowded] = again


class Compiled(Plain):
    """The same loops compiled for contiguous float32 and float64 arrays on the CPU; they release the GIL."""

    @staticmethod
    def gaps(features: Tensor, rows: Tensor, shift: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        """Squared distances to the named points, compiled."""
        out = features.new_empty(len(rows))
        _gaps(features.numpy(), rows.numpy(), shift.numpy(), points.numpy(), labels.numpy(), out.numpy())
        return out

    @staticmethod
    def settle(
        features: Tensor,
        rows: Tensor,
        shift: Tensor,
        points: Tensor,
        drift: Tensor,
        apart: Tensor,
        labels: Tensor,
        within: Tensor,
        beyond: Tensor,
    ) -> None:
        """Find the nearest point again, compiled; bounds by the triangle inequality leave out most distances."""
        groups = beyond.shape[1]
        width = -(-len(points) // groups)
        padded = torch.nn.functional.pad(drift, (0, groups * width - len(drift)))
        _settle(
            features.numpy(),
            rows.numpy(),
            shift.numpy(),
            points.numpy(),
            drift.numpy(),
            padded.view(groups, width).amax(1).numpy(),
            apart.numpy(),
            labels.numpy(),
            within.numpy(),
            beyond.numpy(),
        )

    @staticmethod
    def gather(
        features: Tensor, rows: Tensor, shift: Tensor, weights: Tensor, before: Tensor, labels: Tensor, sums: Tensor
    ) -> None:
        """Move rows from sum to sum, compiled."""
        _gather(
            features.numpy(),
            rows.numpy(),
            shift.numpy(),
            weights.numpy(),
            before.numpy(),
            labels.numpy(),
            sums.numpy(),
        )

    @staticmethod
    def few(
        queries: Tensor, points: Tensor, rough: Tensor, slack: Tensor, wide: int, places: Tensor, gaps: Tensor
    ) -> None:
        """The nearest points, compiled; points that the rough distances leave no doubt about are not looked at."""
        _few(queries.numpy(), points.numpy(), rough.numpy(), slack.numpy(), wide, places.numpy(), gaps.numpy())


def loops(array: Tensor) -> type[Plain]:
    """The twin that runs where the array lies."""
    return Compiled if array.device.type == "cpu" else Plain


def neighbors(queries: Tensor, points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The nearest of some points to each query, and their squared distances; the nearest first.

    A matrix product says which are near; the distances of those that rounding leaves open are then taken from
    differences, so that duplicates are at zero.

    >>> neighbors(torch.tensor([[0.], [5.]]), torch.tensor([[1.], [4.], [9.]]), 2)
    (tensor([[0, 1],
            [1, 0]]), tensor([[ 1., 16.],
            [ 1., 16.]]))

    Args:
        queries: (queries, features).
        points: (points, features); at least one.
        count: How many; at most as many as there are points.

    Returns:
        Places among the points, int64 (queries, count), and squared distances, (queries, count).
    """
    queries = ready(queries)
    points = ready(points.to(queries))
    count = min(count, len(points))
    wide = min(len(points), count + _MORE)
    center = points.mean(0)  # a common offset would drown the product
    lying = points - center
    lengths = lying.square().sum(1)
    places = torch.empty(len(queries), count, dtype=torch.int64, device=queries.device)
    gaps = queries.new_empty(len(queries), count)
    for piece in _pieces(len(queries), 4 * max(len(points), queries.shape[1])):  # 1 MiB, which stays in the cache
        part = queries[piece].contiguous()
        moved = part - center
        rough = torch.addmm(lengths, moved, lying.T, alpha=-2)  # (queries, points)
        slack = (moved.square().sum(1) + lengths.max()) * (2 * _ROUNDED)
        loops(queries).few(part, points, rough, slack, wide, places[piece], gaps[piece])
    return places, gaps


def _pieces(items: int, width: int) -> list[slice]:
    step = max(1, _PIECE // max(1, width))
    return [slice(start, start + step) for start in range(0, items, step)]


def _compiled(function: Loop) -> Loop:
    # Sums may be reordered and fused, which makes them fast; NaN and infinity keep their meaning.
    return cast(Loop, numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})(function))


@_compiled
def _gaps(features: Array, rows: Array, shift: Array, points: Array, labels: Array, out: Array) -> None:
    for i in range(len(rows)):
        row, point = rows[i], labels[i]
        total = features.dtype.type(0)
        for column in range(features.shape[1]):
            difference = features[row, column] - shift[column] - points[point, column]
            total += difference * difference
        out[i] = total


@_compiled
def _settle(
    features: Array,
    rows: Array,
    shift: Array,
    points: Array,
    drift: Array,
    group_drift: Array,
    apart: Array,
    labels: Array,
    within: Array,
    beyond: Array,
) -> None:
    # Yinyang k-means (Ding et al. 2015); with a group for each point, Elkan's (2003).
    groups = beyond.shape[1]
    width = -(-len(points) // groups)
    own = np.empty(features.shape[1], features.dtype)
    up, down = features.dtype.type(1 + _SLACK), features.dtype.type(1 - _SLACK)
    for i in range(len(rows)):
        label = labels[i]
        least = features.dtype.type(np.inf)
        for group in range(groups):
            bound = beyond[i, group] - group_drift[group]
            beyond[i, group] = bound
            if bound < least:
                least = bound
        least = max(least, apart[label])
        reach = within[i] + drift[label]
        if reach >= least:
            row = rows[i]
            total = features.dtype.type(0)
            for column in range(features.shape[1]):
                own[column] = features[row, column] - shift[column]
                difference = own[column] - points[label, column]
                total += difference * difference
            gap = np.sqrt(total)
            reach = gap * up
            if reach >= least:
                best = label
                for group in range(groups):
                    if beyond[i, group] > reach:
                        continue
                    first, second, which = features.dtype.type(np.inf), features.dtype.type(np.inf), -1
                    for point in range(group * width, min((group + 1) * width, len(points))):
                        if point == best:
                            continue
                        total = features.dtype.type(0)
                        for column in range(features.shape[1]):
                            difference = own[column] - points[point, column]
                            total += difference * difference
                        total = np.sqrt(total)
                        if total < first:
                            first, second, which = total, first, point
                        elif total < second:
                            second = total
                    if first < gap:
                        beyond[i, group] = second * down
                        left = best // width
                        beyond[i, left] = min(beyond[i, left], gap * down)
                        best, gap = which, first
                        reach = gap * up
                    else:
                        beyond[i, group] = first * down
                labels[i] = best
        within[i] = reach


@_compiled
def _gather(
    features: Array, rows: Array, shift: Array, weights: Array, before: Array, labels: Array, sums: Array
) -> None:
    for i in range(len(rows)):
        row, new, old, weight = rows[i], labels[i], before[i], weights[i]
        for column in range(features.shape[1]):
            sums[new, column] += weight * np.float64(features[row, column] - shift[column])
        if old >= 0:
            for column in range(features.shape[1]):
                sums[old, column] -= weight * np.float64(features[row, column] - shift[column])


@_compiled
def _few(queries: Array, points: Array, rough: Array, slack: Array, wide: int, places: Array, gaps: Array) -> None:
    count = places.shape[1]
    values, which = np.empty(wide, rough.dtype), np.empty(wide, np.int64)
    for i in range(len(queries)):
        values[:] = np.inf
        for j in range(rough.shape[1]):
            value = rough[i, j]
            if value < values[wide - 1]:
                at = wide - 1
                while at > 0 and values[at - 1] > value:
                    values[at], which[at] = values[at - 1], which[at - 1]
                    at -= 1
                values[at], which[at] = value, j
        limit = values[count - 1] + slack[i]
        kept = values[wide - 1] > limit  # else what rounding leaves open may go on beyond them
        filled = 0
        for at in range(wide if kept else rough.shape[1]):
            value, point = (values[at], which[at]) if kept else (rough[i, at], at)
            if value > limit:
                continue
            total = queries.dtype.type(0)
            for column in range(queries.shape[1]):
                difference = queries[i, column] - points[point, column]
                total += difference * difference
            if filled == count:
                worse = gaps[i, count - 1] < total or (gaps[i, count - 1] == total and places[i, count - 1] < point)
                if worse:
                    continue
                filled -= 1
            place = filled
            while place > 0 and (
                gaps[i, place - 1] > total or (gaps[i, place - 1] == total and places[i, place - 1] > point)
            ):
                gaps[i, place], places[i, place] = gaps[i, place - 1], places[i, place - 1]
                place -= 1
            gaps[i, place], places[i, place] = total, point
            filled += 1
