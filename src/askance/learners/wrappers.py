"""Learners made of a learner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.learners.base import Differentiable, Learner, Lesson, Model, Outputs


@dataclass(frozen=True)
class Around(Learner):
    """What a learner made of a learner hands on as it is; a subclass writes `fit`, and what is not as it was.

    Args:
        learner: The inner one.
    """

    learner: Learner

    def __post_init__(self) -> None:
        check_inner(type(self).__name__, self.learner)

    @property
    def gives(self) -> frozenset[str]:
        return self.learner.gives

    @property
    def gives_records(self) -> frozenset[str]:
        return self.learner.gives_records

    @property
    def remembers(self) -> bool:
        return self.learner.remembers

    def beside(self, part: Any) -> Learner:
        return replace(self, learner=self.learner.beside(part))


def check_inner(wrapper: str, inner: Any) -> None:
    """Refuse to make a learner of what is none.

    Args:
        wrapper: Who is made of it.
        inner: What should be a learner.

    Raises:
        BadInput: If it is none, such as a name, an estimator or what builds a network.
    """
    if not isinstance(inner, Learner):
        raise BadInput(
            f"{wrapper} is made of a learner, and {inner!r} is none. Make it one first, by learner(...) of "
            f"askance.learners.catalogue, which takes names, estimators and networks."
        )


def check_several(part: Learner, name: str) -> None:
    """Refuse a field that says how many have an opinion, where that is no whole number or fewer than two.

    Raises:
        BadInput: If so.
    """
    count = getattr(part, name)
    if not isinstance(count, Integral):
        raise BadInput(f"{type(part).__name__}({name}={count!r}) is no whole number. Use 2 or more.")
    if count < 2:
        raise BadInput(f"{type(part).__name__}({name}={count}) has nobody to disagree with. Use 2 or more.")


@dataclass(frozen=True, eq=False)
class Noted(Model):
    """A model with something more among its facts.

    Args:
        model: The model.
        name: Under which name.
        said: What.
    """

    model: Model
    name: str
    said: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", self.model.records)

    @cached_property
    def facts(self) -> Mapping[str, Any]:  # type: ignore[override]
        return {**self.model.facts, self.name: dict(self.said)}

    def around(self, model: Model) -> Noted:
        """The same said of another model, with the records of this one."""
        found = replace(self, model=model)
        object.__setattr__(found, "records", self.records)
        return found

    def outputs(self, items: Any) -> Outputs:
        return self.model.outputs(items)

    def differentiable(self) -> Differentiable:
        return self.model.differentiable()

    def weights(self) -> dict[str, Tensor] | None:
        return self.model.weights()

    @staticmethod
    def restored(learner: Learner, name: str, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        """The model of an inner learner, with what was said of it if anything was."""
        inner = learner.restore(weights, {other: fact for other, fact in facts.items() if other != name})
        return Noted(inner, name, facts[name]) if inner is not None and name in facts else inner


@dataclass(frozen=True)
class Untrained(Around):
    """A learner as it is before it has seen a label: its features, and beliefs that know nothing.

    Args:
        learner: What stays untrained.
    """

    @property
    def gives_records(self) -> frozenset[str]:
        return frozenset()

    @property
    def remembers(self) -> bool:
        return False

    def fit(self, lesson: Lesson) -> Model:
        return self.learner.fit(blank(lesson))

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return self.learner.restore(weights, facts)


def blank(lesson: Lesson) -> Lesson:
    """The same lesson with no label in it."""
    return replace(
        lesson,
        labeled=lesson.labeled[:0],
        targets=lesson.targets[:0],
        weights=lesson.weights[:0],
        unlabeled=torch.arange(len(lesson.keys)),
        previous=None,
    )
