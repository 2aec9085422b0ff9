"""Average linkage against scipy, and taking turns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.cluster.hierarchy import fcluster, linkage

from askance.kernels.agglomeration import average_linkage
from askance.selection.agglomeration import linked, round_robin


@pytest.mark.parametrize("clusters", [1, 2, 7, 30, 80])
def test_the_clusters_are_those_of_average_linkage_over_squared_distances(clusters: int) -> None:
    points = torch.randn(80, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    tree = linkage(points.numpy(), "average", metric="sqeuclidean")
    theirs = fcluster(tree, clusters, "maxclust")
    ours = linked(points, clusters).numpy()
    assert len(set(zip(ours, theirs, strict=True))) == len(set(ours)) == len(set(theirs)) == clusters
    heights = average_linkage(points.numpy())[1]
    np.testing.assert_allclose(np.sort(heights), tree[:, 2])


def test_points_that_are_all_alike_end_in_as_many_clusters_as_wanted() -> None:
    assert len(set(linked(torch.ones(9, 2), 3).tolist())) == 3
    assert linked(torch.ones(1, 2), 3).tolist() == [0]


def test_the_smallest_cluster_goes_first_and_each_gives_one_in_turn() -> None:
    found = round_robin(6, torch.tensor([5, 5, 5, 2, 9, 9]))
    assert found.tolist() == [3, 4, 0, 5, 1, 2]
