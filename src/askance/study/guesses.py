"""What the model of a fit says of a few items, in the names that the task has today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from askance import arrays
from askance.learners.base import Outputs
from askance.look import threads
from askance.signals.probabilities import Probabilities
from askance.signals.samples import Votes
from askance.study.study import Study
from askance.task import Classes, Labels, Named, Targets, Task

TOP = 3  # likeliest classes that are named


@dataclass(frozen=True)
class Likely:
    """A class, or one of several labels, with its probability."""

    name: Any
    probability: float

    def as_json(self) -> dict[str, Any]:
        """The pair as plain values."""
        return {"name": self.name, "probability": round(self.probability, 4)}


@dataclass(frozen=True)
class Guess:
    """What a model guesses of an item.

    Args:
        id: Its id.
        value: What the task would read: a class, a list of labels, a number or several.
        probability: Of the class; of labels that of the least sure one, be it yes or no; None for numbers.
        top: The likeliest classes or labels, the first one first.
        spread: The standard deviation of a number, or of each of several, where the model gives one.
        model: The model's number.
        labels: How many labels the model saw.
    """

    id: Any
    value: Any
    probability: float | None
    top: tuple[Likely, ...]
    spread: Any
    model: int
    labels: int

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        probability = None if self.probability is None else round(self.probability, 4)
        return {**own, "probability": probability, "top": [likely.as_json() for likely in self.top]}


def guesses(study: Study, ids: Iterable[Any]) -> list[Guess]:
    """What the study's latest model guesses of some items; it looks at no others, and nothing is fitted.

    Args:
        study: It is read on, and not written to.
        ids: Which items.

    Returns:
        One for each item, in order; none at all where there is no model, or it knows nothing: it saw no label, or
        labels of one class alone, or its training failed.

    Raises:
        BadInput: If the pool has no such item.
    """
    study.refresh()
    state = study.state
    rows = state.pool.rows(ids)
    if not rows or not state.fits:
        return []
    with threads(state.threads):
        told = said(study, len(state.fits) - 1, rows)
    names = state.pool.names(torch.tensor(rows))
    return [_guess(told, row, name) for row, name in zip(rows, names, strict=True)] if told.knows else []


@dataclass(frozen=True, eq=False)
class Said:
    """What a model says of some rows.

    Args:
        task: What the items are labeled with today.
        number: Which fit.
        labels: How many labels it saw.
        place: Where a row stands in the arrays below.
        linked: What it says of each, float64 (rows, width); None where it knows nothing.
        spread: The standard deviation of each score, (rows, width), or None.
        votes: The class that each version of it is for, int64 (rows, versions), or None.
    """

    task: Task
    number: int
    labels: int
    place: dict[int, int]
    linked: Tensor | None = None
    spread: Tensor | None = None
    votes: Tensor | None = None

    @property
    def knows(self) -> bool:
        """Whether the model knows anything."""
        return self.linked is not None

    def of(self, row: int) -> Tensor:
        """What it says of a row, (width,); nothing where it knows nothing."""
        return torch.zeros(0) if self.linked is None else self.linked[self.place[row]]

    def likely(self, row: int, most: int = TOP) -> tuple[Likely, ...]:
        """The likeliest classes or labels, the first one first; ties go to the name declared first."""
        if not isinstance(self.task, Named):
            return ()
        shares, order = self.of(row).sort(descending=True, stable=True)
        found = zip(shares[:most].tolist(), order[:most].tolist(), strict=True)
        return tuple(Likely(self.task.names[column], share) for share, column in found)

    def undecided(self, row: int) -> Likely | None:
        """Of several labels the one that is nearest to one half."""
        if not isinstance(self.task, Labels) or not len(self.of(row)):
            return None
        column = int((self.of(row) - 0.5).abs().argmin())
        return Likely(self.task.names[column], float(self.of(row)[column]))

    def numbers(self, row: int) -> list[float]:
        """The predicted numbers; none of other tasks."""
        return self.of(row).tolist() if isinstance(self.task, Targets) else []

    def give(self, row: int) -> list[float]:
        """The standard deviation of each predicted number, where the model gives one."""
        if self.spread is None or not isinstance(self.task, Targets):
            return []
        found = self.spread[self.place[row]]
        return found.tolist() if bool(torch.isfinite(found).all()) else []

    def polled(self, row: int) -> list[tuple[Any, int]]:
        """How many versions of the model are for each class, most first; none where it has one version."""
        if self.votes is None or self.votes.shape[1] < 2 or not isinstance(self.task, Classes):
            return []
        counts = torch.bincount(self.votes[self.place[row]], minlength=self.task.width)
        order = counts.argsort(descending=True, stable=True).tolist()
        return [(self.task.names[column], int(counts[column])) for column in order if counts[column]]


def said(study: Study, number: int, rows: Sequence[int]) -> Said:
    """What the model of a fit says of some rows; it looks at no others.

    Args:
        study: Whose fit.
        number: Which fit.
        rows: Row numbers of the pool.
    """
    seen, state = _seen(study, number), study.state
    place = {row: at for at, row in enumerate(dict.fromkeys(rows))}
    nothing = Said(state.task, number, seen.labels, place)
    if not seen.taught or type(seen.task) is not type(state.task) or not place:
        return nothing
    with torch.no_grad():
        items = arrays.take(state.pool.items, torch.tensor(list(place), dtype=torch.int64))
        outputs = study.models.task(state.fits, number).outputs(items)
        linked = Probabilities().rows(outputs, seen.task).double().cpu()
        votes = _votes(outputs, seen.task)
    if not bool(torch.isfinite(linked).all()):
        return nothing
    if isinstance(state.task, Named) and isinstance(seen.task, Named) and state.task != seen.task:
        columns = torch.tensor([state.task.index(name) for name in seen.task.names], dtype=torch.int64)
        linked, votes = _today(linked, columns, state.task), None if votes is None else columns[votes]
    return Said(state.task, number, seen.labels, place, linked, _spread(outputs), votes)


@dataclass(frozen=True)
class _Seen:
    """What a fit saw: the task as it was then, how many labels, and whether they can have taught anything."""

    task: Task
    labels: int
    taught: bool


_SEEN: WeakKeyDictionary[Study, dict[str, _Seen]] = WeakKeyDictionary()  # as a journal is walked through for each


def _seen(study: Study, number: int) -> _Seen:
    known, fit = _SEEN.setdefault(study, {}), study.state.fits[number]
    if fit.key not in known:
        past = study.replay(fit.through)
        targets = past.targets[0]
        one = isinstance(past.task, Classes) and len(targets) > 0 and len(torch.unique(targets.argmax(1))) < 2
        taught = len(targets) > 0 and past.task.width > 0 and not one and not fit.diverged
        known[fit.key] = _Seen(past.task, len(targets), taught)
    return known[fit.key]


def _today(linked: Tensor, columns: Tensor, task: Task) -> Tensor:
    """Probabilities under the names of today: of classes that were merged the sum, of labels the surer one."""
    how = "amax" if isinstance(task, Labels) else "sum"
    return linked.new_zeros(len(linked), task.width).scatter_reduce(1, columns.expand_as(linked), linked, how)


def _votes(outputs: Outputs, task: Task) -> Tensor | None:
    there = any(array is not None for array in (outputs.votes, outputs.samples, outputs.sampled))
    return Votes().rows(outputs, task).cpu() if there and isinstance(task, Classes) else None


def _spread(outputs: Outputs) -> Tensor | None:
    if outputs.spread is not None or outputs.samples is None:
        return outputs.spread
    return outputs.samples.double().std(1)


def _guess(told: Said, row: int, name: Any) -> Guess:
    task, linked, top = told.task, told.of(row), told.likely(row)
    value, probability = task.answer(linked), None
    if isinstance(task, Targets):
        value = alone(value, task)
    elif isinstance(task, Labels):
        probability = float(torch.maximum(linked, 1 - linked).min())
    else:
        probability = top[0].probability
    return Guess(name, value, probability, top, alone(told.give(row), task), told.number, told.labels)


def alone(numbers: list[float], task: Task) -> Any:
    """The number of a task that has one, else the list; None where there are none."""
    return None if not numbers else numbers[0] if task.width == 1 else numbers
