"""What a proof may look at: control items, what was known when each was drawn, and what each stands for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from askance.history import Asked
from askance.pool import LABELED, UNLABELED
from askance.study.state import State

LIGHT = 0.02  # what known items weigh together where they are left out: that shifts a share by less than this


@dataclass(frozen=True, eq=False)
class Weights:
    """What items weigh in a mean over the pool; all of them sum to 1.

    Args:
        drawn: Of items that were drawn by chance, float64 (drawn,).
        known: Of labeled items that were not, float64 (known,).
    """

    drawn: Tensor
    known: Tensor

    @property
    def alone(self) -> Tensor:
        """What drawn items would weigh if nothing else were known, float64 (drawn,).

        Intervals are made of these: known items shift a mean, and in trials they made it hardly surer.
        """
        return self.drawn / self.drawn.sum()

    def of(self, kept: Tensor) -> Weights:
        """The weights where some known items, bool (known,), stand for all of them."""
        left = self.known[kept].sum()
        if not left:
            return Weights(self.alone, 0 * self.known)
        return Weights(self.drawn, self.known * kept * (self.known.sum() / left))


@dataclass(frozen=True, eq=False)
class Evidence:
    """The items of a study that a proof looks at, as row numbers.

    A control item is drawn uniformly from the items that are open, so it stands for those; the items that were labeled
    before it stand for themselves. The mean over control items of ``(labeled losses + open items x own loss) / items``
    has the mean loss over the pool as its expectation, whatever a strategy took out of the pool before.

    Args:
        control: Labeled control items, ascending, int64 (control,).
        skipped: Control items that were shown and carry no label, ascending, int64 (skipped,).
        active: Other labeled items that were asked, in the order of asking, int64 (active,).
        known: Labeled items that are no control items, ascending; empty where they weigh next to nothing.
        weights: Of control and known items.
        bounds: The same with the skipped items, behind the control items in ``drawn``.
    """

    control: Tensor
    skipped: Tensor
    active: Tensor
    known: Tensor
    weights: Weights
    bounds: Weights

    @property
    def rows(self) -> Tensor:
        """Labeled rows that are looked at: control, then known, int64 (control + known,)."""
        return torch.cat([self.control, self.known])


def evidence(state: State, skipped: Collection[int] = ()) -> Evidence:
    """What a study's state holds for a proof.

    Args:
        state: The study's.
        skipped: Rows of items that people were shown and skipped; those that are labeled, or were never asked on
            the control stream, do not count.
    """
    drawn = {
        row for ask in state.asked for row, stream in zip(ask.rows, ask.streams, strict=True) if stream == "control"
    }
    labeled = {int(row) for row in state.labeled}
    aside = {row for row in state.controls if row not in labeled and state.answers.get(row)}
    passed = {row for row in skipped if row in drawn and row not in labeled}
    return gathered(state.sides, state.asked, state.controls, aside | passed, state.brought)


def gathered(
    sides: Tensor,
    asked: Sequence[Asked],
    controls: Collection[int],
    skipped: Collection[int],
    brought: Mapping[int, int] = MappingProxyType({}),
) -> Evidence:
    """The same from its parts.

    Args:
        sides: The side of each item, (items,).
        asked: All batches, in the order of asking.
        controls: Rows of the control items.
        skipped: Rows of control items that were shown and carry no label.
        brought: For rows whose answer nobody had asked for, how many batches had been asked when it came.
    """
    time = torch.full((len(sides),), -1, dtype=torch.int64)
    place: dict[int, int] = {}
    for number, ask in enumerate(asked):
        time[torch.tensor(ask.rows, dtype=torch.int64)] = number
        for row in ask.rows:
            place.pop(row, None)
            place[row] = number  # a dictionary keeps the order of the last asking
    for row, before in brought.items():  # it was open in all draws before
        time[row] = max(int(time[row]), before - 1)
    own = torch.zeros(len(sides), dtype=torch.bool)
    own[_rows(controls)] = True
    labeled = sides == LABELED
    control, known = (labeled & own).nonzero().squeeze(1), (labeled & ~own).nonzero().squeeze(1)
    active = torch.tensor([row for row in place if labeled[row] and not own[row]], dtype=torch.int64)
    passed = _rows(sorted(skipped))
    taken = time[sides != UNLABELED]
    told = time[labeled]
    weights = _weights(len(sides), time[control], taken, told, len(control), time[known])
    bounds = _weights(len(sides), time[torch.cat([control, passed])], taken, told, len(control), time[known])
    if float(weights.known.sum()) < LIGHT or len(known) < 2:
        known = known[:0]
        weights, bounds = (Weights(one.alone, one.known[:0]) for one in (weights, bounds))
    return Evidence(control, passed, active, known, weights, bounds)


def _weights(items: int, drawn: Tensor, taken: Tensor, told: Tensor, labeled: int, known: Tensor) -> Weights:
    """What each item weighs in the mean over all draws.

    Args:
        items: How many the pool has.
        drawn: When each item was drawn by chance; those with a label first.
        taken: When each item that is not open any more was asked.
        told: When each labeled item was asked.
        labeled: How many of the drawn items have a label.
        known: When each labeled item that was not drawn by chance was asked.
    """
    if not len(drawn):
        return Weights(drawn.double(), known.double())
    open_ = items - torch.searchsorted(taken.sort().values, drawn)  # when it was drawn
    of = (open_ + torch.searchsorted(told.sort().values, drawn)).double()
    times, order = drawn.sort()
    later = torch.cat([(1 / of)[order].flip(0).cumsum(0).flip(0), of.new_zeros(1)])

    def itself(asked: Tensor) -> Tensor:
        """What items weigh in the draws after their asking."""
        return later[torch.searchsorted(times, asked, right=True)] / len(drawn)

    own, rest = open_ / of / len(drawn), itself(known)
    own[:labeled] += itself(drawn[:labeled])
    total = own.sum() + rest.sum()
    return Weights(own / total, rest / total)


def _rows(rows: Collection[int]) -> Tensor:
    return torch.tensor(list(rows), dtype=torch.int64)
