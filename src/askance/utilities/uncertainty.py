"""How unsure one set of class probabilities is."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

_PIECE = 1 << 18  # elements of a temporary, so that it stays in the near cache


def least_confidence(probabilities: Tensor) -> Tensor:
    """One minus the probability of the likeliest class; 0 is certain.

    Source: Lewis & Gale 1994.

    >>> least_confidence(torch.tensor([[.5, .5, .0], [.75, .25, .0]]))
    tensor([0.5000, 0.2500])

    Args:
        probabilities: (items, classes).

    Returns:
        (items,).
    """
    return 1 - probabilities.amax(-1)


def margin(probabilities: Tensor) -> Tensor:
    """How torn between the two likeliest classes; 0 is a tie, -1 is certain.

    Source: Scheffer et al. 2001.

    >>> margin(torch.tensor([[.5, .5, .0], [.75, .25, .0]]))
    tensor([ 0.0000, -0.5000])

    Args:
        probabilities: (items, classes); with a single class it is certain.

    Returns:
        (items,).
    """
    if probabilities.shape[1] == 1:
        return -probabilities[:, 0]
    out = probabilities.new_empty(len(probabilities))
    for piece in _pieces(probabilities):
        first, second = probabilities[piece].topk(2).values.unbind(-1)
        torch.sub(second, first, out=out[piece])
    return out


def entropy(probabilities: Tensor) -> Tensor:
    """Shannon entropy in nats, with 0 log 0 = 0; from 0, certain, to log of the number of classes.

    >>> entropy(torch.tensor([[.5, .5, .0], [1., 0., 0.]]))
    tensor([0.6931, 0.0000])

    Args:
        probabilities: (items, classes).

    Returns:
        (items,).
    """
    out = probabilities.new_empty(len(probabilities))
    for piece in _pieces(probabilities):
        torch.sum(torch.special.entr(probabilities[piece]), -1, out=out[piece])
    return out


def mean_margin(probabilities: Tensor) -> Tensor:
    """How torn between yes and no, on average over labels; 0 is a tie everywhere, -1 is certain.

    Source: Esuli & Sebastiani 2009, the average over labels of a binary confidence.

    >>> mean_margin(torch.tensor([[.5, .5], [1., .5]]))
    tensor([ 0.0000, -0.5000])

    Args:
        probabilities: Of each label, (items, labels); with no label nothing is certain.

    Returns:
        (items,).
    """
    out = probabilities.new_zeros(len(probabilities))
    for piece in _pieces(probabilities) if probabilities.shape[1] else ():
        torch.mean((2 * probabilities[piece] - 1).abs_().neg_(), -1, out=out[piece])
    return out


def _pieces(probabilities: Tensor) -> Iterator[slice]:
    step = max(1, _PIECE // probabilities.shape[1])
    return (slice(start, start + step) for start in range(0, len(probabilities), step))
