"""Which labeled items teach a model the same, and which unteach each other, by the products of their gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_PIECE = 1 << 18  # elements of a temporary


@dataclass(frozen=True)
class Pairs:
    """Pairs of items, the strongest first.

    Args:
        ones: Place of one of each, the lower one, int64 (pairs,).
        others: Place of the other, int64 (pairs,).
        similarity: The cosine between their features, from -1 to 1, float64 (pairs,).
    """

    ones: Tensor
    others: Tensor
    similarity: Tensor


def extreme_pairs(features: Tensor, most: int) -> tuple[Pairs, Pairs]:
    """The pairs of largest and of smallest cosine, never all pairs at once.

    >>> alike, against = extreme_pairs(torch.tensor([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.5]]), 1)
    >>> alike.ones.tolist(), alike.others.tolist(), against.ones.tolist(), against.others.tolist()
    ([0], [1], [0], [2])

    Args:
        features: (items, features); rows of zeros are related to nothing.
        most: So many pairs of each kind, at most.

    Returns:
        The pairs of largest cosine above 0, and those of smallest below 0; ties by place.
    """
    unit = _unit(features)
    step = max(1, _PIECE // max(1, len(unit)))
    found = Pairs(*(torch.zeros(0, dtype=torch.int64),) * 2, torch.zeros(0, dtype=torch.float64))
    against = found
    for start in range(0, len(unit), step):
        cosines = (unit[start : start + step] @ unit.T).clamp_(-1, 1)
        ones, others = torch.triu_indices(len(cosines), len(unit), start + 1)
        values = cosines[ones, others]
        ones = ones + start
        found = _strongest(found, ones, others, values, most, 1.0)
        against = _strongest(against, ones, others, values, most, -1.0)
    return found, against


def most_like(features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each item its mean cosine with the others of its label, and the other label with the largest such mean.

    >>> own, other, best = most_like(torch.tensor([[1.0], [2.0], [-1.0], [-1.0]]), torch.tensor([0, 0, 1, 0]))
    >>> own.tolist(), other.tolist(), best.tolist()  # the last one is labeled 0 and lies with label 1
    ([0.0, 0.0, 0.0, -1.0], [-1.0, -1.0, -0.3333333333333333, 1.0], [1, 1, 0, 1])

    Args:
        features: (items, features).
        labels: int64 (items,), of two labels or more.

    Returns:
        Both means, float64 (items,), 0 for the own where no other item has the label; and that label, int64 (items,).
    """
    unit = _unit(features)
    classes = int(labels.max()) + 1
    sums = torch.zeros(classes, unit.shape[1], dtype=torch.float64).index_add_(0, labels, unit)
    counts = torch.bincount(labels, minlength=classes).double().expand(len(unit), -1).clone()
    rows = torch.arange(len(unit))
    products = unit @ sums.T
    products[rows, labels] -= unit.square().sum(1)
    counts[rows, labels] -= 1
    means = torch.where(counts > 0, products / counts.clamp(min=1), -torch.inf)
    own = torch.where(counts[rows, labels] > 0, means[rows, labels], 0.0)
    means[rows, labels] = -torch.inf
    return own, means.amax(1), means.argmax(1)


def _unit(features: Tensor) -> Tensor:
    wide = features.double()
    lengths = torch.linalg.vector_norm(wide, dim=1, keepdim=True)
    found: Tensor = wide / torch.where(lengths > 0, lengths, 1.0)
    return found


def _strongest(kept: Pairs, ones: Tensor, others: Tensor, values: Tensor, most: int, sign: float) -> Pairs:
    """The strongest of what was kept and of some more pairs of one sign."""
    strong = (sign * values > 0).nonzero().squeeze(1)
    strong = strong[(sign * values[strong]).argsort(descending=True, stable=True)[:most]]
    cosines = torch.cat([kept.similarity, values[strong]])
    order = (sign * cosines).argsort(descending=True, stable=True)[:most]
    return Pairs(
        torch.cat([kept.ones, ones[strong]])[order], torch.cat([kept.others, others[strong]])[order], cosines[order]
    )
