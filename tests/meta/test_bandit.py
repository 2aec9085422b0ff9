"""A bandit over strategies: credit through notes and history."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pytest

from askance.errors import BadInput
from askance.given import view
from askance.history import Answer, Asked, History
from askance.meta.bandit import Bandit, asked, credits, names_of
from askance.oracles.known import Known
from askance.pool import Pool
from askance.selection.volume import LargestVolume
from askance.strategies.base import Strategy
from askance.strategies.uncertainty import Margin
from askance.study.study import Study
from askance.task import Classes
from askance.testing.worlds import LEARNER, THREE, small_labels, small_pool, small_world
from askance.view import Batch, View
from tests.pins import pins

TWO = Classes(("a", "b"))


@dataclass(frozen=True)
class Broken(Strategy):
    """Fails."""

    def query(self, view: View, n: int) -> Batch:
        raise ZeroDivisionError("nothing to divide by")


@dataclass(frozen=True)
class Short(Strategy):
    """Wants the first candidate alone."""

    def query(self, view: View, n: int) -> Batch:
        return view.batch(view.candidates[:1], reason="done")


ARMS = ("margin", "entropy")


def past(*picks: tuple[int, float, str, str]) -> History:
    """One batch of picks: arm, chance, guess and answer."""
    notes = tuple({"arm": arm, "name": ARMS[arm], "chance": chance, "guess": guess} for arm, chance, guess, _ in picks)
    rows = tuple(range(len(picks)))
    answers = {row: (Answer(label),) for row, (*_, label) in enumerate(picks)}
    return History((Asked(0, 0, rows, ("active",) * len(rows), notes, "Bandit"),), MappingProxyType(answers))


@pins(
    "bandit",
    "definition",
    "Chances after two picks are those of Exp3 by hand.",
    "p_k = (1 - g) w_k / sum w + g / K, w_k = exp(rate / K * sum r / p)",
)
def test_chances_are_those_of_exp3_by_hand() -> None:
    history = past((0, 0.5, "a", "b"), (1, 0.25, "b", "b"))  # the first surprised, the second did not
    bandit = Bandit(ARMS, explore=0.1, rate=0.5)
    paper = replace(view(probabilities=[[0.5, 0.5]] * 4), history=history, task=TWO)
    first = math.exp(0.5 / 2 * 1 / 0.5)
    expected = 0.9 * first / (first + 1) + 0.05
    assert bandit.chances(paper) == pytest.approx([expected, 1 - expected])


def test_what_has_no_answer_or_no_chance_gives_no_credit() -> None:
    history = past((0, 0.5, "a", "b"), (1, 0.5, "a", "a"))
    asked_, answers = history.asked[0], {0: history.answers[0]}
    other = replace(asked_, notes=({"arm": 0}, asked_.notes[1]))
    assert list(credits(history, TWO, ARMS)) == [(0, 0.5, 1.0), (1, 0.5, 0.0)]
    assert list(credits(replace(history, answers=MappingProxyType(answers)), TWO, ARMS)) == [(0, 0.5, 1.0)]
    assert list(credits(replace(history, asked=(other,)), TWO, ARMS)) == [(1, 0.5, 0.0)]


def test_what_somebody_else_asked_by_chance_gives_no_credit() -> None:
    world, bandit = small_world(labeled=12), Bandit(("margin", "entropy"))
    notes = ({"chance": 1.0}, {"utility": -0.2, "gap": 0.2, "chance": 0.7})  # as neuronal writes them
    history = replace(world.history, asked=(Asked(0, 0, (0, 1), ("active",) * 2, notes, "neuronal"),))
    assert list(credits(history, THREE, ARMS)) == []
    assert len(bandit.query(replace(world.view(bandit, LEARNER), history=history), 3)) == 3


def test_credit_stays_what_it_was_when_classes_are_merged_and_renamed() -> None:
    history = past((0, 0.5, "c", "b"), (1, 0.5, "b", "b"), (1, 0.5, "a", "b"), (0, 0.5, "c", "c"))
    task = Classes(("a", "b", "c"))
    assert [surprised for *_, surprised in credits(history, task, ARMS)] == [1, 0, 1, 0]
    merged = task.merged("a", "b").renamed("c", "d")
    assert [surprised for *_, surprised in credits(history, merged, ARMS)] == [1, 0, 0, 0]


def test_credit_follows_a_strategy_and_not_its_place() -> None:
    history = past((0, 0.5, "a", "b"), (1, 0.25, "a", "a"))
    assert list(credits(history, TWO, ("entropy", "margin"))) == [(1, 0.5, 1.0), (0, 0.25, 0.0)]
    assert list(credits(history, TWO, ("typiclust", "entropy"))) == [(1, 0.25, 0.0)]
    assert list(credits(history, TWO, ("badge", "k-center"))) == []
    assert list(credits(history, TWO, (Margin(select=LargestVolume()), "entropy"))) == [(1, 0.25, 0.0)]
    assert list(credits(history, TWO, ("margin", "entropy", "margin", "entropy"))) == list(credits(history, TWO, ARMS))
    asked_ = replace(history.asked[0], notes=({"arm": 0, "chance": 0.5, "guess": 0},) * 2)
    assert list(credits(replace(history, asked=(asked_,)), TWO, ARMS)) == []  # which column that was, nobody knows


def test_notes_of_a_pick_name_the_arm_and_the_class() -> None:
    world, bandit = small_world(labeled=12), Bandit(("margin", "k-center"))
    for note in bandit.query(world.view(bandit, LEARNER), 5).notes:
        assert note["name"] == ("margin", "k-center")[note["arm"]] and note["guess"] in THREE.names


@pins("bandit", "law", "Without credit each of two arms has its turn in half of a thousand picks.")
def test_arms_have_turns_by_their_chances() -> None:
    world, bandit = small_world(), Bandit(("margin", "k-center"))
    arms = [note["arm"] for seed in range(100) for note in bandit.query(world.view(bandit, LEARNER, seed), 10).notes]
    assert abs(np.mean(arms) - 0.5) < 4 * 0.5 / math.sqrt(1000)


def test_every_item_of_a_stream_has_a_turn_of_its_own() -> None:
    pool, bandit = small_pool(), Bandit(("margin", "entropy"))
    study = Study(pool, classes=range(3), strategy=bandit, learner=LEARNER, start=None, control=0)
    study.tell(Known(small_labels(pool)).of(pool.names(range(9))))
    passage = study.consider(pool.names(range(9, 39)))
    arms = [note["arm"] for note in passage.picks.batch.notes]
    assert len(arms) == 30 and 5 < sum(arms) < 25  # by chances that are even it is outside once in 3,000 times
    assert [row.ok for row in study.audit()] == [True]


def test_once_an_arm_has_no_more_the_chance_beside_a_pick_is_the_one_it_was_drawn_with() -> None:
    world, bandit = small_world(), Bandit((Short(), "margin", "entropy"))
    notes = bandit.query(world.view(bandit, LEARNER), 9).notes
    first = [note["arm"] for note in notes].index(0)
    assert [round(note["chance"], 6) for note in notes] == [round(1 / 3, 6)] * (first + 1) + [0.5] * (8 - first)


def test_an_arm_that_fails_is_left_out_and_named() -> None:
    bandit, world = Bandit(("margin", Broken())), small_world()
    batch = bandit.query(world.view(bandit, LEARNER), 5)
    assert {note["arm"] for note in batch.notes} == {0}
    assert batch.said == "Broken was left out: ZeroDivisionError: nothing to divide by"
    assert batch.notes[0]["chance"] == 1.0
    with pytest.raises(BadInput, match="Every strategy inside failed. Broken: ZeroDivisionError"):
        asked((Broken(), Broken()), world.view(bandit, LEARNER), 2, "arms")


def test_names_that_stand_twice_are_told_apart() -> None:
    assert names_of(("margin", "entropy", "margin")) == ("margin", "entropy", "margin-2")


def test_one_arm_is_refused() -> None:
    with pytest.raises(BadInput, match="nothing to choose"):
        Bandit(("margin",))
    with pytest.raises(BadInput, match="explore"):
        Bandit(explore=0.0)


def test_the_arm_that_finds_what_surprises_is_drawn_more() -> None:
    """One cloud that is well known, and twenty far ones: entropy looks between classes, k-center goes far."""
    dice = np.random.default_rng(0)
    centers = np.concatenate([np.zeros((1, 12)), 6 * dice.standard_normal((20, 12))])
    cloud = np.concatenate([np.zeros(300, int), np.repeat(np.arange(1, 21), 5)])
    items = (centers[cloud] + 0.1 * dice.standard_normal((400, 12))).astype(np.float32)
    labels = np.where(cloud == 0, (items[:, 0] > 0).astype(int), 2 + cloud % 4)
    pool = Pool.from_arrays(items)
    study = Study(pool, classes=tuple(range(6)), strategy=Bandit(("entropy", "k-center")), learner=LEARNER, start=None)
    study.tell({row: int(labels[row]) for row in range(40)})
    for _ in range(3):
        study.tell({row: int(labels[row]) for row in study.ask(10).ids})
    chances = {note["arm"]: note["chance"] for note in study.ask(10).notes}
    assert chances.get(1, 1 - chances.get(0, 1.0)) > 0.6
