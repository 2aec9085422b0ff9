"""How good the model of all labels is, by control items that it did not learn from."""

from __future__ import annotations

import torch

from askance.learners.base import Learner, Lesson
from askance.study.evidence import Evidence
from askance.study.intervals import interval
from askance.study.score import Score, cross_fitted
from askance.study.weighted import extremes, metric, parts, value


class Today:
    """The model of all labels, cross-fitted: models that saw all but a fold judge the fold.

    Args:
        lesson: All that is labeled.
        learner: What learns.
        found: The items to look at.
        seed: The study's.
        piece: Rows in a piece.

    Attributes:
        drawn: `parts` of the control items, float64 (control, 2).
        known: Of the known items, (known, 2).
        score: The metric over the pool, with an interval that skipped items widen: its lower end is that of a pool
            where the model is as wrong about them as can be, its upper end that of one where it is right.
    """

    def __init__(self, lesson: Lesson, learner: Learner, found: Evidence, seed: int, piece: int) -> None:
        task, weights = lesson.task, found.weights
        self.drawn = parts(task, *cross_fitted(lesson, learner, found.control, seed, piece))
        self.known = self.drawn[:0]
        if len(found.known):
            self.known = parts(task, *cross_fitted(lesson, learner, found.known, seed, piece))
        point = value(task, (weights.drawn @ self.drawn + weights.known @ self.known).numpy())
        ends = [*interval(task, self.drawn, self.known, weights, seed)]
        for told in extremes(task, self.drawn) if len(found.skipped) else ():
            drawn = torch.cat([self.drawn, told.expand(len(found.skipped), 2)])
            ends += interval(task, drawn, self.known, found.bounds, seed)
        self.score = Score(float(point), min(ends), max(ends), len(found.control), "control", metric(task))
