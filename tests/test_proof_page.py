"""The simulated projects behind docs/proof.md."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from askance.study.evidence import gathered
from askance.task import Classes
from benchmarks.proof import SIZES, SLACK, WORLDS, _needed, clouds, project
from benchmarks.proof_page import _inside, _intervals, _reaches, _smooth


def test_a_cloud_is_surest_at_its_center_and_its_labels_have_their_shares() -> None:
    draw = clouds(np.array([[0.0], [6.0]]), np.array([0.5, 0.5]), np.array([[1.0, 0.0], [0.25, 0.75]]))
    features, targets, sure = draw(4000, np.random.default_rng(0))
    far = features[:, 0] > 3
    assert far.mean() == pytest.approx(0.5, abs=0.03) and targets[far, 1].mean() == pytest.approx(0.75, abs=0.03)
    assert sure[features[:, 0] < 1].min() > 0.99 and sure[features[:, 0] > 5].max() == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("name", ["hurts", "same", "numbers"])
def test_a_project_asks_for_what_its_seed_says_and_knows_no_other_label(name: str) -> None:
    drawn = project(WORLDS[name], 1001)
    twin = project(WORLDS[name], 1001)
    rows = [row for asked in drawn.asked for row in asked.rows]
    assert len(rows) == len(set(rows)) == len(drawn.lesson.labeled) and [a.rows for a in twin.asked] == [
        a.rows for a in drawn.asked
    ]
    found = gathered(drawn.sides, drawn.asked, drawn.controls, ())
    assert len(found.control) == len(drawn.controls) >= 20
    assert len(found.active) == len(rows) - len(drawn.controls)
    less = drawn.without(drawn.controls[:3])
    assert len(less.lesson.labeled) == len(rows) - 3 and len(less.lesson.unlabeled) == len(drawn.lesson.unlabeled) + 3
    assert not torch.isin(torch.tensor(drawn.controls[:3]), less.lesson.labeled).any()


def test_labels_needed_are_read_off_a_curve_give_or_take_a_little() -> None:
    curve = [min(0.9, 0.5 + 0.1 * place) for place in range(len(SIZES))]
    fewest, most = _needed(Classes((0, 1)), curve, 0.7)
    assert fewest is not None and most is not None and fewest < SIZES[2] < most < 1.1 * SIZES[2]
    fewest, most = _needed(Classes((0, 1)), curve, 0.9)
    assert most is None and fewest is not None and fewest <= SIZES[4]
    assert _needed(Classes((0, 1)), curve, 0.9 + 2 * SLACK) == [None, None]
    assert _needed(Classes((0, 1)), curve, 0.4) == [float(SIZES[0])] * 2


def test_an_interval_of_labels_saved_is_right_where_it_meets_the_truth() -> None:
    def held(saved: list[int | None], needed: list[float | None]) -> bool:
        return _reaches({"saved": saved, "needed": needed, "labels": 100})

    assert held([50, 20, 80], [110, 125]) and not held([50, 30, 80], [110, 125])
    assert held([None, 20, None], [500, None]) and held([None, 20, None], [None, None])
    assert not held([50, 20, 80], [None, None]) and not held([None, None, None], [110, 125])


def test_shares_are_counted_by_pool_and_means_by_size() -> None:
    rows = [{"a": {"b": [0.5, 0.4, 0.6, truth]}} for truth in (0.45, 0.7)]
    assert _inside(_intervals(rows, "a", "b")) == [True, False]
    sizes, values = np.log([16, 16, 160]), np.array([1.0, 3.0, 9.0])
    assert _smooth(sizes, values) == pytest.approx([2, 2, 9], abs=0.01)
