"""k-means in linear memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.seeds import Dice
from askance.selection.space import Features
from askance.selection.spread import race

_PIECE = 1 << 21  # elements of a temporary: 8 MiB of float32


@dataclass(frozen=True)
class Clusters:
    """What k-means found. Labels and distances span the pool.

    Args:
        centers: (clusters, features).
        labels: Each item's cluster, int64 (items,); -1 for items that were left out.
        distances: Each item's squared distance to its center, (items,); infinite for items that were left out.
    """

    centers: Tensor
    labels: Tensor
    distances: Tensor


def k_means(
    features: Tensor,
    k: int,
    *,
    keys: Tensor,
    dice: Dice,
    rows: Tensor | None = None,
    iterations: int = 100,
    tolerance: float = 1e-4,
    sample: int | None = None,
) -> Clusters:
    """Lloyd's algorithm from seeds drawn by squared distance, in linear memory.

    An empty cluster moves to the item farthest from its center; it stays empty where no item is off its center, as with
    fewer distinct items than clusters.

    Args:
        features: As `Features` takes them, (items, features).
        k: How many clusters; at least one, and no more than there are rows.
        keys: Item keys, int64 (items,).
        dice: The stream the seeds are drawn from.
        rows: The items to cluster, int64; all of them if None.
        iterations: At most so many.
        tolerance: Stop when an iteration lowers the inertia by less than this share.
        sample: Find the centers on at most so many items, or ten for each cluster if that is more, drawn uniformly by
            a hash of their keys; then every item goes to its nearest center. None is for all.

    Returns:
        Centers, labels and distances that belong together.

    Raises:
        BadInput: ``k`` is out of range, or distances are infinite or NaN.
    """
    space = Features(features)
    features = space.array
    rows = torch.arange(len(features), device=features.device) if rows is None else rows
    if not 1 <= k <= len(rows):
        raise BadInput(f"Cannot make {k} clusters of {len(rows)} items. Ask for 1 to {len(rows)}.")
    everyone = rows
    if sample is not None and len(rows) > max(sample, 10 * k):
        rows = rows[dice.of("sample").uniform(keys[rows]).argsort()[: max(sample, 10 * k)]].sort().values
    clocks = dice.of("seeds").exponential(keys)
    shift = _mean(features, rows)  # work around the mean: a common offset would drown the products below
    centers = features[race(space, k, rows, None, clocks).rows] - shift
    before = torch.inf
    for _ in range(iterations):
        labels, distances, sums, sizes = _assign(features, rows, centers, shift)
        empty = (sizes == 0).nonzero().flatten()
        far = distances.topk(len(empty))
        movable = far.values > 0
        inertia = float(distances.sum(dtype=torch.float64))
        if inertia >= before * (1 - tolerance) and not bool(movable.any()):
            break
        before = inertia
        centers = (sums / sizes.clamp(min=1).unsqueeze(1)).to(features.dtype)  # (clusters, features)
        centers[empty[movable]] = features[rows[far.indices[movable]]] - shift
    else:
        labels, distances, _, _ = _assign(features, rows, centers, shift)
    if len(rows) < len(everyone):
        labels, distances, _, _ = _assign(features, everyone, centers, shift)
    everywhere = torch.full_like(keys, -1).index_copy_(0, everyone, labels)
    infinity = features.new_full((len(features),), torch.inf)
    return Clusters(centers + shift, everywhere, infinity.index_copy_(0, everyone, distances))


def _assign(features: Tensor, rows: Tensor, centers: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Label and squared distance of each row, float64 sums and sizes of each cluster."""
    k, width = centers.shape
    labels = torch.empty_like(rows)
    distances = features.new_empty(len(rows))
    sums = torch.zeros(k, width, dtype=torch.float64, device=features.device)
    lengths = centers.square().sum(1)
    for piece in _pieces(len(rows), max(k, width)):
        points = features[rows[piece]] - shift
        torch.argmin(torch.addmm(lengths, points, centers.T, alpha=-2), 1, out=labels[piece])  # (points, clusters)
        distances[piece] = (points - centers[labels[piece]]).square_().sum(1)
        # Unlike index_add_, this adds in a fixed order on every device.
        sums.index_put_((labels[piece],), points.double(), accumulate=True)
    return labels, distances, sums, torch.bincount(labels, minlength=k)


def _mean(features: Tensor, rows: Tensor) -> Tensor:
    total = torch.zeros(features.shape[1], dtype=torch.float64, device=features.device)
    for piece in _pieces(len(rows), features.shape[1]):
        total += features[rows[piece]].sum(0, dtype=torch.float64)
    return (total / len(rows)).to(features.dtype)


def _pieces(items: int, width: int) -> list[slice]:
    step = max(1, _PIECE // max(1, width))
    return [slice(start, start + step) for start in range(0, items, step)]
