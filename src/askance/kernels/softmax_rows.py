"""The softmax of some rows of a wide matrix of scores, one block of columns at a time, without a copy between.

The exponential is a polynomial that vectorizes, within 3e-7 relative of the exponential of the same float32; what lies
more than 87 below the largest score counts as 87 below it.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from torch import Tensor

from askance.kernels.scores import from_bits

Array = np.ndarray[Any, np.dtype[Any]]

_LOG2E = np.float32(1.4426950408889634)
_HIGH, _LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)  # log 2 as two numbers, the first with few bits
_HALF, _ONE, _LEAST = np.float32(0.5), np.float32(1), np.float32(-87)
_C2, _C3, _C4 = np.float32(0.5), np.float32(1.6666665e-1), np.float32(4.1665795e-2)
_C5, _C6, _C7 = np.float32(8.3334519e-3), np.float32(1.3981999e-3), np.float32(1.9875691e-4)
_BIAS, _WIDTH = np.int32(127), np.int32(23)


def softmax_rows(scores: Tensor, rows: Tensor, first: int, out: Tensor) -> None:
    """Write the softmax of some rows and columns.

    Args:
        scores: float32 (items, columns), contiguous, on the CPU, finite.
        rows: int64 (rows,), which items.
        first: The first column.
        out: float32 (rows, classes), contiguous; its columns say how many are taken.
    """
    _softmax_rows(scores.numpy(), rows.numpy(), first, out.numpy())


@numba.njit(inline="always")
def _exp(x: Any) -> Any:
    """The exponential of a float32 that is not above zero."""
    x = x if x > _LEAST else _LEAST
    power = np.int32(x * _LOG2E - _HALF)
    whole = np.float32(power)
    r = (x - whole * _HIGH) - whole * _LOW
    series = _C2 + r * (_C3 + r * (_C4 + r * (_C5 + r * (_C6 + r * _C7))))
    return ((r * r) * series + r + _ONE) * from_bits((power + _BIAS) << _WIDTH)


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _softmax_rows(scores: Array, rows: Array, first: int, out: Array) -> None:
    classes = out.shape[1]
    for i in range(len(rows)):
        given = scores[rows[i], first : first + classes]
        most = given[0]
        for j in range(1, classes):
            most = given[j] if given[j] > most else most
        for j in range(classes):
            out[i, j] = given[j] - most
    flat = out.reshape(-1)
    for j in range(len(flat)):
        flat[j] = _exp(flat[j])
    for i in range(len(rows)):
        total = np.float32(0)
        for j in range(classes):
            total += out[i, j]
        share = _ONE / total
        for j in range(classes):
            out[i, j] *= share
