"""Why an item is asked: neighbors and what it stands for by brute force, beliefs, and a sentence for every strategy."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor
from worlds import World, blobs

from askance import BadInput, Classes, Pool, Study, Targets
from askance.errors import MissingSignal
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.linear import LinearModel
from askance.look import check_needs
from askance.meta.control import Equipped
from askance.pool import LABELED, PENDING, UNLABELED
from askance.strategies import catalogue
from askance.strategies.uncertainty import Margin
from askance.study import nearby as module
from askance.study.reasons import REASONS, Facts, sentence
from askance.study.why import Why, guesses, why
from askance.testing.worlds import LEARNER, TRAINED, small_oracle, small_study


def begun(labels: int = 12, **options: Any) -> tuple[World, Study]:
    """A study of blobs of which some are labeled, asked by margin."""
    world = blobs(classes=3)
    study = world.study(start=None, strategy="margin", **options)
    study.tell({row: world.truth[row] for row in range(labels)})
    return world, study


def whys(study: Study, n: int = 5) -> list[Why]:
    return why(study, study.ask(n))


def plain(found: list[Any]) -> list[dict[str, Any]]:
    """As a page reads them; NaN would not come through."""
    told: list[dict[str, Any]] = json.loads(json.dumps([one.as_json() for one in found], allow_nan=False))
    return told


def distances(items: Tensor) -> np.ndarray[Any, Any]:
    points = items.double().numpy().reshape(len(items), -1)
    found: np.ndarray[Any, Any] = np.linalg.norm(points[:, None] - points[None], axis=2)
    return found


def stood_for(study: Study, rows: list[int]) -> list[int]:
    """The definition, item by item."""
    far, sides = distances(study.pool.items), study.state.sides.numpy()
    known = sorted({*rows, *np.flatnonzero((sides == LABELED) | (sides == PENDING)).tolist()})
    open_ = [row for row in np.flatnonzero(sides == UNLABELED).tolist() if row not in rows]
    homes = [min(known, key=lambda one: (far[row, one], one)) for row in open_]
    return [homes.count(row) for row in rows]


# What is near


def test_neighbors_are_the_nearest_labeled_items_with_their_labels() -> None:
    world, study = begun()
    far = distances(world.pool.items)
    apart = np.sqrt((far**2).sum() / (80 * 79))
    for one in whys(study):
        order = sorted(range(12), key=lambda row, id=one.id: float(far[id, row]))[:5]  # type: ignore[misc]
        assert [near.id for near in one.neighbors] == order
        assert [near.label for near in one.neighbors] == [world.truth[row] for row in order]
        assert [near.distance for near in one.neighbors] == pytest.approx(far[one.id, order], rel=1e-5)
        likeness = np.maximum(0, 1 - far[one.id, order] ** 2 / apart**2)
        assert [near.similarity for near in one.neighbors] == pytest.approx(likeness, abs=1e-5)


def test_an_item_that_is_labeled_by_now_is_not_its_own_neighbor() -> None:
    world, study = begun(labels=3)
    batch = study.ask(2)
    study.tell({id: world.truth[id] for id in batch.ids})
    for one in why(study, batch):
        assert one.id not in {near.id for near in one.neighbors} and len(one.neighbors) == 4
    assert all(len(one.neighbors) == 2 for one in why(study, batch, near=2))
    none = why(study, batch, near=0)
    assert all(one.neighbors == () for one in none)
    assert [one.sentence for one in none] == [one.sentence for one in why(study, batch)]


@pytest.mark.parametrize("seed", range(4))
def test_an_item_stands_for_the_unlabeled_ones_that_are_nearest_to_it(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST", 2)  # so that others are met in several steps
    dice = np.random.default_rng(seed)
    items = torch.tensor(dice.integers(0, 4, (90, 3)), dtype=torch.float32)  # ties and copies everywhere
    study = Study(Pool.from_arrays(items), classes=["a", "b"], strategy="k-means", start=None, learner=LEARNER)
    study.tell(dict(zip(dice.permutation(90)[:25].tolist(), "ab" * 12 + "a", strict=True)))
    earlier, batch = study.ask(7), study.ask(8)
    assert [one.stands_for for one in why(study, batch)] == stood_for(study, batch.rows.tolist())
    both = earlier.rows.tolist() + batch.rows.tolist()
    assert [one.stands_for for one in why(study, earlier.ids + batch.ids)] == stood_for(study, both)
    study.release(batch.ids)
    assert [one.stands_for for one in why(study, batch)] == stood_for(study, batch.rows.tolist())


def test_in_a_large_pool_it_is_counted_on_a_fixed_sample_and_said_to_be_about(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(0)
    items = torch.tensor(dice.normal(size=(6000, 4)), dtype=torch.float32)
    study = Study(Pool.from_arrays(items), classes=["a", "b"], strategy="typiclust", start=None, learner=LEARNER)
    study.tell({row: "ab"[row % 2] for row in range(20)})
    batch = study.ask(6)
    exact = why(study, batch)
    monkeypatch.setattr(module, "MOST", 1500)
    about = why(study, batch)
    assert about == why(study, batch) and all(one.about for one in about) and not any(one.about for one in exact)
    for one, other in zip(exact, about, strict=True):
        assert one.stands_for is not None and other.stands_for is not None
        assert abs(one.stands_for - other.stands_for) <= 40 + 5 * one.stands_for**0.5
        assert float(f"{other.stands_for:.2g}") == other.stands_for and other.neighbors == one.neighbors
        assert not other.stands_for or f"about {other.stands_for:,} unlabeled item" in other.sentence
        assert not one.stands_for or f": {one.stands_for:,} unlabeled item" in one.sentence


# What is believed


def test_of_classes_the_two_likeliest_are_in_doubt_as_the_model_of_the_batch_says() -> None:
    world, study = begun()
    batch = study.ask(5)
    believed = study.predict()[batch.rows]
    study.tell({row: world.truth[row] for row in range(12, 40)})
    for one, row in zip(why(study, batch.ids), believed, strict=True):
        first, second = row.topk(2).indices.tolist()
        assert [each.name for each in one.doubt] == [world.classes[first], world.classes[second]]
        assert [each.probability for each in one.doubt] == pytest.approx([float(row[first]), float(row[second])])
        assert (one.model, one.labels, one.stream, one.said) == (0, 12, "active", "")
    later = whys(study)[0]
    assert (later.model, later.labels) == (1, 40 - len({*batch.ids} & set(range(12))))


def test_the_utility_and_the_rank_are_those_of_the_journal_and_control_items_have_none() -> None:
    _, study = begun(control=0.4)
    batch = study.ask(10)
    found = why(study, batch)
    assert found == why(study, batch.ids) and [one.id for one in found] == batch.ids
    assert [one.stream for one in found] == list(batch.streams)
    active = [one for one in found if one.stream == "active"]
    assert [one.rank for one in active] == list(range(1, len(active) + 1)) and len(active) == 6
    assert [one.utility for one in active] == [note["utility"] for note in batch.notes if note]
    assert sorted((one.utility for one in active), reverse=True) == [one.utility for one in active]  # type: ignore[type-var]
    for one in found:
        if one.stream == "control":
            assert (one.utility, one.rank) == (None, None) and one.neighbors and one.doubt
            assert one.sentence == "Drawn at random: it measures how good the model is."


def test_a_strategy_without_a_utility_has_none() -> None:
    study = small_study("random")
    for one in whys(study):
        assert (one.strategy, one.utility, one.rank) == ("random", None, None)
        assert one.sentence == "Drawn at random, as every unlabeled item was as likely."


def test_of_several_labels_the_one_nearest_to_one_half_is_in_doubt() -> None:
    study = small_study("mean-margin")
    found = whys(study)
    believed = study.predict()
    for one in found:
        (undecided,) = one.doubt
        row = believed[study.pool.row(one.id)]
        at = int((row - 0.5).abs().argmin())
        assert (undecided.name, undecided.probability) == (at, pytest.approx(float(row[at])))
        assert f"least sure of {at} (" in one.sentence
        assert all(isinstance(near.label, list) for near in one.neighbors)


def test_numbers_are_predicted_and_have_no_doubt() -> None:
    dice = np.random.default_rng(0)
    items = dice.normal(size=(60, 3))
    study = Study(Pool.from_arrays(items), task=Targets(), start=None)
    study.tell({row: float(items[row].sum()) for row in range(20)})
    found = whys(study)
    for one, row in zip(found, study.predict([items[one.id] for one in found]), strict=True):
        assert one.doubt == () and one.predicted == pytest.approx(float(row[0]), rel=1e-5) and one.spread is None
        assert f"the model predicts {one.predicted:.4g}" in one.sentence
        assert [near.label for near in one.neighbors] == pytest.approx([items[n.id].sum() for n in one.neighbors])
    (guess,) = guesses(study, [50])
    assert guess.value == pytest.approx(items[50].sum(), abs=0.2) and guess.top == () and guess.probability is None


def test_a_spread_is_told_where_the_model_gives_one() -> None:
    study = Study(Pool.from_arrays(np.eye(8)), task=Targets(), strategy="k-center", start=None, learner=_Spread())
    study.tell({0: 1.0, 1: 2.0})
    (one,) = whys(study, 1)
    assert (one.predicted, one.spread) == (7.0, 0.5)
    assert guesses(study, [2])[0].as_json()["spread"] == 0.5
    assert sentence(Facts("greedy-distance", numbers=(7.0,), spread=(0.5,))).endswith("predicts 7, give or take 0.5.")


def test_before_there_is_a_label_nothing_is_believed() -> None:
    world = blobs(classes=3)
    study = world.study()
    batch = study.ask(4)
    for one in why(study, batch):
        assert one.doubt == () and one.neighbors == () and (one.model, one.labels) == (0, 0)
        assert one.strategy == "typiclust" and one.said.startswith("Cold start") and one.sentence
    assert guesses(study, batch.ids) == []
    study.tell(dict.fromkeys(batch.ids, "class 0"))
    study.ask(2)
    assert guesses(study, batch.ids) == []  # of one class a model knows nothing else
    assert all(one.neighbors and not one.doubt for one in why(study, study.pending))


def test_a_model_that_failed_to_train_believes_nothing() -> None:
    _, study = begun()
    batch = study.ask(2)
    study.state.fits[0] = replace(study.state.fits[0], diverged="the loss is NaN")
    assert all(one.doubt == () for one in why(study, batch)) and guesses(study, batch.ids) == []


def test_a_guess_is_that_of_the_latest_model_and_looks_at_the_asked_rows_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, study = begun()
    study.ask(3)
    study.tell({row: world.truth[row] for row in range(12, 40)})
    before = guesses(study, [79, 3])
    assert [(one.id, one.model, one.labels) for one in before] == [(79, 0, 12), (3, 0, 12)]
    study.ask(3)
    believed = study.predict()
    for one in guesses(study, [79, 3, 79]):
        order = believed[one.id].argsort(descending=True).tolist()
        assert [each.name for each in one.top] == [world.classes[column] for column in order]
        assert one.value == one.top[0].name and one.probability == one.top[0].probability and one.model == 1
        assert one.probability == pytest.approx(float(believed[one.id].max()))
    assert len(plain(list(guesses(study, range(80))))) == 80
    looked, outputs = list[int](), LinearModel.outputs
    monkeypatch.setattr(LinearModel, "outputs", lambda self, items: looked.append(len(items)) or outputs(self, items))
    guesses(study, [5, 6])
    assert looked == [2]


def test_the_guess_of_several_labels_is_as_sure_as_its_least_sure_one() -> None:
    study = small_study("mean-margin")
    study.ask(1)
    row = study.predict()[30]
    (guess,) = guesses(study, ["item-30"])
    assert guess.value == [name for name in range(3) if row[name] >= 0.5]
    assert guess.probability == pytest.approx(float(torch.maximum(row, 1 - row).min()))
    assert [each.name for each in guess.top] == row.argsort(descending=True).tolist()


def test_names_that_changed_since_are_told_as_they_are_today() -> None:
    _, study = begun()
    batch = study.ask(4)
    believed = study.predict()[batch.rows]
    study.declare("new")
    study.rename("class 0", "renamed")
    study.merge("class 2", "class 1")
    both = torch.stack([believed[:, 0], believed[:, 1] + believed[:, 2]], 1)
    for one, guess, row in zip(why(study, batch), guesses(study, batch.ids), both, strict=True):
        names = {"renamed": float(row[0]), "class 1": float(row[1]), "new": 0.0}
        order = sorted(names, key=lambda name: -names[name])
        assert [each.name for each in guess.top] == order and guess.value == order[0]
        assert [each.name for each in one.doubt] == order[:2]
        assert [each.probability for each in guess.top] == pytest.approx([names[name] for name in order])
    assert {near.label for one in why(study, batch) for near in one.neighbors} <= {"renamed", "class 1"}


def test_a_pool_without_a_single_class_name_is_explained() -> None:
    study = Study(Pool.from_arrays(np.eye(6)), task=Classes(()), learner=LEARNER)
    assert all(one.doubt == () and one.sentence for one in whys(study, 3)) and guesses(study, [0]) == []


# Which batch


def test_an_item_that_was_asked_twice_is_explained_by_the_last_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askance.study.why._LINES", 1)  # so that the journal is read in several steps
    world, study = begun()
    batch = study.ask(3)
    study.release(batch.ids)
    study.tell({row: world.truth[row] for row in range(12, 15)})
    again = study.ask(70)
    assert set(batch.ids) - {12, 13, 14} <= set(again.ids)
    left = [id for id in batch.ids if id in again.ids]
    assert [one.model for one in why(study, left)] == [1] * len(left)
    assert why(study, list(reversed(left))) == list(reversed(why(study, left)))


def test_items_of_many_batches_are_explained_at_once_each_by_its_own_model() -> None:
    world, study = begun()
    batches = []
    for _ in range(4):
        batch = study.ask(3)
        batches.append(batch)
        study.tell({id: world.truth[id] for id in batch.ids})
    ids = [id for batch in reversed(batches) for id in batch.ids]
    found = why(study, ids)
    assert [one.id for one in found] == ids
    assert [(one.model, one.labels) for one in found] == [(n, 12 + 3 * n) for n in (3, 2, 1, 0) for _ in range(3)]


def test_what_was_never_asked_has_no_reason() -> None:
    _, study = begun()
    study.ask(2)
    with pytest.raises(BadInput, match="79 was never asked"):
        why(study, [79])
    with pytest.raises(BadInput, match="no item with id 'x'"):
        why(study, ["x"])
    with pytest.raises(BadInput, match="not asked by this study"):
        why(study, begun(labels=9)[1].ask(2))
    assert why(study, []) == [] and guesses(study, []) == []


def test_a_study_that_is_opened_again_tells_the_same(tmp_path: Any) -> None:
    world, study = begun(storage=tmp_path / "study.db")
    batch = study.ask(4)
    before, guessed = why(study, batch), guesses(study, range(80))
    study.close()
    study = world.study(storage=tmp_path / "study.db")
    assert why(study, batch.ids) == before and guesses(study, range(80)) == guessed


def test_a_grown_pool_is_explained(tmp_path: Any) -> None:
    world = blobs(items=120, classes=3)
    few = World(world.pool.first(60), world.classes, world.truth)
    study = few.study(strategy="margin", start=None, storage=tmp_path / "study.db")
    study.tell({row: world.truth[row] for row in range(12)})
    old = study.ask(3)
    study.close()
    study = world.study(storage=tmp_path / "study.db")
    assert [one.stands_for for one in why(study, old.ids)] == stood_for(study, old.rows.tolist())
    new = study.ask(40)
    assert max(new.ids) >= 60 and len(plain(why(study, new))) == len(plain(list(guesses(study, new.ids)))) == 40


def test_nothing_is_written_and_no_dice_are_thrown() -> None:
    _, study = begun()
    batch, lines, before = study.ask(3), len(study.lines()), torch.random.get_rng_state()
    why(study, batch)
    guesses(study, batch.ids)
    assert len(study.lines()) == lines and torch.equal(before, torch.random.get_rng_state())


# Odd pools


@pytest.mark.parametrize("items", [np.ones((1, 3)), np.ones((30, 3)), np.zeros((30, 1)), np.arange(30.0)[:, None]])
def test_odd_pools_are_explained(items: Any) -> None:
    study = Study(Pool.from_arrays(items), classes=["a", "b"], strategy="margin", start=None, learner=LEARNER)
    study.tell({0: "a", **({1: "b", 2: "a"} if len(items) > 2 else {})})
    if len(items) == 1:
        study.withdraw([0])
        study.tell({0: "a"})
        assert study.ask(1).ids == [] and why(study, study.ask(1)) == []
        return
    for one in plain(whys(study, 3)):
        assert len(one["neighbors"]) == 3 and all(0 <= near["similarity"] <= 1 for near in one["neighbors"])
        if len(np.unique(items)) == 1:
            assert {near["similarity"] for near in one["neighbors"]} == {1.0}
            assert one["stands_for"] == 0  # the lowest row has them all


def test_the_only_item_of_a_pool_is_explained() -> None:
    study = Study(Pool.from_arrays(np.ones((1, 3))), classes=["a", "b"], learner=LEARNER)
    (one,) = plain(whys(study, 1))
    assert one["neighbors"] == [] and one["stands_for"] == 0 and one["sentence"]


def test_a_thousand_classes_are_explained() -> None:
    world = blobs(items=1200, classes=1000, features=8)
    study = Study(world.pool, classes=world.classes, strategy="margin", start=None, learner=LEARNER)
    study.tell({row: world.truth[row] for row in range(60)})
    for one in plain(whys(study, 3)):
        assert len(one["doubt"]) == 2 and len(one["neighbors"]) == 5 and "class " in one["sentence"]
    assert all(len(one.top) == 3 for one in guesses(study, range(5)))


def test_pictures_are_compared_by_the_model_s_embeddings_or_else_by_their_pixels() -> None:
    pictures = torch.tensor(np.random.default_rng(0).normal(size=(30, 1, 4, 4)), dtype=torch.float32)
    for learner, places in ((_Network(True), 10 * pictures[:, 0, 0, :2]), (_Network(False), pictures)):
        study = Study(Pool.from_arrays(pictures), classes=["a", "b"], strategy="random", start=None, learner=learner)
        study.tell({row: "ab"[row % 2] for row in range(8)})
        batch, far = study.ask(4), distances(places)
        for one in why(study, batch):
            order = sorted(range(8), key=lambda row, id=one.id: float(far[id, row]))[:5]  # type: ignore[misc]
            assert [near.id for near in one.neighbors] == order
            assert one.neighbors[0].distance == pytest.approx(far[one.id, order[0]], rel=1e-5)
        known = sorted({*range(8), *batch.ids})
        homes = [min(known, key=lambda one: far[row, one]) for row in range(30) if row not in known]
        assert [one.stands_for for one in why(study, batch)] == [homes.count(id) for id in batch.ids]


def test_texts_have_no_neighbors() -> None:
    texts = [f"text {row}" for row in range(12)]
    study = Study(Pool.from_arrays(texts), classes=["a", "b"], strategy="margin", start=None, learner=_Network(False))
    study.tell({0: "a", 1: "b"})
    for one in plain(whys(study, 3)):
        assert one["neighbors"] == [] and one["stands_for"] is None and len(one["doubt"]) == 2
        assert one["sentence"].startswith("The model")


# Sentences


def test_every_strategy_of_the_catalogue_has_a_reason_and_no_reason_is_left_over() -> None:
    own = set(catalogue.STRATEGIES.own)
    assert own == set(REASONS)
    assert {catalogue.name_of(catalogue.strategy(name)) for name in own} == own


LONG = {"vaal"}  # train a network of their own for seconds


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in catalogue.STRATEGIES.own],
)
def test_every_strategy_says_why_in_one_sentence(name: str) -> None:
    strategy = catalogue.strategy(name)
    try:
        check_needs(strategy, strategy.equip(LEARNER))
        learner: Learner = LEARNER
    except MissingSignal:
        learner = TRAINED
    study = small_study(name, learner=learner, control=0.25)
    batch = study.ask(4)
    told = plain(why(study, batch))
    assert [one["id"] for one in told] == batch.ids
    for one in told:
        words = one["sentence"]
        assert words[0].isupper() and words.endswith(".") and ". " not in words and len(words) < 260
        assert ("it measures how good the model is" in words) == (one["stream"] == "control")
    study.tell(small_oracle(study.task).of(batch.ids))
    more = study.ask(3)  # some wait for each answer
    assert len(plain(why(study, more))) == len(more) > 0
    assert len(plain(list(guesses(study, batch.ids)))) == len(batch)


@pytest.mark.parametrize("name", [*REASONS, "something of your own", ""])
def test_a_sentence_needs_no_fact(name: str) -> None:
    for facts in (Facts(name), Facts(name, utility=0.0), Facts(name, features=True, utility=-1e30, stands_for=0)):
        words = sentence(facts)
        assert words[0].isupper() and words.endswith(".") and "None" not in words and "  " not in words


DOUBT = (("billing", 0.41), ("refund", 0.38), ("other", 0.21))
SURE = (("billing", 0.9), ("refund", 0.07), ("other", 0.03))
AFAR = {"features": True, "distance": 3.0, "apart": 2.5}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts("margin", likely=DOUBT), "The model hesitates between billing (41 %) and refund (38 %)."),
        (Facts("margin", likely=SURE), "The model says billing (90 %) rather than refund (7 %)."),
        (
            Facts("entropy", likely=DOUBT),
            "The model has no favorite among billing (41 %), refund (38 %) and other (21 %).",
        ),
        (Facts("entropy", likely=SURE), "The model says billing (90 %) rather than refund (7 %)."),
        (Facts("least-confidence", likely=DOUBT), "The model's best guess is billing, with only 41 %."),
        (Facts("least-confidence", likely=SURE), "The model's best guess is billing, with 90 %."),
        (
            Facts("mean-margin", undecided=("urgent", 0.47)),
            "Of its labels the model is least sure of urgent (47 %).",
        ),
        (
            Facts("vote-entropy", votes=(("billing", 11), ("refund", 8), ("other", 1))),
            "Versions of the model disagree: 11 of 20 say billing, 8 say refund, 1 says other.",
        ),
        (
            Facts("k-center", **AFAR),
            "Nothing labeled is near: the nearest is at distance 3, where two items of the pool are typically 2.5 "
            "apart.",
        ),
        (
            Facts("k-center", **{**AFAR, "distance": 0.5}),
            "It is farther than others from all that is asked or labeled: the nearest labeled item is at distance 0.5, "
            "where two items of the pool are typically 2.5 apart.",
        ),
        (Facts("k-center", features=True), "Nothing else is labeled yet, so nothing labeled is near."),
        (Facts("k-center", utility=0.0, **AFAR), "It was its turn: to k-center, all that was left was alike."),
        (Facts("adversarial-bim", utility=-1e30), "It was its turn: to adversarial-bim, all that was left was alike."),
        (
            Facts("typiclust", features=True, stands_for=1),
            "It is typical of a group: 1 unlabeled item is nearer to it than to any other that is asked or labeled.",
        ),
        (Facts("typiclust", features=True, stands_for=0), "It is typical of a group."),
        (Facts("tod", model=0, likely=DOUBT[:2]), "The model hesitates between billing (41 %) and refund (38 %)."),
        (
            Facts("tod", model=1, likely=SURE),
            "The last training changed what the model says of it; the model says billing (90 %) rather than refund "
            "(7 %).",
        ),
        (Facts("bald", utility=0.0, likely=SURE), "It was its turn: to bald, all that was left was alike."),
        (Facts("margin", utility=0.0, likely=DOUBT), "The model hesitates between billing (41 %) and refund (38 %)."),
        (Facts("margin"), "Asked by margin."),
        (Facts("mine", words="Ask for what is blue"), "Asked by mine (Ask for what is blue)."),
        (Facts("k-center", control=True, **AFAR), "Drawn at random: it measures how good the model is."),
    ],
)
def test_a_sentence_says_what_the_signals_say(facts: Facts, words: str) -> None:
    assert sentence(facts) == words


def test_votes_are_those_of_the_members() -> None:
    study = small_study("vote-entropy")
    batch = study.ask(3)
    member_votes = study.models.task(study.state.fits, 0).outputs(study.pool.items[batch.rows])
    assert member_votes.samples is not None
    for one, votes in zip(why(study, batch), member_votes.samples.argmax(2), strict=True):
        most = int(votes.bincount(minlength=3).max())
        assert f"{most} of {len(votes)} say " in one.sentence


def test_a_strategy_of_somebody_s_own_is_told_in_its_own_words() -> None:
    (one, *_) = whys(small_study(Own()))
    assert one.sentence.startswith("Asked by Own (Ask for what my aunt likes): the model ") and one.rank == 1
    (one, *_) = whys(small_study(Silent()))
    assert one.sentence.startswith("Asked by Silent: the model ")


def test_a_strategy_inside_another_one_gives_the_reason() -> None:
    (one, *_) = whys(small_study(Equipped("margin", by="lpl"), learner=TRAINED))
    assert one.strategy == "Equipped" and one.sentence.startswith("The model ")
    (one, *_) = whys(small_study("ceal"))
    assert one.strategy == "entropy"


def test_when_a_strategy_has_gone_its_batches_are_still_explained(tmp_path: Any) -> None:
    world, study = begun(storage=tmp_path / "study.db")
    study.close()
    study = world.study(strategy=Own(), start=None, storage=tmp_path / "study.db")
    batch = study.ask(2)
    study.close()
    study = world.study(strategy="margin", start=None, storage=tmp_path / "study.db")
    assert all(one.sentence.startswith("Asked by Own") for one in why(study, batch.ids))


@dataclass(frozen=True)
class Own(Margin):
    """Ask for what my aunt likes. [aunt2020likes]"""


@dataclass(frozen=True)
class Silent(Margin):
    pass


class _Gives(Model):
    def __init__(self, embeds: bool) -> None:
        self.embeds = embeds

    def outputs(self, items: Any) -> Outputs:
        scores = torch.tensor([[0.1, 0.0]]).repeat(len(items), 1)
        return Outputs(scores=scores, embeddings=10 * items[:, 0, 0, :2] if self.embeds else None)


@dataclass(frozen=True)
class _Network(Learner):
    """Stands for a network over pictures."""

    embeds: bool = False

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings"} if self.embeds else {"scores"})

    def fit(self, lesson: Lesson) -> Model:
        return _Gives(self.embeds)


class _Sevens(Model):
    def outputs(self, items: Any) -> Outputs:
        return Outputs(
            scores=torch.full((len(items), 1), 7.0), embeddings=items, spread=torch.full((len(items), 1), 0.5)
        )


@dataclass(frozen=True)
class _Spread(Learner):
    """Gives a number and how far it may be off."""

    gives_all: ClassVar[frozenset[str]] = frozenset({"scores", "embeddings", "spread"})

    @property
    def gives(self) -> frozenset[str]:
        return self.gives_all

    def fit(self, lesson: Lesson) -> Model:
        return _Sevens()
