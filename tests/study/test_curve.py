"""Labels saved, by power laws whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from askance.study.curve import FAR, crossing, saved

SIZES = np.array([10.0, 20.0, 40.0])
ALIKE = np.ones(3)


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0])
def test_a_law_is_followed_to_an_error_that_is_not_there_yet(exponent: float) -> None:
    errors = 0.9 * SIZES**-exponent
    goal = np.array([0.9 * 160**-exponent])
    assert crossing(SIZES, errors[None], goal, ALIKE) == pytest.approx([160], rel=1e-6)


def test_a_law_with_a_floor_does_not_go_below_it() -> None:
    errors = 0.1 + 1 / SIZES
    assert crossing(SIZES, errors[None], np.array([0.1125]), ALIKE) == pytest.approx([80], rel=1e-6)
    assert math.isinf(crossing(SIZES, errors[None], np.array([0.09]), ALIKE)[0])


def test_a_curve_that_rises_is_taken_for_flat_and_leads_nowhere() -> None:
    assert math.isinf(crossing(SIZES, np.array([[0.1, 0.2, 0.3]]), np.array([0.05]), ALIKE)[0])


def test_nobody_is_sent_farther_than_a_law_can_be_believed() -> None:
    errors = SIZES**-0.25
    assert math.isinf(crossing(SIZES, errors[None], np.array([(2 * FAR * 40) ** -0.25]), ALIKE)[0])


def test_without_noise_the_ends_differ_by_how_fast_a_slow_curve_may_become() -> None:
    errors = np.tile(SIZES**-0.5, (51, 1))
    today = np.full(51, 160**-0.5)
    less, times = saved(SIZES, errors, np.zeros(3), today, 60, 0)
    assert (less.value, less.low, less.high) == pytest.approx((100, 20, 100), rel=1e-6)  # 160, 80 and 160 less 60
    assert (times.value, times.low) == pytest.approx((math.log(160 / 60), math.log(80 / 60)))


def test_noise_makes_the_span_wider_and_the_same_seed_the_same() -> None:
    dice = np.random.default_rng(0)
    errors = SIZES**-0.5 * np.exp(0.1 * dice.normal(size=(501, 3)))
    errors[0] = SIZES**-0.5
    today = np.full(501, 160**-0.5)
    calm, _ = saved(SIZES, errors, np.zeros(3), today, 60, 0)
    rough, _ = saved(SIZES, errors, np.full(3, 0.001), today, 60, 0)
    assert rough.low < calm.low < calm.value < calm.high <= rough.high
    assert saved(SIZES, errors, np.full(3, 0.001), today, 60, 0)[0] == rough
