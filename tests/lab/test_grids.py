"""Grids in TOML: what they say, and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from askance.encoders.catalogue import encoder
from askance.errors import AskanceError, BadInput
from askance.lab.datasets import Dataset
from askance.lab.grids import Grid, learner_of, read_grid
from askance.learners.networks import Cnn, Mlp
from askance.learners.torch import Torch
from askance.pool import Pool
from askance.strategies.uncertainty import Margin

TOML = """
title = "Small"
datasets = ["digits", {name = "digits", items = 600}, {file = "mine.csv", label = "kind", name = "mine"}]
strategies = ["random", "mine.py:Mine", {strategy = "k-means-plus-plus", from_known = true, name = "near"}]
learners = [{learner = "linear", ridge = 1.0, name = "stiff"}, "linear"]
batch = [5, 10]
initial = 12
budget = 32
test = 0.25
seeds = 3
first_seed = 100
"""


def written(folder: Path, text: str) -> Path:
    (folder / "grid.toml").write_text(text)
    rng = np.random.default_rng(0)
    rows = [f"{x:.3f},{y:.3f},{'ab'[int(x > y)]}" for x, y in rng.random((120, 2))]
    (folder / "mine.csv").write_text("x,y,kind\n" + "\n".join(rows) + "\n")
    (folder / "more").mkdir(exist_ok=True)
    (folder / "more" / "mine.csv").write_bytes((folder / "mine.csv").read_bytes())
    (folder / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom askance.strategies.uncertainty import Margin\n\n\n"
        "@dataclass(frozen=True)\nclass Mine(Margin):\n    pass\n"
    )
    return folder / "grid.toml"


def test_a_file_says_every_dimension_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    grid = read_grid(written(tmp_path, TOML.replace("from_known = true, ", "")))
    assert grid.title == "Small" and grid.seeds == (100, 101, 102)
    conditions = grid.conditions
    assert len(conditions) == 3 * 2 * 2
    assert [one.name for one in conditions[:2]] == ["digits, stiff, batch 5", "digits, stiff, batch 10"]
    assert conditions[4].name == "digits (600 items), stiff, batch 5"
    assert [len(one.dataset.pool) for one in conditions[::4]] == [1797, 600, 120]
    assert [one.plan.test for one in conditions[::4]] == [449, 150, 30]
    plan = conditions[0].plan
    assert plan.strategies == ("random", "Mine", "near") and plan.initial == 12 and plan.budget == 32
    assert type(plan.strategy("Mine")).__name__ == "Mine"
    cells = list(grid.cells())
    assert len(cells) == len({cell.key for cell in cells}) == 12 * 3 * 3
    assert [cell.seed for cell in cells] == sorted(cell.seed for cell in cells)  # whole seeds first


def test_only_the_cells_of_what_was_edited_get_other_keys(tmp_path: Path) -> None:
    path = written(tmp_path, TOML.replace("from_known = true, ", ""))
    before = {(cell.condition, cell.strategy, cell.seed): cell.key for cell in read_grid(path).cells()}
    (tmp_path / "mine.py").write_text((tmp_path / "mine.py").read_text() + "\n# edited\n")
    after = {(cell.condition, cell.strategy, cell.seed): cell.key for cell in read_grid(path).cells()}
    assert {place[1] for place in before if before[place] != after[place]} == {"Mine"}


def test_a_grid_may_be_written_in_python() -> None:
    rng = np.random.default_rng(1)
    data = Dataset("noise", Pool.from_arrays(rng.random((80, 3)).astype("float32")), tuple([0, 1] * 40))
    grid = Grid(datasets=(data,), strategies=("random", "margin"), seeds=(0,), batch=(10,))
    (condition,) = grid.conditions
    assert condition.name == "noise" and condition.plan.budget == 56  # the pool is what 3 of 10 leave


def test_two_parts_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="Two strategies are called 'margin'"):
        _ = Grid(datasets=("digits",), strategies=("margin", Margin())).parts


def test_encoders_read_texts_of_files_each_in_its_own_way(tmp_path: Path) -> None:
    words = ["red wine", "blue sea", "green tea", "red tea", "blue wine", "old sea"]
    rows = [f"{words[n % 6]} {words[(n // 6) % 6]},{'ab'[n % 2]}" for n in range(36)]
    (tmp_path / "texts.csv").write_text("body,kind\n" + "\n".join(rows) + "\n")
    table = {"file": str(tmp_path / "texts.csv"), "label": "kind", "text": "body"}
    grid = Grid(
        datasets=(table,), strategies=("random",), encoders=("default", "tfidf-svd"), initial=(4,), budget=8, seeds=(0,)
    )
    default, named = grid.conditions
    assert [default.name, named.name] == ["texts, default", "texts, tfidf-svd"]
    assert named.dataset.labels == default.dataset.labels and len(named.dataset.pool) == 36
    made = encoder("tfidf-svd", "text").fit([row.split(",")[0] for row in rows])
    expected = made.encode([row.split(",")[0] for row in rows])
    assert torch.allclose(torch.as_tensor(named.dataset.pool.items), torch.as_tensor(expected))
    assert "tfidf-svd" in named.dataset.said[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"random", ', '"randon", ', "Did you mean 'random'"),
        ('["digits", ', '["digitz", ', "Did you mean 'digits'"),
        ('learner = "linear"', 'learner = "lineal"', "Did you mean 'linear'"),
        ("batch = [5, 10]", "batches = [5, 10]", "Did you mean 'batch'"),
        ("batch = [5, 10]", "batch = [5, 0]", "batch = 0 is no whole number"),
        ("budget = 32", "budget = 3200", "larger than the pool"),
        ("test = 0.25", "test = -1", "holds out nothing"),
        ("from_known = true", "from_knwon = true", "from_knwon"),
        ('label = "kind"', 'label = "sort"', "sort"),
        ('title = "Small"', "title = Small", "is no TOML"),
        ('"random", ', '"random", "random", ', "stands twice"),
        ('"random", ', '"random", {strategy = "margin", name = "random"}, ', "stands twice"),
        ("initial = 12", "initial = [12, 12]", "'12' stands twice under initial"),
        ('["digits", ', '[{file = "mine.csv", label = "kind"}, {file = "more/mine.csv", label = "kind"}, ', "Two cond"),
        ("initial = 12", 'initial = 12\nstart = "margin"', "asks by a model"),
        ("initial = 12", 'initial = 12\nencoders = ["wordllama"]', "prose|texts"),
        ('"random", ', '"random", "noise-stability", ', "layer"),
    ],
)
def test_what_cannot_run_is_refused_at_once_with_what_to_do(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = TOML.replace("from_known = true, ", "") if "from_k" not in old else TOML
    if "noise-stability" in new:  # a learner that gives no last layer
        text = text.replace('[{learner = "linear", ridge = 1.0, name = "stiff"}, "linear"]', '"sklearn.svm:SVC"')
    assert old in text
    path = written(tmp_path, text.replace(old, new))
    with pytest.raises(AskanceError, match=said):
        list(read_grid(path).cells())


def test_a_network_of_the_catalogue_is_a_learner_with_options_of_its_own_and_of_its_training(tmp_path: Path) -> None:
    text = TOML.replace('"linear"]', '{learner = "cnn", hidden = 16, steps = 7}, {learner = "mlp", hidden = [8, 4]}]')
    grid = read_grid(written(tmp_path, text.replace("from_known = true, ", "")))
    cnn, mlp = (learner_of(value) for value in grid.learners[1:])
    assert cnn == ("cnn (hidden 16, steps 7)", Torch(Cnn(hidden=16), steps=7))
    assert mlp == ("mlp (hidden (8, 4))", Torch(Mlp((8, 4))))
    assert learner_of("cnn") == ("cnn", Torch(Cnn()))
    with pytest.raises(BadInput, match="'cnn' cannot be made with .*speed"):
        learner_of({"learner": "cnn", "speed": 3})
