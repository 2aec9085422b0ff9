"""Where the labeled items are not, and where neighbors are believed to be something else: against plain code."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from askance import select
from askance.errors import BadInput, MissingSignal
from askance.given import view
from askance.strategies.boundary import DSA, LSA, ContrastiveAL, DiscriminativeAL
from askance.utilities.neighborhood import contrast
from askance.utilities.outlierness import density_surprise, distance_surprise, separating
from tests.pins import pins


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def shares(items: int, classes: int = 3, seed: int = 0) -> Tensor:
    return (2 * normal(items, classes, seed=seed)).softmax(1)


@pins(
    "contrastive-al",
    "brute force",
    "The mean divergence over the nearest labeled items, written out in float64.",
    equation="s(x) = mean over the k nearest labeled l of KL(p_l || p_x)",
)
@pytest.mark.parametrize("count", [1, 4, 50])
def test_contrast_is_the_mean_divergence_from_the_nearest_labeled_items(count: int) -> None:
    features, known, beliefs, theirs = normal(30, 3), normal(9, 3, seed=1), shares(30), shares(9, seed=1)
    found = contrast(beliefs, features, theirs, known, count)
    for row in range(30):
        near = (known - features[row]).norm(dim=1).argsort()[:count]
        expected = np.mean([entropy(theirs[one].numpy(), beliefs[row].numpy()) for one in near])
        assert float(found[row]) == pytest.approx(float(expected), abs=1e-9)


def test_contrast_stays_finite_where_a_class_is_ruled_out() -> None:
    beliefs = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = contrast(beliefs, torch.zeros(2, 1), beliefs[:1], torch.zeros(1, 1))
    assert found.tolist() == pytest.approx([0.0, -math.log(1e-12)], rel=1e-4)


@pins(
    "contrastive-al", "equivalence", "Labeled rows of the pool, and the same items handed in beside it, give one batch."
)
def test_labeled_items_outside_of_the_pool_are_neighbors_too() -> None:
    features, beliefs = normal(40, 3), shares(40)
    inside = ContrastiveAL(neighbors=3).query(view(embeddings=features, probabilities=beliefs, labeled=range(8)), 6).ids
    given = {"labeled_embeddings": features[:8], "labeled_probabilities": beliefs[:8], "labels": [0] * 8}
    beside = select(ContrastiveAL(neighbors=3), 6, embeddings=features[8:], probabilities=beliefs[8:], **given)
    assert (beside + 8).tolist() == inside
    with pytest.raises(MissingSignal, match="labeled_probabilities"):
        select("contrastive-al", 1, embeddings=features, probabilities=beliefs, labeled_embeddings=features)


def surprise(x: Tensor, guess: int, known: Tensor, classes: Tensor) -> float:
    own, other = known[classes == guess], known[classes != guess]
    nearest = own[(own - x).norm(dim=1).argmin()]
    return float((nearest - x).norm() / (other - nearest).norm(dim=1).min())


@pins(
    "dsa",
    "brute force",
    "The two distances written out in float64.",
    equation="|x - a| / |a - b|, a the nearest labeled of the predicted class, b the nearest to a of another class",
)
def test_distance_surprise_is_the_ratio_of_two_distances() -> None:
    features, known = normal(40, 4), normal(15, 4, seed=1)
    guesses, classes = torch.arange(40) % 3, torch.arange(15) % 3
    found = distance_surprise(features, guesses, known, classes)
    expected = [surprise(x, int(g), known, classes) for x, g in zip(features, guesses, strict=True)]
    assert found.tolist() == pytest.approx(expected)


@pins(
    "dsa",
    "defect",
    "A common way to write it fails, or gives NaN, where the predicted class has no labeled item; ours ranks it first.",
)
@pytest.mark.parametrize("strategy", [DSA(), LSA()], ids=str)
def test_an_item_of_a_class_without_labels_is_the_most_surprising(strategy: Any) -> None:
    features = torch.tensor([[0.0], [1.0], [50.0], [3.0], [2.0]])
    beliefs = torch.eye(3)[[0, 1, 0, 2, 2]]
    paper = view(embeddings=features, probabilities=beliefs, labeled=[0, 1], labels=[0, 1])
    assert strategy.query(paper, 3).ids == [3, 4, 2]


def test_surprise_stands_labeled_items_of_one_class_and_at_one_place() -> None:
    features, guesses = torch.tensor([[3.0], [1.0]]), torch.tensor([0, 0])
    known, same = torch.tensor([[1.0]]), torch.tensor([[1.0], [1.0]])
    assert distance_surprise(features, guesses, known, torch.tensor([0])).tolist() == [2.0, 0.0]
    found = distance_surprise(features, guesses, same, torch.tensor([0, 1]))
    assert found.isfinite().all()
    assert found[0] > found[1] == 0
    assert density_surprise(features, guesses, same, torch.tensor([0, 0])).isfinite().all()
    assert distance_surprise(features, guesses, known[:0], torch.zeros(0).long()).tolist() == [0.0, 0.0]


def test_of_equally_near_items_the_one_nearest_to_another_class_counts_in_any_order() -> None:
    known, classes = torch.tensor([[-1.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])
    for order in ([0, 1, 2], [1, 0, 2], [2, 1, 0]):
        found = distance_surprise(torch.tensor([[0.0]]), torch.tensor([0]), known[order], classes[order])
        assert found.tolist() == [0.5]  # 1 over the 2 from 1 to 3, not the 4 from -1 to 3


@pins(
    "lsa",
    "brute force",
    "Minus the log of the kernel density of the predicted class, summed in float64.",
    equation="-log( 1/m sum_i N(x; x_i, h^2 I) ), over the m labeled of the predicted class, h = m^(-1/(d+4)) s",
)
def test_density_surprise_is_minus_the_log_of_a_sum_of_gaussians() -> None:
    features, known = normal(20, 2), normal(12, 2, seed=1)
    guesses, classes = torch.arange(20) % 2, torch.arange(12) % 2
    found = density_surprise(features, guesses, known, classes)
    for row in range(20):
        own = known[classes == guesses[row]]
        width = float(own.var(0, correction=0).mean()) ** 0.5 * len(own) ** (-1 / 6)
        gaps = (own - features[row]).square().sum(1)
        density = float((torch.exp(-gaps / (2 * width**2)) / (2 * math.pi * width**2)).mean())
        assert float(found[row]) == pytest.approx(-math.log(density))


@pins(
    "lsa", "defect", "A plain sum of Gaussians is 0 far out, and its log infinite; ours still tells far from farther."
)
def test_far_out_the_density_is_still_told_apart() -> None:
    features = torch.tensor([[1e3], [1e4], [1e5]])
    found = density_surprise(features, torch.zeros(3).long(), torch.tensor([[0.0], [1.0]]), torch.zeros(2).long())
    assert found.isfinite().all()
    assert found[0] < found[1] < found[2]


@pins(
    "discriminative-al",
    "peer",
    "The classifier against scikit-learn's logistic regression on the same standardized features.",
    equation="argmax p(unlabeled | x), a logistic regression of unlabeled against labeled items",
)
def test_the_classifier_is_that_of_scikit_learn() -> None:
    labeled, unlabeled = 5 + 3 * normal(20, 4), 6 + 3 * normal(70, 4, seed=1)
    both = torch.cat([labeled, unlabeled])
    scale = (both - both.mean(0)).square().mean().sqrt()
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000)
    theirs.fit(((both - both.mean(0)) / scale).numpy(), np.arange(90) >= 20)
    cold = separating(labeled, unlabeled, 2.0)
    warm = separating(labeled, unlabeled, 2.0, start=separating(labeled[:10], unlabeled, 2.0))
    expected = theirs.decision_function(((both - both.mean(0)) / scale).numpy())
    for found in (cold, warm):
        np.testing.assert_allclose(both @ found[:-1] + found[-1], expected, rtol=1e-2, atol=1e-2)


def test_what_was_picked_counts_as_labeled_for_the_next_part() -> None:
    features = torch.cat([torch.zeros(10, 1), torch.full((30, 1), 5.0), torch.full((3, 1), -4.9)])
    paper = view(embeddings=features, labeled=range(10))
    assert all(row < 40 for row in DiscriminativeAL(parts=1).query(paper, 30).ids)
    assert any(row >= 40 for row in DiscriminativeAL(parts=30).query(paper, 30).ids)


def test_settings_that_mean_nothing_are_refused_where_they_are_typed() -> None:
    for wrong in (lambda: ContrastiveAL(neighbors=0), lambda: DiscriminativeAL(parts=0)):
        with pytest.raises(BadInput):
            wrong()
