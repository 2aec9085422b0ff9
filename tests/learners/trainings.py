"""Small trainings for tests of what stands beside a network."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from askance.learners.base import Learner, Lesson, Model
from askance.learners.beside import Beside, Step
from askance.learners.network import TorchModel
from askance.learners.networks import Mlp
from askance.learners.torch import Torch
from askance.seeds import Dice
from askance.task import Classes

PIXELS, DIGITS = load_digits(return_X_y=True)
PICTURES = torch.tensor(PIXELS.reshape(-1, 8, 8) / 16, dtype=torch.float32)
TINY = Torch(Mlp(hidden=(8,), dropout=0.0), steps=6, batch=8)


def lesson(labels: int = 40, items: int = 120, **more: Any) -> Lesson:
    return Lesson(
        items=PICTURES[:items],
        keys=torch.arange(items) + 1000,
        task=Classes(tuple(range(10))),
        labeled=torch.arange(labels),
        targets=torch.eye(10, dtype=torch.float64)[DIGITS[:labels]],
        weights=torch.ones(labels, dtype=torch.float64),
        unlabeled=torch.arange(labels, items),
        dice=Dice(0, "fit"),
        **more,
    )


def steps_of(recipe: Learner, given: Lesson, most: int = 10**9) -> list[Step]:
    """The steps of a training, each as the parts saw it: with a copy of the model as it then was."""
    seen: list[Step] = []

    @dataclass(frozen=True)
    class Watch(Beside):
        def loss(self, module: nn.Module, step: Step) -> None:
            if len(seen) < most:
                model = copy.deepcopy(step.model)
                model.train(len(step.items))
                seen.append(replace(step, model=model, seen=model.look(step.items)))

    recipe.beside(Watch()).fit(given)
    return seen


def finite(array: Tensor) -> bool:
    return bool(torch.isfinite(array).all())


def same_network(one: Model, other: Model) -> bool:
    assert isinstance(one, TorchModel) and isinstance(other, TorchModel)
    mine, its = one.network.state_dict(), other.network.state_dict()
    return all(torch.equal(mine[name], its[name]) for name in mine)
