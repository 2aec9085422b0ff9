"""Upper bounds in a grid: run with fewer seeds, kept apart from strategies, and shown as room to gain."""

from __future__ import annotations

from pathlib import Path

import pytest

from askance.errors import BadInput
from askance.lab import bounds
from askance.lab.across import across
from askance.lab.ceilings import BatchOracle, BeamOracle, GreedyOracle, ceiling_of
from askance.lab.grids import Grid, read_grid
from askance.lab.identity import identity
from askance.lab.running import results_of, run_grid
from askance.lab.saved import read_results, write_results
from askance.learners.linear import Linear
from askance.reports.gridded import grid_sections
from askance.strategies.uncertainty import Margin
from tests.lab.test_running import cloud, timeless


def small(**changes: object) -> Grid:
    fields: dict[str, object] = {
        "datasets": (cloud(),),
        "strategies": ("random", "margin"),
        "learners": (Linear(ridge=1.0),),
        "initial": (6,),
        "batch": (3,),
        "budget": 12,
        "test": 40,
        "seeds": (0, 1, 2),
        "bounds": ({"bound": "greedy oracle", "sample": 5}, "batch oracle"),
        "bound_seeds": 2,
    }
    return Grid(**{**fields, **changes})  # type: ignore[arg-type]


def test_bounds_run_with_the_first_seeds_and_stand_in_no_comparison(tmp_path: Path) -> None:
    grid = small()
    names = [(cell.strategy, cell.seed) for cell in grid.cells()]
    assert len(names) == 2 * 3 + 2 * 2 and ("greedy oracle", 2) not in names
    (found,) = run_grid(grid, tmp_path)
    assert found.strategies == ["random", "margin"] and len(found.bounds) == 4
    condition = grid.conditions[0]
    alone = bounds.greedy_oracle(condition.dataset, condition.plan, 1, sample=5)
    ours = [run for run in found.bounds if run.strategy == "greedy oracle" and run.seed == 1]
    assert timeless(ours) == timeless([alone])
    gathered = across([found])
    assert gathered.names == ["margin", "random"] or gathered.names == ["random", "margin"]
    assert gathered.cells == gathered.done == 10
    room = gathered.rooms[0]
    assert (room.bound, room.seeds) == ("greedy oracle", 2) and room.area.mean > room.base
    assert room.best_area >= room.base
    page = grid_sections(gathered)
    assert "How much room is there?" in page and page.count("batch oracle") >= 2


def test_results_with_bounds_are_read_back_and_none_leave_no_trace(tmp_path: Path) -> None:
    (found,) = run_grid(small(), tmp_path / "one")
    _, (again,) = read_results(write_results("x", [found], tmp_path / "results.json"))
    assert again.bounds == found.bounds and again.runs == found.runs
    (plain,) = results_of(small(bounds=()), tmp_path / "one")
    assert plain.bounds == [] and '"bounds"' not in plain.to_json()


def test_a_bound_is_a_name_or_a_table_and_never_a_strategy(tmp_path: Path) -> None:
    assert ceiling_of("beam oracle") == ("beam oracle", BeamOracle())
    assert ceiling_of({"bound": "beam oracle", "beams": 2, "name": "narrow"}) == ("narrow", BeamOracle(beams=2))
    assert ceiling_of("batch oracle")[1] == BatchOracle() and ceiling_of("greedy oracle")[1] == GreedyOracle()
    with pytest.raises(BadInput, match="upper bound named 'gredy oracle'.*Did you mean 'greedy oracle'"):
        small(bounds=("gredy oracle",)).conditions  # noqa: B018
    with pytest.raises(BadInput, match=r"cannot be made with \{'width': 3\}"):
        small(bounds=({"bound": "beam oracle", "width": 3},)).conditions  # noqa: B018
    with pytest.raises(BadInput, match="called 'margin'"):
        small(bounds=({"bound": "beam oracle", "name": "margin"},)).conditions  # noqa: B018
    with pytest.raises(BadInput, match="strategy named 'greedy oracle'"):
        small(strategies=("greedy oracle",)).conditions  # noqa: B018


def test_grids_beside_each_other_have_their_own_seeds_in_toml_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'datasets = ["iris"]\nstrategies = ["random", "margin"]\nbatch = [5]\nbudget = 40\ntest = 50\nseeds = 4\n'
        'bounds = ["greedy oracle"]\nbound_seeds = 1\n'
        '[[more]]\ndatasets = ["wine"]\nseeds = [7, 8]\nbounds = []\n'
    )
    grid = read_grid(path)
    first, second = grid.conditions
    assert first.plan.seeds == (0, 1, 2, 3) and second.plan.seeds == (7, 8)
    cells = list(grid.cells())
    assert len(cells) == 2 * 4 + 1 + 2 * 2
    assert [(c.condition, c.seed) for c in cells[:7]] == [(0, 0), (0, 0), (0, 0), (1, 7), (1, 7), (0, 1), (0, 1)]
    path.write_text(path.read_text().replace("[[more]]", "more = 3\n[other]"))
    with pytest.raises(BadInput):
        read_grid(path)


def test_first_labels_per_class_are_equally_many_where_a_class_has_them(tmp_path: Path) -> None:
    grid = small(start=("per-class",), bounds=(), initial=(7,), budget=13)
    (condition,) = grid.conditions
    from askance.lab.cell import first_rows

    data, plan = condition.dataset, condition.plan
    places, _ = data.split(3, plan.test)
    keys = data.pool.arranged(places.tolist()).keys
    rows = first_rows(data, plan, lambda: data.pool, keys, 3)
    labels = [data.labels[int(places[row])] for row in rows]
    assert len(set(rows)) == 7 and sorted(labels.count(name) for name in data.classes) == [2, 2, 3]
    (found,) = run_grid(grid, tmp_path)
    assert {tuple(run.labels) for run in found.runs} == {(7, 10, 13)}
    assert len({run.scores[0] for run in found.runs if run.seed == 0}) == 1
    with pytest.raises(BadInput, match="not one for each of the 3 classes"):
        small(start=("per-class",), initial=(2,), budget=8).conditions  # noqa: B018


def test_a_batch_oracle_is_another_one_once_a_strategy_in_its_mix_is(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(BatchOracle())
    assert identity(BatchOracle()) == before
    monkeypatch.setattr(Margin, "revision", Margin.revision + 1)
    assert identity(BatchOracle()) != before
