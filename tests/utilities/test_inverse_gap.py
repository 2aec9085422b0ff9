from __future__ import annotations

import pytest
import torch

from askance.errors import BadInput
from askance.utilities.inverse_gap import chances, gap_of
from tests.pins import pins


@pins(
    "neuronal",
    "definition",
    "Inverse gap weighting in plain code.",
    "p = w* / (mu w* + gamma (w - w*)), the rest at w*",
)
def test_chances_are_those_of_the_definition() -> None:
    gaps = [0.3, 0.1, 0.5, 0.2]
    expected = [0.1 / (8 * 0.1 + 5 * (gap - 0.1)) for gap in gaps]
    expected[1] = 1 - expected[0] - expected[2] - expected[3]
    found = chances(torch.tensor(gaps, dtype=torch.float64), base=8.0, slope=5.0)
    assert found.tolist() == pytest.approx(expected) and float(found.sum()) == pytest.approx(1)


@pins(
    "neuronal", "defect", "Released code divides by the least gap, which may be 0, and gets NaN; ours shares at gap 0."
)
def test_a_gap_of_zero_takes_all_and_is_no_nan() -> None:
    assert chances(torch.tensor([0.2, 0.0, 0.1])).tolist() == [0.0, 1.0, 0.0]
    assert chances(torch.tensor([0.0, 0.2, 0.0])).tolist() == [0.5, 0.0, 0.5]
    assert chances(torch.zeros(4)).tolist() == [0.25] * 4


def test_the_order_of_the_items_does_not_matter() -> None:
    gaps = torch.rand(50, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(chances(gaps)[order], chances(gaps[order]), atol=1e-12)


def test_with_more_items_than_the_base_allows_for_the_least_keeps_nothing() -> None:
    found = chances(torch.tensor([0.1, 0.1001, 0.1002, 0.1003]), base=1.5, slope=1.5)
    assert float(found.sum()) == pytest.approx(1) and found[0] == 0


def test_where_there_is_no_other_class_all_are_as_likely() -> None:
    assert gap_of(torch.zeros(2, 1)).tolist() == [torch.inf] * 2
    assert chances(gap_of(torch.zeros(2, 1))).tolist() == [0.5, 0.5]
    assert chances(torch.zeros(0)).tolist() == []


@pytest.mark.parametrize(("base", "slope"), [(0.0, 1.0), (1.0, -1.0)])
def test_what_gives_no_chances_is_refused(base: float, slope: float) -> None:
    with pytest.raises(BadInput, match="Use 1000.0"):
        chances(torch.zeros(2), base, slope)
