"""Dropout of features by a hash of the item, so that neither the pool's order nor its pieces matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])

_PARTS = 1 << 16  # a share is drawn in so many parts, four draws from a word
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def dropped(features: Tensor, keys: Tensor, stream: int, rate: float) -> Tensor:
    """Features of which a share is zero, and the others so much larger that the mean stays.

    >>> dropped(torch.ones(1, 8), torch.tensor([7]), 0, 0.5)
    tensor([[2., 0., 2., 2., 2., 2., 2., 0.]])

    Args:
        features: (items, features), floating point.
        keys: Item keys, int64 (items,).
        stream: 64 bits that name the dice.
        rate: The probability of a zero, at least 0 and below 1; taken in steps of 2 ** -16.

    Returns:
        A new array of the same shape and type.
    """
    bar, scale = round(rate * _PARTS), 1 / (1 - rate)
    if features.device.type != "cpu":
        return features * (kept(keys, features.shape[1], stream, rate) * scale).to(features)
    out = torch.empty_like(features)
    _dropped(features.numpy(), keys.numpy(), _signed(stream), bar, scale, out.numpy())
    return out


def kept(keys: Tensor, width: int, stream: int, rate: float) -> Tensor:
    """Which features stay, bool (items, width): the reference, and what runs on other devices.

    Args:
        keys: Item keys, int64 (items,).
        width: How many features.
        stream: 64 bits that name the dice.
        rate: As in `dropped`.
    """
    states = _mix(keys ^ _signed(stream))
    blocks = torch.arange(-(-width // 4), device=keys.device)
    words = _mix(states.unsqueeze(1) + (blocks + 1) * _signed(_GOLDEN))  # (items, blocks)
    draws = torch.stack([(words >> (16 * part)) & (_PARTS - 1) for part in range(4)], 2)
    return draws.flatten(1)[:, :width] >= round(rate * _PARTS)


def _mix(x: Tensor) -> Tensor:
    """The finalizer of splitmix64 on int64 tensors, whose products wrap as unsigned ones do."""
    x = (x ^ ((x >> 30) & ((1 << 34) - 1))) * _signed(_FIRST)
    x = (x ^ ((x >> 27) & ((1 << 37) - 1))) * _signed(_SECOND)
    return x ^ ((x >> 31) & ((1 << 33) - 1))


def _signed(x: int) -> int:
    x &= (1 << 64) - 1
    return x - (1 << 64) if x >> 63 else x


def _compiled(function: Loop) -> Loop:
    return cast(Loop, numba.njit(cache=True, nogil=True)(function))


@_compiled
def _dropped(features: Array, keys: Array, stream: int, bar: int, scale: float, out: Array) -> None:
    first, second, golden = np.uint64(_FIRST), np.uint64(_SECOND), np.uint64(_GOLDEN)
    limit, mask = np.uint64(bar), np.uint64(_PARTS - 1)
    larger = features.dtype.type(scale)
    for i in range(len(features)):
        state = np.uint64(keys[i] ^ stream)
        state = (state ^ (state >> np.uint64(30))) * first
        state = (state ^ (state >> np.uint64(27))) * second
        state = state ^ (state >> np.uint64(31))
        for start in range(0, features.shape[1], 4):
            state += golden
            word = (state ^ (state >> np.uint64(30))) * first
            word = (word ^ (word >> np.uint64(27))) * second
            word = word ^ (word >> np.uint64(31))
            for column in range(start, min(start + 4, features.shape[1])):
                stays = (word & mask) >= limit
                word = word >> np.uint64(16)
                out[i, column] = features[i, column] * larger if stays else features.dtype.type(0)
