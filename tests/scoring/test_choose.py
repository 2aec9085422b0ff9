"""Choosing in two stages: where it is exact, what it keeps away from, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scorable import LEARNED, ROWS, model_of, numbers, scored, write

import askance
from askance import ScoredPool
from askance.errors import BadInput, MissingSignal, UnknownName
from askance.scoring.choose import ITEM_BY_ITEM, choose, is_clustered, is_exact
from askance.scoring.picks import known_rows, write_chosen
from askance.scoring.scored import ScoredShard
from askance.selection.top import StochasticTop
from askance.sources.csv import read_table
from askance.strategies import catalogue
from askance.strategies.uncertainty import Margin
from askance.task import Classes, Labels, Targets, Task
from askance.view import View


@dataclass(frozen=True, eq=False)
class InMemory:
    """Arrays as a scored pool."""

    embeddings: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    rows: int = ROWS
    labels: bool = False

    @property
    def task(self) -> Task:
        names = tuple(range(self.probabilities.shape[1]))
        return Labels(names) if self.labels else Classes(names)

    @property
    def shards(self) -> tuple[int, ...]:
        return tuple(range(-(-len(self.embeddings) // self.rows)))

    def span(self, number: int) -> tuple[int, int]:
        return number * self.rows, min(len(self.embeddings), (number + 1) * self.rows)

    def shard(self, number: int) -> ScoredShard:
        place = slice(*self.span(number))
        rows = np.arange(*self.span(number))
        return ScoredShard(number, place.start, place.stop, rows, self.embeddings[place], self.probabilities[place])

    @cached_property
    def whole(self) -> dict[str, Any]:
        return {"embeddings": self.embeddings, "probabilities": self.probabilities}


def made(items: int, classes: int = 5, *, rows: int = ROWS, coarse: bool = False, seed: int = 0) -> InMemory:
    """A clustered pool; coarse probabilities tie all over."""
    dice = np.random.default_rng(seed)
    embeddings = dice.standard_normal((items, 6)) + 3 * dice.standard_normal((8, 6))[dice.integers(8, size=items)]
    shares = dice.dirichlet(np.ones(classes), items)
    if coarse:
        shares = np.round(shares * 8)
        shares[:, 0] += 8 - shares.sum(1)
        shares = np.abs(shares) / np.abs(shares).sum(1, keepdims=True)
    return InMemory(embeddings.astype(np.float32), shares.astype(np.float32), rows)


NAMES = ("margin", "entropy", "least-confidence", "egl", "grad-norm", "random")


@pytest.mark.parametrize("strategy", NAMES)
@pytest.mark.parametrize("coarse", [False, True])
def test_item_by_item_two_stages_are_one_bit_for_bit(strategy: str, coarse: bool) -> None:
    pool = made(9_000, coarse=coarse)  # five shards, the last one short
    for n, seed in ((1, 0), (700, 1), (9_000, 2)):
        found = choose(pool, strategy, n, seed=seed)
        with askance.look.threads(1):
            whole = askance.select(strategy, n, **pool.whole, seed=seed, explain=True)
        assert found.exact and np.array_equal(found.rows, whole.positions)
        if strategy != "random":  # it notes its chance, and no utility
            assert np.array_equal(found.utilities, whole.utilities)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", NAMES)
@pytest.mark.parametrize("classes", [2, 3, 10, 77])
def test_it_stays_so_in_shards_of_full_size_where_compiled_loops_meet_other_ends(strategy: str, classes: int) -> None:
    pool = made(200_003, classes, rows=1 << 16)
    with askance.look.threads(1):
        whole = askance.select(strategy, 2_000, **pool.whole, explain=True)
    found = choose(pool, strategy, 2_000)
    assert np.array_equal(found.rows, whole.positions)
    assert strategy == "random" or np.array_equal(found.utilities, whole.utilities)


def test_whoever_ranks_item_by_item_looks_at_nothing_but_the_item() -> None:
    pool = made(500)
    for kind in ITEM_BY_ITEM:
        part = kind()
        task: Task = pool.task if part.serves(pool.task) else Labels(tuple(range(5)))
        seen = {}
        for name, rows in (("all", np.arange(500)), ("some", np.arange(100, 137))):
            arrays = {"embeddings": pool.embeddings[rows], "logits": np.log(pool.probabilities[rows])}
            paper = askance.given.view(**arrays, task=task)
            seen[name] = part.utility(paper if kind is not askance.strategies.random.Random else _keyed(paper, rows))
        assert np.array_equal(seen["all"][100:137].numpy(), seen["some"].numpy()), kind


def _keyed(paper: View, rows: NDArray[np.int64]) -> View:
    return replace(paper, keys=torch.from_numpy(rows))


def test_labels_are_chosen_for_too() -> None:
    shares = np.random.default_rng(0).random((3_000, 5), dtype=np.float32)
    pool = InMemory(numbers(3_000), shares, labels=True)
    doubt = -np.abs(2 * pool.probabilities.astype(np.float64) - 1).mean(1)
    assert set(choose(pool, "mean-margin", 20).rows) == set(np.argsort(-doubt)[:20])


def test_only_what_ranks_by_the_top_of_single_items_is_called_exact() -> None:
    assert is_exact(Margin()) and not is_exact(Margin(select=StochasticTop("softmax")))
    for name in ("badge", "k-center", "typiclust", "information-density", "facility-location"):
        assert not is_exact(catalogue.strategy(name))


@pytest.mark.parametrize("strategy", ["k-center", "badge", "facility-location", "max-det", "typiclust"])
def test_if_all_is_proposed_the_second_stage_is_the_strategy_itself(strategy: str) -> None:
    pool = made(600, rows=256)
    found = choose(pool, strategy, 12, factor=50.0)
    assert found.proposed == 600 and not found.exact
    with askance.look.threads(1):
        assert np.array_equal(found.rows, askance.select(strategy, 12, **pool.whole))


def test_what_looks_for_clusters_gets_the_pool_as_chance_has_it() -> None:
    pool = made(6_000, rows=1_000)
    for strategy in ("k-means", "typiclust", "k-medoids"):
        found = choose(pool, strategy, 8, factor=2, sample=100)
        assert found.proposed == 160 and not found.exact
        assert len(np.unique(choose(pool, strategy, 8, factor=1, sample=2_000).shards)) > 1
    names = ("k-means", "clue", "diverse-dense", "badge", "k-center")
    assert [is_clustered(catalogue.strategy(name)) for name in names] == [True, True, True, False, False]


@pytest.mark.parametrize("strategy", ["margin", "k-center", "badge", "k-means", "facility-location", "random"])
def test_what_is_known_is_neither_proposed_nor_chosen(strategy: str) -> None:
    pool = made(2_500)
    known = choose(pool, strategy, 40).rows[::2]
    found = choose(pool, strategy, 40, known=known)
    assert len(np.unique(found.rows)) == 40 and not np.isin(found.rows, known).any()
    assert np.array_equal(found.shards, found.rows // ROWS)


def test_known_items_keep_others_away_in_every_shard() -> None:
    line = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [5.0]], dtype=np.float32)
    pool = InMemory(line, np.full((6, 2), 0.5, np.float32), rows=3)
    assert choose(pool, "k-center", 1, known=[3], factor=1).rows.tolist() == [0]
    assert choose(pool, "k-center", 1, known=[0], factor=1).rows.tolist() == [4]
    assert choose(pool, "k-center", 2, known=[0, 3], factor=1).rows.tolist() == [5, 2]


def test_more_than_there_are_are_all_of_them_and_everything_known_leaves_none() -> None:
    pool = made(300, rows=128)
    for strategy in ("margin", "k-center", "k-means", "typiclust"):
        assert sorted(choose(pool, strategy, 1000, factor=1).rows) == list(range(300))
        assert len(choose(pool, strategy, 5, known=np.arange(300)).rows) == 0


def test_rows_that_are_known_and_nowhere_are_refused() -> None:
    with pytest.raises(BadInput, match="Row 300 is known and in no shard of the pool"):
        choose(made(300), "margin", 5, known=[3, 300])


def test_rows_without_a_score_are_not_chosen(tmp_path: Path) -> None:
    rows = numbers(3_000)
    rows[::2] = np.nan
    write(tmp_path / "pool.parquet", rows)
    scored(tmp_path)
    pool = ScoredPool(tmp_path / "out")
    for strategy in ("margin", "k-center", "k-medoids"):
        found = choose(pool, strategy, 2_000)
        assert len(found.rows) == 1_500 and (found.rows % 2 == 1).all()
    assert len(choose(pool, "k-center", 1_500, factor=1, known=[0, 2]).rows) == 1_500, (
        "what is known has no score either"
    )


def test_what_the_scores_do_not_hold_is_said() -> None:
    pool = made(100)
    for strategy, reads in (("bald", "Samples"), ("energy", "Scores"), ("tod", "reads"), ("dsa", "labels")):
        with pytest.raises(MissingSignal, match=reads):
            choose(pool, strategy, 5)
    with pytest.raises(BadInput, match="means nothing for Classes"):
        choose(pool, "mean-margin", 5)
    with pytest.raises(BadInput, match="Cannot choose 0 items"):
        choose(pool, "margin", 0)
    with pytest.raises(BadInput, match="0.5 proposals for each item are too few"):
        choose(pool, "k-center", 5, factor=0.5)
    with pytest.raises(UnknownName, match="margin"):
        choose(pool, "margni", 5)


def test_choices_are_written_with_ids_utility_and_shard_and_read_as_known(tmp_path: Path) -> None:
    write(tmp_path / "pool.parquet", numbers(5_000), id=[f"i{row}" for row in range(5_000)])
    scored(tmp_path, id="id")
    pool = ScoredPool(tmp_path / "out")
    found = choose(pool, "margin", 30)
    write_chosen(tmp_path / "c.csv", pool, found)
    table = read_table(tmp_path / "c.csv")
    assert table.columns == ("id", "rank", "utility", "shard", "row", "guess")
    assert table.column("id") == [f"i{row}" for row in found.rows]
    assert [float(cell) for cell in table.column("utility")] == found.utilities.tolist()
    assert [int(cell) for cell in table.column("shard")] == (found.rows // ROWS).tolist()
    row = int(found.rows[0])
    assert table.column("guess")[0] == pool.values(row // ROWS)[row % ROWS]
    assert np.array_equal(known_rows(pool, tmp_path / "c.csv").rows, np.sort(found.rows))
    (tmp_path / "sheet.csv").write_text("id,label\n'i7,a\ni5,b\n'i9000,a\nx1,b\n")  # as a spreadsheet hands it back
    some = known_rows(pool, tmp_path / "sheet.csv")
    assert some.rows.tolist() == [5, 7] and some.strange == ("'i9000", "x1")
    (tmp_path / "other.csv").write_text("id\nx1\n")
    with pytest.raises(BadInput, match="None of the 1 ids of .*, such as 'x1'"):
        known_rows(pool, tmp_path / "other.csv")
    (tmp_path / "odd.csv").write_text("name\nx1\n")
    with pytest.raises(BadInput, match="has no column id; it has name"):
        known_rows(pool, tmp_path / "odd.csv")


@pytest.mark.parametrize("task", [Labels(("up; high", "even")), Targets(n=2)], ids=["labels", "numbers"])
def test_guesses_of_several_labels_and_numbers_are_json(tmp_path: Path, task: Task) -> None:
    answers: list[Any] = LEARNED[:, :2].tolist()
    if isinstance(task, Labels):
        answers = [["up; high"] * (row[0] > 0) + ["even"] * (row[1] > 0) for row in answers]
    model_of(tmp_path / "m", task, answers)
    scored(tmp_path, 300)
    pool = ScoredPool(tmp_path / "out")
    found = choose(pool, "random", 40)
    write_chosen(tmp_path / "c.csv", pool, found)
    guesses = [json.loads(cell) for cell in read_table(tmp_path / "c.csv").column("guess")]
    assert guesses == [pool.values(0)[row] for row in found.rows] and len({*map(str, guesses)}) > 3


@pytest.mark.slow
def test_two_workers_choose_the_same(tmp_path: Path) -> None:
    scored(tmp_path)
    pool = ScoredPool(tmp_path / "out")
    for strategy in ("margin", "badge"):
        one, two = choose(pool, strategy, 50), choose(pool, strategy, 50, workers=2)
        assert np.array_equal(one.rows, two.rows) and np.array_equal(one.utilities, two.utilities)
