"""Methods against each other, seed by seed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from askance.lab.pairs import penalties, sign_test, win_rates


def test_the_sign_test_is_the_exact_binomial_one_without_ties() -> None:
    dice = np.random.default_rng(1)
    for _ in range(20):
        gains = dice.integers(-2, 4, size=17).astype(float)
        kept = gains[gains != 0]
        expected = scipy.stats.binomtest(int((kept > 0).sum()), len(kept)).pvalue
        assert sign_test(gains) == pytest.approx(expected)
    assert sign_test(np.zeros(4)) == 1.0 and np.isnan(sign_test(np.empty(0)))


def test_a_win_rate_counts_pairs_that_are_there_and_ties_by_half() -> None:
    one = np.array([[1.0, 2.0, 3.0, np.nan], [0.0, 2.0, 4.0, 9.0]])
    other = np.array([[1.0, 1.0], [0.0, 0.0]])
    rates = win_rates([one, other])
    assert rates[0, 1] == pytest.approx((0.5 + 1.0) / 2)  # a win, a tie, a loss; then two wins
    assert rates[1, 0] == pytest.approx(1 - rates[0, 1]) and np.isnan(rates[0, 0])
    assert np.isnan(win_rates([np.array([[1.0], [np.nan]])])[0, 1])


def test_penalties_count_the_points_where_a_paired_test_tells_two_methods_apart() -> None:
    dice = np.random.default_rng(2)
    base = dice.random((12, 4))
    better = base.copy()
    better[:, 1:3] += 0.5 + 0.01 * dice.random((12, 2))  # at two of four points
    found = penalties([np.stack([base, better])])
    assert found[1, 0] == pytest.approx(0.5) and found[0, 1] == 0.0
    assert penalties([np.stack([base, better])] * 3)[1, 0] == pytest.approx(1.5)
    noise = [dice.random((2, 10, 20)) for _ in range(50)]
    alarms = penalties(noise).sum() / 50
    assert 0.03 < alarms < 0.07  # the level of its tests
