"""Metrics: targets and outputs in, a number out."""

from __future__ import annotations

import math

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
