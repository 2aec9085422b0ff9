"""Clusters that no two known items of different classes share."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.seeds import Dice
from askance.selection.constrained import constrained_clusters

CLOUD = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))


def found(k: int, known: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return constrained_clusters(CLOUD, k, CLOUD[known], labels, keys=torch.arange(200), dice=Dice(0, "ask"))


def test_no_cluster_holds_known_items_of_two_classes() -> None:
    known = torch.arange(0, 200, 7)
    labels = known % 3
    for k in (1, 4, 20):
        own, of_known = found(k, known, labels)
        assert torch.equal(own[known], of_known)
        for cluster in own.unique():
            assert len(labels[of_known == cluster].unique()) <= 1
        assert sorted(own.unique().tolist()) == list(range(int(own.max()) + 1))


def test_a_cluster_with_two_classes_is_cut_between_their_nearest_known_items() -> None:
    known, labels = torch.tensor([5, 9, 17]), torch.tensor([0, 1, 1])
    own, _ = found(1, known, labels)
    nearest = torch.cdist(CLOUD, CLOUD[known]).argmin(1)
    assert torch.equal(own == own[5], labels[nearest] == 0)


def test_nothing_known_is_plain_k_means() -> None:
    own, of_known = found(5, torch.arange(0), torch.arange(0))
    assert own.unique().tolist() == [0, 1, 2, 3, 4] and len(of_known) == 0
