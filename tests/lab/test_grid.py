"""Paired comparisons."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from askance.errors import BadInput, UnknownName
from askance.lab.cell import mean_utility, run_cell, told_utility
from askance.lab.datasets import Dataset, digits
from askance.lab.grid import run
from askance.lab.plan import Plan
from askance.learners.linear import Linear
from askance.pool import Pool
from askance.seeds import Dice
from askance.strategies.random import Random
from askance.view import Batch, View

PLAN = Plan(
    ("random", "margin"), seeds=(100, 101), initial=20, batch=10, budget=50, test=300, learner=Linear(ridge=1.0)
)


def small() -> Dataset:
    data = digits()
    rows = Dice(0, "small").uniform(data.pool.keys).argsort()[:600].sort().values.tolist()
    return Dataset("some digits", data.pool.arranged(rows), tuple(data.labels[row] for row in rows))


def test_a_comparison_has_a_run_for_each_strategy_and_seed_with_a_score_for_each_label_count() -> None:
    results = run(small(), PLAN)
    assert [(cell.strategy, cell.seed) for cell in results.runs] == [
        ("random", 100),
        ("margin", 100),
        ("random", 101),
        ("margin", 101),
    ]
    for cell in results.runs:
        assert cell.labels == [20, 30, 40, 50]
        assert [len(picks) for picks in cell.picks] == [10, 10, 10]
        assert [sum(counts) for counts in cell.classes] == [10, 10, 10]
        assert len(cell.seconds["training"]) == 4  # one fit before each round, one for the last score


def test_two_strategies_of_one_seed_start_from_the_same_labels_and_model() -> None:
    results = run(small(), PLAN)
    found = {(cell.strategy, cell.seed): cell for cell in results.runs}
    assert found["random", 100].scores[0] == found["margin", 100].scores[0]
    assert found["random", 101].scores[0] == found["margin", 101].scores[0]
    assert found["random", 100].scores != found["random", 101].scores
    assert found["random", 100].picks != found["random", 101].picks


def test_processes_change_no_score_and_no_pick() -> None:
    alone, together = run(small(), PLAN), run(small(), PLAN, workers=2)
    one, other = ([replace(cell, seconds={}) for cell in found.runs] for found in (alone, together))
    assert one == other  # clocks differ, nothing else may


def test_test_items_are_never_picked_and_no_item_is_picked_twice() -> None:
    data = small()
    _, test = data.split(100, PLAN.test)
    cell = run_cell((data, PLAN), ("margin", 100))
    picked = [name for picks in cell.picks for name in picks]
    assert len(set(picked)) == len(picked) == 30
    assert not set(picked) & set(data.pool.names(test))


def test_labels_of_items_that_were_not_asked_change_nothing() -> None:
    data = small()
    cell = run_cell((data, PLAN), ("margin", 100))
    pool, _ = data.split(100, PLAN.test)
    keys = data.pool.arranged(pool.tolist()).keys
    first = Dice(100, "initial").uniform(keys).argsort()[: PLAN.initial]
    seen = {row for row in pool[first].tolist()} | {data.pool.row(name) for picks in cell.picks for name in picks}
    shifted = [
        label if row in seen or row not in set(pool.tolist()) else (int(label) + 1) % 10
        for row, label in enumerate(data.labels)
    ]
    again = run_cell((Dataset("shifted", data.pool, tuple(shifted)), PLAN), ("margin", 100))
    assert again.picks == cell.picks


@dataclass(frozen=True)
class Half(Random):
    """Gives half of what is asked for, and says that it is done."""

    def query(self, view: View, n: int) -> Batch:
        batch = super().query(view, max(1, n // 2))
        return replace(batch, reason="done") if len(batch) < n else batch


@dataclass(frozen=True)
class Tired(Random):
    """Stops after thirty labels."""

    def query(self, view: View, n: int) -> Batch:
        if len(view.labeled) >= 30:
            return view.batch(view.candidates[:0], reason="stop: enough")
        return super().query(view, n)


def test_a_strategy_that_gives_fewer_is_asked_again_until_the_batch_is_full() -> None:
    cell = run_cell((small(), PLAN), (f"{__file__}:Half", 100))
    assert cell.labels == [20, 30, 40, 50]


def test_a_strategy_that_stops_ends_its_run_early() -> None:
    cell = run_cell((small(), PLAN), (f"{__file__}:Tired", 100))
    assert cell.labels == [20, 30, 30]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"strategies": ("random", "marginn")}, UnknownName, "Did you mean 'margin'"),
        ({"strategies": ("random", "random")}, BadInput, "named twice"),
        ({"budget": 400}, BadInput, "larger than the pool: 600 items less 300"),
        ({"budget": 20}, BadInput, "leave nothing to"),
        ({"seeds": ()}, BadInput, "nothing to run"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused_before_anything_is_run(
    change: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(small(), replace(PLAN, **change))  # type: ignore[arg-type]


def test_a_strategy_that_needs_what_the_learner_lacks_is_refused_before_anything_is_run() -> None:
    @dataclass(frozen=True)
    class Blind(Linear):
        """A learner without embeddings."""

        @property
        def gives(self) -> frozenset[str]:
            return frozenset({"scores"})

    with pytest.raises(BadInput, match="reads embeddings"):
        run(small(), replace(PLAN, strategies=("badge",), learner=Blind()))


def test_features_of_another_type_give_the_same_run_as_float64() -> None:
    data = small()
    wide = Dataset("wide", Pool(data.pool.items.to(torch.float64), data.pool.ids), data.labels)
    cell, other = (run_cell((d, PLAN), ("random", 100)) for d in (data, wide))
    assert cell.picks == other.picks
    assert cell.scores == pytest.approx(other.scores, abs=0.004)


def test_the_mean_utility_of_each_round_is_kept() -> None:
    data = digits().sample(300)
    (made,) = run(data, Plan(("margin",), (0,), initial=20, batch=5, budget=30, test=100)).runs
    wanted = made.notes["utility"]
    assert len(wanted) == len(made.picks) == 2 and all(-1 <= value <= 0 for value in wanted)
    assert told_utility([None, None]) == {} and told_utility([0.5, None]) == {"utility": [0.5, None]}
    assert mean_utility([{"utility": 1.0}, {"other": 2}, {"utility": 2.0}]) == 1.5 and mean_utility([{}]) is None
