"""Bayesian tests against brute force, numbers on paper and simulated truths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from askance.errors import BadInput
from askance.lab.bayes import paired, signed_ranks


def test_signed_ranks_are_those_of_a_plain_loop_over_weights() -> None:
    values = np.array([0.03, -0.005, 0.02, 0.004, -0.03, 0.012])
    dice = np.random.default_rng(0)
    z = np.concatenate([[0.0], values])
    won = np.zeros(3)
    for _ in range(4000):
        w = dice.dirichlet([0.6, 1, 1, 1, 1, 1, 1])
        sides = np.zeros(3)
        for i in range(7):
            for j in range(7):
                total = z[i] + z[j]
                sides[0 if total < -0.02 else 2 if total > 0.02 else 1] += w[i] * w[j]
        won[sides.argmax()] += 1
    found = signed_ranks(values, rope=0.01)
    assert [found.left, found.rope, found.right] == pytest.approx(won / 4000, abs=0.03)
    assert min(won) > 0


def test_one_data_set_can_be_worked_out() -> None:
    # Weight w of the prior has the law Beta(s, 1). Beyond the region lie pairs of (1, 1) and (1, 0): 1 - w^2, and
    # within it w^2: the first wins while w < sqrt(1/2), with the chance sqrt(1/2)^s.
    for prior in (0.3, 0.6, 2.0):
        found = signed_ranks([1.0], rope=0.1, prior=prior)
        assert found.right == pytest.approx(0.5 ** (prior / 2), abs=0.01) and found.left == 0


def test_turned_differences_turn_the_sides() -> None:
    values = np.random.default_rng(1).normal(0.01, 0.02, 15)
    one, other = signed_ranks(values, seed=5), signed_ranks(-values, seed=5)
    assert (one.left, one.rope, one.right) == (other.right, other.rope, other.left)
    assert one.left + one.rope + one.right == pytest.approx(1)


def test_what_lies_on_the_edge_of_the_region_lies_in_it() -> None:
    edge = np.full(10, 0.31 - 0.30)  # a little more than 0.01
    assert signed_ranks(edge, rope=0.01).rope == 1
    assert signed_ranks(2 * edge, rope=0.01).right > 0.9


def test_known_truths_are_found() -> None:
    dice = np.random.default_rng(2)
    assert signed_ranks(dice.normal(0.05, 0.02, 20)).right > 0.99
    assert signed_ranks(dice.normal(0, 0.002, 20)).rope > 0.99
    assert signed_ranks(dice.normal(-0.05, 0.02, 20)).left > 0.99
    sides = [signed_ranks(dice.normal(0, 0.02, 20), rope=0, samples=500).right for _ in range(200)]
    assert np.mean(sides) == pytest.approx(0.5, abs=0.07)
    assert 0.02 < np.mean(np.array(sides) > 0.9) < 0.2  # about as often as it says


def test_the_paired_test_is_students_law_about_the_mean() -> None:
    values = np.random.default_rng(3).normal(0.01, 0.02, 12)
    law = stats.t(11, loc=values.mean(), scale=stats.sem(values))
    found = paired(values, rope=0.01)
    assert (found.left, found.right) == pytest.approx((law.cdf(-0.01), law.sf(0.01)))
    assert found.rope == pytest.approx(law.cdf(0.01) - law.cdf(-0.01))


def test_without_a_region_the_paired_test_is_the_one_sided_t_test() -> None:
    values = np.random.default_rng(4).normal(0.01, 0.02, 12)
    assert paired(values, rope=0).left == pytest.approx(stats.ttest_1samp(values, 0, alternative="greater").pvalue)


def test_differences_that_are_all_alike_are_certain() -> None:
    assert paired([0.25, 0.25, 0.25]).right == 1 and paired([0.0, 0.0]).rope == 1 and paired([-1.0, -1.0]).left == 1
    assert signed_ranks(np.zeros(5)).rope == 1


def test_holes_are_left_out_and_counted() -> None:
    found = signed_ranks([0.1, math.nan, 0.2])
    same = signed_ranks([0.1, 0.2])
    assert (found.count, found.holes, found.right) == (2, 1, same.right)
    assert (paired([0.1, math.nan, 0.2]).count, paired([0.1, math.nan, 0.2]).holes) == (2, 1)
    assert math.isnan(signed_ranks([math.nan]).rope) and math.isnan(paired([0.1]).rope)


def test_bad_options_are_refused() -> None:
    with pytest.raises(BadInput, match="rope=-1"):
        signed_ranks([0.1], rope=-1)
    with pytest.raises(BadInput, match="prior=0"):
        signed_ranks([0.1], prior=0)
    with pytest.raises(BadInput, match="rope=nan"):
        paired([0.1, 0.2], rope=math.nan)
