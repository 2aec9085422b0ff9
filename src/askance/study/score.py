"""How good a model is, with its interval: on held-out items, or on a study's own control items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from askance import arrays
from askance.errors import BadInput
from askance.learners.base import Learner, Lesson
from askance.look import predict
from askance.metrics import accuracy, wilson
from askance.seeds import Dice
from askance.task import Classes, Labels, Task

FOLDS = 5
RESAMPLES = 2000  # of a bootstrap interval


@dataclass(frozen=True)
class Score:
    """How good a model is, with its interval.

    Args:
        value: The share of items whose class the model finds; for labels the F1 over all labels of all items; for
            numbers the root of the mean squared error, where less is better.
        low: Lower end of the 95 % interval: Wilson's for a share, else a bootstrap over items.
        high: Upper end.
        items: How many items were looked at.
        on: ``held-out`` or ``control``.
        metric: ``accuracy``, ``f1`` or ``rmse``.
    """

    value: float
    low: float
    high: float
    items: int
    on: str
    metric: str = "accuracy"

    @property
    def accuracy(self) -> float:
        """The share of items whose class the model finds.

        Raises:
            BadInput: If the task has no classes.
        """
        if self.metric != "accuracy":
            raise BadInput(f"This score is the {self.metric}, not an accuracy. Read its value.")
        return self.value

    @classmethod
    def of(cls, right: Tensor, on: str) -> Score:
        """The accuracy over items, given whether each is right, bool (items,)."""
        low, high = wilson(int(right.sum()), len(right))
        return cls(accuracy(right), low, high, len(right), on)

    def measured(self) -> dict[str, float | int]:
        """The numbers as the journal keeps them."""
        return {self.metric: self.value, "low": self.low, "high": self.high, "items": self.items}

    @classmethod
    def read(cls, scores: Mapping[str, float | int], on: str) -> Score:
        """The score that the journal keeps."""
        metric = next(name for name in scores if name not in ("low", "high", "items"))
        return cls(scores[metric], scores["low"], scores["high"], int(scores["items"]), on, metric)

    def __str__(self) -> str:
        where = f"on {self.items} {self.on} items"
        if self.metric == "accuracy":
            return f"{self.value:.1%} [{self.low:.1%}, {self.high:.1%}] {where}"
        name = {"f1": "F1", "rmse": "error (RMSE)"}[self.metric]
        return f"{name} {self.value:.3g} [{self.low:.3g}, {self.high:.3g}] {where}"


def measure(task: Task, predictions: Tensor, truth: Tensor, on: str, seed: int) -> Score:
    """How good predictions are, by the metric of their task.

    Args:
        task: What the items are labeled with.
        predictions: Linked scores, (items, width).
        truth: Targets, (items, width).
        on: Which items.
        seed: Seeds the bootstrap.
    """
    if isinstance(task, Classes):
        return Score.of(predictions.argmax(1) == truth.argmax(1), on)
    draws = Dice(seed, "bootstrap").generator().multinomial(len(truth), [1 / len(truth)] * len(truth), RESAMPLES)
    weights = torch.from_numpy(np.vstack([np.ones(len(truth)), draws]))  # first each item once, then resampled
    if isinstance(task, Labels):
        guess, told = predictions >= 0.5, truth >= 0.5
        hits, made = (guess & told).sum(1).double(), (guess.sum(1) + told.sum(1)).double()
        values, metric = 2 * (weights @ hits) / (weights @ made).clamp_min(1e-12), "f1"
    else:
        errors = (predictions - truth).double().square().mean(1)
        values, metric = ((weights @ errors) / len(truth)).sqrt(), "rmse"
    low, high = torch.quantile(values[1:], torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Score(float(values[0]), low, high, len(truth), on, metric)


def cross_fitted(lesson: Lesson, learner: Learner, rows: Tensor, seed: int, size: int) -> tuple[Tensor, Tensor]:
    """What models that did not learn from an item say of it, for some labeled items.

    The items are learned from like all others, so a model that saw them would flatter itself.

    Args:
        lesson: All that is labeled.
        learner: What learns.
        rows: Labeled rows to look at, ascending, int64.
        seed: The study's seed.
        size: Rows in a piece.

    Returns:
        Linked scores and targets, (rows, width) each.
    """
    if len(rows) < 2:
        raise BadInput(
            f"{len(rows)} control items are labeled, and an accuracy needs 2. Open the study with control=0.1 and "
            f"label more, or hand in held-out items: study.score(items, labels)."
        )
    fold = Dice(seed, "score").uniform(lesson.keys[rows]).argsort().argsort() % FOLDS
    truth = lesson.targets[torch.searchsorted(lesson.labeled, rows)]
    found = torch.zeros(truth.shape, dtype=torch.float64)
    for number in range(min(FOLDS, len(rows))):
        out = rows[fold == number]
        kept = ~torch.isin(lesson.labeled, out)
        part = replace(
            lesson,
            labeled=lesson.labeled[kept],
            targets=lesson.targets[kept],
            weights=lesson.weights[kept],
            unlabeled=torch.cat([lesson.unlabeled, out]).sort().values,
        )
        found[fold == number] = predict(learner.fit(part), arrays.take(lesson.items, out), lesson.task, size).double()
    return found, truth
