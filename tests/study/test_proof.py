"""The live proof of a study: what is compared with what, how skipping widens it, and what it says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from worlds import World, blobs

from askance import Labels, Pool, Study, Targets
from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.linear import Linear
from askance.oracles.known import Known
from askance.strategies.base import Strategy
from askance.study.curve import Saved
from askance.study.gain import Gain
from askance.study.proof import ENOUGH, MOST, Proof, _lacking, prove
from askance.study.saying import accuracy_said, gain_said, saved_said, verdict_said
from askance.study.score import FOLDS, Score
from askance.view import Batch, View

LESSONS: list[Lesson] = []


@dataclass(frozen=True)
class Witness(Linear):
    """Learns, and keeps what it learned from where the test can see it."""

    def fit(self, lesson: Lesson) -> Any:
        LESSONS.append(lesson)
        return super().fit(lesson)


@dataclass(frozen=True)
class Fancy(Strategy):
    """Wants the first items of the pool."""

    def query(self, view: View, n: int) -> Batch:
        return view.batch(view.candidates[:n])


@dataclass(frozen=True, eq=False)
class Reader(Model):
    """Reads the class off the first feature, or the wrong one."""

    right: bool
    facts: Mapping[str, Any] = field(default_factory=dict)

    def outputs(self, items: Any) -> Outputs:
        toward = items[:, 0] if self.right else -items[:, 0]
        return Outputs(scores=torch.stack([-toward, toward], 1))


@dataclass(frozen=True)
class Favoring(Learner):
    """Gets it right if most of what it learned from lies in one half of the pool."""

    first: bool = True

    def fit(self, lesson: Lesson) -> Model:
        return Reader(right=bool(((lesson.labeled < len(lesson.keys) // 2).double().mean() > 0.8) == self.first))


def studied(labels: int = 120, **options: Any) -> tuple[World, Study]:
    world = blobs(items=400, classes=3, features=4, seed=1)
    study = world.study(**{"strategy": "margin", "start": "random", "control": 0.25, "seed": 5, **options})
    study.run(world.oracle, labels)
    return world, study


def halves(first: bool) -> Study:
    """A pool whose first half is asked for, item after item, by whom it may help or hurt to learn from it alone."""
    truth = torch.arange(2000) % 2
    pool = Pool.from_arrays(torch.stack([2.0 * truth - 1, torch.zeros(2000)], 1))
    study = Study(pool, classes=[0, 1], learner=Favoring(first), strategy=Fancy(), start=None, control=0.3, seed=1)
    study.run(Known({row: int(truth[row]) for row in range(2000)}), 200)
    return study


def test_a_proof_is_the_same_twice_and_the_journal_is_left_alone() -> None:
    _, study = studied()
    before = [line.number for line in study.lines()]
    first = prove(study).as_json()
    assert first == prove(study).as_json() == json.loads(json.dumps(first))
    assert [line.number for line in study.lines()] == before


def test_the_order_of_answers_changes_nothing_and_the_seed_of_the_study_does() -> None:
    world, study = studied(labels=0)
    twin = world.study(strategy="margin", start="random", control=0.25, seed=5)
    for _ in range(10):
        batch = study.ask(10).ids
        assert twin.ask(10).ids == batch
        study.tell(world.oracle.of(batch))
        for name in reversed(batch):
            twin.tell(world.oracle.of([name]))
    assert prove(study).as_json() == prove(twin).as_json()
    assert prove(study).as_json() != prove(studied(labels=100, seed=6)[1]).as_json()


def test_both_arms_learn_from_as_many_labels_and_never_from_an_item_they_are_scored_on() -> None:
    _, study = studied(learner=Witness(ridge=1.0), labels=130)
    study.tell({next(iter(set(range(400)) - set(study.labels))): "class 0"})  # nobody asked for it
    control = {row for row in study.state.controls}
    asked = [row for ask in study.history.asked for row in ask.rows if row not in control]
    LESSONS.clear()
    proof = prove(study)
    assert proof.gain is not None and len(LESSONS) <= 30
    size = len(control) - math.ceil(len(control) / FOLDS)
    assert proof.gain.size == size
    learned = [set(lesson.labeled.tolist()) for lesson in LESSONS]
    active = [rows for rows in learned if rows and not rows & control]
    assert sorted(len(rows) for rows in active)[-1] == size and set(asked[:size]) in active
    assert all(rows == set(asked[: len(rows)]) for rows in active)
    arm = [rows for rows in learned if rows <= control and len(rows) == size]
    assert len(arm) == FOLDS
    left = [control - rows for rows in arm]
    assert set.union(*left) == control  # each is left out by the model that is scored on it
    for lesson in LESSONS:
        assert set(lesson.history.answers) == set(lesson.labeled.tolist()) or len(lesson.labeled) > size


def test_everything_is_known_of_a_learner_that_is_right_where_it_was_asked_for() -> None:
    helps, hurts = prove(halves(first=True)), prove(halves(first=False))
    assert helps.gain is not None and hurts.gain is not None
    assert (helps.gain.value, helps.verdict) == (1.0, "helps") and helps.gain.low > 0.9
    assert (hurts.gain.value, hurts.verdict) == (-1.0, "hurts") and hurts.gain.high < -0.9
    assert "Asking this way helps" in helps.sentence and "100.0 points better" in helps.sentence
    assert (hurts.withheld, hurts.more) == (True, 0)
    assert "Asking this way hurts" in hurts.sentence and "Drawing at random would teach it more" in hurts.sentence
    for proof in (helps, hurts):
        assert proof.gain is not None
        assert {(point.arm, point.labels) for point in proof.curve} == {
            *((arm, size) for arm in ("control", "active") for size in (12, 24, proof.gain.size)),
            ("all", 200),
        }


def test_before_there_are_labels_enough_it_says_how_many_more_it_takes() -> None:
    _, study = studied(labels=40)
    assert len(study.state.controls) == 10
    proof = prove(study)
    assert (proof.verdict, proof.more, proof.gain, proof.saved) == ("unknown", ENOUGH - 10, None, None)
    assert proof.sentence == "Unknown yet: about 10 more control labels."
    assert proof.accuracy is not None and proof.accuracy.items == 10
    nothing = prove(blobs().study(control=0.1))
    assert (nothing.accuracy, nothing.more, nothing.curve) == (None, ENOUGH, ())
    assert nothing.as_json()["accuracy"] is None


def test_a_project_without_control_items_is_not_told_to_wait_for_them() -> None:
    world = blobs()
    study = world.study(strategy="random", start=None)
    study.run(world.oracle, 40)
    proof = prove(study)
    assert (proof.verdict, proof.more, proof.accuracy) == ("unknown", 0, None)
    assert "draws no control items" in proof.sentence


def test_where_little_was_asked_for_both_arms_are_small_and_no_curve_is_drawn() -> None:
    _, study = studied(control=0.86, labels=90)
    proof = prove(study)
    asked = 90 - len(study.state.controls)
    assert proof.gain is not None and proof.gain.size == asked < len(study.state.controls) // 5
    assert (proof.saved, proof.withheld, len(proof.curve)) == (None, True, 3)


def test_where_everything_was_drawn_at_random_there_is_nothing_to_compare() -> None:
    _, study = studied(control=1.0, labels=60)
    proof = prove(study)
    assert (proof.verdict, proof.more) == ("unknown", 0) and "nothing to compare" in proof.sentence


def test_items_that_were_skipped_widen_what_is_known_and_move_no_value() -> None:
    _, study = studied()
    full = prove(study)
    control = sorted(study.state.controls)
    names = study.pool.names(torch.tensor(control[:3]))
    study.tell(dict.fromkeys(names), kind="unsure")
    study.learn(study.lesson())
    counted = prove(study)
    assert full.accuracy is not None and counted.accuracy is not None and counted.gain is not None
    assert (full.skipped, counted.skipped, counted.accuracy.items) == (0, 3, len(control) - 3)
    ignored = prove(study, frozenset())
    assert ignored.as_json() == counted.as_json()  # those aside count by themselves
    wide = counted.accuracy.high - counted.accuracy.low
    assert wide > full.accuracy.high - full.accuracy.low + 0.03
    assert "3 more without a label widen" in counted.as_json()["accuracy"]["sentence"]


def test_items_that_people_passed_over_are_told_to_the_proof_by_id() -> None:
    world = blobs(items=400, classes=3, features=4, seed=1, named=True)
    study = world.study(strategy="margin", start="random", control=0.25, seed=5)
    study.run(world.oracle, 120)
    batch = study.ask(20)
    shown = [name for name, stream in zip(batch.ids, batch.streams, strict=True) if stream == "control"]
    plain, passed = prove(study), prove(study, {name: "ann" for name in shown})
    assert (plain.skipped, passed.skipped) == (0, len(shown)) and len(shown) >= 4
    for one, other in ((plain.accuracy, passed.accuracy), (plain.gain, passed.gain)):
        assert one is not None and other is not None
        assert other.low <= one.low and other.high >= one.high and other.value == one.value
    assert passed.accuracy is not None and plain.accuracy is not None and passed.accuracy.low < plain.accuracy.low
    with pytest.raises(BadInput, match="nobody"):
        prove(study, {"nobody"})


@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_labels_and_numbers_are_compared_by_their_own_metric(kind: str) -> None:
    dice = torch.Generator().manual_seed(0)
    items = torch.randn(400, 5, generator=dice)
    scores = items @ torch.randn(5, 2, generator=dice)
    if kind == "labels":
        task: Any = Labels(("a", "b"))
        truth = {row: [name for name, s in zip("ab", scores[row], strict=True) if s > 0.5] for row in range(400)}
    else:
        task, truth = Targets(), {row: float(scores[row, 0]) + 1 for row in range(400)}
    study = Study(
        Pool.from_arrays(items), task=task, learner=Linear(ridge=1.0), strategy="random", start=None, control=0.3
    )
    study.run(Known(truth), 100)
    study.tell({study.pool.names(torch.tensor(sorted(study.state.controls)))[0]: None}, kind="unsure")
    proof = prove(study)
    assert proof.accuracy is not None and proof.gain is not None
    assert proof.accuracy.metric == ("f1" if kind == "labels" else "rmse") and proof.skipped == 1
    assert proof.accuracy.low < proof.accuracy.value < proof.accuracy.high
    assert proof.gain.low < proof.gain.value < proof.gain.high
    all_ = [point for point in proof.curve if point.arm == "all"]
    assert all_[0].value == proof.accuracy.value


def test_for_numbers_a_smaller_error_is_a_gain() -> None:
    gain = Gain(0.25, 0.1, 0.4, 50)
    said = verdict_said("helps", "", gain, 0, "rmse", MOST)
    assert "the model is 0.25 better than after as many drawn at random (from 0.1 to 0.4)" in said
    assert accuracy_said(Score(0.5, 0.4, 0.7, 60, "control", "rmse"), 0).startswith("An error (RMSE) of 0.5 (from 0.4")
    assert accuracy_said(Score(0.5, 0.4, 0.7, 60, "control", "f1"), 0).startswith("An F1 of 50% (from 40% to 70%)")


def test_no_sentence_claims_more_than_the_interval_holds() -> None:
    gained = verdict_said("undecided", "", Gain(0.021, -0.018, 0.06, 64), 60, "accuracy", MOST)
    assert gained == (
        "Not decided: the difference to drawing at random lies between -1.8 and 6.0 points; "
        "it would take about 60 more control labels to tell."
    )
    lost = verdict_said("undecided", "", Gain(-0.012, -0.04, 0.016, 64), MOST, "accuracy", MOST)
    assert lost == "So far asking this way gains nothing over drawing at random (-1.2 points, from -4.0 to 1.6)."
    assert "more than 1,000 more" in verdict_said("undecided", "", Gain(1e-4, -0.1, 0.1, 64), MOST, "accuracy", MOST)
    assert verdict_said("unknown", "control", None, 1, "accuracy", MOST) == "Unknown yet: about 1 more control label."
    assert (
        gain_said(Gain(-1e-9, -0.04, 0.016, 64), "accuracy") == "+0.0 points (from -4.0 to 1.6), both with 64 labels."
    )


def test_labels_saved_are_said_to_be_extrapolated() -> None:
    assert saved_said(Saved(120.4, 30, 400)) == (
        "Asking this way saved about 120 labels (from 30 to 400). This is extrapolated."
    )
    assert "saved about 120 labels (30 or more)" in saved_said(Saved(120.4, 30, math.inf))
    assert "saved 30 labels or more." in saved_said(Saved(math.inf, 30, math.inf))
    shown = Proof(Score(0.5, 0.4, 0.6, 60, "control"), 0, Gain(0.1, 0.05, 0.15, 48), Saved(math.inf, 30, math.inf),
                  False, 0, "helps", "", ())  # fmt: skip
    assert replace(shown, withheld=True).as_json()["saved"] is None
    assert shown.as_json()["saved"] == {
        "value": None, "low": 30, "high": None, "extrapolated": True,
        "sentence": "Asking this way saved 30 labels or more. This is extrapolated.",
    }  # fmt: skip


def test_how_many_more_labels_it_takes_hangs_on_how_far_the_interval_reaches_over_nothing() -> None:
    assert _lacking(50, 0.04, -0.04, 0.12) == 150  # half the width asks for four times the items
    assert _lacking(50, -0.04, -0.12, 0.04) == 150
    assert _lacking(50, 0.0, -0.1, 0.1) == _lacking(50, 1e-3, -0.1, 0.1) == _lacking(50, math.inf, 0, 1) == MOST


@pytest.mark.slow
def test_ten_thousand_items_take_seconds() -> None:
    import time

    dice = torch.Generator().manual_seed(0)
    items = torch.randn(10_000, 256, generator=dice)
    truth = (items[:, :8] @ torch.randn(8, 8, generator=dice)).argmax(1)
    study = Study(Pool.from_arrays(items), classes=range(8), strategy="random", start=None, control=0.2)
    study.run(Known({row: int(truth[row]) for row in range(10_000)}), 500, batch=250)
    begun = time.process_time()
    assert prove(study).gain is not None
    assert time.process_time() - begun < 20  # some two seconds on a machine that is not busy


@pytest.mark.slow
def test_in_simulated_projects_the_intervals_hold_the_truth() -> None:
    from benchmarks.proof import SIZES, measured

    rows = [measured("honeypot", FLAT, seed) for seed in range(1000, 1016)]
    assert len(FLAT) == len(SIZES)
    for what in ("accuracy", "gain"):
        held = sum(row[what][1] <= row[what][3] <= row[what][2] for row in rows)
        assert held >= 12, what  # one in 500 such tests would find fewer if 19 of 20 hold
    assert sum(row["verdict"] == "helps" for row in rows) <= 3


FLAT: list[float] = [0.66, 0.71, 0.735, 0.742, 0.746] + [0.75] * 18  # random labels in the honeypot, by size
