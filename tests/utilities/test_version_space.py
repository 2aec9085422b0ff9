from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from askance.utilities.version_space import allowed_errors, errors_when_forced, open_points
from tests.pins import pins


def of_thresholds(known: np.ndarray, told: np.ndarray, point: float) -> list[float]:
    """The least share of wrong answers of all thresholds on a line, either way round, by what they say at a point."""
    places = np.sort(np.append(known, point))
    cuts = np.concatenate([[places[0] - 1], (places[1:] + places[:-1]) / 2, [places[-1] + 1]])
    found = [1.0, 1.0]
    for cut in cuts:
        for way in (0, 1):
            said = int((point > cut) == bool(way))
            found[said] = min(found[said], float((((known > cut) == bool(way)).astype(int) != told).mean()))
    return found


def forced(known: np.ndarray, told: np.ndarray, points: list[float]) -> list[list[float]]:
    features, targets = torch.tensor(known)[:, None], torch.eye(2, dtype=torch.float64)[torch.tensor(told)]
    ones = torch.ones(len(known), dtype=torch.float64)
    found: list[list[float]] = errors_when_forced(
        features, targets, ones, torch.tensor(points, dtype=torch.float64)[:, None], 1e-3
    )[1].tolist()
    return found


@pins(
    "neural-cal",
    "brute force",
    "Which classes survivors say, against all thresholds on a line; forced fits find the mistakes of none too low.",
    "query iff two classifiers with err <= err* + slack differ",
)
def test_of_separable_items_the_forced_fits_find_every_survivor_that_makes_no_mistake() -> None:
    known, told = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 0, 1, 1])
    points = [-3.0, -0.5, 0.0, 0.5, 3.0]
    survivors = [[error == 0 for error in row] for row in forced(known, told, points)]
    assert survivors == [[error == 0 for error in of_thresholds(known, told, point)] for point in points]
    assert [sum(row) for row in survivors] == [1, 2, 2, 2, 1]


def test_of_noisy_items_no_classifier_is_made_up() -> None:
    dice = np.random.default_rng(1)
    known = dice.standard_normal(20)
    told = (known + 0.7 * dice.standard_normal(20) > 0).astype(int)
    points = [-1.0, -0.3, 0.2, 1.0]
    for point, row in zip(points, forced(known, told, points), strict=True):
        for found, exact in zip(row, of_thresholds(known, told, point), strict=True):
            assert found >= exact - 1e-12


def test_the_slack_shrinks_with_what_is_known_and_grows_with_the_least_error() -> None:
    assert allowed_errors(0.0, 10, 0.5) > allowed_errors(0.0, 100, 0.5) > 0
    assert allowed_errors(0.2, 100, 0.5) - 0.2 > allowed_errors(0.0, 100, 0.5)
    assert allowed_errors(0.9, 1, 5.0) == 1.0


def test_with_nothing_known_no_class_costs_anything() -> None:
    none = torch.zeros(0, 1, dtype=torch.float64)
    best, errors = errors_when_forced(none, torch.zeros(0, 2), none[:, 0], torch.ones(3, 1, dtype=torch.float64), 1.0)
    assert best == 0 and errors.tolist() == [[0.0, 0.0]] * 3


def test_points_are_told_apart_by_weight() -> None:
    features = torch.tensor([[-1.0], [1.0], [1.0]], dtype=torch.float64)
    targets = torch.eye(2, dtype=torch.float64)[torch.tensor([0, 1, 0])]
    weights = torch.tensor([1.0, 3.0, 1.0], dtype=torch.float64)
    _, errors = errors_when_forced(features, targets, weights, features[1:2], 1e-3)
    assert errors[0].tolist() == pytest.approx([3 / 5, 1 / 5])  # 0 there is wrong at the item of weight 3


def test_points_are_looked_at_until_enough_are_open_and_the_slack_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(2)
    points = torch.tensor(dice.standard_normal(40))[:, None]
    looked: list[int] = []

    def counted(*given: Any) -> tuple[float, torch.Tensor]:
        looked.append(len(given[3]))
        return errors_when_forced(*given)

    monkeypatch.setattr("askance.utilities.version_space.errors_when_forced", counted)
    for noise in (0.0, 1.0):  # with noise nobody is right on all, so the slack may shrink to the end
        known = dice.standard_normal(12)
        told = torch.eye(2, dtype=torch.float64)[
            torch.tensor((known + noise * dice.standard_normal(12) > 0).astype(int))
        ]
        given = (torch.tensor(known)[:, None], told, torch.ones(12, dtype=torch.float64))
        best, shares = errors_when_forced(*given, points, 1e-2)
        every = ((shares <= allowed_errors(best, 12, 0.5)).sum(1) > 1).nonzero()[:, 0].tolist()
        assert len(every) > 2
        looked.clear()
        found = open_points(*given, points, ridge=1e-2, scale=0.5, most=2)
        assert found.tolist() == every[:2]
        assert sum(looked) == 40 if noise else sum(looked) < 40
    assert open_points(*given, points[:0], ridge=1e-2, scale=0.5, most=2).tolist() == []
