"""What labels of several items would say together: compiled for the CPU, in plain torch for other devices."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from askance.kernels.scores import Array, compiled, growth, times_log

_ZERO, _ONE = np.float32(0), np.float32(1)
_PIECE = 1 << 20  # elements of a temporary of the plain twin
_NEAR = 256  # configurations that are looked at while they are in the nearest cache


def shared_information(own: Tensor, aims: Tensor, weights: Tensor) -> Tensor:
    """What each class of an item shares with all classes of all targets.

    With u the mean over samples of the product of two ratios, one of the item and one of a target, a pair of classes is
    1 + u times as likely as if both were independent, and the sum of (1 + u) log(1 + u) - u, each weighed by what
    independence says, is their mutual information.

    Args:
        own: How far each sample's probability is over the mean, as a share of it, (items, samples, classes).
        aims: The same of the targets, (samples, pairs of a target and a class).
        weights: The mean probability of these, divided by the number of targets, (pairs,).

    Returns:
        (items, classes), still to be weighed by the item's own mean probabilities.
    """
    if own.device.type == "cpu":  # of float64 as well: nothing cancels, and there are pairs without end
        one, two, three = (array.to(torch.float32).contiguous().numpy() for array in (own, aims, weights))
        out = torch.empty(len(own), own.shape[2])
        _shared(one, two, three, out.numpy())
        return out.to(own.dtype)
    return plain_information(own, aims, weights)


def plain_information(own: Tensor, aims: Tensor, weights: Tensor) -> Tensor:
    """The same in torch: the reference, and what runs on other devices."""
    gains = (torch.einsum("isc,sk->ick", own, aims) / own.shape[1]).clamp_(min=-1)
    found: Tensor = (torch.special.xlog1py(1 + gains, gains) - gains) @ weights
    return found


def information_gains(samples: Tensor, beliefs: Tensor, masses: Tensor) -> Tensor:
    """How much the label of each item would say about which sample is right, on average over configurations.

    Args:
        samples: Probabilities of some items, (items, samples, classes).
        beliefs: How likely each sample is in each configuration of labels, (samples, configurations), columns sum to 1.
        masses: How likely each configuration is, (configurations,).

    Returns:
        float64 (items,).
    """
    if samples.device.type == "cpu":  # of float64 as well: sums are of float64 anyway
        out = torch.empty(len(samples), dtype=torch.float64)
        one, two, three = (array.to(torch.float32).contiguous().numpy() for array in (samples, beliefs, masses))
        _gains(one, two, three, out.numpy())
        return out
    return plain_gains(samples, beliefs, masses)


def plain_gains(samples: Tensor, beliefs: Tensor, masses: Tensor) -> Tensor:
    """The same in torch and float64: the reference, and what runs elsewhere."""
    beliefs, masses = beliefs.to(torch.float64), masses.to(torch.float64)
    prior, out = beliefs @ masses, torch.empty(len(samples), dtype=torch.float64, device=samples.device)
    step = max(1, _PIECE // max(1, samples.shape[2] * beliefs.shape[1]))
    for start in range(0, len(samples), step):
        given = samples[start : start + step].to(torch.float64)
        mixed = torch.einsum("isc,sk->ikc", given, beliefs)  # the prediction in each configuration
        unsure = torch.special.entr(mixed).sum(2) @ masses
        out[start : start + step] = unsure - torch.special.entr(given).sum(2) @ prior
    return out.clamp_(min=0)


@compiled
def _shared(own: Array, aims: Array, weights: Array, out: Array) -> None:
    items, count, classes = own.shape
    share, four = _ONE / np.float32(count), count - count % 4
    gains = np.empty(_NEAR, np.float32)
    for start in range(0, len(weights), _NEAR):  # a block of pairs for all items, so that it stays in the near cache
        weight = weights[start : start + _NEAR]
        for i in range(items):
            for label in range(classes):
                for k in range(len(weight)):
                    gains[k] = _ZERO
                for sample in range(0, four, 4):
                    a, b = aims[sample, start : start + _NEAR], aims[sample + 1, start : start + _NEAR]
                    c, d = aims[sample + 2, start : start + _NEAR], aims[sample + 3, start : start + _NEAR]
                    p, q = own[i, sample, label], own[i, sample + 1, label]
                    r, t = own[i, sample + 2, label], own[i, sample + 3, label]
                    for k in range(len(weight)):
                        gains[k] += p * a[k] + q * b[k] + r * c[k] + t * d[k]
                for sample in range(four, count):
                    p, a = own[i, sample, label], aims[sample, start : start + _NEAR]
                    for k in range(len(weight)):
                        gains[k] += p * a[k]
                total = _ZERO
                for k in range(len(weight)):
                    u = gains[k] * share
                    u = u if u > -_ONE else -_ONE  # rounding may say that a pair is less than impossible
                    total += weight[k] * growth(_ONE + u, u)
                out[i, label] = total if start == 0 else out[i, label] + total


@compiled
def _gains(samples: Array, beliefs: Array, masses: Array, out: Array) -> None:
    items, count, classes = samples.shape
    mixed, prior = np.empty(_NEAR, np.float32), np.zeros(count, np.float64)
    for sample in range(count):
        for k in range(len(masses)):
            prior[sample] += beliefs[sample, k] * masses[k]
    for i in range(items):
        total = 0.0
        for sample in range(count):
            inner = 0.0
            for label in range(classes):
                inner += np.float64(times_log(samples[i, sample, label]))
            total += prior[sample] * inner
        for start in range(0, len(masses), _NEAR):
            mass = masses[start : start + _NEAR]
            for label in range(classes):
                for k in range(len(mass)):
                    mixed[k] = _ZERO
                four = count - count % 4  # four samples at once spare three of four trips to the cache
                for sample in range(0, four, 4):
                    a, b = beliefs[sample, start : start + _NEAR], beliefs[sample + 1, start : start + _NEAR]
                    c, d = beliefs[sample + 2, start : start + _NEAR], beliefs[sample + 3, start : start + _NEAR]
                    p, q = samples[i, sample, label], samples[i, sample + 1, label]
                    r, t = samples[i, sample + 2, label], samples[i, sample + 3, label]
                    for k in range(len(mass)):
                        mixed[k] += p * a[k] + q * b[k] + r * c[k] + t * d[k]
                for sample in range(four, count):
                    p, a = samples[i, sample, label], beliefs[sample, start : start + _NEAR]
                    for k in range(len(mass)):
                        mixed[k] += p * a[k]
                unsure = _ZERO
                for k in range(len(mass)):
                    unsure += mass[k] * times_log(mixed[k])
                total -= np.float64(unsure)
        out[i] = max(total, 0.0)
