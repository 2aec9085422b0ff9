"""Heads for labels and numbers: equal to scikit-learn's, sure of nothing they were not told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from askance import Known, Labels, Linear, Pool, Study, Targets
from askance.learners.convex import left_out_error, logistic_heads, logistic_loss, ridge_head
from askance.task import Task
from askance.testing.worlds import small_world

DICE = np.random.default_rng(0)
X = DICE.normal(size=(60, 5))
BOTH = (X @ DICE.normal(size=(5, 3)) + DICE.normal(size=(60, 3)) > 0).astype(float)
NUMBERS = X @ DICE.normal(size=(5, 2)) + 0.1 * DICE.normal(size=(60, 2)) + [5.0, -3.0]


@pytest.mark.parametrize("ridge", [0.1, 1.0, 10.0])
def test_every_label_is_scikit_learns_logistic_regression(ridge: float) -> None:
    heads, facts = logistic_heads(X, BOTH, np.ones((1, 60)), np.array([ridge]), 1e-8)
    for label in range(3):
        theirs = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=5000).fit(X, BOTH[:, label])
        assert np.allclose(heads[0, label, :-1], theirs.coef_[0], atol=1e-4)
        assert np.isclose(heads[0, label, -1], theirs.intercept_[0], atol=1e-4)
    assert facts["gradient_norm"] < 1e-5


def test_many_runs_of_labels_are_each_the_one_alone() -> None:
    weights = np.stack([np.ones(60), (np.arange(60) % 2).astype(float)])
    together, _ = logistic_heads(X, BOTH, weights, np.array([1.0, 0.1]), 1e-8)
    for run, ridge in enumerate((1.0, 0.1)):
        alone, _ = logistic_heads(X, BOTH, weights[run : run + 1], np.array([ridge]), 1e-8)
        assert np.array_equal(together[run], alone[0])


def test_the_loss_of_labels_is_the_cross_entropy_of_each() -> None:
    heads, _ = logistic_heads(X, BOTH, np.ones((1, 60)), np.array([1.0]), 1e-8)
    shares = 1 / (1 + np.exp(-(X @ heads[0, :, :-1].T + heads[0, :, -1])))
    expected = -(BOTH * np.log(shares) + (1 - BOTH) * np.log(1 - shares)).sum()
    assert np.isclose(logistic_loss(heads, X, BOTH, np.ones(60))[0], expected)


@pytest.mark.parametrize("items", [60, 4])  # more items than features, and fewer
def test_numbers_are_scikit_learns_ridge_regression(items: int) -> None:
    weights = np.linspace(0.5, 2, items)
    head = ridge_head(X[:items], NUMBERS[:items], weights, 0.7)
    theirs = Ridge(alpha=0.7).fit(X[:items], NUMBERS[:items], sample_weight=weights)
    assert np.allclose(head[:, :-1], theirs.coef_) and np.allclose(head[:, -1], theirs.intercept_)


def test_leaving_each_item_out_in_closed_form_is_leaving_it_out() -> None:
    strengths = np.array([0.01, 1.0, 100.0])
    spread = (NUMBERS - NUMBERS.mean(0)).std(0)
    expected = []
    for ridge in strengths:
        error = 0.0
        for item in range(60):
            rest = np.arange(60) != item
            head = ridge_head(X[rest], NUMBERS[rest], np.ones(59), ridge)
            error += (((NUMBERS[item] - X[item] @ head[:, :-1].T - head[:, -1]) / spread) ** 2).sum()
        expected.append(error)
    assert np.allclose(left_out_error(X, NUMBERS, np.ones(60), strengths), expected, rtol=1e-9)


def test_more_features_than_items_are_left_out_as_exactly() -> None:
    wide, numbers = DICE.normal(size=(8, 20)), NUMBERS[:8, :1]
    error = 0.0
    for item in range(8):
        rest = np.arange(8) != item
        head = ridge_head(wide[rest], numbers[rest], np.ones(7), 0.5)
        error += ((numbers[item] - wide[item] @ head[:, :-1].T - head[:, -1]) ** 2).sum() / numbers.var()
    assert np.isclose(left_out_error(wide, numbers, np.ones(8), np.array([0.5]))[0], error, rtol=1e-9)


@pytest.mark.parametrize(("scale", "units"), [(100.0, 1.0), (1.0, 1000.0)])
def test_a_strength_means_the_square_of_the_scale_of_features_and_nothing_of_the_units_of_numbers(
    scale: float, units: float
) -> None:
    one = ridge_head(X, NUMBERS, np.ones(60), 0.7)
    other = ridge_head(X * scale, NUMBERS * units, np.ones(60), 0.7 * scale**2)
    assert np.allclose(one[:, :-1] * units, other[:, :-1] * scale)
    strengths = np.array([0.1, 1.0])
    errors = [left_out_error(X, NUMBERS, np.ones(60), strengths)]
    errors.append(left_out_error(X * scale, NUMBERS * units, np.ones(60), strengths * scale**2))
    assert np.allclose(*errors)


def test_a_soft_label_counts_as_items_that_have_it_and_items_that_do_not() -> None:
    soft = BOTH.copy()
    soft[0] = [0.25, 0.5, 1.0]
    weights = np.ones(60)
    weights[0] = 4
    one, _ = logistic_heads(X, soft, weights[None], np.array([1.0]), 1e-8)
    again = np.concatenate([[[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 1]], BOTH[1:]])
    other, _ = logistic_heads(np.concatenate([X[[0, 0, 0]], X]), again, np.ones((1, 63)), np.array([1.0]), 1e-8)
    assert np.allclose(one, other, atol=1e-5)


def test_a_label_that_all_or_none_have_is_as_sure_as_half_an_item_more_lets_it_be() -> None:
    shares = np.stack([np.ones(60), np.zeros(60), BOTH[:, 0]], 1)
    heads, _ = logistic_heads(X, shares, np.ones((1, 60)), np.array([1.0]), 1e-8)
    assert not heads[0, :2, :-1].any()
    rate = 1 / (1 + np.exp(-heads[0, :2, -1]))
    assert rate[0] == pytest.approx(1 - rate[1]) and 0.95 < rate[0] < 1


def test_a_label_nobody_has_gets_a_base_rate_and_no_label_at_all_knows_nothing() -> None:
    world = small_world(task=Labels(("red", "green", "blue")))
    lesson = world.lesson()
    none = lesson.targets.clone()
    none[:, 0] = 0
    model = Linear(ridge=1.0).fit(type(lesson)(**{**vars(lesson), "targets": none}))
    shares = lesson.task.link(model.outputs(lesson.items).scores)
    assert float(shares[:, 0].max()) < 0.2 and bool(torch.isfinite(shares).all())
    empty = small_world(labeled=0, aside=0, task=Labels(("red", "green", "blue"))).lesson()
    assert float(Linear().fit(empty).outputs(empty.items).scores.abs().max()) == 0.0


@pytest.mark.parametrize("task", [Labels(("red", "green", "blue")), Targets(n=3)], ids=["labels", "numbers"])
@pytest.mark.parametrize("learner", [Linear(), Linear(ridge=1.0)], ids=["chosen", "given"])
def test_a_head_knows_neither_other_runs_nor_the_order_of_the_pool_and_comes_back_from_its_weights(
    learner: Linear, task: Task
) -> None:
    worlds = [small_world(labeled=labeled, task=task) for labeled in (25, 9, 0)]
    lessons = [world.lesson() for world in worlds]
    models = learner.fit_many(lessons)
    for lesson, model in zip(lessons, models, strict=True):
        assert torch.equal(model.coefficients, learner.fit(lesson).coefficients)
        back = learner.restore(model.weights(), model.facts)
        assert torch.equal(back.outputs(lesson.items).scores, model.outputs(lesson.items).scores)
    moved = learner.fit(worlds[0].arranged(list(range(40))[::-1]).lesson())
    assert moved.facts["ridge"] == models[0].facts["ridge"]
    assert torch.allclose(moved.coefficients, models[0].coefficients, atol=1e-5)


def test_a_study_of_labels_asks_by_mean_margin_and_scores_by_f1() -> None:
    truth = {row: [name for name, has in zip("abc", BOTH[row], strict=True) if has] for row in range(60)}
    study = Study(Pool.from_arrays(X), task=Labels(tuple("abc")), control=0.3)
    study.run(Known(truth), budget=50)
    assert study.ask(2).strategy == "mean-margin"
    score = study.score()
    assert score.metric == "f1" and score.low <= score.value <= score.high and "F1" in str(score)
    held = study.score(X, [truth[row] for row in range(60)])
    assert held.value > 0.7


def test_a_study_of_numbers_asks_by_distance_and_scores_by_its_error() -> None:
    truth = {row: NUMBERS[row].tolist() for row in range(60)}
    study = Study(Pool.from_arrays(X), task=Targets(2), control=0.2)
    study.run(Known(truth), budget=40)
    assert study.ask(1).strategy == "greedy-distance"
    score = study.score()
    assert score.metric == "rmse" and score.low <= score.value <= score.high < 0.5
    assert [row.ok for row in study.audit(refit=True)] == [True] * len(study.history.asked)
