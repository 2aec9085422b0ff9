"""Grids that are run, killed, edited and run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from askance.errors import BadInput
from askance.lab import running
from askance.lab.datasets import Dataset
from askance.lab.grid import run
from askance.lab.grids import Grid
from askance.lab.running import LEDGER, Stand, deadline, results_of, run_grid
from askance.learners.linear import Linear
from askance.learners.sklearn import Sklearn
from askance.pool import Pool
from askance.reports.results import Run
from askance.strategies.random import Random
from askance.view import Batch, View


def cloud(items: int = 120, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, items)
    features = rng.standard_normal((items, 4)) + 2 * np.eye(4)[labels]
    return Dataset(f"cloud {seed}", Pool.from_arrays(features.astype("float32")), tuple(labels.tolist()))


def small(**changes: Any) -> Grid:
    fields: dict[str, Any] = {
        "datasets": (cloud(), cloud(seed=1)),
        "strategies": ("random", "margin"),
        "learners": (Linear(ridge=1.0),),
        "initial": (6,),
        "batch": (6,),
        "budget": 18,
        "test": 40,
        "seeds": (0, 1, 2),
    }
    return Grid(**fields | changes)


def timeless(runs: list[Run]) -> list[Run]:
    return sorted((replace(run, seconds={}, measures={}) for run in runs), key=lambda run: (run.strategy, run.seed))


class Heard:
    """Keeps all that was said."""

    def __init__(self) -> None:
        self.stands: list[Stand] = []

    def __call__(self, stand: Stand) -> None:
        self.stands.append(stand)

    def kinds(self) -> list[str]:
        return [stand.kind for stand in self.stands]


def test_a_grid_gives_what_plain_comparisons_give_with_any_number_of_workers(tmp_path: Path) -> None:
    grid = small()
    heard = Heard()
    found = run_grid(grid, tmp_path / "one", say=heard)
    assert heard.kinds()[0] == "begun" and heard.kinds()[-1] == "ended" and "estimated" in heard.kinds()
    assert heard.stands[-1].done == heard.stands[-1].cells == 12
    for condition, results in zip(grid.conditions, found, strict=True):
        plain = run(condition.dataset, condition.plan)
        assert timeless(results.runs) == timeless(plain.runs)
        assert results.title == condition.name
    with_two = run_grid(grid, tmp_path / "two", workers=2)
    assert [timeless(results.runs) for results in with_two] == [timeless(results.runs) for results in found]
    assert [timeless(results.runs) for results in results_of(grid, tmp_path / "two")] == [
        timeless(results.runs) for results in found
    ]


def test_what_is_done_is_never_run_again_and_new_cells_join_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_grid(small(strategies=("random",)), tmp_path)
    ran: list[Any] = []
    honest = running.run_block
    monkeypatch.setattr(running, "run_block", lambda shared, task: (ran.append(task), honest(shared, task))[1])
    found = run_grid(small(), tmp_path)
    assert {task[1] for task in ran} == {"margin"}
    assert [len(results.runs) for results in found] == [6, 6]
    ran.clear()
    run_grid(small(), tmp_path)
    assert not ran
    later = run_grid(small(strategies=("random",)), tmp_path)
    assert [len(results.runs) for results in later] == [3, 3]
    assert any("6 results of other settings" in sentence for sentence in later[0].said)


@dataclass(frozen=True)
class Breaks(Random):
    """Fails with one seed."""

    def query(self, view: View, n: int) -> Batch:
        if view.dice.seed == 1:
            raise FloatingPointError("the loss is NaN")
        return super().query(view, n)


def test_a_cell_that_fails_is_listed_and_the_rest_goes_on_and_it_can_be_tried_again(tmp_path: Path) -> None:
    grid = small(strategies=("random", Breaks()))
    heard = Heard()
    found = run_grid(grid, tmp_path, say=heard)
    assert [len(results.runs) for results in found] == [5, 5]
    assert "Breaks failed with seed 1: FloatingPointError: the loss is NaN" in found[0].said
    assert heard.kinds().count("failed") == 2 and heard.stands[-1].failed == 2
    again = Heard()
    run_grid(grid, tmp_path, say=again)
    assert "failed" not in again.kinds() and again.stands[-1].failed == 2
    third = Heard()
    run_grid(grid, tmp_path, retry=True, say=third)
    assert third.kinds().count("failed") == 2


DEADLY = """
import multiprocessing, os
from dataclasses import dataclass
from askance.strategies.random import Random

@dataclass(frozen=True)
class Deadly(Random):
    def query(self, view, n):
        if view.dice.seed == 1 and multiprocessing.parent_process() is not None:
            os._exit(1)
        return super().query(view, n)
