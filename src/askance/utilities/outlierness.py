"""How little an item is like what is labeled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor

from askance.kernels.nearest import neighbors

Array = np.ndarray[Any, np.dtype[Any]]

_PIECE = 1 << 20  # elements of a temporary: 4 MiB of float32


def distance_surprise(features: Tensor, guesses: Tensor, known_features: Tensor, known_classes: Tensor) -> Tensor:
    """How far an item is from the labeled items of its class, in units of how far these are from other classes.

    Source: Kim et al. 2019, Eqs. 4 to 6: with a the nearest labeled item of the predicted class, and b the labeled item
    of another class nearest to a, |x - a| / |a - b|. Of several that are equally near, a is the one nearest to another
    class, so that the order of what is labeled does not matter.

    Where no labeled item has the predicted class, an item is more surprising than all others, the more so the farther
    it is from all that is labeled. Where only one class is labeled, |a - b| is taken as 1.

    >>> known, classes = torch.tensor([[0.], [4.]]), torch.tensor([0, 1])
    >>> distance_surprise(torch.tensor([[1.], [2.]]), torch.tensor([0, 1]), known, classes)
    tensor([0.2500, 0.5000])

    Args:
        features: (items, features).
        guesses: The predicted class of each item, int64 (items,).
        known_features: (labeled, features).
        known_classes: int64 (labeled,).

    Returns:
        (items,); zeros where nothing is labeled.
    """
    out = features.new_zeros(len(features))
    if not len(known_features):
        return out
    apart = _to_other_classes(known_features.to(features), known_classes)
    stranger = torch.ones_like(guesses, dtype=torch.bool)
    for number in torch.unique(known_classes).tolist():
        members, rows = (known_classes == number).nonzero().flatten(), (guesses == number).nonzero().flatten()
        stranger[rows] = False
        members = members[apart[members].argsort(stable=True)]  # of equally near ones the first is taken
        for some in torch.split(rows, _rows(features)):
            near, gaps = neighbors(features[some], known_features[members], 1)
            beside = apart[members[near[:, 0]]].clamp(min=torch.finfo(apart.dtype).tiny)
            out[some] = (gaps[:, 0].sqrt() / beside).clamp(max=torch.finfo(out.dtype).max / 4).to(out)
    return _above(out, stranger, features, known_features)


def density_surprise(features: Tensor, guesses: Tensor, known_features: Tensor, known_classes: Tensor) -> Tensor:
    """Minus the log density of an item under a kernel density of the labeled items of its predicted class.

    Source: Kim et al. 2019, Eqs. 2 and 3. The kernel is a round Gaussian; its width is Scott's factor
    ``m ** (-1 / (d + 4))``, with m labeled items of the class in d features, times the root of their mean variance, or
    of that of all labeled items where one stands alone. The published kernel has a full covariance matrix, which
    has no inverse where a class has fewer labeled items than features.

    Where no labeled item has the predicted class, an item is more surprising than all others, the more so the farther
    it is from all that is labeled.

    >>> known = torch.tensor([[-1.], [1.]])        # variance 1, so the width is 2 ** -0.2
    >>> density_surprise(torch.tensor([[0.]]), torch.tensor([0]), known, torch.tensor([0, 0]))
    tensor([1.4401])

    Args:
        features: (items, features).
        guesses: The predicted class of each item, int64 (items,).
        known_features: (labeled, features).
        known_classes: int64 (labeled,).

    Returns:
        (items,); zeros where nothing is labeled.
    """
    out = features.new_zeros(len(features))
    if not len(known_features):
        return out
    known, width = known_features.to(features), features.shape[1]
    stranger = torch.ones_like(guesses, dtype=torch.bool)
    spread = _variance(known) or 1.0
    for number in torch.unique(known_classes).tolist():
        members, rows = known[known_classes == number], (guesses == number).nonzero().flatten()
        stranger[rows] = False
        count = len(members)
        variance = (_variance(members) or spread) * count ** (-2 / (width + 4))
        constant = math.log(count) + width / 2 * math.log(2 * math.pi * variance)
        center = members.mean(0)  # a common offset would drown the product
        lying = (members - center).double()
        for some in torch.split(rows, max(1, _PIECE // max(1, count, width))):
            part = (features[some] - center).double()
            gaps = torch.addmm(lying.square().sum(1), part, lying.T, alpha=-2)  # (items, members)
            gaps.add_(part.square().sum(1, keepdim=True)).clamp_(min=0)
            out[some] = (constant - torch.logsumexp(gaps / (-2 * variance), 1)).to(out)
    return _above(out, stranger, features, known)


def separating(labeled: Tensor, unlabeled: Tensor, ridge: float, start: Tensor | None = None) -> Tensor:
    """A logistic regression of unlabeled against labeled items, (features + 1,), the bias last.

    Features are taken in units of their spread around their mean, so a ridge means the same at any scale.

    >>> separating(torch.tensor([[-1.]]), torch.tensor([[1.]]), 1.).round(decimals=3) + 0.  # w = 2 / (1 + exp(w))
    tensor([0.6750, 0.0000], dtype=torch.float64)

    Args:
        labeled: (labeled, features).
        unlabeled: (unlabeled, features).
        ridge: Strength of the penalty, ``ridge / 2 |w|^2``.
        start: An earlier result to start from.

    Returns:
        float64; zeros if there is nothing on a side.
    """
    width = labeled.shape[1]
    if not len(labeled) or not len(unlabeled):
        return torch.zeros(width + 1, dtype=torch.float64, device=labeled.device)
    both = torch.cat([labeled, unlabeled]).double()
    middle = both.mean(0)
    both -= middle
    scale = float(torch.linalg.vector_norm(both)) / both.numel() ** 0.5 or 1.0
    array = both.div_(scale).cpu().numpy()
    sign = np.where(np.arange(len(array)) < len(labeled), -1.0, 1.0)

    def loss(weights: Array) -> tuple[float, Array]:
        scores = sign * (array @ weights[:-1] + weights[-1])
        slope = -sign * expit(-scores)
        gradient = np.append(array.T @ slope + ridge * weights[:-1], slope.sum())
        return float(np.logaddexp(0, -scores).sum() + ridge / 2 * weights[:-1] @ weights[:-1]), gradient

    weights = np.append(np.zeros(width), np.log(len(unlabeled) / len(labeled)))
    if start is not None and bool(start.any()):  # in the units of this fit
        earlier = start.cpu()
        weights = torch.cat([earlier[:-1] * scale, earlier[-1:] + earlier[:-1] @ middle.cpu()]).numpy()
    options = {"gtol": 1e-5 * len(array), "ftol": 1e-10, "maxiter": 500}
    found = torch.from_numpy(minimize(loss, weights, jac=True, method="L-BFGS-B", options=options).x)
    slopes = found[:-1].to(middle.device) / scale
    return torch.cat([slopes, found[-1:].to(middle.device) - slopes @ middle])


def _to_other_classes(known: Tensor, classes: Tensor) -> Tensor:
    """The distance of each labeled item to the nearest one of another class, 1 where there is none; (labeled,)."""
    apart = known.new_ones(len(known))
    for number in torch.unique(classes).tolist():
        own, other = classes == number, classes != number
        if bool(other.any()):
            apart[own] = neighbors(known[own], known[other], 1)[1][:, 0].sqrt().to(apart)
    return apart


def _above(values: Tensor, stranger: Tensor, features: Tensor, known: Tensor) -> Tensor:
    """The values, with the strangers above all others in the order of their distance to what is labeled."""
    rows = stranger.nonzero().flatten()
    if len(rows):
        others = values[~stranger]
        top = float(others.max()) if len(others) else 0.0
        for some in torch.split(rows, _rows(features)):
            gaps = neighbors(features[some], known, 1)[1][:, 0].sqrt()
            values[some] = (top + (1 + abs(top)) * (1 + gaps / (1 + gaps))).to(values)
    return values


def _variance(points: Tensor) -> float:
    """The mean variance of the features."""
    return float(points.double().var(0, correction=0).mean())


def _rows(features: Tensor) -> int:
    return max(1, (_PIECE << 2) // max(1, features.shape[1]))
