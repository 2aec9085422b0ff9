"""What a perturbed last layer says otherwise."""

from __future__ import annotations

import torch
from torch import Tensor

_PIECE = 1 << 20  # elements of a temporary
_FAR = 30.0  # a push beyond which an exponential may overflow, and where rounding drowns nothing any more


def deviations(layer: Tensor, noise: Tensor, features: Tensor, rows: Tensor) -> Tensor:
    """How far class probabilities move with each draw of noise, as a share of their length.

    Source: Noise Stability (Li et al. 2024).

    Args:
        layer: (classes, features + 1), the bias last.
        noise: What is added, (draws, classes, features + 1).
        features: (items, features).
        rows: The items to answer for, int64.

    Returns:
        (rows, draws x classes).
    """
    draws, classes, width = noise.shape
    flat = noise.reshape(draws * classes, width)
    out = features.new_empty(len(rows), draws * classes)
    step = max(1, _PIECE // max(1, draws * classes, width))
    for start in range(0, len(rows), step):
        points = features[rows[start : start + step]]
        scores = points @ layer[:, :-1].T.to(points) + layer[:, -1].to(points)
        before = scores.softmax(1)
        pushes = (points @ flat[:, :-1].T.to(points) + flat[:, -1].to(points)).reshape(len(points), draws, classes)
        # p' - p = p (expm1(push) - mean of it) / (1 + that mean): the difference itself would drown in rounding
        grown = torch.expm1(pushes)
        mean = (grown * before.unsqueeze(1)).sum(2, keepdim=True)
        moved = before.unsqueeze(1) * (grown - mean) / (1 + mean)
        far = pushes.abs().amax((1, 2)) > _FAR
        if bool(far.any()):
            moved[far] = (scores[far].unsqueeze(1) + pushes[far]).softmax(2) - before[far].unsqueeze(1)
        lengths = before.norm(dim=1).clamp_min(1e-30)[:, None, None]
        out[start : start + step] = (moved / lengths).reshape(len(points), -1)
    return out


def least_disagreement_weights(metric: Tensor, n: int) -> Tensor:
    """How much each item counts when a batch is drawn by its least disagreement.

    Source: Cho et al. 2024 and its code: with q the n-th smallest metric, or the smallest above zero if that is zero,
    ``exp(-max(metric - q, 0) / q)``; what lies beyond the n smallest is scaled to sum to n, at most 1 each.

    >>> least_disagreement_weights(torch.tensor([0.1, 0.2, 0.4, 0.9]), 2)
    tensor([1.0000, 1.0000, 1.0000, 0.1517])

    Args:
        metric: (items,), from 0 to 1.
        n: How many will be drawn.

    Returns:
        (items,), from 0 to 1.
    """
    if not len(metric) or not n:
        return torch.ones_like(metric)
    ordered, order = metric.sort(stable=True)
    middle = ordered[min(n, len(metric)) - 1]
    if middle <= 0:
        above = ordered[ordered > 0]
        middle = above[0] if len(above) else middle + 1
    weights = torch.exp(-(metric - middle).clamp_min(0) / middle)
    beyond = order[n:]
    total = weights[beyond].sum()
    if total > 0:
        weights[beyond] = (weights[beyond] * (n / total)).clamp(max=1)
    return weights
