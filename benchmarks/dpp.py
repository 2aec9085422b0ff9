"""Determinantal batches against the most doubtful items, with and without ten-fold duplicates.

``python -m benchmarks.dpp`` measures and writes docs/results/dpp.json, from which ``make docs`` writes
docs/papers/dpp.md. It takes about 5 minutes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from askance.executors.local import cores
from askance.given import select
from askance.lab import grid
from askance.lab.curves import area
from askance.lab.datasets import Dataset
from askance.pool import Pool
from askance.strategies.determinantal import KDpp
from benchmarks.measure import ROOT, machine

Array = NDArray[np.float64]

OUT = ROOT / "docs" / "results" / "dpp.json"
SEEDS = 20
COPIES, JITTER = 10, 0.01
INITIAL, BATCH, BUDGET, TEST = 10, 10, 60, 100


@dataclass(frozen=True)
class Largest(KDpp):
    """The greedy search for the largest determinant, given what is labeled. [kulesza2011kdpps]"""

    how: str = "largest"


@dataclass(frozen=True)
class Unconditional(KDpp):
    """A sample that knows nothing of what is labeled. [kulesza2011kdpps]"""

    conditioned: bool = False


STRATEGIES = {
    "random": "random",
    "entropy": "entropy",
    "k-dpp": "k-dpp",
    "k-dpp, unconditional": "benchmarks.dpp:Unconditional",
    "k-dpp, largest": "benchmarks.dpp:Largest",
    "multi-criteria-dpp": "multi-criteria-dpp",
}


def main() -> None:
    found: dict[str, Any] = {"seeds": SEEDS, "machine": machine(), "sets": {}}
    for name, (features, labels) in sets().items():
        for copies in (1, COPIES):
            key = name if copies == 1 else f"{name}, each {copies} times"
            found["sets"][key] = measured(key, *repeated(features, labels, copies))
            print(key, {who: round(float(np.mean(row["area"])), 4) for who, row in found["sets"][key].items()})
    OUT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def sets() -> dict[str, tuple[Array, NDArray[np.int64]]]:
    """Three small data sets, standardized."""
    from sklearn import datasets

    found = {}
    for name, load in (("breast cancer", datasets.load_breast_cancer), ("wine", datasets.load_wine)):
        features, labels = load(return_X_y=True)
        found[name] = (features, labels)
    features, labels = datasets.load_digits(return_X_y=True)
    two = (labels == 3) | (labels == 8)
    found["digits 3 and 8"] = (features[two], labels[two])
    return {name: ((x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1), y) for name, (x, y) in found.items()}


def repeated(features: Array, labels: NDArray[np.int64], copies: int) -> tuple[Array, NDArray[np.int64]]:
    """Every item so many times, a little off."""
    if copies == 1:
        return features, labels
    rows = np.repeat(features, copies, axis=0)
    return rows + JITTER * np.random.default_rng(0).standard_normal(rows.shape), np.repeat(labels, copies)


def measured(name: str, features: Array, labels: NDArray[np.int64]) -> dict[str, Any]:
    """Areas under the curve, and how spread first batches are, for every strategy and seed."""
    array = torch.from_numpy(features.astype(np.float32))
    data = Dataset(name, Pool.from_arrays(array), tuple(labels.tolist()))
    test = min(TEST, len(labels) // 3)
    plan = grid.Plan(tuple(STRATEGIES.values()), tuple(range(SEEDS)), INITIAL, BATCH, BUDGET, test)
    runs = grid.run(data, plan, workers=cores()).runs
    found = {}
    for who, place in STRATEGIES.items():
        own = [run for run in runs if run.strategy == place]
        batches = [first(place, features, labels, seed) for seed in range(SEEDS)]
        found[who] = {
            "area": [area(run.labels, run.scores) for run in own],
            "log determinant": [volume(features[rows]) for rows in batches],
            "mean distance": [apart(features[rows]) for rows in batches],
        }
    return found


def first(place: str, features: Array, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The first batch after ten labels drawn at random."""
    from sklearn.linear_model import LogisticRegression

    known = np.random.default_rng(seed).permutation(len(labels))[:INITIAL]
    if len(set(labels[known])) < 2:
        known = np.append(known[1:], np.flatnonzero(labels != labels[known[0]])[0])
    model = LogisticRegression(max_iter=1000).fit(features[known], labels[known])
    names = np.unique(labels)
    shares = np.full((len(labels), len(names)), 1e-12)
    shares[:, np.searchsorted(names, model.classes_)] = model.predict_proba(features)
    shares /= shares.sum(1, keepdims=True)
    mask = np.ones(len(labels), dtype=bool)
    mask[known] = False
    return select(
        place,
        BATCH,
        embeddings=features,
        probabilities=shares,
        mc_probabilities=shares[None],
        labeled_embeddings=features[known],
        labels=np.searchsorted(names, labels[known]),
        labeled_probabilities=shares[known],
        mask=mask,
        seed=seed,
    )


def volume(batch: Array) -> float:
    """The logarithm of the determinant of the batch's Gaussian kernel, at the median distance of all pairs."""
    squared = ((batch[:, None] - batch[None]) ** 2).sum(2)
    width = np.median(squared[np.triu_indices(len(batch), 1)]) or 1.0
    return float(np.linalg.slogdet(np.exp(-squared / (2 * width)) + 1e-9 * np.eye(len(batch)))[1])


def apart(batch: Array) -> float:
    """The mean distance of pairs."""
    gaps = np.linalg.norm(batch[:, None] - batch[None], axis=2)
    return float(gaps[np.triu_indices(len(batch), 1)].mean())


if __name__ == "__main__":
    main()
