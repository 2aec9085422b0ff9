"""How good a model is, by the metric of each task, on paper."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from askance import BadInput, Classes, Labels, Targets
from askance.metrics import wilson
from askance.study.score import Score, measure

TOLD = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
GUESSED = torch.tensor([[0.9, 0.6], [0.8, 0.2], [0.1, 0.4], [0.4, 0.0]])  # one made up, one missed, two found


def labels(guessed: Tensor, told: Tensor) -> Score:
    return measure(Labels(("a", "b")), guessed, told, "held-out", 0)


def test_labels_are_scored_by_those_found_missed_and_made_up_and_by_items_that_are_right_as_a_whole() -> None:
    score = labels(GUESSED, TOLD)
    assert (score.metric, score.value, score.items) == ("f1", 2 * 2 / (3 + 3), 4)
    assert score.whole == (0.5, *wilson(2, 4))
    assert "F1 0.667" in str(score) and "on 4 held-out items, 50.0% [" in str(score)
    assert str(score).endswith("of them with every label right")


def test_a_model_that_finds_no_rare_label_is_not_flattered() -> None:
    told = torch.zeros(50, 2)
    told[0] = 1
    assert labels(torch.zeros(50, 2), told).value == 0.0


def test_where_no_label_is_to_be_found_and_none_is_found_all_is_right() -> None:
    score = labels(torch.zeros(5, 2), torch.zeros(5, 2))
    assert (score.value, score.low, score.high) == (1.0, 1.0, 1.0)
    assert labels(torch.ones(5, 2), torch.zeros(5, 2)).value == 0.0


def test_numbers_are_scored_by_their_error_in_their_own_units() -> None:
    score = measure(Targets(), torch.tensor([[0.0], [0.0]]), torch.tensor([[3.0], [4.0]]), "control", 0)
    assert score.metric == "rmse" and score.value == pytest.approx((25 / 2) ** 0.5)
    assert (score.low, score.high) == pytest.approx((3.0, 4.0)) and "error (RMSE) 3.54" in str(score)


def test_classes_are_scored_as_ever() -> None:
    score = measure(Classes((0, 1)), torch.eye(2)[[0, 1, 1]], torch.eye(2)[[0, 1, 0]], "held-out", 0)
    plain = Score(2 / 3, *wilson(2, 3), 3, "held-out")
    assert replace(score, abstaining=()) == plain and score.accuracy == score.value
    with pytest.raises(BadInput, match="f1, not an accuracy"):
        _ = labels(GUESSED, TOLD).accuracy


def test_classes_are_priced_at_two_gammas_as_if_items_might_go_unanswered() -> None:
    shares = torch.tensor([[0.9, 0.1], [0.62, 0.38], [0.45, 0.55], [0.2, 0.8]])  # right, wrong, right, right
    score = measure(Classes((0, 1)), shares, torch.eye(2)[[0, 1, 1, 1]], "held-out", 0)
    assert score.abstaining == (
        (0.1, pytest.approx((0.4 + 1) / 4), 0.75),  # 0.62 is above 0.6
        (0.15, pytest.approx(2 * 0.35 / 4), 0.5),
    )
    assert score.measured()["coverage_0.15"] == 0.5
    assert labels(GUESSED, TOLD).abstaining == ()


def test_an_interval_is_the_same_twice_and_holds_the_truth_as_often_as_it_says() -> None:
    dice = torch.Generator().manual_seed(0)
    held = []
    for _ in range(60):
        errors = torch.randn(80, 1, generator=dice)
        score = measure(Targets(), errors, torch.zeros(80, 1), "held-out", 0)
        held.append(score.low <= 1 <= score.high)
    assert score == measure(Targets(), errors, torch.zeros(80, 1), "held-out", 0)
    assert 0.8 <= np.mean(held) <= 1


@pytest.mark.parametrize(
    "score",
    [
        labels(GUESSED, TOLD),
        measure(Targets(), torch.zeros(3, 1), torch.ones(3, 1), "held-out", 0),
        Score(0.5, 0.1, 0.9, 4, "held-out"),
        measure(Classes((0, 1)), torch.eye(2) * 0.6 + 0.2, torch.eye(2), "held-out", 0),
        Score(0.5, 0.1, 0.9, 4, "held-out", "f1"),  # of a journal from before the share of whole items was kept
    ],
    ids=lambda score: score.metric,
)
def test_a_score_comes_back_from_the_journal(score: Score) -> None:
    kept = json.loads(json.dumps(score.measured(), sort_keys=True))
    assert Score.read(kept, "held-out") == score


def test_fifty_thousand_items_need_no_number_for_each_item_and_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    monkeypatch.setattr("askance.study.score.RESAMPLES", 40)
    truth = torch.ones(50_000, 1)
    tracemalloc.start()
    try:
        measure(Targets(), 0 * truth, truth, "held-out", 0)
        assert tracemalloc.get_traced_memory()[1] < 40 * 50_000 * 8 / 4
    finally:
        tracemalloc.stop()
