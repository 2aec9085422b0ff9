"""Several criteria in one kernel: quality of items times their likeness, over one item of each cluster."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.seeds import Dice
from askance.selection.kmeans import k_means

_MOST = 2_000  # items that a kernel is taken over, and known items that it is conditioned on
_SAMPLE = 10_000  # items that centers are found on
_BOUND = 3.0  # standard deviations at which a criterion's say ends
_JITTER = 1e-6  # variance of known items: with none, copies could not be conditioned on


def representatives(
    features: Tensor, n: int, each: int, *, candidates: Tensor, first: Tensor, keys: Tensor, dice: Dice
) -> tuple[Tensor, Tensor]:
    """One candidate for each of ``each`` clusters a pick, the nearest to the center.

    Args:
        features: (items, features).
        n: How many will be picked, at least one; there are at least as many representatives.
        each: Clusters for each pick, at least one.
        candidates: Pool rows, int64, ascending.
        first: The row that must be there, and stands first.
        keys: Item keys, int64 (items,).
        dice: The stream that all noise comes from.

    Returns:
        Pool rows, int64 (representatives,), and how many items each stands for, (representatives,).
    """
    count = min(len(candidates), max(n, min(each * n, _MOST)))
    found = k_means(
        features, count, keys=keys, dice=dice.of("clusters"), rows=candidates, iterations=10, sample=_SAMPLE
    )
    labels, distances = found.labels[candidates], found.distances[candidates].clone()
    place = int((candidates == first).nonzero()[0])
    distances[place] = -1
    noise = dice.of("nearest").uniform(keys[candidates])
    order = noise.argsort(stable=True)
    order = order[distances[order].argsort(stable=True)]
    order = order[labels[order].argsort(stable=True)]  # by cluster, then distance, then noise
    starts = torch.ones(len(order), dtype=torch.bool, device=order.device)
    starts[1:] = labels[order][1:] != labels[order][:-1]
    chosen = order[starts]
    sizes = torch.bincount(labels, minlength=count)[labels[chosen]]
    if len(chosen) < n:  # fewer clusters than picks, as copies make
        others = torch.ones(len(candidates), dtype=torch.bool, device=order.device)
        others[chosen] = False
        more = others.nonzero().flatten()
        more = more[noise[more].argsort()][: n - len(chosen)]
        chosen, sizes = torch.cat([chosen, more]), torch.cat([sizes, torch.ones_like(more)])
    ahead = (chosen != place).long().argsort(stable=True)
    return candidates[chosen[ahead]], sizes[ahead]


def kernel(points: Tensor, sizes: Tensor, doubts: Tensor, known: Tensor, doubt: float, typicality: float) -> Tensor:
    """``g_i S_ij g_j``: S a Gaussian of the distance given the known items, g the exponential of both criteria.

    The width is the median distance. Typicality is the mean likeness to the pool, each item standing for its cluster.
    Criteria are standardized, and bounded at three standard deviations.

    Args:
        points: (items, features).
        sizes: How many items of the pool each stands for, (items,).
        doubts: (items,).
        known: Features of known items, (known, features).
        doubt: Exponent of the standardized doubts.
        typicality: Exponent of the standardized typicality.

    Returns:
        float64 (items, items).
    """
    points = points.double()
    apart = _squared(points, points)
    off = apart[~torch.eye(len(apart), dtype=torch.bool, device=apart.device)]
    off = off[off > 0]
    width = float(off.median()) if len(off) else 1.0
    alike = (apart / (-2 * width)).exp()
    typical = alike @ (sizes.double() / sizes.sum())
    quality = (doubt * _standardized(doubts.double()) + typicality * _standardized(typical)).exp()
    if len(known):
        chosen = _nearest(points, known)
        near = (_squared(chosen, points) / (-2 * width)).exp()  # (known, items)
        inner = (_squared(chosen, chosen) / (-2 * width)).exp()
        inner.diagonal().add_(_JITTER)
        half = torch.linalg.solve_triangular(torch.linalg.cholesky(inner), near, upper=False)
        alike = alike - half.T @ half
    return quality.unsqueeze(1) * alike * quality


def conditioned(matrix: Tensor) -> Tensor:
    """Vectors whose inner products are a kernel given that its first item is in the batch, (items, items).

    Args:
        matrix: Positive semidefinite, (items, items).
    """
    first = float(matrix[0, 0])
    if first > 0:
        matrix = matrix - torch.outer(matrix[0], matrix[0]) / first
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    root: Tensor = vectors * values.clamp(min=0).sqrt()
    return root


def _squared(one: Tensor, other: Tensor) -> Tensor:
    return torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist").square_()


def _nearest(points: Tensor, known: Tensor) -> Tensor:
    """The known items nearest to any of the points, if there are too many."""
    if len(known) <= _MOST:
        return known.double()
    pieces = [known[start : start + 1024].double() for start in range(0, len(known), 1024)]
    least = torch.cat([_squared(piece, points).min(1).values for piece in pieces])
    return known[least.topk(_MOST, largest=False).indices].double()


def _standardized(values: Tensor) -> Tensor:
    spread = values.std(correction=0)
    if not bool(spread > 1e-12 * (1 + values.abs().max())):
        return torch.zeros_like(values)
    return ((values - values.mean()) / spread).clamp(-_BOUND, _BOUND)
