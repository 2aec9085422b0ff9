"""The most wanted items, as long as no cluster has more than its share."""

from __future__ import annotations

import torch
from torch import Tensor


def within_shares(order: Tensor, clusters: Tensor, shares: Tensor, n: int, counted: Tensor | None = None) -> Tensor:
    """Walk down an order and take an item while its cluster has less than its share of the batch.

    Source: the sampler InfoDiv of the pool benchmark (Zhan et al. 2021). What is then missing comes in the
    same order.

    >>> within_shares(torch.arange(5), torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0.5, 0.5]), 2)
    tensor([0, 3])

    Args:
        order: Items, the most wanted first, int64.
        clusters: The cluster of each entry of ``order``, int64.
        shares: The share of each cluster, summing to 1, (clusters,).
        n: How many are picked, at most as many as there are.
        counted: How many items of each cluster count as picked already, (clusters,).

    Returns:
        int64 (n,).
    """
    before = torch.zeros_like(shares) if counted is None else counted.to(shares)
    allowed = shares * (before.sum() + n) - before  # it may hold less than this before one more is taken
    by_cluster = clusters.argsort(stable=True)
    sizes = torch.bincount(clusters, minlength=len(shares))
    firsts = (sizes.cumsum(0) - sizes)[clusters[by_cluster]]
    taken = torch.empty_like(clusters)
    taken[by_cluster] = torch.arange(len(clusters), device=clusters.device) - firsts  # of its cluster, before it
    fits = taken < allowed[clusters] - 1e-9
    return torch.cat([order[fits][:n], order[~fits]])[:n]
