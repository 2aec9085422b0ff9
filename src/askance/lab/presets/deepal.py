"""All of DeepAL+ on equal terms, and its factors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from askance.lab import sets
from askance.lab.datasets import Dataset, as_pictures
from askance.lab.grids import Grid
from askance.learners.dropout import Dropout
from askance.learners.networks import Cnn, Mlp
from askance.learners.torch import Torch
from askance.meta.control import Equipped

POOL = 5_000
TEST = 0.3
ITEMS = round(POOL / (1 - TEST))
SEEDS = tuple(range(10))
STEPS = 300
PICTURE = Torch(Cnn(widths=(16, 32), hidden=64), steps=STEPS)
TEXT = Torch(Mlp((128,)), steps=STEPS)

DEEPAL: tuple[Any, ...] = (  # all of DeepAL+, on one network with dropout and as many steps
    *("random", "least-confidence", "margin", "entropy"),
    *("consensus-least-confidence", "consensus-margin", "consensus-entropy"),  # its dropout family
    *("bald", "mean-std", "variation-ratio", "k-means", "k-center", "k-center-pca", "badge"),
    *("adversarial-bim", "adversarial-deep-fool", "ceal", "lpl", "vaal", "waal"),
    *("noise-stability-full", "dynamic-al", "tod"),  # later ones
    # Random on the training of those that change it. VAAL trains beside the network, so its control is random itself.
    {"strategy": Equipped("random", by="lpl"), "name": "random + lpl"},
    {"strategy": Equipped("random", by="waal"), "name": "random + waal"},
)
FACTORS = ("random", "margin", "badge", "k-center", "bald")


def deepal_survey() -> Grid:
    """Everything of DeepAL+ on equal terms: one network, its steps, eight rounds, ten seeds."""
    common: dict[str, Any] = {
        "strategies": DEEPAL,
        "initial": (100,),
        "batch": (50,),
        "budget": 500,
        "test": TEST,
        "seeds": SEEDS,
        "title": "DeepAL+ on equal terms",
    }
    pictures = (pixels("digits", 8), *(pixels(name, 28, ITEMS) for name in ("fashion-mnist", "animal-silhouettes")))
    texts = Grid(
        datasets=({"name": "20-newsgroups", "items": ITEMS},),
        learners=({"learner": Dropout(TEXT), "name": "mlp"},),
        **common,
    )
    return Grid(datasets=pictures, learners=({"learner": Dropout(PICTURE), "name": "cnn"},), more=(texts,), **common)


def deepal_factors() -> Grid:
    """What the survey calls factors: how many labels a round has, and how many steps a training."""
    common: dict[str, Any] = {
        "datasets": (pixels("fashion-mnist", 28, ITEMS),),
        "strategies": FACTORS,
        "initial": (100,),
        "budget": 500,
        "test": TEST,
        "seeds": SEEDS,
        "title": "Factors of DeepAL+",
    }
    steps = Grid(batch=(50,), learners=(_trained(100), _trained(900)), **common)
    return Grid(batch=(25, 50, 100, 200), learners=(_trained(STEPS),), more=(steps,), **common)


def pixels(name: str, side: int, items: int | None = None) -> Dataset:
    """A data set of flat pictures as (items, 1, height, width); of 28 pixels a side as 14, each the mean of four.

    Args:
        name: The data set.
        side: Of its pictures.
        items: How many are drawn; None: all.
    """
    found = sets.load(name) if items is None else sets.load(name).sample(items)
    return as_pictures(found, side // 2 if side == 28 else side)


def _trained(steps: int) -> dict[str, Any]:
    return {"learner": Dropout(replace(PICTURE, steps=steps)), "name": f"cnn, {steps} steps"}
