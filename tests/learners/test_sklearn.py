"""Any scikit-learn estimator is a learner: classes nobody was given have no share, same lesson, same model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from torch import Tensor

from askance.errors import BadInput
from askance.learners.base import Lesson
from askance.learners.forest import Forest
from askance.learners.many import Bootstrapped
from askance.learners.sklearn import Sklearn
from askance.learners.wrappers import blank
from askance.look import read_signal
from askance.pool import Pool
from askance.seeds import Dice
from askance.signals.probabilities import Probabilities, Scores
from askance.study.study import Study
from askance.task import Classes, Labels, Targets, Task

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


MANY = [
    RandomForestClassifier(20),
    KNeighborsClassifier(3),
    OneVsRestClassifier(LogisticRegression()),
    MultiOutputClassifier(GaussianNB()),
    MultiOutputClassifier(KNeighborsClassifier(3)),
]


def labeled(*columns: Tensor) -> Lesson:
    """Forty items with labels of these columns."""
    names = tuple("abc"[: len(columns)])
    return replace(lesson(), task=Labels(names), targets=torch.stack(columns, 1)[:40].double())


@pytest.mark.parametrize("estimator", MANY, ids=str)
def test_a_label_that_all_have_is_believed_of_all_and_one_that_none_has_of_none(estimator: Any) -> None:
    given = labeled(torch.ones(60), torch.zeros(60), lesson().items[:, 0] > 0)
    shares = beliefs(Sklearn(estimator), given)
    assert (shares[:, 0] > 0.9).all() and (shares[:, 1] < 0.1).all()
    assert float(((shares[:40, 2] > 0.5) == (given.targets[:, 2] > 0.5)).double().mean()) > 0.75


def test_trees_believe_in_a_label_that_all_have() -> None:
    given = labeled(torch.ones(60), torch.zeros(60), lesson().items[:, 0] > 0)
    trees = Forest().fit(given).outputs(given.items).sampled
    assert trees is not None and (trees[:, :, 0] == 1).all() and (trees[:, :, 1] == 0).all()


@pytest.mark.parametrize("estimator", [*MANY, LogisticRegression(), LinearSVC()], ids=str)
def test_one_label_alone_is_learned_the_right_way_round(estimator: Any) -> None:
    given = labeled(lesson().items[:, 0] > 0)
    shares = beliefs(Sklearn(estimator), given)
    assert shares.shape == (60, 1)
    assert float(((shares[:40] > 0.5) == (given.targets > 0.5)).double().mean()) > 0.9
    for value in (0.0, 1.0):  # which some cannot be fitted to
        alike = beliefs(Sklearn(estimator), replace(given, targets=torch.full((40, 1), value).double()))
        assert ((alike > 0.5) == bool(value)).all() and 0.2 < float(alike[0]) < 0.8


def test_the_trees_of_one_label_alone_say_what_their_forest_does() -> None:
    given = labeled(lesson().items[:, 0] > 0)
    found = Forest().fit(given).outputs(given.items)
    assert found.sampled is not None and found.scores is not None
    assert torch.allclose(found.sampled.mean(1), found.scores.sigmoid())


def test_a_study_whose_classes_are_not_named_yet_asks() -> None:
    pool = Pool.from_arrays(lesson().items.numpy())
    for estimator in (GaussianNB(), RandomForestClassifier(3)):
        assert len(Study(pool, task=Classes(()), learner=estimator, strategy="random").ask(2)) == 2
        assert Sklearn(estimator).fit(blank(replace(lesson(), task=Labels(())))).outputs(pool.items).scores is not None


COMMITTEE = [
    SVC(),
    LogisticRegression(),
    KNeighborsClassifier(1),
    make_pipeline(StandardScaler(), LogisticRegression()),
    MultiOutputClassifier(KNeighborsClassifier(1)),
]


@pytest.mark.parametrize("estimator", COMMITTEE, ids=str)
def test_members_of_a_bootstrap_disagree_and_may_lack_a_class(estimator: Any) -> None:
    given = lesson(classes=2, labels=3)
    given = replace(given, targets=torch.eye(2, dtype=torch.float64)[[0, 1, 1]])
    if isinstance(estimator, MultiOutputClassifier):
        given = replace(given, task=Labels(("a", "b")))
    found = Bootstrapped(Sklearn(estimator)).fit(given).outputs(given.items).samples
    assert found is not None and bool(torch.isfinite(found).all()) and float(found.std(1).mean()) > 0.05


def test_an_item_of_weight_two_is_one_that_stands_twice() -> None:
    given = lesson(classes=2, labels=10)
    twice = replace(given, weights=torch.tensor([2.0] * 5 + [1.0] * 5).double())
    for estimator in (KNeighborsClassifier(3), make_pipeline(StandardScaler(), KNeighborsClassifier(3))):
        rows = torch.arange(10).repeat_interleave(twice.weights.long())
        peer = estimator.fit(given.items[rows].numpy(), given.targets[rows].argmax(1).numpy())
        assert np.array_equal(beliefs(Sklearn(estimator), twice).numpy(), peer.predict_proba(given.items.numpy()))


def test_weights_reach_the_last_step_of_a_pipeline_and_are_refused_where_nothing_takes_them() -> None:
    given = lesson(classes=2)
    tilted = replace(given, weights=torch.where(given.targets[:, 0] > 0, 1e-6, 1.0).double())
    steps = make_pipeline(StandardScaler(), LogisticRegression())
    assert beliefs(Sklearn(steps), tilted).argmax(1).tolist() == [1] * 60
    says = (
        r"KNeighborsClassifier takes no weights of labels, and here they go from 1e-06 to 1.*PseudoLabeled\(weight=1\)"
    )
    with pytest.raises(BadInput, match=says):
        Sklearn(KNeighborsClassifier()).fit(tilted)
    alike = replace(given, weights=given.weights / 2)
    assert torch.equal(*(beliefs(Sklearn(KNeighborsClassifier()), one) for one in (given, alike)))


WANTING = [
    (KNeighborsClassifier(), Classes((0, 1)), 2),
    (CalibratedClassifierCV(LogisticRegression()), Classes((0, 1)), 4),
    (GridSearchCV(LogisticRegression(), {"C": [1.0]}), Classes((0, 1)), 4),
    (LinearDiscriminantAnalysis(), Classes((0, 1)), 2),
    (QuadraticDiscriminantAnalysis(), Classes((0, 1)), 2),
    (KNeighborsRegressor(), Targets(), 2),
    (MultiOutputClassifier(LogisticRegression()), Labels(("a", "b")), 1),
]


@pytest.mark.parametrize(("estimator", "task", "labels"), WANTING, ids=str)
def test_an_estimator_that_needs_more_labels_knows_nothing_and_says_why(
    estimator: Any, task: Task, labels: int
) -> None:
    targets = torch.eye(2, dtype=torch.float64)[torch.arange(labels) % 2][:, : task.width]
    given = replace(lesson(classes=2, labels=labels), task=task, targets=targets)
    model = Sklearn(estimator).fit(given)
    scores = model.outputs(given.items).scores
    assert scores is not None and scores.shape == (60, task.width) and not scores.any()
    assert f"{type(estimator).__name__} learns nothing from {labels} labels: " in model.facts["diverged"]


def test_a_study_whose_estimator_needs_more_labels_asks_at_random_and_says_why() -> None:
    study = Study(Pool.from_arrays(lesson().items.numpy()), classes=["a", "b"], learner=KNeighborsClassifier(7))
    study.tell({row: "ab"[row % 2] for row in range(4)})
    batch = study.ask(3)
    assert batch.strategy == "random"
    assert "The model failed, so random asks this round: KNeighborsClassifier learns nothing from 4" in batch.said
    study.tell({name: "a" for name in batch.ids})
    assert study.ask(3).strategy != "random" and all(row.ok for row in study.audit(refit=True))


TEXTS = [f"{'late order' if row % 2 else 'lost password'} {row}" for row in range(60)]


@pytest.mark.parametrize(
    ("estimator", "changes", "says"),
    [
        (LogisticRegression(), {"items": TEXTS}, r"cannot read the items of the pool: .*'l.*\. Encode them first"),
        (make_pipeline(StandardScaler(), GaussianNB()), {"items": TEXTS}, "Pipeline cannot read the items"),
        (LogisticRegression(), {"items": torch.zeros(60, 2, 2)}, "cannot read the items of the pool: .*dim 3"),
        (LogisticRegression(C=-1.0), {}, "LogisticRegression cannot be fitted: The 'C' parameter"),
        (GaussianNB(), {"task": Targets(4)}, "GaussianNB is a classifier, and the items are labeled with numbers"),
    ],
)
def test_what_no_label_would_mend_is_refused(estimator: Any, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Sklearn(estimator).fit(replace(lesson(), **changes))


def test_texts_may_be_too_few_for_a_pipeline_that_reads_them() -> None:
    given = replace(lesson(classes=2, labels=4), items=TEXTS, targets=torch.eye(2, dtype=torch.float64)[[0, 1, 0, 1]])
    for steps in ((TfidfVectorizer(), KNeighborsClassifier(9)), (TfidfVectorizer(min_df=9), GaussianNB())):
        assert "learns nothing from 4 labels" in Sklearn(make_pipeline(*steps)).fit(given).facts["diverged"]


def test_global_dice_that_an_estimator_throws_are_the_lessons() -> None:
    search = GridSearchCV(LogisticRegression(), {"C": np.logspace(-3, 3, 13).tolist()}, cv=KFold(3, shuffle=True))
    given = lesson(labels=15)
    state = np.random.get_state()[1].copy()
    models = [Sklearn(search).fit(replace(given, dice=Dice(0, "fit", fit))) for fit in (0, 0, *range(1, 9))]
    chosen = [model.estimator.cv_results_["mean_test_score"].tolist() for model in models]
    assert chosen[0] == chosen[1] and any(one != chosen[0] for one in chosen[2:])
    assert np.array_equal(np.random.get_state()[1], state)


def test_an_estimator_that_computes_in_place_leaves_the_pool_alone() -> None:
    given = lesson()
    before = given.items.clone()
    Sklearn(make_pipeline(StandardScaler(copy=False), GaussianNB())).fit(given).outputs(given.items)
    assert torch.equal(given.items, before)
