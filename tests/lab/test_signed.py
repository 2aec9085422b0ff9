"""Signed ranks counted out, against brute force over signs and scipy."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from askance.lab.signed import least_p, signed_ranks, wilcoxon


@given(st.lists(st.integers(-4, 4), min_size=2, max_size=9))
def test_the_p_value_is_the_share_of_patterns_of_signs_that_are_as_far_off(differences: list[int]) -> None:
    values = np.array(differences, dtype=float)
    place = stats.rankdata(np.abs(values))[values != 0]  # zeros take the lowest ranks with them
    signs = np.sign(values[values != 0])
    seen = abs((place * signs).sum())
    sums = [abs((place * np.array(pattern)).sum()) for pattern in product([-1, 1], repeat=len(place))]
    assert signed_ranks(values) == pytest.approx(np.mean([one >= seen - 1e-9 for one in sums]))


@pytest.mark.parametrize("count", [2, 5, 20, 50, 100])
def test_without_ties_it_is_the_exact_test_of_scipy(count: int) -> None:
    values = np.random.default_rng(count).normal(0.2, 1, count)
    assert signed_ranks(values) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)


def test_where_counting_ends_the_normal_law_goes_on() -> None:
    values = np.random.default_rng(0).normal(0.2, 1, 101)
    assert signed_ranks(values) == wilcoxon(values)
    assert signed_ranks(values) == pytest.approx(stats.wilcoxon(values, method="exact").pvalue, rel=0.05)


def test_differences_that_are_equal_but_for_rounding_are_ties() -> None:
    values = np.array([0.3 - 0.2, 0.2 - 0.1, -(0.8 - 0.7), 0.5])
    assert signed_ranks(values) == signed_ranks([1.0, 1.0, -1.0, 5.0]) == 0.5


def test_holes_are_left_out_and_too_little_is_no_test() -> None:
    assert signed_ranks([1.0, math.nan, 2.0, 3.0, 4.0]) == 0.125
    assert math.isnan(signed_ranks([1.0, math.nan])) and math.isnan(signed_ranks([]))
    assert signed_ranks([0.0, 0.0, 0.0]) == 1.0
    assert signed_ranks([0.0, 1.0]) == 1.0


def test_no_differences_have_less_than_the_least_p_value() -> None:
    for count in range(2, 12):
        assert signed_ranks(np.arange(1.0, count + 1)) == pytest.approx(least_p(count))
    assert least_p(6, tests=3) == 3 / 32 and least_p(0) == 1 and least_p(3, tests=100) == 1


def test_it_keeps_the_level_where_nothing_differs() -> None:
    dice = np.random.default_rng(4)
    rejected = sum(signed_ranks(dice.normal(size=12).round(1)) < 0.05 for _ in range(1000))
    assert stats.binomtest(rejected, 1000, 0.05, alternative="greater").pvalue > 0.01
    assert rejected > 25  # with 12 data sets .05 can nearly be reached
