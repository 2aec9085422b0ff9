"""How good a model is, with its interval: on held-out items, or on a study's own control items."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from askance import arrays
from askance.errors import BadInput
from askance.learners.base import Learner, Lesson
from askance.look import predict
from askance.metrics import accuracy, wilson
from askance.seeds import Dice

FOLDS = 5


@dataclass(frozen=True)
class Score:
    """An accuracy with its interval.

    Args:
        accuracy: The share of items whose class the model finds.
        low: Lower end of the 95 % Wilson interval.
        high: Upper end.
        items: How many items were looked at.
        on: ``held-out`` or ``control``.
    """

    accuracy: float
    low: float
    high: float
    items: int
    on: str

    @classmethod
    def of(cls, right: Tensor, on: str) -> Score:
        """The score of items, given whether each is right, bool (items,)."""
        low, high = wilson(int(right.sum()), len(right))
        return cls(accuracy(right), low, high, len(right), on)

    def __str__(self) -> str:
        return f"{self.accuracy:.1%} [{self.low:.1%}, {self.high:.1%}] on {self.items} {self.on} items"


def cross_fitted(lesson: Lesson, learner: Learner, rows: Tensor, seed: int, size: int) -> Tensor:
    """Whether each of some labeled items is predicted right by a model that did not learn from its fold.

    The items are learned from like all others, so a model that saw them would flatter itself.

    Args:
        lesson: All that is labeled.
        learner: What learns.
        rows: Labeled rows to look at, ascending, int64.
        seed: The study's seed.
        size: Rows in a piece.

    Returns:
        bool (rows,).
    """
    if len(rows) < 2:
        raise BadInput(
            f"{len(rows)} control items are labeled, and an accuracy needs 2. Open the study with control=0.1 and "
            f"label more, or hand in held-out items: study.score(items, labels)."
        )
    fold = Dice(seed, "score").uniform(lesson.keys[rows]).argsort().argsort() % FOLDS
    truth = lesson.targets[torch.searchsorted(lesson.labeled, rows)].argmax(1)
    right = torch.zeros(len(rows), dtype=torch.bool)
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
        guess = predict(learner.fit(part), arrays.take(lesson.items, out), lesson.task, size).argmax(1)
        right[fold == number] = guess == truth[fold == number]
    return right
