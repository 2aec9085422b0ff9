"""The preset of the pool-based survey: its sizes, sets and strategies are what is said of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from askance.lab import sets
from askance.lab.datasets import Dataset
from askance.lab.presets.catalogue import PRESETS
from askance.lab.presets.pool_survey import BOUNDED, LEARNED, MATCHED, MISMATCHED, TABLES
from askance.lab.registry import ENTRIES
from askance.lab.running import run_grid
from askance.learners.linear import Linear
from askance.learners.svc import Svc
from askance.pool import Pool


def stand_in(name: str) -> Dataset:
    """As large as the data set of a name, with as many classes, by chance."""
    known, dice = ENTRIES[name], np.random.default_rng(0)
    labels = tuple(f"class {label}" for label in dice.integers(0, known.classes, known.items))
    points = dice.random((known.items, known.features), dtype=np.float32)
    return Dataset(name, Pool.from_arrays(points), labels)


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """All sets are there."""
    monkeypatch.setattr(sets, "load", stand_in)
    monkeypatch.setattr("askance.lab.cache.state", lambda known: "in the cache")


def test_sets_are_as_large_as_the_registry_says() -> None:
    assert {one.name: (one.size, one.classes) for one in TABLES} == {
        one.name: (ENTRIES[one.name].items, ENTRIES[one.name].classes) for one in TABLES
    }


def test_the_whole_comparison_buys_200_labels_or_the_pool_with_50_seeds(everywhere: None) -> None:
    grid = PRESETS["pool-survey"].grid("paper")
    assert len(grid.conditions) == len(TABLES) == 15
    for table, condition in zip(TABLES, grid.conditions, strict=True):
        plan, items = condition.plan, len(condition.dataset.pool)
        assert len(plan.seeds) == 50 and plan.initial == 20 and plan.batch == 1 and plan.test == round(0.4 * items)
        assert plan.budget == min(200, items - plan.test) and plan.learner == Svc()
        assert (plan.start == "random") == (table.classes == 2)
        assert list(plan.bounds) == (["beam oracle"] if items <= BOUNDED else [])
        assert len(condition.bound_seeds) == 10 and len(plan.strategies) == len(LEARNED)
    bounded = [condition.dataset.name for condition in grid.conditions if condition.plan.bounds]
    assert bounded == ["sonar", "ionosphere", "breast-cancer", "iris", "wine", "glass", "disk"]


def test_one_margin_is_the_task_models_and_one_that_of_a_logistic_model(everywhere: None) -> None:
    parts = PRESETS["pool-survey"].grid("desk").parts
    own, other = parts[MATCHED], parts[MISMATCHED]
    assert own.signal.of is None and isinstance(other.signal.of, Linear)  # type: ignore[attr-defined]
    expected: Any = parts["expected-error-reduction"]
    assert expected.signal.of == expected.features.of == other.signal.of  # type: ignore[attr-defined]
    assert expected.ridge == expected.signal.of.ridge


@pytest.mark.slow
def test_every_strategy_runs_with_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askance.lab.presets.pool_survey.TABLES", [one for one in TABLES if one.name == "iris"])
    grid = PRESETS["pool-survey"].grid("paper")
    short = replace(grid, seeds=(0,), budget=24)
    (found,) = run_grid(short, tmp_path)
    assert not [text for text in found.said if "failed" in text]
    assert {run.strategy for run in found.runs} == set(short.parts) and len(found.bounds) == 1
    assert len({run.scores[0] for run in [*found.runs, *found.bounds]}) == 1  # the same first labels and model
    best = max(float(np.mean(run.scores)) for run in found.runs)
    assert float(np.mean(found.bounds[0].scores)) >= best
