"""The doors in and out for arrays of any framework, and the pieces that long arrays are worked through in."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.utils.dlpack
from torch import Tensor

from askance.errors import BadInput

PIECE = 1024  # rows that a model scores at once; journaled, because other shapes give other last bits
BLOCK = 1 << 20  # numbers looked at in one step where a whole pass would need a copy

HALF = (torch.float16, torch.bfloat16)


def tensor(value: Any, name: str, dims: int = 2, *, or_more: bool = False) -> Tensor:
    """Take a float array of any framework without copying it.

    numpy, torch, anything with ``__dlpack__`` or ``__array__``, and nested lists are taken. float32 and float64
    stay as they are; half types and whole numbers become float32.

    Args:
        value: The array.
        name: What the caller calls it; errors use this name.
        dims: How many axes it must have.
        or_more: Whether it may have more axes, as images have.

    Returns:
        A tensor with ``dims`` axes that shares memory with ``value`` where its type allows.

    Raises:
        BadInput: If it is no array of numbers, has other axes, or holds NaN or infinite values.
    """
    array = raw(value, name)
    if array.ndim != dims and not (or_more and array.ndim > dims):
        raise BadInput(
            f"{name} has {array.ndim} axes, shape {tuple(array.shape)}; it needs {dims}{' or more' * or_more}. "
            f"Reshape it before you hand it in."
        )
    if array.is_complex() or array.layout is not torch.strided:
        raise BadInput(
            f"{name} is {array.dtype} in {array.layout} layout; only dense real numbers are taken. "
            f"Use .to_dense() for a sparse array, and real columns for complex numbers."
        )
    if array.dtype not in (torch.float32, torch.float64):
        array = array.to(torch.float32)
    check_finite(array, name)
    return array


def raw(value: Any, name: str) -> Tensor:
    """Take an array of any framework as a tensor of its own type, shared where possible.

    Raises:
        BadInput: If it holds no numbers, or masked ones, or whole numbers that are too large.
    """
    if isinstance(value, Tensor):
        return value.detach()
    if hasattr(value, "__dlpack__") and not isinstance(value, np.ndarray):
        given: Tensor = torch.utils.dlpack.from_dlpack(value)
        return given
    try:
        array = np.asarray(value)
    except ValueError:
        raise BadInput(f"{name} has rows of different lengths. Give every row the same number of values.") from None
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        place = np.argwhere(np.ma.getmaskarray(value))[0].tolist()
        raise BadInput(
            f"{name} is masked at {place}, and what lies under a mask means nothing. Leave those rows out, or fill "
            f"them in with .filled(...)."
        )
    if array.dtype.kind not in "fiub":
        raise BadInput(f"{name} holds {array.dtype} values, not numbers. Convert it to a float array.")
    if array.dtype == np.longdouble:
        array = array.astype(np.float64)  # torch has no wider type
    if array.dtype.kind == "u" and array.itemsize == 8 and array.size and array.max() > np.iinfo(np.int64).max:
        raise BadInput(f"{name} holds {array.max()}, and whole numbers go up to 2^63 - 1. Convert it to a float array.")
    if array.dtype.kind == "u" and array.itemsize > 1:
        array = array.astype(np.int64)  # torch has such types and cannot compare them
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if any(stride < 0 for stride in array.strides):
        array = array.copy()  # torch has no negative strides
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # we never write
        return torch.from_numpy(array)


def check_finite(array: Tensor, name: str) -> None:
    """Refuse NaN and infinite values, naming the first row and column that hold one."""
    if array.numel() == 0:
        return
    rows = array if array.ndim > 1 else array.unsqueeze(1)
    step = max(1, BLOCK // max(1, rows[0].numel()))
    for start, stop in spans(len(rows), step):
        if bool(torch.isfinite(rows[start:stop].sum())):
            continue  # one pass, and what is not finite stays so in a sum; a sum that overflows is looked at below
        good = torch.isfinite(rows[start:stop])
        if not bool(good.all()):
            place = torch.nonzero(~good)[0].tolist()
            where = f"row {start + place[0]}" + "".join(
                f", {'column' if array.ndim == 2 else 'index'} {axis}" for axis in place[1:] if array.ndim > 1
            )
            value = rows[start:stop][tuple(place)].item()
            raise BadInput(f"{name} holds {value} at {where}. Clean or leave out that row; every value must be finite.")


def spans(items: int, step: int) -> Iterator[tuple[int, int]]:
    """Consecutive ranges of at most ``step`` rows.

    >>> list(spans(5, 2))
    [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, items, step):
        yield start, min(items, start + step)


def piece(items: Any, start: int, size: int) -> Any:
    """Rows ``start`` to ``start + size`` of the items, the last one repeated to fill a piece.

    A piece is always computed whole: the same row elsewhere in a matrix product, or in a product of another shape,
    has other last bits.
    """
    part = items[start : start + size]
    missing = size - len(part)
    if missing == 0:
        return part
    if isinstance(part, Tensor):
        return torch.cat([part, part[-1:].expand(missing, *part.shape[1:])])
    if isinstance(part, np.ndarray):
        return np.concatenate([part, np.repeat(part[-1:], missing, axis=0)])
    return list(part) + [part[-1]] * missing


def take(items: Any, rows: Tensor | Sequence[int]) -> Any:
    """The items of some rows: arrays are indexed, lists are walked."""
    if isinstance(items, Tensor | np.ndarray):
        index = rows if isinstance(rows, Tensor) else torch.as_tensor(rows, dtype=torch.int64)
        return items[index] if isinstance(items, Tensor) else items[index.numpy()]
    return [items[int(row)] for row in rows]
