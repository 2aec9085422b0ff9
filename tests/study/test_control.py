"""Control items are drawn uniformly, in an exact share, at places dice choose; a score stands on them alone."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import pytest
import torch
from scipy.stats import chisquare
from worlds import blobs

from askance.errors import BadInput
from askance.strategies.base import Strategy
from askance.study.study import Study
from askance.view import Batch, View


def streams(study: Study) -> list[tuple[str, ...]]:
    return [asked.streams for asked in study.history.asked]


@pytest.mark.parametrize(("share", "batch"), [(0.1, 3), (0.25, 4), (1 / 3, 10), (0.0, 5), (1.0, 5)])
def test_the_share_of_control_items_is_exact_over_all_batches(share: float, batch: int) -> None:
    study = blobs(items=120).study(strategy="random", start=None, control=share)
    for _ in range(11):
        study.ask(batch)
        dealt = [stream for batch in streams(study) for stream in batch]
        assert math.floor(share * len(dealt)) <= dealt.count("control") <= math.ceil(share * len(dealt))


def test_different_studies_deal_their_first_control_item_at_different_times() -> None:
    first = [streams(s).count(("control",)) for s in _asked_once(range(40))]
    assert 2 <= sum(first) <= 20  # a quarter of them


def _asked_once(seeds: range) -> list[Study]:
    studies = [blobs().study(strategy="random", start=None, control=0.25, seed=seed) for seed in seeds]
    for study in studies:
        study.ask(1)
    return studies


def test_control_items_are_drawn_uniformly_whatever_the_strategy_wants_at_places_that_vary() -> None:
    world = blobs(items=20)
    study = world.study(strategy="margin", start=None, control=0.25)
    study.tell(world.oracle.of([0, 1, 2, 3]))
    study.model()
    drawn: Counter[int] = Counter()
    places: Counter[int] = Counter()
    wanted: Counter[int] = Counter()
    for seed in range(800):
        study.state.seed = seed  # only the dice of the next pick
        batch = study.pick(4).batch
        place = batch.streams.index("control")
        places[place] += 1
        drawn[batch.ids[place]] += 1
        wanted.update(name for name, stream in zip(batch.ids, batch.streams, strict=True) if stream == "active")
        assert batch.probabilities[place] == 1 / 16
    assert len(drawn) == 16
    assert chisquare(list(drawn.values())).pvalue > 1e-3
    assert chisquare([places[place] for place in range(4)]).pvalue > 1e-3
    assert wanted.most_common(1)[0][1] > 600  # margin has favorites


def test_probabilities_of_being_drawn_are_journaled() -> None:
    world = blobs(items=50)
    study = world.study(strategy="margin", start="random", control=0.2)
    study.run(world.oracle, 30)
    for line in study.lines():
        if line.kind == "asked":
            left = 50 - 10 * line.body["number"]
            for stream, chance in zip(line.body["streams"], line.body["probabilities"], strict=True):
                if stream == "control":
                    assert chance == 2 / left
                else:  # random says how likely its draws are, margin throws no dice
                    assert chance == (8 / (left - 2) if line.body["number"] == 0 else None)


def test_a_score_stands_on_control_items_alone() -> None:
    world = blobs(items=200)
    study = world.study(strategy="margin", start="random", control=0.3)
    study.run(world.oracle, 100)
    control = [
        name
        for line in study.lines()
        if line.kind == "asked"
        for name, stream in zip(line.body["ids"], line.body["streams"], strict=True)
        if stream == "control"
    ]
    score = study.score()
    assert (score.items, score.on) == (len(control), "control") == (30, "control")
    study.tell({control[0]: None}, kind="unsure")
    assert study.score().items == 29  # without a label it cannot count
    line = study.lines()[-1]
    assert (line.kind, line.body["on"], line.body["scores"]["items"]) == ("scored", "control", 29)


def test_each_control_item_is_predicted_by_a_model_that_did_not_see_it() -> None:
    world = blobs(items=60, features=60)  # as many features as items: whoever saw an item knows its label
    lies = {name: world.classes[int(name) % 2] for name in world.truth}  # and the labels are noise
    study = world.study(strategy="random", start=None, control=1.0)
    study.run(type(world.oracle)(lies), 60)
    told = torch.tensor([world.classes.index(lies[name]) for name in range(60)])
    assert float((study.predict().argmax(1) == told).double().mean()) == 1.0
    assert study.score().accuracy < 0.8


def test_a_control_item_that_was_released_counts_no_more() -> None:
    world = blobs(items=20)
    study = world.study(strategy="random", start=None, control=1.0)
    batch = study.ask(6)
    study.tell(world.oracle.of(batch.ids[:3]))
    study.release(batch.ids[3:])
    study.tell(world.oracle.of(batch.ids[3:]))
    assert study.score().items == 3


@dataclass(frozen=True)
class Patient(Strategy):
    """Two items at a time, while no question is open."""

    def query(self, view: View, n: int) -> Batch:
        rows = view.candidates[: 0 if len(view.pending) else min(n, 2)]
        return view.batch(rows, reason="waiting" if len(rows) < n else "")


def test_a_strategy_that_gives_fewer_gets_fewer_control_items_and_does_not_wait_for_them() -> None:
    world = blobs()
    study = world.study(strategy=Patient(), start=None, control=0.5)
    progress = study.run(world.oracle, 24, batch=12)
    assert progress.labeled == 24
    assert all(row.ok for row in study.audit())
    for asked in study.history.asked:
        assert asked.streams.count("active") <= 2
    assert abs([s for batch in streams(study) for s in batch].count("control") - 12) <= 1


@pytest.mark.parametrize("labeled", [0, 1])
def test_a_score_without_control_items_says_what_to_do(labeled: int) -> None:
    world = blobs()
    study = world.study(strategy="random", start=None, control=float(labeled))
    study.run(world.oracle, labeled)
    with pytest.raises(BadInput, match=rf"{labeled} control items are labeled.*control=0.1.*study.score\(items"):
        study.score()


def test_held_out_items_are_scored_with_wilsons_interval() -> None:
    world = blobs()
    study = world.study(strategy="random", start=None)
    study.tell({0: "class 0"})  # whoever has seen one class finds it everywhere
    score = study.score(world.pool.items[:10], ["class 0"] * 8 + ["class 1"] * 2)
    assert (score.accuracy, score.items, score.on) == (0.8, 10, "held-out")
    assert (score.low, score.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert str(score) == "80.0% [49.0%, 94.3%] on 10 held-out items"
    with pytest.raises(BadInput, match="3 items and 2 labels"):
        study.score(world.pool.items[:3], ["class 0", "class 1"])


def test_a_control_item_that_was_released_and_withdrawn_is_no_control_item_any_more() -> None:
    world = blobs()
    study = world.study(control=1.0)
    (item,) = study.ask(1).ids
    study.tell({item: world.truth[item]}, by="Ada")
    study.release([item])
    assert study.pool.row(item) in study.state.controls
    study.withdraw([item], by="Ada")
    assert study.pool.row(item) not in study.state.controls
