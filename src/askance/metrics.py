"""Metrics: targets and outputs in, a number out."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

Z95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval


def accuracy(right: Tensor) -> float:
    """The share of items that are right.

    Args:
        right: Whether each item is, bool (items,).
    """
    return float(right.double().mean())


def wilson(right: int, items: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval for a share. [wilson1927probable]

    Args:
        right: How many items are right.
        items: Out of how many.
        z: The normal quantile; the default gives 95 %.

    >>> low, high = wilson(8, 10)
    >>> f"{low:.4f} {high:.4f}"
    '0.4902 0.9433'
    """
    share = right / items
    center = share + z * z / (2 * items)
    half = z * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    scale = 1 + z * z / items
    return max(0.0, (center - half) / scale), min(1.0, (center + half) / scale)


BINS = 15  # of the calibration error [guo2017calibration]
PRICES = (0.1, 0.2)  # of abstaining, below one half


def of_classes(probabilities: Tensor, truth: Tensor) -> dict[str, float]:
    """How good class probabilities are, by every measure there is, for items whose classes are known.

    Means over classes leave out those that no item belongs to. Of several likeliest classes the first one is guessed.

    - ``accuracy``: the share of items whose class is the likeliest one.
    - ``balanced accuracy``: that share in each class, averaged over classes.
    - ``worst class accuracy``: that share in the class where it is least.
    - ``macro F1``: 2 hits / (guesses + members) of each class, averaged over classes.
    - ``calibration error``: |share of right guesses - mean probability of the guess| in bins of equal width by that
      probability, averaged over items. [guo2017calibration, Eq. 3]
    - ``Chow error (g)``: what is paid where abstaining costs 1/2 - g and a wrong guess 1, and one abstains where the
      guess is less likely than 1/2 + g. [chow1970optimum]
    - ``coverage (g)``: the share of items where one does not abstain.

    Args:
        probabilities: (items, classes), at least one item.
        truth: The class number of each item, int64 (items,).

    >>> import torch
    >>> found = of_classes(torch.tensor([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]), torch.tensor([0, 1, 1]))
    >>> {name: round(value, 3) for name, value in found.items()}  # doctest: +NORMALIZE_WHITESPACE
    {'accuracy': 0.667, 'balanced accuracy': 0.75, 'worst class accuracy': 0.5, 'macro F1': 0.667,
     'calibration error': 0.367, 'Chow error (0.1)': 0.333, 'coverage (0.1)': 1.0, 'Chow error (0.2)': 0.1,
     'coverage (0.2)': 0.667}
    """
    said, actual = probabilities.detach().cpu().numpy(), truth.cpu().numpy()
    items, classes = said.shape
    guess = said.argmax(1)
    sure = said[np.arange(items), guess].astype(np.float64)
    right = guess == actual
    members, named = np.bincount(actual, minlength=classes), np.bincount(guess, minlength=classes)
    hits = np.bincount(actual[right], minlength=classes)
    there = members > 0
    recall = hits[there] / members[there]
    place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(place, weights=right - sure, minlength=BINS)
    found = {
        "accuracy": float(right.mean()),
        "balanced accuracy": float(recall.mean()),
        "worst class accuracy": float(recall.min()),
        "macro F1": float((2 * hits[there] / (named[there] + members[there])).mean()),
        "calibration error": float(np.abs(gaps).sum() / items),
    }
    for price in PRICES:
        spoken = sure >= 0.5 + price
        paid = (~right & spoken).sum() + (0.5 - price) * (~spoken).sum()
        found[f"Chow error ({price:g})"] = float(paid / items)
        found[f"coverage ({price:g})"] = float(spoken.mean())
    return found
