"""What models of a study answer, from ever more labels: the evidence that criteria for stopping read.

Nothing here reads a label that was not told. The newest model and those from when there were fewer labels are asked
about a fixed part of the pool, the stop set.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from askance import arrays
from askance.look import predict
from askance.look import threads as inner_threads
from askance.pool import LABELED, PENDING, UNLABELED
from askance.seeds import Dice
from askance.study.early import NO_FIT
from askance.study.steps import Steps
from askance.task import Classes, Named, Targets, Task

STOP_SET = 2000  # items whose answers are compared
SHARES = (1.0, 0.87, 0.76, 2 / 3)  # models that are compared: of all labels there are, and of these shares of them
ROUNDING = 1e-9  # of a share of labels
FEW = "too few models have been trained to see what more labels change"


class Look(NamedTuple):
    """One model's answers to the stop set: columns of classes (items, 1), of labels (items, labels), or numbers."""

    labels: int
    answers: Tensor


class _Lesson(NamedTuple):
    """How many labels a fit learned from, and the task they were labels of."""

    labels: int
    task: Task


class Evidence:
    """What criteria read of a study, each thing once.

    Args:
        study: The study.
    """

    def __init__(self, study: Steps) -> None:
        self.study = study
        self.task = study.state.task

    @property
    def answered(self) -> int:
        """Items that are answered, with a label or without."""
        return len(self.study.state.sides) - self.left

    @property
    def left(self) -> int:
        """Items without an answer."""
        return self.study.state.count(UNLABELED) + self.study.state.count(PENDING)

    @cached_property
    def rows(self) -> Tensor:
        """The stop set: rows of the pool by a hash of their ids, ascending."""
        keys = self.study.state.pool.keys
        count = max(1, min(STOP_SET, 2 * len(keys) // len(SHARES)))  # so that all looks cost two looks at the pool
        return Dice(self.study.state.seed, "stop").uniform(keys).argsort()[:count].sort().values

    @cached_property
    def looks(self) -> tuple[Look, ...]:
        """What the newest model answers, and those before it with the labels of `SHARES`; each model once."""
        fits = self.study.state.fits
        labels = [0 if fit.diverged else then.labels for fit, then in zip(fits, self._lessons, strict=True)]
        if not labels or not labels[-1]:
            return ()
        chosen = []
        for share in SHARES:
            enough = [fit for fit, count in enumerate(labels) if 0 < count <= share * labels[-1] + ROUNDING]
            chosen += enough[-1:]
        items = arrays.take(self.study.state.pool.items, self.rows)
        return tuple(Look(labels[fit], self._answers(fit, items)) for fit in dict.fromkeys(chosen))

    @cached_property
    def unclear(self) -> str:
        """Why looks cannot be compared, in words; empty if they can."""
        state = self.study.state
        if state.cold:
            return f"it is too early to tell, as {state.missing}"
        if not self.looks:
            failed = state.fits and state.fits[-1].diverged
            return "the training of the newest model failed" if failed else "no model has learned from a label yet"
        if len(self.looks) < 2:
            return FEW
        newest = self.looks[0].answers
        if bool((newest == newest[:1]).all()):
            return "the model still gives every item the same answer"
        return ""

    def changed(self, new: Look, old: Look) -> float:
        """The share of items that two models answer differently; of numbers, how far they moved in spreads."""
        if isinstance(self.task, Targets):
            moved = (new.answers - old.answers).square().mean().sqrt()
            return float(moved / new.answers.std(0, correction=0).square().mean().sqrt().clamp(min=1e-300))
        return float((new.answers != old.answers).any(1).double().mean())

    def agreement(self, new: Look, old: Look) -> tuple[float, float]:
        """Kappa of two models' answers, or the concordance of their numbers, with its standard error."""
        if isinstance(self.task, Targets):
            return concordance(new.answers, old.answers)
        codes = torch.cat([new.answers, old.answers])
        if codes.shape[1] > 1:  # every set of labels is a class of its own
            codes = torch.unique(codes, dim=0, return_inverse=True)[1].unsqueeze(1)
        return kappa(codes[: len(new.answers), 0], codes[len(new.answers) :, 0])

    def movement(self, still: bool) -> str:
        """How much answers changed from the oldest look to the newest, in words."""
        changed = f"{'only ' if still else ''}{self.changed(self.looks[0], self.looks[-1]):.1%}"
        if isinstance(self.task, Targets):
            return f"the model's numbers have moved by {changed} of their spread"
        return f"the model's answers have changed on {changed} of the items"

    def foreseen(self, answers: int) -> tuple[int, int]:
        """Of the last labels that a strategy asked for, how many the model it asked by foresaw, and out of how many."""
        state = self.study.state
        asked: dict[int, int] = {}  # for each row, the fit it was last asked by
        for line in reversed(self.study.journal.read()):
            if len(asked) >= answers:
                break
            if line.kind != "asked" or line.number > state.line or line.body["fit"] == NO_FIT:
                continue  # no model chose what was drawn early, and all may have learned from it
            if not state.fits[line.body["fit"]].diverged:
                rows = zip(state.pool.rows(line.body["ids"]), line.body["streams"], strict=True)
                mine = [row for row, stream in rows if stream == "active" and state.sides[row] == LABELED]
                asked = dict.fromkeys(mine, line.body["fit"]) | asked
        right = 0
        for fit in set(asked.values()):
            index = torch.tensor([row for row, by in asked.items() if by == fit])
            guessed = self._answers(fit, arrays.take(state.pool.items, index))
            told = _read(state.targets[0][torch.searchsorted(state.labeled, index)], self.task, self.task)
            right += int((guessed == told).all(1).sum())
        return right, len(asked)

    @cached_property
    def _lessons(self) -> list[_Lesson]:
        """What each fit learned from."""
        states = (self.study.replay(fit.through) for fit in self.study.state.fits)  # each ends with the next
        return [_Lesson(state.count(LABELED), state.task) for state in states]

    def _answers(self, fit: int, items: Any) -> Tensor:
        """What the model of a fit answers, in the columns that the task has now."""
        state = self.study.state
        task = self._lessons[fit].task
        with inner_threads(state.threads):
            said = predict(self.study.models.task(state.fits, fit), items, task, min(state.piece, len(items)))
        return _read(said, task, self.task)


def kappa(first: Tensor, second: Tensor) -> tuple[float, float]:
    """Cohen's kappa of two codings, and its standard error by the jackknife; NaN where chance agrees on everything.

    Args:
        first: Codes from 0, int64 (items,).
        second: Codes of the same items.

    >>> round(kappa(tensor([0, 0, 1, 1]), tensor([0, 0, 1, 0]))[0], 4)          # 3/4 agree, 1/2 by chance
    0.5
    """
    width = int(max(first.max(), second.max())) + 1
    one, other = (torch.bincount(codes, minlength=width).double() for codes in (first, second))
    both = (first == second).double()

    def value(same: Tensor, chance: Tensor, items: int) -> Tensor:
        return (items * same - chance) / (items * items - chance)

    items, same, chance = len(first), both.sum(), (one * other).sum()
    left = value(same - both, chance - other[first] - one[second] + both, items - 1)
    return float(value(same, chance, items)), _jackknife(left)


def concordance(first: Tensor, second: Tensor) -> tuple[float, float]:
    """Lin's concordance correlation, averaged over columns, and its standard error by the jackknife.

    Args:
        first: Numbers, (items, targets).
        second: Numbers for the same items.

    >>> round(concordance(tensor([[0.0], [2.0]]), tensor([[1.0], [3.0]]))[0], 4)    # 2 x 1 / (1 + 1 + 1)
    0.6667
    """
    one, other = first.double(), second.double()
    parts = (one, other, one * one, other * other, one * other)

    def value(items: int, take: Callable[[Tensor], Tensor]) -> Tensor:
        x, y, xx, yy, xy = (take(part) for part in parts)
        apart = xx - x * x / items + yy - y * y / items + (x - y) ** 2 / items
        return (2 * (xy - x * y / items) / apart).mean(-1)

    left = value(len(one) - 1, lambda part: part.sum(0) - part)
    return float(value(len(one), lambda part: part.sum(0))), _jackknife(left)


def _jackknife(left: Tensor) -> float:
    """The standard error of a number, from what it is without each item."""
    return float(((len(left) - 1) * (left - left.mean()).square().mean()).sqrt())


def _read(said: Tensor, then: Task, now: Task) -> Tensor:
    """Linked scores as answers, in today's columns: classes and labels may have been added, renamed or merged."""
    if not isinstance(then, Named) or not isinstance(now, Named):
        return said.double()
    column = torch.tensor([now.index(name) for name in then.names], dtype=torch.int64)
    if isinstance(then, Classes):
        return column[said.argmax(1, keepdim=True)]
    out = torch.zeros(len(said), now.width, dtype=torch.int64)
    for place, to in enumerate(column.tolist()):  # of labels that were merged, either
        out[:, to] |= (said[:, place] >= 0.5).long()
    return out
