"""Beliefs held back by how little an item's features are like those that the labels span."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from askance.arrays import spans
from askance.kernels.softmax_head import solve_softmax_head

JITTER = 1e-7  # Go & Kim's code
STRONGEST = 1e8  # of the strength, in units of one over the mean variance
_ROWS = 1 << 12
_LEAST_P = 1e-30


def variance(features: Tensor, known: Tensor, beliefs: Tensor) -> Tensor:
    """The variance ``h' C h`` of a score under the last layer's Laplace approximation, up to its scale.

    Source: the code of Go & Kim 2023: ``C^-1 = sum_i c_i (1 - c_i) h_i h_i' + 1e-7 I`` over the labeled items, c the
    probability of the likeliest class; one for all classes, and without the bias.

    A label at 1 with even beliefs says as much as a quarter of a label, and the item lies twice as far out.

    >>> variance(torch.tensor([[2.0]]), torch.tensor([[1.0]]), torch.tensor([[0.5, 0.5]])).round(decimals=3)
    tensor([16.], dtype=torch.float64)

    Args:
        features: (items, features).
        known: Those of the labeled items, (labeled, features).
        beliefs: Class probabilities of the labeled items, (labeled, classes).

    Returns:
        float64 (items,).
    """
    sure = beliefs.double().amax(1)
    weighted = known.double() * (sure * (1 - sure)).clamp(min=0).unsqueeze(1)
    precision = known.double().T @ weighted
    precision.diagonal().add_(JITTER * max(1.0, float(precision.diagonal().max())))  # long features would drown it
    root = torch.linalg.cholesky(precision)
    out = torch.empty(len(features), dtype=torch.float64, device=features.device)
    for start, stop in spans(len(features), _ROWS):
        half = torch.linalg.solve_triangular(root, features[start:stop].double().T, upper=False)
        out[start:stop] = half.square().sum(0)
    return out


def held_back(beliefs: Tensor, variances: Tensor, strength: float) -> Tensor:
    """The probabilities with scores divided by ``sqrt(1 + strength v)``, the mean-field approximation of their mean.

    Source: Go & Kim 2023, after Lu et al. 2020. Scores are the logarithms of the beliefs, so a network's bias, which
    the authors' code leaves as it is, is divided with them.

    >>> held_back(torch.tensor([[0.8, 0.2]]), torch.tensor([3.0]), 1.0)  # odds of 4 become odds of 2
    tensor([[0.6667, 0.3333]], dtype=torch.float64)

    Args:
        beliefs: (items, classes).
        variances: (items,).
        strength: 0 leaves the beliefs as they are.

    Returns:
        float64 (items, classes).
    """
    scores = beliefs.double().clamp(min=_LEAST_P).log()
    return (scores / (1 + strength * variances.to(scores)).sqrt().unsqueeze(1)).softmax(1)


def strength_of(beliefs: Tensor, variances: Tensor, targets: Tensor) -> float:
    """The strength at which beliefs that are held back are likeliest to be right, on items they were not learned from.

    Args:
        beliefs: (items, classes).
        variances: (items,).
        targets: One-hot or soft, (items, classes).

    Returns:
        From 0 to 1e8 divided by the mean variance.
    """
    unit = float(variances.mean())
    if not unit > 0:
        return 0.0
    aims = targets.double()

    def loss(power: float) -> float:
        told = held_back(beliefs, variances / unit, 10.0**power)
        return -float((aims * told.clamp(min=_LEAST_P).log()).sum())

    powers = np.arange(-6.0, np.log10(STRONGEST) + 0.5, 0.5)
    best = float(powers[np.argmin([loss(power) for power in powers])])  # it may have several valleys
    if best == powers[0]:
        return 0.0
    found = minimize_scalar(loss, bounds=(best - 0.5, best + 0.5), method="bounded", options={"xatol": 1e-3})
    return float(10.0 ** min(found.x, np.log10(STRONGEST)) / unit)


def cross_fitted(known: Tensor, targets: Tensor, fold: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """What linear heads believe of labeled items that they were not fitted to, and the variances there.

    Args:
        known: Features of the labeled items, (labeled, features).
        targets: (labeled, classes).
        fold: The fold of each, from 0, int64 (labeled,); a head is fitted to all folds but one.
        ridge: Of the heads, whose features have a mean square of 1 around their mean.

    Returns:
        Probabilities, float64 (labeled, classes), and variances, float64 (labeled,).
    """
    folds = int(fold.max()) + 1
    centered = known.double() - known.double().mean(0)
    scale = float(centered.square().mean().sqrt()) or 1.0
    inputs: Any = (centered / scale).cpu().numpy()[None]
    learned = (fold[None] != torch.arange(folds)[:, None]).double().cpu().numpy()  # (folds, labeled)
    heads = solve_softmax_head(inputs, targets.double().cpu().numpy()[None], learned, np.full(folds, ridge))
    beliefs = torch.zeros_like(targets, dtype=torch.float64)
    variances = torch.zeros(len(known), dtype=torch.float64)
    for number, head in enumerate(torch.from_numpy(heads.coefficients)):
        own = fold == number
        told = (torch.from_numpy(inputs[0]) @ head[:, :-1].T + head[:, -1]).softmax(1)
        beliefs[own] = told[own]
        variances[own] = variance(known[own], known[~own], told[~own])
    return beliefs, variances
