"""Convex heads on frozen features, one for each kind of task; softmax layers are solved many runs at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

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
USUAL = 64.0  # how many times weaker than the spread of the items a ridge for classes usually is


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

    With a label or two a class, plain cross-validation fails: most items held out are of a class that the rest does
    not have, and the strongest ridge is the least surprised by them. So for classes, an item held out is judged among
    the classes that the rest has, and strength s pays log10(s / usual)^2 nats beside its held-out loss; usual is a
    64th of the labeled items' mean squared distance from their mean. It decides where nothing is judged, and counts
    less with every label. docs/default-head.md has what this is worth, measured.

    Args:
        ridge: The strength; None chooses it by cross-validation on the labeled data (numbers: each item left out in
            turn), at the first fit and again whenever labels have grown by half.
        strengths: What cross-validation chooses from.
        folds: How many folds for classes and labels; items are dealt by class and by a hash of their id.
        tolerance: The relative gradient norm to reach.
    """

    revision: ClassVar[int] = 2  # classes that a fold does not have are not judged, and a usual strength counts

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

    @classmethod
    def revision_of(cls, fields: Mapping[str, Any]) -> int:
        """The revision of a head as it is described: one whose ridge is given has never changed."""
        return cls.revision if fields.get("ridge") is None else 1

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
        whole = lesson.whole
        if not bool(whole.all()):
            lesson = lesson.only(whole)
            run = _Run.of(lesson)
        before = lesson.previous.facts if lesson.previous is not None else {}
        labels = len(run.weights)
        if before.get("chosen_at") and labels < GROWTH * before["chosen_at"]:
            return {"ridge": before["ridge"], "chosen_at": before["chosen_at"]}
        classes = isinstance(lesson.task, Classes)
        if labels < 4 or not run.targets.shape[1] or (classes and len(np.unique(run.targets.argmax(1))) < 2):
            # nothing to check against yet
            strengths = np.array(self.strengths)
            ridge = float(strengths[int(_unusual(run, strengths).argmin())]) if classes else 1.0
            return {"ridge": ridge, "chosen_at": 0}
        return {"ridge": self._cross_validate(run, lesson), "chosen_at": labels}

    def _cross_validate(self, run: _Run, lesson: Lesson) -> float:
        """The strength with the least loss on held-out items; the stronger one on a tie."""
        strengths = np.sort(np.array(self.strengths))[::-1]
        if isinstance(lesson.task, Targets):
            return float(strengths[int(left_out_error(run.features, run.targets, run.weights, strengths).argmin())])
        fold = _deal(run, lesson, self.folds)
        held_out = self._labels_loss if isinstance(lesson.task, Labels) else self._classes_loss
        return float(strengths[int(held_out(run, fold, strengths).argmin())])

    def _classes_loss(self, run: _Run, fold: np.ndarray, strengths: np.ndarray) -> np.ndarray:
        """The cross-entropy on held-out folds among the classes that the rest has, and what is paid for being unusual.

        Returns:
            Nats, an array (strengths,).
        """
        loss = _unusual(run, strengths)
        for out, has, scores in held_out_scores(run, fold, strengths):
            scores = scores[..., has] - scores[..., has].max(-1, keepdims=True)
            log_p = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
            loss -= (run.weights[out, None] * run.targets[out][:, has] * log_p).sum((1, 2))
        return loss

    def _labels_loss(self, run: _Run, fold: np.ndarray, strengths: np.ndarray) -> np.ndarray:
        """The cross-entropy of all labels on held-out folds, in nats, for each strength: (strengths,)."""
        kept = _kept(run, fold)
        tiled = np.tile(kept, (len(strengths), 1))
        heads, _ = logistic_heads(run.features, run.targets, tiled, np.repeat(strengths, len(kept)), 1e-3)
        heads = heads.reshape(len(strengths), len(kept), *heads.shape[1:])
        loss = np.zeros(len(strengths))
        for f in range(len(kept)):
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


def held_out_scores(
    run: _Run, fold: np.ndarray, strengths: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each fold's items judged by heads that were fitted to the rest, with every strength.

    Args:
        run: The labeled items.
        fold: The fold of each, (items,).
        strengths: (strengths,).

    Yields:
        Whether an item is in the fold, (items,); whether the rest has a class, (classes,); and the scores of the
        fold's items, (strengths, held out, classes).
    """
    kept = _kept(run, fold)
    solved = solve_softmax_head(
        run.features[None],
        run.targets[None],
        np.tile(kept, (len(strengths), 1)),
        np.repeat(strengths, len(kept)),
        tolerance=1e-3,  # strengths are compared, not used
    )
    heads = solved.coefficients.reshape(len(strengths), len(kept), run.targets.shape[1], -1)
    for f, weights in enumerate(kept):
        out = fold == f
        scores = run.features[out] @ heads[:, f, :, :-1].transpose(0, 2, 1) + heads[:, f, None, :, -1]
        yield out, weights @ run.targets > 0, scores


def _kept(run: _Run, fold: np.ndarray) -> np.ndarray:
    """The weights of all items but one fold's, for each fold: (folds, items)."""
    return np.stack([run.weights * (fold != f) for f in range(int(fold.max()) + 1)])


def _unusual(run: _Run, strengths: np.ndarray) -> np.ndarray:
    """What each strength pays for being far from the usual one, in nats: (strengths,)."""
    shares = run.weights / max(float(run.weights.sum()), 1e-300)  # no label: all strengths are as usual
    usual = float(shares @ ((run.features - shares @ run.features) ** 2).sum(1)) / USUAL
    return np.asarray(np.log10(strengths / usual) ** 2 if usual > 0 else np.zeros(len(strengths)))


def _pad(array: np.ndarray, rows: int) -> np.ndarray:
    return np.concatenate([array, np.zeros((rows - len(array), *array.shape[1:]))])
