"""Clusters by average linkage, and taking turns among them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from askance.kernels.agglomeration import average_linkage


def linked(points: Tensor, clusters: int) -> Tensor:
    """A cluster for each point, when the two clusters with the least mean squared distance merge until few are left.

    >>> linked(torch.tensor([[0.], [1.], [9.], [10.]]), 2)
    tensor([0, 0, 1, 1])

    Args:
        points: (points, features); memory is linear and time cubic at worst, so let them be few.
        clusters: How many are left, at least one.

    Returns:
        Numbers from 0, int64 (points,), in the order of each cluster's first point.
    """
    pairs, heights = average_linkage(np.ascontiguousarray(points.double().cpu().numpy()))
    parent = np.arange(len(points))

    def root(point: int) -> int:
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    for merge in np.argsort(heights, kind="stable")[: max(0, len(points) - max(1, clusters))]:
        one, other = root(pairs[merge, 0]), root(pairs[merge, 1])
        parent[max(one, other)] = min(one, other)
    roots = np.array([root(point) for point in range(len(points))], dtype=np.int64)
    return torch.from_numpy(np.unique(roots, return_inverse=True)[1].reshape(-1)).to(points.device)


def round_robin(n: int, clusters: Tensor) -> Tensor:
    """Take items of clusters in turn, the smallest cluster first, until there are n; (n,).

    Source: Citovsky et al. 2021, Algorithm 2.

    >>> round_robin(4, torch.tensor([0, 0, 0, 1, 2, 2]))
    tensor([3, 4, 0, 5])

    Args:
        n: How many; at most as many as there are items.
        clusters: The cluster of each item, int64 (items,). Those of one cluster are taken in their order, and clusters
            of one size in the order of their first items.

    Returns:
        Places of items, int64 (n,).
    """
    _, labels, sizes = torch.unique(clusters, return_inverse=True, return_counts=True)
    order = labels.argsort(stable=True)
    begins = sizes.cumsum(0) - sizes
    turn = torch.empty_like(labels)
    turn[order] = torch.arange(len(labels), device=labels.device) - begins[labels[order]]
    first = order[begins][labels]  # where the first item of its cluster lies
    order = torch.arange(len(labels), device=labels.device)
    for key in (first, sizes[labels], turn):  # sorted by the last one, then the one before it
        order = order[key[order].argsort(stable=True)]
    return order[:n]
