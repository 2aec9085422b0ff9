"""k-means in linear memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.kernels.nearest import loops
from askance.seeds import Dice
from askance.selection.space import Features
from askance.selection.spread import race

_PIECE = 1 << 19  # elements of a temporary: 2 MiB of float32, which stays in the cache
_ROUNDED = 1e-5  # what rounding may add to a squared distance from a product, in units of the lengths in it
_BOUNDS = 1 << 24  # numbers that say how far centers are at least: 64 MiB of float32


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
    weights: Tensor | None = None,
    iterations: int = 100,
    tolerance: float = 1e-4,
    sample: int | None = None,
) -> Clusters:
    """Lloyd's algorithm from seeds drawn by squared distance, in linear memory.

    An item is compared with a center only where the triangle inequality leaves open whether it is nearest (Elkan 2003,
    and Ding et al. 2015 where there are many items and centers): what comes out is Lloyd's result.

    An empty cluster moves to the item farthest from its center; it stays empty where no item is off its center, as with
    fewer distinct items than clusters.

    Args:
        features: As `Features` takes them, (items, features).
        k: How many clusters; at least one, and no more than there are rows.
        keys: Item keys, int64 (items,).
        dice: The stream the seeds are drawn from.
        rows: The items to cluster, int64; all of them if None.
        weights: How much each item counts, (items,), at least 0: an item of weight 2 is two items at one place. Seeds
            are drawn by weight times squared distance and centers are weighted means. If all are 0, they count alike.
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
    mass = _mass(weights, rows)
    learned, counted = rows, mass
    if sample is not None and len(rows) > max(sample, 10 * k):
        part = dice.of("sample").uniform(keys[rows]).argsort()[: max(sample, 10 * k)].sort().values
        learned, counted = rows[part], mass[part]
    clocks = dice.of("seeds").exponential(keys)
    if weights is not None:  # a clock of weight w rings at w times the speed; those of weight 0 ring last
        clocks[learned] /= counted.clamp(min=1e-12 * float(counted.max()))
    shift = _mean(features, learned, counted)  # around the mean: a common offset would drown the products below
    centers = features[race(space, k, learned, None, clocks).rows] - shift
    lloyd = _Lloyd(features, learned, counted, shift, centers)
    lloyd.run(iterations, tolerance)
    if len(learned) < len(rows):
        lloyd = _Lloyd(features, rows, mass, shift, lloyd.centers)
    labels, distances = lloyd.labels, lloyd.distances()
    everywhere = torch.full_like(keys, -1).index_copy_(0, rows, labels)
    infinity = features.new_full((len(features),), torch.inf)
    return Clusters(lloyd.centers + shift, everywhere, infinity.index_copy_(0, rows, distances))


def nearest_center(features: Tensor, rows: Tensor, centers: Tensor) -> Tensor:
    """Which of some centers each row is nearest to, by matrix products; int64 (rows,).

    Args:
        features: As `Features` takes them, (items, features).
        rows: int64 (rows,).
        centers: (centers, features).

    Raises:
        BadInput: If a distance is infinite or NaN.
    """
    shift = centers.mean(0, keepdim=True)  # a common offset would drown the products
    moved = centers - shift
    lengths = moved.square().sum(1)
    out = torch.empty_like(rows)
    for piece in _pieces(len(rows), max(centers.shape)):
        points = features[rows[piece]].sub_(shift)
        least, out[piece] = torch.addmm(lengths, points, moved.T, alpha=-2).min(1)
        if not bool(torch.isfinite(least).all()):
            row = int(rows[piece][int((~torch.isfinite(least)).nonzero()[0])])
            raise BadInput(
                f"The squared distance of row {row} to its center is infinite or NaN. Check the features for NaN, and "
                f"scale them down or hand them in as float64."
            )
    return out


