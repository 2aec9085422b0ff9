"""What lies near to some items of a study: labeled ones, and unlabeled ones that they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from askance import arrays
from askance.arrays import spans
from askance.kernels.nearest import neighbors
from askance.learners.base import Model
from askance.pool import LABELED, PENDING, UNLABELED
from askance.seeds import Dice
from askance.study.layout import flat
from askance.study.state import State
from askance.task import Targets

MOST = 20_000  # unlabeled items that are looked at for how many an item stands for; of more, a fixed sample
PICTURES = 2_000  # of such that a network has to see first
SPREAD = 2_000  # items that say how far two of the pool typically are apart
_FIRST = 64  # points that items are compared with first; then twice as many each time

Places = Callable[[Tensor], Tensor]  # features of some rows, (rows, features)


@dataclass(frozen=True)
class Neighbor:
    """A labeled item near to another.

    Args:
        id: Its id.
        label: What it was told to be.
        similarity: 1 for the same features, 0 for as far away as two items of the pool typically are, or farther.
        distance: Euclidean.
    """

    id: Any
    label: Any
    similarity: float
    distance: float

    def as_json(self) -> dict[str, Any]:
        """The neighbor as plain values."""
        distance = float(f"{self.distance:.4g}")
        return {"id": self.id, "label": self.label, "similarity": round(self.similarity, 4), "distance": distance}


@dataclass(frozen=True)
class Nearby:
    """What is near to some rows.

    Args:
        apart: How far two items of the pool typically are apart: the root of the mean square.
        labeled: The nearest labeled items of each row, the nearest first.
        stands_for: For each row, how many unlabeled items are nearer to it than to any other asked or labeled one; the
            lower row has what is as near to two.
        about: Whether that was counted on a sample.
    """

    apart: float
    labeled: Mapping[int, tuple[Neighbor, ...]]
    stands_for: Mapping[int, int]
    about: bool


def nearby(state: State, rows: Sequence[int], near: int, model: Model | None = None) -> Nearby | None:
    """What is near to some rows of a study.

    Args:
        state: Of the study.
        rows: Row numbers of the pool.
        near: How many labeled neighbors, at most; 1 or more.
        model: Whose embeddings are taken of items that are no rows of features; None: the items themselves.

    Returns:
        None where items are no arrays.
    """
    items = state.pool.items
    if not isinstance(items, Tensor):
        return None
    seen = items.ndim != 2 and model is not None
    places = _embedded(model, items, state.piece) if seen and model is not None else lambda some: flat(items, some)
    noise = Dice(state.seed, "near").uniform(state.pool.keys)
    own = torch.tensor(sorted(set(rows)), dtype=torch.int64)
    points = places(own)
    apart = _apart(places(_least(torch.arange(len(noise)), noise, SPREAD)))
    free = torch.ones(len(noise), dtype=torch.bool)
    free[own] = False
    others = (((state.sides == LABELED) | (state.sides == PENDING)) & free).nonzero().squeeze(1)
    open_ = ((state.sides == UNLABELED) & free).nonzero().squeeze(1)
    sample = _least(open_, noise, PICTURES if seen else MOST)
    counts = _nearest_to(own, points, _least(others, noise, len(others)), sample, places)
    if len(sample) < len(open_):
        counts = [_about(count * len(open_) / len(sample)) for count in counts]
    return Nearby(
        apart,
        _labeled(state, own, points, near, places, apart),
        dict(zip(own.tolist(), counts, strict=True)),
        len(sample) < len(open_),
    )


def _embedded(model: Model, items: Tensor, size: int) -> Places:
    """The model's embeddings of some rows, in pieces."""

    def places(rows: Tensor) -> Tensor:
        found = []
        for start, stop in spans(len(rows), size):
            with torch.no_grad():
                part = model.outputs(arrays.take(items, rows[start:stop])).embeddings
            assert part is not None
            found.append(part.flatten(1).cpu())
        return torch.cat(found) if found else torch.zeros(0, 1)

    return places


def _least(rows: Tensor, noise: Tensor, most: int) -> Tensor:
    """So many rows of the least noise, in its order; without sorting all others."""
    return rows[noise[rows].topk(min(most, len(rows)), largest=False).indices]


def _apart(points: Tensor) -> float:
    """The root of the mean squared distance between two points."""
    count = len(points)
    return math.sqrt(2 * float(points.double().var(0).sum())) if count > 1 else 0.0


def _labeled(
    state: State, own: Tensor, points: Tensor, near: int, places: Places, apart: float
) -> dict[int, tuple[Neighbor, ...]]:
    """The nearest labeled items of each row, itself left out."""
    labeled, targets, found = state.labeled, state.targets[0], {}
    if not len(labeled):
        return {row: () for row in own.tolist()}
    near_by, gaps = neighbors(points, places(labeled), near + 1)
    for row, which, far in zip(own.tolist(), near_by, gaps.double().tolist(), strict=True):
        others = [(int(at), gap) for at, gap in zip(which, far, strict=True) if int(labeled[at]) != row][:near]
        found[row] = tuple(_neighbor(state, int(labeled[at]), targets[at], gap, apart) for at, gap in others)
    return found


def _neighbor(state: State, row: int, target: Tensor, gap: float, apart: float) -> Neighbor:
    """A labeled row at a squared distance."""
    answer = state.task.answer(target)
    label = answer[0] if isinstance(state.task, Targets) and state.task.n == 1 else answer
    similarity = max(0.0, 1 - gap / apart**2) if apart > 0 else float(gap == 0)
    return Neighbor(state.pool.names([row])[0], label, similarity, math.sqrt(gap))


def _nearest_to(own: Tensor, points: Tensor, others: Tensor, sample: Tensor, places: Places) -> list[int]:
    """How many of a sample are nearer to each of some rows than to any other.

    What is nearer to another one is left out from there on, so that most items are compared with few of the others.
    """
    if not len(sample) or not len(own):
        return [0] * len(own)
    features = places(sample)
    home, gap = (found[:, 0] for found in neighbors(features, points, 1))
    left = torch.arange(len(sample))
    start, step = 0, _FIRST
    while start < len(others) and len(left):
        some = others[start : start + step].sort().values
        nearest, other = (found[:, 0] for found in neighbors(features[left], places(some), 1))
        level = (other == gap[left]) & (some[nearest] < own[home[left]])
        left = left[~((other < gap[left]) | level)]
        start, step = start + step, 2 * step
    return torch.bincount(home[left], minlength=len(own)).tolist()


def _about(count: float) -> int:
    """A count from a sample, to two digits."""
    return int(float(f"{count:.2g}"))
