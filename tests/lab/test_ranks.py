"""Ranks, Friedman and critical differences against Demsar's example, scipy and brute force."""

from __future__ import annotations

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats

from askance.errors import BadInput
from askance.lab.ranks import cliques, friedman, nemenyi, rank
from askance.lab.signed import ranks

NAMES = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]
DEMSAR = np.array(  # Demsar 2006, table 6; `voting` is printed with .975 twice and ranked 2 and 3
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_the_published_example_has_its_published_ranks_and_statistics() -> None:
    found = rank(DEMSAR, NAMES)
    assert found.average.round(3).tolist() == [3.143, 2.000, 2.893, 1.964]
    assert found.friedman.statistic * found.friedman.ties == pytest.approx(9.28, abs=0.005)  # he corrects for no ties
    uncorrected = found.friedman.statistic * found.friedman.ties
    assert 13 * uncorrected / (14 * 3 - uncorrected) == pytest.approx(3.69, abs=0.005)
    assert found.critical == pytest.approx(1.25, abs=0.005)
    assert nemenyi(4, 14, 0.1) == pytest.approx(1.12, abs=0.005)
    assert found.datasets == 14 and found.methods == NAMES and found.said == []


@pytest.mark.parametrize(
    ("level", "quantiles"),  # Demsar 2006, table 5a, for 2 to 10 methods
    [
        (0.05, [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]),
        (0.10, [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920]),
    ],
)
def test_critical_values_are_the_published_ones(level: float, quantiles: list[float]) -> None:
    for methods, quantile in enumerate(quantiles, start=2):
        unit = math.sqrt(methods * (methods + 1) / 6)
        assert nemenyi(methods, 1, level) / unit == pytest.approx(quantile, abs=1e-3)


def test_ties_share_their_mean_rank_and_a_row_with_a_hole_has_none() -> None:
    found = ranks(np.array([[0.2, 0.9, 0.2, 0.2], [0.5, 0.5, 0.5, 0.5], [0.1, math.nan, 0.2, 0.3]]))
    assert found[:2].tolist() == [[3, 1, 3, 3], [2.5, 2.5, 2.5, 2.5]]
    assert np.isnan(found[2]).all()


def test_ranks_are_those_of_scipy() -> None:
    table = np.random.default_rng(0).integers(0, 4, (30, 6)).astype(float)
    assert (ranks(table) == stats.rankdata(-table, axis=1)).all()


@pytest.mark.parametrize("values", [3, 10, 1000])  # few values: many ties
def test_friedmans_test_is_that_of_scipy(values: int) -> None:
    table = np.random.default_rng(values).integers(0, values, (12, 5)).astype(float)
    found, theirs = friedman(table), stats.friedmanchisquare(*table.T)
    assert (found.statistic, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    f = 11 * found.statistic / (12 * 4 - found.statistic)
    assert (found.f, found.p_f) == pytest.approx((f, stats.f.sf(f, 4, 44)))


def test_iman_and_davenports_f_is_the_analysis_of_variance_of_the_ranks() -> None:
    table = np.random.default_rng(3).normal(size=(9, 4))
    found = ranks(table)
    between = 9 * ((found.mean(0) - 2.5) ** 2).sum() / 3
    within = ((found - found.mean(0)) ** 2).sum() / (3 * 8)  # rows all have the mean 2.5
    assert friedman(table).f == pytest.approx(between / within)


def test_where_all_data_sets_agree_p_is_the_chance_of_that() -> None:
    row = np.array([0.9, 0.8, 0.7])
    found = friedman(np.stack([row, row - 0.1, row - 0.2]))
    orders = [np.array(order) for order in permutations([1, 2, 3])]
    alike = sum((one == other).all() for one in orders for other in orders)  # with the first order given
    assert found.f == math.inf and found.p_f == pytest.approx(alike / 6**3)
    tied = friedman(np.array([[0.9, 0.9, 0.1], [0.8, 0.8, 0.2]]))
    assert tied.f == math.inf and tied.p_f == pytest.approx(1 / 3)  # which of three is the last


def test_iman_and_davenport_keep_the_level_where_nothing_differs() -> None:
    dice = np.random.default_rng(5)
    rejected = sum(friedman(dice.normal(size=(10, 5))).p_f < 0.05 for _ in range(1000))
    assert stats.binomtest(rejected, 1000, 0.05).pvalue > 0.01


def test_friedmans_test_finds_methods_that_differ() -> None:
    dice = np.random.default_rng(6)
    rejected = sum(friedman(dice.normal(size=(10, 5)) + np.arange(5)).p_f < 0.05 for _ in range(100))
    assert rejected > 95


def test_groups_are_all_largest_stretches_without_a_difference() -> None:
    dice = np.random.default_rng(7)
    for _ in range(200):
        size = int(dice.integers(1, 7))
        average = dice.normal(size=size)
        apart = np.triu(dice.random((size, size)) < 0.3, 1)
        apart |= apart.T
        order = np.argsort(average)
        stretches = [
            set(order[start:end].tolist())
            for start, end in combinations(range(size + 1), 2)
            if end - start > 1 and not apart[np.ix_(order[start:end], order[start:end])].any()
        ]
        largest = [one for one in stretches if not any(one < other for other in stretches)]
        assert sorted(map(sorted, largest)) == sorted(sorted(group) for group in cliques(average, apart))


def test_groups_follow_the_adjusted_test_and_the_critical_difference() -> None:
    dice = np.random.default_rng(8)
    base = dice.uniform(0.5, 0.9, (20, 1))
    table = base + np.array([0.0, 0.002, 0.1, 0.102]) + dice.normal(0, 0.01, (20, 4))
    found = rank(table, ["a", "b", "c", "d"])
    assert [sorted(group) for group in found.cliques] == [["c", "d"], ["a", "b"]]
    assert [sorted(group) for group in found.cliques_nemenyi] == [["c", "d"], ["a", "b"]]
    for i, j in combinations(range(4), 2):
        exact = stats.wilcoxon(table[:, i], table[:, j], method="exact").pvalue
        assert found.p[i, j] == found.p[j, i] == pytest.approx(exact)


def test_pairs_do_not_depend_on_who_else_is_in_the_table_but_for_their_number() -> None:
    alone = rank(DEMSAR[:, :2])
    assert alone.p[0, 1] == rank(DEMSAR).p[0, 1] and alone.p_holm[0, 1] == alone.p[0, 1]


def test_too_few_data_sets_say_that_they_cannot_tell() -> None:
    table = np.arange(10.0).reshape(5, 2) + np.array([0.0, 0.5])
    found = rank(table)
    assert found.least == found.p_holm[0, 1] == 0.0625  # all five agree, and that is not enough
    assert found.cliques == [["1", "0"]]
    assert "cannot tell any of 1 pairs apart" in found.said[0] and "Compare on 6 data sets or more" in found.said[0]
    six = rank(np.arange(12.0).reshape(6, 2) + np.array([0.0, 0.5]))
    assert six.least == six.p_holm[0, 1] == 0.03125 and six.said == [] and six.cliques == []
    four = rank(np.random.default_rng(0).normal(size=(8, 4)))  # 6 pairs: 6 x 2 / 256 is under 0.05
    assert four.least == pytest.approx(12 / 256) and not any("cannot tell" in line for line in four.said)


def test_holes_leave_a_data_set_out_of_the_ranks_and_of_the_pairs_concerned() -> None:
    table = DEMSAR.copy()
    table[3, 2], table[7, 2] = math.nan, math.inf
    found = rank(table, NAMES, [f"set {i}" for i in range(14)])
    whole = np.delete(np.arange(14), [3, 7])
    assert found.datasets == 12 and found.average == pytest.approx(rank(DEMSAR[whole]).average)
    assert found.p[0, 1] == rank(DEMSAR).p[0, 1] and found.p[0, 2] == rank(DEMSAR[whole]).p[0, 2]
    assert found.shared[0].tolist() == [14, 14, 12, 14]
    assert "2 of 14 data sets lack a number of C4.5+cf" in found.said[0] and "set 3, set 7" in found.said[0]


def test_a_method_that_failed_everywhere_takes_no_data_set_with_it() -> None:
    table = np.column_stack([DEMSAR[:, :2], np.full(14, math.nan), DEMSAR[:, 2:]])
    found = rank(table, [*NAMES[:2], "broken", *NAMES[2:]])
    assert found.datasets == 14 and math.isnan(found.average[2])
    assert np.delete(found.average, 2) == pytest.approx(rank(DEMSAR).average)
    assert np.delete(np.delete(found.p_holm, 2, 0), 2, 1)[0, 1] == rank(DEMSAR).p_holm[0, 1]
    assert found.said[0] == "broken has no number on any data set and is left out."
    assert found.critical == rank(DEMSAR).critical


def test_identical_methods_are_one_group() -> None:
    found = rank(np.tile(np.linspace(0.5, 0.9, 8)[:, None], (1, 3)))
    assert found.average.tolist() == [2, 2, 2] and found.friedman.p == found.friedman.p_f == 1
    assert (found.p[~np.eye(3, dtype=bool)] == 1).all()
    assert found.cliques == found.cliques_nemenyi == [["0", "1", "2"]]


def test_what_differs_in_the_last_bits_is_a_tie() -> None:
    found = rank([[0.1 + 0.2, 0.3], [0.5, 0.4]])
    assert found.average.tolist() == [1.25, 1.75]


@pytest.mark.parametrize("shape", [(8, 1), (1, 3), (0, 3), (3, 0), (8, 0)])
def test_tables_without_a_comparison_give_no_numbers_and_say_why(shape: tuple[int, int]) -> None:
    found = rank(np.random.default_rng(0).normal(size=shape))
    assert math.isnan(found.friedman.p) and np.isnan(found.p).all() and found.said


def test_a_table_of_holes_says_that_there_is_nothing() -> None:
    found = rank(np.full((4, 2), math.nan))
    assert found.datasets == 0 and np.isnan(found.average).all() and found.cliques == []
    assert found.said[-1] == "0 methods have numbers, and a comparison needs 2. Nothing is tested."


def test_holes_everywhere_leave_pairs_and_no_ranks() -> None:
    table = np.random.default_rng(1).normal(size=(9, 3))
    table[np.arange(9), np.arange(9) % 3] = math.nan
    found = rank(table)
    assert found.datasets == 0 and np.isnan(found.average).all() and math.isnan(found.critical)
    assert found.shared[0, 1] == 3 and math.isfinite(found.p[0, 1])


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(BadInput, match="table has 1 axes"):
        rank([0.1, 0.2])
    with pytest.raises(BadInput, match="methods has 1 names, and the table has 2 columns"):
        rank([[0.1, 0.2]], ["a"])
    with pytest.raises(BadInput, match="cannot be read as numbers"):
        rank([[0.1], [0.1, 0.2]])
    with pytest.raises(BadInput, match="level=5"):
        rank([[0.1, 0.2]], level=5)
