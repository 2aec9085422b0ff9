"""Which points have one before them that is close: found along a line, on which close points are close too."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from askance.kernels.distances import ready

Array = np.ndarray[Any, np.dtype[Any]]

_LINES = 3  # along which pairs are ruled out before their distance is looked at


def close_pairs(points: Tensor, first: int, distance: float) -> Tensor:
    """Which points are dropped: those within a distance of one before them that is not dropped itself.

    The first points are never dropped.

    >>> close_pairs(torch.tensor([[0.0], [1.0], [2.5], [3.0]]), 1, 1.0)
    tensor([ True, False,  True])

    Args:
        points: In the order of their turns, (points, features).
        first: How many at the beginning are kept anyway.
        distance: Euclidean, at least 0.

    Returns:
        For each point after the first ones whether it is dropped, bool (points - first,).
    """
    array = ready(points.cpu()).numpy()
    if not len(array):
        return torch.zeros(0, dtype=torch.bool)
    lines = _along(array)
    order = np.argsort(lines[:, 0], kind="stable")
    # What lies along a unit vector is no farther apart than the points are, up to rounding.
    slack = distance + 1e-5 * float(np.abs(lines).max(initial=0.0)) + 1e-12
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    dropped = np.zeros(len(array), dtype=np.bool_)
    _drop(array, lines, order, place, first, distance * distance, slack, dropped)
    return torch.from_numpy(dropped[first:])


def _along(array: Array) -> Array:
    """Where each point lies along a few directions, float64 (points, lines): fixed ones, so no dice are thrown."""
    directions = np.random.default_rng(0).standard_normal((array.shape[1], _LINES))
    directions /= np.maximum(np.linalg.norm(directions, axis=0), 1e-300)
    return np.ascontiguousarray(array.astype(np.float64, copy=False) @ directions)


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _drop(
    array: Array, lines: Array, order: Array, place: Array, first: int, most: float, slack: float, dropped: Array
) -> None:
    for point in range(len(array)):
        if dropped[point]:
            continue
        for way in (-1, 1):
            at = place[point] + way
            while 0 <= at < len(order):
                other = order[at]
                if abs(lines[other, 0] - lines[point, 0]) > slack:
                    break
                at += way
                if other < point or other < first or dropped[other]:
                    continue
                if abs(lines[other, 1] - lines[point, 1]) > slack or abs(lines[other, 2] - lines[point, 2]) > slack:
                    continue
                gap = 0.0
                for column in range(array.shape[1]):
                    difference = float(array[other, column]) - float(array[point, column])
                    gap += difference * difference
                    if gap > most:
                        break
                if gap <= most:
                    dropped[other] = True
