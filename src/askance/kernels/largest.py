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


def threshold(values: Tensor, rows: Tensor, n: int) -> float:
    """The n-th largest of the values at some rows; NaN if any of them is NaN.

    Args:
        values: float32 or float64 (items,), contiguous, on the CPU.
        rows: int64, contiguous.
        n: From 1 to the number of rows.
    """
    array = values.numpy()
    return float(_threshold(array, rows.numpy(), np.empty(n, array.dtype)))


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
def _threshold(values: Array, rows: Array, heap: Array) -> Any:
    n, count = len(heap), 0  # the n largest so far, the least of them at the root
    for i in range(len(rows)):
        value = values[rows[i]]
        if value != value:  # NaN
            return value
        if count < n:
            place = count
            count += 1
            while place > 0 and heap[(place - 1) // 2] > value:
                heap[place] = heap[(place - 1) // 2]
                place = (place - 1) // 2
            heap[place] = value
        elif value > heap[0]:
            place, child = 0, 1
            while child < n:
                if child + 1 < n and heap[child + 1] < heap[child]:
                    child += 1
                if heap[child] >= value:
                    break
                heap[place] = heap[child]
                place, child = child, 2 * child + 1
            heap[place] = value
    return heap[0]


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
