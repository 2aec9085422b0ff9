"""The softmax head against scikit-learn, scipy and itself in other company."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from askance.errors import BadInput
from askance.kernels.softmax_head import SoftmaxHeads, solve_softmax_head

Floats = NDArray[np.float64]


def problem(items: int, features: int, classes: int, seed: int = 0, runs: int = 1) -> tuple[Floats, Floats, Floats]:
    """Overlapping clusters away from the origin, every class seen; weights around one."""
    dice = np.random.default_rng(seed)
    labels = np.stack([dice.permutation(np.arange(items) % classes) for _ in range(runs)])
    x = 0.6 * dice.normal(size=(classes, features))[labels] + dice.normal(size=(runs, items, features)) + 2.0
    return x, np.eye(classes)[labels], dice.uniform(0.5, 2.0, (runs, items))


def objective(head: Floats, x: Floats, y: Floats, w: Floats, ridge: float) -> float:
    scores = x @ head[:, :-1].T + head[:, -1]
    return float(-(w[:, None] * y * log_softmax(scores, axis=1)).sum() + ridge / 2 * (head[:, :-1] ** 2).sum())


def gradient(head: Floats, x: Floats, y: Floats, w: Floats, ridge: float) -> Floats:
    residual = w[:, None] * (probabilities(head, x) - y)
    return np.column_stack([residual.T @ x + ridge * head[:, :-1], residual.sum(0)])


def probabilities(head: Floats, x: Floats) -> Floats:
    return np.asarray(softmax(x @ head[:, :-1].T + head[:, -1], axis=1))


def bits(heads: SoftmaxHeads, runs: list[int]) -> bytes:
    return b"".join(np.ascontiguousarray(part[runs]).tobytes() for part in heads)


@pytest.mark.parametrize("ridge", [0.05, 1.0, 30.0])
@pytest.mark.parametrize(("items", "features", "classes"), [(90, 12, 4), (25, 12, 3), (20, 70, 5), (40, 3, 2)])
def test_the_optimum_is_that_of_scikit_learn(items: int, features: int, classes: int, ridge: float) -> None:
    x, y, w = problem(items, features, classes)
    head = solve_softmax_head(x, y, w, [ridge]).coefficients[0]
    # scikit-learn fits two classes as one logit w, which is -w/2 and w/2 here: half of the penalty at the same w
    fit = LogisticRegression(C=(1 if classes > 2 else 2) / ridge, tol=1e-10, max_iter=100_000)
    fit.fit(x[0], y[0].argmax(1), sample_weight=w[0])
    theirs = np.column_stack([fit.coef_, fit.intercept_])
    theirs = theirs if classes > 2 else np.concatenate([-theirs, theirs]) / 2
    elsewhere = x[0][::-1] + 0.3
    np.testing.assert_allclose(probabilities(head, elsewhere), probabilities(theirs, elsewhere), atol=1e-4)
    here, there = (objective(h, x[0], y[0], w[0], ridge) for h in (head, theirs))
    assert here == pytest.approx(there, rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(head[:, -1].sum(), 0.0, atol=1e-9)


def test_soft_targets_reach_the_optimum_of_a_plain_minimizer() -> None:
    x, y, w = problem(30, 4, 3)
    y = 0.7 * y + 0.3 * np.random.default_rng(1).dirichlet(np.ones(3), (1, 30))
    head = solve_softmax_head(x, y, w, [0.5], tolerance=1e-9).coefficients[0]
    plain = minimize(
        lambda h: objective(h.reshape(3, 5), x[0], y[0], w[0], 0.5),
        np.zeros(15),
        jac=lambda h: gradient(h.reshape(3, 5), x[0], y[0], w[0], 0.5).ravel(),
        options={"gtol": 1e-8},
    ).x.reshape(3, 5)
    plain[:, -1] -= plain[:, -1].mean()
    np.testing.assert_allclose(head, plain, atol=1e-6)


@pytest.mark.parametrize("features", [6, 50])
def test_the_gradient_norm_is_what_the_docstring_says(features: int) -> None:
    x, y, w = problem(24, features, 3)
    heads = solve_softmax_head(x, y, w, [0.7], max_iterations=5)
    mean = w[0] @ x[0] / w.sum()
    slope = gradient(heads.coefficients[0], x[0], y[0], w[0], 0.7)
    of_heads = slope[:, :-1] - np.outer(slope[:, -1], mean)  # what moving W does when the bias keeps the mean's score
    expected = max(
        np.linalg.norm(of_heads) / (w[0] @ np.linalg.norm(x[0] - mean, axis=1)),
        np.linalg.norm(slope[:, -1]) / w.sum(),
    )
    assert heads.iterations[0] == 5
    assert heads.gradient_norm[0] == pytest.approx(expected, rel=1e-9)
    assert expected > 1e-6


def test_a_run_does_not_know_its_neighbors() -> None:
    x, y, _ = problem(60, 9, 4)
    dice = np.random.default_rng(3)
    w = dice.uniform(size=(12, 60)) * (dice.uniform(size=(12, 60)) < np.linspace(0.05, 1, 12)[:, None])
    ridge = dice.uniform(0.1, 5, 12)
    together = solve_softmax_head(x, y, w, ridge)
    for _ in range(10):
        some = list(dice.permutation(12)[: dice.integers(1, 13)])
        apart = solve_softmax_head(x, y, w[some], ridge[some])
        assert bits(apart, list(range(len(some)))) == bits(together, some)


def test_threads_and_a_shared_axis_change_no_bit() -> None:
    x, y, w = problem(50, 7, 3)
    w = np.repeat(w, 6, axis=0) * np.arange(1, 7)[:, None]
    ridge = np.ones(6)
    together = solve_softmax_head(x, y, w, ridge)
    with ThreadPoolExecutor(3) as threads:
        alone = list(threads.map(lambda run: solve_softmax_head(x, y, w[run : run + 1], ridge[:1]), range(6)))
    assert b"".join(bits(heads, [0]) for heads in alone) == b"".join(bits(together, [run]) for run in range(6))
    copied = solve_softmax_head(np.repeat(x, 6, axis=0), np.repeat(y, 6, axis=0), w, ridge)
    assert bits(copied, list(range(6))) == bits(together, list(range(6)))


def test_an_item_of_weight_zero_is_never_read() -> None:
    x, y, w = problem(30, 5, 3)
    w[0, 10:15] = 0
    kept = np.flatnonzero(w[0])
    x[0, 10:15], y[0, 10:15] = np.nan, -1
    whole = solve_softmax_head(x, y, w, [1.0])
    assert bits(whole, [0]) == bits(solve_softmax_head(x[:, kept], y[:, kept], w[:, kept], [1.0]), [0])


def test_a_weight_of_two_is_the_item_twice() -> None:
    x, y, w = problem(20, 4, 3)
    w[:] = 1
    w[0, :10] = 2
    twice = [*range(20), *range(10)]
    once = solve_softmax_head(x, y, w, [1.0], tolerance=1e-10).coefficients
    again = solve_softmax_head(x[:, twice], y[:, twice], np.ones((1, 30)), [1.0], tolerance=1e-10).coefficients
    np.testing.assert_allclose(once, again, atol=1e-7)


def test_a_class_never_seen_changes_nothing_for_the_others() -> None:
    x, y, w = problem(12, 3, 3)
    w[:] = 1
    without = solve_softmax_head(x, y, w, [1.0]).coefficients[0]
    head = solve_softmax_head(x, np.insert(y, 1, 0.0, axis=2), w, [1.0]).coefficients[0]
    scores = x[0] @ head[:, :-1].T + head[:, -1]
    others = scores[:, [0, 2, 3]]
    np.testing.assert_array_equal(head[1, :-1], 0)
    np.testing.assert_allclose(softmax(others, axis=1), probabilities(without, x[0]), atol=1e-12)
    # 12 items of 3 classes: 4 each, so (1/2) / (4 + 1/2) = 1/9 of the geometric mean of the classes that occur
    np.testing.assert_allclose(scores[:, 1] - others.mean(axis=1), np.log(1 / 9), atol=1e-9)


def test_one_class_gives_the_add_half_estimate_and_none_gives_no_opinion() -> None:
    x, y = np.full((1, 3, 2), 5.0), np.array([[[0, 1.0, 0]] * 3])
    heads = solve_softmax_head(x, y, [[1, 1, 1], [0, 0, 0]], [1.0, 1.0])
    np.testing.assert_allclose(probabilities(heads.coefficients[0], x[0, :1]), [[1 / 9, 7 / 9, 1 / 9]])
    np.testing.assert_array_equal(heads.coefficients[1], 0)
    np.testing.assert_array_equal(heads.gradient_norm, 0)
    assert (
        solve_softmax_head(np.empty((1, 0, 2)), np.empty((1, 0, 3)), np.empty((2, 0)), [1.0, 1.0]).iterations.sum() == 0
    )


@pytest.mark.parametrize("features", [0, 2])
def test_features_that_say_nothing_leave_the_class_shares(features: int) -> None:
    heads = solve_softmax_head(np.full((1, 4, features), 3.0), np.eye(2)[None, [0, 1, 1, 1]], np.ones((1, 4)), [1.0])
    np.testing.assert_allclose(probabilities(heads.coefficients[0], np.zeros((1, features))), [[0.25, 0.75]], atol=1e-6)


@pytest.mark.parametrize("features", [3, 60])
def test_separable_items_with_hardly_any_ridge_converge(features: int) -> None:
    x, y, w = problem(20, features, 3)
    x = x + 20 * np.pad(y, ((0, 0), (0, 0), (0, features - 3)))
    heads = solve_softmax_head(x, y, w, [1e-8], tolerance=1e-9)
    assert heads.gradient_norm[0] <= 1e-9
    assert (probabilities(heads.coefficients[0], x[0]).argmax(1) == y[0].argmax(1)).all()


@pytest.mark.parametrize("features", [8, 60])
def test_a_warm_start_reaches_the_same_optimum_sooner(features: int) -> None:
    x, y, w = problem(40, features, 4)
    y = np.insert(y, 2, 0.0, axis=2)
    cold = solve_softmax_head(x, y, w, [1.0], tolerance=1e-9)
    warm = solve_softmax_head(x, y, w, [1.0], cold.coefficients, tolerance=1e-9)
    near = solve_softmax_head(x, y, w * 1.05, [1.0], cold.coefficients, tolerance=1e-9)
    far = solve_softmax_head(x, y, w * 1.05, [1.0], tolerance=1e-9)
    assert warm.iterations[0] == 0
    np.testing.assert_allclose(warm.coefficients, cold.coefficients, atol=1e-12)
    np.testing.assert_allclose(near.coefficients, far.coefficients, atol=1e-6)
    assert near.iterations[0] < far.iterations[0]


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_the_scale_of_the_features_does_not_matter(scale: float) -> None:
    x, y, w = problem(50, 6, 3)
    one = solve_softmax_head(x, y, w, [1.0], tolerance=1e-9)
    other = solve_softmax_head(x * scale, y, w, [scale**2], tolerance=1e-9)
    np.testing.assert_allclose(
        probabilities(one.coefficients[0], x[0]), probabilities(other.coefficients[0], x[0] * scale), atol=1e-7
    )


def test_copies_of_items_and_of_features_are_harmless() -> None:
    x, y, w = problem(16, 40, 2)
    x[:, 8:] = x[:, :8]
    x = np.concatenate([x, x[..., :1]], axis=2)
    heads = solve_softmax_head(x, y, w, [0.01], tolerance=1e-9)
    slope = gradient(heads.coefficients[0], x[0], y[0], w[0], 0.01)
    assert heads.gradient_norm[0] <= 1e-9
    assert np.abs(slope).max() < 1e-6


def spoil(name: str, value: float) -> Callable[[dict[str, Floats]], None]:
    def change(given: dict[str, Floats]) -> None:
        given[name].flat[1 if given[name].size > 1 else 0] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil("features", np.nan), "features: item 0 of run 0 .* weight 0"),
        (spoil("targets", 0.5), "targets: item 0 of run 0 is no distribution"),
        (spoil("weights", -1.0), "weights: item 1 of run 0 is negative"),
        (spoil("ridge", 0.0), "above 0, but one is 0.0"),
        (spoil("start", np.inf), "start has shape"),
        (lambda given: given.update(features=given["features"][:, :4]), r"features have shape \(1, 4, 3\)"),
        (lambda given: given.update(targets=given["targets"][0]), r"targets have shape \(5, 2\)"),
        (lambda given: given.update(ridge=np.ones(3)), r"ridge \(3,\)"),
    ],
)
def test_what_the_kernel_would_swallow_is_refused(change: Callable[[dict[str, Floats]], None], message: str) -> None:
    x, y, w = problem(5, 3, 2)
    given = {"features": x, "targets": y, "weights": w, "ridge": np.ones(1), "start": np.zeros((1, 2, 4))}
    change(given)
    with pytest.raises(BadInput, match=message):
        solve_softmax_head(given["features"], given["targets"], given["weights"], given["ridge"], given["start"])
