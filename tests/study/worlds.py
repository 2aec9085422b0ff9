"""Small worlds for the tests of studies: a pool whose truth is known."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from askance.learners.linear import Linear
from askance.oracles.known import Known
from askance.pool import Pool
from askance.study.study import Study


class World(NamedTuple):
    """A pool, the class names, the truth by id, and who knows it."""

    pool: Pool
    classes: list[Any]
    truth: dict[Any, Any]

    @property
    def oracle(self) -> Known:
        return Known(self.truth)

    def study(self, **options: Any) -> Study:
        """A study of this pool with a learner that is quick to fit."""
        return Study(self.pool, **{"classes": self.classes, "learner": Linear(ridge=1.0), **options})


def blobs(items: int = 80, classes: int = 2, features: int = 3, seed: int = 0, named: bool = False) -> World:
    """Overlapping clouds, one for each class."""
    dice = np.random.default_rng(seed)
    truth = dice.integers(0, classes, items)
    centers = 1.5 * dice.normal(size=(classes, features))
    array = torch.tensor(centers[truth] + dice.normal(size=(items, features)), dtype=torch.float32)
    ids = [f"item {row}" for row in range(items)] if named else list(range(items))
    names = [f"class {name}" for name in range(classes)]
    pool = Pool.from_arrays(array, ids)
    return World(pool, names, {name: names[int(one)] for name, one in zip(ids, truth, strict=True)})


def asked_ids(study: Study) -> list[list[Any]]:
    """The ids of every batch, in the order they were asked in."""
    return [line.body["ids"] for line in study.lines() if line.kind == "asked"]
