"""How far an item must be pushed until the model calls it something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from askance.arrays import spans
from askance.errors import BadInput
from askance.learners.base import Model
from askance.signals.base import Signal
from askance.task import Task

PIECE = 256  # items pushed at once, at most
FAR = 1e30  # of squared lengths; sums over a large pool still fit into float32
_NUMBERS = 1 << 24  # of all slopes together: 64 MiB in float32

Slopes = Callable[[Tensor], Tensor]  # cotangents of scores, (items, classes) or several of them, to those of items
Push = Callable[[Tensor, Slopes, Tensor], Tensor]  # scores, their slopes and the own class (items, 1) to a step


@dataclass(frozen=True)
class Bim(Signal):
    """The squared length of what the basic iterative method adds to an item to flip its class, (items,).
    [kurakin2017adversarial]

    Each step adds ``step`` times the sign of the gradient of the cross-entropy with the model's own class, feature by
    feature; nothing is clipped. That gradient is zero where the softmax saturates, so the one of the log odds against
    that class is taken, which has the same sign. Where the slope is zero, a feature stays.

    An item whose best other class is level with its own is at the boundary and counts as flipped. One that never flips
    counts as ``features ((steps + 1) step)^2``, which is more than steps that flip it could reach: how far it got says
    nothing, for on a plateau it does not move at all.

    Args:
        step: How far a feature moves at once, in the units of the items.
        steps: How often, at most.

    Raises:
        BadInput: If there is no step.

    >>> from askance.learners.linear import LinearModel
    >>> from askance.task import Classes
    >>> model = LinearModel(torch.tensor([[1.0, 0.5, 0.0], [-1.0, -0.5, 0.0]]))  # a boundary at x + y / 2 = 0
    >>> Bim(step=0.5).read(model, torch.tensor([[1.0, 0.0], [2.0, 0.0]]), Classes((0, 1)))  # 2 and 3 steps
    tensor([2.0000, 4.5000])
    """

    step: float = 0.05  # DeepAL+
    steps: int = 50

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 < self.step < float("inf"):
            raise BadInput(f"Bim(step={self.step}, steps={self.steps}) pushes nothing. Both must be above 0.")

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"differentiable"})

    def read(self, model: Model, items: Tensor, task: Task) -> Tensor:
        never = items[:1].numel() * ((self.steps + 1) * self.step) ** 2
        return _squared_lengths(model, items, self.steps, never, self._push)

    def _push(self, scores: Tensor, slopes: Slopes, own: Tensor) -> Tensor:
        odds = _others(scores, own).softmax(1).scatter(1, own, -1.0)  # the gradient of log((1 - p) / p) by the scores
        return self.step * slopes(odds).sign()


@dataclass(frozen=True)
class DeepFool(Signal):
    """The squared length of what DeepFool adds to an item to flip its class, (items,).
    [moosavidezfooli2016deepfool, Algorithm 2]

    Each step goes to the nearest boundary with another class as if all scores were linear around the item, and the
    overshoot past it, as in the authors' code. For a linear model the first step is exact: without overshoot its length
    is the distance to the boundary.

    An item whose best other class is level with its own is at the boundary and counts as flipped. One that never flips,
    for example because no score depends on it, counts as 1e30, and so does one that only flips farther away.

    Args:
        steps: How often it is pushed, at most.
        overshoot: By how much of its length each step is too long.

    Raises:
        BadInput: If there is no step.

    >>> from askance.learners.linear import LinearModel
    >>> from askance.task import Classes
    >>> model = LinearModel(torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]]))  # a boundary at 3 x + 4 y = 0
    >>> DeepFool(overshoot=0.0).read(model, torch.tensor([[5.0, 0.0], [3.0, 4.0]]), Classes((0, 1)))
    tensor([ 9., 25.])
    """

    steps: int = 50  # the authors' code, and DeepAL+
    overshoot: float = 0.02

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 <= self.overshoot < float("inf"):
            raise BadInput(
                f"DeepFool(steps={self.steps}, overshoot={self.overshoot}) pushes nothing to a boundary. "
                f"Use 1 step or more, and an overshoot of 0 or more."
            )

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"differentiable"})

    def read(self, model: Model, items: Tensor, task: Task) -> Tensor:
        return _squared_lengths(model, items, self.steps, FAR, self._push)

    def _push(self, scores: Tensor, slopes: Slopes, own: Tensor) -> Tensor:
        each = torch.eye(scores.shape[1]).to(scores)
        cotangents = each.unsqueeze(1) - each[own.squeeze(1)]  # (classes, items, classes), of the gap to its own class
        away = slopes(cotangents).flatten(2).transpose(0, 1)  # (items, classes, features)
        gaps, lengths = (scores - scores.gather(1, own)).abs(), away.norm(dim=2)
        distances = torch.where(lengths > 0, gaps / lengths, torch.inf)  # its own class has no slope
        rows, nearest = torch.arange(len(scores), device=scores.device), distances.argmin(1)
        share = (1 + self.overshoot) * distances[rows, nearest] / lengths[rows, nearest]
        step = share.unsqueeze(1) * away[rows, nearest]
        return torch.where(step.isfinite().all(1, keepdim=True), step, 0)  # else there is no boundary in sight


def _squared_lengths(model: Model, items: Tensor, steps: int, never: float, push: Push) -> Tensor:
    """The squared length of what flips each item, or a number where nothing does; on the CPU, (items,)."""
    whole = model.differentiable()

    def scores(items: Tensor) -> Tensor:
        found = whole.scores(whole.weights, items)
        return found if found.dtype == torch.float64 else found.float()

    first = scores(items[:1])
    classes, features = first.shape[1], items[:1].numel()
    if classes < 2:
        return first.new_full((len(items),), never).cpu()  # there is nothing else to be called
    together = max(1, min(PIECE, _NUMBERS // (classes * max(classes, features))))
    parts = [items[start:stop].to(first) for start, stop in spans(len(items), together)]
    return torch.cat([_pushed(scores, part, steps, never, push) for part in parts]).cpu()


def _pushed(scores: Callable[[Tensor], Tensor], items: Tensor, steps: int, never: float, push: Push) -> Tensor:
    """The squared lengths of some items.

    All are computed until the last has flipped, and those that have are not pushed: shapes that hang on when the
    neighbors flip would give a row other last bits.
    """
    moved = torch.zeros_like(items)
    flipped = torch.zeros(len(items), dtype=torch.bool, device=items.device)
    own = scores(items).argmax(1, keepdim=True)
    for number in range(steps + 1):
        with torch.enable_grad():
            at = (items + moved).requires_grad_()
            found = scores(at)
        flipped |= _level(found, own)
        if number == steps or bool(flipped.all()) or not found.requires_grad:  # then no score hangs on the items
            break
        step = push(found.detach(), partial(_slopes, found, at), own).reshape(items.shape)
        pushed, far = step.flatten(1).norm(dim=1), (items + moved).flatten(1).norm(dim=1)
        flipped |= (pushed > 0) & (pushed <= 4 * torch.finfo(step.dtype).eps * far)  # nearer than rounding can tell
        step[flipped] = 0
        if not bool(step.any()):
            break  # all that is left stands where nothing moves it
        moved += step
    lengths = moved.flatten(1).square().sum(1)
    return torch.where(flipped, lengths, never).clamp_max(never)


def _slopes(scores: Tensor, items: Tensor, cotangents: Tensor) -> Tensor:
    """Cotangents of scores, taken back to the items in one pass. (torch.func would load its compiler for this.)"""
    many = cotangents.ndim > scores.ndim
    return torch.autograd.grad(scores, items, cotangents, is_grads_batched=many, materialize_grads=True)[0]


def _level(scores: Tensor, own: Tensor) -> Tensor:
    """Whether another class has no less than the one that an item had, (items,)."""
    return _others(scores, own).amax(1) >= scores.gather(1, own).squeeze(1)


def _others(scores: Tensor, own: Tensor) -> Tensor:
    """Scores without that of one class of each item, (items, classes)."""
    return scores.scatter(1, own, -torch.inf)
