"""The trials of one search for an architecture: which labels are held out, what came out, and what it cost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from askance.arrays import take
from askance.describe import describe
from askance.learners.base import Lesson, Model, Resume
from askance.learners.families import count_parameters
from askance.learners.network import built, device_of, settled
from askance.learners.rules import Search
from askance.learners.shapes import Shape
from askance.learners.tangents import tangent_kernel
from askance.seeds import Dice
from askance.task import Classes

if TYPE_CHECKING:
    from askance.learners.architecture import OfFamily


@dataclass(eq=False)
class Trials:
    """The trials of one search: which labels are held out, what came out, and what it cost.

    A trial that was finished before its process was killed is read, and not made again.

    Args:
        learner: How a shape is tried.
        lesson: What is learned.
    """

    learner: OfFamily
    lesson: Lesson
    tried: list[dict[str, Any]] = field(default_factory=list)
    known: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lesson = self.lesson.only(self.lesson.whole)  # what is made of items tells nothing new of a shape
        items = self.lesson.items
        shape = tuple(items.shape[1:])
        self.features = shape[0] if len(shape) == 1 else shape
        self.most = self.learner.family.bounds(self.features)
        self.held, self.lacking = held_out(self.learner, self.lesson)
        self._resume = place_of(self.lesson, "trials")
        self._digest = _digest(self.learner, self.lesson)
        found = self._resume.load() if self._resume is not None else None
        if found is not None and found[1].get("search") == self._digest:
            self.known = found[0]

    def search(self, now: Shape) -> Search:
        """What a rule sees of it."""
        return Search(
            now, self.most, self.lesson.dice.of("search"), self.lesson.targets, self.trial, self.parameters, self.kernel
        )

    def trial(self, shape: Shape, share: float) -> Tensor:
        """Quality of a shape on held-out items, (held out,); a search asks for each but once."""
        steps = max(1, round(share * self.learner.search * self.learner.training.steps))
        name = f"{shape.blocks}x{shape.stacks}x{steps}"
        if name not in self.known:
            looks = torch.cat([self._fold(shape, steps, fold, out) for fold, out in enumerate(self.held)], 1)
            self.known = {**self.known, name: looks[int(looks.mean(1).argmax())].contiguous()}
            if self._resume is not None:
                self._resume.save(self.known, {"search": self._digest})
        quality = self.known[name]
        told = {**named(shape), "steps": steps, "quality": float(quality.mean())}
        if told not in self.tried:
            self.tried.append(told)
        return quality

    def told(self) -> dict[str, Any]:
        """What was tried and what it cost, as facts of the model."""
        return {
            "tried": self.tried,
            "held": sum(map(len, self.held)) if self.tried else 0,
            "trainings": len(self.tried) * len(self.held),
            "search_steps": sum(one["steps"] for one in self.tried) * len(self.held),
        }

    def parameters(self, shape: Shape) -> int:
        """How many numbers the network of a shape learns."""
        return count_parameters(self.learner.family.at(shape), self.features, self.lesson.task.width)

    def kernel(self, shape: Shape) -> Tensor:
        """The kernel of the untrained network on the labeled items, by one score that is drawn."""
        dice, width = self.lesson.dice.of("kernel"), self.lesson.task.width
        device = device_of(self.learner.training.device)
        features = list(self.features) if isinstance(self.features, tuple) else self.features
        with settled(dice.key, device):
            network = built(self.learner.family.at(shape), features, width).to(device).eval()
            column = int(dice.generator().integers(width))
            return tangent_kernel(network, take(self.lesson.items, self.lesson.labeled).to(device).float(), column)

    def _fold(self, shape: Shape, steps: int, fold: int, out: Tensor) -> Tensor:
        """Quality of each look at a training without some labels, on those, (looks, held out)."""
        own = replace(
            self.lesson.only(self.lesson.apart(out)),
            dice=self.lesson.dice.of(f"folds[{fold}]"),  # the same for all shapes, which are compared
            record=frozenset(),
            resume=place_of(self.lesson, f"trials[{shape.blocks}x{shape.stacks}x{steps}][{fold}]"),
        )
        looks = min(self.learner.looks, steps)
        marks = sorted({-(-steps * look // looks) for look in range(1, looks)})
        recipe = replace(self.learner.at(shape), steps=steps, patience=0)
        models = recipe.fit_at(own, marks)
        items = take(self.lesson.items, self.lesson.labeled[out])
        found = [_quality(model, items, self.lesson.targets[out], self.lesson) for model in models]
        found = found if len(found) == len(marks) + 1 else [found[-1]] * (len(marks) + 1)  # it diverged
        return torch.stack(found)


LOST = -1e30  # the quality of numbers that a training that diverged gives; facts hold no infinity


def _quality(model: Model, items: Tensor, targets: Tensor, lesson: Lesson) -> Tensor:
    """How good each answer is: of classes 1 if it is right, of all else minus its loss, float64 (items,)."""
    scores = model.outputs(items).scores
    assert scores is not None
    if "diverged" in model.facts:  # its scores are all zero: of classes it would answer the first
        return torch.full((len(targets),), 0.0 if isinstance(lesson.task, Classes) else LOST, dtype=torch.float64)
    if isinstance(lesson.task, Classes):
        return (scores.argmax(1) == targets.to(scores.device).argmax(1)).double()
    return -lesson.task.loss(scores, targets.to(scores)).double()


def held_out(learner: OfFamily, lesson: Lesson) -> tuple[list[Tensor], str]:
    """Positions that are held out of each training, and why none can be, if so.

    Items are dealt class by class, in an order that hangs on their keys and on the study's seed alone: the same items
    are held out as long as no other is labeled.
    """
    labels = len(lesson.labeled)
    if labels < learner.folds:
        return [], f"{labels} labels are too few to validate by {learner.folds} folds"
    order = Dice(lesson.dice.seed, "validation").uniform(lesson.keys[lesson.labeled]).argsort()
    if isinstance(lesson.task, Classes):
        classes = lesson.targets[order].argmax(1)
        if int(classes.min()) == int(classes.max()):
            return [], "all labels are of one class"
        order = order[classes.argsort(stable=True)]
    count = int(learner.validation * labels)
    if count >= learner.held:
        middles = (2 * torch.arange(count) + 1) * labels // (2 * count)  # evenly, as middles of equal parts
        return [order[middles].sort().values], ""
    return [order[fold :: learner.folds].sort().values for fold in range(learner.folds)], ""


def _digest(learner: OfFamily, lesson: Lesson) -> str:
    """A fingerprint of all that trials depend on: one place may see several searches."""
    text = json.dumps(describe(learner), sort_keys=True)
    found = blake2b(f"{text}|{lesson.dice.key}".encode(), digest_size=16)
    for array in (lesson.keys[lesson.labeled], lesson.targets, lesson.weights):
        found.update(array.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def named(shape: Shape) -> dict[str, int]:
    """A shape as facts say it."""
    return {"blocks": shape.blocks, "stacks": shape.stacks}


def place_of(lesson: Lesson, part: str) -> Resume | None:
    """Where one of several fits keeps how far it is."""
    return None if lesson.resume is None else lesson.resume.of(part)
