"""Typicality by hand and against a distance matrix."""

from __future__ import annotations

import pytest
import torch

from askance.strategies.density import InformationDensity
from askance.strategies.uncertainty import Entropy
from askance.testing import view
from askance.utilities.density import typicality
from tests.pins import pins


def test_by_hand_with_two_neighbors_of_a_cluster_of_four() -> None:
    line = torch.tensor([[0.0], [1.0], [3.0], [7.0], [2.0]], dtype=torch.float64)
    clusters = torch.tensor([0, 0, 0, 0, 1])
    means = [(1 + 3) / 2, (1 + 2) / 2, (2 + 3) / 2, (4 + 6) / 2]  # the fifth item is in another cluster and counts not
    expected = [1 / mean for mean in means] + [0.0]
    assert typicality(line, clusters).tolist() == pytest.approx(expected, rel=1e-4)


def test_some_rows_in_any_order_get_what_they_get_among_all() -> None:
    generator = torch.Generator().manual_seed(0)
    features, clusters = torch.randn(80, 3, generator=generator), torch.randint(4, (80,), generator=generator)
    rows = torch.tensor([70, 3, 41, 4, 5])
    assert torch.equal(typicality(features, clusters, rows), typicality(features, clusters)[rows])


def test_large_clusters_count_twenty_neighbors() -> None:
    features = torch.randn(100, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = 1 / torch.cdist(features, features).sort(1).values[:, 1:21].mean(1)
    found = typicality(features, torch.zeros(100, dtype=torch.int64))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)


def test_duplicates_are_very_typical_but_finite() -> None:
    values = typicality(torch.zeros(6, 2), torch.zeros(6, dtype=torch.int64))
    assert values.isfinite().all()
    assert (values > 1e4).all()


@pins(
    "information-density",
    "brute force",
    "Entropy times the mean of all cosines to candidates, pair by pair.",
    equation="H(p(x)) (1/U sum_u cos(x, x_u))^beta",
)
@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_information_density_is_the_entropy_times_the_mean_of_all_cosines(beta: float) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(300, 6, generator=generator, dtype=torch.float64)
    beliefs = torch.randn(300, 3, generator=generator, dtype=torch.float64).softmax(1)
    shown = view(embeddings=features, probabilities=beliefs, labeled=range(50))
    directions = features / features.norm(dim=1, keepdim=True)
    expected = -(beliefs * beliefs.log()).sum(1) * (directions @ directions[50:].T).mean(1) ** beta
    found = InformationDensity(beta=beta).utility(shown)
    torch.testing.assert_close(found, expected)
    assert (
        InformationDensity(beta=beta).query(shown, 20).ids
        == (expected[50:].argsort(descending=True)[:20] + 50).tolist()
    )


@pins("information-density", "equivalence", "With the power 0 it is entropy.")
def test_without_density_it_is_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    features, beliefs = torch.rand(50, 6, generator=generator), torch.randn(50, 3, generator=generator).softmax(1)
    shown = view(embeddings=features, probabilities=beliefs)
    assert InformationDensity(beta=0.0).query(shown, 50).ids == Entropy().query(shown, 50).ids


def test_a_mean_below_zero_counts_as_zero() -> None:
    shown = view(embeddings=[[1.0], [1.0], [-1.0]], probabilities=[[0.9, 0.1], [0.8, 0.2], [0.5, 0.5]])
    assert InformationDensity().utility(shown)[2] == 0
