"""No Free Lunch in Active Learning: frozen encoders of unequal quality under the same strategies. [rauch2025free]"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from askance.lab.datasets import Dataset, digits
from askance.lab.grids import Grid
from askance.pool import Pool
from askance.selection.clusters import TypicalPerCluster
from askance.strategies.coverage import TypiClust

POOL, TEST = 3_500, 1_000
FIRST, BATCH, ROUNDS = 10, 10, 20

SETS = ("20-newsgroups", "r8", "r52", "spam-assassin", "sentiment")
RANKS = (8, 64, 256)  # the knob: how much of TF-IDF is kept


def tfidf(rank: int) -> Mapping[str, Any]:
    """TF-IDF folded into so many dimensions, fitted on what is drawn."""
    return {"encoder": "tfidf-svd", "dimensions": rank, "name": f"svd-{rank}"}


ENCODERS: tuple[Any, ...] = ("wordllama", "minilm-l6", *map(tfidf, RANKS))
STARTS = ("random", "centroid", "typiclust")
# The benchmark's TypiClust takes clusters of any size; the paper's own code, and ours by default, leaves small ones.
ANY_CLUSTER: Mapping[str, Any] = {"strategy": TypiClust(select=TypicalPerCluster(smallest=1)), "name": "typiclust"}
STRATEGIES: tuple[Any, ...] = ("random", "margin", "entropy", "badge", ANY_CLUSTER, "drop-query", "bait")

NOISE, RELU = 0.35, 12  # of the knob on digits


def no_free_lunch(size: str) -> Grid:
    """The grid of a size: ``smoke``, ``desk`` or ``paper``."""
    if size == "smoke":
        return _grid(("r8",), (tfidf(64), tfidf(8)), STARTS[:2], seeds=3, items=1_500, test=500, rounds=5)
    if size == "desk":
        return _grid(("20-newsgroups", "r8"), ("minilm-l6", tfidf(64), tfidf(8)), STARTS[:2], seeds=20)
    return _grid(SETS, ENCODERS, STARTS, seeds=50)


def _grid(
    sets: tuple[str, ...],
    encoders: tuple[Any, ...],
    starts: tuple[str, ...],
    *,
    seeds: int,
    items: int = POOL + TEST,
    test: int = TEST,
    rounds: int = ROUNDS,
) -> Grid:
    return Grid(
        datasets=tuple({"name": name, "items": items} for name in sets),
        strategies=STRATEGIES,
        encoders=encoders,
        start=starts,
        initial=(FIRST,),
        batch=(BATCH,),
        budget=FIRST + rounds * BATCH,
        test=test,
        seeds=tuple(range(seeds)),
        title="No free lunch",
    )


def no_free_lunch_digits() -> Grid:
    """The same on digits that are spoiled on purpose: nothing has to be fetched."""
    return Grid(
        datasets=tuple(spoiled(name) for name in ("good", "noisy", "poor")),
        strategies=STRATEGIES,
        start=("random", "centroid"),
        initial=(20,),
        batch=(10,),
        budget=140,
        test=500,
        seeds=tuple(range(50)),
        title="No free lunch, on digits",
    )


def spoiled(quality: str) -> Dataset:
    """Digits as features that are ``good`` (centered pixels), ``noisy`` (with noise) or ``poor`` (a few projections).

    Args:
        quality: Noise is normal, with a deviation of 0.35 where pixels go from 0 to 1; the projections are 12, with
            normal directions, of which what is negative is cut off. Both are drawn once, with seed 0.
    """
    found = digits()
    pixels = found.pool.items.double().numpy()
    centered = pixels - pixels.mean(0)
    dice = np.random.default_rng(0)
    if quality == "noisy":
        centered = centered + dice.normal(0, NOISE, centered.shape)
    elif quality == "poor":
        centered = np.maximum(centered @ dice.standard_normal((centered.shape[1], RELU)), 0)
    said = f"Digits of 8 x 8 pixels as features that are {quality}."
    pool = Pool.from_arrays(centered.astype(np.float32), found.pool.ids.tolist())
    return replace(found, name=f"digits, {quality}", pool=pool, said=(said,))
