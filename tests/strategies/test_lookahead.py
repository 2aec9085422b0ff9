"""Error and variance that a label would leave, against plain formulas and full retraining."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import spearmanr
from torch import Tensor

import askance
from askance.errors import BadInput
from askance.learners.base import Lesson
from askance.learners.linear import Linear
from askance.seeds import Dice
from askance.strategies.base import Strategy
from askance.strategies.lookahead import ExpectedErrorReduction, VarianceReduction
from askance.strategies.random import Random
from askance.task import Classes
from askance.testing import view
from askance.utilities.lookahead import Variance, curvature, expected_reduction, head_solver, lifted, solver, spread
from tests.pins import pins

RIDGE = 0.5


def problem(classes: int, items: int = 40, known: int = 12, seed: int = 0) -> tuple[Tensor, np.ndarray, Tensor]:
    """Features, targets of the first ones, and the beliefs of a softmax head fitted on those to the last digit."""
    rng = np.random.default_rng(seed)
    features = torch.from_numpy(rng.normal(size=(items, 3)))
    targets = np.eye(classes)[rng.integers(classes, size=known)]
    head = fitted(lifted(features[:known]).numpy(), targets)
    return features, targets, (lifted(features) @ torch.from_numpy(head)).softmax(1)


def fitted(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A softmax head with a ridge on all weights but the bias, (features + 1, classes), found by a general method."""

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        head = flat.reshape(points.shape[1], -1).copy()
        scores = torch.from_numpy(points @ head)
        value = float(torch.logsumexp(scores, 1).sum()) - (scores.numpy() * targets).sum()
        slope = points.T @ (scores.softmax(1).numpy() - targets)
        head[-1] = 0
        return value + RIDGE / 2 * (head**2).sum(), (slope + RIDGE * head).ravel()

    start = np.zeros(points.shape[1] * targets.shape[1])
    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9})
    return found.x.reshape(points.shape[1], -1)


def full_curvature(points: Tensor, beliefs: Tensor) -> Tensor:
    """The Hessian of the loss in all weights, classes outermost; flat where all biases move alike."""
    total = torch.block_diag(*[penalty(points, RIDGE)] * beliefs.shape[1])
    for point, belief in zip(points, beliefs, strict=True):
        total += torch.kron(belief.diag() - torch.outer(belief, belief), torch.outer(point, point))
    return total


def penalty(points: Tensor, ridge: float) -> Tensor:
    """The ridge as a matrix, with a free bias."""
    found = ridge * torch.eye(points.shape[1], dtype=torch.float64)
    found[-1, -1] = 0
    return found


def entropies(scores: Tensor) -> Tensor:
    return torch.special.entr(scores.softmax(1)).sum(1)


@pins(
    "expected-error-reduction",
    "brute force",
    "One exact Newton step of a two-class head, its Hessian over all weights built and solved for each item and label.",
    equation="sum_y p(y|x) mean_u loss(p_{+(x,y)}(.|u))",
)
def test_with_two_classes_the_look_ahead_is_one_newton_step() -> None:
    features, _, beliefs = problem(2)
    points = lifted(features)
    solve = head_solver(features[:12], curvature(beliefs[:12]), RIDGE)
    found = expected_reduction(solve, points[12:], beliefs[12:], points[20:], beliefs[20:])
    before = torch.special.entr(beliefs[20:]).sum(1).mean()
    for row in range(12, 40):
        expected = 0.0
        rows = [*range(12), row]
        hessian = full_curvature(points[rows], beliefs[rows])
        for label in range(2):
            slope = torch.outer(beliefs[row] - torch.eye(2)[label], points[row])
            step = (torch.linalg.pinv(hessian, hermitian=True) @ -slope.flatten()).reshape(2, -1)
            after = entropies(beliefs[20:].log() + points[20:] @ step.T).mean()
            expected += float(beliefs[row, label] * after)
        assert float(found[row - 12]) == pytest.approx(float(before) - expected, abs=1e-9)


