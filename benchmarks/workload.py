"""Pools to time selections on: clustered, with long tails, a power-law spectrum and a linear head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import ROOT

Array = NDArray[np.float32]

CACHE = ROOT / ".cache" / "workload"
SEED = 20
RIDGE = 1.0
_PIECE = 20_000  # rows made at once
_FIELDS = ("embeddings", "probabilities", "classes", "labeled", "layer")
_UNSURE = 0.3  # how far the heads of the passes lie from the head, in standard deviations of its weights


@dataclass(frozen=True)
class Size:
    """How large a workload is."""

    items: int
    features: int
    classes: int
    labeled: int
    passes: int = 20


SIZES = {
    "tiny": Size(2_000, 64, 10, 50),
    "small": Size(10_000, 128, 10, 100),
    "medium": Size(100_000, 512, 10, 1_000),
    "many": Size(100_000, 512, 100, 1_000),
    "large": Size(1_000_000, 512, 10, 1_000, 10),
}


@dataclass(frozen=True)
class Workload:
    """A pool of which some rows are labeled.

    Args:
        embeddings: float32 (items, features).
        probabilities: Of a softmax head fitted on the labeled rows, float32 (items, classes).
        classes: True class of each row, int64 (items,).
        labeled: Rows that are labeled, ascending, int64.
        layer: That head, the bias last, float32 (classes, features + 1).
    """

    embeddings: Array
    probabilities: Array
    classes: NDArray[np.int64]
    labeled: NDArray[np.int64]
    layer: Array

    @property
    def open(self) -> NDArray[np.bool_]:
        """Which rows may be picked, (items,)."""
        mask = np.ones(len(self.embeddings), dtype=np.bool_)
        mask[self.labeled] = False
        return mask


def load(name: str) -> Workload:
    """The workload of a size; made once and kept in a folder that git ignores."""
    folder = CACHE / f"{name}-{SEED}"
    if not (folder / "made").exists():
        save(make(SIZES[name]), folder)
    return Workload(*(np.load(folder / f"{field}.npy") for field in _FIELDS))


def passes(name: str) -> Array:
    """Probabilities of several heads around the head, float32 (passes, items, classes); made once and kept."""
    path = CACHE / f"{name}-{SEED}" / "passes.npy"
    if not path.exists():
        pool, size = load(name), SIZES[name]
        rng = np.random.default_rng([SEED, 1])
        found = np.empty((size.passes, size.items, size.classes), dtype=np.float32)
        spread = _UNSURE * pool.layer.std(0, keepdims=True)
        for one in range(size.passes):
            head = pool.layer + spread * rng.standard_normal(pool.layer.shape).astype(np.float32)
            _shares(pool.embeddings, head.astype(np.float32), found[one])
        np.save(path.with_suffix(".part.npy"), found)
        path.with_suffix(".part.npy").replace(path)
    return np.asarray(np.load(path, mmap_mode="r"))


def save(workload: Workload, folder: Path) -> None:
    """Write the arrays, then the mark that says all of them are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for field in _FIELDS:
        np.save(folder / f"{field}.npy", getattr(workload, field))
    (folder / "made").touch()


def make(size: Size, seed: int = SEED) -> Workload:
    """Draw a workload; it follows from its size and seed.

    A class has several clusters, whose sizes fall off like 1 / rank. The k-th hidden axis has a standard deviation of
    ``k ** -0.4``; the radii are those of Student's t with 6 degrees of freedom; reflections mix the axes.
    """
    rng = np.random.default_rng([seed, size.items, size.features, size.classes])
    spectrum = np.arange(1, size.features + 1) ** -0.4
    clusters = 6 * size.classes
    class_of = rng.permutation(np.repeat(np.arange(size.classes), 6))
    centers = 0.3 * rng.standard_normal((size.classes, size.features))[class_of]
    centers = (centers + 0.5 * rng.standard_normal(centers.shape)) * spectrum
    widths = rng.lognormal(0.0, 0.3, (clusters, 1)) * spectrum
    shares = 1 / np.arange(1, clusters + 1)
    cluster = rng.choice(clusters, size.items, p=shares / shares.sum())

    embeddings = np.empty((size.items, size.features), dtype=np.float32)
    mirrors = rng.standard_normal((8, size.features))
    mirrors /= np.linalg.norm(mirrors, axis=1, keepdims=True)
    for start in range(0, size.items, _PIECE):
        which = cluster[start : start + _PIECE]
        radii = np.sqrt(6 / rng.chisquare(6, (len(which), 1)))
        points = centers[which] + rng.standard_normal((len(which), size.features)) * radii * widths[which]
        for mirror in mirrors:
            points -= 2 * np.outer(points @ mirror, mirror)
        embeddings[start : start + _PIECE] = points

    classes = class_of[cluster].astype(np.int64)
    labeled = np.sort(rng.choice(size.items, size.labeled, replace=False)).astype(np.int64)
    head = _head(embeddings, classes, labeled, size.classes)
    probabilities = np.empty((size.items, size.classes), dtype=np.float32)
    _shares(embeddings, head, probabilities)
    return Workload(embeddings, probabilities, classes, labeled, head)


def _head(embeddings: Array, classes: NDArray[np.int64], labeled: NDArray[np.int64], count: int) -> Array:
    """A softmax head with a ridge, fitted on the labeled rows, the bias last."""
    from askance.kernels.softmax_head import solve_softmax_head

    known = embeddings[labeled].astype(np.float64)[None]
    targets = np.eye(count)[classes[labeled]][None]
    fitted = solve_softmax_head(known, targets, np.ones((1, len(labeled))), np.array([RIDGE]), tolerance=1e-4)
    return np.asarray(fitted.coefficients[0].astype(np.float32))


def _shares(embeddings: Array, head: Array, out: Array) -> None:
    """Class probabilities by a head."""
    for start in range(0, len(embeddings), _PIECE):
        scores = embeddings[start : start + _PIECE] @ head[:, :-1].T + head[:, -1]
        scores = np.exp(scores - scores.max(1, keepdims=True))
        out[start : start + _PIECE] = scores / scores.sum(1, keepdims=True)
