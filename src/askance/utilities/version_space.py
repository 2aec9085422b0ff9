"""Which classes an item may have by some classifier that is nearly as good as the best one on what is known."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from askance.kernels.softmax_head import solve_softmax_head

_PIECE = 1 << 22  # elements of a temporary
_NEAR = 1e-3  # how near to its optimum a head is: it only has to be a witness
_HEAVY = 10.0  # the weight of a forced label, beside that of everything known


def allowed_errors(error: float, items: int, scale: float) -> float:
    """The share of wrong answers up to which a classifier survives, beside the best one: a slack of Bernstein's kind.

    ``error + sqrt(2 error c / n) + c / n`` with ``c = scale log(1 + n)``. How large c is in the paper could not be
    read; ``scale`` is ours.

    >>> allowed_errors(0.0, 0, 0.5)  # while nothing is known all of them survive
    1.0
    >>> round(allowed_errors(0.0, 99, 1.0), 4)
    0.0465

    Args:
        error: The share of the best one.
        items: How many are known, n.
        scale: Above 0.
    """
    if not items:
        return 1.0
    part = scale * math.log(1 + items) / items
    return min(1.0, error + math.sqrt(2 * error * part) + part)


def open_points(
    features: Tensor, targets: Tensor, weights: Tensor, points: Tensor, *, ridge: float, scale: float, most: int
) -> Tensor:
    """The places of the first points that survivors differ about: two classes or more cost no more than the slack.

    Once some classifier is right on all that is known the slack cannot shrink any more, and no more points are looked
    at than are needed; else all are.

    Args:
        features: Of what is known, float64 (known, width).
        targets: float64 (known, classes).
        weights: float64 (known,).
        points: float64 (points, width).
        ridge: Of the heads.
        scale: Of the slack.
        most: So many are enough, at least 1.

    Returns:
        Ascending, int64 (at most ``most``,).
    """
    best, shares = 1.0, torch.zeros(0, targets.shape[1], dtype=torch.float64)
    for some in torch.split(points, most):
        least, found = errors_when_forced(features, targets, weights, some, ridge)
        best, shares = min(best, least), torch.cat([shares, found])
        open_ = (shares <= allowed_errors(best, len(features), scale)).sum(1) > 1
        if best == 0 and int(open_.sum()) >= most:
            break
    return open_.nonzero()[:most, 0] if len(points) else torch.zeros(0, dtype=torch.int64)


def errors_when_forced(
    features: Tensor, targets: Tensor, weights: Tensor, points: Tensor, ridge: float
) -> tuple[float, Tensor]:
    """The share of what is known that a linear classifier gets wrong if it must say a class at a point.

    The classifier of the least error among those that say so stands behind the version space: a class that costs no
    more than the slack is said by a survivor. As the least number of errors cannot be found but by trying all, the
    softmax head that the forced label pulls along stands for it, so a survivor may be overlooked and none is made up.
    It is found from the head that nothing forces, whose share counts as met as well. Where a head does not give in to
    the force, the class is not possible, and its share is 1.

    Args:
        features: Of what is known, float64 (known, width).
        targets: float64 (known, classes).
        weights: float64 (known,).
        points: float64 (points, width).
        ridge: Of the heads.

    Returns:
        The least share that was met, and that of each point and class, float64 (points, classes).
    """
    classes, width = targets.shape[1], features.shape[1]
    if not len(features) or classes < 2:
        return 0.0, torch.zeros(len(points), classes, dtype=torch.float64)
    known, told, mass = features.cpu().numpy(), targets.cpu().numpy(), weights.cpu().numpy()
    truth = told.argmax(1)
    free = solve_softmax_head(known[None], told[None], mass[None], np.full(1, ridge), tolerance=_NEAR).coefficients
    least = _wrong(known, truth, mass, free).min()
    out = np.ones((len(points), classes))
    step = max(1, _PIECE // ((len(known) + 1) * (width + classes) * classes))
    for start in range(0, len(points), step):
        some = points[start : start + step].cpu().numpy()
        forced = np.repeat(some, classes, axis=0)  # (runs, width)
        label = np.tile(np.eye(classes), (len(some), 1))
        runs = len(forced)
        heads = solve_softmax_head(
            np.concatenate([np.broadcast_to(known, (runs, *known.shape)), forced[:, None]], axis=1),
            np.concatenate([np.broadcast_to(told, (runs, *told.shape)), label[:, None]], axis=1),
            np.concatenate([np.broadcast_to(mass, (runs, len(mass))), np.full((runs, 1), _HEAVY * mass.sum())], axis=1),
            np.full(runs, ridge),
            start=np.broadcast_to(free, (runs, *free.shape[1:])),
            tolerance=_NEAR,
        ).coefficients
        there = (np.einsum("rf,rcf->rc", forced, heads[..., :-1]) + heads[..., -1]).argmax(1)
        wrong = np.where(there == label.argmax(1), _wrong(known, truth, mass, heads), 1.0)
        out[start : start + step] = wrong.reshape(-1, classes)
    return float(out.min(initial=least)), torch.from_numpy(out)


def _wrong(
    features: NDArray[np.float64], truth: NDArray[np.int64], weights: NDArray[np.float64], heads: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The share of the weight that each head gets wrong, (heads,)."""
    said = (np.einsum("if,rcf->ric", features, heads[..., :-1]) + heads[:, None, :, -1]).argmax(2)
    wrong: NDArray[np.float64] = ((said != truth) * weights).sum(1) / weights.sum()
    return wrong
