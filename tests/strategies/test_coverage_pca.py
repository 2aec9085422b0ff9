"""k-center along the main directions of a pool."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA

from askance import select
from askance.strategies.coverage import KCenter, KCenterPca
from askance.testing import view
from tests.pins import pins


def naive(places: np.ndarray, labeled: list[int], count: int) -> list[int]:
    found = list(labeled)
    for _ in range(count):
        apart = np.square(places[:, None] - places[found]).sum(2).min(1)
        found.append(int(apart.argmax()))
    return found[len(labeled) :]


@pins(
    "k-center-pca",
    "brute force",
    "k-center by its naive definition on scikit-learn's principal components",
    "argmax min |z - z'|",
)
def test_it_is_k_center_on_the_principal_components() -> None:
    dice = np.random.default_rng(0)
    features = dice.standard_normal((60, 8)) @ np.diag([9, 5, 3, 1, 1, 0.5, 0.1, 0.1]) @ dice.standard_normal((8, 8))
    places = PCA(3, svd_solver="full").fit_transform(features)
    picks = KCenterPca(components=3).query(view(embeddings=features + 100.0, labeled=[4, 7]), 10).ids
    assert picks == naive(places, [4, 7], 10)
    paper = view(embeddings=features, labeled=[4, 7])
    whole = KCenter().query(paper, 10).ids
    assert whole == KCenterPca(components=8).query(paper, 10).ids != KCenterPca(components=1).query(paper, 10).ids


@pins("k-center-pca", "defect", "DeepAL+ squares distances in float16, which overflows at 256; here they are float32")
def test_distances_of_hundreds_are_still_numbers() -> None:
    features = np.array([[0.0, 0.0], [300.0, 0.0], [-400.0, 1.0], [5000.0, 0.0]])
    assert KCenterPca(components=1).query(view(embeddings=features, labeled=[0]), 3).ids == [3, 2, 1]
    with np.errstate(over="ignore"):
        assert np.isinf(np.square(features.astype(np.float16))).any()


def test_known_items_from_outside_are_projected_too() -> None:
    features = np.array([[0.0, 0.0], [10.0, 0.1], [20.0, 0.0], [30.0, -0.1]])
    options = {"embeddings": features, "labeled_embeddings": np.array([[29.0, 50.0]])}
    assert select(KCenterPca(components=1), 1, **options).tolist() == [0]
