"""Densities in graphs of neighbors and shares of clusters, against loops over all pairs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import askance
from askance.selection.graph import neighbor_graph
from askance.selection.shares import within_shares
from askance.strategies.density import GraphDensity, InfoDiv
from askance.strategies.uncertainty import Margin
from askance.testing import view
from tests.pins import pins


def plain(features: Tensor, neighbors: int, known: list[int], n: int) -> tuple[list[int], list[float]]:
    """The paper's rule with full matrices."""
    items = len(features)
    apart = torch.cdist(features, features).square()
    joined = torch.zeros(items, items, dtype=torch.bool)
    for row in range(items):
        others = sorted((other for other in range(items) if other != row), key=lambda other: float(apart[row, other]))
        joined[row, others[:neighbors]] = True
    joined |= joined.T.clone()
    width = float(apart[joined].mean())
    weights = [
        [math.exp(-float(apart[i, j]) / (2 * width)) * bool(joined[i, j]) for j in range(items)] for i in range(items)
    ]
    density = [sum(weights[i]) / int(joined[i].sum()) for i in range(items)]
    left, picks, values = set(range(items)), [], []
    for turn, most in ((set(known), len(known)), (set(range(items)) - set(known), n)):
        for _ in range(most):
            row = max(turn & left, key=lambda item: density[item])
            value = density[row]
            left.remove(row)
            for other in range(items):
                density[other] -= value * bool(joined[row, other])
            if row not in known:
                picks.append(row)
                values.append(value)
    return picks, values


