"""Machines that grow by one label are those that scikit-learn fits from nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.svm import SVC

from askance.kernels.machine import Machines

Array = np.ndarray[Any, np.dtype[Any]]


def world(seed: int, apart: float = 1.0, gamma: float = 0.5) -> tuple[Machines, Array, Array]:
    dice = np.random.default_rng(seed)
    signs = np.where(dice.random(120) < 0.5, 1.0, -1.0)
    points = dice.standard_normal((120, 3)) + apart * signs[:, None] * [1, 0, 0]
    gram = kernel(points, points, gamma)
    return Machines(gram[:80, :80], gram[80:, :80], signs[:80], tolerance=1e-9), points, signs


def kernel(one: Array, other: Array, gamma: float) -> Array:
    return np.asarray(np.exp(-gamma * ((one[:, None] - other[None]) ** 2).sum(-1)))


def theirs(points: Array, signs: Array, rows: Array, gamma: float = 0.5) -> SVC:
    return SVC(C=1.0, gamma=gamma, tol=1e-9).fit(points[rows], signs[rows])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("apart", [0.0, 0.5, 2.0])
def test_a_machine_from_nothing_is_scikit_learns(seed: int, apart: float) -> None:
    machines, points, signs = world(seed, apart)
    rows = np.arange(30)
    found, expected = machines.solved(rows), theirs(points, signs, rows)
    own = np.zeros(30)
    own[expected.support_] = expected.dual_coef_[0]
    assert np.allclose(found.dual * signs[rows], own, atol=1e-5)
    assert found.bias == pytest.approx(expected.intercept_[0], abs=1e-5)
    assert np.allclose(machines.decisions(found), expected.decision_function(points[80:]), atol=1e-5)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("apart", [0.0, 0.5, 2.0])
def test_a_grown_machine_is_the_one_from_nothing(seed: int, apart: float) -> None:
    machines, points, signs = world(seed, apart)
    rows = np.arange(20)
    found = machines.decisions_with(machines.solved(rows), np.arange(20, 80))
    for row, decisions in zip(range(20, 80), found, strict=True):
        machine = theirs(points, signs, np.append(rows, row))
        assert np.allclose(decisions, machine.decision_function(points[80:]), atol=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_an_item_beyond_the_margin_on_its_own_side_changes_no_coefficient(seed: int) -> None:
    machines, points, signs = world(seed, 1.0)
    parent = machines.solved(np.arange(20))
    own = theirs(points, signs, np.arange(20))
    assert ((parent.dual > 0) & (parent.dual < 1)).any()  # some are free, so the bias is theirs
    beyond = [row for row in range(20, 80) if signs[row] * own.decision_function(points[row : row + 1])[0] >= 1]
    assert beyond
    for row in beyond:
        child = theirs(points, signs, np.append(np.arange(20), row))
        assert np.allclose(child.decision_function(points), own.decision_function(points), atol=1e-6)
    found = machines.decisions_with(parent, np.array(beyond))
    assert np.allclose(found, machines.decisions(parent), atol=1e-12)  # no step was taken


def test_without_a_free_coefficient_an_item_beyond_the_margin_may_still_move_the_bias() -> None:
    # Two pairs far apart, with a kernel of exp(-1) in each pair: all coefficients are at their bound of 0.7, the sum at
    # each point is 0.7 (1 + exp(-1)) = 0.9575, and y (sum + b) <= 1 leaves b in [-0.0425, 0.0425], so b is 0.
    # The new item is beyond the margin, y f = 0.7 (exp(-0.0225) + exp(-0.7225)) = 1.0243, and wants b >= -0.0243.
    points = np.array([[-11.0], [-10.0], [10.0], [11.0], [10.15]])
    signs = np.array([-1.0, -1.0, 1.0, 1.0, 1.0])
    gram = kernel(points, points, 1.0)
    machines = Machines(gram, gram, signs, cost=0.7, tolerance=1e-9)
    parent, grown = machines.solved(np.arange(4)), machines.solved(np.arange(5))
    assert np.allclose(parent.dual, 0.7) and np.allclose(grown.dual, [0.7, 0.7, 0.7, 0.7, 0])
    assert parent.bias == pytest.approx(0) and grown.bias == pytest.approx((0.0425 - 0.0243) / 2, abs=1e-4)
    expected = SVC(C=0.7, gamma=1.0, tol=1e-9).fit(points, signs)
    assert grown.bias == pytest.approx(expected.intercept_[0], abs=1e-6)
    found = machines.decisions_with(parent, np.array([4]))
    assert np.allclose(found[0], machines.decisions(parent) + grown.bias, atol=1e-9)
