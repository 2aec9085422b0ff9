"""How a combination of scores changes with all weights of a model: tangent features, sketched to a fixed width."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import grad
from torch.nn.functional import pad

from askance.arrays import spans
from askance.errors import BadInput, unknown
from askance.kernels.room import at_once, footprint, size
from askance.kernels.transforms import each, transformable
from askance.learners.base import Differentiable, Model
from askance.seeds import Dice
from askance.signals.base import Signal
from askance.signals.gradients import COTANGENTS, cotangents
from askance.task import Task

Arrays = dict[str, Tensor]

FIXED = ("ones", "one")  # cotangents that are the same for every item


@dataclass(frozen=True)
class TangentFeatures(Signal):
    """The gradient of a combination of scores by all weights, sketched, float32 (items, at most ``dim``).

    With J the Jacobian of an item's scores by the weights and v a cotangent, these are features of the kernel
    ``v' J J' v``: for ``ones`` the pseudo-NTK [mohamadi2023fast], for ``one`` the tangent kernel of a single score.
    Layers may be of any kind that torch can differentiate item by item. A network that has not learned anything has
    the features of its new weights.

    No more than a few items' gradients lie in memory at once, about 64 MiB; of the rest only the sketch is kept. It
    adds the weights up in ``dim`` places with random signs, as many in each: inner products keep their expectation,
    and the error falls as 1/sqrt(dim). The places and signs belong to the model. With at most ``dim`` weights nothing
    is sketched. Nor is the last linear layer under a cotangent that all items share, where its features fit: it is
    turned so that the cotangent is its first row, and all other rows are zero. So a linear model is exact.

    Args:
        dim: How wide the sketch is.
        cotangent: As `GradientFactors` has them.
        column: Which class ``one`` means; None draws one by the model's own dice.
        layers: Beginnings of the names of the weights that count, such as ``("last",)``; all if empty.

    >>> from askance.learners.linear import LinearModel
    >>> from askance.task import Classes
    >>> model = LinearModel(torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 0.0]]))
    >>> found = TangentFeatures().read(model, torch.tensor([[1.0, 2.0], [3.0, 0.0]]), Classes((0, 1)))
    >>> (found @ found.T).round(decimals=3)  # <x, x'> + 1
    tensor([[ 6.,  4.],
            [ 4., 10.]])
    """

    dim: int = 512  # Holzmüller et al. 2023
    cotangent: str = "ones"
    column: int | None = None
    layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.cotangent not in COTANGENTS:
            raise unknown("cotangent", self.cotangent, COTANGENTS)
        if self.dim < 1:
            raise BadInput(f"TangentFeatures(dim={self.dim}) keeps nothing. Use 1 or more, such as 512.")
        if self.column is not None and self.column < 0:
            raise BadInput(f"TangentFeatures(column={self.column}) is no class. Count from 0.")

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"differentiable"})

    def read(self, model: Model, items: Any, task: Task) -> Tensor:
        whole = model.differentiable()
        column = int(Dice(whole.seed, "column").generator().integers(1 << 30)) if self.column is None else self.column
        vectors = cotangents(self.cotangent, task.link(_scores(whole, items)), column)
        shared = vectors[0] if self.cotangent in FIXED and vectors.numel() else None
        return tangents(whole, items, vectors, dim=self.dim, shared=shared, layers=self.layers)


def tangents(
    whole: Differentiable,
    items: Tensor,
    vectors: Tensor,
    *,
    dim: int,
    shared: Tensor | None = None,
    layers: tuple[str, ...] = (),
) -> Tensor:
    """The gradients of ``v . scores`` by the weights, sketched; on the CPU, float32 (items, at most ``dim``).

    Args:
        whole: The model; its seed decides the sketch.
        items: At least one.
        vectors: The cotangent of each item, (items, width).
        dim: How wide the sketch is.
        shared: The cotangent, if all items have the same, (width,).
        layers: Beginnings of the names of the weights that count; all if empty.

    Raises:
        BadInput: If no weight has such a name.
    """
    counted = {name: a for name, a in whole.weights.items() if not layers or name.startswith(layers)}
    if not counted:
        raise BadInput(
            f"No weights begin with {', '.join(layers)}. Name some of: {', '.join(whole.weights)}, or leave layers out."
        )
    sketch = Sketch(counted, dim, Dice(whole.seed, "tangents"), shared)
    scores = whole.bare or whole.scores
    vectors = vectors.to(next(iter(counted.values())).device)

    def sketched(given: Arrays) -> Tensor:
        def pushed(at: Arrays) -> Tensor:
            found = scores({**whole.weights, **at}, given["item"].unsqueeze(0)).double()
            return (found[0] * given["vector"].double()).sum()

        return sketch(grad(pushed)(counted))

    with transformable():
        _, kept = footprint(scores, whole.weights, items)
        step = at_once(max(4 * size(counted), kept), len(items))  # gradients, with signs, and in their places
        parts = [
            each(sketched, {"item": items[start:stop], "vector": vectors[start:stop]})
            for start, stop in spans(len(items), step)
        ]
    return torch.cat(parts).float().cpu()


class Sketch:
    """Adds arrays up in few places with random signs: what belongs together stays apart, and inner products last.

    Each array is cut into pieces of ``dim`` numbers, and each piece is put into the places in an order of its own, so
    that every place holds equally many (a balanced count sketch; Charikar et al. 2002).

    Args:
        like: Arrays of the shapes to come, by name.
        dim: How many places.
        dice: Decide orders and signs, by the arrays' names.
        shared: A direction that the first axis of an array as long as this is turned to, (width,): an orthogonal map,
            which leaves inner products as they are.
    """

    def __init__(self, like: Mapping[str, Tensor], dim: int, dice: Dice, shared: Tensor | None = None) -> None:
        self.dim = dim
        self.turn = None if shared is None or not bool(shared.any()) else _turn(shared.double())
        self.exact = sum(array.numel() for array in like.values()) <= dim
        self.orders: dict[str, tuple[Tensor, Tensor]] = {}
        self.turned = {n for n, a in like.items() if self.turn is not None and a.shape[:1] == self.turn.shape[:1]}
        sizes = {name: prod(array.shape[1:]) for name, array in like.items() if name in self.turned}
        self.led = sum(sizes.values()) if sum(sizes.values()) <= dim else 0  # what has places of its own
        if self.exact:
            return
        for name, array in like.items():
            left = array.numel() - (sizes[name] if self.led and name in self.turned else 0)
            order, signs = _order(left, dim, dice.of(name))
            self.orders[name] = order.to(array.device), signs.to(array)

    def __call__(self, arrays: Mapping[str, Tensor]) -> Tensor:
        """The sum in the places, (dim,), or all numbers where there are no more than that."""
        heads: list[Tensor] = []
        rests: dict[str, Tensor] = {}
        for name, array in arrays.items():
            rests[name] = self._split(name, array, heads)
        if self.exact:
            return torch.cat([*heads, *rests.values()])
        total = sum(self._placed(*self.orders[name], rest) for name, rest in rests.items())
        assert isinstance(total, Tensor)
        if heads:
            head = torch.cat(heads)
            total = total + pad(head, (0, self.dim - len(head)))
        return total

    def _split(self, name: str, array: Tensor, heads: list[Tensor]) -> Tensor:
        """What is to be put in places; the first row along the shared direction goes to the heads."""
        if self.turn is None or name not in self.turned:
            return array.flatten()
        turned = self.turn.to(array) @ array.flatten(1) if array.ndim > 1 else self.turn.to(array) @ array.unsqueeze(1)
        if not self.led:
            return turned.flatten()
        heads.append(turned[0])
        return turned[1:].flatten()

    def _placed(self, order: Tensor, signs: Tensor, numbers: Tensor) -> Tensor:
        numbers = pad(numbers * signs, (0, len(order) - len(numbers)))
        return numbers[order].reshape(-1, self.dim).sum(0)


def _order(count: int, dim: int, dice: Dice) -> tuple[Tensor, Tensor]:
    """Which number goes to each place, piece by piece, and the sign of each number."""
    thrown = dice.generator()
    pieces = -(-count // dim)
    order = thrown.permuted(np.broadcast_to(np.arange(dim), (pieces, dim)), axis=1)
    order += dim * np.arange(pieces)[:, None]
    signs = 1 - 2 * thrown.integers(2, size=count, dtype=np.int8)
    return torch.from_numpy(order.ravel()), torch.from_numpy(signs)


def _turn(direction: Tensor) -> Tensor:
    """The reflection that makes a direction the first axis, (width, width)."""
    unit = direction / direction.norm()
    mirror = unit.clone()
    mirror[0] += 1.0 if unit[0] >= 0 else -1.0  # away from zero, or digits would cancel
    mirrored: Tensor = torch.eye(len(unit)).to(unit) - 2 * torch.outer(mirror, mirror) / mirror.square().sum()
    return mirrored


def _scores(whole: Differentiable, items: Tensor) -> Tensor:
    """What the weights make of items, whether anything was learned or not, float64 (items, width)."""
    scores: Callable[[Mapping[str, Tensor], Tensor], Tensor] = whole.bare or whole.scores
    largest, _ = footprint(scores, whole.weights, items)
    step = at_once(2 * largest, len(items))
    parts = [scores(whole.weights, items[start:stop]) for start, stop in spans(len(items), step)]
    return torch.cat(parts).double().cpu()
