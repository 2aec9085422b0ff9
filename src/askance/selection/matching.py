"""Batches that are doubtful and, with what is labeled, distributed as the pool: quadratic programs over candidates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_CLOSE = 1e-6  # |f| is smoothed below it
_ROUNDS = 4  # of taking turns between the function and the batch, at most
_STEPS = 80  # of the quadratic program, at most


@dataclass(frozen=True)
class Matching:
    """Who stands where in the program; rows are features, scaled as the kernel wants them.

    Args:
        candidates: (candidates, features).
        labeled: (labeled, features).
        targets: +1 where a labeled item is of the class, else -1, float64 (labeled, classes).
        reference: What the batch should be distributed as, (reference, features).
    """

    candidates: Tensor
    labeled: Tensor
    targets: Tensor
    reference: Tensor


def doubtful_and_alike(
    shown: Matching, n: int, *, beta: float, ridge: float, width: float, pace: float | None = None
) -> Tensor:
    """How much each candidate belongs into the batch.

    Source: Wang & Ye 2015. Over functions f of a Gaussian kernel's space, one for each class, and shares a in [0, 1]
    that sum to n, minimize

        sum_labeled (y - f)^2 + ridge |f|^2 + sum_candidates a (f^2 + 2 |f|) + beta D(a),

    where D is half the squared distance of the mean of labeled items and batch to the mean of the reference in the
    kernel's space, in units of (labeled + n)^2. The worst label of a candidate costs f^2 + 2 |f| + 1. The paper has two
    classes and one f. Here each class has one, and the first three sums are means over them: with two classes, whose
    functions mirror each other, those of the paper. f and a take turns, each exactly minimized.

    With a pace (Tang & Huang 2019), candidates also have an ease v in [0, 1]: a v (f^2 + 2 |f|) + pace (v^2 / 2 - v)
    replaces the third sum, so that what is too doubtful so far, a (f^2 + 2 |f|) above the pace, waits.

    Args:
        shown: The features.
        n: How many are picked, at most as many as there are candidates.
        beta: What being alike is worth.
        ridge: The strength of the penalty on f.
        width: The kernel is exp(-|x - x'|^2 / (2 width^2)).
        pace: How doubtful a candidate may be.

    Returns:
        a, or a v with a pace, float64 (candidates,).
    """
    x, known, aims = shown.candidates.double(), shown.labeled.double(), shown.targets.double()
    own = kernel(x, x, width)
    near = kernel(x, known, width).sum(1)
    toward = near - (len(known) + n) * kernel(x, shown.reference.double(), width).mean(1)
    shares = torch.full((len(x),), n / len(x), dtype=torch.float64, device=x.device)
    ease = torch.ones_like(shares)
    points = torch.cat([known, x])
    gram = kernel(points, points, width)
    scores = _labels_alone(gram, aims, ridge)
    for _ in range(_ROUNDS):
        doubt = (scores.square() + 2 * scores.abs()).mean(1)
        if pace is not None:
            ease = (1 - shares * doubt / pace).clamp(0, 1)
        before = shares
        shares = capped_program(beta * own, ease * doubt + beta * toward, n)
        if float((shares - before).abs().max()) < 1e-3:
            break
        scores = _fit(gram, aims, shares * ease, scores, ridge)
    return shares * ease


def kernel(one: Tensor, other: Tensor, width: float) -> Tensor:
    """The Gaussian kernel, (one, other)."""
    return torch.exp(-torch.cdist(one, other).square() / (2 * width**2))


def capped_program(matrix: Tensor, linear: Tensor, n: int) -> Tensor:
    """Minimize ``a' M a / 2 + l' a`` over shares in [0, 1] that sum to n, by accelerated projected gradients.

    >>> capped_program(torch.zeros(3, 3).double(), torch.tensor([3.0, 1.0, 2.0]).double(), 2).round(decimals=3)
    tensor([0., 1., 1.], dtype=torch.float64)

    Args:
        matrix: Positive semi-definite, float64 (items, items).
        linear: float64 (items,).
        n: At most as many as there are items.
    """
    ones = torch.ones_like(linear)
    top = ones / len(ones) ** 0.5
    for _ in range(20):  # power iteration for the largest curvature
        image = matrix @ top
        top = image / image.norm().clamp_min(1e-300)
    curvature = 1.01 * float((matrix @ top).norm())
    step = 1 / max(curvature, 1e-9 + float(linear.max() - linear.min()) / max(n, 1))
    here = project(ones * n / len(ones), n)
    ahead, momentum = here, 1.0
    for _ in range(_STEPS):
        there = project(ahead - step * (matrix @ ahead + linear), n)
        moved = there - here
        if float(moved.abs().max()) < 1e-7:
            return there
        if float(((ahead - there) * moved).sum()) > 0:  # it overshoots: begin the momentum anew
            momentum = 1.0
        faster = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = there + (momentum - 1) / faster * moved
        here, momentum = there, faster
    return here


def project(point: Tensor, n: int) -> Tensor:
    """The nearest shares in [0, 1] that sum to n; found by halving, so that equal entries stay equal.

    >>> project(torch.tensor([3.0, 0.5, 0.5]), 2)
    tensor([1.0000, 0.5000, 0.5000])
    """
    low, high = point.min() - 1, point.max()
    for _ in range(40):
        middle = (low + high) / 2
        more = (point - middle).clamp(0, 1).sum() > n
        low, high = torch.where(more, middle, low), torch.where(more, high, middle)
    return (point - (low + high) / 2).clamp(0, 1)


def _labels_alone(gram: Tensor, aims: Tensor, ridge: float) -> Tensor:
    """The functions that no candidate pulls to zero: where taking turns begins, (candidates, classes)."""
    labels = len(aims)
    own = gram[:labels, :labels].clone()
    own.diagonal().add_(ridge)
    weights: Tensor = torch.linalg.solve(own, aims)
    return gram[labels:, :labels] @ weights


def _fit(gram: Tensor, aims: Tensor, shares: Tensor, scores: Tensor, ridge: float) -> Tensor:
    """The best functions for given shares, at the candidates, (candidates, classes).

    2 |f| is at most f^2 / |g| + |g| for any g and equal at f = g, so a few weighted ridge regressions in a row lower
    the objective each time.
    """
    labels = len(aims)
    targets = torch.cat([aims, torch.zeros_like(scores)])
    for _ in range(4):
        new = torch.empty_like(scores)
        for column in range(aims.shape[1]):
            pull = shares * (1 + 1 / scores[:, column].abs().clamp_min(_CLOSE))
            weights = torch.cat([torch.ones(labels, dtype=pull.dtype, device=pull.device), pull])
            root = weights.sqrt()
            system = root.unsqueeze(1) * gram * root
            system.diagonal().add_(ridge)
            solved = torch.linalg.solve(system, root * targets[:, column])
            new[:, column] = gram[labels:] @ (root * solved)
        done = float((new - scores).abs().max()) < 1e-4
        scores = new
        if done:
            break
    return scores
