"""Learners that strategies bring beside the task's own, to learn something else of the same items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.arrays import take
from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.convex import logistic_heads


@dataclass(frozen=True)
class Discriminator(Learner):
    """Tells unlabeled from labeled items: a logistic regression on the task model's features, or the items themselves.

    Its score, (items, 1), is the log odds that an item is unlabeled; with nothing labeled, or nothing unlabeled, it is
    0. Features are taken in units of their spread around their mean. Source: Gissin & Shalev-Shwartz 2019.

    Args:
        ridge: Strength of the penalty on the weights.
        share: So many unlabeled items for each labeled one are learned from, drawn by a hash of their keys.
    """

    ridge: float = 1.0
    share: int = 10

    def __post_init__(self) -> None:
        if not self.ridge > 0 or self.share < 1:
            raise BadInput(f"{self} cannot be fitted. Use a ridge above 0 and a share of 1 or more.")

    def fit(self, lesson: Lesson) -> Discriminated:
        labeled, open_ = lesson.labeled, lesson.unlabeled
        drawn = lesson.dice.of("sample").uniform(lesson.keys[open_]).argsort(stable=True)
        open_ = open_[drawn[: self.share * len(labeled)]]
        if not len(labeled) or not len(open_):
            return Discriminated(None, lesson.model)
        both = features_of(take(lesson.items, torch.cat([labeled, open_])), lesson.model).double().cpu().numpy()
        middle = both.mean(0)
        scale = float(np.sqrt(np.square(both - middle).mean())) or 1.0
        new = (np.arange(len(both)) >= len(labeled)).astype(np.float64)[:, None]
        ridge, ones = np.array([self.ridge]), np.ones((1, len(both)))
        head = logistic_heads((both - middle) / scale, new, ones, ridge, 1e-5)[0][0, 0]
        slopes = head[:-1] / scale
        return Discriminated(torch.from_numpy(np.append(slopes, head[-1] - slopes @ middle)), lesson.model)


@dataclass(frozen=True, eq=False)
class Discriminated(Model):
    """A direction in features, or nothing learned.

    Args:
        direction: float64 (features + 1,), the bias last; None: all is as likely.
        model: Whose features it reads; None: the items are features.
    """

    direction: Tensor | None
    model: Model | None

    def outputs(self, items: Any) -> Outputs:
        if self.direction is None:
            return Outputs(scores=torch.zeros(len(items), 1))
        features = features_of(items, self.model)
        direction = self.direction.to(features)
        return Outputs(scores=torch.addmv(direction[-1], features, direction[:-1]).unsqueeze(1))


def features_of(items: Any, model: Model | None) -> Tensor:
    """What the task model reads off the items, else the items: (items, features)."""
    given = model.outputs(items).embeddings if model is not None else None
    found = items if given is None else given
    if not isinstance(found, Tensor) or found.ndim != 2:
        raise BadInput(
            "A companion reads features here, and neither the items are features nor does the learner give embeddings. "
            "Encode the items first, or use a learner that gives embeddings."
        )
    return found if found.dtype in (torch.float32, torch.float64) else found.float()
