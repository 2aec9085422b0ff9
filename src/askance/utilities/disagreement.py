"""How much several beliefs about one item differ, and what that says about the rest."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from askance.kernels.joint import shared_information
from askance.kernels.scores import scores
from askance.utilities.uncertainty import entropy

_PIECE = 1 << 18  # elements of a temporary, so that it stays in the near cache
_UNIT = 2.0**40  # what vote entropies are whole multiples of, so that equal shares of votes tie exactly


def bald(samples: Tensor) -> Tensor:
    """The mutual information of an item's class and the model: what its label would say about who is right.

    The entropy of the mean belief minus the mean entropy, computed as the mean divergence from the mean belief, which
    is the same and exactly 0 where all samples agree.

    Source: Houlsby et al. 2011, Eq. 2.

    >>> bald(torch.tensor([[[1., 0.], [0., 1.]], [[.5, .5], [.5, .5]]]))   # sure and split; unsure and agreed
    tensor([0.6931, 0.0000])

    Args:
        samples: Probabilities, (items, samples, classes); a view of (samples, items, classes) is read where it lies.

    Returns:
        (items,).
    """
    return scores(samples).bald(samples) if samples.shape[-1] else samples.new_zeros(len(samples))


def mean_std(samples: Tensor) -> Tensor:
    """The standard deviation over samples of a class's probability, on average over classes.

    Source: Kampffmeyer et al. 2016; the deviation is that of the samples themselves, divided by their number.

    >>> mean_std(torch.tensor([[[1., 0.], [0., 1.]], [[.5, .5], [.5, .5]]]))
    tensor([0.5000, 0.0000])

    Args:
        samples: Probabilities, (items, samples, classes).

    Returns:
        (items,).
    """
    out = samples.new_zeros(len(samples))
    for piece in _pieces(samples) if samples.shape[-1] else ():
        given = samples[piece]
        base = given[:, :1]
        apart = given - (base + (given - base).mean(1, keepdim=True))  # exactly 0 where all samples agree
        torch.mean(apart.square_().mean(1).sqrt_(), -1, out=out[piece])
    return out


def consensus_entropy(samples: Tensor) -> Tensor:
    """The entropy in nats of the samples' mean belief.

    >>> consensus_entropy(torch.tensor([[[1., 0.], [0., 1.]], [[1., 0.], [1., 0.]]]))
    tensor([0.6931, 0.0000])

    Args:
        samples: Probabilities, (items, samples, classes).

    Returns:
        (items,).
    """
    out = samples.new_zeros(len(samples))
    for piece in _pieces(samples) if samples.shape[-1] else ():
        out[piece] = entropy(samples[piece].mean(1))
    return out


def variation_ratio(votes: Tensor) -> Tensor:
    """The share of votes that did not go to the class with the most of them.

    Source: Freeman 1965; Gal et al. 2017 for stochastic passes.

    >>> variation_ratio(torch.tensor([[0, 0, 1, 2], [1, 1, 1, 1]]))
    tensor([0.5000, 0.0000])

    Args:
        votes: Class numbers, int64 (items, members).

    Returns:
        (items,).
    """
    out = torch.zeros(len(votes), device=votes.device)
    for piece, counts in _counts(votes):
        out[piece] = 1 - counts.amax(1) / votes.shape[1]
    return out


def vote_entropy(votes: Tensor) -> Tensor:
    """The entropy in nats of the shares of votes.

    Source: Dagan & Engelson 1995, without their division by a constant.

    >>> vote_entropy(torch.tensor([[0, 1], [1, 1]]))
    tensor([0.6931, 0.0000])

    Args:
        votes: Class numbers, int64 (items, members).

    Returns:
        (items,).
    """
    members = votes.shape[1]
    shares = torch.arange(members + 1, dtype=torch.float64, device=votes.device) / members
    table = (torch.special.entr(shares) * _UNIT).round().long()
    out = torch.zeros(len(votes), device=votes.device)
    for piece, counts in _counts(votes):
        out[piece] = table[counts].sum(1).double().div(_UNIT).float()
    return out


def epig(samples: Tensor, targets: Tensor) -> Tensor:
    """The mutual information of an item's class and a target's, on average over targets.

    What a label would say about the predictions that matter, where `bald` asks what it would say about the model.

    Source: Bickford Smith et al. 2023, Eq. 5, with the joint belief estimated by the mean over samples of the products.

    >>> split = torch.tensor([[[1., 0.], [0., 1.]]])
    >>> epig(split, torch.cat([split, torch.full((1, 2, 2), .5)]))      # tells all of one target, nothing of the other
    tensor([0.3466])

    Args:
        samples: Probabilities, (items, samples, classes).
        targets: Those of the same samples at the targets, (targets, samples, classes).

    Returns:
        (items,).
    """
    items, count, classes = samples.shape
    out = samples.new_zeros(items)
    if not classes or not len(targets):
        return out
    ratios, shares = _ratios(targets)
    aims = ratios.transpose(0, 1).reshape(count, -1)  # (samples, targets x classes)
    weights = shares.reshape(-1) / len(targets)
    if samples.device.type == "cpu":
        aims, weights = aims.float(), weights.float()  # once, not for every piece
    step = max(1, _PIECE // max(count * classes, aims.shape[1] * classes * (samples.device.type != "cpu")))
    for start in range(0, items, step):
        own, shares = _ratios(samples[start : start + step])
        out[start : start + step] = (shared_information(own, aims, weights) * shares).sum(1)
    return out


def _ratios(samples: Tensor) -> tuple[Tensor, Tensor]:
    """How far each sample's probability is over the mean, as a share of it, like the samples; and the mean.

    Zero where the mean is zero, and exactly zero where all samples agree.
    """
    base = samples[:, :1]
    mean = base + (samples - base).mean(1, keepdim=True)
    return torch.where(mean > 0, (samples - mean) / mean, samples - mean), mean.squeeze(1)


def _counts(votes: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """How many votes each class has, int64 (items, classes), piece by piece."""
    classes = int(votes.max()) + 1 if votes.numel() else 0
    step = max(1, _PIECE // max(1, classes, votes.shape[1]))
    one = torch.ones(1, 1, dtype=torch.int64, device=votes.device)
    for start in range(0, len(votes) if classes else 0, step):
        piece = slice(start, start + step)
        given = votes[piece]
        counts = given.new_zeros(len(given), classes)
        yield piece, counts.scatter_add_(1, given, one.expand_as(given))


def _pieces(samples: Tensor) -> Iterator[slice]:
    step = max(1, _PIECE // max(1, samples[:1].numel()))
    return (slice(start, start + step) for start in range(0, len(samples), step))
