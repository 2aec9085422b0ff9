"""Greedy rules that spread the picks over a space: farthest first, and sampling by squared distance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.kernels.distances import loops
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

    Args:
        first: With nothing known, start with ``"noise"`` or at the ``"longest"`` vector, the one farthest from the
            origin; neither depends on the pool's order.
    """

    first: str = "noise"

    def __post_init__(self) -> None:
        _check_first(self.first)

    def choose(self, n: int, ground: Ground) -> Picked:
        """Farthest first; one pass over the pool per pick."""
        space = needed(ground.space, self)
        nearest = _open(space, ground.candidates)
        trail = _Trail(space, nearest)
        if space.approach_known(ground.known, nearest):
            _refuse_infinite(nearest)
        else:
            trail.take(*_start(self.first, space, ground.candidates, ground.dice.uniform(ground.keys)))
        while len(trail.rows) < n:
            row = int(nearest.argmax())
            trail.take(row, float(nearest[row]))
        return trail.picked()


@dataclass(frozen=True)
class KMeansPlusPlus(Selector):
    """Each pick drawn in proportion to its squared distance to the picks before.

    Source: Arthur & Vassilvitskii 2007. Drawn as a race, see `race`: the law is exact, and the pool's order cannot
    matter.

    Args:
        first: Start at the ``"longest"`` vector, as BADGE does (Ash et al. 2020), or by ``"noise"``, uniformly.
        from_known: Whether known items count as picks already made. BADGE as published: no.
    """

    first: str = "longest"
    from_known: bool = False

    def __post_init__(self) -> None:
        _check_first(self.first)

    def choose(self, n: int, ground: Ground) -> Picked:
        """Run the race; two passes over the pool per pick."""
        counted = ground.known if self.from_known else None
        clocks = ground.dice.exponential(ground.keys)
        return race(needed(ground.space, self), n, ground.candidates, counted, clocks, self.first)


def race(
    space: Space, n: int, candidates: Tensor, known: Tensor | None, clocks: Tensor, first: str = "noise"
) -> Picked:
    """Sampling by squared distance, drawn as a race.

    Every candidate holds a clock set to one standard exponential and running at the speed of its squared distance to
    the nearest pick. The one that rings first is picked, in proportion to its speed; what the others have left is
    again exponential, and they run on, slower where the new pick is near. Candidates at distance zero come last, by
    what their clocks have left.

    Args:
        space: Where the items lie.
        n: How many to pick, at most as many as there are candidates.
        candidates: Rows that may be picked, int64.
        known: Rows that count as picks already made, int64; what is known outside of the pool counts with them. None:
            nothing does. Then, and when there are none, ``first`` says how to start.
        clocks: One standard exponential per item, float64 (items,); run down in place.
        first: ``"noise"`` or ``"longest"``.

    Returns:
        The picks, each with its squared distance when it was picked.
    """
    clocks = clocks.to(candidates.device)
    nearest = _open(space, candidates)
    trail = _Trail(space, nearest)
    if known is not None and space.approach_known(known, nearest):
        _refuse_infinite(nearest)
    else:
        row, length = _start(first, space, candidates, clocks)
        if first == "noise":  # a race at equal speeds, after which the others have less left
            clocks -= float(clocks[row])
        trail.take(row, length)
    while len(trail.rows) < n:
        row = loops(clocks).ring(clocks, nearest)
        if row < 0:
            left = (nearest == 0).nonzero().flatten()
            trail.finish(left[clocks[left].argsort(stable=True)][: n - len(trail.rows)])
        else:
            trail.take(row, float(nearest[row]))
    return trail.picked()


def needed(space: Space | None, selector: Selector) -> Space:
    """The space, or an error that says who needs one."""
    if space is None:
        raise BadInput(
            f"{type(selector).__name__} picks in a space and was given none. Define `space` on the strategy."
        )
    return space


class _Trail:
    """The picks so far; keeps ``nearest`` up to date with them."""

    def __init__(self, space: Space, nearest: Tensor) -> None:
        self.space, self.nearest = space, nearest
        self.rows: list[int] = []
        self.distances: list[float] = []

    def take(self, row: int, distance: float) -> None:
        self.rows.append(row)
        self.distances.append(distance)
        self.nearest[row] = -1
        self.space.approach(torch.tensor([row], device=self.nearest.device), self.nearest)
        if len(self.rows) == 1:
            _refuse_infinite(self.nearest)

    def finish(self, rows: Tensor) -> None:
        self.rows += rows.tolist()
        self.distances += [0.0] * len(rows)

    def picked(self) -> Picked:
        device = self.nearest.device
        return Picked(
            torch.tensor(self.rows, dtype=torch.int64, device=device),
            torch.tensor(self.distances, dtype=self.nearest.dtype, device=device),
        )


def _open(space: Space, candidates: Tensor) -> Tensor:
    """Nothing picked yet: infinity for candidates, -1, which is settled, for all others."""
    nearest = space.filled(-1)
    nearest[candidates] = torch.inf
    return nearest


def _start(first: str, space: Space, candidates: Tensor, noise: Tensor) -> tuple[int, float]:
    """The first row, ties by noise, and its squared length if that is what decided."""
    longest = 0.0
    if first == "longest":
        norms = space.norms()[candidates]
        longest = float(norms.max())
        candidates = candidates[norms == longest]
        if not len(candidates) or longest == torch.inf:
            raise BadInput(_OVERFLOW.format("A squared length"))
    return int(candidates[noise.to(candidates.device)[candidates].argmin()]), longest


def _refuse_infinite(nearest: Tensor) -> None:
    # NaN is never lower than infinity, so an item whose distance is NaN is still at infinity here.
    row = int(nearest.argmax())
    if nearest[row] == torch.inf:
        raise BadInput(_OVERFLOW.format(f"The squared distance of row {row} to the first pick or the known items"))


def _check_first(first: str) -> None:
    if first not in _FIRST:
        raise unknown("first pick", first, _FIRST)


_FIRST = ("longest", "noise")
_OVERFLOW = "{} is infinite or NaN. Check the features for NaN, and scale them down or hand them in as float64."
