"""GALAXY: where kinds meet along a line, and a round that each answer leads on."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from askance import Known, Pool, Study
from askance.errors import BadInput
from askance.given import select, view
from askance.strategies.cuts import Galaxy
from askance.task import Classes
from askance.utilities.cuts import bisecting, order
from tests.pins import pins


def plainly(kinds: list[int]) -> int | None:
    """The rule of the paper, place by place."""
    told = [place for place, kind in enumerate(kinds) if kind]
    meetings = [(a, b) for a, b in pairwise(told) if kinds[a] != kinds[b]]
    stretches = [(b - a - 1, a, b) for a, b in meetings if b - a > 1]
    if stretches:
        _, a, b = min(stretches, key=lambda found: found[0])
        return (a + b) // 2
    near = [
        (min(abs(place - a), abs(place - b)), place)
        for place, kind in enumerate(kinds)
        if not kind
        for a, b in meetings
    ]
    return min(near)[1] if near else None


@pins("galaxy", "brute force", "Against the rule written place by place, on 2,000 drawn lines.")
def test_the_place_is_that_of_the_rule_written_plainly() -> None:
    dice = random.Random(0)
    for _ in range(2_000):
        open_ = dice.random()
        kinds = [0 if dice.random() < open_ else dice.choice((-1, 1)) for _ in range(dice.randrange(12))]
        assert bisecting(torch.tensor(kinds, dtype=torch.int64)) == plainly(kinds), kinds


@pins(
    "galaxy", "definition", "Items of a class come first in its order, the surest ahead, the others by how far below."
)
def test_the_order_of_a_class_goes_on_behind_its_own_items() -> None:
    beliefs = torch.tensor([[0.5, 0.4, 0.1], [0.6, 0.3, 0.1], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])
    lines = [order(beliefs, column, torch.arange(4)).tolist() for column in range(3)]
    assert lines[0] == [1, 0, 2, 3]  # its own at .6 and .5, then .3 and .4 below
    assert lines[1] == [2, 0, 1, 3]  # its own, then .1, .3 and .4 below
    assert lines[2] == [3, 0, 1, 2]  # its own, .4 below, and twice .5 below .6: those two as they came
    assert order(beliefs, 2, torch.arange(4).flip(0)).tolist() == [3, 0, 2, 1]


def line(count: int, meets: int) -> tuple[Tensor, list[int]]:
    """Items along one line that the model has in order, though it is wrong about where the classes meet."""
    sure = torch.linspace(0.99, 0.01, count)
    return torch.stack([sure, 1 - sure], 1), [int(place >= meets) for place in range(count)]


@pins("galaxy", "law", "A cut among 200 items is found by as many labels as halving them takes, 8.")
def test_a_cut_is_found_by_halving() -> None:
    beliefs, truth = line(200, meets=37)
    labeled = [0, 199]
    for _ in range(8):
        paper = view(
            probabilities=beliefs, labeled=labeled, labels=[truth[row] for row in labeled], task=Classes((0, 1))
        )
        batch = Galaxy().query(paper, 10)
        assert batch.reason == "waiting"
        labeled += batch.ids
    assert {36, 37} <= set(labeled)


def test_what_waits_for_an_answer_stands_for_the_guess() -> None:
    beliefs, _ = line(9, meets=4)
    two = Classes((0, 1))
    paper = view(probabilities=beliefs, labeled=[0, 8], labels=[0, 1], pending=[4], task=two)
    told = view(probabilities=beliefs, labeled=[0, 4, 8], labels=[0, int(beliefs[4, 1] > 0.5), 1], task=two)
    assert Galaxy().query(paper, 1).ids == Galaxy().query(told, 1).ids
    assert Galaxy(together=20).query(paper, 20).reason == ""  # all that is left, and nothing to wait for


def test_labeled_items_outside_of_the_pool_stand_in_the_line() -> None:
    beliefs, truth = line(9, meets=4)
    known = [0, 5, 8]
    rest = [row for row in range(9) if row not in known]
    found = select(
        "galaxy",
        1,
        probabilities=beliefs[rest],
        labeled_probabilities=beliefs[known],
        labels=[truth[row] for row in known],
    )
    inside = view(probabilities=beliefs, labeled=known, labels=[truth[row] for row in known], task=Classes((0, 1)))
    assert [rest[place] for place in found] == Galaxy().query(inside, 1).ids == [2]


def test_without_labels_of_two_kinds_it_draws_by_chance() -> None:
    beliefs, _ = line(40, meets=20)
    found = {int(select("galaxy", 1, probabilities=beliefs, seed=seed)[0]) for seed in range(30)}
    assert len(found) > 10


def test_a_study_asks_one_by_one_and_trains_once_a_round() -> None:
    points = np.random.default_rng(0).normal(size=(120, 3)).astype("float32")
    truth = (points[:, 0] > 0.3).astype(int).tolist()
    study = Study(Pool.from_arrays(points), classes=(0, 1), strategy="galaxy", seed=1)
    study.run(Known(dict(enumerate(truth))), budget=40, batch=10)
    asked = [one for one in study.history.asked if one.strategy == "galaxy"]
    assert len(study.labels) == 40
    assert {len(one.rows) for one in asked} == {1} and len(asked) >= 30  # the first round may have been a cold start
    assert [one.round for one in asked[-10:]] == [asked[-1].round] * 10
    assert [one.reason for one in asked[-10:]] == ["waiting"] * 9 + [""]


@pytest.mark.parametrize("together", [0, -1])
def test_it_wants_something_to_ask(together: int) -> None:
    with pytest.raises(BadInput, match="Use 1 or more"):
        Galaxy(together=together)
