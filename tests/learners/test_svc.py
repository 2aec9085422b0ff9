"""The support vector machine is scikit-learn's, standardized over the pool, and can be stored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

from askance.errors import BadInput
from askance.learners.base import Lesson
from askance.learners.catalogue import learner, learner_with
from askance.learners.many import Bootstrapped
from askance.learners.svc import Svc, SvcModel
from askance.look import read_signal
from askance.pool import Pool
from askance.seeds import Dice
from askance.signals.probabilities import Probabilities
from askance.study.study import Study
from askance.task import Classes, Labels
from askance.utilities.uncertainty import least_confidence, margin


def lesson(classes: int = 3, labels: int = 40, *, absent: int | None = None, apart: float = 1.5) -> Lesson:
    dice = np.random.default_rng(0)
    truth = dice.choice([c for c in range(classes) if c != absent], size=90)
    array = apart * dice.normal(size=(classes, 4))[truth] + dice.normal(size=(90, 4))
    array[:, 1] *= 100  # so that standardizing matters
    return Lesson(
        items=torch.tensor(array, dtype=torch.float32),
        keys=torch.arange(90),
        task=Classes(tuple(range(classes))),
        labeled=torch.arange(labels),
        targets=torch.eye(classes, dtype=torch.float64)[truth[:labels]],
        weights=torch.ones(labels, dtype=torch.float64),
        unlabeled=torch.arange(labels, 90),
        dice=Dice(0, "fit"),
    )


def scores(model: SvcModel, items: torch.Tensor) -> torch.Tensor:
    found = model.outputs(items).scores
    assert found is not None
    return found


def theirs(given: Lesson) -> tuple[SVC, np.ndarray]:
    features = given.items.double().numpy()
    scaled = (features - features.mean(0)) / features.std(0)
    truth = given.targets.argmax(1).numpy()
    return SVC(C=1.0, gamma=1 / 4, tol=1e-6).fit(scaled[given.labeled], truth), scaled


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_scores_are_those_of_scikit_learn_on_standardized_features(classes: int) -> None:
    given = lesson(classes, 60)
    machine, scaled = theirs(given)
    found = scores(Svc().fit(given), given.items).numpy()
    values = machine.decision_function(scaled)
    expected = np.stack([-values / 2, values / 2], 1) if classes == 2 else values
    assert np.allclose(found, expected, atol=1e-5)
    machine.break_ties = True
    assert np.array_equal(found.argmax(1), machine.predict(scaled))


def test_of_two_classes_the_margin_is_least_where_the_decision_is_nearest_to_zero() -> None:
    given = lesson(2)
    machine, scaled = theirs(given)
    believed = read_signal(Probabilities(), Svc().fit(given), given.items, given.task)
    assert isinstance(believed, torch.Tensor)
    order = np.argsort(np.abs(machine.decision_function(scaled)))
    for utility in (margin, least_confidence):
        assert utility(believed).argsort(descending=True).tolist()[:60] == order.tolist()[:60]


def test_of_more_classes_it_is_least_where_the_vote_is_least_clear() -> None:
    given = lesson(3)
    believed = read_signal(Probabilities(), Svc().fit(given), given.items, given.task)
    assert isinstance(believed, torch.Tensor)
    machine, scaled = theirs(given)
    values = np.sort(machine.decision_function(scaled), 1)
    lead = values[:, -1] - values[:, -2]
    ranks = [np.argsort(np.argsort(array)) for array in (-lead, margin(believed).numpy())]
    assert np.corrcoef(ranks)[0, 1] > 0.95


def test_items_that_are_no_part_of_the_pool_do_not_change_the_standardizing() -> None:
    given = lesson(2)
    model = Svc().fit(given)
    alone = scores(model, given.items[5:6])
    assert torch.allclose(alone, scores(model, given.items)[5:6])
    with_embeddings = model.outputs(given.items).embeddings
    assert with_embeddings is not None
    assert torch.allclose(with_embeddings.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(with_embeddings.std(0, correction=0), torch.ones(4), atol=1e-5)


def test_a_column_that_is_the_same_everywhere_becomes_zeros() -> None:
    given = lesson(2)
    items = torch.cat([given.items, torch.full((90, 1), 7.0)], 1)
    found = Svc().fit(replace(given, items=items)).outputs(items).embeddings
    assert found is not None and not found[:, 4].any()


def test_a_class_that_nobody_was_given_lies_far_below() -> None:
    given = lesson(4, absent=2)
    found = scores(Svc().fit(given), given.items)
    assert torch.allclose(found[:, 2], found[:, [0, 1, 3]].min(1).values - 20)


def test_weights_of_labels_are_their_costs() -> None:
    given = lesson(2, apart=0.3)
    doubled = replace(given, weights=2 * given.weights)
    found = scores(Svc().fit(doubled), given.items)
    assert torch.allclose(found, scores(Svc(cost=2.0).fit(given), given.items), atol=1e-5)
    assert not torch.allclose(found, scores(Svc().fit(given), given.items), atol=1e-3)


@pytest.mark.parametrize("labels", [0, 1, 40])
def test_a_model_is_restored_from_its_weights(labels: int) -> None:
    given = lesson(3, labels)
    model = Svc().fit(given)
    again = Svc().restore(model.weights(), dict(model.facts))
    assert again is not None
    assert torch.equal(scores(model, given.items), scores(again, given.items))  # type: ignore[arg-type]


def test_it_has_a_name_and_refuses_what_is_no_machine() -> None:
    assert learner("svc") == Svc() and learner_with("svc", {"cost": 3.0}) == Svc(cost=3.0)
    with pytest.raises(BadInput, match="above 0"):
        Svc(cost=0)
    with pytest.raises(BadInput, match="learns classes, not Labels"):
        Svc().fit(replace(lesson(2), task=Labels((0, 1))))


def test_a_class_that_counts_for_nothing_is_as_if_nobody_had_given_it() -> None:
    given = lesson(3)
    weights = given.weights * (given.targets[:, 1] == 0)
    found = scores(Svc().fit(replace(given, weights=weights)), given.items)
    assert torch.allclose(found, scores(Svc().fit(given.only(weights > 0)), given.items), atol=1e-5)
    few = replace(lesson(2, 2), targets=torch.eye(2, dtype=torch.float64))
    members = Bootstrapped(Svc()).fit(few).outputs(given.items).samples  # of most a class has no item
    assert members is not None and bool(torch.isfinite(members).all())


def test_a_study_whose_classes_are_not_named_yet_asks() -> None:
    pool = Pool.from_arrays(lesson().items.numpy())
    assert len(Study(pool, task=Classes(()), learner=Svc(), strategy="random").ask(2)) == 2
