"""A place in the plane for each item, for a map of the pool that does not move when labels come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from askance import arrays
from askance.arrays import spans
from askance.errors import BadInput
from askance.kernels.nearest import neighbors
from askance.look import threads
from askance.pool import UNLABELED, Pool
from askance.seeds import Dice
from askance.selection.order import drawn
from askance.selection.space import principal
from askance.study.study import Study

MOST = 20_000  # points of a map
GROWN = 4  # a map rests on the items of the first file until the pool is more than so many times as large
COMPONENTS = 50  # of principal components, which distances are taken in
SAMPLE = 10_000  # items that the components are found on
WIDE = 1_500  # features; of more, the components are found at random, as the exact ones would take minutes
NUMBERS = 1_024  # that an item of several axes, such as a picture, is averaged down to

LANDMARKS = 2_000  # items laid out by their neighbors; the others follow them
STEPS = 500
ANGLE = 0.8  # of Barnes and Hut: a fifth faster than 0.5 and as trustworthy
PERPLEXITY = 30.0
SHARE = 0.75  # of the items are landmarks, at most: layouts are compared on others alone, as landmarks flatter theirs
JUDGED = 1_500  # so many, at most
FEW = 30  # of fewer, nothing is to be seen, and two components stay
BY_NEIGHBORS = 10  # of each item, when layouts are compared; of few items a twentieth
BETTER = 0.25  # of what the plain layout lacks in trustworthiness, a layout by neighbors must bring so much
LEAST = 0.01  # and at least this

NEAREST = 10  # landmarks that place an item
REACH = 3.0  # how far from the nearest landmark another may lie and count, in units of a landmark's neighborhood
_EDGES = (0.002, 0.998)  # what the map spans of the items it rests on: one outlier must not squeeze all others
_MARGIN = 0.04  # of the map's width, on both sides together
_ROWS = 4_096  # projected at once


@dataclass(frozen=True, eq=False)
class Chart:
    """What a map rests on: it says where any item lies, whatever else is shown.

    Args:
        method: ``pca``, two principal components; ``tsne``, places by the nearest landmarks of a t-SNE.
        key: Names what it was made of; a chart with the same key gives the same places.
        middle: Mean of the features, float64 (features,).
        directions: The principal components, float64 (features, components).
        landmarks: Where the landmarks lie in them, (landmarks, components); of ``tsne`` alone.
        spots: Their places in the plane, (landmarks, 2).
        radius: How far in the plane the neighbors of a landmark lie.
        center: The middle of the map before it is scaled, (2,).
        width: What is one on the map, before it is scaled.
        trusted: The trustworthiness of two components, and of what was taken; None where it was not measured.
    """

    method: str
    key: str
    middle: Tensor
    directions: Tensor
    landmarks: Tensor
    spots: Tensor
    radius: float = 0.0
    center: Tensor = field(default_factory=lambda: torch.zeros(2))
    width: float = 0.0
    trusted: tuple[float, float] | None = None

    def places(self, items: Any, rows: Tensor) -> Tensor:
        """Where some items lie, from 0 to 1, (rows, 2); what lies outside of the map is put on its edge."""
        found = self.raw(_projected(items, rows, self.middle, self.directions))
        if not self.width > 0:
            return torch.full_like(found, 0.5)
        return ((found - self.center) / self.width + 0.5).clamp_(0, 1)

    def raw(self, points: Tensor) -> Tensor:
        """Places before they are scaled, of points given by their components, (points, 2)."""
        if self.method == "pca":
            return torch.nn.functional.pad(points[:, :2], (0, max(0, 2 - points.shape[1])))
        return _beside(points, self.landmarks, self.spots, self.radius)


@dataclass(frozen=True, eq=False)
class Layout:
    """Points of a map.

    Args:
        ids: Whose they are.
        x: From 0 to 1, (points,).
        y: From 0 to 1, (points,); both axes have the same unit.
        method: How they were placed: ``pca``, ``tsne``, or ``none`` where items have no features and there is no map.
        items: How many items the pool has.
        chart: What the places come from; hand it in as ``before`` to place other points of the same map.
    """

    ids: Sequence[Any]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    method: str
    items: int
    chart: Chart | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def as_json(self) -> dict[str, Any]:
        """The points as plain values, places to four digits."""
        trusted = self.chart.trusted if self.chart is not None else None
        return {
            "method": self.method,
            "ids": list(self.ids),
            "x": self.x.round(4).tolist(),
            "y": self.y.round(4).tolist(),
            "items": self.items,
            "trust": trusted and {"pca": round(trusted[0], 3), "taken": round(trusted[1], 3)},
        }


def layout(study: Study, most: int = MOST, *, fast: bool = False, before: Layout | None = None) -> Layout:
    """A map of a study's pool: all that was asked or labeled, and a uniform sample of the rest.

    Where an item lies hangs on the study's seed and on the features of the items that were there at first, and on
    nothing else: no label moves a point, and new items come between the old ones. When the pool has grown to more than
    four times of what a map rests on, it is drawn anew.

    Args:
        study: Whose pool; nothing is fitted to it and nothing is written.
        most: How many points, at most.
        fast: Leave it at two principal components, which takes a second.
        before: An earlier layout of this study, in this process: what it rests on is not computed again.

    Raises:
        BadInput: If ``most`` is under 1.
    """
    if most < 1:
        raise BadInput(f"A map of {most} points shows nothing. Use 1 or more.")
    study.refresh()
    state = study.state
    pool = state.pool
    if not isinstance(pool.items, Tensor):
        return Layout([], np.zeros(0), np.zeros(0), "none", len(pool))
    shown = _shown(state.sides != UNLABELED, Dice(state.seed, "map").uniform(pool.keys), most)
    with threads(state.threads):
        chart = charted(pool, _base(study), state.seed, fast=fast, before=before.chart if before is not None else None)
        places = chart.places(pool.items, shown).double().numpy()
    return Layout(pool.names(shown), places[:, 0], places[:, 1], chart.method, len(pool), chart)


def charted(pool: Pool, base: int, seed: int, *, fast: bool = False, before: Chart | None = None) -> Chart:
    """What a map of a pool rests on: its principal components, and a layout by neighbors where that is clearly better.

    Two components are compared with t-SNE (van der Maaten & Hinton 2008) by the trustworthiness of both on items that
    are no landmarks.

    Args:
        pool: The items; an array.
        base: It rests on so many of the first items, or on a sample of them, drawn by a hash of their keys.
        seed: Seed of the sample and of the layout.
        fast: Two principal components in any case.
        before: A chart that is given back if it would be the same.
    """
    order = drawn(torch.arange(base), Dice(seed, "map").uniform(pool.keys[:base]), SAMPLE)
    features = flat(pool.items, order)
    seen = blake2b(features.contiguous().numpy().tobytes(), digest_size=12).hexdigest()
    key = f"{seed} {base} {seen}{' fast' if fast else ''}"
    if before is not None and before.key == key:
        return before
    middle, directions = _components(features, seed)
    nothing = torch.zeros(0, 2)
    plain = Chart("pca", key, middle, directions, nothing, nothing)
    points = _projected(pool.items, order, middle, directions)
    found = plain if fast else _by_neighbors(plain, points, seed)
    return _scaled(found, points)


def flat(items: Tensor, rows: Tensor) -> Tensor:
    """Features of some items of any shape, floating point, (rows, features); pictures are averaged down if large."""
    part: Tensor = arrays.take(items, rows).cpu()
    part = part if part.dtype in (torch.float32, torch.float64) else part.float()
    if part.ndim == 2:
        return part
    part = part.reshape(len(part), -1)
    if part.shape[1] > NUMBERS:
        pooled: Tensor = torch.nn.functional.adaptive_avg_pool1d(part.unsqueeze(1), NUMBERS)
        return pooled.squeeze(1)
    return part


def _base(study: Study) -> int:
    """How many of the first items a map rests on: what was offered at first, unless that is too small a part by now."""
    base = items = 0
    for line in study.lines():
        if line.kind == "offered" and line.number <= study.state.line:
            items += line.body["items"]
            base = items if items > GROWN * base else base
    return base


def _shown(known: Tensor, noise: Tensor, most: int) -> Tensor:
    """Rows of a map, ascending: those known and others by their noise, or some of those known if they are too many."""
    rows = known.nonzero().squeeze(1)
    if len(rows) > most:
        return drawn(rows, noise, most).sort().values
    others = drawn((~known).nonzero().squeeze(1), noise, most - len(rows))
    return torch.cat([rows, others]).sort().values


def _components(features: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The mean of some features and their main directions, float64 (features,) and (features, components)."""
    count = min(COMPONENTS, features.shape[1])
    if not count:
        return torch.zeros(0, dtype=torch.float64), torch.zeros(0, 0, dtype=torch.float64)
    if features.shape[1] <= WIDE:
        return principal(features, count)
    from sklearn.utils.extmath import randomized_svd

    middle = features.mean(0, dtype=torch.float64)
    centered = (features - middle.to(features)).numpy()
    _, _, directions = randomized_svd(
        centered, min(count, len(centered)), random_state=Dice(seed, "map").key % (1 << 31)
    )
    return middle, torch.from_numpy(directions).double().T


