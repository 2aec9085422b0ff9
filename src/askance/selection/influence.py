"""Batches whose members' gradients speak of each other: added for what they do together, or set apart."""

from __future__ import annotations

import torch
from torch import Tensor

_PIECE = 1 << 20  # elements of a temporary


def greedy_influence(
    scores: Tensor, left: Tensor, right: Tensor, n: int, *, each: float, candidates: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """Again and again the candidate with the highest score plus ``each`` times its products with the picks.

    >>> one = torch.ones(3, 1)
    >>> greedy_influence(torch.tensor([3., 2., 1.]), one, torch.tensor([[1.], [-1.], [1.]]), 2, each=2.0,
    ...     candidates=torch.arange(3), noise=torch.zeros(3))
    (tensor([0, 2]), tensor([3., 3.], dtype=torch.float64))

    Args:
        scores: Of each item alone, (items,).
        left: A factor of its gradient, (items, classes).
        right: The other factor, (items, features).
        n: How many, at most as many as there are candidates.
        each: What the inner product with a pick counts.
        candidates: Rows that may be picked, int64.
        noise: Decides ties, (items,).

    Returns:
        Rows in the order of picking, int64, and their scores when they were picked, float64.
    """
    values = torch.full((len(scores),), -torch.inf, dtype=torch.float64, device=scores.device)
    values[candidates] = scores[candidates].double()
    rows: list[int] = []
    found: list[float] = []
    for _ in range(n):
        best = values.max()
        tied = (values == best).nonzero().squeeze(1)
        row = int(tied[noise[tied].argmin()])
        rows.append(row)
        found.append(float(best))
        values[row] = -torch.inf
        if len(rows) < n:
            add_products(values, left, right, row, each)
    return candidates.new_tensor(rows), torch.tensor(found, dtype=torch.float64)


def add_products(values: Tensor, left: Tensor, right: Tensor, row: int, each: float) -> None:
    """Add ``each`` times the inner product of every item's outer product with that of one row, in place."""
    step = max(1, _PIECE // max(1, left.shape[1], right.shape[1]))
    for start in range(0, len(values), step):
        piece = slice(start, start + step)
        values[piece] += each * ((left[piece] @ left[row]) * (right[piece] @ right[row])).double()
