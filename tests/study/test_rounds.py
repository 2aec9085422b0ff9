"""A round is a budget spent on one model; a strategy may give fewer than asked and is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from worlds import asked_ids, blobs

from askance.errors import AskanceError, BadInput
from askance.signals.base import Signal
from askance.signals.probabilities import Probabilities
from askance.strategies.base import Strategy
from askance.view import Batch, View


@dataclass(frozen=True)
class Hesitant(Strategy):
    """At most two items at a time, the first candidates, then answers first; it tells how many labels it saw."""

    signal: Signal = Probabilities()
    at_most: int = 2
    reason: str = "waiting"

    def query(self, view: View, n: int) -> Batch:
        belief = view[self.signal]
        rows = view.candidates[: min(n, self.at_most if self.reason == "done" or not len(view.pending) else 0)]
        notes = [{"labels": len(view.labeled), "belief": float(belief[row, 0])} for row in rows.tolist()]
        return view.batch(rows, notes=notes, reason=self.reason if len(rows) < n else "")


@dataclass(frozen=True)
class Idle(Strategy):
    """Asks for nothing, and gives a reason."""

    reason: str = ""

    def query(self, view: View, n: int) -> Batch:
        return view.batch(view.candidates[:0], reason=self.reason)


def kinds(study: object) -> list[str]:
    return [line.kind for line in study.lines()]  # type: ignore[attr-defined]


def test_a_round_is_spent_on_one_model_and_the_next_learns_first() -> None:
    world = blobs()
    study = world.study(strategy="random")
    batches = [study.ask(4), study.ask(2), study.ask(4)]
    assert [(len(b), b.round, b.left, b.number) for b in batches] == [(4, 0, 0, 0), (2, 1, 0, 1), (4, 2, 0, 2)]
    study.tell(world.oracle.of(batches[0].ids))
    study.ask(1)
    assert kinds(study).count("fitted") == 2  # no answer, no fit


def test_a_strategy_that_waits_is_asked_again_with_the_new_labels_and_the_same_model() -> None:
    world = blobs()
    study = world.study(strategy=Hesitant(), start=None)
    study.tell(world.oracle.of([70, 71, 72, 73]))
    first = study.ask(5)
    assert (first.ids, first.reason, first.left) == ([0, 1], "waiting", 3)
    again = study.ask(5)
    assert (again.ids, again.reason) == ([], "waiting")  # nothing to add, nothing written
    lines = len(study.lines())
    study.ask(5)
    assert len(study.lines()) == lines
    study.tell(world.oracle.of([0, 1]))
    second = study.ask(5)
    assert (second.ids, second.left, second.round, second.model) == ([2, 3], 1, 0, first.model)
    assert [note["labels"] for note in (*first.notes, *second.notes)] == [4, 4, 6, 6]
    study.tell(world.oracle.of([2, 3]))
    third = study.ask(5)
    assert (third.ids, third.left, third.reason, third.round) == ([4], 0, "", 0)  # no more than the round holds
    assert study.ask(5).round == 1
    assert kinds(study).count("fitted") == 2


def test_a_run_goes_on_in_the_same_round_until_it_is_spent() -> None:
    world = blobs()
    study = world.study(strategy=Hesitant(), start=None)
    study.tell(world.oracle.of([70, 71]))
    study.run(world.oracle, 12, batch=5)
    assert asked_ids(study) == [[0, 1], [2, 3], [4], [5, 6], [7, 8], [9]]
    assert [asked.round for asked in study.history.asked] == [0, 0, 0, 1, 1, 1]
    assert kinds(study).count("fitted") == 2


def test_a_reopened_study_goes_on_in_the_round_it_was_in(tmp_path: Path) -> None:
    world = blobs()

    def opened(name: str) -> object:
        return world.study(strategy=Hesitant(), start=None, storage=tmp_path / name)

    whole, study = opened("whole.db"), opened("parts.db")
    for one in (whole, study):
        one.tell(world.oracle.of([70, 71]))  # type: ignore[attr-defined]
    whole.run(world.oracle, 10, batch=5)  # type: ignore[attr-defined]
    model = study.ask(5).model  # type: ignore[attr-defined]
    for _ in range(2):
        study.close()  # type: ignore[attr-defined]
        study = opened("parts.db")
        study.tell(world.oracle.of(study.pending))  # type: ignore[attr-defined]
        assert study.ask(5).model == model  # type: ignore[attr-defined]
    study.close()  # type: ignore[attr-defined]
    study = opened("parts.db")
    study.run(world.oracle, 10, batch=5)  # type: ignore[attr-defined]
    assert asked_ids(study) == asked_ids(whole)  # type: ignore[arg-type]
    assert kinds(study) == kinds(whole)


def test_a_round_that_began_in_a_cold_start_ends_so() -> None:
    world = blobs()
    study = world.study(strategy="margin", start=Hesitant(at_most=9))
    study.ask(12)
    study.tell(world.oracle.of(study.pending))
    assert not study.state.cold
    batch = study.ask(12)
    assert (batch.strategy, len(batch), batch.left) == ("Hesitant", 3, 0)
    assert batch.said == "Cold start: the round began before a model could be asked, so Hesitant asks."
    assert study.ask(12).strategy == "margin"


def test_a_strategy_that_is_done_ends_its_round() -> None:
    world = blobs()
    study = world.study(strategy=Hesitant(reason="done"), start=None)
    study.tell(world.oracle.of([70, 71]))
    batch = study.ask(5)
    assert (len(batch), batch.left, batch.reason) == (2, 0, "done")
    study.tell(world.oracle.of(batch.ids))
    assert study.ask(5).round == 1
    assert kinds(study).count("fitted") == 2


def test_a_strategy_that_stops_ends_a_run_and_says_why() -> None:
    world = blobs()
    study = world.study(strategy=Idle("stop: all is known"), start=None)
    progress = study.run(world.oracle, 20)
    assert (progress.stopped, progress.labeled) == ("all is known", 0)
    assert kinds(study)[-2:] == ["asked", "stopped"]
    assert study.run(world.oracle, 20) == progress
    study.tell({0: "class 0"})
    assert study.ask(3).round == 1  # whoever asks again gets a model of what was told since
    assert kinds(study).count("fitted") == 2


def test_a_study_that_stopped_goes_on_with_another_strategy(tmp_path: Path) -> None:
    world = blobs()
    storage = tmp_path / "x.db"
    world.study(strategy=Idle("stop: enough"), start=None, storage=storage).run(world.oracle, 20)
    progress = world.study(strategy="random", start=None, storage=storage).run(world.oracle, 20)
    assert (progress.stopped, progress.labeled) == ("", 20)


@pytest.mark.parametrize("reason", ["waiting", "done", "passed"])
def test_a_run_that_would_never_end_is_refused(reason: str) -> None:
    world = blobs()
    study = world.study(strategy=Idle(reason), start=None)
    with pytest.raises(AskanceError, match=rf"Idle asks for nothing with the reason '{reason}'.*Mend its query"):
        study.run(world.oracle, 20)


@pytest.mark.parametrize("reason", ["", "tired"])
def test_fewer_than_asked_for_without_a_known_reason_is_refused(reason: str) -> None:
    study = blobs().study(strategy=Idle(reason), start=None)
    with pytest.raises(AskanceError, match=r"Idle picked 0 of 3 items and gave .*give reason='waiting'"):
        study.ask(3)
    assert kinds(study)[-1] == "fitted"


@dataclass(frozen=True)
class Rude(Strategy):
    """Breaks the contract in one way."""

    way: str

    def query(self, view: View, n: int) -> Batch:
        rows = view.candidates
        if self.way == "notes":
            return Batch(rows[:n], view.name(rows[:n]), ({},))
        ways = {"twice": rows[[0, 0, 1]], "known": torch.cat([view.known[:1], rows[:2]]), "more": rows[: n + 1]}
        return view.batch(ways[self.way])


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ("twice", "Rude picked an item twice"),
        ("known", "Rude picked an item that is no candidate"),
        ("more", "Rude picked 4 items where 3 were asked for"),
        ("notes", "Rude wrote 1 notes for 3 items"),
    ],
)
def test_a_strategy_that_breaks_its_contract_is_named(way: str, says: str) -> None:
    world = blobs()
    study = world.study(strategy=Rude(way), start=None)
    study.tell(world.oracle.of([5]))
    with pytest.raises(AskanceError, match=rf"{says}.*Mend its query"):
        study.ask(3)
    assert study.pending == []


def test_the_last_items_of_a_pool_are_asked_without_a_reason() -> None:
    world = blobs(items=7)
    study = world.study(strategy="margin", start="random")
    assert [len(study.ask(5)), len(study.ask(5))] == [5, 2]
    nothing = study.ask(5)
    assert (nothing.ids, nothing.reason) == ([], "stop: every item of the pool was asked")


def test_a_run_labels_its_budget_and_calls_back_once_a_round() -> None:
    world = blobs()
    seen: list[int] = []
    study = world.study(strategy="margin", start="random")
    progress = study.run(world.oracle, 25, each=lambda study: seen.append(study.progress.labeled))
    assert (progress.labeled, progress.rounds, seen) == (25, 3, [10, 20, 25])
    assert study.labels == {name: world.truth[name] for name in study.labels}
    assert study.run(world.oracle, 25).labeled == 25


def test_a_budget_larger_than_the_pool_is_refused() -> None:
    world = blobs()
    with pytest.raises(BadInput, match=r"budget of 81 is larger than the pool of 80 items\. Use 80 or less"):
        world.study().run(world.oracle, 81)


@pytest.mark.parametrize("n", [0, -1])
def test_asking_for_nothing_is_refused(n: int) -> None:
    with pytest.raises(BadInput, match=rf"ask\({n}\) asks for nothing"):
        blobs().study().ask(n)


def test_an_error_in_a_normal_run_leaves_the_study_usable(tmp_path: Path) -> None:
    world = blobs()
    study = world.study(strategy="random", storage=tmp_path / "x.db", durability="normal")
    half = {name: label for name, label in world.truth.items() if name % 2}
    with pytest.raises(BadInput, match="oracle has no label"):
        study.run(type(world.oracle)(half), 20)
    assert study.progress.labeled + study.progress.pending == 0  # the round was one commit, and is undone
    assert study.run(world.oracle, 20).labeled == 20
    assert all(row.ok for row in study.audit())
