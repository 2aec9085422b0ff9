"""A support vector machine with an RBF kernel: the task model of pool benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.task import Classes

TOLERANCE = 1e-6  # scikit-learn stops at 1e-3, where decisions still hang on the path that led there
_UNSEEN = 20.0  # so far below all others is the score of a class that nobody was given
_ROWS = 1 << 21  # elements of a kernel that are held at once


@dataclass(frozen=True)
class Svc(Learner):
    """An RBF support vector machine on features that are standardized over the pool, without a look at labels.

    Fitted by scikit-learn, one machine for each pair of classes. Scores of two classes are the decision value, half of
    it for each; of more classes they are scikit-learn's ``ovr`` values: votes of the pairs, and how clear they were.
    The class is the highest of them, so a tie of votes goes to the clearer class (scikit-learn's `predict` gives the
    first one). Embeddings are the standardized features. A column that is the same everywhere becomes zeros.

    Args:
        cost: What a labeled item on the wrong side of its margin costs: C.
        gamma: The kernel is exp(-gamma |x - x'|^2); None is one over the number of features.
    """

    cost: float = 1.0
    gamma: float | None = None

    def __post_init__(self) -> None:
        if self.cost <= 0 or (self.gamma is not None and self.gamma <= 0):
            raise BadInput(f"cost={self.cost} and gamma={self.gamma} make no machine. Use numbers above 0.")

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings"})

    def fit(self, lesson: Lesson) -> SvcModel:
        from sklearn.svm import SVC

        if not isinstance(lesson.task, Classes):
            raise BadInput(f"A support vector classifier learns classes, not {type(lesson.task).__name__}. Use linear.")
        lesson = _heard(lesson)
        features = torch.as_tensor(lesson.items).double()
        middle, spread = scale_of(features)
        gamma = self.gamma_of(features)
        known = (features[lesson.labeled] - middle) / spread
        truth = _truth(lesson)
        classes: Tensor = torch.unique(truth)
        facts = {"width": lesson.task.width, "gamma": gamma}
        if len(classes) < 2:
            return SvcModel(middle, spread, known[:0], known.new_zeros(0, 0), known.new_zeros(0), classes, facts)
        machine = SVC(C=self.cost, gamma=gamma, tol=TOLERANCE, random_state=0)  # which no fit reads; None throws dice
        machine.fit(known.numpy(), truth.numpy(), sample_weight=lesson.weights.numpy())
        coefficients, bias = _pairs(machine, len(classes))
        return SvcModel(
            middle, spread, known[torch.from_numpy(machine.support_).long()], coefficients, bias, classes, facts
        )

    def gamma_of(self, features: Tensor) -> float:
        """The width of the kernel on features, (items, features)."""
        return self.gamma if self.gamma is not None else 1 / max(1, features.shape[1])

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Model | None:
        return SvcModel(**weights, facts=dict(facts))


@dataclass(frozen=True, eq=False)
class SvcModel(Model):
    """Support vectors of all machines, or none where one class is known at most.

    Args:
        middle: Of the features before, (features,).
        spread: Of the features before, (features,).
        support: Support vectors, (vectors, features).
        coefficients: Of each pair's machine, (vectors, pairs).
        bias: (pairs,).
        classes: The columns that were given, ascending.
        facts: How many columns there are, and the width of the kernel.
    """

    middle: Tensor
    spread: Tensor
    support: Tensor
    coefficients: Tensor
    bias: Tensor
    classes: Tensor
    facts: Mapping[str, Any] = field(default_factory=dict)

    def outputs(self, items: Any) -> Outputs:
        embeddings = (torch.as_tensor(items).double() - self.middle) / self.spread
        width = int(self.facts["width"])
        if len(self.classes) < 2:
            scores = torch.zeros(len(embeddings), width, dtype=torch.float64)
            scores[:, self.classes] = 1.0  # leans to the one class it has seen, and knows nothing else
            return Outputs(scores=scores, embeddings=embeddings.float())
        own = votes(self.decisions(embeddings), len(self.classes))
        scores = (own.min(1, keepdim=True).values - _UNSEEN).repeat(1, width)
        scores[:, self.classes] = own
        return Outputs(scores=scores, embeddings=embeddings.float())

    def decisions(self, embeddings: Tensor) -> Tensor:
        """The decision value of each pair's machine, above 0 for the lower class, (items, pairs).

        Args:
            embeddings: Standardized features, float64 (items, features).
        """
        step = max(1, _ROWS // max(1, len(self.support)))
        gamma = float(self.facts["gamma"])
        parts = [rbf(part, self.support, gamma) @ self.coefficients for part in torch.split(embeddings, step)]
        return torch.cat(parts) + self.bias if parts else embeddings.new_zeros(0, len(self.bias))

    def weights(self) -> dict[str, Tensor]:
        named = {name: getattr(self, name) for name in ("middle", "spread", "support", "coefficients", "bias")}
        return {**named, "classes": self.classes}


def _truth(lesson: Lesson) -> Tensor:
    return lesson.targets.argmax(1) if lesson.task.width else lesson.labeled[:0]


def _heard(lesson: Lesson) -> Lesson:
    """The lesson without items of weight 0 where a class has no other: scikit-learn leaves them out and miscounts."""
    heard = lesson.only(lesson.weights > 0)
    fewer = len(torch.unique(_truth(heard))) < len(torch.unique(_truth(lesson)))
    return heard if fewer else lesson  # elsewhere left in, as the order of what it sees decides last bits


def votes(decisions: Tensor, count: int) -> Tensor:
    """Scores of so many classes from the decisions of their pairs' machines, (items, pairs) to (items, classes).

    >>> votes(torch.tensor([[2.0]]), 2)
    tensor([[ 1., -1.]])
    """
    if count == 2:
        return torch.cat([decisions, -decisions], 1) / 2
    won = decisions.new_zeros(len(decisions), count)
    clear = torch.zeros_like(won)
    for pair, (one, other) in enumerate(pairs(count)):
        wins = decisions[:, pair] >= 0
        won[:, one] += wins
        won[:, other] += ~wins
        clear[:, one] += decisions[:, pair]
        clear[:, other] -= decisions[:, pair]
    less: Tensor = clear / (3 * (clear.abs() + 1))  # than a third of a vote either way, as scikit-learn has it
    return won + less


def pairs(count: int) -> list[tuple[int, int]]:
    """All pairs of classes, in the order of their machines."""
    return [(one, other) for one in range(count) for other in range(one + 1, count)]


def scale_of(features: Tensor) -> tuple[Tensor, Tensor]:
    """Means and standard deviations that standardize features; 1 where a column is the same everywhere."""
    spread = features.std(0, correction=0)
    return features.mean(0), torch.where(spread > 0, spread, torch.ones_like(spread))


def rbf(one: Tensor, other: Tensor, gamma: float) -> Tensor:
    """The kernel exp(-gamma |x - x'|^2), (one, other).

    >>> rbf(torch.tensor([[0.0]]), torch.tensor([[0.0], [2.0]]), 0.25)
    tensor([[1.0000, 0.3679]])
    """
    gaps = torch.cdist(one, other, compute_mode="use_mm_for_euclid_dist")
    return gaps.square_().mul_(-gamma).exp_()


def _pairs(machine: Any, count: int) -> tuple[Tensor, Tensor]:
    """What scikit-learn keeps by class, as coefficients of each pair's machine, (vectors, pairs), and biases.

    A vector of class c has its coefficient against class c' in row c' of ``dual_coef_``, less one if c' > c.
    """
    ends = np.cumsum(machine.n_support_)
    places = [slice(end - size, end) for end, size in zip(ends, machine.n_support_, strict=True)]
    coefficients = torch.zeros(int(ends[-1]), count * (count - 1) // 2, dtype=torch.float64)
    dual = torch.from_numpy(np.ascontiguousarray(machine.dual_coef_))
    for pair, (one, other) in enumerate(pairs(count)):
        coefficients[places[one], pair] = dual[other - 1, places[one]]
        coefficients[places[other], pair] = dual[one, places[other]]
    bias = torch.from_numpy(machine.intercept_.copy())
    return (-coefficients, -bias) if count == 2 else (coefficients, bias)  # of two classes it has the higher one's sign
