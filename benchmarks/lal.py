"""Learns what a label is worth from thousands of small made-up tasks, for the strategy `lal`.

    python -m benchmarks.lal --seed 100

writes src/askance/utilities/lal.npz, the trees that predict by how much the error falls. It takes about 5 minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from askance.utilities import learned
from benchmarks.measure import ROOT

Array = NDArray[np.float64]

OUT = ROOT / "src" / "askance" / "utilities" / "lal.npz"
TREES = 20  # of the forest that classifies, as the strategy's companion has them
POOL, TEST, CANDIDATES = 300, 1000, 12
REGRESSION = {"n_estimators": 40, "min_samples_leaf": 40, "max_features": 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=100, help="of the tasks (default: %(default)s)")
    parser.add_argument("--tasks", type=int, default=700, help="how many (default: %(default)s)")
    options = parser.parse_args()
    from sklearn.ensemble import RandomForestRegressor

    rows, gains = zip(*lessons(np.random.default_rng(options.seed), options.tasks), strict=True)
    features, targets = np.concatenate(rows), np.concatenate(gains)
    forest = RandomForestRegressor(**REGRESSION, random_state=0, oob_score=True).fit(features, targets)
    trees = [tree.tree_ for tree in forest.estimators_]
    np.savez_compressed(
        OUT,
        start=np.cumsum([0, *(tree.node_count for tree in trees)])[:-1].astype(np.int32),
        left=np.concatenate([tree.children_left for tree in trees]).astype(np.int16),
        right=np.concatenate([tree.children_right for tree in trees]).astype(np.int16),
        feature=np.concatenate([tree.feature for tree in trees]).astype(np.int8),
        threshold=np.concatenate([tree.threshold for tree in trees]).astype(np.float32),
        value=np.concatenate([tree.value[:, 0, 0] for tree in trees]).astype(np.float32),
    )
    print(f"{len(features):,} lessons, out-of-bag R2 {forest.oob_score_:.3f}, {OUT.stat().st_size / 1000:.0f} kB")


def lessons(rng: np.random.Generator, tasks: int) -> Iterator[tuple[Array, Array]]:
    """What candidates looked like, and by how much the error fell once each of them was labeled."""
    for _ in range(tasks):
        points, truth = task(rng)
        test, test_truth, points, truth = points[:TEST], truth[:TEST], points[TEST:], truth[TEST:]
        labeled = rng.permutation(POOL)[: int(np.exp(rng.uniform(np.log(2), np.log(60))))]
        if len(set(truth[labeled])) < 2:
            continue
        left = np.setdiff1d(np.arange(POOL), labeled)
        dice = int(rng.integers(1 << 31))
        forest = _forest(points[labeled], truth[labeled], dice)
        before = (forest.predict(test) != test_truth).mean()
        shown = seen(forest, points[left], truth[labeled])
        drawn = rng.permutation(len(left))[:CANDIDATES]
        gains = []
        for one in left[drawn]:
            more = np.append(labeled, one)
            gains.append(before - (_forest(points[more], truth[more], dice).predict(test) != test_truth).mean())
        yield shown[drawn], np.array(gains)


def task(rng: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
    """Two clouds in the plane, of any place, shape and share, as in Konyushkova et al. 2017."""
    items = POOL + TEST
    truth = (rng.random(items) < rng.uniform(0.1, 0.9)).astype(np.int64)
    points = np.empty((items, 2))
    for name in (0, 1):
        own = truth == name
        points[own] = rng.standard_normal((own.sum(), 2)) @ rng.normal(0, 0.7, (2, 2)) + rng.uniform(-1, 1, 2)
    return points, truth


def seen(forest: Any, points: Array, truth: NDArray[np.int64]) -> Array:
    """What the strategy would see of candidates."""
    members = np.stack([tree.predict_proba(points) for tree in forest.estimators_], 1)
    targets = torch.from_numpy(np.eye(2)[truth])
    return learned.describe(torch.from_numpy(members), targets, torch.arange(len(points))).numpy()


def _forest(points: Array, truth: NDArray[np.int64], dice: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(TREES, random_state=dice).fit(points, truth)


if __name__ == "__main__":
    main()
