"""Greedy rules that spread the picks over a space: farthest first, and sampling by squared distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.kernels.distances import loops
from askance.kernels.largest_cluster import homes, largest_cluster
from askance.kernels.lazy_spread import PIVOTS, Factors, nearest_of, spread
from askance.selection.base import Ground, Picked, Selector
from askance.selection.space import Space


@dataclass(frozen=True)
class FarthestFirst(Selector):
    """Again and again the candidate farthest from all that is known or picked; ties go to the lower row.

    The greedy 2-approximation of k-center (Gonzalez 1985; Sener & Savarese 2018, Algorithm 1). It holds for any first
    pick; with nothing known, that is the candidate with the least noise, or the longest one.

    >>> from askance.seeds import Dice
    >>> from askance.selection.space import Features
    >>> rows, line = torch.arange(4), torch.tensor([[0.], [1.], [5.], [9.]])
    >>> space, dice = Features(line), Dice(0, "ask")
    >>> FarthestFirst().pick(2, candidates=rows[1:], known=rows[:1], keys=rows, dice=dice, space=space)
    Picked(rows=tensor([3, 2]), utility=tensor([81., 16.]))

    With weights, the distance counts in proportion to the weight of the candidate; those of weight zero come last.

    Args:
        first: With nothing known, start with ``"noise"`` or at the ``"longest"`` vector, the one farthest from the
            origin; neither depends on the pool's order.
    """

    weighs: ClassVar[bool] = True

    first: str = "noise"

    def __post_init__(self) -> None:
        _check_first(self.first)

    def choose(self, n: int, ground: Ground) -> Picked:
        """Farthest first, lazily on the CPU; elsewhere one pass over the pool per pick."""
        trail = _Trail(needed(ground.space, self), ground.candidates, ground.weights)
        if not trail.begin(ground.known):
            start = _start(self.first, trail, ground.dice.uniform(ground.keys))
            trail.take(*start)
        trail.farthest(n)
        return trail.picked()


@dataclass(frozen=True)
class KMeansPlusPlus(Selector):
    """Each pick drawn in proportion to its squared distance to the picks before.

    Source: Arthur & Vassilvitskii 2007. Drawn as a race, see `race`: the law is exact, and the pool's order cannot
    matter.

    Args:
        first: Start at the ``"longest"`` vector, as BADGE does (Ash et al. 2020), or by ``"noise"``, uniformly.
        from_known: Whether known items count as picks already made. BADGE as published: no.
        power: Draw in proportion to this power of weight times squared distance.
    """

    weighs: ClassVar[bool] = True

    first: str = "longest"
    from_known: bool = False
    power: float = 1.0

    def __post_init__(self) -> None:
        _check_first(self.first)
        if not 0 < self.power < float("inf"):
            raise BadInput(f"The power is {self.power}. Give a number above 0; 1 is k-means++.")

    def choose(self, n: int, ground: Ground) -> Picked:
        """Run the race, lazily on the CPU; elsewhere two passes over the pool per pick."""
        counted = ground.known if self.from_known else None
        clocks = ground.dice.exponential(ground.keys)
        space = needed(ground.space, self)
        return race(space, n, ground.candidates, counted, clocks, self.first, ground.weights, self.power)


@dataclass(frozen=True)
class LargestCluster(Selector):
    """The farthest member of the largest cluster, again and again; ties go to the lower row.

    A cluster is what lies nearest to one item, known or picked, and its size is the sum of its squared distances
    (LCMD, Holzmüller et al. 2023): dense parts of the pool get more picks than by farthest first, and outliers fewer.
    With weights, both are weighted; candidates of weight zero come last.

    >>> from askance.seeds import Dice
    >>> from askance.selection.space import Features
    >>> rows, line = torch.arange(6), torch.tensor([[0.], [20.], [4.], [-4.], [3.], [25.]])
    >>> space, dice = Features(line), Dice(0, "ask")
    >>> LargestCluster().pick(2, candidates=rows[2:], known=rows[:2], keys=rows, dice=dice, space=space)
    Picked(rows=tensor([2, 5]), utility=tensor([16., 25.]))

    Args:
        first: With nothing known, start at the ``"longest"`` vector or by ``"noise"``.
    """

    weighs: ClassVar[bool] = True

    first: str = "longest"

    def __post_init__(self) -> None:
        _check_first(self.first)

    def choose(self, n: int, ground: Ground) -> Picked:
        """Compare a new center with what it may win; elsewhere than on the CPU, one pass over the pool per pick."""
        trail = _Trail(needed(ground.space, self), ground.candidates, ground.weights)
        if not trail.begin(ground.known):
            trail.take(*_start(self.first, trail, ground.dice.uniform(ground.keys)))
        trail.largest(n)
        return trail.picked()


def race(
    space: Space,
    n: int,
    candidates: Tensor,
    known: Tensor | None,
    clocks: Tensor,
    first: str = "noise",
    weights: Tensor | None = None,
    power: float = 1.0,
) -> Picked:
    """Sampling by squared distance, drawn as a race.

    Every candidate holds a clock set to one standard exponential and running at the speed of its squared distance to
    the nearest pick. The one that rings first is picked, in proportion to its speed; what the others have left is
    again exponential, and they run on, slower where the new pick is near. Candidates at distance zero come last, by
    what their clocks have left, and those of weight zero after them.

    Args:
        space: Where the items lie.
        n: How many to pick, at most as many as there are candidates.
        candidates: Rows that may be picked, int64.
        known: Rows that count as picks already made, int64; what is known outside of the pool counts with them. None:
            nothing does. Then, and when there are none, ``first`` says how to start.
        clocks: One standard exponential per item, float64 (items,).
        first: ``"noise"`` or ``"longest"``.
        weights: Of the items, (items,); the speed is weight times squared distance.
        power: Of the speed.

    Returns:
        The picks, each with its speed when it was picked.
    """
    clocks = clocks.to(candidates.device)
    trail = _Trail(space, candidates, weights, power)
    if known is None or not trail.begin(known):
        noise = clocks
        speeds = None if weights is None else weights.to(clocks) ** power
        if first == "noise" and speeds is not None and bool((speeds > 0).any()):
            noise = clocks / speeds  # a race at the speed of the weights
        row, length = _start(first, trail, noise)
        if first == "noise":  # after which the others have less left
            clocks = (clocks - noise[row] * (1 if speeds is None else speeds)).clamp_(min=0)
        trail.take(row, length)
    trail.ring(n, clocks)
    return trail.picked()


def needed(space: Space | None, selector: Selector) -> Space:
    """The space, or an error that says who needs one."""
    if space is None:
        raise BadInput(
            f"{type(selector).__name__} picks in a space and was given none. Define `space` on the strategy."
        )
    return space


class _Trail:
    """The picks so far, and what is left to pick from."""

    def __init__(self, space: Space, candidates: Tensor, weights: Tensor | None, power: float = 1.0) -> None:
        self.space, self.candidates, self.weights, self.power = space, candidates, weights, power
        self.points = candidates[:0]  # what is known or picked; -1, -2 ... lie outside of the pool
        self.rows: list[int] = []
        self.values: list[float] = []

    def begin(self, known: Tensor) -> bool:
        """Count known items as picks made before; returns whether there are any."""
        self.points = torch.cat([known, -1 - torch.arange(self.space.beyond(), device=known.device)])
        return len(self.points) > 0

    def take(self, row: int, value: float) -> None:
        """Pick a first row."""
        self.rows.append(row)
        self.values.append(value)
        self.points = self.candidates.new_tensor([row])
        self.candidates = self.candidates[self.candidates != row]

    def farthest(self, n: int) -> None:
        """Pick until there are n: again and again the farthest; ties go to the lower row."""
        n -= len(self.rows)
        if n == 0:
            return
        factors = self.space.factors()
        if factors is not None:
            self._lazily(factors, n, None)
            return
        nearest = self._nearest()
        for _ in range(n):
            value = nearest if self.weights is None else self._worth(nearest)
            row = int(value.argmax())
            self._pass(row, float(value[row].clamp(min=0)), nearest)

    def ring(self, n: int, clocks: Tensor) -> None:
        """Pick until there are n: those whose clocks ring, then those whose clocks stand still."""
        n -= len(self.rows)
        if n == 0:
            return
        factors = self.space.factors()
        if factors is not None:
            self._lazily(factors, n, clocks)
            return
        nearest, clocks = self._nearest(), clocks.clone()
        for count in range(n):
            speeds = nearest.double().clamp(min=0)
            if self.weights is not None:
                speeds *= self.weights.to(speeds)
            speeds = speeds**self.power
            row = loops(clocks).ring(clocks, speeds)
            if row < 0:
                still = (nearest >= 0).nonzero().flatten()
                still = still[clocks[still].argsort(stable=True)]
                if self.weights is not None:
                    still = still[(self.weights[still] == 0).byte().argsort(stable=True)]
                self._finish(still[: n - count])
                return
            self._pass(row, float(speeds[row]), nearest)

    def largest(self, n: int) -> None:
        """Pick until there are n: the farthest member of the largest cluster."""
        n -= len(self.rows)
        if n == 0:
            return
        factors = self.space.factors()
        if factors is not None:
            nearest, home = homes(factors, self.candidates, self.points)
            _refuse_infinite(torch.from_numpy(nearest), self.candidates)
            weights = None if self.weights is None else self.weights[self.candidates]
            places, values = largest_cluster(factors, self.candidates, self.points, n, nearest, home, weights)
            self.rows += self.candidates[torch.from_numpy(places)].tolist()
            self.values += values.tolist()
            return
        self._largest_by_passes(n)

    def _largest_by_passes(self, n: int) -> None:
        near, within = self._open(), self.points[self.points >= 0]
        home = torch.zeros(len(near), dtype=torch.int64, device=near.device)
        for count, row in enumerate(within):
            self._move_in(near, home, count, partial(self.space.approach, row.reshape(1)))
        if len(within) < len(self.points):  # those outside of the pool have no rows, and are met one by one
            for count in range(self.space.beyond()):
                self._move_in(near, home, len(within) + count, partial(self.space.approach_beyond, count))
        _refuse_infinite(near[self.candidates], self.candidates)
        weights = torch.ones_like(near, dtype=torch.float64) if self.weights is None else self.weights.double()
        for count in range(len(self.points), len(self.points) + n):
            worth = torch.where(near >= 0, weights * near, 0)
            sums = torch.zeros(count, dtype=torch.float64, device=near.device).index_add_(0, home, worth)
            largest = int(sums.argmax())
            member = (near >= 0) & ((home == largest) | (sums[largest] <= 0))
            value = torch.where(member, torch.where(weights > 0, worth, -1), -2)
            row = int(value.argmax())
            self.rows.append(row)
            self.values.append(float(value[row].clamp(min=0)))
            near[row] = -1
            point = torch.tensor([row], device=near.device)
            self._move_in(near, home, count, partial(self.space.approach, point))

    @staticmethod
    def _move_in(near: Tensor, home: Tensor, count: int, approach: Callable[[Tensor], None]) -> None:
        before = near.clone()
        approach(near)
        home[near < before] = count

    def picked(self) -> Picked:
        device, kind = self.candidates.device, self.space.filled(0).dtype
        return Picked(
            torch.tensor(self.rows, dtype=torch.int64, device=device),
            torch.tensor(self.values, dtype=kind, device=device),
        )

    def _lazily(self, factors: Factors, n: int, clocks: Tensor | None) -> None:
        candidates, points = self.candidates, self.points
        met = min(PIVOTS, len(points))
        if len(points) > met:  # spread over what is known, whatever its order
            first = torch.arange(met) * len(points) // met
            others = torch.ones(len(points), dtype=torch.bool).index_fill_(0, first, False)
            points = torch.cat([points[first], points[others]])
        nearest = nearest_of(factors, candidates, points[:met])
        _refuse_infinite(torch.from_numpy(nearest), candidates)
        weights = None if self.weights is None else self.weights[candidates]
        left = None if clocks is None else clocks[candidates]
        found = spread(factors, candidates, points, n, nearest, met, weights, left, self.power)
        self.rows += candidates[torch.from_numpy(found.places)].tolist()
        self.values += found.values.tolist()
        if len(found.places) < n:
            still = torch.from_numpy(found.still)
            order = torch.from_numpy(found.left).argsort(stable=True)
            if weights is not None:
                order = order[(weights[still[order]] == 0).byte().argsort(stable=True)]
            self._finish(candidates[still[order][: n - len(found.places)]])

    def _nearest(self) -> Tensor:
        """Squared distances of the candidates, -1, which is settled, for all others."""
        nearest = self._open()
        if self.rows:
            self.space.approach(self.points, nearest)
        else:
            self.space.approach_known(self.points[self.points >= 0], nearest)
        _refuse_infinite(nearest[self.candidates], self.candidates)
        return nearest

    def _open(self) -> Tensor:
        nearest = self.space.filled(-1)
        nearest[self.candidates] = torch.inf
        return nearest

    def _worth(self, nearest: Tensor) -> Tensor:
        """Weight times squared distance; -1 where that weighs nothing, and -2 where there is no candidate."""
        assert self.weights is not None
        weights = self.weights.double()
        worth = torch.where(weights > 0, weights * nearest, -1)
        return torch.where(nearest < 0, -2, worth)

    def _pass(self, row: int, value: float, nearest: Tensor) -> None:
        self.rows.append(row)
        self.values.append(value)
        nearest[row] = -1
        self.space.approach(torch.tensor([row], device=nearest.device), nearest)

    def _finish(self, rows: Tensor) -> None:
        self.rows += rows.tolist()
        self.values += [0.0] * len(rows)


def _start(first: str, trail: _Trail, noise: Tensor) -> tuple[int, float]:
    """The first row, ties by noise, and its squared length, by weight, if that is what decided."""
    candidates, value = trail.candidates, 0.0
    weights = None if trail.weights is None else trail.weights[candidates].double()
    if first == "longest":
        norms = trail.space.norms()[candidates]
        worth = norms if weights is None else torch.where(weights > 0, norms * weights, -1)
        value = max(0.0, float(worth.max()))
        candidates = candidates[worth == worth.max()]
        if not len(candidates) or value == torch.inf:
            raise BadInput(_OVERFLOW.format("A squared length"))
        value **= trail.power
    elif weights is not None and bool((weights > 0).any()):
        candidates = candidates[weights > 0]
    return int(candidates[noise.to(candidates.device)[candidates].argmin()]), value


def _refuse_infinite(nearest: Tensor, candidates: Tensor) -> None:
    # NaN is never lower than infinity, so an item whose distance is NaN is still at infinity here.
    place = int(nearest.argmax()) if len(nearest) else 0
    if len(nearest) and nearest[place] == torch.inf:
        row = int(candidates[place])
        raise BadInput(_OVERFLOW.format(f"The squared distance of row {row} to the first pick or the known items"))


def _check_first(first: str) -> None:
    if first not in _FIRST:
        raise unknown("first pick", first, _FIRST)


_FIRST = ("longest", "noise")
_OVERFLOW = "{} is infinite or NaN. Check the features for NaN, and scale them down or hand them in as float64."
