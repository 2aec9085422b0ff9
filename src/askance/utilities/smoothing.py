"""Scores of a kernel's settings from few labels: what was left out, how hard the labels are, how far noise spreads.

All of them are lower for better settings. Kernels are compared at one scale: hand in Gram matrices with a mean diagonal
of 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def solved(gram: Tensor, noise: float) -> Tensor:
    """``(K + s I)^-1`` of the labeled items, float64 (labeled, labeled).

    Args:
        gram: K, (labeled, labeled).
        noise: s, the variance of the noise, above 0.
    """
    raised = gram.double().clone()
    raised.diagonal().add_(noise)
    inverse: Tensor = torch.cholesky_inverse(torch.linalg.cholesky(raised))
    return inverse


def left_out_error(inverse: Tensor, targets: Tensor) -> float:
    """The mean squared error when each item is left out in turn, without a new solve: cross-validation.

    >>> left_out_error(torch.eye(2) / 2, torch.tensor([[1.0], [3.0]]))  # nothing says anything of the other
    5.0

    Args:
        inverse: As `solved` gives it.
        targets: (labeled, outputs).
    """
    residuals = (inverse @ targets.to(inverse)) / inverse.diagonal().unsqueeze(1)
    return float(residuals.square().sum(1).mean())


def held_out_score(inverse: Tensor, targets: Tensor, parts: Sequence[Tensor], noise: float, tradeoff: float) -> float:
    """The mean over held-out parts of squared error plus variance, each exact and without a new solve.

    Source: Hemachandra et al. 2023, EV-GP+MS. With B the block of the inverse that belongs to a part, the residuals
    there are ``B^-1 (inverse y)`` and the predictive covariance is ``B^-1 - s I``.

    Args:
        inverse: As `solved` gives it.
        targets: (labeled, outputs).
        parts: Places of each held-out part, int64.
        noise: s.
        tradeoff: What the variance counts.
    """
    pulled, total = inverse @ targets.to(inverse), 0.0
    for part in parts:
        covariance = torch.linalg.inv(inverse[part][:, part])
        error = (covariance @ pulled[part]).square().sum(1).mean()
        total += float(error + tradeoff * (covariance.diagonal() - noise).mean())
    return total / max(1, len(parts))


def complexity(inverse: Tensor, targets: Tensor) -> float:
    """``y' (K + s I)^-1 y`` for each label: how much of the kernel it takes to say what the labels say.
    [arora2019fine]

    Bounds how badly an infinitely wide network that fits the labels does elsewhere. Nothing is left out.

    >>> complexity(torch.eye(2) / 2, torch.tensor([[1.0], [3.0]]))
    2.5

    Args:
        inverse: As `solved` gives it.
        targets: Less their mean, (labeled, outputs).
    """
    wide = targets.to(inverse)
    return float((wide * (inverse @ wide)).sum() / max(1, len(wide)))


def spread(smoother: Tensor) -> float:
    """How far a prediction elsewhere hangs on single labels: the mean squared length of its weights on them, for each
    label. [curth2023uturn]

    The effective number of parameters as seen at new items: 1 for a mean, which spreads noise least, and the number of
    labels for a nearest neighbor. It reads no label, and says nothing of what a smoother flat at one value misses.

    >>> spread(torch.tensor([[0.5, 0.5]])), spread(torch.tensor([[1.0, 0.0]]))
    (1.0, 2.0)

    Args:
        smoother: How much each label counts at each new item, (items, labeled).
    """
    return float(smoother.double().square().sum(1).mean()) * smoother.shape[1]
