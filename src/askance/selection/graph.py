"""Picks where a graph of nearest neighbors is dense, and not twice in one place."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.kernels import nearest

_PIECE = 1 << 18  # elements of a temporary


def neighbor_graph(features: Tensor, neighbors: int) -> tuple[Tensor, Tensor]:
    """The edges of a symmetric graph of nearest neighbors, with Gaussian weights.

    Source: Ebert et al. 2012: two items are joined if one is among the nearest of the other, and the weight is
    ``exp(-d^2 / (2 s^2))``. Here d is Euclidean and ``s^2`` the mean squared distance over all edges, so that the unit
    of the features does not matter.

    >>> edges, weights = neighbor_graph(torch.tensor([[0.0], [1.0], [3.0]]), 1)
    >>> edges
    tensor([[0, 1, 1, 2],
            [1, 0, 2, 1]])

    Args:
        features: (items, features).
        neighbors: How many nearest items each is joined to, at most.

    Returns:
        Edges, int64 (2, edges), each in both directions and ascending, and the weight of each, (edges,).
    """
    items = len(features)
    count = min(neighbors, items - 1)
    if count < 1:
        return torch.zeros(2, 0, dtype=torch.int64, device=features.device), features.new_zeros(0)
    near, _ = nearest.neighbors(features, features, count + 1)
    own = near == torch.arange(items, device=near.device).unsqueeze(1)
    own[:, -1] |= ~own.any(1)  # copies may come before the item itself, which is then beyond the last
    near = near[~own].view(items, count)
    starts = torch.arange(items, device=features.device).repeat_interleave(count)
    one_way = starts * items + near.flatten()
    other_way = near.flatten() * items + starts
    joined = torch.unique(torch.cat([one_way, other_way]))
    edges = torch.stack([joined // items, joined % items])
    apart = torch.empty(len(joined), dtype=torch.float64, device=features.device)
    step = max(1, _PIECE // max(1, features.shape[1]))
    for start in range(0, len(joined), step):
        some = edges[:, start : start + step]
        apart[start : start + step] = (features[some[0]] - features[some[1]]).double().square().sum(1)
    width = apart.mean()
    return edges, torch.exp(-apart / (2 * width)) if width > 0 else torch.ones_like(apart)


def dense_and_apart(edges: Tensor, weights: Tensor, known: Tensor, n: int) -> tuple[list[int], list[float]]:
    """Again and again the item of the highest density, which then is taken from the density of its neighbors.

    Source: Ebert et al. 2012: the density of an item is the mean weight of its edges; after a pick i every
    neighbor loses the density that i had. Known items are taken first, by the same rule.

    >>> line = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    >>> dense_and_apart(line, torch.tensor([0.5, 0.5, 1.0, 1.0]), torch.tensor([False, False, False]), 3)
    ([2, 0, 1], [1.0, 0.5, -0.75])

    Args:
        edges: As `neighbor_graph` gives them, (2, edges).
        weights: (edges,).
        known: Whether an item is known, bool (items,).
        n: How many are picked, at most as many as are not known.

    Returns:
        Rows in the order of picking and the density of each when it was picked; ties go to the lower row.
    """
    counts = torch.bincount(edges[0], minlength=len(known))
    density = torch.zeros(len(known), dtype=torch.float64, device=edges.device)
    density.index_add_(0, edges[0], weights.double())
    density /= counts.clamp(min=1)
    ends = counts.cumsum(0).tolist()
    done = torch.zeros_like(known)
    rows: list[int] = []
    values: list[float] = []
    for turn, most in ((known, int(known.sum())), (~known, n)):
        for _ in range(most):
            row = int(torch.where(turn & ~done, density, -torch.inf).argmax())
            value = float(density[row])
            done[row] = True
            neighbors = edges[1, ends[row - 1] if row else 0 : ends[row]]
            density[neighbors] -= value
            if turn is not known:
                rows.append(row)
                values.append(value)
    return rows, values
