"""Ranks and tests over data sets, against published numbers, scipy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from askance.lab.ranks import average_ranks, cliques, critical_difference, friedman, least_p, ranks, wilcoxon_pairs

MEANS = np.random.default_rng(14).integers(60, 70, (14, 4)) / 100 + [0.0, 0.02, 0.0, 0.03]  # ties among them


def test_friedmans_test_is_that_of_scipy_and_the_critical_difference_that_of_its_tables() -> None:
    found, theirs = friedman(MEANS), scipy.stats.friedmanchisquare(*MEANS.T)
    assert found.statistic == pytest.approx(theirs.statistic) and found.p == pytest.approx(theirs.pvalue)
    f = 13 * theirs.statistic / (14 * 3 - theirs.statistic)
    assert found.f == pytest.approx(f) and found.p_f == pytest.approx(scipy.stats.f.sf(f, 3, 39))
    assert found.data_sets == 14
    assert average_ranks(MEANS) == pytest.approx(scipy.stats.rankdata(-MEANS, axis=1).mean(axis=0))
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)  # the example of Demšar 2006, Section 3.2.2
    for methods, quantile in ((2, 1.960), (5, 2.728), (10, 3.164)):  # its Table 5a
        expected = quantile * np.sqrt(methods * (methods + 1) / (6 * 30))
        assert critical_difference(methods, 30) == pytest.approx(expected, abs=1e-3)


def test_a_data_set_that_a_method_did_not_finish_counts_for_no_rank() -> None:
    table = MEANS.copy()
    table[3, 1] = np.nan
    assert np.isnan(ranks(table)[3]).all()
    assert average_ranks(table) == pytest.approx(average_ranks(np.delete(table, 3, axis=0)))
    assert friedman(table).data_sets == 13
    pair = wilcoxon_pairs(table[:, [0, 2]])
    assert pair[0, 1] == pytest.approx(wilcoxon_pairs(MEANS[:, [0, 2]])[0, 1])  # these two finished it


def test_pairs_are_wilcoxons_with_holm() -> None:
    found = wilcoxon_pairs(MEANS)
    raw = {
        (i, j): scipy.stats.wilcoxon(MEANS[:, i] - MEANS[:, j], zero_method="pratt").pvalue
        for i in range(4)
        for j in range(i + 1, 4)
    }
    order = sorted(raw, key=lambda pair: raw[pair])
    largest = 0.0
    for place, (i, j) in enumerate(order):
        largest = max(largest, min(1.0, (6 - place) * raw[i, j]))
        assert found[i, j] == found[j, i] == pytest.approx(largest)


def test_methods_that_are_the_same_or_alone_or_on_one_data_set() -> None:
    same = np.ones((5, 3))
    assert friedman(same).p == 1.0 and average_ranks(same).tolist() == [2.0, 2.0, 2.0]
    assert np.isnan(friedman(np.ones((5, 1))).p) and np.isnan(friedman(MEANS[:1]).p)
    strict = friedman(np.tile([3.0, 2.0, 1.0], (4, 1)))
    assert strict.statistic == pytest.approx(8.0) and strict.f == np.inf and strict.p_f == 0.0
    assert np.isnan(average_ranks(np.full((2, 2), np.nan))).all()


def test_the_least_p_is_the_one_of_a_method_that_always_wins() -> None:
    for sets in (4, 6, 9):
        gaps = np.arange(1.0, sets + 1)
        assert least_p(sets) == pytest.approx(scipy.stats.wilcoxon(gaps).pvalue)


def test_friedman_rejects_as_often_as_it_says_where_nothing_differs() -> None:
    dice = np.random.default_rng(0)
    alarms = sum(friedman(dice.random((20, 5))).p_f < 0.05 for _ in range(1000))
    assert 30 <= alarms <= 70  # 50 expected, three standard deviations


def test_bars_join_the_longest_rows_that_do_not_differ() -> None:
    average = np.array([2.0, 1.0, 3.0, 4.0])
    differ = np.zeros((4, 4), dtype=bool)
    assert cliques(average, differ) == [[1, 0, 2, 3]]
    differ[1, 3] = differ[3, 1] = True
    assert cliques(average, differ) == [[1, 0, 2], [0, 2, 3]]
    differ[0, 2] = differ[2, 0] = True
    assert cliques(average, differ) == [[1, 0], [2, 3]]
    assert cliques(average, np.ones((4, 4), dtype=bool)) == []
    assert cliques(np.array([1.0, np.nan, 2.0]), np.zeros((3, 3), dtype=bool)) == [[0, 2]]
