"""Learners made of a learner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from askance.learners.base import Learner, Lesson, Model


@dataclass(frozen=True)
class Untrained(Learner):
    """A learner as it is before it has seen a label: its features, and beliefs that know nothing.

    Args:
        learner: What stays untrained.
    """

    learner: Learner

    @property
    def gives(self) -> frozenset[str]:
        return self.learner.gives

    def fit(self, lesson: Lesson) -> Model:
        return self.learner.fit(blank(lesson))

    def beside(self, part: Any) -> Learner:
        return replace(self, learner=self.learner.beside(part))

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
