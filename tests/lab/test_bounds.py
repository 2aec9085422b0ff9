"""Upper bounds that read test data: they are bounds, they say which rows, and they are deterministic."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch

from askance.errors import BadInput
from askance.lab import bounds
from askance.lab.bounds import batch_oracle, beam_oracle, greedy_oracle
from askance.lab.cell import run_cell
from askance.lab.curves import area
from askance.lab.datasets import Dataset
from askance.lab.plan import Plan
from askance.learners.base import Lesson
from askance.learners.linear import Linear
from askance.learners.svc import Svc
from askance.pool import Pool
from askance.reports.results import Run


def cloud(items: int = 160, noise: float = 1.3) -> Dataset:
    dice = np.random.default_rng(2)
    labels = dice.integers(0, 3, items)
    features = noise * dice.standard_normal((items, 5)) + 2 * np.eye(5)[labels]
    names = [f"item {row}" for row in dice.permutation(items)]  # a place in a sample is no row, and a row is no id
    return Dataset("cloud", Pool.from_arrays(features.astype("float32"), names), tuple("abc"[k] for k in labels))


def plan(**changes: Any) -> Plan:
    fields: dict[str, Any] = {"initial": 6, "batch": 4, "budget": 26, "test": 60, "learner": Linear(ridge=1.0)}
    return Plan(("random", "margin"), (0,), **fields | changes)


def gain(run: Run, other: Run) -> float:
    return area(run.labels, run.scores) - area(other.labels, other.scores)


@pytest.mark.parametrize("oracle", [greedy_oracle, batch_oracle])
def test_an_oracle_is_above_random_and_margin_and_the_same_every_time(oracle: Any) -> None:
    data, how = cloud(), plan()
    few = {"candidates": 24} if oracle is batch_oracle else {}
    gains = []
    for seed in range(4):
        run = oracle(data, how, seed, **few)
        beside = [run_cell((data, how), (name, seed)) for name in ("random", "margin")]
        assert run.labels == beside[0].labels and run.scores[0] == beside[0].scores[0]  # paired
        asked = [name for batch in run.picks for name in batch]
        assert len(asked) == len(set(asked)) == 20
        gains.append([gain(run, one) for one in beside])
        if seed == 0:
            again = oracle(data, how, seed, **few)
            assert replace(run, seconds={}) == replace(again, seconds={})
    assert np.mean(gains, axis=0).min() > 0


def test_greedy_takes_the_row_that_gains_most_and_not_its_place_in_the_sample() -> None:
    data, how = cloud(), plan(budget=7, batch=1)
    for seed in range(5):
        run = greedy_oracle(data, how, seed, sample=10_000)
        places, test = data.split(seed, how.test)
        reached = {}
        first = sorted(set(data.pool.names(places)) - set(_open(data, how, seed)))
        for name in _open(data, how, seed):
            reached[name] = _accuracy(data, [data.pool.row(one) for one in first] + [data.pool.row(name)], test)
        best = max(reached.values())
        if best > run.scores[0]:
            assert reached[run.picks[0][0]] == best == run.scores[1]


def _open(data: Dataset, how: Plan, seed: int) -> list[Any]:
    """Everything that random could still ask: by asking for it."""
    whole = replace(how, budget=len(data.pool) - how.test, batch=1000)
    return [name for batch in run_cell((data, whole), ("random", seed)).picks for name in batch]


def _accuracy(data: Dataset, rows: list[int], test: torch.Tensor) -> float:
    from sklearn.linear_model import LogisticRegression

    features, labels = data.pool.items.double().numpy(), np.array(data.labels)  # in float32 the line search gives up
    model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-8).fit(features[rows], labels[rows])
    return float((model.predict(features[test]) == labels[test]).mean())


def test_where_nothing_gains_margin_decides() -> None:
    dice = np.random.default_rng(3)
    features = dice.standard_normal((90, 2))
    labels = tuple("ab"[int(x > 0)] for x in features[:, 0])
    data = Dataset("easy", Pool.from_arrays((10 * features).astype("float32")), labels)
    how = plan(initial=40, budget=41, batch=1, test=20)
    run = greedy_oracle(data, how, 0, sample=10_000)
    margins = run_cell((data, how), ("margin", 0))
    if max(run.scores) == run.scores[0]:
        assert run.picks == margins.picks


def test_wide_beams_find_the_best_sequence_there_is() -> None:
    data, how = cloud(34, noise=2.0), plan(initial=3, budget=6, batch=1, test=24)
    run = beam_oracle(data, how, 1, beams=10_000)
    places, test = data.split(1, how.test)
    open_ = _open(data, how, 1)
    first = [data.pool.row(name) for name in set(data.pool.names(places)) - set(open_)]
    best = 0.0
    reached: dict[frozenset[int], float] = {}

    def accuracy(rows: list[int]) -> float:
        key = frozenset(rows)
        if key not in reached:
            reached[key] = _head(data, sorted(rows), test)
        return reached[key]

    for order in permutations([data.pool.row(name) for name in open_], 3):
        best = max(best, sum(accuracy([*first, *order[: k + 1]]) for k in range(3)))
    assert sum(run.scores[1:]) == pytest.approx(best)
    narrow = beam_oracle(data, how, 1, beams=1)
    assert sum(narrow.scores[1:]) <= best + 1e-9


@pytest.mark.parametrize(("classes", "seed"), [(2, 0), (2, 1), (2, 2), (3, 0), (4, 1)])
def test_a_beam_of_machines_that_go_on_from_their_parents_is_the_beam_of_machines_fitted_anew(
    classes: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = several(classes, 60, 1.5)
    how = plan(initial=8, budget=14, batch=1, test=24, learner=Svc(), start="per-class")
    short = beam_oracle(data, how, seed, beams=2)
    monkeypatch.setattr(bounds, "grows", lambda *given: False)
    long = beam_oracle(data, how, seed, beams=2)
    assert replace(short, seconds={}) == replace(long, seconds={})


def test_a_beam_that_begins_with_one_class_is_fitted_anew() -> None:
    data = several(2, 40, 1.5)
    how = plan(initial=1, budget=3, batch=1, test=20, learner=Svc())
    run = beam_oracle(data, how, 0, beams=2)
    assert run.labels == [1, 2, 3] and run.scores[-1] >= run.scores[0]


def several(classes: int, items: int, noise: float) -> Dataset:
    dice = np.random.default_rng(4)
    labels = dice.integers(0, classes, items)
    features = noise * dice.standard_normal((items, 2)) + 2 * np.stack([labels, labels % 2], 1)
    return Dataset("several", Pool.from_arrays(features.astype("float32")), tuple("abcd"[k] for k in labels))


def _head(data: Dataset, rows: list[int], test: torch.Tensor) -> float:
    from askance.seeds import Dice
    from askance.task import Classes

    known = torch.tensor(rows)
    columns = torch.tensor([data.classes.index(label) for label in data.labels])
    lesson = Lesson(
        items=data.pool.items,
        keys=data.pool.keys,
        task=Classes(data.classes),
        labeled=known,
        targets=torch.nn.functional.one_hot(columns[known], 3).double(),
        weights=torch.ones(len(known), dtype=torch.float64),
        unlabeled=known[:0],
        dice=Dice(0, "fit"),
    )
    scores = Linear(ridge=1.0).fit(lesson).outputs(data.pool.items[test]).scores
    assert scores is not None
    return float((scores.argmax(1) == columns[test]).double().mean())


def test_bounds_of_nothing_are_refused() -> None:
    data, how = cloud(), plan()
    for call in (
        lambda: greedy_oracle(data, how, 0, sample=0),
        lambda: beam_oracle(data, how, 0, beams=0),
        lambda: batch_oracle(data, how, 0, mix=()),
    ):
        with pytest.raises(BadInput):
            call()
