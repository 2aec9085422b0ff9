"""How an item stands among the labeled items nearest to it."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.kernels.nearest import neighbors

_LEAST = 1e-12  # a probability is taken to be no less, so that a divergence is finite


def contrast(
    probabilities: Tensor, features: Tensor, known_probabilities: Tensor, known_features: Tensor, count: int = 10
) -> Tensor:
    """Mean divergence from what is believed of the nearest labeled items to what is believed of the item.

    Source: Margatina et al. 2021, Algorithm 1: the mean over neighbors l of KL(p_l || p).

    >>> known = torch.tensor([[1., 0.], [.5, .5]])
    >>> one = contrast(torch.tensor([[.5, .5]]), torch.tensor([[0.]]), known, torch.tensor([[1.], [2.]]), 2)
    >>> one * 2 / torch.tensor(2.).log()           # of log 2 and 0, the mean
    tensor([1.])

    Args:
        probabilities: (items, classes).
        features: (items, features).
        known_probabilities: (labeled, classes); with no labeled item nothing contrasts, and all is 0.
        known_features: (labeled, features).
        count: How many neighbors, or all labeled items if that is fewer.

    Returns:
        (items,).
    """
    out = probabilities.new_zeros(len(probabilities))
    if not len(known_features):
        return out
    known = known_probabilities.to(probabilities)
    negative_entropy = -torch.special.entr(known).sum(1)  # (labeled,)
    near, _ = neighbors(features, known_features, count)
    for start in range(0, len(out), 1 << 14):
        places, part = near[start : start + (1 << 14)], probabilities[start : start + (1 << 14)]
        mean = known[places].mean(1)  # (items, classes)
        cross = (mean * part.clamp(min=_LEAST).log()).sum(1)
        out[start : start + (1 << 14)] = (negative_entropy[places].mean(1) - cross).clamp_(min=0)
    return out


def class_neighbors(features: Tensor, known_features: Tensor, classes: Tensor, of: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest labeled item of a given class.

    Args:
        features: (items, features).
        known_features: (labeled, features).
        classes: The class of each labeled item, int64 (labeled,).
        of: Which class is looked for, for each item, int64 (items,).

    Returns:
        Its place, int64 (items,), -1 where no labeled item has the class; and its distance, (items,), there infinite.
    """
    places = torch.full((len(features),), -1, dtype=torch.int64, device=features.device)
    gaps = features.new_full((len(features),), torch.inf)
    for number in torch.unique(of).tolist():
        members, rows = (classes == number).nonzero().flatten(), (of == number).nonzero().flatten()
        if len(members):
            near, found = neighbors(features[rows], known_features[members], 1)
            places[rows], gaps[rows] = members[near[:, 0]], found[:, 0].sqrt().to(gaps)
    return places, gaps
