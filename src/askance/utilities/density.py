"""How much an item has company."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.kernels import distances

_PIECE = 1 << 18  # elements of a temporary, so that it stays in the near cache


def typicality(features: Tensor, clusters: Tensor, rows: Tensor | None = None, neighbors: int = 20) -> Tensor:
    """The inverse of the mean distance to the nearest neighbors in the item's own cluster.

    Source: Hacohen et al. 2022, the definition of typicality.

    As many neighbors count as ``neighbors`` says, but at most half of the cluster and at least one; an item alone in
    its cluster has typicality 0. Memory is linear in the items; time is the sum of rows asked for x cluster size.

    >>> line = torch.tensor([[0.], [1.], [3.], [9.]])
    >>> typicality(line, torch.tensor([0, 0, 0, 1]))       # one neighbor each, at 1, 1, 2 and nowhere
    tensor([1.0000, 1.0000, 0.5000, 0.0000])

    Args:
        features: (items, features).
        clusters: Which cluster each item is in, int64 (items,).
        rows: The items to answer for, int64; all of them if None.
        neighbors: How many neighbors count at most.

    Returns:
        (rows,).
    """
    features = distances.ready(features)
    rows = torch.arange(len(features), device=features.device) if rows is None else rows
    out = features.new_empty(len(rows))
    members = _by_cluster(clusters)
    for cluster, places in _by_cluster(clusters[rows]).items():
        out[places] = distances.typicality(features, rows[places], members[cluster], neighbors)
    return out


def _by_cluster(clusters: Tensor) -> dict[int, Tensor]:
    """The places of each cluster's items, ascending."""
    names, sizes = torch.unique(clusters, return_counts=True)
    places = torch.split(clusters.argsort(stable=True), sizes.tolist())
    return dict(zip(names.tolist(), places, strict=True))


def mean_cosine(features: Tensor, rows: Tensor) -> Tensor:
    """The mean cosine between each item and the items of some rows, in two passes: no pair is looked at.

    Source: Settles & Craven 2008, with the cosine: the mean of cosines is the product with the mean direction.

    >>> mean_cosine(torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), torch.tensor([0, 1]))
    tensor([0.5000, 0.5000, 0.0000])

    Args:
        features: (items, features); a row of zeros has the cosine 0 with all.
        rows: The items that are averaged over, int64.

    Returns:
        (items,).
    """
    step = max(1, _PIECE // max(1, features.shape[1]))
    middle = torch.zeros(features.shape[1], dtype=torch.float64, device=features.device)
    for start in range(0, len(rows), step):
        piece = features[rows[start : start + step]]
        middle += (piece / _lengths(piece)).sum(0, dtype=torch.float64)
    middle = (middle / max(1, len(rows))).to(features)
    out = features.new_empty(len(features))
    for start in range(0, len(features), step):
        piece = features[start : start + step]
        # Not a matrix product: there, items that are alike differ in last bits by where they stand.
        torch.sum(piece * middle, 1, out=out[start : start + step])
        out[start : start + step] /= _lengths(piece).squeeze(1)
    return out


def _lengths(piece: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(piece, dim=1, keepdim=True)
    return lengths.masked_fill_(lengths == 0, 1)
