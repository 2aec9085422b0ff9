"""Any scikit-learn estimator is a learner: classes nobody was given have no share, same lesson, same model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor

from askance.errors import BadInput
from askance.learners.base import Lesson
from askance.learners.sklearn import Sklearn
from askance.learners.wrappers import blank
from askance.look import read_signal
from askance.seeds import Dice
from askance.signals.probabilities import Probabilities, Scores
from askance.task import Classes, Labels, Targets

ESTIMATORS = [
    LogisticRegression(),
    RandomForestClassifier(10),
    make_pipeline(StandardScaler(), RandomForestClassifier(10)),
    SVC(),
    GaussianNB(),
    KNeighborsClassifier(3),
    RidgeClassifier(),
    Perceptron(),
]


def lesson(classes: int = 4, absent: tuple[int, ...] = (), labels: int = 40) -> Lesson:
    dice = np.random.default_rng(0)
    truth = dice.choice([c for c in range(classes) if c not in absent], size=60)
    array = 3 * dice.normal(size=(classes, 4))[truth] + dice.normal(size=(60, 4))
    return Lesson(
        items=torch.tensor(array, dtype=torch.float32),
        keys=torch.arange(60),
        task=Classes(tuple(range(classes))),
        labeled=torch.arange(labels),
        targets=torch.eye(classes, dtype=torch.float64)[truth[:labels]],
        weights=torch.ones(labels, dtype=torch.float64),
        unlabeled=torch.arange(labels, 60),
        dice=Dice(0, "fit"),
    )


def beliefs(learner: Sklearn, given: Lesson) -> Tensor:
    found = read_signal(Probabilities(), learner.fit(given), given.items, given.task)
    assert isinstance(found, Tensor)
    return found


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@pytest.mark.parametrize("absent", [(), (1,), (0, 3)])
def test_it_learns_the_classes_it_was_given_and_gives_absent_ones_next_to_nothing(
    estimator: Any, absent: tuple[int, ...]
) -> None:
    given = lesson(absent=absent)
    found = beliefs(Sklearn(estimator), given)
    assert found.sum(1).tolist() == pytest.approx([1.0] * 60)
    assert float((found.argmax(1)[:40] == given.targets.argmax(1)).double().mean()) > 0.75
    assert float(found[:, list(absent)].max()) < 1e-6 if absent else True


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_the_same_lesson_is_the_same_model_and_global_dice_are_left_alone(estimator: Any) -> None:
    state, before = np.random.get_state()[1].copy(), repr(estimator.get_params())
    one, other = (beliefs(Sklearn(estimator), lesson()) for _ in range(2))
    assert torch.equal(one, other)
    assert np.array_equal(np.random.get_state()[1], state)
    assert repr(estimator.get_params()) == before  # the user's own object is left as it was


def test_another_fit_throws_other_dice() -> None:
    given = lesson()
    forests = [beliefs(Sklearn(RandomForestClassifier(5)), replace(given, dice=Dice(0, "fit", n))) for n in range(2)]
    assert not torch.equal(*forests)
    fixed = Sklearn(RandomForestClassifier(5, random_state=3))
    assert torch.equal(beliefs(fixed, given), beliefs(fixed, replace(given, dice=Dice(1, "fit"))))


def test_probabilities_are_the_estimators_own() -> None:
    given = lesson()
    peer = LogisticRegression().fit(given.items[:40].numpy(), given.targets.argmax(1).numpy())
    expected = peer.predict_proba(given.items.numpy())
    assert np.array_equal(beliefs(Sklearn(LogisticRegression()), given).numpy(), expected)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_no_label_knows_nothing_and_one_class_is_favored(estimator: Any) -> None:
    given = lesson()
    assert torch.equal(beliefs(Sklearn(estimator), blank(given)), torch.full((60, 4), 0.25, dtype=torch.float64))
    one = replace(given, targets=torch.eye(4, dtype=torch.float64)[[2] * 40])
    assert beliefs(Sklearn(estimator), one).argmax(1).tolist() == [2] * 60


@pytest.mark.parametrize("absent", [(), (1,)])
def test_a_decision_function_gives_the_same_scores_in_any_piece(absent: tuple[int, ...]) -> None:
    given = lesson(absent=absent)
    model = Sklearn(SVC()).fit(given)
    whole = model.outputs(given.items).scores
    assert whole is not None
    for row in (0, 17, 59):
        assert model.outputs(given.items[row : row + 1]).scores.tolist() == [whole[row].tolist()]  # type: ignore[union-attr]


def test_of_two_classes_the_decision_function_is_the_difference() -> None:
    given = lesson(classes=2)
    model = Sklearn(SVC()).fit(given)
    scores = model.outputs(given.items).scores
    assert scores is not None
    expected = model.estimator.decision_function(given.items.numpy())
    assert (scores[:, 1] - scores[:, 0]).tolist() == pytest.approx(expected.tolist())


class Silent(GaussianNB):  # type: ignore[misc]
    """A classifier without any measure of being sure."""

    predict_proba = property()


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (SVC(decision_function_shape="ovo"), "one for each pair of them. Use decision_function_shape='ovr'"),
        (Silent(), "has neither predict_proba nor decision_function.*CalibratedClassifierCV"),
    ],
)
@pytest.mark.parametrize("classes", [3, 4])
def test_a_classifier_that_cannot_say_how_sure_it_is_is_refused(estimator: Any, says: str, classes: int) -> None:
    with pytest.raises(BadInput, match=says):
        beliefs(Sklearn(estimator), lesson(classes=classes))


def test_numbers_and_lists_of_labels_are_learned_too() -> None:
    given = lesson(classes=2)
    numbers = replace(given, task=Targets(2), targets=given.items[:40, :2].double())
    found = read_signal(Scores(), Sklearn(RandomForestRegressor(20)).fit(numbers), given.items, numbers.task)
    assert float((found[:40] - numbers.targets).abs().mean()) < 0.5
    one = replace(given, task=Targets(), targets=given.items[:40, :1].double())
    assert beliefs(Sklearn(RandomForestRegressor(20)), one).shape == (60, 1)
    tags = replace(given, task=Labels(("x", "y")), targets=(given.items[:40, :2] > 0).double())
    for estimator in (OneVsRestClassifier(LogisticRegression()), RandomForestClassifier(20)):
        shares = beliefs(Sklearn(estimator), tags)
        assert float(((shares[:40] > 0.5) == (tags.targets > 0.5)).double().mean()) > 0.9


def test_weights_reach_an_estimator_that_takes_them() -> None:
    given = lesson(classes=2)
    weights = torch.where(given.targets[:, 0] > 0, 1e-6, 1.0).double()
    tilted = beliefs(Sklearn(LogisticRegression()), replace(given, weights=weights))
    assert tilted.argmax(1).tolist() == [1] * 60
