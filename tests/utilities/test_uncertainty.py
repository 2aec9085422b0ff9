"""Uncertainty: values on paper, order, and hard cases."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from askance.utilities import uncertainty
from askance.utilities.uncertainty import entropy, least_confidence, margin, mean_margin

Utility = Callable[[Tensor], Tensor]
UTILITIES: list[Utility] = [least_confidence, margin, entropy]


def some(items: int, classes: int) -> Tensor:
    return torch.randn(items, classes, generator=torch.Generator().manual_seed(0), dtype=torch.float64).softmax(1)


def test_values_on_paper() -> None:
    rows = torch.tensor([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]], dtype=torch.float64)
    assert least_confidence(rows).tolist() == pytest.approx([0.5, 0.0, 2 / 3])
    assert margin(rows).tolist() == pytest.approx([-0.25, -1.0, 0.0])
    assert entropy(rows).tolist() == pytest.approx([1.5 * math.log(2), 0.0, math.log(3)])


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = some(101, 7)
    whole = [utility(rows) for utility in UTILITIES]
    monkeypatch.setattr(uncertainty, "_PIECE", 70)
    for utility, expected in zip(UTILITIES, whole, strict=True):
        assert torch.equal(utility(rows), expected)
    torch.testing.assert_close(whole[2], -(rows * rows.log()).sum(1))
    ordered = rows.sort(1).values
    torch.testing.assert_close(whole[1], ordered[:, -2] - ordered[:, -1])


def test_with_two_classes_all_three_agree_on_the_order() -> None:
    rows = some(50, 2)
    orders = [utility(rows).argsort().tolist() for utility in UTILITIES]
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize("utility", UTILITIES)
def test_one_class_is_certain_and_no_items_give_no_numbers(utility: Utility) -> None:
    certain = utility(torch.ones(2, 1))
    assert certain.tolist() == utility(torch.tensor([[0.0, 1.0]] * 2)).tolist()
    assert utility(torch.ones(0, 3)).shape == (0,)


@pytest.mark.parametrize("utility", UTILITIES)
def test_nan_stays_nan(utility: Utility) -> None:
    assert utility(torch.tensor([[float("nan"), 0.5, 0.5], [0.2, 0.3, 0.5]])).isnan().tolist() == [True, False]


def test_a_mean_margin_looks_at_each_label_for_itself() -> None:
    rows = torch.tensor([[0.5, 0.5], [1.0, 0.0], [0.75, 0.5], [0.25, 0.5]])
    assert mean_margin(rows).tolist() == [0.0, -1.0, -0.25, -0.25]  # sure of yes or of no is alike
    assert mean_margin(torch.tensor([[float("nan"), 0.5]])).isnan().all()
    assert mean_margin(torch.zeros(3, 0)).tolist() == [0.0] * 3  # no label is named yet: nothing to be sure of


def test_a_mean_margin_of_one_label_orders_as_the_margin_of_yes_and_no() -> None:
    share = torch.linspace(0, 1, 21).unsqueeze(1)
    torch.testing.assert_close(mean_margin(share), margin(torch.cat([share, 1 - share], 1)))


def test_a_mean_margin_in_pieces_is_the_one_in_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = some(101, 7)
    monkeypatch.setattr(uncertainty, "_PIECE", 70)
    torch.testing.assert_close(mean_margin(rows), -(2 * rows - 1).abs().mean(1))
