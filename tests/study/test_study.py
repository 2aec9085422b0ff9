"""What a batch may depend on: the answers, the seed and the items' ids, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from worlds import World, asked_ids, blobs

from askance.errors import AskanceError, BadInput
from askance.learners.linear import Linear
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.learners.vaal import VariationalDiscriminator
from askance.oracles.known import Known
from askance.pool import Pool
from askance.reports.study import report
from askance.signals.probabilities import Scores
from askance.strategies.learned import Vaal
from askance.study.study import Study

STRATEGIES = ["random", "margin", "entropy", "least-confidence", "k-center", "badge", "typiclust"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_labels_of_open_items_change_no_batch(strategy: str) -> None:
    world = blobs(classes=3)
    known = list(range(0, 80, 6))
    batches = []
    for truth in (world.truth, _permuted(world.truth, known)):
        study = world.study(strategy=strategy, start=None)
        study.tell({name: truth[name] for name in known})
        batches.append((study.ask(7).ids, study.ask(7).ids))
    assert batches[0] == batches[1]


def _permuted(truth: dict[Any, Any], kept: list[Any]) -> dict[Any, Any]:
    hidden = [name for name in truth if name not in kept]
    mixed = np.random.default_rng(5).permutation(hidden).tolist()
    return {**truth, **{name: truth[other] for name, other in zip(hidden, mixed, strict=True)}}


def test_two_strategies_with_one_seed_get_the_same_lesson_model_and_control_items() -> None:
    world = blobs()
    one, two = (
        world.study(strategy=s, start="random", control=0.3, learner=Linear(), seed=4) for s in ("margin", "entropy")
    )
    assert one.ask(8).ids == two.ask(8).ids  # the initial set
    for study in (one, two):
        study.tell(world.oracle.of(study.pending))
    lessons = [study.lesson() for study in (one, two)]
    assert lessons[0] is not None and lessons[1] is not None
    assert (lessons[0].dice, lessons[0].key) == (lessons[1].dice, lessons[1].key)
    assert torch.equal(lessons[0].targets, lessons[1].targets)
    assert torch.equal(one.predict(), two.predict())
    picks = [study.pick(10).batch for study in (one, two)]
    assert picks[0].streams == picks[1].streams
    controls = [[i for i, s in zip(p.ids, p.streams, strict=True) if s == "control"] for p in picks]
    assert controls[0] == controls[1] != []


def test_another_seed_throws_other_dice() -> None:
    world = blobs()
    first = [tuple(world.study(strategy="random", start=None, seed=seed).ask(5).ids) for seed in range(5)]
    assert len(set(first)) == 5


@pytest.mark.parametrize("strategy", ["random", "margin", "typiclust"])
def test_the_order_of_the_pool_changes_no_batch_of_a_rule_without_ties(strategy: str) -> None:
    world = blobs(items=60, named=True)
    order = np.random.default_rng(2).permutation(60).tolist()
    shuffled = world._replace(pool=world.pool.arranged(order))
    runs = []
    for one in (world, shuffled):
        study = one.study(strategy=strategy, start="random")
        study.run(one.oracle, 24, batch=6)
        runs.append(asked_ids(study))
    assert runs[0] == runs[1]


def test_asking_leaves_global_dice_and_the_pool_alone() -> None:
    world = blobs()
    before = world.pool.items.clone()
    states = np.random.get_state()[1].copy(), torch.get_rng_state()
    world.study(strategy="badge").run(world.oracle, 30)
    assert torch.equal(world.pool.items, before)
    assert np.array_equal(np.random.get_state()[1], states[0])
    assert torch.equal(torch.get_rng_state(), states[1])


def test_picking_twice_gives_the_same_and_writes_nothing() -> None:
    world = blobs()
    study = world.study(strategy="badge", start="random", control=0.2)
    study.run(world.oracle, 20)
    study.model()
    lines = study.lines()
    picks = [study.pick(5) for _ in range(2)]
    assert picks[0].batch.ids == picks[1].batch.ids
    assert study.lines() == lines
    assert study.asked(picks[0]).ids == picks[0].batch.ids


def test_the_four_steps_of_an_ask_are_the_ask() -> None:
    world = blobs()
    one, two = (world.study(strategy="margin", start="random") for _ in range(2))
    for _ in range(3):
        batch = one.ask(6)
        lesson = two.lesson()
        assert lesson is not None
        two.learned(lesson, two.fit(lesson))
        assert two.lesson() is None
        assert two.asked(two.pick(6)).ids == batch.ids
        for study in (one, two):
            study.tell(world.oracle.of(batch.ids))
    assert [line.kind for line in one.lines()] == [line.kind for line in two.lines()]


def test_a_batch_says_where_it_comes_from() -> None:
    world = blobs(named=True)
    study = world.study(strategy="margin", start="random", seed=7)
    study.run(world.oracle, 10)
    batch = study.ask(3)
    fitted, asked = study.lines()[-2:]
    assert (batch.model, batch.seen, batch.seed) == (fitted.body["key"], fitted.number, 7)
    assert batch.ids == asked.body["ids"] == study.pool.names(batch.rows)
    assert [set(note) for note in batch.notes] == [{"utility"}] * 3


def test_a_model_is_fitted_when_labels_have_come_and_only_then() -> None:
    world = blobs()
    study = world.study(strategy="margin", start="random")
    study.tell(world.oracle.of(range(8)))
    for _ in range(2):
        study.predict()
        study.model()
    assert sum(line.kind == "fitted" for line in study.lines()) == 1
    assert study.ask(2).model == study.lines()[2 + 8].body["key"]


def test_what_a_model_believes_of_new_items_does_not_depend_on_their_neighbors() -> None:
    world = blobs()
    study = world.study(strategy="margin", start="random")
    study.run(world.oracle, 20)
    whole = study.predict()
    assert torch.equal(study.predict(world.pool.items), whole)
    assert torch.equal(study.predict(world.pool.items[30:40].numpy()), whole[30:40])
    assert torch.equal(study.predict(world.pool.items[30:40].double().tolist()), whole[30:40])


def test_items_of_another_width_are_refused() -> None:
    study = blobs().study()
    for use in (lambda items: study.predict(items), lambda items: study.score(items, ["class 0"] * 2)):
        with pytest.raises(BadInput, match=r"items have 4 features and the pool has 3\. Encode both in the same way"):
            use(np.zeros((2, 4)))
        with pytest.raises(BadInput, match="items holds nan at row 1, column 2"):
            use([[0.0, 0.0, 0.0], [0.0, 0.0, np.nan]])


def test_a_learner_that_diverges_is_named_with_the_row() -> None:
    world = blobs()
    study = world.study(strategy="margin", start="random")
    study.run(world.oracle, 10)
    model = study.model()
    broken = replace(model, coefficients=torch.full_like(model.coefficients, torch.inf))  # type: ignore[type-var]
    study.models.keep(study.state.fits[-1].key, broken)
    with pytest.raises(BadInput, match="Probabilities holds NaN or infinite values, first in row 0"):
        study.ask(2)


def test_any_list_of_things_that_a_learner_reads_is_a_pool() -> None:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    texts = [f"{'good fine' if row % 2 else 'bad awful'} word{row}" for row in range(40)]
    world = World(Pool.from_arrays(texts), ["bad", "good"], {row: ("bad", "good")[row % 2] for row in range(40)})
    estimator = make_pipeline(CountVectorizer(), MultinomialNB())
    study = Study(world.pool, classes=world.classes, learner=estimator, strategy="margin", start="random")
    study.run(Known(world.truth), 12)
    assert study.predict(["good word", "awful word"]).argmax(1).tolist() == [1, 0]
    assert all(row.ok for row in study.audit(refit=True))


def test_where_training_diverges_random_asks_and_says_why(tmp_path: Path) -> None:
    world = blobs(items=60)
    options: dict[str, Any] = {"strategy": "margin", "start": None, "control": 0.0, "seed": 3}
    wild = Torch(Mlp((8,)), steps=30, rate=1e6, momentum=0.9)
    study = world.study(storage=tmp_path / "x.db", learner=wild, **options)
    tame = world.study(learner="linear", **options | {"strategy": "random"})
    for one in (study, tame):
        one.tell(world.oracle.of(range(8)))
    batch = study.ask(4)
    assert batch.strategy == "random" and batch.ids == tame.ask(4).ids
    assert "The model failed, so random asks this round: Mlp: its loss is" in batch.said
    assert "use a lower rate" in study.state.fits[-1].diverged
    assert not study.predict(world.pool.items[:3]).sub(0.5).abs().gt(0.5).any()
    assert all(row.ok for row in study.audit(refit=True))
    page = report(study, tmp_path / "page.html").read_text()
    assert "1 of 1 models failed" in page
    study.close()
    again = world.study(storage=tmp_path / "x.db", learner=wild)
    again.tell(world.oracle.of(batch.ids))
    assert again.ask(2).strategy == "random"
    again.close()


class Greedy(nn.Linear):
    """Has memory for so many items at once when it scores, and for so many when it trains."""

    scored, trained = 100, 100

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        if len(items) > (self.trained if self.training else self.scored):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        found: torch.Tensor = super().forward(items)
        return found


def test_where_memory_does_not_suffice_pieces_are_smaller_and_the_journal_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = blobs(items=300)
    options: dict[str, Any] = {"strategy": "margin", "start": None, "control": 0.0, "learner": Torch(Greedy, steps=5)}
    study = world.study(**options)
    study.tell(world.oracle.of(range(8)))
    first = study.ask(4)
    changed = [line.body for line in study.lines() if line.kind == "changed"]
    assert changed == [{"what": "piece", "old": 1024, "new": 64}]
    monkeypatch.setattr(Greedy, "scored", 10_000)
    plenty = world.study(**options)
    plenty.tell(world.oracle.of(range(8)))
    assert plenty.ask(4).ids == first.ids and study.state.round.left == 0
    monkeypatch.setattr(Greedy, "scored", 100)
    study.tell(world.oracle.of(first.ids))
    study.ask(4)
    assert len([line for line in study.lines() if line.kind == "changed"]) == 1
    assert all(row.ok for row in study.audit(refit=True)[1:])
    monkeypatch.setattr(Greedy, "scored", 10)
    with pytest.raises(AskanceError, match="does not suffice to look at 64 items at once.*Use a smaller model"):
        study.ask(4)


def test_where_memory_does_not_suffice_to_train_the_batch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Greedy, "trained", 3)
    world = blobs(items=60)
    study = world.study(strategy="margin", start=None, learner=Torch(Greedy, steps=5))
    study.tell(world.oracle.of(range(8)))
    with pytest.raises(AskanceError, match=r"train on 8 items at once.*Torch\(..., batch=16\)"):
        study.ask(2)


def test_where_a_companion_diverges_random_asks_and_says_why() -> None:
    world = blobs(items=60)
    options: dict[str, Any] = {"start": None, "control": 0.0, "seed": 3}
    wild = Vaal(critic=Scores(of=VariationalDiscriminator(steps=40, rate=1e30)))
    study, chance = (world.study(strategy=strategy, **options) for strategy in (wild, "random"))
    for one in (study, chance):
        one.tell(world.oracle.of(range(8)))
    batch = study.ask(4)
    assert batch.strategy == "random" and batch.ids == chance.ask(4).ids
    assert "random asks this round: VAAL: the loss of its critic is" in batch.said and "lower rate" in batch.said
    assert all(row.ok for row in study.audit(refit=True))
