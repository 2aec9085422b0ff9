"""What a committee whose members are trusted differently thinks of an item."""

from __future__ import annotations

import torch
from torch import Tensor

_PIECE = 1 << 20  # elements of a temporary


def trust(samples: Tensor, labels: Tensor) -> Tensor:
    """How much each member is trusted: its share of labeled items that it gets right, the shares summing to one.

    The softmax of log accuracies. One item right and one wrong are added to each member's count, so that none is
    trusted without limit or not at all.

    >>> trust(torch.tensor([[[0.9, 0.1], [0.1, 0.9]]]), torch.tensor([[1.0, 0.0]]))  # the first is right
    tensor([0.6667, 0.3333], dtype=torch.float64)

    Args:
        samples: Each member's probabilities of labeled items, (labeled, members, classes).
        labels: One-hot or soft, (labeled, classes).

    Returns:
        float64 (members,).
    """
    right = samples.new_zeros(samples.shape[1], dtype=torch.float64)
    if len(samples) and samples.shape[2]:
        right = labels.double().gather(1, samples.argmax(2)).sum(0)
    accuracy = (right + 1) / (len(samples) + 2)
    return accuracy / accuracy.sum()


def doubt(samples: Tensor, weights: Tensor, votes: float = 1.0) -> Tensor:
    """The members' mean entropy, and so many times the entropy of their votes, both by trust.

    Args:
        samples: Probabilities, (items, members, classes).
        weights: Of the members, summing to one, (members,).
        votes: How many times the entropy of votes counts.

    Returns:
        float64 (items,), in nats.
    """
    items, members, classes = samples.shape
    out = weights.new_zeros(items, dtype=torch.float64)
    if not classes:
        return out
    step = max(1, _PIECE // max(1, members * classes))
    for start in range(0, items, step):
        piece = samples[start : start + step].double()
        entropies = -torch.special.xlogy(piece, piece).sum(2)  # (items, members)
        shares = piece.new_zeros(len(piece), classes)
        shares.scatter_add_(1, piece.argmax(2), weights.expand(len(piece), -1))
        out[start : start + step] = entropies @ weights - votes * torch.special.xlogy(shares, shares).sum(1)
    return out
