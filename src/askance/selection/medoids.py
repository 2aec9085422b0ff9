"""Items that stand for all others: k-medoids."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.kernels.finite import too_large
from askance.selection.base import Ground, Picked, Selector
from askance.selection.cover import Likeness, greedy_cover, points
from askance.selection.order import drawn

_PIECE = 1 << 17  # numbers of a temporary


@dataclass(frozen=True)
class Medoids(Selector):
    """The n candidates from which the distance to the nearest is least, summed over the items.

    Kaufman & Rousseeuw 1990: greedily built, then every medoid is moved to the item of its cluster from which the
    others are nearest, until nothing moves (the alternating variant of Park & Jun 2009). In large pools items are
    drawn by a hash of their keys. Weights say how much each item counts. A pick's utility is how many of the items it
    stands for, by weight.

    Args:
        items: Items that medoids are found among and stand for, at most, or four for each pick if that is more.
        iterations: Moves of all medoids, at most.
    """

    weighs: ClassVar[bool] = True

    items: int = 5000
    iterations: int = 30

    def choose(self, n: int, ground: Ground) -> Picked:
        """Build, then move."""
        space = points(ground.space, self)
        rows = drawn(ground.candidates, ground.dice.of("items").uniform(ground.keys), max(self.items, 4 * n))
        shown = space.array[rows]
        weights = shown.new_ones(len(rows)) if ground.weights is None else ground.weights[rows].to(shown)
        reach = 2 * float((shown - shown.mean(0)).square().sum(1).max().sqrt()) + 1e-6
        if not math.isfinite(reach):
            raise too_large("A squared distance")
        places = torch.arange(len(rows), device=rows.device)
        built = greedy_cover(
            shown,
            places,
            n,
            likeness=Likeness("near", reach),
            reference=shown,
            known=shown[:0],
            weights=weights,
        ).rows
        medoids, labels = built, nearest_medoid(shown, built)[0]
        for _ in range(self.iterations):
            moved = torch.stack([_center(shown, weights, medoids, labels, k) for k in range(n)])
            if bool((moved == medoids).all()):
                break
            medoids = moved
            labels = nearest_medoid(shown, medoids)[0]
        counts = torch.zeros(n, dtype=torch.float64, device=rows.device)
        counts.index_add_(0, labels, weights.double())
        best = counts.argsort(descending=True, stable=True)
        return Picked(rows[medoids[best]], counts[best])


def nearest_medoid(shown: Tensor, medoids: Tensor) -> tuple[Tensor, Tensor]:
    """Which medoid is nearest to each item, and how far it is."""
    labels, gaps = medoids.new_empty(len(shown)), shown.new_empty(len(shown))
    step = max(1, _PIECE // max(1, len(medoids)))
    for start in range(0, len(shown), step):
        piece = slice(start, start + step)
        found = torch.cdist(shown[piece], shown[medoids], compute_mode="donot_use_mm_for_euclid_dist").min(1)
        labels[piece], gaps[piece] = found.indices, found.values
    labels[medoids] = torch.arange(len(medoids), device=medoids.device)  # of twins, each stands for itself
    return labels, gaps


def _center(shown: Tensor, weights: Tensor, medoids: Tensor, labels: Tensor, k: int) -> Tensor:
    """The member of a cluster from which the others are nearest; the medoid itself where none is nearer."""
    members = (labels == k).nonzero().squeeze(1)
    cost = shown.new_empty(len(members))
    step = max(1, _PIECE // max(1, len(members)))
    for start in range(0, len(members), step):
        some = members[start : start + step]
        gaps = torch.cdist(shown[some], shown[members], compute_mode="donot_use_mm_for_euclid_dist")
        cost[start : start + step] = gaps @ weights[members]
    own = cost[members == medoids[k]][0]
    return members[int(cost.argmin())] if bool(cost.min() < own * (1 - 1e-6)) else medoids[k]
