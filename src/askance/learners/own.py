"""Any object with fit and predict_proba, or predict, as a learner."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from askance.arrays import raw, take, tensor
from askance.describe import build, describe
from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.counted import counted
from askance.learners.makers import is_maker, named
from askance.learners.seeded import seeded
from askance.task import Classes, Labels, Targets, Task


@dataclass(frozen=True)
class Own(Learner):
    """An object of the user's, made anew for each fit.

    The object has ``fit(items, labels)`` and, for classes and labels, ``predict_proba(items)``; for numbers,
    ``predict(items)``. Items of an array come as a numpy array, other items as a list. Labels come as a class's
    place in the task, int64 (items,); as zeros and ones, int64 (items, labels); as numbers, float64 (items,) or
    (items, targets). An item that people disagree about counts as what most of them say. Weights are not handed on: an
    item comes as often as it weighs, and weights that differ and are no whole numbers are refused.

    ``predict_proba`` gives a column for each class of the task, or for each class that it was given, ascending, or
    for each of ``classes_`` if the object has them; a class without a column has probability zero. An object that
    also has ``embed(items)`` gives embeddings; it must give them before it is fitted, too. Until there are labels,
    of two classes where they are classes, the object is not fitted, and the model knows nothing.

    Whatever the object throws of the global dice of Python, numpy and torch comes from the lesson's. Models are not
    stored: after a restart the object is fitted again.

    Args:
        maker: What makes the object: a class or function at the top level of a module that takes no argument, or an
            object whose class is a dataclass, so that its fields say how to make another one.
    """

    revision: ClassVar[int] = 2  # an item comes as often as it weighs

    maker: Any

    def __post_init__(self) -> None:
        what, name = self.maker, type(self.maker).__name__
        learns = hasattr(what, "fit")
        if learns and not isinstance(what, type) and not is_dataclass(what):
            raise BadInput(
                f"A live {name} cannot be written to the journal. Hand in the class or a function of a module that "
                f"makes it, such as Own({name}), or decorate {name} with @dataclass."
            )
        if not learns and (isinstance(what, type) or not is_maker(what)):
            raise BadInput(
                f"{named(what)} has no fit(), and makes nothing that has. Hand in a class with fit() and "
                f"predict_proba(), or a function of a module that makes such an object."
            )

    def __hash__(self) -> int:
        return hash(json.dumps(describe(self.maker), sort_keys=True))  # a dataclass of the user's may have none

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings"} if self._embeds else {"scores"})

    def fit(self, lesson: Lesson) -> OwnModel:
        task, seed = lesson.task, lesson.dice.key
        with seeded(seed):
            made = self._made()
            verb = _verb(task)
            if not hasattr(made, "fit") or not hasattr(made, verb):
                raise BadInput(
                    f"{type(made).__name__} lacks fit() or {verb}(), and to learn {type(task).__name__} it needs both. "
                    f"Write the one that is missing."
                )
            lesson = counted(lesson.only(lesson.weights > 0), type(made).__name__)
            labels = _labels(lesson)
            columns = np.unique(labels) if isinstance(task, Classes) and task.width else np.arange(task.width)
            known = len(labels) > 0 and len(columns) > (1 if isinstance(task, Classes) else 0)
            if known:
                made.fit(_given(take(lesson.items, lesson.labeled)), labels)
        return OwnModel(made, task, columns, known, self._embeds, seed)

    def _made(self) -> Any:
        maker = build(describe(self.maker))  # what another process would make from the journal
        return maker() if isinstance(maker, type) or not hasattr(maker, "fit") else maker

    @cached_property
    def _embeds(self) -> bool:
        if isinstance(self.maker, type) or hasattr(self.maker, "fit"):
            return hasattr(self.maker, "embed")
        with seeded(0):
            return hasattr(self._made(), "embed")


@dataclass(frozen=True, eq=False)
class OwnModel(Model):
    """An object, fitted if there was something to learn from.

    Args:
        object: The object.
        task: What it learned.
        columns: The classes it was given.
        known: Whether it is fitted.
        embeds: Whether it gives embeddings.
        seed: The key of its dice.
        facts: None are needed.
    """

    object: Any
    task: Task
    columns: np.ndarray
    known: bool
    embeds: bool
    seed: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    def outputs(self, items: Any) -> Outputs:
        with seeded(self.seed):
            embeddings = self._embeddings(items) if self.embeds else None
            if self.known:
                return self._beliefs(items, embeddings)
        scores = torch.zeros(len(items), self.task.width, dtype=torch.float64)
        if isinstance(self.task, Classes) and len(self.columns) == 1:
            scores[:, int(self.columns[0])] = 1.0  # leans to the one class there was, and knows nothing else
        return Outputs(scores=scores, embeddings=embeddings)

    def _beliefs(self, items: Any, embeddings: Tensor | None) -> Outputs:
        given = self._rows(_verb(self.task), items).double()
        if isinstance(self.task, Classes):
            probabilities = self._spread(given)
            scores = probabilities.clamp_min(1e-300).log()
            return Outputs(scores=scores, embeddings=embeddings, probabilities=probabilities)
        if given.shape[1] != self.task.width:
            raise BadInput(
                f"{self._said(_verb(self.task))} has {given.shape[1]} columns; the task needs {self.task.width}. "
                f"Give a column for each of its labels or numbers."
            )
        if isinstance(self.task, Labels):
            self._refuse(given, (given < 0) | (given > 1), "Give shares from 0 to 1")
            given = given.logit(1e-12)
        return Outputs(scores=given, embeddings=embeddings)

    def _spread(self, given: Tensor) -> Tensor:
        """Probabilities of some classes as probabilities of all, (items, classes)."""
        width = self.task.width
        classes = getattr(self.object, "classes_", None)
        columns = [int(place) for place in (self.columns if classes is None else classes)]
        if classes is None and given.shape[1] == width:
            columns = list(range(width))
        if len(columns) != given.shape[1] or not set(columns) <= set(range(width)):
            raise BadInput(
                f"{self._said('predict_proba')} has {given.shape[1]} columns for the classes {columns} of 0 to "
                f"{width - 1}. Give a column for each class of the task or for each that fit() was given, or set "
                f"classes_ to those that have one."
            )
        wrong = ((given.sum(1, keepdim=True) - 1).abs() > 1e-3) | (given < 0)
        self._refuse(given, wrong, "Give shares of at least 0 that sum to 1")
        probabilities = torch.zeros(len(given), width, dtype=torch.float64)
        probabilities[:, columns] = given
        return probabilities

    def _refuse(self, given: Tensor, wrong: Tensor, advice: str) -> None:
        """Refuse shares of which some are wrong, (items, columns), naming the first row that holds one."""
        if bool(wrong.any()):
            row = int(wrong.any(1).nonzero()[0])
            raise BadInput(f"{self._said('predict_proba')} is {given[row].tolist()} in row {row}. {advice}.")

    def _embeddings(self, items: Any) -> Tensor:
        try:
            return self._rows("embed", items)
        except Exception as error:
            if self.known:
                raise
            raise BadInput(
                f"{self._said('embed')} cannot be had before the first fit: {type(error).__name__}: {error}. "
                f"Let it give what needs no training there, such as the items as they came."
            ) from error

    def _rows(self, verb: str, items: Any) -> Tensor:
        """What the object gives for some items, a row for each."""
        found = raw(getattr(self.object, verb)(_given(items)), self._said(verb)).cpu()
        array = tensor(found.reshape(-1, 1) if found.ndim == 1 else found, self._said(verb))
        if len(array) != len(items):
            raise BadInput(
                f"{self._said(verb)} has {len(array)} rows for {len(items)} items. Give a row for each item."
            )
        return array

    def _said(self, verb: str) -> str:
        return f"What {type(self.object).__name__}.{verb}() gives"


def _verb(task: Task) -> str:
    """What an object must be able to do for a task, beside learning."""
    return "predict" if isinstance(task, Targets) else "predict_proba"


def _given(items: Any) -> Any:
    """Items as the object gets them: copies, so that it cannot change the pool's."""
    return items.numpy().copy() if isinstance(items, Tensor) else list(items)


def _labels(lesson: Lesson) -> np.ndarray:
    targets: np.ndarray = lesson.targets.numpy()
    if isinstance(lesson.task, Classes):
        return np.asarray(targets.argmax(1)) if lesson.task.width else np.zeros(len(targets), dtype=np.int64)
    if isinstance(lesson.task, Labels):
        return targets.round().astype(np.int64)
    return targets[:, 0].copy() if lesson.task.width == 1 else targets.copy()
