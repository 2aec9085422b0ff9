"""The compiled descent to one run's softmax head, from the ground up: products, L-BFGS, one run.

All of it is in one file because numba's cache looks at the file of the function it compiled, not at what that calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_Function = TypeVar("_Function", bound=Callable[..., object])

_PAIRS = 8  # L-BFGS memory; 7 and 10 took equally many iterations in trials
_TILE = 256  # columns of a product that stay in the first cache while the classes pass over them


_FLAGS = {"reassoc", "contract", "nsz"}


def _compiled(function: _Function) -> _Function:
    """Compile on first use, keep the result on disk.

    Sums may be taken in vector order and products fused: faster, and still the same at every call, because
    the order is fixed when compiling. Infinities and NaN keep their meaning.
    """
    return cast(_Function, numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_FLAGS)(function))


def _part(function: _Function) -> _Function:
    """The same for a part of what is compiled, always put in place.

    A call would be linked to one machine code in the process that compiles and to another in those that load it from
    disk, whose last bits differ.
    """
    return cast(_Function, numba.njit(forceinline=True, error_model="numpy", fastmath=_FLAGS)(function))


@_part
def _multiply(a: Floats, b: Floats, out: Floats) -> None:
    """out = a @ b, eight rows of b at a time; loops count from 0 on views, else they are not made vector loops."""
    rows, inner, columns = a.shape[0], a.shape[1], b.shape[1]
    for row in range(rows):
        for i in range(columns):
            out[row, i] = 0.0
    tiles = (columns + _TILE - 1) // _TILE
    for tile in range(tiles):
        left = columns * tile // tiles
        width = columns * (tile + 1) // tiles - left
        for j in range(0, inner - 7, 8):
            b0, b1, b2, b3 = b[j, left:], b[j + 1, left:], b[j + 2, left:], b[j + 3, left:]
            b4, b5, b6, b7 = b[j + 4, left:], b[j + 5, left:], b[j + 6, left:], b[j + 7, left:]
            for row in range(rows):
                a0, a1, a2, a3 = a[row, j], a[row, j + 1], a[row, j + 2], a[row, j + 3]
                a4, a5, a6, a7 = a[row, j + 4], a[row, j + 5], a[row, j + 6], a[row, j + 7]
                o = out[row, left:]
                for i in range(width):
                    o[i] += (a0 * b0[i] + a1 * b1[i] + a2 * b2[i] + a3 * b3[i]) + (
                        a4 * b4[i] + a5 * b5[i] + a6 * b6[i] + a7 * b7[i]
                    )
        for j in range(inner // 8 * 8, inner):
            for row in range(rows):
                _add(out[row, left : left + width], a[row, j], b[j, left:])


@_part
def _dot(a: Floats, b: Floats) -> float:
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@_part
def _add(to: Floats, factor: float, what: Floats) -> None:
    for i in range(to.size):
        to[i] += factor * what[i]


@_part
def _exponentials(z: Floats, power: Floats, bits: NDArray[np.int64]) -> None:
    """z = exp(z) in place for z <= 0, in vectors: numba calls the C library's exp once per number.

    exp(z) = 2^k exp(r) with |r| <= ln 2 / 2, exp(r) by its series to r^12 (relative error under 1e-15); `bits` is
    the memory of `power` read as integers.
    """
    for i in range(z.size):
        x = z[i] if z[i] > -700.0 else -700.0
        k = np.floor(x * 1.4426950408889634 + 0.5)
        r = x - k * 0.6931471805599453
        series = 1.0 / 39916800.0 + r * (1.0 / 479001600.0)
        series = 1.0 / 3628800.0 + r * series
        series = 1.0 / 362880.0 + r * series
        series = 1.0 / 40320.0 + r * series
        series = 1.0 / 5040.0 + r * series
        series = 1.0 / 720.0 + r * series
        series = 1.0 / 120.0 + r * series
        series = 1.0 / 24.0 + r * series
        series = 1.0 / 6.0 + r * series
        series = 0.5 + r * series
        series = 1.0 + r * series
        z[i] = 1.0 + r * series
        bits[i] = (np.int64(k) + 1023) << 52
    for i in range(z.size):
        z[i] *= power[i]


@_part
def _residuals(z: Floats, step: float, along: Floats, y: Floats, w: Floats, out: Floats, spare: Floats) -> float:
    """out = w (softmax(z + step along) - y), classes first; the slope of the loss along the step."""
    classes, items = z.shape
    top, total, power = spare[0], spare[1], spare[2]
    bits = power.view(np.int64)
    for i in range(items):
        top[i] = -np.inf
        total[i] = 0.0
    for c in range(classes):
        for i in range(items):
            score = z[c, i] + step * along[c, i]
            out[c, i] = score
            top[i] = score if score > top[i] else top[i]
    for c in range(classes):
        for i in range(items):
            out[c, i] -= top[i]
        _exponentials(out[c], power, bits)
        for i in range(items):
            total[i] += out[c, i]
    for i in range(items):
        total[i] = 1.0 / total[i]
    slope = 0.0
    for c in range(classes):
        for i in range(items):
            residual = w[i] * (out[c, i] * total[i] - y[c, i])
            out[c, i] = residual
            slope += residual * along[c, i]
    return slope


@_part
def _span(x: Floats, basis: Floats) -> int:
    """Write orthonormal rows that span the rows of x, and say how many.

    Gram-Schmidt, done twice because once leaves what rounding spoiled; copies of earlier rows add none.
    """
    rank = 0
    for i in range(x.shape[0]):
        rest = basis[rank]
        for j in range(rest.size):
            rest[j] = x[i, j]
        before = _dot(rest, rest)
        for turn in range(2 * rank):
            other = basis[turn % rank]
            _add(rest, -_dot(other, rest), other)
        after = _dot(rest, rest)
        if after > 1e-22 * before:
            _add(rest, 1.0 / np.sqrt(after) - 1.0, rest)
            rank += 1
    return rank


@_part
def _bias_column(x: Floats, xt: Floats, r: Floats, w: Floats, gradient: Floats, scores: Floats) -> float:
    """The constant to write in the bias column so that the bias is about as curved as what it is learned with.

    It is the root mean square of the items along the gradient that the residuals r cause. Only speed depends on
    it, but up to sixfold: a column of ones is far too steep beside small features, too flat beside large ones.
    """
    _multiply(r, x, gradient)
    _multiply(gradient, xt, scores)
    spread, size = 0.0, 0.0
    for c in range(r.shape[0]):
        size += _dot(gradient[c], gradient[c])
        for i in range(w.size):
            spread += w[i] * scores[c, i] ** 2
    total = 0.0
    for i in range(w.size):
        total += w[i]
    return float(np.sqrt(spread / (size * total))) if spread > 0.0 else 1.0


@_part
def _direction(
    gradient: Floats, moves: Floats, turns: Floats, inner: Floats, kept: int, newest: int, d: Floats
) -> None:
    """d = -H gradient, with H the inverse curvature that the last moves and the turns of the gradient show."""
    alpha = np.empty(_PAIRS)
    for i in range(d.size):
        d[i] = -gradient[i]
    for age in range(kept):
        j = (newest - age) % _PAIRS
        alpha[j] = _dot(moves[j], d) / inner[j]
        _add(d, -alpha[j], turns[j])
    if kept > 0:
        _add(d, inner[newest] / _dot(turns[newest], turns[newest]) - 1.0, d)
    for age in range(kept - 1, -1, -1):
        j = (newest - age) % _PAIRS
        _add(d, alpha[j] - _dot(turns[j], d) / inner[j], moves[j])


@_part
def _descend(
    v: Floats,
    x: Floats,
    xt: Floats,
    y: Floats,
    w: Floats,
    ridge: float,
    column: float,
    reach: float,
    weight: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[float, int]:
    """L-BFGS on the coefficients v, changed in place, the bias last; gives the gradient norm and the steps taken."""
    classes, width = v.shape
    rank, size = width - 1, v.size
    z, along, r = np.empty(y.shape), np.zeros(y.shape), np.empty(y.shape)
    spare = np.empty((3, w.size))
    gradient, fresh, direction = np.empty(v.shape), np.empty(v.shape), np.empty(v.shape)
    flat_v, flat_z, flat_along = v.reshape(size), z.reshape(y.size), along.reshape(y.size)
    g, f, d = gradient.reshape(size), fresh.reshape(size), direction.reshape(size)
    moves, turns, inner = np.empty((_PAIRS, size)), np.empty((_PAIRS, size)), np.empty(_PAIRS)
    kept = newest = steps = 0
    norm, step = np.inf, 0.0
    _multiply(v, xt, z)
    _residuals(z, 0.0, along, y, w, r, spare)
    while True:
        _multiply(r, x, fresh)
        heads, bias = 0.0, 0.0
        for c in range(classes):
            _add(fresh[c, :rank], ridge, v[c, :rank])
            heads += _dot(fresh[c, :rank], fresh[c, :rank])
            bias += (fresh[c, rank] / column) ** 2
        norm = np.sqrt(bias) / weight
        if reach > 0.0:
            norm = max(norm, np.sqrt(heads) / reach)
        if norm <= tolerance or steps >= max_iterations:
            return norm, steps
        if step > 0.0:
            newest = (newest + 1) % _PAIRS
            kept = min(kept + 1, _PAIRS)
            for i in range(size):
                moves[newest, i] = step * d[i]
                turns[newest, i] = f[i] - g[i]
            inner[newest] = _dot(moves[newest], turns[newest])
        for i in range(size):
            g[i] = f[i]

        accepted = False
        while not accepted:
            _direction(g, moves, turns, inner, kept, newest, d)
            _multiply(direction, xt, along)
            down, pull, bend = _dot(g, d), 0.0, 0.0
            for c in range(classes):
                pull += ridge * _dot(v[c, :rank], direction[c, :rank])
                bend += ridge * _dot(direction[c, :rank], direction[c, :rank])
            step = 1.0
            if kept == 0:  # the minimum along the gradient, were all classes equally likely everywhere
                curve = 0.0
                for c in range(classes):
                    for i in range(w.size):
                        curve += w[i] * along[c, i] ** 2
                step = -down / (curve / classes + bend)
            low, high, falling, rising = 0.0, np.inf, down, 0.0
            for _ in range(40):
                slope = _residuals(z, step, along, y, w, r, spare) + pull + step * bend
                accepted = 0.9 * down <= slope <= -0.8 * down
                if accepted:
                    break
                if slope < 0.0:
                    low, falling = step, slope
                else:
                    high, rising = step, slope
                if high == np.inf:
                    step *= 4.0
                else:
                    step = low + (high - low) * min(max(falling / (falling - rising), 0.1), 0.9)
            if not accepted:  # rounding has the last word: forget the curvature once, then give what there is
                if kept == 0:
                    return norm, steps
                kept = 0
        _add(flat_v, step, d)
        _add(flat_z, step, flat_along)
        steps += 1


@_part
def _solve_known(
    features: Floats,
    targets: Floats,
    rows: NDArray[np.int64],
    present: NDArray[np.int64],
    w: Floats,
    share: Floats,
    weight: float,
    ridge: float,
    start: Floats,
    tolerance: float,
    max_iterations: int,
    out: Floats,
) -> tuple[float, int]:
    """The optimum over the classes that occur, of which there are at least two; the other rows of out stay zero."""
    n, known, d = rows.size, present.size, features.shape[1]
    centered, mean, y = np.empty((n, d)), np.zeros(d), np.empty((known, n))
    for i in range(n):
        _add(mean, w[i] / weight, features[rows[i]])
        for c in range(known):
            y[c, i] = targets[rows[i], present[c]]
    reach = 0.0
    for i in range(n):
        for j in range(d):
            centered[i, j] = features[rows[i], j] - mean[j]
        reach += w[i] * np.sqrt(_dot(centered[i], centered[i]))

    # A rotation costs about n n d products, and saves n (d - n) classes of them twice in each step.
    rotated = n * d < 20 * known * (d - n)
    basis = np.empty((n + 1, d) if rotated else (0, d))
    rank = _span(centered, basis) if rotated else d
    x, xt = np.empty((n, rank + 1)), np.empty((rank + 1, n))
    for i in range(n):
        for j in range(rank):
            x[i, j] = _dot(basis[j], centered[i]) if rotated else centered[i, j]
        x[i, rank] = 0.0
    for j in range(rank + 1):
        for i in range(n):
            xt[j, i] = x[i, j]
    v, first, scores = np.empty((known, rank + 1)), np.empty((known, n)), np.empty((known, n))
    for c in range(known):
        for i in range(n):
            first[c, i] = w[i] * (share[c] - y[c, i])
    column = _bias_column(x, xt, first, w, v, scores)
    for i in range(n):
        x[i, rank] = column
        xt[rank, i] = column

    for c in range(known):
        v[c, rank] = np.log(share[c])
        for j in range(rank):
            v[c, j] = 0.0
        for given in start[:, present[c]]:  # one, or none
            v[c, rank] = given[d] + _dot(given[:d], mean)
            for j in range(rank):
                v[c, j] = _dot(basis[j], given[:d]) if rotated else given[j]
    for j in range(rank + 1):  # the optimum's coefficients sum to zero over the classes, and steps keep it so
        total = 0.0
        for c in range(known):
            total += v[c, j]
        for c in range(known):
            v[c, j] -= total / known
    for c in range(known):
        v[c, rank] /= column
    norm, steps = _descend(v, x, xt, y, w, ridge, column, reach, weight, tolerance, max_iterations)

    for c in range(known):
        head = out[present[c], :d]
        for j in range(rank):
            if rotated:
                _add(head, v[c, j], basis[j])
            else:
                head[j] = v[c, j]
        out[present[c], d] = v[c, rank] * column - _dot(head, mean)
    return norm, steps


@_compiled
def solve_run(
    features: Floats,
    targets: Floats,
    weights: Floats,
    ridge: float,
    start: Floats,
    tolerance: float,
    max_iterations: int,
    out: Floats,
) -> tuple[float, int]:
    """Write one run's coefficients to out, zero on entry; gives the gradient norm and the steps taken.

    `start` is empty or holds the coefficients to start from, (0 or 1, classes, features + 1).
    """
    classes, bias = targets.shape[1], features.shape[1]
    n = 0
    rows = np.empty(weights.size, np.int64)
    for i in range(weights.size):
        if weights[i] > 0.0:
            rows[n] = i
            n += 1
    if n == 0:
        return 0.0, 0
    w, mass, weight = np.empty(n), np.zeros(classes), 0.0
    for i in range(n):
        w[i] = weights[rows[i]]
        weight += w[i]
        for c in range(classes):
            mass[c] += w[i] * targets[rows[i], c]
    known = 0
    present, share = np.empty(classes, np.int64), np.empty(classes)
    for c in range(classes):
        if mass[c] > 0.0:
            present[known], share[known] = c, mass[c] / weight
            known += 1
    norm, steps = 0.0, 0
    if known > 1:
        norm, steps = _solve_known(
            features, targets, rows[:n], present[:known], w, share, weight,
            ridge, start, tolerance, max_iterations, out,
        )  # fmt: skip
    level, total = np.log(0.5 / (weight / known + 0.5)), 0.0
    for k in range(known):
        level += out[present[k], bias] / known
    for c in range(classes):
        if mass[c] == 0.0:
            out[c, bias] = level
        total += out[c, bias]
    for c in range(classes):
        out[c, bias] -= total / classes
    return norm, steps
