"""How little an item is like what is labeled."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from askance.kernels.nearest import neighbors
from askance.kernels.softmax_head import solve_softmax_head

_PIECE = 1 << 20  # elements of a temporary: 4 MiB of float32


def distance_surprise(features: Tensor, guesses: Tensor, known_features: Tensor, known_classes: Tensor) -> Tensor:
    """How far an item is from the labeled items of its class, in units of how far these are from other classes.

    Source: Kim et al. 2019, Eqs. 4 to 6: with a the nearest labeled item of the predicted class, and b the labeled item
    of another class nearest to a, |x - a| / |a - b|.

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


def unlabeledness(features: Tensor, known_features: Tensor, sample: Tensor, ridge: float) -> Tensor:
    """The log odds that an item is unlabeled, by a logistic regression of labeled against unlabeled items.

    Source: Gissin & Shalev-Shwartz 2019; their classifier is a network on the same features.

    >>> odds = unlabeledness(torch.tensor([[-1.], [1.]]), torch.tensor([[-1.]]), torch.tensor([1]), ridge=1.)
    >>> bool(odds[1] > odds[0])
    True

    Args:
        features: (items, features).
        known_features: The labeled items, (labeled, features); with none, all is 0.
        sample: Rows that stand for the unlabeled ones while it is fitted, int64.
        ridge: Strength of the penalty, ``ridge / 2 |w|^2``.

    Returns:
        (items,).
    """
    if not len(known_features) or not len(sample):
        return features.new_zeros(len(features))
    both = torch.cat([known_features.to(features), features[sample]]).double()
    middle = both.mean(0)
    scale = float((both - middle).square().mean().sqrt()) or 1.0
    new = np.arange(len(both)) >= len(known_features)
    solved = solve_softmax_head(
        ((both - middle) / scale).cpu().numpy()[None],
        np.stack([~new, new], 1).astype(np.float64)[None],
        np.ones((1, len(both))),
        np.array([ridge]),
        tolerance=1e-4,
    )
    odds = torch.from_numpy(solved.coefficients[0, 1] - solved.coefficients[0, 0]).to(features.device)
    slope, bias = odds[:-1] / scale, float(odds[-1] - odds[:-1] @ (middle / scale))
    return torch.mv(features, slope.to(features)) + bias


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
