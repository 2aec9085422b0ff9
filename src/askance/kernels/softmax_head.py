"""The convex softmax head (multinomial logistic regression) of many independent runs, checked and then solved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from askance.errors import BadInput
from askance.kernels.softmax_descent import Floats, solve_run


class SoftmaxHeads(NamedTuple):
    """One softmax head per run; items x score ``x @ coefficients[run, :, :-1].T + coefficients[run, :, -1]``.

    Attributes:
        coefficients: float64 (runs, classes, features + 1), the bias last. Every run's biases sum to zero.
        gradient_norm: float64 (runs,), the certificate: the larger of |dW| / sum_i w_i |x_i - m| and
            |db| / sum_i w_i, in Frobenius norms of the objective's gradient over the classes that occur, with m the
            weighted mean of the features. The loss's part of either is at most sqrt(2), whatever the number of
            items, the scale of the features or of the weights. At 1e-6 the probabilities of digits, standardized,
            were within 1e-4 of the optimum's at ridges from 0.01 to 100.
        iterations: int64 (runs,), steps taken.
    """

    coefficients: Floats
    gradient_norm: Floats
    iterations: NDArray[np.int64]


def solve_softmax_head(
    features: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike,
    ridge: ArrayLike,
    start: ArrayLike | None = None,
    tolerance: float = 1e-6,
    max_iterations: int = 1000,
) -> SoftmaxHeads:
    """Minimize ``sum_i w_i CE(y_i, softmax(W x_i + b)) + ridge / 2 |W|^2`` for every run.

    The bias is free, as in scikit-learn, whose C is 1 / ridge. A run's result depends on nothing but that run: not
    on its neighbors, their order, or a number of threads (no linear-algebra library is called). The lock of the
    interpreter is released, so threads may each solve some of the runs.

    A class with no weight in a run has no optimum: its bias would run to minus infinity. The optimum is taken over
    the classes that occur, K of them with total weight n, and an absent class gets W = 0 and the bias at which it
    is everywhere ½ / (n / K + ½) times as likely as the geometric mean of the others. That is the add-half
    (Krichevsky-Trofimov) estimate for a class never seen: finite, fading as labels come in, never the predicted
    class, and too small to disturb margins and entropies. The rule holds to the ends: with one class
    the answer is constant and favors it, with no items all coefficients are zero, and both are exact.

    Method: L-BFGS (Nocedal 1980) on centered features, which leaves the problem as it is because the bias is free;
    a step is accepted on slopes alone (the approximate Wolfe conditions of Hager and Zhang 2005),
    which costs no matrix product, as scores are linear along it. Few items in many dimensions are first rotated
    into the space they span, where the optimum lies.

    Args:
        features: float64 (runs or 1, items, features); a leading 1 is shared by all runs and not copied.
            Standardize features whose scales differ by hundreds, or the descent may run out of iterations.
        targets: float64 (runs or 1, items, classes); each row sums to one.
        weights: float64 (runs, items); 0 leaves an item out: its features and targets are never read.
        ridge: float64 (runs,), above zero.
        start: Coefficients to start from, (runs, classes, features + 1); by default zero, with the logarithms
            of the class shares as biases.
        tolerance: The gradient norm to reach, in the sense of `SoftmaxHeads`.
        max_iterations: Steps after which a run gives what it has; its gradient norm tells.

    Returns:
        The heads of all runs.

    Raises:
        BadInput: A shape does not fit, or a number that would be used is not finite or out of range.

    >>> one = solve_softmax_head([[[-1.0], [1.0]]], [np.eye(2)], [[1.0, 1.0]], [1.0])
    >>> one.coefficients.round(3) + 0.0      # by symmetry w = 2 p(wrong) = 2 / (1 + exp(2 w)), so w = 0.521
    array([[[-0.521,  0.   ],
            [ 0.521,  0.   ]]])
    """
    x, y, w, penalty = _floats(features), _floats(targets), _floats(weights), _floats(ridge)
    _check_shapes(x, y, w, penalty)
    _check_values(x, y, w, penalty)
    runs, classes, width = len(w), y.shape[2], x.shape[2] + 1
    warm = np.empty((0, 0, 0)) if start is None else _floats(start)
    if start is not None and (warm.shape != (runs, classes, width) or not np.isfinite(warm).all()):
        raise BadInput(
            f"start has shape {warm.shape}, or numbers that are not finite, where {(runs, classes, width)} finite "
            f"ones are needed. Hand in the coefficients of an earlier solve, or None."
        )
    heads = SoftmaxHeads(np.zeros((runs, classes, width)), np.zeros(runs), np.zeros(runs, dtype=np.int64))
    for run in range(runs):
        heads.gradient_norm[run], heads.iterations[run] = solve_run(
            x[run % len(x)], y[run % len(y)], w[run], float(penalty[run]), warm[run : run + 1],
            float(tolerance), max_iterations, heads.coefficients[run],
        )  # fmt: skip
    return heads


def _floats(array: ArrayLike) -> Floats:
    return np.ascontiguousarray(array, dtype=np.float64)


def _check_shapes(x: Floats, y: Floats, w: Floats, ridge: Floats) -> None:
    if w.ndim != 2 or ridge.shape != w.shape[:1]:
        raise BadInput(
            f"weights have shape {w.shape} and ridge {ridge.shape}. Hand in weights (runs, items) and ridge (runs,)."
        )
    for name, array in (("features", x), ("targets", y)):
        if array.ndim != 3 or array.shape[0] not in (1, len(w)) or array.shape[1] != w.shape[1]:
            raise BadInput(
                f"{name} have shape {array.shape}, but the weights are for {w.shape[0]} runs of {w.shape[1]} items. "
                f"Hand in {name} of shape (runs or 1, items, ...)."
            )
    if y.shape[2] == 0:
        raise BadInput("targets have no classes. Hand in at least one class.")


def _check_values(x: Floats, y: Floats, w: Floats, ridge: Floats) -> None:
    """Refuse what the kernel would swallow; items of weight zero may hold anything."""
    if not (np.isfinite(ridge) & (ridge > 0)).all():
        raise BadInput(f"ridge must be finite and above 0, but one is {ridge.min()}. Use 1 / C, such as 1.0.")
    _refuse(~(np.isfinite(w) & (w >= 0)), "weights", "is negative or not finite", "Use 0 to leave an item out.")
    used = w > 0
    broken = ~np.isfinite(x).all(axis=2)
    _refuse(used & broken, "features", "holds a number that is not finite", "Repair the item, or give it weight 0.")
    improper = ~((y >= 0).all(axis=2) & (np.abs(y.sum(axis=2) - 1) <= 1e-6))
    _refuse(used & improper, "targets", "is no distribution", "Make it non-negative with sum 1, or give it weight 0.")


def _refuse(wrong: NDArray[np.bool_], name: str, fault: str, fix: str) -> None:
    if wrong.any():
        run, item = np.argwhere(wrong)[0]
        raise BadInput(f"{name}: item {item} of run {run} {fault} ({wrong.sum()} such in all). {fix}")
