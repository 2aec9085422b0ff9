"""Areas, grids, rising curves and crossings, by hand and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from askance.lab.curves import area, crossing, grid, isotonic, resample, span
from askance.reports.results import Run


def run(labels: list[int], scores: list[float]) -> Run:
    return Run("any", 0, labels, scores, [[]] * (len(labels) - 1), [], [], {})


def test_the_area_of_a_straight_line_is_its_middle():
    assert area([10, 20, 30], [0.2, 0.4, 0.6]) == pytest.approx(0.4)


def test_a_smaller_last_batch_counts_for_the_labels_it_bought():
    # 10 labels at a mean of 0.5, then 2 labels at a mean of 0.9, over 12 labels.
    assert area([0, 10, 12], [0.4, 0.6, 1.2]) == pytest.approx((10 * 0.5 + 2 * 0.9) / 12)


def test_a_missing_score_is_stepped_over_and_none_at_all_has_no_area():
    assert area([0, 10, 20], [0.2, math.nan, 0.6]) == pytest.approx(0.4)
    assert area([5], [0.3]) == 0.3
    assert math.isnan(area([0, 10], [math.nan, math.nan]))


def test_a_round_that_bought_nothing_neither_widens_nor_breaks_the_curve():
    assert area([0, 10, 10], [0.0, 0.5, 1.0]) == pytest.approx(0.5)  # measured again at 10: the last score holds
    assert resample(run([0, 10, 10], [0.0, 0.5, 1.0]), np.array([5.0])) == pytest.approx([0.5])


def test_the_grid_holds_all_points_that_every_run_covers():
    runs = [run([10, 20, 30], [0, 0, 0]), run([15, 25, 40], [0, 0, 0])]
    assert span(runs) == (15, 30)
    assert grid(runs).tolist() == [15, 20, 25, 30]


def test_runs_without_common_labels_have_an_empty_grid():
    assert grid([run([1, 2], [0, 0]), run([3, 4], [0, 0])]).tolist() == []
    assert grid([]).tolist() == []


def test_resampling_draws_straight_lines_and_gives_nothing_outside():
    found = resample(run([0, 10], [0.0, 1.0]), np.array([-1.0, 2.5, 10.0, 11.0]))
    assert found[1:3].tolist() == [0.25, 1.0]
    assert np.isnan(found[[0, 3]]).all()


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=12))
def test_rising_curves_are_those_of_scikit_learn(values: list[int]):
    expected = IsotonicRegression().fit_transform(range(len(values)), values)
    assert isotonic(np.array([values], dtype=float))[0] == pytest.approx(expected, abs=1e-4)


def test_rows_are_made_to_rise_each_on_its_own():
    found = isotonic(np.array([[3.0, 1.0], [1.0, 3.0]]))
    assert found.tolist() == [[2.0, 2.0], [1.0, 3.0]]


def test_a_crossing_lies_on_the_line_between_two_points():
    labels = np.array([10.0, 20.0, 40.0])
    rising = np.array([[0.5, 0.6, 0.8], [0.5, 0.6, 0.8], [0.5, 0.6, 0.8], [0.5, 0.6, 0.8]])
    found = crossing(labels, rising, np.array([0.7, 0.6, 0.4, 0.9]))
    assert found.tolist() == pytest.approx([30.0, 20.0, 10.0, math.inf])  # above from the start: the first label
