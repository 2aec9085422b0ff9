"""Metrics of weighted items and their intervals: those of equal weights are the known ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from askance import Classes, Labels, Targets
from askance.metrics import wilson
from askance.study.evidence import Weights
from askance.study.intervals import between, error_between, interval, student
from askance.study.score import measure
from askance.study.weighted import decided, error, expected, extremes, parts, resampled, value
from askance.task import Task

NONE = torch.zeros(0, 2, dtype=torch.float64)
TASKS = (Classes((0, 1, 2)), Labels((0, 1, 2)), Targets(3))


def alike(items: int) -> Weights:
    return Weights(torch.full((items,), 1 / items, dtype=torch.float64), torch.zeros(0, dtype=torch.float64))


def pairs(items: int) -> tuple[Tensor, Tensor]:
    dice = torch.Generator().manual_seed(0)
    truth = torch.nn.functional.one_hot(torch.randint(3, (items,), generator=dice), 3).double()
    return (truth + 0.8 * torch.rand(items, 3, generator=dice).double()) / 2, truth


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_items_of_equal_weight_give_the_score_that_studies_have(task: Task) -> None:
    guesses, truth = pairs(30)
    found = parts(task, guesses, truth)
    score = measure(task, guesses, truth, "control", 0)
    assert float(value(task, found.sum(0).numpy())) == pytest.approx(score.value)
    assert float(error(task, value(task, found.sum(0).numpy()))) >= 0


def test_classes_of_equal_weight_have_wilsons_interval() -> None:
    right = torch.tensor([[1.0, 1.0]] * 8 + [[0.0, 1.0]] * 2, dtype=torch.float64)
    assert interval(TASKS[0], right, NONE, alike(10), 0) == pytest.approx(wilson(8, 10))


def test_known_items_shift_an_interval_and_do_not_make_it_narrower() -> None:
    right = torch.tensor([[1.0, 1.0]] * 8 + [[0.0, 1.0]] * 2, dtype=torch.float64)
    wrong = torch.tensor([[0.0, 1.0]] * 2, dtype=torch.float64)
    weights = Weights(torch.full((10,), 0.09, dtype=torch.float64), torch.full((2,), 0.05, dtype=torch.float64))
    low, high = wilson(8, 10)
    assert interval(TASKS[0], right, wrong, weights, 0) == pytest.approx((low - 0.08, high - 0.08))


def test_where_all_labels_are_found_the_interval_does_not_end_there() -> None:
    found = torch.ones(25, 2, dtype=torch.float64)
    low, high = interval(TASKS[1], found, NONE, alike(25), 0)
    assert 0.8 < low < 0.95 and high <= 1


def test_an_error_has_an_interval_that_holds_it_as_often_as_it_says() -> None:
    dice = torch.Generator().manual_seed(1)
    held = [
        low <= 1 <= high
        for low, high in (
            error_between(torch.randn(40, generator=dice).double().square(), NONE[:, 0], alike(40), 0)
            for _ in range(100)
        )
    ]
    assert sum(held) >= 88


def test_resamples_differ_as_a_mean_of_so_many_items_does() -> None:
    column = torch.tensor([[0.0], [1.0]] * 50, dtype=torch.float64)
    sums = resampled(column, column[:0], alike(100), 3)
    assert sums[0, 0] == pytest.approx(0.5) and len(sums) == 2001
    assert sums[1:].mean() == pytest.approx(0.5, abs=0.005)
    assert sums[1:].std() == pytest.approx(0.05, rel=0.1)
    assert np.array_equal(sums, resampled(column, column[:0], alike(100), 3))
    assert not np.array_equal(sums, resampled(column, column[:0], alike(100), 4))


def test_made_up_items_are_drawn_with_their_share_and_stay_out_of_the_value() -> None:
    column, more = torch.zeros(8, 1, dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64)
    sums = resampled(column, column[:0], alike(8), 0, more)
    assert sums[0, 0] == 0 and sums[1:].mean() == pytest.approx(0.2, abs=0.01)  # two of ten items


def test_known_items_stay_in_every_resample_and_take_nothing_from_what_others_vary_by() -> None:
    column, known = torch.tensor([[0.0], [1.0]] * 50, dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64)
    weights = Weights(torch.full((100,), 0.008, dtype=torch.float64), torch.full((2,), 0.1, dtype=torch.float64))
    sums = resampled(column, known, weights, 3)
    assert sums[0, 0] == pytest.approx(0.4 + 0.2) and sums[1:].mean() == pytest.approx(0.6, abs=0.005)
    assert sums[1:].std() == pytest.approx(0.05, rel=0.1)


def test_a_variance_that_resamples_do_not_know_makes_an_interval_wider() -> None:
    values = np.random.default_rng(0).normal(1, 0.3, 100_000)
    narrow, wide = between(values, 0, 1000, 0), between(values, 0.16, 1000, 0)
    assert narrow == pytest.approx((1 - 0.588, 1 + 0.588), abs=0.01)
    assert wide == pytest.approx((1 - 0.98, 1 + 0.98), abs=0.02)  # sqrt(0.09 + 0.16) = 0.5


def test_few_items_have_students_interval_and_never_one_of_no_width() -> None:
    values = np.random.default_rng(0).normal(0, 0.3, 100_000)
    assert between(values, 0, 10, 0)[1] == pytest.approx(0.3 * 2.262 * math.sqrt(10 / 9), abs=0.01)
    assert between(np.zeros(100), 0, 10, 0.25) == pytest.approx((-1.131, 1.131), abs=0.001)
    assert between(np.zeros(100), 0, 10, 0) == (0, 0)
    assert student(10) == pytest.approx(2.262, abs=1e-3)


def test_the_expected_metric_is_that_of_truth_drawn_from_a_reference() -> None:
    reference = torch.tensor([[0.7, 0.3], [0.2, 0.8]], dtype=torch.float64)
    guesses = torch.tensor([[0.9, 0.1], [0.6, 0.4]], dtype=torch.float64)
    assert expected(Classes((0, 1)), guesses, reference, 0) == pytest.approx((0.7 + 0.2) / 2)
    assert expected(Labels((0, 1)), guesses, reference, 0) == pytest.approx(2 * (0.7 + 0.2) / (2 + 2))
    assert expected(Targets(2), guesses, guesses + 3, 16) == pytest.approx(5)


def test_what_is_decided_is_a_target() -> None:
    guesses = torch.tensor([[0.6, 0.4], [0.1, 0.2]], dtype=torch.float64)
    assert decided(Classes((0, 1)), guesses).tolist() == [[1, 0], [0, 1]]
    assert decided(Labels((0, 1)), guesses).tolist() == [[1, 0], [0, 0]]
    assert decided(Targets(2), guesses) is guesses


def test_an_item_without_a_label_is_at_worst_wrong_and_at_best_right() -> None:
    drawn = torch.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    assert [end.tolist() for end in extremes(TASKS[0], drawn)] == [[0, 1], [1, 1]]
    labels = torch.tensor([[1.0, 2.0], [0.0, 1.0]], dtype=torch.float64)
    assert [end.tolist() for end in extremes(TASKS[1], labels)] == [[0, 1.5], [1.5, 1.5]]
    squares = torch.tensor([[4.0, 1.0], [0.5, 1.0]], dtype=torch.float64)
    assert [end.tolist() for end in extremes(TASKS[2], squares)] == [[4, 1], [0, 1]]
