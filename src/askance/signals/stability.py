"""How far a model's answers move when all of its weights are pushed a little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.arrays import HALF, spans
from askance.errors import BadInput, unknown
from askance.kernels.room import at_once, footprint, size
from askance.kernels.transforms import each, slope, transformable
from askance.learners.base import Differentiable, Model
from askance.seeds import Dice
from askance.signals.base import Signal
from askance.task import Task

KINDS = ("layers", "global", "jvp")


@dataclass(frozen=True)
class Deviations(Signal):
    """How far each draw of noise on the weights moves linked scores, float32 (items, draws x width). [li2024deep]

    The deviations of all draws in a row are a random projection of the gradient of everything the model says. The
    noise belongs to the model: it is the same for every item, and drawn on the CPU whatever the model computes on.

    Args:
        draws: How often the weights are pushed.
        strength: How long the noise is, as a share of the length of the weights.
        kind: ``layers``, the released code: each matrix, kernel and scale of a norm layer has noise of its own in
            proportion to its own length, biases have none, and a deviation is a share of the length of what the model
            said before. ``global``, the paper: one direction in the space of all weights, and nothing is divided.
            ``jvp``: the derivatives along the noise of ``layers``, which are its limit at small strength divided by
            that strength; nothing is subtracted, so nothing drowns, and ``strength`` does not count.
    """

    draws: int = 30  # the authors' run script
    strength: float = 1e-3  # the paper
    kind: str = "layers"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind", self.kind, KINDS)
        if self.draws < 1 or not self.strength > 0:
            raise BadInput(
                f"Deviations(draws={self.draws}, strength={self.strength}) pushes nothing. Both must be above 0."
            )

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"differentiable"})

    def read(self, model: Model, items: Any, task: Task) -> Tensor:
        with transformable():
            return self._read(model.differentiable(), items, task)

    def _read(self, whole: Differentiable, items: Tensor, task: Task) -> Tensor:
        weights = dict(whole.weights)
        self._check(weights)
        draws = at_once(2 * size(weights), self.draws)  # the noise, and the weights with it
        largest, _ = footprint(whole.scores, weights, items)
        step = at_once(2 * draws * largest, len(items))  # what a layer reads, and what it gives
        parts = list(spans(len(items), step))
        before = [task.link(whole.scores(weights, items[start:stop]).double()) for start, stop in parts]
        out = torch.empty(
            len(items), self.draws, before[0].shape[1], dtype=torch.float32
        )  # on the CPU, where views are
        for first, last in spans(self.draws, draws):
            thrown = [directions(whole, draw, everywhere=self.kind == "global") for draw in range(first, last)]
            noise = {name: torch.stack([push[name] for push in thrown]) for name in thrown[0]}
            for (start, stop), said in zip(parts, before, strict=True):
                moved = each(self._moved(whole, items[start:stop], task, said), noise)
                if self.kind != "global":
                    moved = moved / said.norm(dim=1, keepdim=True).clamp_min(1e-30)
                out[start:stop, first:last] = moved.transpose(0, 1).to(out)
        return out.flatten(1)

    def _moved(
        self, whole: Differentiable, items: Tensor, task: Task, before: Tensor
    ) -> Callable[[dict[str, Tensor]], Tensor]:
        """From one push to what it changes, float64 (items, width).

        Linking in float64 keeps every digit that the scores have; a difference of single-precision probabilities would
        keep none of an item that the model is sure of.
        """

        def said(weights: dict[str, Tensor]) -> Tensor:
            return task.link(whole.scores({**whole.weights, **weights}, items).double())

        def moved(push: dict[str, Tensor]) -> Tensor:
            here = {name: whole.weights[name] for name in push}
            if self.kind == "jvp":
                return slope(said, here, push)
            return said({name: array + self.strength * push[name] for name, array in here.items()}) - before

        return moved

    def _check(self, weights: dict[str, Tensor]) -> None:
        half = next((array.dtype for array in weights.values() if array.dtype in HALF), None)
        if half is not None and self.kind != "jvp":
            raise BadInput(
                f"Noise of strength {self.strength} drowns in weights of {half}. Train in float32, or use "
                f"Deviations(kind='jvp')."
            )


def directions(whole: Differentiable, draw: int, *, everywhere: bool = False) -> dict[str, Tensor]:
    """One draw of noise on the weights, at strength 1.

    Args:
        whole: The model; its seed and the number of the draw decide.
        draw: The number of the draw.
        everywhere: One direction for all weights, as long as all of them together; else one for each matrix, kernel and
            scale, as long as that.

    Returns:
        By name, of the weights' shapes and types and on their devices. What is not there is not pushed.
    """
    dice = Dice(whole.seed, "noise", draw)
    weights = {name: array for name, array in whole.weights.items() if everywhere or _is_layer(name, array)}
    noise = {name: _normal(dice.of(name), array) for name, array in weights.items()}
    if everywhere:
        longer = _length(weights.values()) / max(_length(noise.values()), 1e-30)
        return {name: array * longer for name, array in noise.items()}
    return {name: noise[name] * (array.norm() / noise[name].norm().clamp_min(1e-30)) for name, array in weights.items()}


def _is_layer(name: str, array: Tensor) -> bool:
    """Whether the released code would push an array: a matrix or kernel, or the scale of a norm layer, but no bias."""
    last = name.rpartition(".")[2]
    return last == "weight" or (array.ndim > 1 and last != "bias")


def _normal(dice: Dice, like: Tensor) -> Tensor:
    thrown = dice.generator().standard_normal(like.numel(), dtype=np.float32)
    return torch.from_numpy(thrown).reshape(like.shape).to(like)


def _length(arrays: Any) -> float:
    return float(sum(float(array.double().square().sum()) for array in arrays) ** 0.5)
