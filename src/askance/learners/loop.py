"""The training loop in named steps: what is kept of it suffices to go on exactly as it would have gone on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from askance.arrays import spans, take
from askance.errors import AskanceError, out_of_memory
from askance.learners.base import Lesson
from askance.learners.beside import Step
from askance.learners.network import ROWS, TorchModel
from askance.learners.seeded import throw
from askance.task import Classes

if TYPE_CHECKING:
    from askance.learners.torch import Torch

RECORDED = 100_000  # items that are recorded, at most; of a larger pool so many, drawn by a hash of their keys
FORM = 2  # of what is kept of a training: one that was begun in another form is begun anew
LEAST = 10  # items to hold out; the loss on fewer is mostly chance


class Diverged(Exception):
    """The loss is no number any more."""


class Training:
    """One training of one network.

    It goes by epochs, each a walk through the labeled items in an order of its own, until the steps are spent. Every
    step throws dice of its own, so a training that goes on from a step throws what it would have thrown.

    Args:
        recipe: How to train.
        model: The network, with new weights.
        lesson: What to learn.
        marks: After which steps the weights are copied aside.
    """

    def __init__(self, recipe: Torch, model: TorchModel, lesson: Lesson, marks: Sequence[int] = ()) -> None:
        self.recipe, self.model, self.lesson, self.marks = recipe, model, lesson, marks
        self.snapshots: list[dict[str, Any]] = []
        self.kept, self.held = _split(lesson, recipe.validation if recipe.patience else 0.0)
        self.optimizer = recipe.optimizer([w for w in model.network.parameters() if w.requires_grad])
        self.others = [part.optimizer(module) for part, module in model.beside]
        self.number, self.epoch, self.place = 0, 0, 0  # steps done, epochs begun, batches done of this epoch
        self.best, self.best_epoch, self.best_step = math.inf, 0, 0
        self.best_weights: dict[str, Any] | None = None
        self.stopped = ""
        self.records: dict[str, Tensor] = {}
        self.rows = _recorded_rows(lesson) if lesson.record else lesson.labeled[:0]  # it sorts all of a large pool
        self.looks = _looks(recipe.looks, recipe.steps)
        self.walked, self._asked = 0, 0  # unlabeled items that were shown before this step, and how many in it
        self._open: tuple[int, Tensor] | None = None

    def run(self) -> dict[str, Any]:
        """Train, and say how it went.

        Raises:
            Diverged: If the loss is no number.
        """
        self._resumed()
        while not self.stopped:
            self.one_epoch()
        if self.best_weights is not None:
            self.model.load(self.best_weights)
        return {
            "steps": self.number,
            "epochs": self.epoch,
            "best_epoch": self.best_epoch or self.epoch,
            "best_step": self.best_step or self.number,
            "validation_items": len(self.held),
            "validation_loss": self.best if self.best_weights is not None else None,
            "stopped": self.stopped,
        }

    def one_epoch(self) -> None:
        """Walk through the labeled items, from where the walk was left."""
        if not self.place:
            self.epoch += 1
        batches = self._batches()
        while self.place < len(batches) and self.number < self.recipe.steps:
            try:
                self.one_step(batches[self.place])
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                raise AskanceError(
                    f"Memory does not suffice to train on {len(batches[self.place])} items at once: {error}. Use a "
                    f"smaller batch, Torch(..., batch={max(1, self.recipe.batch // 2)}), or a smaller network."
                ) from error
            self.place += 1
            if self.number in self.marks:
                self.snapshots.append(deepcopy(self.model.state()))
            if self.number in self.looks:
                self.record(self.looks.index(self.number))
            if self.lesson.resume is not None and self.lesson.resume.due() and self._can_be_kept():
                self.lesson.resume.save(*self.state())
        self.place = 0
        self.validate()
        if not self.stopped and self.number >= self.recipe.steps:
            self.stopped = f"after {self.number} steps"

    def one_step(self, rows: Tensor) -> None:
        """Learn from some labeled items, given by position."""
        recipe, model = self.recipe, self.model
        share = self.number / recipe.steps
        self.number += 1
        throw(self.lesson.dice.of(f"step-{self.number}").key, model.device)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate * recipe.schedule.factor(share)
        items, targets, weights = self._batch(rows)
        model.train(len(items))
        seen = model.look(items)
        targets = targets.to(seen.scores)
        losses = self.lesson.task.loss(seen.scores, targets)
        weights = weights.to(losses)
        step = Step(
            model,
            self.lesson,
            self.number,
            share,
            rows,
            self.kept,
            items,
            targets,
            weights,
            seen,
            losses,
            self._unlabeled,
        )
        loss = (weights * losses).mean()
        for part, module in model.beside:
            more = part.loss(module, step)
            loss = loss if more is None else loss + more
        if not math.isfinite(float(loss.detach())):
            raise Diverged(f"its loss is {float(loss.detach())} in step {self.number}")
        for each in (self.optimizer, *self.others):
            if each is not None:
                each.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        for (part, module), optimizer in zip(model.beside, self.others, strict=True):
            if optimizer is not None:
                part.update(module, optimizer, step)
        self.walked, self._asked = self.walked + self._asked, 0

    def validate(self) -> None:
        """After an epoch: the loss of the items held out; the best weights are kept, and a long wait ends it."""
        if not len(self.held):
            return
        self.model.eval()
        total = 0.0
        with torch.no_grad():
            for start, stop in spans(len(self.held), ROWS):
                rows = self.held[start:stop]
                scores = self.model.scores(take(self.lesson.items, self.lesson.labeled[rows]))
                losses = self.lesson.task.loss(scores, self.lesson.targets[rows].to(scores))
                total += float((self.lesson.weights[rows].to(losses) * losses).sum())
        found = total / len(self.held)
        if not math.isfinite(found):
            raise Diverged(f"its loss on held-out items is {found} in step {self.number}")
        if found < self.best:
            self.best, self.best_epoch, self.best_step = found, self.epoch, self.number
            self.best_weights = deepcopy(self.model.state())
        elif self.epoch - self.best_epoch >= self.recipe.patience:
            self.stopped = f"after {self.recipe.patience} epochs without improvement"

    def record(self, look: int) -> None:
        """Write down what the model says of the pool, as one of several looks."""
        if not self.lesson.record:
            return
        for name, rows in _told(self.model, self.lesson, self.rows).items():
            if name not in self.records:
                shape = (len(self.lesson.keys), len(self.looks), *rows.shape[1:])
                self.records[name] = torch.full(shape, math.nan)
            self.records[name][self.rows, look] = rows

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the rest of the training depends on: tensors, and JSON."""
        tensors = {f"now.{name}": value for name, value in self.model.state().items()}
        tensors |= {f"best.{name}": value for name, value in (self.best_weights or {}).items()}
        tensors |= {f"records.{name}": value for name, value in self.records.items()}
        for place, snapshot in enumerate(self.snapshots):
            tensors |= {f"snapshots.{place}.{name}": value for name, value in snapshot.items()}
        groups = []
        for place, optimizer in enumerate((self.optimizer, *self.others)):
            state = optimizer.state_dict() if optimizer is not None else {"state": {}, "param_groups": []}
            groups.append(state["param_groups"])
            for row, values in state["state"].items():
                tensors |= {f"optimizer.{place}.{row}.{name}": value for name, value in _tensors(values).items()}
        facts = {
            "lesson": _digest(self.lesson),
            "number": self.number,
            "epoch": self.epoch,
            "place": self.place,
            "walked": self.walked,
            "best": None if math.isinf(self.best) else self.best,
            "best_epoch": self.best_epoch,
            "best_step": self.best_step,
            "snapshots": len(self.snapshots),
            "groups": groups,
        }
        return {name: value.detach().cpu().clone() for name, value in tensors.items()}, facts

    def _can_be_kept(self) -> bool:
        """Whether the network has tensors alone for a state; one with state of another kind is trained in one go."""
        return all(isinstance(value, Tensor) for value in self.model.state().values())

    def _resumed(self) -> None:
        """Go on from what was kept, if anything was, and it is of this lesson."""
        found = self.lesson.resume.load() if self.lesson.resume is not None else None
        if found is None or found[1].get("lesson") != _digest(self.lesson):
            return
        tensors, facts = found
        self.model.load(_under("now.", tensors))
        self.best_weights = _under("best.", tensors) or None
        self.records = dict(_under("records.", tensors))
        self.snapshots = [_under(f"snapshots.{place}.", tensors) for place in range(facts["snapshots"])]
        for place, optimizer in enumerate((self.optimizer, *self.others)):
            if optimizer is not None:
                state: dict[int, dict[str, Tensor]] = {}
                for name, value in _under(f"optimizer.{place}.", tensors).items():
                    row, _, what = name.partition(".")
                    state.setdefault(int(row), {})[what] = value
                optimizer.load_state_dict({"state": state, "param_groups": facts["groups"][place]})
        self.number, self.epoch, self.place = facts["number"], facts["epoch"], facts["place"]
        self.walked = facts["walked"]
        self.best = math.inf if facts["best"] is None else facts["best"]
        self.best_epoch, self.best_step = facts["best_epoch"], facts["best_step"]

    def _batches(self) -> Sequence[Tensor]:
        """The labeled items of this epoch in its order, in batches of one size but for one item."""
        keys = self.lesson.keys[self.lesson.labeled[self.kept]]
        order = self.kept[self.lesson.dice.of(f"epoch-{self.epoch}").uniform(keys).argsort()]
        return order.tensor_split(math.ceil(len(order) / self.recipe.batch))

    def _batch(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Items as the network reads them, their targets and their weights."""
        places = self.lesson.labeled[rows]
        items, targets, weights = self._augmented(places), self.lesson.targets[rows], self.lesson.weights[rows]
        mixup = self.recipe.mixup
        if mixup is not None:
            return mixup(items, targets, weights, self._noise(places, mixup.draws, "mixup"))
        return items, targets, weights

    def _augmented(self, places: Tensor) -> Tensor:
        items = self.model.given(take(self.lesson.items, places))
        augment = self.recipe.augment
        return items if augment is None else augment(items, self._noise(places, augment.draws, "augment"))

    def _noise(self, places: Tensor, draws: int, use: str) -> Tensor:
        """Numbers of each item for this step, (items, draws): whatever else is in the batch."""
        dice, keys = self.lesson.dice.of(f"{use}-{self.number}"), self.lesson.keys[places]
        return torch.stack([dice.of(str(draw)).uniform(keys) for draw in range(draws)], 1)

    def _unlabeled(self, count: int) -> Tensor:
        """Unlabeled items of this step, walked through in an order that changes with each walk."""
        rows = self.lesson.unlabeled
        if not len(rows) or not count:
            return self.model.given(take(self.lesson.items, rows[:0]))
        self._asked = max(self._asked, count)
        position, end = self.walked, self.walked + count
        chosen = []
        while position < end:
            walk, place = divmod(position, len(rows))
            if self._open is None or self._open[0] != walk:
                noise = self.lesson.dice.of(f"unlabeled-{walk}").uniform(self.lesson.keys[rows])
                self._open = walk, rows[noise.argsort()]
            chosen.append(self._open[1][place : place + end - position])
            position += len(chosen[-1])
        return self._augmented(torch.cat(chosen))


def unmoved(model: TorchModel, lesson: Lesson, recipe: Torch) -> dict[str, Tensor]:
    """The records of a model that learned nothing: it says the same at every look of its training."""
    rows, records = _recorded_rows(lesson), {}
    looks = len(_looks(recipe.looks, recipe.steps))
    for name, told in _told(model, lesson, rows).items() if lesson.record else ():
        records[name] = torch.full((len(lesson.keys), looks, *told.shape[1:]), math.nan)
        records[name][rows] = told.unsqueeze(1)
    return records


def _told(model: TorchModel, lesson: Lesson, rows: Tensor) -> dict[str, Tensor]:
    """What the model says of some rows now, by the names that a strategy wants recorded; float32."""
    found = model.outputs(take(lesson.items, rows))
    assert found.scores is not None
    given = {"probabilities": lesson.task.link(found.scores)}
    if found.embeddings is not None:
        given["embedding_lengths"] = found.embeddings.norm(dim=1)
    return {name: given[name].float() for name in sorted(lesson.record)}


def _split(lesson: Lesson, share: float) -> tuple[Tensor, Tensor]:
    """Positions of labeled items to learn from and to hold out: spread over the classes, never the only one of its own.

    Nothing is held out where it would be too little to tell anything.
    """
    order = lesson.dice.of("validation").uniform(lesson.keys[lesson.labeled]).argsort()
    order = order[lesson.whole[order]]
    labels, spare = len(order), order
    if isinstance(lesson.task, Classes):
        classes = lesson.targets[order].argmax(1)
        by_class = classes.argsort(stable=True)
        classes = classes[by_class]
        spare = order[by_class][1:][classes[1:] == classes[:-1]]  # all but the first of each class
    count = min(int(share * labels), len(spare))
    if count < LEAST:
        return torch.arange(len(lesson.labeled)), order[:0]
    held = spare[(2 * torch.arange(count) + 1) * len(spare) // (2 * count)]  # evenly, as middles of equal parts
    return lesson.apart(held).nonzero().squeeze(1), held


def _digest(lesson: Lesson) -> str:
    """A fingerprint of what is learned: a learner may fit several times in one place, with other labels or dice."""
    found = blake2b(f"{FORM}|{lesson.dice.key}".encode(), digest_size=16)
    for array in (lesson.keys[lesson.labeled], lesson.targets, lesson.weights, lesson.keys[lesson.guessed]):
        found.update(array.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def _recorded_rows(lesson: Lesson) -> Tensor:
    """The pool rows that are recorded: all, or of a large pool the labeled ones and some others."""
    rows = torch.arange(len(lesson.keys))
    if len(rows) <= RECORDED:
        return rows
    noise = lesson.dice.of("recorded").uniform(lesson.keys)
    noise[lesson.labeled] = 0.0
    return noise.argsort(stable=True)[: max(RECORDED, len(lesson.labeled))].sort().values


def _looks(count: int, steps: int) -> list[int]:
    """After which steps the pool is looked at: evenly, the last step among them."""
    return sorted({math.ceil(steps * (look + 1) / count) for look in range(count)})


def _tensors(values: dict[str, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def _under(start: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
