"""Greedy picks by a product of distances."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from askance.kernels.product_distances import Race


def farthest_product(
    features: Tensor,
    numbers: Tensor,
    n: int,
    *,
    candidates: Tensor,
    known: Tensor,
    noise: Tensor,
    inputs: bool = True,
    outputs: bool = True,
) -> tuple[list[int], list[float]]:
    """Again and again the candidate whose nearest known item, or pick, is farthest by a product of distances.

    Ties go to the candidate that is farther in features, then by noise. Without anything known, the first is the
    candidate nearest to the mean of all candidates' features.

    >>> line = torch.tensor([[0.0], [1.0], [2.0], [9.0]])
    >>> rows = torch.arange(4)
    >>> farthest_product(line, line, 2, candidates=rows[1:], known=rows[:1], noise=rows / 4)
    ([3, 2], [81.0, 4.0])

    Args:
        features: (items, features).
        numbers: (items, numbers).
        n: How many, at most as many as there are candidates.
        candidates: Rows that may be picked, int64.
        known: Rows that count as picked already, int64.
        noise: Decides the rest, (items,).
        inputs: Whether distances in features are a factor.
        outputs: Whether distances in numbers are one.

    Returns:
        Rows in the order of picking, and for each the product when it was picked; 0 for a first one.
    """
    race = Race(features, numbers, inputs=inputs, outputs=outputs, candidates=candidates, noise=noise)
    points = np.concatenate([known.cpu().numpy(), np.zeros(n, dtype=np.int64)])
    values: list[float] = []
    for count in range(len(known), len(known) + n):
        place, value = race.farthest(points[:count]) if count else (race.central(), 0.0)
        points[count] = race.take(place)
        values.append(value)
    return points[len(known) :].tolist(), values
