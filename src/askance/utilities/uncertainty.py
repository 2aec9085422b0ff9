"""How unsure one set of class probabilities is."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from askance.kernels.scores import scores

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
    return scores(probabilities).least_confidence(probabilities)


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
    return scores(probabilities).margin(probabilities)


def entropy(probabilities: Tensor) -> Tensor:
    """Shannon entropy in nats, with 0 log 0 = 0; from 0, certain, to log of the number of classes.

    >>> entropy(torch.tensor([[.5, .5, .0], [1., 0., 0.]]))
    tensor([0.6931, 0.0000])

    Args:
        probabilities: (items, classes).

    Returns:
        (items,).
    """
    return scores(probabilities).entropy(probabilities)


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


def energy(scores: Tensor) -> Tensor:
    """The free energy of the scores, minus their log-sum-exp; high where no class has a high score.

    Source: Liu et al. 2020, Eq. 4 at temperature 1.

    >>> energy(torch.tensor([[0., 0.], [5., 5.]]))
    tensor([-0.6931, -5.6931])

    Args:
        scores: Before the softmax, (items, classes); with no class nothing is known.

    Returns:
        (items,).
    """
    out = scores.new_zeros(len(scores))
    for piece in _pieces(scores) if scores.shape[1] else ():
        torch.neg(torch.logsumexp(scores[piece], -1), out=out[piece])
    return out


def max_logit(scores: Tensor) -> Tensor:
    """Minus the highest score; high where no class has a high score.

    Source: Hendrycks et al. 2022, the negative of the maximum logit.

    >>> max_logit(torch.tensor([[1., 2.], [-1., -3.]]))
    tensor([-2.,  1.])

    Args:
        scores: Before the softmax, (items, classes); with no class nothing is known.

    Returns:
        (items,).
    """
    return -scores.amax(-1) if scores.shape[1] else scores.new_zeros(len(scores))


def _pieces(probabilities: Tensor) -> Iterator[slice]:
    step = max(1, _PIECE // probabilities.shape[1])
    return (slice(start, start + step) for start in range(0, len(probabilities), step))
