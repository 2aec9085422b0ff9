"""The softmax head: the textbook's optimum, found alone or beside others, with a ridge chosen now and then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from askance.errors import BadInput
from askance.learners.base import Lesson
from askance.learners.linear import Linear, LinearModel
from askance.learners.wrappers import blank
from askance.seeds import Dice
from askance.task import Classes, Task


def lesson(labels: int = 60, classes: int = 3, seed: int = 0, features: int = 5, items: int = 80) -> Lesson:
    dice = np.random.default_rng(seed)
    truth = dice.integers(0, classes, items)
    array = dice.normal(size=(classes, features))[truth] + dice.normal(size=(items, features))
    labeled = torch.tensor(np.sort(dice.permutation(items)[:labels]), dtype=torch.int64)
    rest = torch.ones(items, dtype=torch.bool)
    rest[labeled] = False
    return Lesson(
        items=torch.tensor(array, dtype=torch.float32),
        keys=torch.arange(items),
        task=Classes(tuple(range(classes))),
        labeled=labeled,
        targets=torch.eye(classes, dtype=torch.float64)[truth[labeled.numpy()]],
        weights=torch.ones(labels, dtype=torch.float64),
        unlabeled=rest.nonzero().squeeze(1),
        dice=Dice(seed, "fit"),
    )


def beliefs(model: LinearModel, given: Lesson) -> Tensor:
    scores = model.outputs(given.items.double()).scores
    assert scores is not None
    return scores.softmax(1)


@pytest.mark.parametrize("ridge", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("classes", [2, 4])
def test_the_optimum_is_that_of_scikit_learn(ridge: float, classes: int) -> None:
    given = lesson(classes=classes)
    peer = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=10_000)
    peer.fit(given.items[given.labeled].numpy().astype(np.float64), given.targets.argmax(1).numpy())
    expected = peer.predict_proba(given.items.numpy().astype(np.float64))
    if classes == 2:  # one weight vector where ours has two, so their penalty weighs twice as much
        peer.set_params(C=2 / ridge)
        peer.fit(given.items[given.labeled].numpy().astype(np.float64), given.targets.argmax(1).numpy())
        expected = peer.predict_proba(given.items.numpy().astype(np.float64))
    assert np.abs(beliefs(Linear(ridge=ridge).fit(given), given).numpy() - expected).max() < 1e-4


def test_weights_and_soft_targets_count_as_repeated_items_do() -> None:
    given = lesson(labels=20, classes=2)
    soft = given.targets.clone()
    soft[0] = torch.tensor([0.25, 0.75])
    weights = given.weights.clone()
    weights[0] = 4.0
    once = Linear(ridge=1.0).fit(replace(given, targets=soft, weights=weights))
    again = torch.cat([given.labeled[:1].expand(4), given.labeled[1:]])
    hard = torch.cat([torch.eye(2, dtype=torch.float64)[[0, 1, 1, 1]], given.targets[1:]])
    repeated = replace(given, labeled=again, targets=hard, weights=torch.ones(23, dtype=torch.float64))
    assert torch.allclose(beliefs(once, given), beliefs(Linear(ridge=1.0).fit(repeated), given), atol=1e-5)


@pytest.mark.parametrize("learner", [Linear(ridge=1.0), Linear()])
def test_a_fit_does_not_know_the_runs_beside_it(learner: Linear) -> None:
    lessons = [lesson(labels=labels, seed=labels) for labels in (60, 3, 0, 25)]
    together = learner.fit_many(lessons)
    for one, model in zip(lessons, together, strict=True):
        alone = learner.fit(one)
        assert torch.equal(model.coefficients, alone.coefficients)
        assert model.facts == alone.facts
    backwards = learner.fit_many(lessons[::-1])[::-1]
    assert all(torch.equal(a.coefficients, b.coefficients) for a, b in zip(together, backwards, strict=True))


@pytest.mark.parametrize("learner", [Linear(ridge=1.0), Linear()])
def test_the_order_of_the_pool_does_not_matter(learner: Linear) -> None:
    given = lesson()
    order = torch.tensor(np.random.default_rng(3).permutation(80))
    place = order.argsort()[given.labeled].sort()
    moved = replace(
        given,
        items=given.items[order],
        keys=given.keys[order],
        labeled=place.values,
        targets=given.targets[place.indices],
    )
    one, other = learner.fit(given), learner.fit(moved)
    assert one.facts["ridge"] == other.facts["ridge"]
    assert torch.allclose(one.coefficients, other.coefficients, atol=1e-5)


def test_the_certificate_is_in_the_facts_and_true() -> None:
    given = lesson()
    model = Linear(ridge=0.5).fit(given)
    features = given.items[given.labeled].double()
    error = beliefs(model, given)[given.labeled] - given.targets
    slope = error.T @ features + 0.5 * model.coefficients[:, :-1]
    length = float((features - features.mean(0)).norm(dim=1).sum())
    assert float(slope.norm()) / length < 2e-6
    assert model.facts["gradient_norm"] <= 1e-6


def grown(given: Lesson, labels: int, previous: LinearModel | None) -> Lesson:
    part = replace(given, labeled=given.labeled[:labels], targets=given.targets[:labels])
    return replace(part, weights=given.weights[:labels], previous=previous)


def test_the_ridge_is_chosen_at_first_and_whenever_labels_have_grown_by_half() -> None:
    given = lesson(labels=60)
    model = None
    chosen = []
    for labels in (3, 20, 25, 29, 30, 40, 44, 45, 60):
        model = Linear().fit(grown(given, labels, model))
        chosen.append(model.facts["chosen_at"])
    assert chosen == [0, 20, 20, 20, 30, 30, 30, 45, 45]
    assert Linear().remembers and not Linear(ridge=1.0).remembers


def test_a_kept_ridge_is_the_one_before() -> None:
    given = lesson(labels=60)
    before = LinearModel(torch.zeros(3, 6), {"ridge": 7.5, "chosen_at": 50})
    assert Linear().fit(grown(given, 60, before)).facts["ridge"] == 7.5
    assert Linear(ridge=2.0).fit(grown(given, 60, before)).facts["ridge"] == 2.0


def test_cross_validation_finds_the_strength_with_the_least_held_out_loss() -> None:
    noise = lesson(labels=60, features=40)
    shuffled = replace(noise, targets=noise.targets[torch.tensor(np.random.default_rng(0).permutation(60))])
    assert Linear().fit(shuffled).facts["ridge"] == 100.0  # labels that mean nothing want the strongest
    clear = lesson(labels=400, items=400, classes=2, features=2)
    clear = replace(clear, items=clear.items * (64 / _spread(clear)) ** 0.5)  # 1 is usual
    side = (clear.items[:, 0] > 0).long()
    assert Linear().fit(replace(clear, targets=torch.eye(2).double()[side])).facts["ridge"] == 0.1  # a clear line


def test_an_item_of_a_class_that_the_rest_does_not_have_says_nothing_about_the_ridge() -> None:
    singles = lesson(labels=20, items=20, classes=20, features=8)
    singles = replace(singles, targets=torch.eye(20).double())  # one label a class: nothing can be judged
    for scale in (1.0, 10.0):  # of the strength, and so of squared features
        scaled = replace(singles, items=singles.items * (64 * scale / _spread(singles)) ** 0.5)
        assert Linear().fit(scaled).facts["ridge"] == scale


def test_labels_that_mean_nothing_move_the_ridge_only_when_there_are_many() -> None:
    given = lesson(labels=60)
    shuffled = given.targets[torch.tensor(np.random.default_rng(0).permutation(60))]
    given = replace(given, targets=shuffled, items=given.items * (64 / _spread(given)) ** 0.5)
    assert Linear().fit(given).facts["ridge"] > 1.0
    few = replace(given, labeled=given.labeled[:4], targets=shuffled[:4], weights=given.weights[:4])
    few = replace(few, items=few.items * (64 / _spread(few)) ** 0.5)
    assert Linear().fit(few).facts["ridge"] == 1.0


def test_before_there_is_anything_to_check_the_ridge_is_the_usual_one() -> None:
    given = replace(lesson(labels=2, classes=2), targets=torch.eye(2).double())
    given = replace(given, items=given.items * (6.4 / _spread(given)) ** 0.5)
    facts = Linear().fit(given).facts
    assert (facts["ridge"], facts["chosen_at"]) == (0.1, 0)


def _spread(given: Lesson) -> float:
    labeled = given.items[given.labeled].double()
    return float(((labeled - labeled.mean(0)) ** 2).sum(1).mean())


def test_no_label_knows_nothing_one_class_is_favored_and_an_absent_one_is_unlikely() -> None:
    given = lesson(labels=12, classes=3)
    for learner in (Linear(), Linear(ridge=1.0)):
        nothing = learner.fit(blank(given))
        assert torch.allclose(beliefs(nothing, given), torch.full((80, 3), 1 / 3, dtype=torch.float64))
        favored = learner.fit(replace(given, targets=torch.eye(3, dtype=torch.float64)[[1] * 12]))
        assert bool((beliefs(favored, given).argmax(1) == 1).all())
        without = torch.eye(3, dtype=torch.float64)[given.targets.argmax(1).clamp_max(1)]
        seen = beliefs(learner.fit(replace(given, targets=without)), given)
        assert bool((seen.argmax(1) != 2).all()) and bool((seen[:, 2] > 0).all())


def test_what_was_stored_comes_back_to_the_last_bit() -> None:
    model = Linear().fit(lesson())
    weights = model.weights()
    assert weights is not None
    again = Linear().restore({name: value.clone() for name, value in weights.items()}, dict(model.facts))
    items = lesson().items
    assert torch.equal(again.outputs(items).scores, model.outputs(items).scores)  # type: ignore[arg-type]
    assert again.facts == model.facts


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"task": Task()}, "Linear learns classes, labels and numbers, and the task is Task"),
        ({"items": ["a"] * 80}, "learns from features"),
    ],
)
def test_what_it_cannot_learn_is_said(change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Linear().fit(replace(lesson(), **change))


@pytest.mark.parametrize("wrong", [{"ridge": 0.0}, {"ridge": -1.0}, {"strengths": ()}, {"folds": 1}])
def test_a_wrong_option_is_refused_where_it_is_typed(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"Linear\("):
        Linear(**wrong)
