"""Two arms: models of control labels, and of labels that were asked for, and what they say of left-out items."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from askance import arrays
from askance.history import History
from askance.learners.base import Learner, Lesson, Model
from askance.look import predict
from askance.seeds import Dice
from askance.study.evidence import Evidence
from askance.study.score import FOLDS
from askance.study.weighted import Array, expected, parts

SAMPLE = 2000  # items of the pool on which models are told apart


@dataclass(frozen=True, eq=False)
class Taught:
    """What models of one size say.

    Args:
        labels: How many each learned from.
        guesses: Linked scores for control, known, skipped and sampled items, one array (items, width) a model.
        used: Which models must not judge which control item, bool (models, control).
        variance: Of the mean of their metrics, had other items been drawn to learn from.
    """

    labels: int
    guesses: list[Tensor]
    used: Tensor
    variance: float


class Arms:
    """Fits the models of both arms, and reads what they say of the items that a proof looks at.

    Args:
        lesson: All that is labeled.
        learner: What learns.
        model: What it makes of the lesson; its probabilities are believed where models are told apart.
        found: The items to look at.
        seed: The study's seed.
        piece: Rows in a piece.
    """

    def __init__(self, lesson: Lesson, learner: Learner, model: Model, found: Evidence, seed: int, piece: int) -> None:
        self.lesson, self.learner, self.found, self.seed, self.piece = lesson, learner, found, seed, piece
        self.task = lesson.task
        dice = Dice(seed, "proof")
        keys = lesson.keys
        sample = dice.of("sample").uniform(keys).argsort()[:SAMPLE].sort().values
        self._looked = torch.cat([found.rows, found.skipped, sample])
        fold = Dice(seed, "score").uniform(keys[found.control]).argsort().argsort() % FOLDS
        self.fold = fold.numpy()  # those of the accuracy
        self._order = dice.of("order").uniform(keys[found.control]).argsort()  # the last are left out for equal sizes
        self.truth = lesson.targets[torch.searchsorted(lesson.labeled, found.rows)]
        self._reference = self._say(model)[self._sampled]

    @property
    def size(self) -> int:
        """How many labels both arms can have while a fold of the control items is left out."""
        items = len(self.found.control)
        return min(items - math.ceil(items / FOLDS), len(self.found.active))

    def control(self, folds: int, labels: int, noise: float) -> Taught:
        """One model for each fold, of the labels of that many folds around it.

        Args:
            folds: How many folds a model learns from, one after another, around the circle.
            labels: How many labels of them.
            noise: The mean squared error of numbers.
        """
        guesses, used = [], torch.zeros((FOLDS, len(self.fold)), dtype=torch.bool)
        for number in range(FOLDS):
            inside = torch.from_numpy(np.isin(self.fold, [(number + step) % FOLDS for step in range(folds)]))
            used[number] = inside
            rows = self.found.control[self._order[inside[self._order]][:labels]]
            guesses.append(self._say(self.learner.fit(self._part(rows))))
        apart = [expected(self.task, guess[self._sampled], self._reference, noise) for guess in guesses]
        return Taught(labels, guesses, used, _variance(np.array(apart), folds))

    def active(self, labels: int) -> Taught:
        """The model of the first labels that were asked for."""
        guesses = [self._say(self.learner.fit(self._part(self.found.active[:labels])))]
        return Taught(labels, guesses, torch.zeros((1, len(self.fold)), dtype=torch.bool), 0.0)

    def parts(self, taught: Taught) -> tuple[Tensor, Tensor]:
        """What the metric is made of, for control and for known items, averaged over the models that may judge."""
        scored = torch.stack([parts(self.task, guess[: len(self.truth)], self.truth) for guess in taught.guesses])
        items = len(self.fold)
        may = (~taught.used).double()[..., None]
        return (scored[:, :items] * may).sum(0) / may.sum(0), scored[:, items:].mean(0)

    @property
    def skipped(self) -> slice:
        """Where the skipped items are in guesses."""
        return slice(len(self.truth), len(self.truth) + len(self.found.skipped))

    @property
    def _sampled(self) -> slice:
        return slice(self.skipped.stop, None)

    def _part(self, rows: Tensor) -> Lesson:
        """The lesson of some labeled rows; what people said of others is not in it."""
        rows = rows.sort().values
        place = torch.searchsorted(self.lesson.labeled, rows)
        open_ = torch.ones(len(self.lesson.keys), dtype=torch.bool)
        open_[rows] = False
        kept = set(rows.tolist())
        answers = {row: told for row, told in self.lesson.history.answers.items() if row in kept}
        return replace(
            self.lesson,
            labeled=rows,
            targets=self.lesson.targets[place],
            weights=self.lesson.weights[place],
            unlabeled=open_.nonzero().squeeze(1),
            history=History(self.lesson.history.asked, MappingProxyType(answers)),
        )

    def _say(self, model: Model) -> Tensor:
        items = arrays.take(self.lesson.items, self._looked)
        return predict(model, items, self.task, self.piece).double()


def _variance(metrics: Array, folds: int) -> float:
    """The variance of the mean metric of models of some folds each, had other items been drawn.

    Two models have a share of (folds - 1) / (FOLDS - 1) of their labels in common, on average, and are taken to be as
    much alike. Where each leaves one fold out, this is the jackknife over folds.
    """
    return float(metrics.var(ddof=1)) * folds * (FOLDS - 1) / (FOLDS * (FOLDS - folds))
