"""One-pass scores of class probabilities: compiled for the CPU without temporaries, in plain torch for other devices.

The compiled logarithm is split into exponent and mantissa, so that a loop over it vectorizes; x log x keeps a relative
error under 1e-6 in float32, is 0 at 0 and NaN at NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import numba
import numpy as np
import torch
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])

_PIECE = 1 << 18  # elements of a temporary of the plain twin, so that it stays in the near cache
_BLOCK = 2048  # numbers that the compiled loops hold in the nearest cache


class Plain:
    """The scores in torch: the reference, and what runs for other types and on other devices."""

    @staticmethod
    def least_confidence(probabilities: Tensor) -> Tensor:
        """One minus the largest of each row: (items, classes) to (items,)."""
        return 1 - probabilities.amax(-1)

    @staticmethod
    def margin(probabilities: Tensor) -> Tensor:
        """The second largest of each row minus the largest; at least two classes."""
        out = probabilities.new_empty(len(probabilities))
        for piece in _pieces(probabilities):
            first, second = probabilities[piece].topk(2).values.unbind(-1)
            torch.sub(second, first, out=out[piece])
        return out

    @staticmethod
    def entropy(probabilities: Tensor) -> Tensor:
        """Entropy of each row in nats."""
        out = probabilities.new_empty(len(probabilities))
        for piece in _pieces(probabilities):
            torch.sum(torch.special.entr(probabilities[piece]), -1, out=out[piece])
        return out

    @staticmethod
    def bald(samples: Tensor) -> Tensor:
        """The mean divergence of the samples' beliefs from their mean: (items, samples, classes) to (items,).

        With p of a sample, m the mean and u = p / m - 1, sum p log(p / m) = sum m ((1 + u) log(1 + u) - u), since the u
        have mean zero. No term is negative and all are 0 where the samples agree; a difference of two entropies would
        leave rounding noise there, and a ranking by it.
        """
        out = samples.new_empty(len(samples))
        for piece in _pieces(samples):
            given = samples[piece]
            base = given[:, :1]
            mean = base + (given - base).mean(1, keepdim=True)
            apart = torch.where(mean > 0, (given - mean) / mean, given - mean)  # (items, samples, classes)
            grown = torch.special.xlog1py(1 + apart, apart) - apart
            torch.sum(mean.squeeze(1) * grown.mean(1), -1, out=out[piece])
        return out


class Compiled(Plain):
    """The same scores compiled for float32 on the CPU; they release the GIL."""

    @staticmethod
    def least_confidence(probabilities: Tensor) -> Tensor:
        """One minus the largest of each row, in one pass."""
        return _by_rows(_least_confidence, probabilities)

    @staticmethod
    def margin(probabilities: Tensor) -> Tensor:
        """The second largest of each row minus the largest, in one pass."""
        return _by_rows(_margin, probabilities)

    @staticmethod
    def entropy(probabilities: Tensor) -> Tensor:
        """Entropy of each row, in one pass."""
        return _by_rows(_entropy, probabilities)

    @staticmethod
    def bald(samples: Tensor) -> Tensor:
        """The mean divergence from the mean; memory of (samples, items, classes) is read where it lies."""
        items, count, classes = samples.shape
        out = samples.new_empty(items)
        inner = samples.transpose(0, 1)  # (samples, items, classes)
        if inner.is_contiguous():
            _bald(inner.reshape(count, items * classes).numpy(), classes, out.numpy())
            return out
        for piece in _pieces(samples):
            part = samples[piece].transpose(0, 1).contiguous()
            _bald(part.reshape(count, -1).numpy(), classes, out[piece].numpy())
        return out


def scores(array: Tensor) -> type[Plain]:
    """The twin that runs for an array."""
    fits = array.device.type == "cpu" and array.dtype == torch.float32 and array.shape[-1] > 0
    return Compiled if fits else Plain


def unlike_shares(rows: Tensor, loose: float) -> bool:
    """Whether any row does not sum to 1 within ``loose``, or holds what is negative, NaN or infinite, in one pass.

    Args:
        rows: (items, classes), contiguous float32 or float64 on the CPU.
        loose: How far a sum may be off.
    """
    return bool(_unlike_shares(rows.numpy(), loose))


def _by_rows(loop: Callable[[Array, Array], None], rows: Tensor) -> Tensor:
    """Run a loop over the rows; those that do not lie one after the other are gathered in blocks."""
    out = rows.new_empty(len(rows))
    for piece in [slice(None)] if rows.is_contiguous() else _pieces(rows):
        loop(rows[piece].contiguous().numpy(), out[piece].numpy())
    return out


def _pieces(array: Tensor) -> Iterator[slice]:
    step = max(1, _PIECE // max(1, array[:1].numel()))
    return (slice(start, start + step) for start in range(0, len(array), step))


def compiled(function: Loop) -> Loop:
    """A loop that is compiled, cached and releases the GIL."""
    # Sums may be reordered and fused, which makes them fast; NaN and infinity keep their meaning.
    return cast(Loop, numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})(function))


def _inlined(function: Loop) -> Loop:
    return cast(Loop, numba.njit(inline="always")(function))


def _bits_of(context: Any, x: Any) -> Any:
    """The bits of a float32 as an int32."""
    return types.int32(types.float32), lambda _, builder, __, given: builder.bitcast(given[0], ir.IntType(32))


def _float_of(context: Any, bits: Any) -> Any:
    """The float32 of some bits; numba widens whole numbers, so they are narrowed first."""

    def narrow(_: Any, builder: Any, __: Any, given: Any) -> Any:
        return builder.bitcast(builder.trunc(given[0], ir.IntType(32)), ir.FloatType())

    return types.float32(types.int64), narrow


_bits: Any = intrinsic(_bits_of)
from_bits: Any = intrinsic(_float_of)

_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)
_LOG2 = np.float32(np.log(2))
_NORMAL = np.float32(2.0**-126)  # anything less has no exponent of its own, and is scaled up
_UP, _DOWN = np.float32(2.0**32), np.float32(-32)
_ROOT = np.int32(0x3F3504F3)  # the bits of the square root of one half, where the mantissa begins
_MANTISSA, _WIDTH = np.int32(0x7FFFFF), np.int32(23)
# log(1 + f) = f - f^2/2 + f^3 g(f) between the roots of 1/2 and 2; g fitted at Chebyshev nodes, to 2.4e-8 relative
_G0, _G1, _G2, _G3 = (
    np.float32(0.333333286),
    np.float32(-0.250002965),
    np.float32(0.200014686),
    np.float32(-0.166422476),
)
_G4, _G5, _G6, _G7 = (
    np.float32(0.142021738),
    np.float32(-0.12972239),
    np.float32(0.127123077),
    np.float32(-0.0810155833),
)


@_inlined
def times_log(x: Any) -> Any:
    """x log x of a float32."""
    scale = _UP if x < _NORMAL else _ONE
    shift = _DOWN if x < _NORMAL else _ZERO
    bits = np.int32(_bits(x * scale) - _ROOT)
    exponent = np.float32(np.int32(bits >> _WIDTH)) + shift
    f = from_bits((bits & _MANTISSA) + _ROOT) - _ONE
    g = _G0 + f * (_G1 + f * (_G2 + f * (_G3 + f * (_G4 + f * (_G5 + f * (_G6 + f * _G7))))))
    return x * ((f - f * f * _HALF + f * f * f * g) + exponent * _LOG2)


@_inlined
def growth(x: Any, u: Any) -> Any:
    """x log x - u of float32, where u = x - 1 is known exactly; about u^2 / 2, exactly 0 at 0 and never cancelled."""
    scale = _UP if x < _NORMAL else _ONE
    shift = _DOWN if x < _NORMAL else _ZERO
    bits = np.int32(_bits(x * scale) - _ROOT)
    exponent = np.float32(np.int32(bits >> _WIDTH)) + shift
    rough = from_bits((bits & _MANTISSA) + _ROOT) - _ONE
    f = u if exponent == _ZERO else rough
    g = _G0 + f * (_G1 + f * (_G2 + f * (_G3 + f * (_G4 + f * (_G5 + f * (_G6 + f * _G7))))))
    bend = f * f * (f * g - _HALF)  # log(1 + f) - f
    near = u * u + (_ONE + u) * bend
    far = x * ((f + bend) + exponent * _LOG2) - u
    return near if exponent == _ZERO else far


@compiled
def _least_confidence(rows: Array, out: Array) -> None:
    for i in range(len(rows)):
        first, total = rows[i, 0], rows[i, 0]
        for j in range(1, rows.shape[1]):
            x = rows[i, j]
            total += x
            first = x if x > first else first
        out[i] = _ONE - first if total == total else total  # NaN stays NaN


@compiled
def _margin(rows: Array, out: Array) -> None:
    for i in range(len(rows)):
        first, second, total = rows[i, 0], np.float32(-np.inf), rows[i, 0]
        for j in range(1, rows.shape[1]):
            x = rows[i, j]
            total += x
            low = x if x < first else first
            first = x if x > first else first
            second = low if low > second else second
        out[i] = second - first if total == total else total  # NaN stays NaN


@compiled
def _entropy(rows: Array, out: Array) -> None:
    classes = rows.shape[1]
    step = max(1, _BLOCK // classes)
    flat = rows.reshape(-1)
    buffer = np.empty(step * classes, np.float32)
    for start in range(0, len(rows), step):
        given = flat[start * classes : min(len(rows), start + step) * classes]
        for j in range(len(given)):
            buffer[j] = times_log(given[j])
        terms = buffer[: len(given)].reshape((-1, classes))
        for i in range(len(terms)):
            total = _ZERO
            for j in range(classes):
                total -= terms[i, j]
            out[start + i] = total


@compiled
def _bald(samples: Array, classes: int, out: Array) -> None:
    count, width = samples.shape
    step = max(1, _BLOCK // classes) * classes
    mean, inverse, total = np.empty(step, np.float32), np.empty(step, np.float32), np.empty(step, np.float32)
    share = _ONE / np.float32(count)
    for start in range(0, width, step):
        base = samples[0, start : start + step]
        for j in range(len(base)):
            mean[j] = _ZERO
        for sample in range(1, count):
            given = samples[sample, start : start + step]
            for j in range(len(given)):
                mean[j] += given[j] - base[j]
        for j in range(len(base)):
            mean[j] = base[j] + mean[j] * share
            inverse[j] = _ONE / mean[j] if mean[j] > _NORMAL else _ZERO
            total[j] = _ZERO
        for sample in range(count):
            given = samples[sample, start : start + step]
            for j in range(len(given)):
                u = (given[j] - mean[j]) * inverse[j]
                total[j] += growth(given[j] * inverse[j], u)
        for j in range(len(base)):
            total[j] *= mean[j] * share
        terms = total[: len(base)].reshape((-1, classes))
        first = start // classes
        for i in range(len(terms)):
            value = _ZERO
            for j in range(classes):
                value += terms[i, j]
            out[first + i] = value


@compiled
def _unlike_shares(rows: Array, loose: float) -> bool:
    for i in range(len(rows)):
        total, least = rows.dtype.type(0), rows.dtype.type(0)
        for j in range(rows.shape[1]):
            x = rows[i, j]
            total += x
            least = x if x < least else least
        if not abs(total - rows.dtype.type(1)) <= loose or least < 0:
            return True
    return False