@pins(
    "expected-error-reduction",
    "brute force",
    "Full retraining for each item and label: the values go together and the best item is among the first three.",
)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("loss", ["log", "zero-one"])
def test_the_look_ahead_ranks_as_full_retraining_does(classes: int, loss: str) -> None:
    features, targets, beliefs = problem(classes, items=30, known=14)
    points = lifted(features)
    solve = head_solver(features[:14], curvature(beliefs[:14]), RIDGE)
    found = expected_reduction(solve, points[14:], beliefs[14:], points[14:], beliefs[14:], loss=loss)
    truth = []
    for row in range(14, 30):
        value = 0.0
        for label in range(classes):
            told = np.vstack([targets, np.eye(classes)[label]])
            head = torch.from_numpy(fitted(points[[*range(14), row]].numpy(), told))
            after = (points[14:] @ head).softmax(1)
            risk = torch.special.entr(after).sum(1) if loss == "log" else 1 - after.amax(1)
            value -= float(beliefs[row, label] * risk.mean())
        truth.append(value)
    best = np.argsort(truth)[::-1]
    assert np.corrcoef(truth, found)[0, 1] > 0.9
    assert int(found.argmax()) in best[:3].tolist()


def test_both_ways_to_invert_give_the_same() -> None:
    points = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.linspace(0, 1, 7, dtype=torch.float64)
    rows = torch.eye(5, dtype=torch.float64)
    for known in (3, 7):
        square = points[:known].T @ (weights[:known, None] * points[:known]) + 0.3 * rows
        torch.testing.assert_close(solver(points[:known], weights[:known], 0.3)(rows), torch.linalg.inv(square))