"""


def test_only_the_cell_that_kills_its_worker_fails(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY)
    grid = small(datasets=(cloud(),), strategies=("margin", f"{tmp_path}/deadly.py:Deadly"), seeds=(0, 1, 2, 3))
    heard = Heard()
    (found,) = run_grid(grid, tmp_path / "out", workers=2, say=heard)
    assert {(run.strategy, run.seed) for run in found.runs} == {
        *(("margin", seed) for seed in range(4)),
        *(("Deadly", seed) for seed in (0, 2, 3)),
    }
    assert [text for text in found.said if "failed" in text] == [
        "Deadly failed with seed 1: The worker process died under it, perhaps for lack of memory."
    ]
    assert heard.kinds().count("failed") == 1 and heard.stands[-1].done == 8


def test_an_estimate_runs_one_seed_of_each_kind(tmp_path: Path) -> None:
    heard = Heard()
    found = run_grid(small(), tmp_path, only_estimate=True, say=heard)
    assert [sorted((run.strategy, run.seed) for run in results.runs) for results in found] == [
        [("margin", 0), ("random", 0)]
    ] * 2
    assert heard.stands[-1].kind == "estimated" and heard.stands[-1].left > 0
    assert any("4 of 6 runs were not done yet" in sentence for sentence in found[0].said)


def test_when_time_is_out_no_cell_is_begun_and_those_that_are_done_stay(tmp_path: Path) -> None:
    heard = Heard()
    run_grid(small(), tmp_path, until=time.time() - 1, say=heard)
    assert heard.stands[-1].said == "Out of time." and heard.stands[-1].done == 0
    assert [len(results.runs) for results in run_grid(small(), tmp_path)] == [6, 6]


def test_a_clock_time_is_today_or_tomorrow() -> None:
    noon = time.mktime((2026, 3, 10, 12, 0, 0, 0, 0, -1))
    assert deadline("12:30", noon) - noon == 1800
    assert deadline("11:00", noon) - noon == 23 * 3600
    for text in ("25:00", "7", "seven"):
        with pytest.raises(BadInput, match="no time of day"):
            deadline(text, noon)


def test_a_grid_larger_than_memory_is_refused_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_free_memory", lambda: 1000.0)
    with pytest.raises(BadInput, match="GiB are free"):
        run_grid(small(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


TOML = """
datasets = [{name = "digits", items = 500}]
strategies = ["random", "margin", "entropy"]
learners = [{learner = "linear", ridge = 1.0}]
initial = 20
budget = 60
test = 200
seeds = 12
"""


def started(path: Path) -> subprocess.Popen[str]:
    code = "import sys; from askance.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "lab", "run", str(path), "--workers", "1", "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_grid_goes_on_and_two_processes_share_one(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    path.write_text(TOML)
    for after in (1, 4, 9):  # kill -9 after so many cells
        process = started(path)
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["done"] >= after:
                break
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    both = [started(path), started(path)]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    events = [[json.loads(line) for line in text.splitlines()] for text in said]
    done = [
        (event["about"]["strategy"], seed)
        for own in events
        for event in own
        if event["kind"] == "done"
        for seed in event["about"]["seeds"]
    ]
    assert len(done) == len(set(done))  # no cell twice
    from askance.lab.grids import read_grid

    (found,) = results_of(read_grid(path), tmp_path / "grid")
    assert len(found.runs) == 36
    (condition,) = read_grid(path).conditions
    assert timeless(found.runs) == timeless(run(condition.dataset, condition.plan).runs)
    assert sorted(file.name for file in (tmp_path / "grid").iterdir()) == [LEDGER, "report.html", "results.json"]


def test_what_is_not_one_problem_is_kept_cell_by_cell_and_whole_seeds_come_first(tmp_path: Path) -> None:
    bayes = Sklearn(GaussianNB())
    heard = Heard()
    run_grid(small(datasets=(cloud(),), learners=(bayes,), seeds=(0, 1, 2, 3)), tmp_path, say=heard)
    done = [(stand.about["seeds"], stand.about["strategy"]) for stand in heard.stands if stand.kind == "done"]
    assert done == [([seed], name) for seed in range(4) for name in ("random", "margin")]


def test_a_strategy_under_two_names_is_run_once_and_counted_once(tmp_path: Path) -> None:
    heard = Heard()
    (found,) = run_grid(
        small(datasets=(cloud(),), strategies=("margin", {"strategy": "margin", "name": "m2"})), tmp_path, say=heard
    )
    assert len(found.runs) == 6 and heard.stands[-1].done == heard.stands[-1].cells == 3


def test_where_the_first_of_a_kind_failed_its_neighbors_say_how_long_it_takes(tmp_path: Path) -> None:
    grid = small(datasets=(cloud(),), strategies=("random", Breaks()), seeds=(1, 2, 3))
    heard = Heard()
    run_grid(grid, tmp_path, only_estimate=True, say=heard)
    alone = Heard()
    run_grid(replace(grid, strategies=("random",)), tmp_path, only_estimate=True, say=alone)
    assert heard.stands[-1].left == pytest.approx(2 * alone.stands[-1].left)
