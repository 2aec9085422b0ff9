"""k-means: its invariants, its quality against scikit-learn, and its hard cases."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy.stats import chisquare
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from torch import Tensor

from askance.errors import BadInput
from askance.seeds import Dice
from askance.selection import kmeans
from askance.selection.base import Picked
from askance.selection.kmeans import Clusters, k_means, nearest_center
from askance.selection.spread import race
from tests.pins import pins


def cluster(features: Tensor, k: int, seed: int = 0, rows: Tensor | None = None, iterations: int = 100) -> Clusters:
    keys, dice = torch.arange(len(features)), Dice(seed, "ask")
    return k_means(features, k, keys=keys, dice=dice, rows=rows, iterations=iterations)


def test_labels_distances_and_centers_belong_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmeans, "_PIECE", 640)  # several pieces
    features = torch.randn(500, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for iterations in (1, 100):
        found = cluster(features, 12, iterations=iterations)
        apart = torch.cdist(features, found.centers).square()
        assert torch.equal(found.labels, apart.argmin(1))
        torch.testing.assert_close(found.distances, apart.min(1).values)
    means = torch.stack([features[found.labels == label].mean(0) for label in range(12)])
    assert (means - found.centers).abs().max() < 0.05


def test_inertia_is_about_as_low_as_scikit_learn_makes_it() -> None:
    points, _ = make_blobs(2000, n_features=8, centers=12, cluster_std=3.0, random_state=0)
    ours = sum(float(cluster(torch.from_numpy(points), 20, seed).distances.sum()) for seed in range(10))
    theirs = sum(KMeans(20, n_init=1, random_state=seed).fit(points).inertia_ for seed in range(10))
    assert ours < 1.03 * theirs


def test_a_common_offset_changes_no_label() -> None:
    points, _ = make_blobs(300, n_features=4, centers=5, random_state=1)
    features = torch.from_numpy(points).float()
    rounded = (features + 4096) - 4096  # what float32 keeps of the features beside the offset
    assert torch.equal(cluster(rounded, 5).labels, cluster(rounded + 4096, 5).labels)


def test_items_left_out_have_no_label_and_move_no_center() -> None:
    features = torch.tensor([[0.0], [1.0], [50.0], [10.0], [11.0]])
    found = cluster(features, 2, rows=torch.tensor([0, 1, 3, 4]))
    assert sorted(found.centers.flatten().tolist()) == [0.5, 10.5]
    assert found.labels[2] == -1
    assert found.distances[2] == torch.inf


def test_fewer_distinct_items_than_clusters_leave_clusters_empty() -> None:
    found = cluster(torch.tensor([[1.0], [1.0], [3.0], [3.0], [3.0]]), 4)
    assert found.distances.tolist() == [0.0] * 5
    assert found.labels[0] == found.labels[1] != found.labels[2]


def test_an_emptied_cluster_moves_to_the_farthest_item(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice_the_same(*args: Any) -> Picked:
        picked = race(*args)
        picked.rows[1] = picked.rows[0]
        return picked

    monkeypatch.setattr(kmeans, "race", twice_the_same)
    found = cluster(torch.tensor([[0.0], [0.0], [1.0], [40.0]]), 2)
    assert found.labels[3] != found.labels[0]
    assert found.centers[found.labels[3]].tolist() == [40.0]


def test_more_clusters_than_items_are_refused() -> None:
    with pytest.raises(BadInput, match="4 clusters of 3 items"):
        cluster(torch.zeros(3, 1), 4)


def test_centers_found_on_a_sample_are_nearly_as_good_and_every_item_goes_to_its_nearest() -> None:
    points = torch.from_numpy(make_blobs(6_000, 8, centers=12, random_state=0)[0])
    keys, dice = torch.arange(len(points)), Dice(0, "ask")
    whole = k_means(points, 12, keys=keys, dice=dice)
    part = k_means(points, 12, keys=keys, dice=dice, sample=1_000)
    assert part.distances.sum() < 1.05 * whole.distances.sum()
    assert torch.equal(part.labels, torch.cdist(points, part.centers).argmin(1))


def test_a_sample_is_drawn_by_item_and_is_never_less_than_ten_for_each_cluster() -> None:
    points = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    keys, dice = torch.arange(len(points)), Dice(0, "ask")
    whole = k_means(points, 40, keys=keys, dice=dice)
    assert torch.equal(k_means(points, 40, keys=keys, dice=dice, sample=5).labels, whole.labels)
    order = torch.randperm(len(points), generator=torch.Generator().manual_seed(1))
    moved = k_means(points[order], 5, keys=keys[order], dice=dice, sample=100)
    still = k_means(points, 5, keys=keys, dice=dice, sample=100)
    assert torch.allclose(moved.distances, still.distances[order], atol=1e-4)


def lloyd(features: Tensor, centers: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm in plain float64, until nothing moves."""
    while True:
        labels = torch.cdist(features, centers).argmin(1)
        means = torch.stack(
            [
                (weights[labels == k, None] * features[labels == k]).sum(0) / weights[labels == k].sum()
                for k in labels.unique()
            ]
        )
        if torch.equal(means, centers):
            return labels, centers
        centers = means


