"""Batches that cover the pool: greedy and lazy, for any way in which one item may stand for another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.kernels.finite import too_large
from askance.selection.base import Ground, Picked, Selector
from askance.selection.order import drawn
from askance.selection.space import Features, Space
from askance.selection.spread import needed

KINDS = ("gauss", "ball", "cosine", "near")

_PIECE = 1 << 17  # numbers of a temporary
_ROWS = 128  # items whose likeness to all points to be covered is computed at once
_SHORT = 1 - 1e-5  # of a width at which another cluster begins: balls have their edges, and what rounding adds to them
_TOGETHER = 32  # candidates whose gains are brought up to date at once


@dataclass(frozen=True)
class Likeness:
    """How well one point stands for another, from 0 to 1 (``near``: a length).

    Args:
        kind: ``gauss``, exp(-|x - x'|^2 / width^2); ``ball``, 1 within the width and 0 beyond; ``cosine``,
            (1 + cos) / 2, 0 for a vector of zeros; ``near``, by how much |x - x'| falls short of the width.
        width: A length.
    """

    kind: str
    width: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("likeness", self.kind, KINDS)
        if not 0 < self.width < float("inf"):
            raise BadInput(f"The width is {self.width}. Give a length above 0.")

    def between(self, one: Tensor, other: Tensor) -> Tensor:
        """Of every pair, (one, other)."""
        if self.kind == "cosine":
            lengths = [torch.linalg.vector_norm(rows, dim=1, keepdim=True) for rows in (one, other)]
            units = [rows / length.clamp_min(1e-30) for rows, length in zip((one, other), lengths, strict=True)]
            there = (lengths[0] > 0) & (lengths[1] > 0).T
            alike: Tensor = ((1 + units[0] @ units[1].T) / 2).clamp_(0, 1) * there
            return alike
        kept = one.dtype
        if self.kind == "near":  # the root of what rounding leaves of a short distance would be far too long
            one, other = one.double(), other.double()
        ends = one.square().sum(1, keepdim=True)
        squared = torch.addmm(other.square().sum(1) + ends, one, other.T, alpha=-2).clamp_(min=0)
        if self.kind == "gauss":
            return squared.div_(-(self.width**2)).exp_()
        if self.kind == "ball":
            return (squared <= self.width**2 * (1 + 1e-6)).to(one.dtype)  # items on the edge are inside
        return (self.width - squared.sqrt_()).clamp_(min=0).to(kept)


@dataclass(frozen=True)
class Covered:
    """A batch and what each pick covered.

    Args:
        rows: Pool rows in the order of picking, int64 (picks,).
        gains: What each covered that was not covered before, float64 (picks,).
        looks: How many gains were computed.
    """

    rows: Tensor
    gains: Tensor
    looks: int


def greedy_cover(
    features: Tensor,
    candidates: Tensor,
    n: int,
    *,
    likeness: Likeness,
    reference: Tensor,
    known: Tensor,
    weights: Tensor | None = None,
    extra: Tensor | None = None,
    discount: float = 1.0,
) -> Covered:
    """Again and again the candidate that covers most of what is not covered yet.

    Maximizes ``sum_r w_r max_s likeness(s, r)`` over the points r to be covered and the known and picked items s, a
    submodular function: gains only fall while the batch grows, so a gain computed earlier is a bound, and only
    candidates whose bound is above the best gain found are looked at again (lazy greedy, Minoux 1978). Ties go to the
    earlier candidate.

    Args:
        features: (items, features).
        candidates: Rows that may be picked, int64; their order decides ties.
        n: How many, at most as many as there are candidates.
        likeness: How well one stands for another.
        reference: The points to be covered, (reference, features).
        known: Points that cover already, (known, features).
        weights: Of the reference, (reference,); all alike if None.
        extra: What each candidate is worth beside what it covers, (candidates,).
        discount: What the cover of known points counts.

    Returns:
        The batch; looks beyond the first look at every candidate stay few.
    """
    kept = torch.float32  # products of pairs are what costs; gains are summed up in it and compared in double
    middle = _middle(reference.to(kept)) if len(reference) and likeness.kind != "cosine" else None

    def placed(points: Tensor) -> Tensor:
        # Around the mean, or a common offset would drown the products that distances are made of.
        return points.to(kept) if middle is None else points.to(kept) - middle

    aims = placed(reference)
    weigh = aims.new_ones(len(aims)) if weights is None else weights.to(aims)
    covered = aims.new_zeros(len(aims))
    step = _ROWS
    for start in range(0, len(known) if len(aims) else 0, step):
        block = likeness.between(placed(known[start : start + step]), aims)
        torch.maximum(covered, block.amax(0) * discount, out=covered)

    def gains(rows: Tensor) -> Tensor:
        block = likeness.between(placed(features[rows]), aims)
        return block.sub_(covered).clamp_(min=0) @ weigh

    more = np.zeros(len(candidates)) if extra is None else extra.double().cpu().numpy()
    bounds = more.copy()
    for start in range(0, len(candidates), step):
        bounds[start : start + step] += gains(candidates[start : start + step]).double().cpu().numpy()
    fresh = np.zeros(len(candidates), dtype=np.int64)  # after how many picks a bound was computed
    picks: list[int] = []
    found: list[float] = []
    looks = len(candidates)
    together = min(_TOGETHER, step)
    while len(picks) < n:
        best = int(bounds.argmax())
        if fresh[best] < len(picks):
            count = min(together, len(bounds))
            top = np.argpartition(-bounds, count - 1)[:count] if count < len(bounds) else np.arange(len(bounds))
            top = np.sort(top[(fresh[top] < len(picks)) & np.isfinite(bounds[top])])
            if best not in top:
                top = np.array([best])
            now = gains(candidates[torch.from_numpy(top)]).double().cpu().numpy() + more[top]
            bounds[top] = np.minimum(now, bounds[top])  # rounding must not raise a bound
            fresh[top] = len(picks)
            looks += len(top)
            continue
        picks.append(best)
        found.append(float(bounds[best]))
        bounds[best] = -np.inf
        new = likeness.between(placed(features[candidates[best]].unsqueeze(0)), aims)[0] if len(aims) else covered
        torch.maximum(covered, new, out=covered)
    return Covered(candidates[torch.tensor(picks, dtype=torch.int64)], torch.tensor(found, dtype=torch.float64), looks)


@dataclass(frozen=True)
class Cover(Selector):
    """Again and again the candidate that covers most of the pool that known items and picks do not.

    The points to be covered are all items of the pool, or so many drawn by a hash of their keys: then what a batch
    covers is an estimate whose error falls with the root of their number. Weights say how much it matters that an item
    is covered.

    Args:
        kind: How one item stands for another, as `Likeness` has it.
        width: A length; None is the median distance between items.
        reference: Points to be covered, at most.

    >>> from askance.seeds import Dice
    >>> rows, line = torch.arange(5), torch.tensor([[0.], [1.], [2.], [8.], [9.]])
    >>> space, dice = Features(line), Dice(0, "ask")
    >>> Cover("ball", width=1.0).pick(1, candidates=rows, known=rows[:0], keys=rows, dice=dice, space=space)
    Picked(rows=tensor([1]), utility=tensor([3.], dtype=torch.float64))
    """

    weighs: ClassVar[bool] = True

    kind: str = "gauss"
    width: float | None = None
    reference: int = 4000

    def __post_init__(self) -> None:
        Likeness(self.kind, 1.0 if self.width is None else self.width)
        if self.reference < 1:
            raise BadInput(f"{type(self).__name__}(reference={self.reference}) covers nothing. Use 1 or more.")

    def choose(self, n: int, ground: Ground) -> Picked:
        """Draw what is to be covered, then greedily cover it."""
        space = points(ground.space, self)
        everyone = torch.arange(len(space), device=space.array.device)
        shown = drawn(everyone, ground.dice.of("reference").uniform(ground.keys), self.reference)
        aims = space.array[shown]
        found = greedy_cover(
            space.array,
            drawn(ground.candidates, ground.dice.of("ties").uniform(ground.keys)),
            n,
            likeness=Likeness(self.kind, self._width(aims, ground)),
            reference=aims,
            known=torch.cat([space.array[ground.known], space.outside]),
            weights=None if ground.weights is None else ground.weights[shown],
        )
        return Picked(found.rows, found.gains)

    def _width(self, aims: Tensor, ground: Ground) -> float:
        return median_distance(aims) if self.width is None else self.width


@dataclass(frozen=True)
class PurestBalls(Cover):
    """`Cover` by balls that are as wide as they may be while nearly all hold items of one cluster alone.

    The rule of ProbCover (Yehuda et al. 2022): with pseudo-labels by k-means, the widest ball for which a share
    ``purity`` of items has none of another cluster within it. That is just below a quantile of the distance to the
    nearest item of another cluster. Both are found on the points to be covered.

    Args:
        purity: The share.
        clusters: How many pseudo-labels; the paper takes the number of classes.
    """

    revision: ClassVar[int] = 2  # balls that are found end before the item of another cluster, not with it

    kind: str = "ball"
    purity: float = 0.95  # Yehuda et al. 2022
    clusters: int = 10

    @classmethod
    def revision_of(cls, fields: Mapping[str, Any]) -> int:
        """The revision of a cover as it is described: one whose width is given has never changed."""
        return cls.revision if fields.get("width") is None else 1

    def _width(self, aims: Tensor, ground: Ground) -> float:
        from askance.selection.kmeans import k_means

        if self.width is not None:
            return self.width
        keys = torch.arange(len(aims), device=aims.device)
        k = min(self.clusters, len(aims))
        labels = k_means(aims, k, keys=keys, dice=ground.dice.of("pseudo-labels")).labels
        apart = nearest_other(aims, labels)
        apart = apart[apart < torch.inf].sort().values
        if not len(apart) or apart[-1] <= 0:
            return median_distance(aims)
        width = float(apart[int((1 - self.purity) * len(apart))]) or float(apart[apart > 0][0])
        return width * _SHORT


def _middle(rows: Tensor) -> Tensor:
    """About the mean: on a grid of powers of two, so that whole numbers stay exact when it is taken off."""
    spread = float(rows.std(0, correction=0).mean())
    grid = 2.0 ** math.floor(math.log2(spread)) if spread > 0 else 1.0
    return (rows.mean(0) / grid).round() * grid


def nearest_other(rows: Tensor, labels: Tensor) -> Tensor:
    """How far the nearest point with another label is from each, (points,); infinite where there is none.

    >>> nearest_other(torch.tensor([[0.], [1.], [3.]]), torch.tensor([0, 0, 1]))
    tensor([3., 2., 2.])
    """
    out = rows.new_empty(len(rows))
    step = max(1, _PIECE // max(1, len(rows)))
    for start in range(0, len(rows), step):
        piece = slice(start, start + step)
        gaps = torch.cdist(rows[piece], rows)
        gaps.masked_fill_(labels[piece].unsqueeze(1) == labels, torch.inf)
        out[piece] = gaps.amin(1)
    return out


def median_distance(rows: Tensor) -> float:
    """The median distance between points, over the first 300 of them; 1 where all are alike."""
    some = rows[:300].double()
    apart = torch.pdist(some)
    if not bool(apart.isfinite().all()):
        raise too_large("A distance")
    apart = apart[apart > 0]
    return float(apart.median()) if len(apart) else 1.0


def points(space: Space | None, selector: Selector) -> Features:
    """The space as points, or an error that says who needs them."""
    space = needed(space, selector)
    if not isinstance(space, Features):
        raise BadInput(
            f"{type(selector).__name__} needs points, and was given a {type(space).__name__}. Let `space` return "
            f"Features."
        )
    return space
