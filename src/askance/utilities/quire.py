"""How little a label could cost a kernel classifier at worst: informative and representative at once."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.kernels.finite import check_squares

_PIECE = 1 << 19  # elements of a temporary


def worst_cost(features: Tensor, known: Tensor, targets: Tensor, *, ridge: float, gamma: float) -> Tensor:
    """The regularized cost of a kernel classifier with an item, for the worst label it could get.

    Source: Huang et al. 2010: ``min over y_u of [y_l y_s y_u]' L [y_l y_s y_u]`` at the worst
    ``y_s = +-1``, with ``L = (K + ridge I)^-1`` over all items and real labels ``y_u`` of the others. By the Schur
    complement that is ``[y_l y_s]' (K + ridge I)_ls^-1 [y_l y_s]``, and by the inverse of a bordered matrix

        y_l' G^-1 y_l + (1 + |m|)^2 / (k + ridge - q),   G = K_ll + ridge I, m = k_s' G^-1 y_l, q = k_s' G^-1 k_s,

    so the other unlabeled items need not be looked at. Classes are taken one against the rest, and add up. The first
    term is the same for all items and is left out.

    >>> line = torch.tensor([[0.0], [1.0], [2.0]]).double()
    >>> sure = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).double()
    >>> worst_cost(line, line[[0, 2]], sure, ridge=1.0, gamma=1.0).argmin()    # halfway
    tensor(1)

    Args:
        features: (items, features).
        known: Features of the labeled items, (labeled, features).
        targets: +1 where a labeled item is of the class, else -1, (labeled, classes).
        ridge: The penalty, above 0.
        gamma: The kernel is exp(-gamma |x - x'|^2).

    Returns:
        float64 (items,); lower is more wanted.
    """
    points = known.double()
    gram = gaussian(points, points, gamma)
    gram.diagonal().add_(ridge)
    factor = torch.linalg.cholesky(gram)
    dual = torch.cholesky_solve(targets.to(factor), factor)
    root = torch.linalg.solve_triangular(factor, torch.eye(len(points)).to(factor), upper=False).T.to(features)
    out = torch.empty(len(features), dtype=torch.float64, device=features.device)
    step = max(1, _PIECE // max(1, len(points), features.shape[1]))
    for start in range(0, len(features), step):
        near = gaussian(features[start : start + step], known.to(features), gamma)
        said = (near @ root).square().sum(1, dtype=torch.float64)
        worst = (1 + (near.double() @ dual).abs()).square().sum(1)
        out[start : start + step] = worst / (1 + ridge - said)
    return out


def gaussian(one: Tensor, other: Tensor, gamma: float) -> Tensor:
    """The Gaussian kernel exp(-gamma |x - x'|^2), (one, other), in the type that both have.

    Raises:
        BadInput: If a squared distance may be infinite or NaN.
    """
    middle = other.mean(0) if len(other) else 0  # a common offset would drown the product below
    one, other = one - middle, other - middle
    check_squares(one)
    check_squares(other)
    gaps = torch.addmm((other * other).sum(1), one, other.T, alpha=-2) + (one * one).sum(1, keepdim=True)
    return gaps.clamp_(min=0).mul_(-gamma).exp_()
