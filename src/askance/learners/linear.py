"""Convex heads on frozen features, one for each kind of task; softmax layers are solved many runs at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.arrays import take
from askance.errors import BadInput
from askance.kernels.softmax_head import solve_softmax_head
from askance.learners.base import Differentiable, Learner, Lesson, Model, Outputs
from askance.learners.convex import left_out_error, logistic_heads, logistic_loss, ridge_head
from askance.task import Classes, Labels, Targets

GROWTH = 1.5  # the ridge is chosen again when labels have grown by half


@dataclass(frozen=True)
class Linear(Learner):
    """A linear head with a ridge on frozen features; the bias is free.

    Classes: multinomial logistic regression, ``sum_i w_i CE(y_i, softmax(W h_i + b)) + ridge / 2 |W|^2``. Labels: a
    logistic regression for each, with the same penalty. Numbers: ridge regression,
    ``sum_i w_i |y_i - W h_i - b|^2 + ridge |W|^2``, in closed form. The solution is unique, so it depends on neither
    dice nor a starting point; where it is found by iteration, its gradient norm is in the model's facts as a
    certificate.

    What a strength means hangs on the scale of the features and on nothing else: features k times as large want k^2
    times the strength, and numbers in other units give the same head in those units.

    Args:
        ridge: The strength; None chooses it by cross-validation on the labeled data (numbers: each item left out in
            turn), at the first fit and again whenever labels have grown by half.
        strengths: What cross-validation chooses from.
        folds: How many folds for classes and labels; items are dealt by class and by a hash of their id.
        tolerance: The relative gradient norm to reach.
    """

    ridge: float | None = None
    strengths: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2)
    folds: int = 5
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        if self.ridge is not None and not self.ridge > 0:
            raise BadInput(f"Linear(ridge={self.ridge}) has no unique solution. Use a ridge above 0, such as 1.0.")
        if not self.strengths or min(self.strengths) <= 0:
            raise BadInput(f"Linear(strengths={self.strengths}) must all be above 0. Leave the field out for defaults.")
        if self.folds < 2:
            raise BadInput(f"Linear(folds={self.folds}) leaves nothing to check against. Use 2 or more.")

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings", "layer", "differentiable"})

    @property
    def remembers(self) -> bool:
        return self.ridge is None

    def fit(self, lesson: Lesson) -> LinearModel:
        return self.fit_many([lesson])[0]

    def fit_many(self, lessons: Sequence[Lesson]) -> list[LinearModel]:
        """Fit lessons over features of one width as one problem; each solution is the one it has alone."""
        if not all(isinstance(lesson.task, Classes) for lesson in lessons):
            return [self._fit_alone(lesson) for lesson in lessons]
        runs = [_Run.of(lesson) for lesson in lessons]
        if not runs[0].targets.shape[1]:  # no class is named yet
            return [LinearModel(torch.zeros(0, run.features.shape[1] + 1, dtype=torch.float64)) for run in runs]
        most = max(len(run.weights) for run in runs)
        chosen = [self._choose(run, lesson) for run, lesson in zip(runs, lessons, strict=True)]
        solved = solve_softmax_head(
            np.stack([_pad(run.features, most) for run in runs]),
            np.stack([_pad(run.targets, most) for run in runs]),
            np.stack([_pad(run.weights, most) for run in runs]),
            np.array([facts["ridge"] for facts in chosen]),
            tolerance=self.tolerance,
        )
        return [
            LinearModel(
                torch.from_numpy(solved.coefficients[i].copy()),
                {**facts, "gradient_norm": float(solved.gradient_norm[i]), "iterations": int(solved.iterations[i])},
            )
            for i, facts in enumerate(chosen)
        ]

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> LinearModel:
        return LinearModel(weights["coefficients"], facts)

    def _fit_alone(self, lesson: Lesson) -> LinearModel:
        """A head for labels or numbers."""
        run = _Run.of(lesson)
        chosen = self._choose(run, lesson)
        if not run.targets.shape[1]:
            return LinearModel(torch.zeros(0, run.features.shape[1] + 1, dtype=torch.float64), chosen)
        if isinstance(lesson.task, Labels):
            ridge = np.array([chosen["ridge"]])
            heads, facts = logistic_heads(run.features, run.targets, run.weights[None], ridge, self.tolerance)
            return LinearModel(torch.from_numpy(heads[0].copy()), {**chosen, **facts})
        head = ridge_head(run.features, run.targets, run.weights, chosen["ridge"])
        return LinearModel(torch.from_numpy(head), chosen)

    def _choose(self, run: _Run, lesson: Lesson) -> dict[str, Any]:
        """The ridge, and at how many labels it was chosen."""
        if self.ridge is not None:
            return {"ridge": self.ridge, "chosen_at": 0}
        before = lesson.previous.facts if lesson.previous is not None else {}
        labels = len(run.weights)
        if before.get("chosen_at") and labels < GROWTH * before["chosen_at"]:
            return {"ridge": before["ridge"], "chosen_at": before["chosen_at"]}
        one = isinstance(lesson.task, Classes) and len(np.unique(run.targets.argmax(1))) < 2
        if labels < 4 or one or not run.targets.shape[1]:
            return {"ridge": 1.0, "chosen_at": 0}  # nothing to check against yet
        return {"ridge": self._cross_validate(run, lesson), "chosen_at": labels}

    def _cross_validate(self, run: _Run, lesson: Lesson) -> float:
        """The strength with the least loss on held-out items; the stronger one on a tie."""
        strengths = np.sort(np.array(self.strengths))[::-1]
        if isinstance(lesson.task, Targets):
            return float(strengths[int(left_out_error(run.features, run.targets, run.weights, strengths).argmin())])
        fold = _deal(run, lesson, self.folds)
        folds = int(fold.max()) + 1
        if isinstance(lesson.task, Labels):
            return float(strengths[int(self._labels_loss(run, fold, folds, strengths).argmin())])
        kept = np.stack([run.weights * (fold != f) for f in range(folds)])
        solved = solve_softmax_head(
            run.features[None],
            run.targets[None],
            np.tile(kept, (len(strengths), 1)),
            np.repeat(strengths, folds),
            tolerance=1e-3,  # strengths are compared, not used
        )
        heads = solved.coefficients.reshape(len(strengths), folds, run.targets.shape[1], -1)
        loss = np.zeros(len(strengths))
        for f in range(folds):
            out = fold == f
            scores = run.features[out] @ heads[:, f, :, :-1].transpose(0, 2, 1) + heads[:, f, None, :, -1]
            scores -= scores.max(-1, keepdims=True)
            log_p = scores - np.log(np.exp(scores).sum(-1, keepdims=True))  # (strengths, held out, classes)
            loss -= (run.weights[out, None] * run.targets[out] * log_p).sum((1, 2))
        return float(strengths[int(loss.argmin())])

    def _labels_loss(self, run: _Run, fold: np.ndarray, folds: int, strengths: np.ndarray) -> np.ndarray:
        """The cross-entropy of all labels on held-out folds, for each strength."""
        kept = np.tile(np.stack([run.weights * (fold != f) for f in range(folds)]), (len(strengths), 1))
        heads, _ = logistic_heads(run.features, run.targets, kept, np.repeat(strengths, folds), 1e-3)
        heads = heads.reshape(len(strengths), folds, *heads.shape[1:])
        loss = np.zeros(len(strengths))
        for f in range(folds):
            out = fold == f
            loss += logistic_loss(heads[:, f], run.features[out], run.targets[out], run.weights[out])
        return loss


@dataclass(frozen=True, eq=False)
class LinearModel(Model):
    """A linear layer over the items as they are."""

    coefficients: Tensor  # (classes | labels | targets, features + 1), bias last
    facts: Mapping[str, Any] = field(default_factory=dict)

    def outputs(self, items: Any) -> Outputs:
        head = self.coefficients.to(items)
        return Outputs(scores=torch.addmm(head[:, -1], items, head[:, :-1].T), embeddings=items, layer=head)

    def differentiable(self) -> Differentiable:
        weights = {"weight": self.coefficients[:, :-1], "bias": self.coefficients[:, -1]}

        def scores(weights: Mapping[str, Tensor], items: Tensor) -> Tensor:
            return items.to(weights["weight"]) @ weights["weight"].mT + weights["bias"].unsqueeze(-2)

        return Differentiable(scores, weights, 0)

    def weights(self) -> dict[str, Tensor]:
        return {"coefficients": self.coefficients}


@dataclass(frozen=True, eq=False)
class _Run:
    """One lesson as float64 numpy arrays."""

    features: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, lesson: Lesson) -> _Run:
        if not isinstance(lesson.task, Classes | Labels | Targets):
            raise BadInput(
                f"Linear learns classes, labels and numbers, and the task is {type(lesson.task).__name__}. "
                f"Hand in a learner for this task as learner=..."
            )
        if not isinstance(lesson.items, Tensor) or lesson.items.ndim != 2:
            raise BadInput(
                "Linear learns from features, an array (items, features), and the pool holds other things. "
                "Encode the items first, or hand in a learner that reads them."
            )
        features = take(lesson.items, lesson.labeled).to(torch.float64).cpu().numpy()
        return cls(features, lesson.targets.cpu().numpy(), lesson.weights.cpu().numpy())


def _deal(run: _Run, lesson: Lesson, folds: int) -> np.ndarray:
    """A fold for each labeled item: dealt class by class in the order of per-item noise, so order cannot matter."""
    noise = lesson.dice.of("folds").uniform(lesson.keys[lesson.labeled]).numpy()
    order = np.lexsort((noise, run.targets.argmax(1)))
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.arange(len(order)) % min(folds, len(order))
    return fold


def _pad(array: np.ndarray, rows: int) -> np.ndarray:
    return np.concatenate([array, np.zeros((rows - len(array), *array.shape[1:]))])
