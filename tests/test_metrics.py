"""Metrics against numbers on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score
from torch import Tensor, tensor

from askance.errors import BadInput
from askance.metrics import (
    Z95,
    abstains,
    accuracy,
    balanced_accuracy,
    chow_error,
    coverage,
    expected_calibration_error,
    macro_f1,
    measures,
    wilson,
    worst_class_accuracy,
)


def made(seed: int, items: int, classes: int) -> tuple[Tensor, Tensor]:
    dice = np.random.default_rng(seed)
    return torch.from_numpy(dice.dirichlet(np.ones(classes), items)), torch.from_numpy(
        dice.integers(classes, size=items)
    )


def test_accuracy_is_the_share_that_is_right() -> None:
    assert accuracy(tensor([True, False, True, True])) == 0.75


@pytest.mark.parametrize(
    ("right", "items", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (15, 148, 0.0624, 0.1605),  # Newcombe 1998, table I, method 3
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (81, 263, 0.2553, 0.3662),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilsons_interval_is_the_published_one(right: int, items: int, low: float, high: float) -> None:
    assert wilson(right, items) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


def test_wilsons_ends_are_where_the_score_test_is_just_passed() -> None:
    for right, items in ((3, 11), (40, 50)):
        for end in wilson(right, items):
            assert abs(right / items - end) == pytest.approx(Z95 * (end * (1 - end) / items) ** 0.5)


@pytest.mark.parametrize("classes", [2, 5, 30])  # of 30 classes some have no item among 40
def test_means_over_classes_are_those_of_scikit_learn_over_the_classes_of_the_truth(classes: int) -> None:
    probabilities, truth = made(classes, 40, classes)
    guesses = probabilities.argmax(1)
    there = truth.unique().numpy()
    f1 = f1_score(truth, guesses, labels=there, average="macro", zero_division=0)
    shares = [float((guesses[truth == k] == k).double().mean()) for k in there]
    assert macro_f1(guesses, truth) == pytest.approx(f1)
    assert balanced_accuracy(guesses, truth) == pytest.approx(np.mean(shares))
    assert worst_class_accuracy(guesses, truth) == pytest.approx(min(shares))


def test_balanced_accuracy_is_that_of_scikit_learn() -> None:
    probabilities, truth = made(1, 200, 4)
    guesses = probabilities.argmax(1)
    assert balanced_accuracy(guesses, truth) == pytest.approx(balanced_accuracy_score(truth, guesses))


def test_a_class_without_items_is_no_mark_against_a_model_and_a_guess_of_it_is_wrong() -> None:
    truth, guesses = tensor([0, 0, 2, 2]), tensor([0, 1, 2, 2])
    assert macro_f1(guesses, truth) == pytest.approx((2 / 3 + 1) / 2)
    assert balanced_accuracy(guesses, truth) == 0.75
    assert worst_class_accuracy(guesses, truth) == 0.5


def test_the_calibration_error_is_that_of_a_loop_over_bins() -> None:
    probabilities, truth = made(3, 300, 3)
    confidence, guesses = probabilities.max(1)
    for bins in (1, 10, 15):
        total = 0.0
        for low in range(bins):
            inside = (confidence > low / bins) & (confidence <= (low + 1) / bins)
            if inside.any():
                gap = (guesses == truth)[inside].double().mean() - confidence[inside].mean()
                total += float(gap.abs() * inside.double().mean())
        assert expected_calibration_error(probabilities, truth, bins) == pytest.approx(total)


def test_a_bin_of_confidence_holds_its_upper_end() -> None:
    # With two bins, 0.5 lies in the first and 0.51 in the second: |0.5 - 1| and |0.51 - 0|, half of the items each.
    probabilities = tensor([[0.5, 0.5], [0.51, 0.49]], dtype=torch.float64)
    assert expected_calibration_error(probabilities, tensor([0, 1]), bins=2) == pytest.approx((0.5 + 0.51) / 2)


def test_probabilities_that_are_true_are_calibrated() -> None:
    dice = np.random.default_rng(0)
    sure = dice.uniform(0.5, 1, 200_000)
    probabilities = torch.from_numpy(np.stack([sure, 1 - sure], 1))
    truth = torch.from_numpy((dice.random(200_000) > sure).astype(np.int64))
    assert (
        expected_calibration_error(probabilities, truth) < 0.006
    )  # 8 bins used, each off by about 0.45 / sqrt(25,000)
    assert expected_calibration_error(probabilities, 1 - truth) == pytest.approx(0.5, abs=0.01)  # 2 E[sure] - 1


def test_abstaining_costs_its_price_and_saves_the_error() -> None:
    probabilities = tensor([[0.9, 0.1], [0.6, 0.4], [0.6, 0.4], [0.2, 0.8]])
    truth = tensor([0, 1, 0, 0])  # the second and the last are wrong
    none = torch.zeros(4, dtype=torch.bool)
    assert chow_error(probabilities, truth, none, 0.1) == 0.5
    assert chow_error(probabilities, truth, ~none, 0.1) == pytest.approx(0.4)
    abstain = abstains(probabilities, 0.15)  # 0.6 < 0.65
    assert abstain.tolist() == [False, True, True, False]
    assert chow_error(probabilities, truth, abstain, 0.15) == pytest.approx((1 + 2 * 0.35) / 4)
    assert coverage(abstain) == 0.5


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.3, 0.5])
def test_no_other_choice_of_items_has_a_smaller_expected_price_than_chows_rule(gamma: float) -> None:
    probabilities, _ = made(7, 6, 3)
    wrong = 1 - probabilities.max(1).values

    def price(abstain: Tensor) -> float:
        return float(torch.where(abstain, torch.full_like(wrong, 0.5 - gamma), wrong).mean())

    choices = [tensor([bool(code >> bit & 1) for bit in range(6)]) for code in range(64)]
    assert price(abstains(probabilities, gamma)) == pytest.approx(min(price(choice) for choice in choices))


def test_all_metrics_have_a_name_and_are_numbers() -> None:
    probabilities, truth = made(5, 50, 4)
    found = measures(probabilities.float(), truth, gammas=[0.2])
    assert list(found) == [
        "accuracy",
        "macro_f1",
        "balanced_accuracy",
        "worst_class_accuracy",
        "expected_calibration_error",
        "chow_error_0.2",
        "coverage_0.2",
    ]
    guesses = probabilities.argmax(1)
    assert found["accuracy"] == accuracy(guesses == truth) and found["macro_f1"] == macro_f1(guesses, truth)
    assert all(type(value) is float and math.isfinite(value) for value in found.values())


def test_without_items_every_metric_is_none() -> None:
    found = measures(torch.empty(0, 3), torch.empty(0, dtype=torch.int64))
    assert all(math.isnan(value) for value in found.values())


@pytest.mark.parametrize(
    ("probabilities", "truth", "said"),
    [
        (tensor([[0.5, math.nan]]), tensor([0]), "1 of 1 rows hold .* first row 0"),
        (tensor([[0.5, 0.5], [3.0, -2.0]]), tensor([0, 1]), "first row 1: .* softmax"),
        (tensor([[0.5, 0.5]]), tensor([2]), "from 2 to 2, and the probabilities have 2 classes"),
        (tensor([[0.5, 0.5]]), tensor([-1]), "leave out items without a class"),
        (tensor([[0.5, 0.5]]), tensor([0, 1]), "shape .1, 2. and truth has .2,."),
        (tensor([0.5, 0.5]), tensor([0, 1]), "Give .items, classes."),
    ],
)
def test_what_is_no_probability_or_no_class_is_refused(probabilities: Tensor, truth: Tensor, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        measures(probabilities, truth)


def test_a_price_outside_of_zero_and_a_half_is_refused() -> None:
    shares, truth = tensor([[0.5, 0.5]]), tensor([0])
    with pytest.raises(BadInput, match="gamma=0.6"):
        abstains(shares, 0.6)
    with pytest.raises(BadInput, match="abstain has shape .2,. for 1 items"):
        chow_error(shares, truth, tensor([True, False]), 0.1)
    with pytest.raises(BadInput, match="0 bins"):
        expected_calibration_error(shares, truth, bins=0)
    with pytest.raises(BadInput, match="one class number for each item"):
        macro_f1(tensor([0, 1]), tensor([0]))
