"""Uncertainty: values on paper, order, and hard cases."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from askance.utilities import uncertainty
from askance.utilities.uncertainty import entropy, least_confidence, margin

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
