"""Runs as one problem are the runs that they are alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from askance.lab import lockstep
from askance.lab.cell import run_cell
from askance.lab.datasets import Dataset
from askance.lab.lockstep import fits, run_together
from askance.lab.plan import Plan
from askance.learners.linear import Linear
from askance.pool import Pool
from askance.reports.results import Run
from askance.strategies import catalogue
from askance.strategies.random import Random
from askance.view import Batch, View

SEEDS = (0, 1, 2, 3)


def cloud(items: int = 400, classes: int = 4) -> Dataset:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, classes, items)
    features = rng.standard_normal((items, 6)) + 1.5 * np.eye(6)[labels]
    names = [f"item {row}" for row in rng.permutation(items)]
    return Dataset(
        "cloud", Pool.from_arrays(features.astype("float32"), names), tuple("abcdef"[label] for label in labels)
    )


def plan(*names: Any, **changes: Any) -> Plan:
    fields: dict[str, Any] = {"initial": 8, "batch": 7, "budget": 40, "test": 100, "learner": Linear(ridge=1.0)}
    parts = {str(n): catalogue.strategy(n) for n in names}
    return Plan(tuple(parts), SEEDS, **fields | changes, parts=parts)


def same(one: Run, other: Run) -> None:
    assert one.picks == other.picks
    assert replace(one, seconds={}, measures={}, notes={}) == replace(other, seconds={}, measures={}, notes={})
    assert one.notes.get("utility", []) == pytest.approx(other.notes.get("utility", []), rel=1e-3, abs=1e-5)
    assert one.measures.keys() == other.measures.keys()
    for name in one.measures:
        assert one.measures[name] == pytest.approx(other.measures[name], abs=1e-5)
    assert {k: len(v) for k, v in one.seconds.items()} == {k: len(v) for k, v in other.seconds.items()}


PLAIN = (
    "random",
    "margin",
    "entropy",
    "least-confidence",
    "k-center",
    "k-means",
    "badge",
    "typiclust",
    "information-density",
    "max-logit",
    "noise-stability",
    "cluster-margin",
    "bait",
    "galaxy",  # asks one by one and waits for each answer
)


@pytest.mark.parametrize("name", PLAIN)
def test_every_seed_gets_the_run_that_it_has_alone(name: str) -> None:
    data, how = cloud(), plan(name)
    assert fits(data, how, how.strategy(name))
    for seed, run in zip(SEEDS, run_together(data, how, name, SEEDS), strict=True):
        same(run, run_cell((data, how), (name, seed)))


@pytest.mark.parametrize("learner", [Linear(), Linear(ridge=0.1)])
def test_a_ridge_that_is_chosen_anew_is_the_one_that_is_chosen_alone(learner: Linear) -> None:
    data, how = cloud(), plan("margin", learner=learner)
    for seed, run in zip(SEEDS, run_together(data, how, "margin", SEEDS), strict=True):
        same(run, run_cell((data, how), ("margin", seed)))


@pytest.mark.parametrize("name", ["bald", "core-gcn", "discriminative-al"])
def test_what_wants_more_than_the_head_is_run_alone(name: str) -> None:
    data, how = cloud(150), plan(name, budget=15, test=50)
    found = run_together(data, how, name, SEEDS[:1])
    same(found[0], run_cell((data, how), (name, 0)))


@dataclass(frozen=True)
class Remembers(Random):
    """Looks at what was asked before."""

    def query(self, view: View, n: int) -> Batch:
        return super().query(view, n if not view.history.asked else n - 0)


@dataclass(frozen=True)
class Leaves(Random):
    """Has enough after a while."""

    def query(self, view: View, n: int) -> Batch:
        if len(view.labeled) > 20 and view.dice.seed == 2:
            return view.batch(view.candidates[:3], reason="stop: enough")
        return super().query(view, n)


@pytest.mark.parametrize("strategy", [Remembers(), Leaves()])
def test_who_reads_the_history_or_stops_early_is_run_alone(strategy: Random) -> None:
    data, how = cloud(), replace(plan("random"), strategies=("mine",), parts={"mine": strategy})
    for seed, run in zip(SEEDS, run_together(data, how, "mine", SEEDS), strict=True):
        same(run, run_cell((data, how), ("mine", seed)))
        assert (run.reasons[-1] == "stop: enough") == (type(strategy) is Leaves and seed == 2)


def test_first_labels_of_one_class_and_those_that_a_strategy_picks() -> None:
    data = cloud()
    one_class = Dataset("sorted", data.pool, tuple("a" if label < "d" else "d" for label in data.labels))
    for how in (plan("margin", initial=2), plan("margin", start="k-means")):
        for seed, run in zip(SEEDS, run_together(one_class, how, "margin", SEEDS), strict=True):
            same(run, run_cell((one_class, how), ("margin", seed)))


def test_neither_neighbors_nor_threads_change_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    data, how = cloud(), plan("margin")
    honest, heads = Linear.fit_many, []

    def seen(self: Linear, lessons: Any) -> Any:
        models = honest(self, lessons)
        heads.extend(
            (lesson.dice.seed, lesson.number, model.coefficients) for lesson, model in zip(lessons, models, strict=True)
        )
        return models

    monkeypatch.setattr(Linear, "fit_many", seen)
    found = []
    for seeds, threads in ((SEEDS, 1), (SEEDS, 2), (SEEDS[2:3], 1)):
        heads.clear()
        run_together(data, how, "random", seeds, threads)
        found.append({(seed, number): head for seed, number, head in heads})
    for other in found[1:]:
        for place, head in other.items():
            assert torch.equal(head, found[0][place])


def test_blocks_are_made_so_that_scores_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    data, how = cloud(), plan("margin")
    whole = run_together(data, how, "margin", SEEDS)
    monkeypatch.setattr(lockstep, "_TOGETHER", 4 * 400 * 4)  # one run
    for one, other in zip(whole, run_together(data, how, "margin", SEEDS), strict=True):
        same(one, other)


def test_a_strategy_that_picks_twice_or_what_is_known_is_refused() -> None:
    @dataclass(frozen=True)
    class Twice(Random):
        def query(self, view: View, n: int) -> Batch:
            return view.batch(view.candidates[:1].repeat(n))

    data, how = cloud(), replace(plan("random"), strategies=("mine",), parts={"mine": Twice()})
    with pytest.raises(Exception, match="twice|named in the journal"):
        run_together(data, how, "mine", SEEDS)
