"""The labels one has, as a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from askance.errors import BadInput
from askance.lab.datasets import from_csv
from askance.lab.mining import grid_of_labels, of_project
from askance.lab.running import run_grid
from askance.project.project import Project
from askance.project.starting import Wishes, init


def a_file(folder: Path, items: int = 200, labeled: int = 150) -> Path:
    dice = np.random.default_rng(0)
    rows = []
    for number in range(items):
        kind = int(dice.integers(0, 3))
        x, y = dice.standard_normal(2) + np.array([2 * kind, -kind])
        rows.append(f"i{number},{x:.3f},{y:.3f},{'abc'[kind] if number < labeled else ''}")
    (folder / "mine.csv").write_text("name,x,y,kind\n" + "\n".join(rows) + "\n")
    return folder / "mine.csv"


def test_a_projects_labels_are_compared_on_and_the_project_is_left_as_it_was(tmp_path: Path) -> None:
    init(a_file(tmp_path), Wishes(id="name", label="kind"), folder=tmp_path / "p.askance")
    project = Project(tmp_path / "p.askance")
    project.encode()
    before = project.study.progress
    project.close()
    data = of_project(tmp_path / "p.askance" / "project.db")
    assert len(data.pool) == 150 and set(data.labels) == {"a", "b", "c"}
    again = Project(tmp_path / "p.askance")
    assert again.study.progress == before
    row = again.study.pool.row(data.pool.names([7])[0])
    assert np.allclose(data.pool.items[7], again.study.pool.items[row])
    again.close()
    grid = grid_of_labels(data, ("random", "margin"), seeds=2)
    (found,) = run_grid(grid, tmp_path / "out")
    assert len(found.runs) == 4 and found.runs[0].labels[-1] <= 0.6 * 105
    assert any("no random sample" in sentence for sentence in found.said)


def test_too_few_labels_or_one_class_are_refused_with_how_many_are_missing(tmp_path: Path) -> None:
    data = from_csv(a_file(tmp_path, 80, 80), label="kind", ignore=["name"])
    assert grid_of_labels(data).conditions
    few = from_csv(a_file(tmp_path, 50, 50), label="kind", ignore=["name"])
    with pytest.raises(BadInput, match="Label 10 more"):
        grid_of_labels(few)