def _projected(items: Tensor, rows: Tensor, middle: Tensor, directions: Tensor) -> Tensor:
    """Principal components of some items, float32 (rows, components).

    They are computed in double precision, so that the other rows of a product leave no trace in what is kept.
    """
    out = torch.empty(len(rows), directions.shape[1])
    for start, stop in spans(len(rows), _ROWS):
        out[start:stop] = ((flat(items, rows[start:stop]).double() - middle) @ directions).float()
    return out


def _by_neighbors(plain: Chart, points: Tensor, seed: int) -> Chart:
    """A chart by neighbors if it is clearly more trustworthy than the plain one, which is given back else."""
    count = min(LANDMARKS, int(SHARE * len(points)))
    landmarks, judged = points[:count], points[count : count + JUDGED]
    if points.shape[1] < 3 or len(judged) < FEW or not float(landmarks[:, 0].std()) > 0:
        return plain
    spots = _spread(landmarks, seed)
    radius = float(neighbors(spots, spots, 6)[1][:, 5].sqrt().median())
    found = Chart("tsne", plain.key, plain.middle, plain.directions, landmarks, spots, radius)
    before, after = (_trust(judged, chart.raw(judged)) for chart in (plain, found))
    if after - before < max(LEAST, BETTER * (1 - before)):
        return replace(plain, trusted=(before, before))
    return replace(found, trusted=(before, after))


