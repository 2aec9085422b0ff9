"""The hierarchical bootstrap against laws on paper and simulated truths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from askance.errors import BadInput
from askance.lab.bootstrap import hierarchical


@pytest.mark.parametrize("level", [0.05, 0.3173])
def test_the_interval_is_as_wide_as_students_of_the_means_of_the_data_sets(level: float) -> None:
    dice = np.random.default_rng(0)
    given = [dice.normal(dice.normal(), 2, seeds) for seeds in (3, 5, 8, 4, 6)]
    means = np.array([values.mean() for values in given])
    found = hierarchical(given, resamples=40_000, level=level)
    assert found.mean == pytest.approx(means.mean())
    half = stats.t.ppf(1 - level / 2, 4) * means.std(ddof=1) / math.sqrt(5)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.05)


def test_with_two_seeds_and_two_data_sets_the_shares_can_be_counted() -> None:
    # A data set is (-1, 1): two drawn data sets give four signs; their sum is above 0 in 5 of 16 cases, 0 in 6.
    found = hierarchical([[-1.0, 1.0], [-1.0, 1.0]], resamples=40_000)
    assert found.above == pytest.approx(5 / 16, abs=0.01) and found.below == pytest.approx(5 / 16, abs=0.01)
    assert (found.low, found.high) == (0, 0)  # the means of both data sets are 0: they agree


def test_a_data_set_counts_once_however_many_seeds_it_had() -> None:
    found = hierarchical([[1.0] * 50, [0.0]], resamples=40_000)
    assert found.mean == 0.5 and found.above == pytest.approx(0.75, abs=0.01)


def test_data_sets_that_disagree_make_it_wide_whatever_the_seeds() -> None:
    dice = np.random.default_rng(1)
    effects = dice.normal(0, 1, 10)
    found = hierarchical([dice.normal(effect, 0.1, 100) for effect in effects])
    assert found.high - found.low == pytest.approx(2 * 2.262 * effects.std(ddof=1) / math.sqrt(10), rel=0.1)


@pytest.mark.parametrize(("datasets", "between"), [(2, 1.0), (3, 1.0), (6, 1.0), (10, 1.0), (6, 0.1)])
def test_the_interval_holds_the_truth_as_often_as_it_says(datasets: int, between: float) -> None:
    dice = np.random.default_rng(2)
    hits = 0
    for trial in range(400):
        given = [dice.normal(0.3 + between * dice.normal(), 1, 10) for _ in range(datasets)]
        found = hierarchical(given, resamples=400, seed=trial)
        hits += found.low <= 0.3 <= found.high
    assert stats.binomtest(hits, 400, 0.95).pvalue > 0.01


def test_the_dice_decide_nothing_else() -> None:
    given = [[0.1, 0.3], [0.2, -0.1, 0.0]]
    assert hierarchical(given, seed=3) == hierarchical(given, seed=3)
    assert hierarchical(given, seed=3).mean == hierarchical(given, seed=4).mean


def test_holes_and_empty_data_sets_are_left_out_and_said() -> None:
    found = hierarchical([[0.1, math.nan], [math.nan, math.nan], [0.2], []])
    same = hierarchical([[0.1], [0.2]])
    assert (found.mean, found.low, found.high, found.datasets) == (same.mean, same.low, same.high, 2)
    assert found.said[0] == "3 differences are holes and are left out."
    assert found.said[1] == "2 data sets have no difference and are left out."
    assert "2 data sets are few" in found.said[2]


def test_one_data_set_none_and_identical_methods_are_no_failure() -> None:
    one = hierarchical([[0.1, 0.2, 0.3]])  # 4.303 x 0.1 / sqrt(3) each way
    assert one.high - one.low == pytest.approx(2 * 0.2484, rel=0.1)
    assert "One data set says nothing of others" in one.said[0]
    assert math.isnan(hierarchical([[0.1]]).low)
    none = hierarchical([])
    assert none.datasets == 0 and math.isnan(none.mean) and math.isnan(none.above)
    tied = hierarchical([[0.0, 0.0]] * 7)
    assert (tied.mean, tied.low, tied.high, tied.above, tied.below) == (0, 0, 0, 0, 0) and tied.said == []


def test_bad_options_are_refused() -> None:
    with pytest.raises(BadInput, match="0 resamples"):
        hierarchical([[0.1]], resamples=0)
    with pytest.raises(BadInput, match="level=1"):
        hierarchical([[0.1]], level=1)
    with pytest.raises(BadInput, match="differences of a data set has 2 axes"):
        hierarchical([[[0.1]]])
