"""Support vector machines of two classes that grow by one label: solved from their parent's solution, compiled.

The dual is ``min 1/2 a' Q a - sum a`` with ``0 <= a <= cost``, ``sum y a = 0`` and ``Q_ij = y_i y_j K_ij``, taken down
two coefficients at a time by second-order working sets (Fan, Chen & Lin 2005), as in libsvm, until the largest
violation is below a tolerance. Kernel values of training pairs are rounded to float32, as libsvm keeps them.

An item that its parent puts on the right side of the margin, ``y f(x) >= 1``, has the coefficient 0 and violates
nothing, so the parent's coefficients are the child's: no step is taken. What may still change is the bias of a parent
that has no coefficient between 0 and the cost, because then the bias is the middle of an interval that the item bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numba
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])

_TAU = 1e-12  # stands for a curvature that is not above zero, as in libsvm


@dataclass(frozen=True, eq=False)
class Machine:
    """A solved machine.

    Args:
        rows: Of the pool, which it was trained on, int64 (labeled,).
        dual: The coefficients, (labeled,).
        gradient: Of the dual objective, (labeled,).
        bias: What is added to the kernel's sum.
    """

    rows: Array
    dual: Array
    gradient: Array
    bias: float


@dataclass(frozen=True, eq=False)
class Machines:
    """All machines of a pool and a test set.

    Args:
        gram: Kernel values within the pool, (pool, pool).
        held_out: Kernel values of test items with the pool, (test, pool).
        signs: +1 or -1 of each item of the pool.
        cost: The upper bound of a coefficient.
        tolerance: The violation that is left.
    """

    gram: Array
    held_out: Array
    signs: Array
    cost: float = 1.0
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        object.__setattr__(self, "gram", self.gram.astype(np.float32).astype(np.float64))

    def solved(self, rows: Array) -> Machine:
        """The machine of some rows of the pool, of both classes, from nothing."""
        dual, gradient = np.zeros(len(rows)), -np.ones(len(rows))
        bias = _solve(self.gram, self.signs, rows, dual, gradient, self.cost, self.tolerance)
        return Machine(rows, dual, gradient, bias)

    def decisions(self, machine: Machine) -> Array:
        """What a machine says of the test items, above 0 for +1."""
        weighted = machine.dual * self.signs[machine.rows]
        return np.asarray(self.held_out[:, machine.rows] @ weighted + machine.bias)

    def decisions_with(self, machine: Machine, added: Array) -> Array:
        """What a machine says of the test items after each of some rows was added to it, (added, test)."""
        sums = self.decisions(machine) - machine.bias
        own = (machine.rows, machine.dual, machine.gradient)
        return _decisions_with(self.gram, self.held_out, self.signs, *own, sums, added, self.cost, self.tolerance)


def _compiled(function: Loop) -> Loop:
    return cast(Loop, numba.njit(cache=True, nogil=True)(function))


@_compiled
def _solve(gram: Array, signs: Array, rows: Array, dual: Array, gradient: Array, cost: float, tolerance: float) -> Any:
    """Take the dual down in place until nothing violates more than the tolerance; gives the bias."""
    count = len(rows)
    for _ in range(10_000_000):
        first, most = -1, -np.inf
        for t in range(count):
            y = signs[rows[t]]
            if (dual[t] < cost if y > 0 else dual[t] > 0) and -y * gradient[t] > most:
                first, most = t, -y * gradient[t]
        second, least, best = -1, np.inf, np.inf
        for t in range(count):
            y = signs[rows[t]]
            if dual[t] > 0 if y > 0 else dual[t] < cost:
                value = -y * gradient[t]
                least = min(least, value)
                gap = most - value
                if gap > 0:
                    curve = 2.0 - 2.0 * gram[rows[first], rows[t]]  # an RBF kernel is 1 on its diagonal
                    gain = -gap * gap / (curve if curve > 0 else _TAU)
                    if gain < best:
                        second, best = t, gain
        if second < 0 or most - least < tolerance:
            break
        _step(gram, signs, rows, dual, gradient, cost, first, second)
    return _bias(signs, rows, dual, gradient, cost)


@_compiled
def _step(
    gram: Array, signs: Array, rows: Array, dual: Array, gradient: Array, cost: float, first: int, second: int
) -> None:
    """The best move of two coefficients within their bounds, along which ``sum y a`` stays."""
    one, other = signs[rows[first]], signs[rows[second]]
    curve = 2.0 - 2.0 * gram[rows[first], rows[second]]
    move = (-one * gradient[first] + other * gradient[second]) / (curve if curve > 0 else _TAU)
    room = cost - dual[first] if one > 0 else dual[first]
    left = dual[second] if other > 0 else cost - dual[second]
    move = min(move, room, left)
    before, beside = dual[first], dual[second]
    # What reaches a bound is set to it, so that it is told from what is free.
    dual[first] = (cost if one > 0 else 0.0) if move >= room else before + one * move
    dual[second] = (0.0 if other > 0 else cost) if move >= left else beside - other * move
    by, by_other = one * (dual[first] - before), other * (dual[second] - beside)
    for t in range(len(rows)):
        gradient[t] += signs[rows[t]] * (gram[rows[first], rows[t]] * by + gram[rows[second], rows[t]] * by_other)


@_compiled
def _bias(signs: Array, rows: Array, dual: Array, gradient: Array, cost: float) -> Any:
    """The mean over free coefficients; without one the middle of what the others allow."""
    total, free, low, high = 0.0, 0, -np.inf, np.inf
    for t in range(len(rows)):
        y = signs[rows[t]]
        value = y * gradient[t]
        if 0 < dual[t] < cost:
            total += value
            free += 1
        elif (dual[t] >= cost) == (y > 0):
            low = max(low, value)
        else:
            high = min(high, value)
    return -(total / free if free else (low + high) / 2)


@_compiled
def _decisions_with(
    gram: Array,
    held_out: Array,
    signs: Array,
    rows: Array,
    dual: Array,
    gradient: Array,
    sums: Array,
    added: Array,
    cost: float,
    tolerance: float,
) -> Array:
    count, tests = len(rows), len(held_out)
    out = np.empty((len(added), tests))
    own_rows, own, slopes = np.empty(count + 1, np.int64), np.empty(count + 1), np.empty(count + 1)
    for number in range(len(added)):
        row = added[number]
        own_rows[:count], own[:count], slopes[:count] = rows, dual, gradient
        reach = 0.0
        for t in range(count):
            reach += signs[rows[t]] * dual[t] * gram[row, rows[t]]
        own_rows[count], own[count], slopes[count] = row, 0.0, signs[row] * reach - 1.0
        bias = _solve(gram, signs, own_rows, own, slopes, cost, tolerance)
        for test in range(tests):
            out[number, test] = sums[test] + bias
        for t in range(count + 1):
            by = signs[own_rows[t]] * (own[t] - (dual[t] if t < count else 0.0))
            if by != 0.0:
                for test in range(tests):
                    out[number, test] += by * held_out[test, own_rows[t]]
    return out
