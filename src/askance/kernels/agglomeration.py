"""Average linkage in linear memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])


def average_linkage(points: Array) -> tuple[Array, Array]:
    """Which clusters to merge, and at which height, when the two with the least mean squared distance always merge.

    The mean squared distance between the points of two clusters is the squared distance of their means plus the mean
    squared deviation within each, so no matrix of distances is kept. Of points at length one it is twice the mean
    cosine distance. Merges are found along chains of nearest neighbors (Murtagh 1983), which gives the same tree.

    Args:
        points: float64 (points, features).

    Returns:
        A point of each of the two clusters, int64 (points - 1, 2), and the height, float64 (points - 1,); not sorted
        by height.
    """
    pairs = np.empty((max(0, len(points) - 1), 2), dtype=np.int64)
    heights = np.empty(len(pairs))
    _chain(points.copy(), pairs, heights)
    return pairs, heights


def _compiled(function: Loop) -> Loop:
    return cast(Loop, numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})(function))


@_compiled
def _chain(means: Array, pairs: Array, heights: Array) -> None:
    count = len(means)
    sizes, within = np.ones(count), np.zeros(count)
    chain = np.empty(count, dtype=np.int64)
    length, merged = 0, 0
    while merged < count - 1:
        if length == 0:
            for i in range(count):
                if sizes[i] > 0:
                    chain[0] = i
                    length = 1
                    break
        top = chain[length - 1]
        best, least = -1, np.inf
        if length > 1:  # on a tie the one before, or the chain would never end
            best = chain[length - 2]
            total = 0.0
            for column in range(means.shape[1]):
                difference = means[top, column] - means[best, column]
                total += difference * difference
            least = total + within[best]
        for i in range(count):
            if sizes[i] > 0 and i != top:
                total = 0.0
                for column in range(means.shape[1]):
                    difference = means[top, column] - means[i, column]
                    total += difference * difference
                total += within[i]
                if total < least:
                    best, least = i, total
        if length > 1 and best == chain[length - 2]:
            a, b = sizes[top], sizes[best]
            gap = least - within[best]
            pairs[merged, 0], pairs[merged, 1], heights[merged] = best, top, least + within[top]
            within[best] = (a * within[top] + b * within[best]) / (a + b) + a * b / (a + b) ** 2 * gap
            for column in range(means.shape[1]):
                means[best, column] = (a * means[top, column] + b * means[best, column]) / (a + b)
            sizes[best], sizes[top] = a + b, 0
            merged += 1
            length -= 2
        else:
            chain[length] = best
            length += 1
