"""The largest of many numbers, in one pass that is compiled for the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])

_SPARE = 4  # how many times as many numbers are held as are wanted, so that sorting them out is rare


def threshold(values: Tensor, rows: Tensor, n: int) -> float:
    """The n-th largest of the values at some rows; NaN if any of them is NaN.

    Args:
        values: float32 or float64 (items,), contiguous, on the CPU.
        rows: int64, contiguous.
        n: From 1 to the number of rows.
    """
    return float(_threshold(values.numpy(), rows.numpy(), n, np.empty(max(64, _SPARE * n), values.numpy().dtype)))


def at_least(values: Tensor, rows: Tensor, threshold: float) -> Tensor:
    """The rows whose value is at least the threshold, in their order.

    Args:
        values: float32 or float64 (items,), contiguous, on the CPU.
        rows: int64, contiguous.
        threshold: As `threshold` found it.
    """
    array = values.numpy()
    least = array.dtype.type(threshold)
    return torch.from_numpy(_at_least(array, rows.numpy(), least, _count(array, rows.numpy(), least)))


def _compiled(function: Loop) -> Loop:
    return cast(Loop, numba.njit(cache=True, nogil=True)(function))


@_compiled
def _threshold(values: Array, rows: Array, n: int, held: Array) -> Any:
    count, least = 0, values.dtype.type(-np.inf)
    for i in range(len(rows)):
        value = values[rows[i]]
        if not value < least:  # what ties with the least is held as well: it may be the n-th
            if value != value:  # NaN
                return value
            if count == len(held):
                ordered = np.partition(held, count - n)
                held[:n] = ordered[count - n :]
                count, least = n, ordered[count - n]
            if value > least or count < n:
                held[count] = value
                count += 1
    return np.partition(held[:count], count - n)[count - n]


@_compiled
def _count(values: Array, rows: Array, least: Any) -> int:
    count = 0
    for i in range(len(rows)):
        count += values[rows[i]] >= least
    return count


@_compiled
def _at_least(values: Array, rows: Array, least: Any, count: int) -> Array:
    out, found = np.empty(count, np.int64), 0
    for i in range(len(rows)):
        if values[rows[i]] >= least:
            out[found] = rows[i]
            found += 1
    return out
