"""A forest whose trees are samples."""

from __future__ import annotations

from dataclasses import dataclass, replace

from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, Model
from askance.learners.sklearn import Sklearn
from askance.task import Targets


@dataclass(frozen=True)
class Forest(Learner):
    """A random forest of classification trees (Breiman 2001): a companion for strategies that ask what trees think.

    Args:
        trees: How many.
    """

    trees: int = 20

    def __post_init__(self) -> None:
        if self.trees < 2:
            raise BadInput(f"Forest(trees={self.trees}) has nobody to disagree with. Use 2 or more.")

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings", "samples", "votes"})

    def fit(self, lesson: Lesson) -> Model:
        if isinstance(lesson.task, Targets):
            raise BadInput("Forest learns classes and labels, and the task is of numbers. Use another learner.")
        from sklearn.ensemble import RandomForestClassifier

        order = lesson.keys[lesson.labeled].argsort()  # trees draw rows by place, so the pool's order must not count
        sorted_ = replace(
            lesson, labeled=lesson.labeled[order], targets=lesson.targets[order], weights=lesson.weights[order]
        )
        return Sklearn(RandomForestClassifier(self.trees)).fit(sorted_)