def _spread(points: Tensor, seed: int) -> Tensor:
    """A t-SNE of some points, begun at their first two components, (points, 2)."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    points = points / points[:, 0].std()  # which changes nothing but what would underflow
    made = TSNE(
        init=(1e-4 * points[:, :2]).numpy(),
        perplexity=min(PERPLEXITY, (len(points) - 1) / 3),
        max_iter=STEPS,
        angle=ANGLE,
        random_state=Dice(seed, "map").key % (1 << 31),
    )
    with threadpool_limits(1):  # its sums hang on the number of threads
        spots: Tensor = torch.from_numpy(made.fit_transform(points.numpy()))
    return spots


def _trust(points: Tensor, places: Tensor) -> float:
    """Whether neighbors on the map are neighbors: trustworthiness (Venna & Kaski 2001), from 0 to 1."""
    from sklearn.manifold import trustworthiness

    count = min(BY_NEIGHBORS, max(2, len(points) // 20))
    return float(trustworthiness(points.numpy(), places.numpy(), n_neighbors=count))


def _beside(points: Tensor, landmarks: Tensor, spots: Tensor, radius: float) -> Tensor:
    """Places of points by the nearest landmarks, the nearer the more.

    Those that lie elsewhere on the map than the nearest one do not count, as the middle between two groups is nowhere.
    """
    near, gaps = neighbors(points, landmarks, NEAREST)
    found = spots[near]  # (points, nearest, 2)
    counts = (found - found[:, :1]).norm(dim=2) <= REACH * radius
    weights = counts * torch.where(gaps > 0, gaps[:, :1] / gaps, 1)  # at a landmark, all others are nothing
    placed: Tensor = (weights.unsqueeze(2) * found).sum(1) / weights.sum(1, keepdim=True)
    return placed


def _scaled(chart: Chart, points: Tensor) -> Chart:
    """The chart with the scale that shows what it rests on."""
    edges = torch.tensor(_EDGES, dtype=torch.float64)
    low, high = chart.raw(points).double().quantile(edges, dim=0)
    return replace(chart, center=((low + high) / 2).float(), width=float((high - low).max()) / (1 - _MARGIN))
