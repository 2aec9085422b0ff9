"""Metrics against numbers on paper."""

from __future__ import annotations

import pytest
from torch import tensor

from askance.metrics import Z95, accuracy, wilson


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
