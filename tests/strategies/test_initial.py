"""First labels by where items lie: the middle of each cluster of directions, or its densest place."""

from __future__ import annotations

import numpy as np
import torch

from askance import select
from askance.given import view
from askance.strategies.catalogue import strategy
from askance.strategies.coverage import KMeans
from askance.strategies.initial import Centroid
from tests.pins import pins


def circle(degrees: list[float], lengths: list[float]) -> np.ndarray:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], 1) * np.array(lengths)[:, None]


@pins(
    "centroid",
    "definition",
    "two clusters on a circle by hand, with lengths that change",
    "argmin_u |h_u / |h_u| - center_k| for each of n clusters of h / |h|",
)
def test_centroid_takes_the_direction_nearest_to_each_mean_however_long_items_are() -> None:
    points = circle([0, 10, 20, 180, 190, 200, 230], [1, 30, 2, 5, 1, 9, 1])
    assert select("centroid", 2, embeddings=points).tolist() == [5, 1]  # means at 200 (of four) and 10 degrees


@pins("centroid", "equivalence", "features of length one: the same picks as k-means")
def test_centroid_is_k_means_where_all_items_have_length_one() -> None:
    features = torch.nn.functional.normalize(torch.randn(80, 4, generator=torch.Generator().manual_seed(0)))
    paper = view(embeddings=features.tolist())
    assert Centroid().query(paper, 6).ids == KMeans().query(paper, 6).ids


@pins(
    "diverse-dense",
    "definition",
    "two clusters on a circle by hand, one of fewer items than neighbors",
    "argmin_u sum of |h_u - h_v| over the 20 nearest v of its cluster, for each of n clusters of h / |h|",
)
def test_diverse_dense_takes_the_densest_place_of_each_cluster() -> None:
    crowd = [10 + 0.1 * step for step in range(21)]  # all others are neighbors, and the middle is nearest to all
    points = circle([*crowd, 180, 186, 190, 191, 215], [1.0] * 26)
    assert select("diverse-dense", 2, embeddings=points).tolist() == [10, 23]  # 190: 1 + 4 + 10 + 25


@pins(
    "diverse-dense",
    "defect",
    "the authors' code fails where a cluster has fewer than 21 items; ours counts the neighbors that there are",
)
def test_diverse_dense_stands_clusters_of_fewer_than_21_items() -> None:
    points = np.random.default_rng(0).standard_normal((40, 3))
    picked = select("diverse-dense", 8, embeddings=points).tolist()
    assert len(set(picked)) == 8
    assert len(set(select("diverse-dense", 40, embeddings=points).tolist())) == 40


def test_they_ask_before_there_is_a_model() -> None:
    assert not any(strategy(name).needs_model() for name in ("centroid", "diverse-dense", "typiclust"))
