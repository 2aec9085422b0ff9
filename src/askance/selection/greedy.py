"""Greedy picks by a product of distances."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from askance.arrays import spans

TOGETHER = 64  # known items whose distances are computed at once


def farthest_product(
    features: Tensor, spaces: Sequence[Tensor], n: int, *, candidates: Tensor, known: Tensor, noise: Tensor
) -> tuple[list[int], list[float]]:
    """Again and again the candidate whose nearest known item, or pick, is farthest by a product of distances.

    Ties go to the candidate that is farther in features, then by noise. Without anything known, the first is the
    candidate nearest to the mean of all candidates' features.

    >>> line = torch.tensor([[0.0], [1.0], [2.0], [9.0]])
    >>> rows = torch.arange(4)
    >>> farthest_product(line, [line], 2, candidates=rows[1:], known=rows[:1], noise=rows / 4)
    ([3, 2], [9.0, 2.0])

    Args:
        features: Decide where products are equal, (items, features).
        spaces: Distances in each are multiplied, (items, ...).
        n: How many, at most as many as there are candidates.
        candidates: Rows that may be picked, int64.
        known: Rows that count as picked already, int64.
        noise: Decides the rest, (items,).

    Returns:
        Rows in the order of picking, and for each the product when it was picked; 0 for a first one.
    """
    near = torch.full((len(candidates),), torch.inf, dtype=torch.float64)
    close = near.clone()
    rows: list[int] = []
    values: list[float] = []
    left = torch.ones(len(candidates), dtype=torch.bool)

    def approach(others: Tensor) -> None:
        apart = _distances(features[candidates], features[others])
        product = torch.ones_like(apart)
        for space in spaces:
            product = product * (apart if space is features else _distances(space[candidates], space[others]))
        torch.minimum(near, product.amin(1), out=near)
        torch.minimum(close, apart.amin(1), out=close)

    for start, stop in spans(len(known), TOGETHER):
        approach(known[start:stop])
    while len(rows) < n:
        if rows or len(known):
            best = near[left].max()
            tied = (left & (near == best)).nonzero().squeeze(1)
            tied = tied[close[tied] == close[tied].max()]
            value = float(best)
        else:
            middle = features[candidates].double().mean(0)
            off = (features[candidates].double() - middle).square().sum(1)
            tied, value = (off == off.min()).nonzero().squeeze(1), 0.0
        place = int(tied[noise[candidates[tied]].argmin()])
        left[place] = False
        rows.append(int(candidates[place]))
        values.append(value)
        if len(rows) < n:
            approach(candidates[place : place + 1])
    return rows, values


def _distances(one: Tensor, two: Tensor) -> Tensor:
    """Distances of pairs, each computed for itself, float64 (one, two)."""
    return torch.cdist(one, two, compute_mode="donot_use_mm_for_euclid_dist").double()