class _Lloyd:
    """Centers, and which of them is nearest to each row, kept exactly while the centers move.

    Of every row it knows a distance that its own center is not beyond, and for each group of centers one that no other
    of them is within. While these bounds are apart, nothing needs to be computed for the row.
    """

    def __init__(self, features: Tensor, rows: Tensor, mass: Tensor, shift: Tensor, centers: Tensor) -> None:
        self.features, self.rows, self.mass, self.shift, self.centers = features, rows, mass, shift, centers
        self.loops = loops(features)
        k = len(centers)
        width = -(-k // max(1, min(k, _BOUNDS // len(rows))))  # centers in a group
        self.labels = torch.empty_like(rows)
        self.within = features.new_empty(len(rows))
        self.beyond = features.new_empty(len(rows), -(-k // width))
        self.squares = 0.0  # sum of weighted squared lengths: with the sums, all that the inertia needs
        self.sums = torch.zeros(centers.shape, dtype=torch.float64, device=features.device)
        self.sizes = torch.zeros(k, dtype=torch.float64, device=features.device)
        self._compare(width)
        self._gather(torch.full_like(rows, -1))

    def run(self, iterations: int, tolerance: float) -> None:
        """Move the centers until the inertia falls no more; labels are those of the last centers."""
        before = torch.inf
        for _ in range(iterations):
            empty = (self.sizes <= 0).nonzero().flatten()
            inertia = self.inertia()
            movable = empty[:0]
            if len(empty):
                far = (self.distances().double() * self.mass).topk(min(len(empty), len(self.rows)))
                movable = far.indices[far.values > 0]
            if not inertia < before * (1 - tolerance) and not len(movable):
                break
            before = inertia
            means = (self.sums / self.sizes.clamp(min=1e-300).unsqueeze(1)).to(self.features)
            means[empty] = self.centers[empty]
            means[empty[: len(movable)]] = self.features[self.rows[movable]] - self.shift
            self._move(means)

    def inertia(self) -> float:
        """The weighted sum of squared distances, from the sums alone."""
        centers = self.centers.double()
        cross = float((centers * self.sums).sum())
        own = float((centers.square().sum(1) * self.sizes).sum())
        return max(0.0, self.squares - 2 * cross + own)

    def distances(self) -> Tensor:
        """Squared distance of each row to its center, (rows,)."""
        return self.loops.gaps(self.features, self.rows, self.shift, self.centers, self.labels)

    def _move(self, centers: Tensor) -> None:
        """Put the centers elsewhere, and every row to the nearest again."""
        drift = (centers - self.centers).square().sum(1).sqrt() * (1 + _ROUNDED)
        self.centers, before = centers, self.labels.clone()
        bounds = (drift, _apart(centers) / 2, self.labels, self.within, self.beyond)
        self.loops.settle(self.features, self.rows, self.shift, centers, *bounds)
        self._gather(before)

    def _gather(self, before: Tensor) -> None:
        """Bring sums and sizes of clusters up to date."""
        places = (self.labels != before).nonzero().flatten()
        mass, old, new = self.mass[places], before[places], self.labels[places]
        self.loops.gather(self.features, self.rows[places], self.shift, mass, old, new, self.sums)
        self.sizes.index_put_((new,), mass, accumulate=True)
        self.sizes.index_put_((old[old >= 0],), -mass[old >= 0], accumulate=True)

    def _compare(self, width: int) -> None:
        """Compare all rows with all centers."""
        k, groups = len(self.centers), self.beyond.shape[1]
        lengths = self.centers.square().sum(1)
        for piece in _pieces(len(self.rows), max(self.centers.shape)):
            points = self.features[self.rows[piece]].sub_(self.shift)
            own = torch.linalg.vector_norm(points, dim=1).square_()
            gaps = torch.addmm(lengths, points, self.centers.T, alpha=-2)  # (points, centers), less own lengths
            nearest, self.labels[piece] = gaps.min(1)
            slack = _ROUNDED * (own + lengths.max())
            self.within[piece] = (nearest + own + slack).clamp_(min=0).sqrt_()
            gaps.scatter_(1, self.labels[piece].unsqueeze(1), torch.inf)
            if width > 1:
                gaps = torch.nn.functional.pad(gaps, (0, groups * width - k), value=torch.inf)
                gaps = gaps.view(len(points), groups, width).amin(2)
            torch.sqrt(gaps.add_((own - slack).unsqueeze(1)).clamp_(min=0), out=self.beyond[piece])
            self.squares += float((own.double() * self.mass[piece]).sum())


def _apart(centers: Tensor) -> Tensor:
    """Distance of each center to the next one, less what rounding may have added; (centers,)."""
    out = centers.new_full((len(centers),), torch.inf)
    if len(centers) > 1:
        lengths = centers.square().sum(1)
        slack = _ROUNDED * 2 * lengths.max()
        for piece in _pieces(len(centers), max(centers.shape)):
            gaps = torch.addmm(lengths, centers[piece], centers.T, alpha=-2) + lengths[piece].unsqueeze(1)
            some = torch.arange(len(centers), device=centers.device)[piece]
            gaps.scatter_(1, some.unsqueeze(1), torch.inf)
            out[piece] = (gaps.amin(1) - slack).clamp_(min=0).sqrt_()
    return out


def _mass(weights: Tensor | None, rows: Tensor) -> Tensor:
    """How much each row counts, float64; at most 1, not all 0, and in steps that add and subtract without rounding."""
    ones = torch.ones(len(rows), dtype=torch.float64, device=rows.device)
    if weights is None:
        return ones
    mass = weights[rows].double()
    most = float(mass.max())
    step = 2.0 ** (frexp(most)[1] - 30)
    return (mass / step).round() * step if most > 0 else ones


def _mean(features: Tensor, rows: Tensor, mass: Tensor) -> Tensor:
    total = torch.zeros(1, features.shape[1], dtype=torch.float64, device=features.device)
    nothing, one = torch.zeros_like(features[0]), torch.zeros_like(rows)
    loops(features).gather(features, rows, nothing, mass, one - 1, one, total)
    return (total[0] / mass.sum()).to(features.dtype)


def _pieces(items: int, width: int) -> list[slice]:
    step = max(1, _PIECE // max(1, width))
    return [slice(start, start + step) for start in range(0, items, step)]
