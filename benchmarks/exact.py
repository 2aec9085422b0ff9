"""Whether a selection is what its definition says, checked in float64 on pools too large for the full matrix."""

from __future__ import annotations

import numpy as np

from benchmarks import workload


def k_center(size: str, items: int, n: int) -> float:
    """How far the worst pick of k-center falls behind the farthest candidate there was, as a share of its distance.

    The picks are followed one by one, so two candidates within rounding of each other may change places.

    Args:
        size: A workload.
        items: How many of its rows make the pool.
        n: How many are picked, after as many labeled ones.

    Returns:
        0 if every pick is the farthest candidate in float64.
    """
    from askance import select

    points = workload.load(size).embeddings
    pool, known = points[n : n + items], points[:n]
    exact = pool.astype(np.float64)
    nearest = np.full(len(pool), np.inf)
    for center in known.astype(np.float64):
        np.minimum(nearest, ((exact - center) ** 2).sum(1), out=nearest)
    behind = 0.0
    for row in np.asarray(select("k-center", n, embeddings=pool, labeled_embeddings=known)):
        behind = max(behind, 1 - nearest[row] / nearest.max())
        np.minimum(nearest, ((exact - exact[row]) ** 2).sum(1), out=nearest)
    return float(behind)