@pins("k-means", "brute force", "Labels and centers against Lloyd's algorithm with all distances, weighted or not.")
@pytest.mark.parametrize("bounds", [1 << 24, 1, 1000])
@pytest.mark.parametrize("weighted", [False, True])
def test_leaving_distances_out_changes_nothing(monkeypatch: pytest.MonkeyPatch, bounds: int, weighted: bool) -> None:
    monkeypatch.setattr(kmeans, "_BOUNDS", bounds)  # one group of centers, some, or a group for each
    points = torch.from_numpy(make_blobs(400, 5, centers=9, cluster_std=4.0, random_state=0)[0])
    weights = torch.rand(400, generator=torch.Generator().manual_seed(0)).double() if weighted else None
    keys, dice = torch.arange(400), Dice(0, "ask")
    seeds = k_means(points, 12, keys=keys, dice=dice, weights=weights, iterations=0).centers
    found = k_means(points, 12, keys=keys, dice=dice, weights=weights, tolerance=0.0, iterations=1000)
    labels, centers = lloyd(points, seeds, torch.ones(400).double() if weights is None else weights)
    assert torch.equal(found.labels, labels)
    torch.testing.assert_close(found.centers, centers)


@pins("clue", "equivalence", "k-means with whole weights gives the centers of k-means over repeated points.")
def test_an_item_of_weight_three_is_three_items(monkeypatch: pytest.MonkeyPatch) -> None:
    points = torch.randn(120, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    times = torch.randint(0, 4, (120,), generator=torch.Generator().manual_seed(1))
    begin = (times > 0).nonzero().flatten()[:6]
    monkeypatch.setattr(kmeans, "race", lambda *args: Picked(begin))
    weighted = k_means(points, 6, keys=torch.arange(120), dice=Dice(0, "ask"), weights=times.double())
    copies = points.repeat_interleave(times, 0)
    begin = times.cumsum(0)[begin] - 1
    repeated = cluster(copies, 6)
    torch.testing.assert_close(weighted.centers, repeated.centers)
    assert torch.equal(weighted.labels.repeat_interleave(times), repeated.labels)


@pins(
    "clue", "law", "Seeds of weighted k-means are drawn by weight, then by weight times squared distance; chi-square."
)
def test_seeds_are_drawn_by_weight_times_squared_distance() -> None:
    points, weights = torch.tensor([[0.0], [1.0], [3.0], [7.0]]), torch.tensor([4.0, 2.0, 1.0, 0.0])
    counts = torch.zeros(4, 4)
    for seed in range(1500):
        found = k_means(points, 2, keys=torch.arange(4), dice=Dice(seed, "ask"), weights=weights, iterations=0)
        first, second = (int((points - center).abs().argmin()) for center in found.centers)
        counts[first, second] += 1
    weights, points = weights.double(), points.double()
    gaps = weights * (points - points.T).square()
    expected = weights[:, None] / weights.sum() * gaps / gaps.sum(1, keepdim=True)
    kept = expected > 0
    assert counts[~kept].sum() == 0
    assert chisquare(counts[kept].double(), expected[kept] * 1500).pvalue > 1e-3


def test_weights_of_zero_make_no_center_and_all_zero_count_alike() -> None:
    points, keys = torch.tensor([[0.0], [2.0], [90.0], [91.0]]), torch.arange(4)
    weights = torch.tensor([1.0, 1.0, 0.0, 0.0])
    found = k_means(points, 1, keys=keys, dice=Dice(0, "ask"), weights=weights)
    assert found.centers.tolist() == [[1.0]]
    assert found.distances.tolist() == [1.0, 1.0, 89.0**2, 90.0**2]
    alike = k_means(points, 2, keys=keys, dice=Dice(0, "ask"), weights=0 * weights)
    assert sorted(alike.centers.flatten().tolist()) == [1.0, 90.5]


def test_tiny_and_huge_weights_leave_no_rest_behind() -> None:
    points = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    weights = 10.0 ** torch.linspace(-30, 30, 200, dtype=torch.float64)
    found = k_means(points, 20, keys=torch.arange(200), dice=Dice(0, "ask"), weights=weights)
    assert found.centers.isfinite().all()


def test_rows_find_their_nearest_center_and_one_that_has_none_is_named() -> None:
    features = torch.tensor([[1000.0, 0.0], [1001.0, 0.0], [1009.0, 0.0], [1004.0, 0.0]])
    centers = torch.tensor([[1000.0, 0.0], [1010.0, 0.0]])
    assert nearest_center(features, torch.tensor([3, 2, 1]), centers).tolist() == [0, 1, 0]
    for wrong in (torch.nan, torch.inf):
        features[1, 1] = wrong
        with pytest.raises(BadInput, match="row 1 to its center is infinite or NaN"):
            nearest_center(features, torch.arange(4), centers)
