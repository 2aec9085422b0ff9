"""The classifiers that methods bring along: mixtures and hinted machines, against their programs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.svm import LinearSVC
from torch import Tensor

from askance.strategies.classics import Dwus, HintSvm
from askance.testing import view
from askance.utilities.hints import hinted_machine
from askance.utilities.mixture import cluster_beliefs, density_weighted_error, mixture
from askance.utilities.quire import gaussian
from tests.pins import pins


def points(items: int, seed: int = 0) -> Tensor:
    return torch.randn(items, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pins(
    "hint-svm",
    "brute force",
    "The primal program: its value at ours is that of the dual, so no other function is better.",
    equation="min 1/2 |f|^2 + C_l sum_l max(0, 1 - y f) + C_h sum_h |f|; ask where |f| is least",
)
@pytest.mark.parametrize("costs", [(0.1, 0.1), (5.0, 0.3)])
def test_the_hinted_machine_has_no_duality_gap(costs: tuple[float, float]) -> None:
    features = points(50)
    gram = gaussian(features, features, 0.4) + 1
    y = torch.where(features[:20, :2] > 0, 1.0, -1.0).double()
    dual = hinted_machine(gram, y, cost=costs[0], hint_cost=costs[1])
    f = gram @ dual
    size = (dual * f).sum(0) / 2
    primal = size + costs[0] * (1 - y * f[:20]).clamp(min=0).sum(0) + costs[1] * f[20:].abs().sum(0)
    assert (primal + size - (dual[:20] * y).sum(0)).tolist() == pytest.approx([0.0, 0.0], abs=1e-3)


@pins("hint-svm", "peer", "Without hints it is scikit-learn's linear machine with the bias as one more feature.")
def test_without_hints_it_is_a_linear_support_vector_machine() -> None:
    features = points(40)
    y = torch.where(features[:, :1] + 0.5 * points(40, 1)[:, :1] > 0, 1.0, -1.0)
    dual = hinted_machine(features @ features.T + 1, y, cost=0.5, hint_cost=1.0)
    peer = LinearSVC(loss="hinge", C=0.5, tol=1e-8, max_iter=1_000_000).fit(features.numpy(), y[:, 0].numpy())
    assert (dual.T @ features).flatten().tolist() == pytest.approx(peer.coef_.ravel().tolist(), abs=1e-3)


def test_a_heap_of_hints_draws_the_boundary_to_it() -> None:
    line = torch.cat([torch.tensor([[-1.0], [1.0]]), torch.full((60, 1), 0.6), torch.tensor([[0.0]])]).double()
    shown = view(embeddings=line, labeled=[0, 1], labels=[0, 1])
    assert 62 not in HintSvm(gamma=0.5).query(shown, 60).ids  # halfway, and farther from the boundary than the heap
    assert HintSvm(gamma=0.5, hint=1e-9).query(shown, 1).ids == [62]


def test_a_mixture_of_two_heaps_has_their_shares() -> None:
    features = torch.cat([0.1 * points(30), 0.1 * points(10, 1) + 8])
    found = mixture(features, torch.stack([features[:30].mean(0), features[30:].mean(0)]))
    assert found.shares.tolist() == pytest.approx([0.75, 0.25], abs=1e-6)
    _, belongs = found.of(features)
    assert belongs[:30, 0].min() > 0.999


@pins(
    "dwus", "brute force", "The likelihood of labels through memberships, minimized over all weights by another method."
)
def test_the_head_on_the_centers_is_the_best_one() -> None:
    features = points(60)
    found = mixture(features, features[:6])
    _, belongs = found.of(features[:25])
    targets = torch.nn.functional.one_hot((features[:25, 0] > 0).long() + (features[:25, 1] > 0), 3).double()
    beliefs = cluster_beliefs(found, belongs, targets, 0.5)
    middles = ((found.centers - found.centers.mean(0)) / found.width**0.5).numpy()

    def loss(flat: np.ndarray) -> float:
        weights = flat.reshape(4, 3)
        by_cluster = torch.from_numpy(middles @ weights[:3] + weights[3]).softmax(1)
        return -float((targets * (belongs @ by_cluster).log()).sum()) + 0.25 * float((weights[:3] ** 2).sum())

    best = minimize(loss, np.zeros(12), method="BFGS").x.reshape(4, 3)
    expected = torch.from_numpy(middles @ best[:3] + best[3]).softmax(1)
    torch.testing.assert_close(beliefs, expected, atol=1e-3, rtol=0)


@pins(
    "dwus",
    "definition",
    "The expected squared error of the class probabilities times the density, item by item.",
    equation="sum_c E[(y_c - p(c|x))^2] p(x), p(c|x) = sum_k p(c|k) p(k|x)",
)
def test_the_utility_is_the_expected_squared_error_times_the_density() -> None:
    features = points(40)
    found, beliefs = mixture(features, features[:5]), points(5, 2).softmax(1)
    utility = density_weighted_error(features, found, beliefs)
    for row in range(40):
        bells = found.shares * torch.exp(-(features[row] - found.centers).square().sum(1) / (2 * found.width))
        p = (bells / bells.sum()) @ beliefs
        error = sum(float(p[label] * (torch.eye(3).double()[label] - p).square().sum()) for label in range(3))
        assert float(utility[row]) == pytest.approx(float(bells.sum()) * error)


@pins(
    "dwus",
    "defect",
    "libact fixes five clusters and a width of one half whatever is asked for, and serves two classes; in 50 features "
    "its densities are zero or infinite. Ours follows its fields, the data's width and any number of classes.",
)
def test_fields_count_and_many_features_leave_densities_finite() -> None:
    features = 40 * torch.randn(200, 50, generator=torch.Generator().manual_seed(0))
    shown = view(embeddings=features, labeled=range(12), labels=[row % 3 for row in range(12)])
    few, many = Dwus(clusters=2).utility(shown), Dwus(clusters=30).utility(shown)
    assert bool((few > 0).all()) and bool((many > 0).all()) and bool(few.isfinite().all())
    assert not torch.equal(few.argsort(), many.argsort())
