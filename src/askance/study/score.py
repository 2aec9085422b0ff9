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
from askance.metrics import GAMMAS, abstains, accuracy, chow_error, coverage, wilson
from askance.seeds import Dice
from askance.task import Classes, Labels, Task

FOLDS = 5
RESAMPLES = 2000  # of a bootstrap interval
_SPOKEN = {"accuracy": "accuracy", "f1": "F1", "rmse": "error (RMSE)"}
_PRICED = ("chow_error", "coverage")  # for each gamma, as the journal and the lab have them
_WHOLE = ("whole", "whole_low", "whole_high")  # as the journal has them


@dataclass(frozen=True)
class Score:
    """How good a model is, with its interval.

    Of labels, the share of right decisions would be high for a model that finds none, as most items lack most labels;
    F1 counts those that are found against those that are missed or made up. Of numbers, the error is in their own units
    and is what the linear head makes small. A share of 1, an F1 of 1 and an error of 0 are perfect.

    Args:
        value: The share of items whose class the model finds; for labels the F1 over all labels of all items, 1 where
            there are none and none are found; for numbers the root of the mean squared error, where less is better.
        low: Lower end of the 95 % interval: Wilson's for a share, else a bootstrap over items.
        high: Upper end.
        items: How many items were looked at.
        on: ``held-out`` or ``control``.
        metric: ``accuracy``, ``f1`` or ``rmse``.
        whole: Of labels, beside their F1: the share of items with every label right, and Wilson's interval.
        abstaining: Of classes, by Chow's rule: some gammas, each with Chow's error, where an item without an answer
            costs 1/2 - gamma, and the share of items with one.
    """

    value: float
    low: float
    high: float
    items: int
    on: str
    metric: str = "accuracy"
    whole: tuple[float, float, float] | None = None
    abstaining: tuple[tuple[float, float, float], ...] = ()

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
        whole = dict(zip(_WHOLE, self.whole or (), strict=False))
        priced = {
            f"{name}_{gamma:g}": value
            for gamma, *pair in self.abstaining
            for name, value in zip(_PRICED, pair, strict=True)
        }
        return {self.metric: self.value, "low": self.low, "high": self.high, "items": self.items, **whole, **priced}

    @classmethod
    def read(cls, scores: Mapping[str, float | int], on: str) -> Score:
        """The score that the journal keeps."""
        metric = next(name for name in _SPOKEN if name in scores)
        whole = (scores["whole"], scores["whole_low"], scores["whole_high"]) if "whole" in scores else None
        gammas = [float(name.removeprefix(f"{_PRICED[0]}_")) for name in scores if name.startswith(_PRICED[0])]
        error, share = _PRICED
        priced = tuple((by, scores[f"{error}_{by:g}"], scores[f"{share}_{by:g}"]) for by in sorted(gammas))
        return cls(scores[metric], scores["low"], scores["high"], int(scores["items"]), on, metric, whole, priced)

    def __str__(self) -> str:
        where = f"on {self.items} {self.on} items"
        if self.metric == "accuracy":
            return f"{_percent(self.value, self.low, self.high)} {where}"
        said = f"{_SPOKEN[self.metric]} {self.value:.3g} [{self.low:.3g}, {self.high:.3g}] {where}"
        return f"{said}, {_percent(*self.whole)} of them with every label right" if self.whole else said


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
        score = Score.of(predictions.argmax(1) == truth.argmax(1), on)
        return replace(score, abstaining=tuple(_priced(predictions, truth.argmax(1), gamma) for gamma in GAMMAS))
    if isinstance(task, Labels):
        guess, told = predictions >= 0.5, truth >= 0.5
        found, named = (guess & told).sum(1), guess.sum(1) + told.sum(1)
        hits, made = _sums(torch.stack([found, named], 1), seed).T
        values, metric = np.where(made > 0, 2 * hits / np.maximum(made, 1), 1.0), "f1"
        right = (guess == told).all(1)
        whole = (accuracy(right), *wilson(int(right.sum()), len(right)))
    else:
        errors = (predictions - truth).double().square().mean(1, keepdim=True)
        values, metric, whole = np.sqrt(_sums(errors, seed)[:, 0] / len(truth)), "rmse", None
    low, high = np.quantile(values[1:], [0.025, 0.975]).tolist()
    return Score(float(values[0]), low, high, len(truth), on, metric, whole)


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


def _priced(predictions: Tensor, truth: Tensor, gamma: float) -> tuple[float, float, float]:
    """The gamma, Chow's error and the coverage."""
    left = abstains(predictions, gamma)
    return gamma, chow_error(predictions, truth, left, gamma), coverage(left)


def _sums(parts: Tensor, seed: int) -> np.ndarray:
    """Sums of columns over all items, then over items drawn with replacement, (1 + RESAMPLES, columns)."""
    columns, draws = parts.double().numpy(), Dice(seed, "bootstrap").generator()
    sums = [columns.sum(0)]
    sums += [columns[draws.integers(len(columns), size=len(columns))].sum(0) for _ in range(RESAMPLES)]
    return np.stack(sums)


def _percent(value: float, low: float, high: float) -> str:
    return f"{value:.1%} [{low:.1%}, {high:.1%}]"
