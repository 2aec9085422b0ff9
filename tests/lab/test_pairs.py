"""Pairs of methods on one data set against scipy, plain loops and numbers on paper."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from askance.errors import BadInput
from askance.lab.pairs import Signs, pairwise, penalty_matrix, sign_test, win_rates
from askance.lab.signed import wilcoxon
from askance.lab.statistics import holm, paired_t


@pytest.mark.parametrize(("wins", "losses"), [(5, 0), (7, 2), (3, 3), (20, 30), (0, 1)])
def test_the_sign_test_is_the_exact_binomial_test_of_scipy(wins: int, losses: int) -> None:
    found = sign_test([1.0] * wins + [-1.0] * losses)
    assert found.p == pytest.approx(stats.binomtest(wins, wins + losses).pvalue)


def test_ties_and_holes_are_counted_and_not_tested() -> None:
    found = sign_test([0.1, 0.0, math.nan, 0.2, math.inf, 0.0, 0.3, -0.1, 0.4, 0.5])
    assert found == Signs(wins=5, losses=1, ties=2, holes=2, p=pytest.approx(14 / 64))  # 2 x (1 + 6) of 64


def test_nothing_but_ties_is_no_difference_and_nothing_is_no_test() -> None:
    assert sign_test([0.0, 0.0]).p == 1
    assert math.isnan(sign_test([]).p) and math.isnan(sign_test([math.nan]).p)


@pytest.mark.parametrize("test", [paired_t, wilcoxon])
def test_pairs_are_tested_on_the_seeds_that_both_have(test) -> None:
    table = np.random.default_rng(0).normal(size=(4, 10)) + np.arange(4)[:, None] / 2
    table[1, 2] = table[2, 5] = math.nan
    found = pairwise(table, test)
    raw = []
    for i, j in combinations(range(4), 2):
        both = [s for s in range(10) if not np.isnan(table[[i, j], s]).any()]
        gains = table[i, both] - table[j, both]
        raw.append(test(gains))
        assert found.p[i, j] == found.p[j, i] == pytest.approx(raw[-1])
        assert found.difference[i, j] == -found.difference[j, i] == pytest.approx(gains.mean())
        assert found.seeds[i, j] == len(both)
    assert found.p_holm[np.triu_indices(4, 1)] == pytest.approx(holm(raw))
    assert (found.p_holm == found.p_holm.T)[~np.eye(4, dtype=bool)].all()
    assert found.seeds.diagonal().tolist() == [10, 9, 9, 10] and np.isnan(found.p.diagonal()).all()


def test_a_method_without_runs_is_not_tested_and_costs_the_others_nothing() -> None:
    table = np.random.default_rng(1).normal(size=(3, 8))
    table[2] = math.nan
    found = pairwise(table)
    assert found.p_holm[0, 1] == found.p[0, 1] == pytest.approx(paired_t(table[0] - table[1]))
    assert np.isnan(found.p_holm[2]).all() and np.isnan(found.difference[2]).all() and found.seeds[2, 2] == 0


def test_one_method_and_identical_methods_have_no_difference() -> None:
    assert np.isnan(pairwise([[0.1, 0.2]]).p).all()
    found = pairwise([[0.1, 0.2], [0.1, 0.2]])
    assert found.p[0, 1] == 1 and found.difference[0, 1] == 0


def test_the_family_of_all_pairs_is_rarely_wrong_where_nothing_differs() -> None:
    dice = np.random.default_rng(2)
    wrong = sum((pairwise(dice.normal(size=(4, 10))).p_holm < 0.05).any() for _ in range(300))
    assert stats.binomtest(wrong, 300, 0.05, alternative="greater").pvalue > 0.01


def test_penalties_are_those_of_a_plain_loop() -> None:
    dice = np.random.default_rng(3)
    curves = dice.normal(size=(4, 6, 5)) + 1.5 * dice.normal(size=(4, 1, 5))
    expected = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            for point in range(5):
                if i != j:
                    t, p = stats.ttest_rel(curves[i, :, point], curves[j, :, point])
                    expected[i, j] += (t > 0 and p < 0.05) / 5
    found = penalty_matrix(curves)
    assert found == pytest.approx(expected) and 0 < found.sum() < 6


def test_a_penalty_of_one_is_being_beaten_at_all_label_counts() -> None:
    worse = np.random.default_rng(4).normal(0.5, 0.01, (8, 3))
    found = penalty_matrix([worse, worse + 0.1 + 0.01 * worse])
    assert found.tolist() == [[0, 0], [1, 0]]
    assert not penalty_matrix([worse, worse]).any() and penalty_matrix([worse]).tolist() == [[0]]


def test_label_counts_that_nobody_reached_do_not_count() -> None:
    curves = np.random.default_rng(5).normal(0.5, 0.01, (2, 6, 4))
    curves[1] += 0.2
    curves[:, :, 3] = math.nan  # no run got there
    curves[0, 2, 1] = math.nan  # one hole
    curves[0, 1:, 2] = math.nan  # one run of the first: no test
    assert penalty_matrix(curves).tolist() == [[0, 0], [1, 0]]
    three = np.concatenate([curves, curves[1:]])  # the third has the third count, as the second has
    assert penalty_matrix(three)[1, 0] == pytest.approx(2 / 3) and penalty_matrix(three)[1, 2] == 0


def test_win_rates_count_a_tie_half_and_every_data_set_the_same() -> None:
    dice = np.random.default_rng(6)
    tables = [dice.integers(0, 3, (3, seeds)).astype(float) for seeds in (4, 7)]
    found = win_rates(tables)
    for i in range(3):
        for j in range(3):
            rates = [np.mean([(a > b) + (a == b) / 2 for a, b in zip(t[i], t[j], strict=True)]) for t in tables]
            assert found[i, j] == pytest.approx(np.mean(rates))
    assert found + found.T == pytest.approx(np.ones((3, 3)))


def test_win_rates_step_over_holes() -> None:
    found = win_rates([[[0.9, math.nan, 0.9], [0.8, 0.8, 1.0]], [[math.nan], [0.5]]])
    assert found[0, 1] == found[1, 0] == 0.5  # one of two seeds of the first data set; the second has none
    lost = win_rates([[[math.nan], [0.5]]])
    assert math.isnan(lost[0, 1]) and math.isnan(lost[0, 0]) and lost[1, 1] == 0.5


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(BadInput, match="The tables have .2, 1. methods"):
        win_rates([[[0.1], [0.2]], [[0.1]]])
    with pytest.raises(BadInput, match="There is no table"):
        win_rates([])
    with pytest.raises(BadInput, match="curves has 2 axes"):
        penalty_matrix([[0.1, 0.2]])
    with pytest.raises(BadInput, match="gains has 2 axes"):
        sign_test([[0.1, 0.2]])


def test_values_that_differ_by_rounding_are_ties_everywhere() -> None:
    table = [[0.3 - 0.2] * 3, [0.1] * 3]  # the first is 2e-17 smaller
    assert pairwise(table).p[0, 1] == 1.0
    assert win_rates([table])[0, 1] == 0.5
    assert not penalty_matrix([[[value] for value in row] for row in table]).any()
