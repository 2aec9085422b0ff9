"""Bootstrap over data sets, Bayesian tests, how many seeds are enough: on truths that are known."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from askance.errors import BadInput
from askance.lab.bayes import paired_runs, signed_rank
from askance.lab.bootstrap import hierarchical
from askance.lab.enough import enough, false_alarms, orders, wrong_order


def gains(sets: int, seeds: int, seed: int, between: float = 1.0, within: float = 1.0) -> list[np.ndarray]:
    dice = np.random.default_rng(seed)
    centres = between * dice.standard_normal(sets)
    return [centre + within * dice.standard_normal(seeds) for centre in centres]


def test_the_interval_over_data_sets_is_that_of_data_sets_not_of_runs() -> None:
    found = hierarchical(gains(25, 50, 3))
    assert found.high - found.low == pytest.approx(2 * 1.96 / math.sqrt(25), rel=0.35)  # not / sqrt(25 * 50)
    assert found.low < found.mean < found.high and found.data_sets == 25
    apart = hierarchical([np.full(4, 1.0), np.full(4, 3.0)])
    assert (apart.low, apart.mean, apart.high, apart.above) == (1.0, 2.0, 3.0, 1.0)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = sum(hit.low <= 0 <= hit.high for hit in (hierarchical(gains(25, 10, seed), 400) for seed in range(300)))
    assert 255 <= held <= 297  # 95 % of 300, less what a bootstrap of 25 data sets lacks


def test_missing_runs_are_left_out_and_none_at_all_is_refused() -> None:
    with_holes = [np.array([1.0, np.nan, 3.0]), np.array([np.nan])]
    assert hierarchical(with_holes).data_sets == 1 and hierarchical(with_holes).mean == 2.0
    with pytest.raises(BadInput, match="no paired difference"):
        hierarchical([np.array([np.nan])])


def test_beliefs_follow_the_evidence_and_sum_to_one() -> None:
    clear = signed_rank(np.full(12, 0.02))
    assert clear.better > 0.99 and clear.worse + clear.same + clear.better == pytest.approx(1)
    assert signed_rank(np.full(12, -0.02)).worse > 0.99
    assert signed_rank(np.full(12, 0.001)).same > 0.99
    mirrored = signed_rank(np.array([0.02, -0.03, 0.01, -0.001]))
    again = signed_rank(-np.array([0.02, -0.03, 0.01, -0.001]))
    assert mirrored.better == pytest.approx(again.worse, abs=0.02)
    assert math.isnan(signed_rank(np.empty(0)).better)
    with pytest.raises(BadInput):
        signed_rank(np.ones(3), rope=-1)


def test_one_observation_is_weighed_against_the_prior_by_hand() -> None:
    # With one gain z beyond the rope, weights (w, 1 - w) of 0 and z: all but w^2 lies right, as z / 2 is beyond too.
    found = signed_rank(np.array([1.0]), rope=0.1, strength=0.6)
    dice = np.random.default_rng(0).beta(0.6, 1.0, 400_000)
    assert found.better == pytest.approx(float((dice**2 < 0.5).mean()), abs=0.01)
    assert found.worse == 0.0


def test_paired_runs_have_students_posterior() -> None:
    dice = np.random.default_rng(4)
    values = 0.01 + 0.02 * dice.standard_normal(30)
    found = paired_runs(values, rope=0.005)
    error = values.std(ddof=1) / math.sqrt(30)
    drawn = values.mean() + error * dice.standard_t(29, 400_000)
    assert found.better == pytest.approx(float((drawn > 0.005).mean()), abs=0.005)
    assert found.same == pytest.approx(float((abs(drawn) <= 0.005).mean()), abs=0.005)
    assert paired_runs(np.full(5, 0.1)).better == 1.0 and math.isnan(paired_runs(np.ones(1)).better)


def test_wrong_orders_are_counted_over_all_subsets() -> None:
    values = np.array([0.5, 0.4, -0.3, 0.1, -0.2, 0.3])
    for seeds in (1, 2, 3, 6):
        sums = np.array([sum(some) for some in combinations(values, seeds)])
        expected = (sums < -1e-9).mean() + 0.5 * (abs(sums) <= 1e-9).mean()
        assert wrong_order(values, seeds) == pytest.approx(expected)
    assert wrong_order(values, 6) == 0.0 and wrong_order(np.array([1.0, -1.0]), 1) == 0.5
    with pytest.raises(BadInput):
        wrong_order(values, 0)


def test_enough_seeds_are_about_what_the_normal_law_says() -> None:
    dice = np.random.default_rng(5)
    values = dice.standard_normal(400)
    values = 0.5 + (values - values.mean()) / values.std(ddof=1)  # P(mean of k < 0) = 5 % at k = (1.645 / 0.5)^2
    assert enough(values) == pytest.approx(10.8, abs=2)
    assert enough(np.full(5, 0.1)) == 1
    assert enough(np.array([1.0, -1.0])) is None and enough((values - values.mean()) + 0.001) is None


def test_more_seeds_order_methods_better() -> None:
    dice = np.random.default_rng(6)
    areas = np.arange(5)[:, None] * 0.3 + dice.standard_normal((5, 50))
    few, many, all_of_them = (orders(areas, seeds) for seeds in (3, 10, 50))
    assert few.wrong > many.wrong > all_of_them.wrong == 0.0
    assert few.tau < many.tau < all_of_them.tau == 1.0
    assert math.isnan(orders(areas[:1], 3).wrong) and math.isnan(orders(areas, 60).wrong)


def test_the_same_method_twice_is_told_apart_as_often_as_the_level_says() -> None:
    dice = np.random.default_rng(7)
    rate, low, high = false_alarms([dice.standard_normal(40) for _ in range(30)])
    assert low <= 0.06 and high >= 0.04 and low < rate < high
    with pytest.raises(BadInput, match="four runs"):
        false_alarms([np.ones(3)])