@pytest.mark.parametrize("known", [3, 9])
def test_a_free_bias_is_the_inverse_of_a_matrix_that_does_not_penalize_it(known: int) -> None:
    features = 4 + torch.randn(known, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights, points = torch.linspace(0, 0.5, known, dtype=torch.float64), lifted(features)
    whole = points.T @ (weights[:, None] * points) + penalty(points, 0.3)
    found = head_solver(features, weights, 0.3)(torch.eye(6, dtype=torch.float64))
    torch.testing.assert_close(found, torch.linalg.inv(whole))


@pins(
    "expected-error-reduction",
    "brute force",
    "Refits of `Linear(ridge=20)`, whose bias is free, for each item and label: rank correlations above 0.97.",
)
@pytest.mark.parametrize("seed", range(4))
def test_under_a_strong_ridge_items_rank_as_refits_of_a_linear_head_rank_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centers, labels = 0.7 * rng.standard_normal((2, 4)), rng.integers(2, size=80)
    features = torch.from_numpy(centers[labels] + rng.standard_normal((80, 4)))
    told, head = labels[:20].tolist(), Linear(ridge=20.0)

    def beliefs(rows: list[int], labels: list[int]) -> Tensor:
        scores = head.fit(
            Lesson(
                items=features,
                keys=torch.arange(80),
                task=Classes((0, 1)),
                labeled=torch.tensor(rows),
                targets=torch.eye(2, dtype=torch.float64)[labels],
                weights=torch.ones(len(rows), dtype=torch.float64),
                unlabeled=torch.arange(0),
                dice=Dice(0, "fit"),
            )
        )
        found = scores.outputs(features).scores
        assert found is not None
        return found.softmax(1)

    now = beliefs([*range(20)], told)
    after = [[beliefs([*range(20), row], [*told, label])[20:] for label in range(2)] for row in range(20, 80)]
    errors = [[float(torch.special.entr(one).sum(1).mean()) for one in pair] for pair in after]
    truth = -(now[20:] * torch.tensor(errors, dtype=torch.float64)).sum(1)
    shown = view(embeddings=features, probabilities=now, labeled=range(20))
    batch = ExpectedErrorReduction(ridge=20.0).query(shown, 60)
    found = [note["utility"] for note in batch.notes]
    assert spearmanr(found, truth[batch.rows - 20]).statistic > 0.97


@pytest.mark.parametrize("strategy", [ExpectedErrorReduction(), VarianceReduction()])
def test_where_the_features_have_their_zero_does_not_matter(strategy: Strategy) -> None:
    features, _, beliefs = problem(3)
    here, there = (
        strategy.query(view(embeddings=features + far, probabilities=beliefs, labeled=range(12)), 5) for far in (0, 9)
    )
    assert here.ids == there.ids
    for one, other in zip(here.notes, there.notes, strict=True):
        assert one["utility"] == pytest.approx(other["utility"], rel=1e-4)


@pytest.mark.parametrize("strategy", [ExpectedErrorReduction(), VarianceReduction()])
def test_a_model_that_is_certain_of_every_label_leaves_numbers(strategy: Strategy) -> None:
    features, _, beliefs = problem(2)
    beliefs[:12] = torch.eye(2, dtype=torch.float64)[[0, 1] * 6]
    batch = strategy.query(view(embeddings=features, probabilities=beliefs, labeled=range(12)), 5)
    assert np.isfinite([note["utility"] for note in batch.notes]).all()


@pins(
    "variance-reduction",
    "brute force",
    "The Fisher information of a two-class head over all weights and numeric gradients of its probabilities.",
    equation="sum_u sum_c g_uc' F^-1 g_uc",
)
def test_the_variance_with_two_classes_is_that_of_the_full_fisher_information() -> None:
    features, targets, beliefs = problem(2)
    points = lifted(features)
    head = torch.from_numpy(fitted(points[:12].numpy(), targets))

    def slopes(point: Tensor) -> Tensor:
        return torch.autograd.functional.jacobian(
            lambda flat: (point @ flat.reshape(2, -1).T).softmax(0), head.T.flatten()
        )

    aims = [slopes(point) for point in points[20:]]

    def variance(rows: list[int]) -> float:
        inverse = torch.linalg.pinv(full_curvature(points[rows], beliefs[rows]), hermitian=True)
        return float(sum((aim @ inverse @ aim.T).trace() for aim in aims))

    solve = head_solver(features[:12], curvature(beliefs[:12]), RIDGE)
    left = Variance(solve, features, beliefs, points[20:], beliefs[20:])
    known = list(range(12))
    for _ in range(3):
        now = variance(known)
        expected = [now - variance([*known, row]) for row in range(40)]
        assert left.reductions().tolist() == pytest.approx(expected, rel=1e-6, abs=1e-9)
        pick = int(np.argmax(expected[12:])) + 12
        left.take(pick)
        known.append(pick)


@pins("variance-reduction", "definition", "With more classes: the stated curvature, each pick's inverse taken anew.")
def test_a_batch_is_greedy_for_the_stated_variance() -> None:
    features, _, beliefs = problem(4, items=60)
    points, told = lifted(features), list(range(12))
    weights, spreads = curvature(beliefs), spread(beliefs)
    for row in range(60):
        square = beliefs[row].diag() - torch.outer(beliefs[row], beliefs[row])
        assert float(weights[row]) == pytest.approx(float(square.trace() / 3))
        assert float(spreads[row]) == pytest.approx(float(square.square().sum()))
    shown = view(embeddings=features, probabilities=beliefs, labeled=told)
    picks = VarianceReduction().query(shown, 6).rows.tolist()
    for pick in picks:
        values = {}
        for row in range(60):
            rows = [*told, row]
            inverse = torch.linalg.inv(points[rows].T @ (weights[rows, None] * points[rows]) + penalty(points, 1.0))
            values[row] = -float(spreads[12:] @ ((points[12:] @ inverse) * points[12:]).sum(1))
        best = max(value for row, value in values.items() if row not in told)
        assert values[pick] >= best - 1e-5 * abs(best)
        told.append(pick)


@pins(
    "variance-reduction",
    "defect",
    "A re-run of the pool benchmark has equal columns for this and random sampling; ours lowers the variance.",
)
def test_variance_reduction_is_not_random() -> None:
    features, _, beliefs = problem(3, items=200)
    points, weights, spreads = lifted(features), curvature(beliefs), spread(beliefs)

    def variance(rows: list[int]) -> float:
        rows = [*range(12), *rows]
        inverse = torch.linalg.inv(points[rows].T @ (weights[rows, None] * points[rows]) + penalty(points, 1.0))
        return float(spreads[12:] @ ((points[12:] @ inverse) * points[12:]).sum(1))

    shown = [view(embeddings=features, probabilities=beliefs, labeled=range(12), seed=seed) for seed in range(20)]
    ours = variance(VarianceReduction().query(shown[0], 8).ids)
    others = [variance(Random().query(one, 8).ids) for one in shown]
    assert ours < 0.9 * min(others)


def test_what_is_looked_at_is_drawn_and_the_rest_fills_the_batch() -> None:
    features, _, beliefs = problem(3, items=60)
    shown = view(embeddings=features, probabilities=beliefs, labeled=range(12))
    few = ExpectedErrorReduction(candidates=5, evaluated=10)
    batch = few.query(shown, 9)
    assert len(set(batch.ids)) == 9
    assert all(note["utility"] == 0 for note in batch.notes[5:])
    assert batch.ids[:5] == few.query(shown, 5).ids


def test_labeled_items_outside_of_the_pool_count_with_and_without_their_probabilities() -> None:
    features, _, beliefs = problem(2)
    inside = view(embeddings=features, probabilities=beliefs, labeled=range(12))
    here = [row - 12 for row in VarianceReduction().query(inside, 4).ids]
    given = {"embeddings": features[12:], "probabilities": beliefs[12:], "labeled_embeddings": features[:12]}
    there = askance.select("variance-reduction", 4, **given, labeled_probabilities=beliefs[:12])
    assert list(there) == here
    assert len(askance.select("variance-reduction", 4, **given)) == 4
    assert len(askance.select("expected-error-reduction", 4, **given)) == 4


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(BadInput, match="Did you mean 'log'"):
        ExpectedErrorReduction(loss="logs")


@pytest.mark.parametrize("strategy", [ExpectedErrorReduction(), VarianceReduction()], ids=["error", "variance"])
def test_labeled_items_outside_whose_probabilities_nobody_knows_bend_the_loss_most(strategy: Strategy) -> None:
    dice = torch.Generator().manual_seed(0)
    arrays = {
        "embeddings": torch.randn(20, 2, generator=dice), "logits": torch.randn(20, 2, generator=dice),
        "labeled_embeddings": torch.randn(8, 2, generator=dice), "labels": [0, 1] * 4,
    }  # fmt: skip
    unknown = askance.select(strategy, 3, **arrays, explain=True)
    torn = askance.select(strategy, 3, **arrays, labeled_probabilities=torch.full((8, 2), 0.5), explain=True)
    sure = askance.select(strategy, 3, **arrays, labeled_probabilities=torch.eye(2)[[0, 1] * 4], explain=True)
    assert unknown.positions.tolist() == torn.positions.tolist()
    assert unknown.utilities.tolist() == torn.utilities.tolist() != sure.utilities.tolist()


@pytest.mark.parametrize("scale", [1e8, 1e20])
@pytest.mark.parametrize("count", [5, 30])
@pytest.mark.parametrize("name", ["expected-error-reduction", "variance-reduction", "neural-cal-plus-plus"])
def test_features_that_depend_on_each_other_and_are_large_are_asked_about(name: str, count: int, scale: float) -> None:
    """Rounding outweighs the ridge there, so that the curvature has no root of its own."""
    rng = np.random.default_rng(0)
    features = scale * rng.standard_normal((30 + count, 3)) @ rng.standard_normal((3, 6))
    beliefs = rng.dirichlet([1, 1, 1], len(features))
    picked = askance.select(
        name,
        3,
        probabilities=beliefs[count:],
        embeddings=features[count:],
        labeled_embeddings=features[:count],
        labels=rng.integers(0, 3, count),
        labeled_probabilities=beliefs[:count],
    )
    assert 0 < len(set(picked.tolist())) <= 3


def test_what_has_no_finite_curvature_is_refused_in_words() -> None:
    huge = torch.full((3, 2), 1e200, dtype=torch.float64)
    with pytest.raises(BadInput, match="scale them down"):
        solver(huge, torch.ones(3), 1.0)
