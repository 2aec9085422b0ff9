"""Intervals and tests against scipy and by hand; labels saved on curves that can be drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from askance.lab.signed import signed_ranks, wilcoxon
from askance.lab.statistics import compare, holm, interval, labels_saved, paired_t
from askance.reports.results import Results, Run


def run(strategy: str, seed: int, scores: list[float], labels: list[int] | None = None) -> Run:
    labels = labels or [10 * (k + 1) for k in range(len(scores))]
    return Run(strategy, seed, labels, scores, [[0]] * (len(scores) - 1), [], [], {"training": [1.0, 2.0]})


def results(*runs: Run) -> Results:
    return Results("any", {}, {}, list(runs))


def test_the_interval_of_a_mean_is_students():
    values = np.random.default_rng(0).normal(0.8, 0.02, 9)
    low, high = stats.t.interval(0.95, 8, values.mean(), stats.sem(values))
    found = interval(values)
    assert (found.mean, found.low, found.high, found.count) == pytest.approx((values.mean(), low, high, 9))


def test_one_number_has_a_mean_and_no_interval():
    found = interval([0.5, math.nan])
    assert (found.mean, found.count) == (0.5, 1)
    assert math.isnan(found.low) and math.isnan(found.high)


def test_the_paired_test_is_that_of_scipy():
    one, other = np.random.default_rng(1).normal(size=(2, 12))
    assert paired_t(one - other) == pytest.approx(stats.ttest_rel(one, other).pvalue)
    assert wilcoxon(one - other) == pytest.approx(stats.wilcoxon(one, other, zero_method="pratt").pvalue)


def test_differences_that_are_all_alike_have_the_limit_of_the_test():
    assert paired_t(np.zeros(5)) == 1.0 and wilcoxon(np.zeros(5)) == 1.0
    assert paired_t(np.full(5, 0.25)) == 0.0
    assert math.isnan(paired_t(np.array([0.1])))


def test_holm_multiplies_by_what_is_left_and_never_falls():
    # Sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1 (not less than 0.06).
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_holm_does_not_count_a_test_that_was_not_made():
    found = holm([math.nan, 0.02, 0.03])
    assert math.isnan(found[0])
    assert found[1:] == pytest.approx([0.04, 0.04])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_adjusted_p_values_keep_the_order_and_are_no_smaller(p_values: list[float]):
    adjusted = holm(p_values)
    assert all(raw <= new <= 1 for raw, new in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values)
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


def test_labels_are_saved_where_the_curve_arrives_earlier():
    base = run("random", 0, [0.5, 0.6, 0.7])
    fast = run("fast", 0, [0.5, 0.7, 0.8])
    end, midway = labels_saved([(fast, base)])
    assert (end.where, end.score, end.baseline, end.labels) == pytest.approx(("end", 0.7, 30, 10))
    assert (midway.where, midway.score, midway.baseline, midway.labels) == pytest.approx(("midway", 0.6, 20, 5))
    assert math.isnan(end.low)  # one pair of runs: no interval


def test_labels_lost_are_negative_and_never_is_a_value_of_its_own():
    base = run("random", 0, [0.5, 0.7, 0.8])
    slow = run("slow", 0, [0.5, 0.6, 0.75])
    end, midway = labels_saved([(slow, base)])
    assert not end.reached and end.labels == -math.inf
    assert midway.labels == pytest.approx(20 - (20 + 10 * 0.1 / 0.15))


def test_a_lucky_bump_saves_nothing():
    base = run("random", 0, [0.5, 0.6, 0.7, 0.8])
    bumpy = run("bumpy", 0, [0.5, 0.9, 0.3, 0.8])  # 0.9 is pooled with 0.3, so 0.8 is reached at the end only
    end, _ = labels_saved([(bumpy, base)])
    assert end.labels == pytest.approx(0)


def test_the_interval_of_labels_saved_holds_the_value_and_shrinks_to_it_when_seeds_agree():
    base = [run("random", seed, [0.5, 0.6, 0.7]) for seed in range(5)]
    same = [(run("fast", seed, [0.5, 0.7, 0.8]), base[seed]) for seed in range(5)]
    end, _ = labels_saved(same)
    assert (end.low, end.high) == pytest.approx((10, 10))
    mixed = [*same[:4], (run("fast", 4, [0.5, 0.55, 0.6]), base[4])]
    end, _ = labels_saved(mixed)
    assert end.low < end.labels < end.high


def test_a_comparison_is_paired_by_seed_and_says_who_won():
    base = [0.50, 0.60, 0.70]
    rows = results(
        *(run("random", seed, [s + seed / 10 for s in base]) for seed in range(4)),
        *(run("good", seed, [s + seed / 10 + 0.05 + seed / 1000 for s in base]) for seed in range(4)),
        *(run("poor", seed, [s + seed / 10 - 0.05 - seed / 1000 for s in base]) for seed in range(4)),
        *(run("alike", seed, [s + seed / 10 + 0.01 * (-1) ** seed for s in base]) for seed in range(4)),
    )
    found = {row.strategy: row for row in compare(rows).rows}
    good = found["good"]
    assert [row for row in found] == ["good", "alike", "random", "poor"]
    assert [found[name].verdict for name in found] == ["above", "not different", "baseline", "below"]
    assert good.difference is not None and good.difference.mean == pytest.approx(0.0515)
    assert (good.wins, good.losses, good.ties) == (4, 0, 0)
    assert (found["poor"].wins, found["poor"].losses) == (0, 4)
    assert good.p == pytest.approx(stats.ttest_1samp([0.05, 0.051, 0.052, 0.053], 0).pvalue)
    assert good.p_holm == pytest.approx(3 * good.p)
    assert good.area.mean == pytest.approx(0.6 + 0.15 + 0.0515)
    assert good.final.mean == pytest.approx(0.7 + 0.15 + 0.0515)
    assert good.seconds == {"training": 3.0}


def test_curves_and_gaps_are_means_with_students_bands():
    found = compare(
        results(
            run("random", 0, [0.5, 0.6]), run("random", 1, [0.7, 0.6]), run("a", 0, [0.6, 0.7]), run("a", 1, [0.9, 0.7])
        )
    )
    (gap,) = found.gaps
    assert gap.mean == pytest.approx([0.15, 0.1])
    low, high = stats.t.interval(0.95, 1, 0.15, stats.sem([0.1, 0.2]))
    assert (gap.low[0], gap.high[0]) == pytest.approx((low, high))
    assert {curve.strategy: curve.mean for curve in found.curves}["random"] == pytest.approx([0.6, 0.6])


def test_a_seed_without_a_partner_is_left_out_and_counted():
    found = compare(
        results(*(run("random", s, [0.5, 0.6]) for s in (0, 1)), *(run("a", s, [0.6, 0.7]) for s in (0, 1, 2)))
    )
    row = next(row for row in found.rows if row.strategy == "a")
    assert row.difference is not None and row.difference.count == 2 and row.area.count == 3
    assert any(said.startswith("a: 1 of 3 runs have no partner") for said in found.said)


def test_a_run_that_stopped_early_is_compared_over_the_labels_that_both_bought():
    found = compare(
        results(
            *(run("random", seed, [0.5, 0.6, 0.9]) for seed in (0, 1)),
            *(run("early", seed, [0.5, 0.7]) for seed in (0, 1)),
        )
    )
    row = next(row for row in found.rows if row.strategy == "early")
    assert row.difference is not None and row.difference.mean == pytest.approx(0.6 - 0.55)
    assert any("Not all runs cover the same labels" in said for said in found.said)


def test_without_a_baseline_nothing_is_tested_and_the_reason_is_said():
    found = compare(results(run("a", 0, [0.5, 0.6]), run("a", 1, [0.5, 0.6])))
    assert not found.has_baseline
    assert found.rows[0].verdict == "not tested" and found.rows[0].difference is None
    assert "'random' is not among the strategies" in found.said[0]


def test_one_seed_gives_a_difference_and_no_verdict():
    found = compare(results(run("random", 0, [0.5, 0.6]), run("a", 0, [0.6, 0.7])))
    row = next(row for row in found.rows if row.strategy == "a")
    assert row.difference is not None and row.difference.mean == pytest.approx(0.1)
    assert row.verdict == "not tested" and math.isnan(row.p)


def test_scores_that_are_no_numbers_are_stepped_over_and_counted():
    nan = math.nan
    found = compare(
        results(
            *(run("random", seed, [0.5, nan, 0.7]) for seed in (0, 1)),
            run("a", 0, [0.6, 0.7, 0.8]),
            run("a", 1, [nan, nan, nan]),
        )
    )
    row = next(row for row in found.rows if row.strategy == "a")
    assert row.difference is not None and row.difference.mean == pytest.approx(0.1)
    assert any("1 of 2 runs have fewer than two scores" in said for said in found.said)
    assert any(said.startswith("5 scores are not numbers") for said in found.said)


def test_areas_that_differ_by_rounding_are_ties_and_no_verdict():
    found = compare(  # the same scores in another order: 0.7 over three steps either way
        results(
            *(run("random", seed, [0.1, 0.4, 0.2, 0.1]) for seed in range(3)),
            *(run("same", seed, [0.1, 0.2, 0.4, 0.1]) for seed in range(3)),
        )
    )
    row = next(row for row in found.rows if row.strategy == "same")
    assert (row.wins, row.losses, row.ties) == (0, 0, 3)
    assert row.p == row.p_wilcoxon == 1.0 and row.verdict == "not different"


def test_gains_that_are_equal_but_for_rounding_are_ties_in_the_signed_ranks():
    gaps = [0.3 - 0.2, 0.2 - 0.1, -(0.8 - 0.7), 0.5]
    found = compare(
        results(
            *(run("random", seed, [0.0, 0.0]) for seed in range(4)),
            *(run("a", seed, [gap, gap]) for seed, gap in enumerate(gaps)),
        )
    )
    row = next(row for row in found.rows if row.strategy == "a")
    assert row.p_wilcoxon == signed_ranks([1.0, 1.0, -1.0, 5.0])


def test_comparing_twice_gives_the_same_numbers():
    rows = results(*(run(n, s, [0.5 + s / 50, 0.6 + s / 70, 0.8]) for n in ("random", "a") for s in range(3)))
    assert repr(compare(rows)) == repr(compare(rows))


def test_rows_are_sorted_by_what_is_gained_over_the_seeds_that_both_ran():
    level = [0.9, 0.8, 0.5, 0.4]  # two easy splits, two hard ones
    easy = [run("lucky", s, [level[s] - 0.02] * 3) for s in (0, 1)]  # below random on both of its splits
    hard = [run("brave", s, [level[s] + 0.01] * 3) for s in (2, 3)]
    found = compare(results(*easy, *hard, *(run("random", s, [level[s]] * 3) for s in range(4))))
    assert [row.strategy for row in found.rows] == ["brave", "random", "lucky"]
    assert [curve.strategy for curve in found.curves] == ["brave", "random", "lucky"]
    alone = compare(results(*easy, *hard), "random")
    assert [row.strategy for row in alone.rows] == ["lucky", "brave"]  # nothing to compare with: by the mean
