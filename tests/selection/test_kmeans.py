"""k-means: its invariants, its quality against scikit-learn, and its hard cases."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from torch import Tensor

from askance.errors import BadInput
from askance.seeds import Dice
from askance.selection import kmeans
from askance.selection.base import Picked
from askance.selection.kmeans import Clusters, k_means
from askance.selection.spread import race


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
