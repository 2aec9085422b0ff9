"""How good the model of all labels is, by control items that it did not learn from."""

from __future__ import annotations

import torch

from askance import arrays
from askance.learners.base import Learner, Lesson, Model
from askance.look import predict
from askance.study.evidence import Evidence
from askance.study.intervals import interval
from askance.study.score import Score, cross_fitted
from askance.study.weighted import extremes, metric, parts, value


class Today:
    """The model of all labels, cross-fitted: models that saw all but a fold judge the fold.

    An item that was asked for tells its surroundings apart, so a model without it is worse there than the model of all
    labels, and the model of all labels is better at the item itself than around it. Known items count as the mean of
    both.

    Args:
        lesson: All that is labeled.
        learner: What learns.
        model: What it makes of the lesson.
        found: The items to look at.
        seed: The study's.
        piece: Rows in a piece.

    Attributes:
        drawn: `parts` of the control items, float64 (control, 2).
        known: Of the known items, (known, 2).
        score: The metric over the pool, with an interval that skipped items widen: its one end is that of a pool where
            the model is as wrong about them as can be, its other end that of one where it is right.
    """

    def __init__(self, lesson: Lesson, learner: Learner, model: Model, found: Evidence, seed: int, piece: int) -> None:
        task, weights = lesson.task, found.weights
        self.drawn = parts(task, *cross_fitted(lesson, learner, found.control, seed, piece))
        self.known = self.drawn[:0]
        if len(found.known):
            guesses, truth = cross_fitted(lesson, learner, found.known, seed, piece)
            seen = predict(model, arrays.take(lesson.items, found.known), task, piece).double()
            self.known = (parts(task, guesses, truth) + parts(task, seen, truth)) / 2
        point = value(task, (weights.drawn @ self.drawn + weights.known @ self.known).numpy())
        ends = [*interval(task, self.drawn, self.known, weights, seed)]
        for told in extremes(task, self.drawn) if len(found.skipped) else ():
            drawn = torch.cat([self.drawn, told.expand(len(found.skipped), 2)])
            ends += interval(task, drawn, self.known, found.bounds, seed)
        self.score = Score(float(point), min(ends), max(ends), len(found.control), "control", metric(task))