@pins(
    "graph-density",
    "brute force",
    "The rule with full matrices: the same picks and densities, with and without known items.",
    equation="Gra(i) = sum_j w_ij / sum_j P_ij; after a pick i, Gra(j) -= Gra(i) P_ij",
)
@pytest.mark.parametrize("known", [[], [3, 17, 30, 31]])
def test_graph_density_follows_the_full_matrices(known: list[int]) -> None:
    features = torch.randn(80, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    batch = GraphDensity(neighbors=5).query(view(embeddings=features, labeled=known), 30)
    picks, values = plain(features, 5, known, 30)
    assert batch.ids == picks
    assert [note["utility"] for note in batch.notes] == pytest.approx(values)


def test_narrow_heaps_have_the_edges_of_exact_distances() -> None:
    dice = torch.Generator().manual_seed(0)
    narrow = torch.cat([1 + 1e-4 * torch.randn(40, 8, generator=dice), -1 + 1e-4 * torch.randn(40, 8, generator=dice)])
    apart = torch.cdist(narrow.double(), narrow.double(), compute_mode="donot_use_mm_for_euclid_dist")
    near = apart.fill_diagonal_(torch.inf).argsort(1)[:, :5]
    joined = torch.zeros(80, 80, dtype=torch.bool).scatter_(1, near, True)
    assert torch.equal(neighbor_graph(narrow, 5)[0], (joined | joined.T).nonzero().T)


def test_an_item_with_many_copies_is_joined_to_some_of_them_and_not_to_itself() -> None:
    edges, weights = neighbor_graph(torch.ones(30, 2), 3)
    assert bool((edges[0] != edges[1]).all()) and int(torch.bincount(edges[0]).min()) >= 3
    assert bool((weights == 1).all())


@pins(
    "graph-density",
    "defect",
    "Google's sampler lowers densities only around its own picks and keeps them between calls; ours also around known "
    "items that others picked, and asked twice it says the same.",
)
def test_what_others_picked_lowers_the_density_too() -> None:
    heaps = torch.tensor([[0.0], [0.1], [0.2], [5.0], [5.5], [6.0]])
    strategy = GraphDensity(neighbors=2)
    told = view(embeddings=heaps, labeled=[1])
    assert strategy.query(view(embeddings=heaps), 1).ids == [1]
    assert strategy.query(told, 1).ids == strategy.query(told, 1).ids == [4]


def test_a_graph_of_some_items_fills_the_batch_with_the_rest() -> None:
    features = torch.randn(60, 3, generator=torch.Generator().manual_seed(4))
    ids = GraphDensity(items=20).query(view(embeddings=features, labeled=range(15)), 45).ids
    assert sorted(ids) == list(range(15, 60))


def walk(order: list[int], clusters: list[int], shares: list[float], n: int) -> list[int]:
    """The published loop; what is missing comes in the order of margins."""
    counts, batch = [0] * len(shares), []
    for item in order:
        if len(batch) < n and counts[clusters[item]] / n < shares[clusters[item]] - 1e-12:
            batch.append(item)
            counts[clusters[item]] += 1
    return (batch + [item for item in order if item not in batch])[:n]


@pins("info-div", "brute force", "The published loop over items in the order of their margins.")
@pytest.mark.parametrize("n", [1, 4, 10, 37])
def test_shares_are_kept_as_the_loop_keeps_them(n: int) -> None:
    dice = torch.Generator().manual_seed(n)
    order, clusters = torch.randperm(40, generator=dice), torch.randint(4, (40,), generator=dice)
    shares = torch.tensor([0.5, 0.2, 0.2, 0.1], dtype=torch.float64)
    found = within_shares(order, clusters[order], shares, n)
    assert found.tolist() == walk(order.tolist(), clusters.tolist(), shares.tolist(), n)


@pins(
    "info-div",
    "defect",
    "In a re-run of the pool benchmark its column equals that of uncertainty sampling, as batches of one must; ours "
    "differs from margin in batches, and counted with what is known also one by one.",
)
def test_info_div_is_not_margin() -> None:
    dice = torch.Generator().manual_seed(0)
    features = torch.cat([torch.randn(30, 2, generator=dice), torch.randn(30, 2, generator=dice) + 20])
    beliefs = torch.cat([torch.rand(30, generator=dice) * 0.1 + 0.45, torch.rand(30, generator=dice) * 0.1 + 0.8])
    shown = view(embeddings=features, probabilities=torch.stack([beliefs, 1 - beliefs], 1), labeled=range(4))
    margin, ours = Margin().query(shown, 8).ids, InfoDiv().query(shown, 8).ids
    assert all(row < 30 for row in margin)
    assert sum(row < 30 for row in ours) == 4
    assert InfoDiv().query(shown, 1).ids == margin[:1]
    assert InfoDiv(with_known=True).query(shown, 1).ids[0] >= 30  # four of the first heap are known


@pins("info-div", "definition", "labeled items outside of the pool count like those in it")
def test_known_items_outside_of_the_pool_count_in_their_clusters() -> None:
    near, far = [[0.0], [0.1], [0.2], [0.3]], [[9.0], [9.1], [9.2], [9.3]]
    beliefs = [[0.5, 0.5]] * 4 + [[0.6, 0.4]] * 4
    told = [[0.05]] * 6
    inside = view(embeddings=near + far + told, probabilities=beliefs + [[0.9, 0.1]] * 6, labeled=range(8, 14))
    for with_known, n, share in ((False, 3, 3), (True, 2, 0)):  # 10 of 14 lie near, and 6 of them are known
        strategy = InfoDiv(with_known=with_known)
        beyond = askance.select(strategy, n, embeddings=near + far, probabilities=beliefs, labeled_embeddings=told)
        assert beyond.tolist() == strategy.query(inside, n).ids
        assert sum(row < 4 for row in beyond.tolist()) == share


@pins(
    "info-div",
    "defect",
    "Google's sampler fills a batch from a set, in the order of row numbers; ours in the order of margins.",
)
def test_what_is_missing_comes_in_the_order_of_margins() -> None:
    order, clusters = torch.tensor([4, 0, 3, 1, 2]), torch.tensor([0, 0, 0, 0, 1])
    counted = torch.tensor([6.0, 0.0])
    found = within_shares(order, clusters, torch.tensor([0.5, 0.5], dtype=torch.float64), 4, counted)
    assert found.tolist() == [2, 4, 0, 3]
