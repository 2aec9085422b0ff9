"""What a method may bring along: an equipped learner, companions, ages, records, notes, reasons, memory."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from worlds import blobs

from askance.errors import MissingSignal
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.linear import Linear
from askance.meta.schedule import Until
from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.dynamics import Recorded
from askance.signals.embeddings import Embeddings
from askance.signals.probabilities import Probabilities, Scores
from askance.strategies.base import Strategy
from askance.strategies.random import Random
from askance.strategies.uncertainty import Margin
from askance.study.study import Study
from askance.view import Batch, View

LESSONS: list[tuple[str, Lesson]] = []  # what the learners below were asked to fit, by their mark


@dataclass(frozen=True)
class Counting(Learner):
    """Its model scores each item with the number of labels it saw, plus what its memory holds."""

    mark: str = "task"
    memory: bool = False
    stored: bool = True

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings"})

    @property
    def gives_records(self) -> frozenset[str]:
        return frozenset({"seen"})

    @property
    def remembers(self) -> bool:
        return self.memory

    def fit(self, lesson: Lesson) -> Counted:
        LESSONS.append((self.mark, lesson))
        steps = lesson.previous.facts["steps"] + 1 if lesson.previous is not None else 0
        pairs = sum("partner" in note for asked in lesson.history.asked for note in asked.notes)
        seen = torch.zeros(len(lesson.items)).index_fill(0, lesson.labeled, 1.0)
        records = {"seen": seen} if "seen" in lesson.record else {}
        facts = {"steps": steps, "labels": len(lesson.labeled), "pairs": pairs}
        return Counted(torch.tensor([float(len(lesson.labeled) + 100 * steps)]), self.stored, facts, records)

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Counted:
        return Counted(weights["count"], True, facts)


@dataclass(frozen=True, eq=False)
class Counted(Model):
    count: Tensor
    stored: bool
    facts: Mapping[str, Any] = field(default_factory=dict)
    records: Mapping[str, Tensor] = field(default_factory=dict)

    def outputs(self, items: Tensor) -> Outputs:
        return Outputs(scores=self.count.expand(len(items), 2), embeddings=items * self.count)

    def weights(self) -> dict[str, Tensor] | None:
        return {"count": self.count} if self.stored else None


@dataclass(frozen=True)
class Reading(Strategy):
    """Random items, with what its signals say of the first of them in the notes."""

    signal: Signal = Scores()
    other: Signal | None = None
    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return view.dice.uniform(view.keys)

    def query(self, view: View, n: int) -> Batch:
        batch = super().query(view, n)
        read = [float(view[s].sum()) for s in (self.signal, self.other) if s is not None]
        return view.batch(batch.rows, notes=[{"read": read} for _ in range(len(batch))])


@dataclass(frozen=True)
class Equipping(Margin):
    """Margin, on a learner with a stronger ridge."""

    factor: float = 10.0

    def equip(self, learner: Learner) -> Learner:
        return replace(learner, ridge=self.factor * learner.ridge)  # type: ignore[call-arg, attr-defined]


def reads(study: Study) -> list[list[float]]:
    return [asked.notes[0]["read"] for asked in study.history.asked if "read" in asked.notes[0]]


def fitted(study: Study) -> list[dict[str, Any]]:
    return [line.body for line in study.lines() if line.kind == "fitted"]


@pytest.fixture(autouse=True)
def _forget() -> None:
    LESSONS.clear()


def test_what_runs_is_the_equipped_learner_and_it_is_journaled() -> None:
    world = blobs()
    study = world.study(strategy=Equipping(), start="random", learner=Linear(ridge=0.5))
    study.run(world.oracle, 20)
    assert study.learner == Linear(ridge=5.0)
    assert {body["learner"]["ridge"] for body in fitted(study)} == {5.0}
    assert study.lines()[0].body["learner"]["ridge"] == 0.5


def test_random_on_the_equipped_learner_is_the_fair_control() -> None:
    world = blobs()
    study = world.study(strategy=Equipping(), start=None, learner=Linear(ridge=0.5))
    fair = world.study(strategy=Random(), start=None, learner=Equipping().equip(Linear(ridge=0.5)))
    for one in (study, fair):
        one.tell(world.oracle.of(range(12)))
    assert fair.learner == study.learner
    assert torch.equal(study.predict(), fair.predict())
    assert fitted(study)[0]["key"] == fitted(fair)[0]["key"]


def test_until_passes_equip_on_of_both_its_strategies() -> None:
    both = Until(4, early=Equipping(factor=2.0), late=Equipping(factor=3.0))
    assert both.equip(Linear(ridge=1.0)) == Linear(ridge=6.0)
    assert blobs().study(strategy=both).learner == Linear(ridge=6.0)


def test_a_companion_is_fitted_after_the_task_model_with_its_own_dice_and_key() -> None:
    world = blobs()
    companion = Counting("companion")
    study = world.study(
        strategy=Reading(Scores(of=companion), Embeddings(of=companion)), start=None, learner=Counting()
    )
    study.tell(world.oracle.of(range(5)))
    study.ask(3)
    (first, lesson), (second, own) = LESSONS
    assert (first, second) == ("task", "companion")
    assert own.model is not None and own.model.facts["labels"] == 5
    assert lesson.model is None
    assert own.dice != lesson.dice and own.dice.use == "fit"
    body = fitted(study)[0]
    (mate,) = body["companions"].values()
    assert mate["learner"]["mark"] == "companion"
    assert mate["key"] != body["key"]
    assert mate["facts"] == {"steps": 0, "labels": 5, "pairs": 0}
    assert reads(study)[0] == [5.0 * 2 * 80, pytest.approx(float(5 * study.pool.items.sum()), rel=1e-5)]
    assert all(row.ok for row in study.audit(refit=True))


def test_a_companion_that_a_new_strategy_brings_is_fitted_before_it_asks(tmp_path: Path) -> None:
    world = blobs()
    options = {"start": None, "learner": Counting(), "storage": tmp_path / "x.db"}
    study = world.study(strategy="random", **options)
    study.tell(world.oracle.of(range(4)))
    study.ask(2)
    study.close()
    study = world.study(strategy=Reading(Scores(of=Counting("mate"))), **options)
    study.ask(2)
    assert study.history.asked[-1].notes[0] == {"read": [4.0 * 2 * 80]}
    assert [len(body["companions"]) for body in fitted(study)] == [0, 1]
    assert all(row.ok for row in study.audit(refit=True))


def test_age_one_is_the_model_of_the_round_before_and_knows_nothing_before_the_first() -> None:
    world = blobs()
    study = world.study(strategy=Reading(Scores(), Scores(age=1)), start=None, learner=Counting())
    study.tell(world.oracle.of(range(6)))
    for _ in range(3):
        study.tell(world.oracle.of(study.ask(4).ids))
    assert [[value / 160 for value in read] for read in reads(study)] == [[6, 0], [10, 6], [14, 10]]
    assert all(row.ok for row in study.audit(refit=True))


def test_the_age_of_a_companion_is_its_own() -> None:
    world = blobs()
    mate = Counting("mate")
    study = world.study(strategy=Reading(Scores(of=mate), Scores(of=mate, age=1)), start=None, learner=Counting())
    study.tell(world.oracle.of(range(6)))
    for _ in range(2):
        study.tell(world.oracle.of(study.ask(4).ids))
    assert [[value / 160 for value in read] for read in reads(study)] == [[6, 0], [10, 6]]
    before_the_first = next(lesson for mark, lesson in LESSONS if mark == "mate" and len(lesson.labeled) == 0)
    assert before_the_first.model is not None


def test_records_are_kept_only_for_a_strategy_that_reads_them() -> None:
    world = blobs()
    plain, reading = (
        world.study(strategy=strategy, start=None, learner=Counting())
        for strategy in (Reading(), Reading(Recorded("seen")))
    )
    for study in (plain, reading):
        study.tell(world.oracle.of(range(7)))
        study.ask(3)
    assert [lesson.record for _, lesson in LESSONS] == [frozenset(), frozenset({"seen"})]
    assert reads(reading) == [[7.0]]
    with pytest.raises(MissingSignal, match="Reading reads seen, and Linear does not give it"):
        world.study(strategy=Reading(Recorded("seen")), learner=Linear(ridge=1.0))


def test_records_are_there_again_after_reopening_and_in_an_audit(tmp_path: Path) -> None:
    world = blobs()
    options = {"start": None, "learner": Counting(), "storage": tmp_path / "x.db"}
    study = world.study(strategy=Reading(Recorded("seen"), Recorded("seen", of=Counting("mate"))), **options)
    study.tell(world.oracle.of(range(7)))
    study.model()
    study.close()
    study = Study(world.pool, storage=tmp_path / "x.db")
    study.ask(3)
    assert reads(study) == [[7.0, 7.0]]
    assert len(fitted(study)) == 1
    assert all(row.ok for row in study.audit())


def test_a_strategy_that_wants_records_later_gets_them_from_the_fit_before(tmp_path: Path) -> None:
    world = blobs()
    options = {"start": None, "learner": Counting(), "storage": tmp_path / "x.db"}
    study = world.study(strategy="random", **options)
    study.tell(world.oracle.of(range(7)))
    study.ask(3)
    study = world.study(strategy=Reading(Recorded("seen"), Recorded("seen", age=1)), **options)
    study.ask(3)
    assert reads(study) == [[7.0, 0.0]]
    assert all(row.ok for row in study.audit(refit=True))


@dataclass(frozen=True)
class Pairing(Strategy):
    """Random items, each with a partner in its notes."""

    signal: Signal = Probabilities()

    def query(self, view: View, n: int) -> Batch:
        rows = view.candidates[: min(n, len(view.candidates))]
        return view.batch(rows, notes=[{"partner": int(row) + 1, "share": 0.5} for row in rows])


def test_notes_are_journaled_and_found_in_the_history_by_strategies_and_learners() -> None:
    world = blobs()
    study = world.study(strategy=Pairing(), start=None, learner=Counting())
    study.tell(world.oracle.of([70]))
    batch = study.ask(3)
    assert [dict(note) for note in batch.notes] == [{"partner": row + 1, "share": 0.5} for row in batch.ids]
    assert [line.body["notes"] for line in study.lines() if line.kind == "asked"] == [list(batch.notes)]
    assert [note["partner"] for note in study.history.asked[0].notes] == [1, 2, 3]
    study.tell(world.oracle.of(batch.ids))
    assert study.model().facts["pairs"] == 3
    assert {row: answers[0].value for row, answers in study.history.answers.items()}.keys() == {0, 1, 2, 70}


@pytest.mark.parametrize("stored", [True, False])
def test_a_learner_with_a_memory_finds_it_after_reopening_and_without_weights(tmp_path: Path, stored: bool) -> None:
    world = blobs()
    mate = Counting("mate", memory=True, stored=stored)
    options = {
        "strategy": Reading(Scores(), Scores(of=mate)),
        "learner": Counting(memory=True, stored=stored),
        "start": None,
    }
    whole = world.study(**options)
    whole.tell(world.oracle.of(range(3)))
    whole.run(world.oracle, 15, batch=3)
    assert [[value / 160 for value in read] for read in reads(whole)] == [
        [steps, steps] for steps in (3, 106, 209, 312)
    ]
    storage = tmp_path / "x.db"
    world.study(storage=storage, **options).tell(world.oracle.of(range(3)))
    for budget in (6, 9, 12, 15):
        study = world.study(storage=storage, **options)
        study.run(world.oracle, budget, batch=3)
        study.close()
        if budget != 9:
            shutil.rmtree(tmp_path / "x.db.models", ignore_errors=True)
    study = world.study(storage=storage, **options)
    assert reads(study) == reads(whole)
    assert [body["facts"]["steps"] for body in fitted(study)] == [0, 1, 2, 3]
    assert [body["key"] for body in fitted(study)] == [body["key"] for body in fitted(whole)]
    assert all(row.ok for row in study.audit())
    assert all(row.ok for row in study.audit(refit=True))


def test_the_memory_of_another_learner_is_none_of_ones_own(tmp_path: Path) -> None:
    world = blobs()
    options = {"strategy": Reading(), "start": None, "storage": tmp_path / "x.db"}
    study = world.study(learner=Counting("one", memory=True), **options)
    study.tell({70: "class 0"})
    study.run(world.oracle, 7, batch=3)
    study = world.study(learner=Counting("two", memory=True), **options)
    study.run(world.oracle, 13, batch=3)
    assert [body["facts"]["steps"] for body in fitted(study)] == [0, 1, 0, 1]
    assert all(row.ok for row in study.audit(refit=True))


@dataclass(frozen=True)
class Greedy(Reading):
    """Reads more than its fields say."""

    def query(self, view: View, n: int) -> Batch:
        view[Probabilities()]
        return super().query(view, n)


def test_a_signal_that_no_field_names_is_refused() -> None:
    study = blobs().study(strategy=Greedy(), start=None)
    study.tell({0: "class 0"})
    with pytest.raises(MissingSignal, match="stands in no field of the strategy"):
        study.ask(1)
