"""Draws around a linear head: their law against numerical curvature, closed forms and integration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from askance import BadInput, Known, Linear, Sklearn, Study
from askance.learners import catalogue
from askance.learners.base import Lesson
from askance.learners.laplace import Drawn, Laplace, curvature
from askance.seeds import Dice
from askance.task import Classes, Labels, Targets, Task
from askance.testing import check_learner
from askance.testing.worlds import small_items, small_pool, small_world


def lesson_of(features: np.ndarray, targets: np.ndarray, task: Task) -> Lesson:
    items = torch.from_numpy(features.astype("float32"))
    rows = torch.arange(len(items))
    return Lesson(
        items=items,
        keys=rows,
        task=task,
        labeled=rows,
        targets=torch.from_numpy(np.asarray(targets, dtype=np.float64)),
        weights=torch.ones(len(items), dtype=torch.float64),
        unlabeled=rows[:0],
        dice=Dice(3, "fit"),
    )


@pytest.mark.parametrize("task", [Classes(("a", "b", "c")), Labels(("x", "y")), Targets(2)])
def test_it_keeps_the_contract_of_learners(task: Task) -> None:
    check_learner(Laplace(), task)
    check_learner(Laplace(Linear(ridge=1.0)), task)


def test_the_curvature_is_the_hessian_of_the_loss() -> None:
    dice = np.random.default_rng(0)
    features = np.append(dice.standard_normal((12, 3)), np.ones((12, 1)), axis=1)
    targets, weights = torch.from_numpy(np.eye(4)[dice.integers(0, 4, 12)]), dice.random(12) + 0.5
    layer = torch.from_numpy(dice.standard_normal((4, 4)))

    def loss(flat: torch.Tensor) -> torch.Tensor:
        head = flat.reshape(4, 4)
        log_p = (torch.from_numpy(features) @ head.T).log_softmax(1)
        return -(torch.from_numpy(weights)[:, None] * targets * log_p).sum() + 0.35 * head[:, :-1].square().sum()

    expected = torch.autograd.functional.hessian(loss, layer.flatten())
    shares = (torch.from_numpy(features) @ layer.T).softmax(1).numpy()
    found = curvature(features, shares, weights, 0.7)
    assert np.allclose(found, expected.numpy(), atol=1e-10)


def test_draws_of_classes_have_the_inverse_curvature_as_their_covariance() -> None:
    dice = np.random.default_rng(1)
    labels = dice.integers(0, 3, 40)
    features = dice.standard_normal((40, 2)) + np.eye(3)[labels][:, :2]
    lesson = lesson_of(features, np.eye(3)[labels], Classes(("a", "b", "c")))
    model = Laplace(Linear(ridge=1.0), draws=60_000).fit(lesson)
    inputs = np.append(features.astype("float32").astype(float), np.ones((40, 1)), axis=1)
    layer = model.head.coefficients.numpy()
    shares = torch.from_numpy(inputs @ layer.T).softmax(1).numpy()
    exact = np.linalg.pinv(curvature(inputs, shares, np.ones(40), 1.0))
    apart = model.draws.numpy() - layer
    centred = apart.copy()
    centred[:, :, -1] -= apart[:, :, -1].mean(1, keepdims=True)  # without the shift of all biases, which means nothing
    found = np.cov(centred.reshape(len(centred), -1).T)
    project = np.eye(9)
    biases = [2, 5, 8]
    project[np.ix_(biases, biases)] -= 1 / 3
    assert np.abs(found - project @ exact @ project.T).max() < 0.05 * np.abs(exact).max()
    assert np.abs(apart.mean(0)).max() < 0.05


def test_one_number_of_doubt_is_near_the_exact_posterior() -> None:
    # A logistic regression on one feature without much data, against integration on a grid.
    features = np.array([[-2.0], [-1.0], [-0.5], [0.4], [1.1], [2.2], [0.1], [-0.2]] * 4)
    targets = (features[:, 0] + np.tile([0.3, -0.4], 16) > 0).astype(float)[:, None]
    model = Laplace(Linear(ridge=1.0), draws=40_000).fit(lesson_of(features, targets, Labels(("yes",))))
    slopes, biases = np.meshgrid(np.linspace(-2, 12, 500), np.linspace(-5, 5, 400), indexing="ij")
    scores = features[:, 0, None, None] * slopes + biases
    log_posterior = (targets[:, 0, None, None] * scores - np.logaddexp(0, scores)).sum(0) - 0.5 * slopes**2
    weight = np.exp(log_posterior - log_posterior.max())
    weight /= weight.sum()
    mean = (weight * slopes).sum()
    deviation = np.sqrt((weight * (slopes - mean) ** 2).sum())
    drawn = model.draws[:, 0, 0]
    assert float(drawn.std()) == pytest.approx(deviation, rel=0.15)
    assert float(drawn.mean()) == pytest.approx(mean, abs=0.3)  # the mode lies a little below the mean


def test_numbers_have_the_exact_posterior_of_ridge_regression() -> None:
    dice = np.random.default_rng(2)
    features = dice.standard_normal((60, 3))
    targets = features @ [1.0, -2.0, 0.5] + 4 + 0.3 * dice.standard_normal(60)
    model = Laplace(Linear(ridge=2.0), draws=60_000).fit(lesson_of(features, targets[:, None], Targets(1)))
    inputs = np.append(features, np.ones((60, 1)), axis=1)
    precision = inputs.T @ inputs + np.diag([2.0, 2.0, 2.0, 0.0])
    rest = targets - inputs @ model.head.coefficients.numpy()[0]
    free = 60 - np.trace(np.linalg.solve(precision, inputs.T @ inputs))
    expected = np.linalg.inv(precision) * (rest**2).sum() / free
    assert np.cov(model.draws[:, 0].numpy().T) == pytest.approx(expected, abs=0.03 * expected.max())
    assert float(rest.std()) == pytest.approx(0.3, rel=0.3)


def test_factors_stand_in_for_large_layers_and_doubt_about_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    world = small_world(labeled=30)
    whole = Laplace(Linear(ridge=1.0), draws=4000).fit(world.lesson()).outputs(small_items())
    monkeypatch.setattr("askance.learners.laplace.MOST", 1)
    factored = Laplace(Linear(ridge=1.0), draws=4000).fit(world.lesson()).outputs(small_items())
    assert torch.equal(whole.scores, factored.scores)
    doubts = [(given.samples.softmax(-1)).std(1).mean(1) for given in (whole, factored)]
    assert torch.corrcoef(torch.stack(doubts))[0, 1] > 0.8
    assert 0.5 < float(doubts[1].mean() / doubts[0].mean()) < 2


def test_without_labels_or_with_one_class_all_draws_are_the_head() -> None:
    for labeled in (0, 1):
        given = Laplace(Linear(ridge=1.0)).fit(small_world(labeled=labeled).lesson()).outputs(small_items())
        assert torch.equal(given.samples, given.scores[:, None].expand_as(given.samples))


def test_more_labels_leave_less_doubt_and_another_seed_draws_others() -> None:
    few, many = (
        Laplace(Linear(ridge=1.0), draws=200).fit(small_world(labeled=n).lesson()).draws.std(0).mean() for n in (10, 40)
    )
    assert many < few
    lesson = small_world(labeled=20).lesson()
    one, again = (Laplace(Linear(ridge=1.0)).fit(lesson).draws for _ in range(2))
    other = Laplace(Linear(ridge=1.0)).fit(replace(lesson, dice=Dice(9, "fit"))).draws
    assert torch.equal(one, again) and not torch.equal(one, other)


@pytest.mark.parametrize("strategy", ["bald", "batch-bald", "mean-std", "variation-ratio", "epig"])
def test_sampling_strategies_run_on_it_in_a_study(strategy: str) -> None:
    oracle = Known({name: row % 3 for row, name in enumerate(small_pool().names(range(40)))})
    study = Study(small_pool(), classes=range(3), learner="laplace", strategy=strategy, seed=1)
    study.run(oracle, 34, 4)
    assert study.progress.labeled == 34 and isinstance(study.learner, Laplace)
    assert all(audited.ok for audited in study.audit())


def test_only_a_linear_head_has_this_curvature() -> None:
    from sklearn.naive_bayes import GaussianNB

    with pytest.raises(BadInput, match="Bootstrapped"):
        Laplace(Sklearn(GaussianNB()))  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="draws=1"):
        Laplace(draws=1)
    assert catalogue.learner("laplace") == Laplace()
    assert isinstance(Laplace().fit(small_world(labeled=20).lesson()), Drawn)
