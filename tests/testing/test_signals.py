"""A fleet of signals that each break one promise: each is caught by that promise and by no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from askance.learners.base import Outputs
from askance.signals.base import Signal
from askance.task import Task
from askance.testing import Broken, check_signal, signal_promises
from askance.testing.promises import said, unchecked

PROMISES = {promise.name: promise for promise in signal_promises()}
FLEET: list[tuple[str, Signal]] = []


def breaks(promise: str) -> Callable[[type[Signal]], type[Signal]]:
    """Put a signal into the fleet, frozen."""

    def register(kind: type[Signal]) -> type[Signal]:
        made = dataclass(frozen=True)(kind)
        FLEET.append((promise, made()))
        return made

    return register


@pytest.mark.parametrize(("promise", "signal"), FLEET, ids=lambda value: type(value).__name__)
def test_a_broken_signal_is_caught_by_the_promise_it_breaks_and_by_no_other(promise: str, signal: Signal) -> None:
    found = said(list(PROMISES.values()), signal)
    assert [name for name, why in found.items() if why and not unchecked(why)] == [promise], found


def test_every_promise_has_a_signal_that_breaks_it() -> None:
    # What sees the items beside one shows in other pieces and in a grown pool; that differs for mere last bits.
    assert {promise for promise, _ in FLEET} == PROMISES.keys() - {"is the same, bit by bit, once the pool has grown"}


class Doubled(Signal):
    """Scores, twice."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"scores"})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        assert outputs.scores is not None
        return 2 * outputs.scores


@breaks("gives a row for each item")
class OneForAll(Doubled):
    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        return super().rows(outputs, task).mean(0)


@breaks("gives a row for each item")
class DividesByZero(Doubled):
    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        return super().rows(outputs, task) / 0


@breaks("is pure")
class ThrowsDice(Doubled):
    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        torch.rand(1)
        return super().rows(outputs, task)


@breaks("reads only what it needs")
class ReadsMore(Doubled):
    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        rows = super().rows(outputs, task)
        return rows if outputs.embeddings is None else rows + outputs.embeddings[:, :1]


@breaks("is the same in any piece")
class CountsItsPlace(Doubled):
    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        rows = super().rows(outputs, task)
        return rows + torch.arange(len(rows)).unsqueeze(1)


@breaks("survives pickle and the journal")
class HoldsALambda(Doubled):
    power: Callable[[float], float] = lambda value: value


def test_a_signal_that_sees_the_items_beside_one_changes_when_the_pool_grows() -> None:
    @dataclass(frozen=True)
    class Centered(Doubled):
        def rows(self, outputs: Outputs, task: Task) -> Tensor:
            rows = super().rows(outputs, task)
            return rows - rows.mean(0)

    with pytest.raises(Broken, match="Rows differ once more items are in the pool"):
        PROMISES["is the same, bit by bit, once the pool has grown"].check(Centered())


def test_check_signal_names_what_happened() -> None:
    with pytest.raises(Broken, match=r"CountsItsPlace breaks 1 of 6 promises:\n- is the same in any piece: "):
        check_signal(CountsItsPlace())
