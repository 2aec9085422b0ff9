"""Drawing items one by one, by doubt and by distance to those drawn."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.kernels.distances import ready
from askance.kernels.relevance import draw


def by_relevance(
    probabilities: Tensor, doubts: Tensor, n: int, candidates: Tensor, clocks: Tensor, gamma: float
) -> tuple[Tensor, list[float]]:
    """Draw items in proportion to ``(doubt + distance) ** gamma``, the distance scaled to [0, 1] before each draw.

    Source: Gilhuber et al. 2024. The distance is the sum of absolute differences to the nearest item drawn, and to
    begin with the doubt itself. Drawn as a race, as `askance.selection.spread.race` is, so the pool's order cannot
    matter; where nothing is relevant, clocks alone decide.

    Args:
        probabilities: (items, classes).
        doubts: From 0 to 1, (items,).
        n: How many, at most as many as there are candidates.
        candidates: Rows that may be drawn, int64.
        clocks: One standard exponential per item, float64 (items,); run down in place.
        gamma: At least 0.

    Returns:
        Rows in the order they were drawn, int64 (n,), and the relevance of each.
    """
    array, own = ready(probabilities), ready(doubts)
    gaps = torch.full_like(own, -1).index_copy_(0, candidates, own[candidates])
    rows: list[int] = []
    values: list[float] = []
    while len(rows) < n:
        row, value = draw(array, rows[-1] if rows else -1, own, gaps, clocks, gamma)
        if row < 0:
            left = candidates[gaps[candidates] >= 0]
            more = left[clocks[left].argsort(stable=True)][: n - len(rows)].tolist()
            rows, values = rows + more, values + [0.0] * len(more)
        else:
            rows.append(row)
            values.append(value)
    return torch.tensor(rows, dtype=torch.int64, device=candidates.device), values
