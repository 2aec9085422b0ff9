"""Which classes an item may have by some classifier that is nearly as good as the best one on what is known."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from askance.kernels.softmax_head import solve_softmax_head

_PIECE = 1 << 22  # elements of a temporary
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


def errors_when_forced(
    features: Tensor, targets: Tensor, weights: Tensor, points: Tensor, ridge: float
) -> tuple[float, Tensor]:
    """The share of what is known that a linear classifier gets wrong if it must say a class at a point.

    The classifier of the least error among those that say so stands behind the version space: a class that costs no
    more than the slack is said by a survivor. As the least number of errors cannot be found but by trying all, the
    softmax head that the forced label pulls along stands for it, so a survivor may be overlooked and none is made up.
    Where a head does not give in to the force, the class is not possible, and its share is 1.

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
            tolerance=1e-3,
        ).coefficients
        said = (np.einsum("if,rcf->ric", known, heads[..., :-1]) + heads[:, None, :, -1]).argmax(2)
        there = (np.einsum("rf,rcf->rc", forced, heads[..., :-1]) + heads[..., -1]).argmax(1)
        wrong = ((said != truth) * mass).sum(1) / mass.sum()
        out[start : start + step] = np.where(there == label.argmax(1), wrong, 1.0).reshape(-1, classes)
    return float(out.min(initial=1.0)), torch.from_numpy(out)
