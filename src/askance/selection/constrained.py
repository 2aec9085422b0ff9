"""Clusters that agree with the labels: no cluster holds labeled items of two classes."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.kernels.nearest import neighbors
from askance.seeds import Dice
from askance.selection.kmeans import k_means, nearest_center

SAMPLE = 20_000  # items that centers are found on, at most


def constrained_clusters(
    features: Tensor, k: int, known: Tensor, labels: Tensor, *, keys: Tensor, dice: Dice
) -> tuple[Tensor, Tensor]:
    """k-means, and each cluster whose known items are of several classes cut up among these.

    There an item goes with the known item of its cluster that is nearest to it, and all that go with one class are a
    cluster of their own.

    >>> line = torch.tensor([[0.0], [1.0], [2.0], [9.0]])
    >>> rows = torch.arange(4)
    >>> own, of_known = constrained_clusters(line, 2, line[[0, 2]], torch.tensor([0, 1]), keys=rows, dice=Dice(0, "a"))
    >>> len(set(own.tolist())), bool(own[0] == own[2]), bool((own[[0, 2]] == of_known).all())
    (3, False, True)

    Args:
        features: (items, features).
        k: How many clusters at first; from 1 to the number of items.
        known: Features of the known items, (known, features).
        labels: Their classes, int64 (known,).
        keys: Item keys, int64 (items,).
        dice: The stream that seeds are drawn from.

    Returns:
        The cluster of each item, from 0 on, int64 (items,), and of each known item, (known,).
    """
    found = k_means(features, k, keys=keys, dice=dice, sample=SAMPLE)
    own = found.labels
    if not len(known):
        return own, own[:0]
    points = known.to(features)
    home = nearest_center(points, torch.arange(len(points)), found.centers)
    classes = int(labels.max()) + 1
    parted = own * classes  # the cluster's first class, where it has none or one
    for cluster in sorted(set(home.tolist())):
        inside = (home == cluster).nonzero().squeeze(1)
        members = (own == cluster).nonzero().squeeze(1)
        if len(set(labels[inside].tolist())) == 1 or not len(members):
            parted[members] = cluster * classes + labels[inside[0]]
            continue
        nearest, _ = neighbors(features[members], points[inside], 1)
        parted[members] = cluster * classes + labels[inside[nearest[:, 0]]]
    both = torch.cat([parted, home * classes + labels])
    _, numbered = torch.unique(both, return_inverse=True)
    return numbered[: len(own)], numbered[len(own) :]
