"""A support vector machine that is told, by hints, where it should not be sure."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.utilities.quire import gaussian

_PIECE = 1 << 18  # elements of a temporary
_STEPS = 1_000  # of the quadratic program, at most
_CLOSE = 1e-5  # how far a function's values may be off where they count
_ZERO = 1e-4  # what is nearer to a boundary, in units of the farthest item, is on it


def hinted_machine(gram: Tensor, targets: Tensor, *, cost: float, hint_cost: float) -> Tensor:
    """The dual weights of machines whose boundaries go through the hints, one for each class.

    Source: Li et al. 2012, with tubes of width 0: over functions of the kernel's space minimize

        1/2 |f|^2 + cost sum_labeled max(0, 1 - y f) + hint_cost sum_hints |f|.

    A kernel plus one has a bias, penalized like all else. Solved in the dual, a program in a box, by accelerated
    projected gradients with restarts.

    Args:
        gram: Of the labeled items, then the hints, float64 (points, points).
        targets: +1 where a labeled item is of the class, else -1, and nearer to 0 it costs less; float64 (labeled,
            classes).
        cost: Of a labeled item on the wrong side.
        hint_cost: Of a hint away from the boundary.

    Returns:
        v with f = K v, float64 (points, classes).
    """
    size = len(gram), targets.shape[1]
    ends = torch.full(size, hint_cost, dtype=torch.float64, device=gram.device)
    ends[: len(targets)] = cost * targets.abs()
    signs = torch.zeros(size, dtype=torch.float64, device=gram.device)
    signs[: len(targets)] = targets.sign()
    lower = torch.where(signs > 0, 0.0, -ends)
    upper = torch.where(signs < 0, 0.0, ends)
    now = torch.zeros(size, dtype=torch.float64, device=gram.device)
    if not len(gram):
        return now
    pace = 1 / max(float(torch.linalg.eigvalsh(gram)[-1]), 1e-12)
    ahead, momentum = now, 1.0
    for _ in range(_STEPS):
        slope = gram @ ahead - signs
        then = torch.minimum(torch.maximum(ahead - pace * slope, lower), upper)
        if float((then - ahead).abs().max()) < _CLOSE * pace:
            return then
        if float(((ahead - then) * (then - now)).sum()) > 0:
            momentum = 1.0  # it ran past the lowest point
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = then + (momentum - 1) / following * (then - now)
        now, momentum = then, following
    return now


def boundary_distance(features: Tensor, points: Tensor, dual: Tensor, gamma: float) -> Tensor:
    """How far the highest value of the machines is above the next one; with one class, its distance to zero.

    With two classes that is twice the distance of one machine's value to its boundary.

    Args:
        features: (items, features).
        points: What the machines stand on, (points, features).
        dual: As `hinted_machine` gives it for a Gaussian kernel plus one, (points, classes).
        gamma: Of the kernel.

    Returns:
        float64 (items,).
    """
    out = torch.empty(len(features), dtype=torch.float64, device=features.device)
    step = max(1, _PIECE // max(1, len(points), features.shape[1]))
    for start in range(0, len(features), step):
        near = gaussian(features[start : start + step].double(), points.double(), gamma)
        values = near @ dual + dual.sum(0)
        if values.shape[1] == 1:
            out[start : start + step] = values[:, 0].abs()
        else:
            first, second = values.topk(2, dim=1).values.unbind(1)
            out[start : start + step] = first - second
    return torch.where(out < _ZERO * out.amax(), 0, out) if len(out) else out  # hints on the boundary are ties
