"""The Laplace approximation of a linear head: draws of the layers that the labels leave possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.arrays import take
from askance.errors import BadInput
from askance.learners.base import Differentiable, Learner, Lesson, Model, Outputs
from askance.learners.linear import Linear, LinearModel
from askance.task import Classes, Labels, Targets

Floats = np.ndarray[Any, np.dtype[np.float64]]

DRAWS = 20
MOST = 2_000  # numbers in a layer whose curvature is kept whole


@dataclass(frozen=True)
class Laplace(Learner):
    """A linear head and draws from a normal law around it, whose precision is the curvature of its loss.

    Scores and embeddings are those of the head; the draws give samples. [mackay1992practical] Classes: the Hessian of
    ``sum_i w_i CE + ridge / 2 |W|^2`` is exact, over all weights and biases together. A shift of all biases changes no
    probability and has no curvature; it is given one, which changes no probability either. A layer of more than 2,000
    numbers has the curvature of its Kronecker factors, the mean of ``diag(p) - p p'`` and the sum of ``x x'``, with the
    ridge on the biases as well. [ritter2018scalable] Labels: each label's own logistic regression, exact. Numbers: the
    posterior of ridge regression, exact, with the variance of the noise from the residuals.

    With no label or a single class there is nothing to disagree about, and all samples are the head.

    Args:
        learner: The head.
        draws: How many samples.
    """

    learner: Linear = Linear()
    draws: int = DRAWS

    def __post_init__(self) -> None:
        if not isinstance(self.learner, Linear):
            raise BadInput(
                f"Laplace knows the curvature of a Linear head only, and {type(self.learner).__name__} is none. Use "
                f"Bootstrapped(...) for any other learner."
            )
        if self.draws < 2:
            raise BadInput(f"Laplace(draws={self.draws}) has nobody to disagree with. Use 2 or more.")

    @property
    def gives(self) -> frozenset[str]:
        return self.learner.gives | {"samples", "votes"}

    @property
    def remembers(self) -> bool:
        return self.learner.remembers

    def fit(self, lesson: Lesson) -> Drawn:
        return self.fit_many([lesson])[0]

    def fit_many(self, lessons: Sequence[Lesson]) -> list[Drawn]:
        """All heads at once; then each has its own draws."""
        heads = self.learner.fit_many([replace(lesson, previous=_head(lesson.previous)) for lesson in lessons])
        return [self._drawn(head, lesson) for head, lesson in zip(heads, lessons, strict=True)]

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Drawn:
        return Drawn(self.learner.restore({"coefficients": weights["coefficients"]}, facts), weights["draws"])

    def _drawn(self, head: LinearModel, lesson: Lesson) -> Drawn:
        layer = head.coefficients.numpy()
        noise = lesson.dice.of("laplace").generator().standard_normal((self.draws, *layer.shape))
        features = take(lesson.items, lesson.labeled).to(torch.float64).cpu().numpy()
        inputs = np.concatenate([features, np.ones((len(features), 1))], axis=1)  # (items, features + 1)
        weights, targets = lesson.weights.cpu().numpy(), lesson.targets.cpu().numpy()
        known = weights > 0
        ridge = head.facts.get("ridge", 1.0)
        moved = np.zeros_like(noise)
        if isinstance(lesson.task, Classes):
            if len(layer) and len(np.unique(targets[known].argmax(1))) > 1:
                shares = _softmax(inputs[known] @ layer.T)
                whole = layer.size <= MOST
                draw = _of_classes if whole else _of_factors
                moved = draw(inputs[known], shares, weights[known], ridge, noise)
        elif known.any():
            task = lesson.task
            assert isinstance(task, Labels | Targets)
            for row in range(len(layer)):
                moved[:, row] = _of_row(
                    inputs[known], targets[known, row], weights[known], ridge, layer[row], task, noise[:, row]
                )
        return Drawn(head, torch.from_numpy(layer[None] + moved))


@dataclass(frozen=True, eq=False)
class Drawn(Model):
    """A head, and layers that could have been it.

    Args:
        head: Whose scores and embeddings are given.
        draws: float64 (samples, classes | labels | targets, features + 1), the bias last.
    """

    head: LinearModel
    draws: Tensor

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", self.head.facts)

    def outputs(self, items: Any) -> Outputs:
        own = self.head.outputs(items)
        draws = self.draws.to(items)
        flat = draws.reshape(-1, draws.shape[-1])
        scores = torch.addmm(flat[:, -1], items, flat[:, :-1].T)  # (items, samples x classes)
        return replace(own, samples=scores.reshape(len(items), *draws.shape[:2]))

    def differentiable(self) -> Differentiable:
        return self.head.differentiable()

    def weights(self) -> dict[str, Tensor]:
        return {"coefficients": self.head.coefficients, "draws": self.draws}


def _head(model: Model | None) -> Model | None:
    return model.head if isinstance(model, Drawn) else model


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def curvature(inputs: Floats, shares: Floats, weights: Floats, ridge: float) -> Floats:
    """The Hessian of the softmax head's loss, classes outermost, (classes x inputs, classes x inputs).

    Args:
        inputs: Features with a one behind them, (items, inputs).
        shares: Probabilities, (items, classes).
        weights: (items,).
        ridge: On all inputs but the last, which is the bias.
    """
    classes, width = shares.shape[1], inputs.shape[1]
    found = np.empty((classes, width, classes, width))
    for one in range(classes):
        for other in range(one + 1):
            bend = weights * shares[:, one] * ((one == other) - shares[:, other])
            found[one, :, other, :] = (inputs * bend[:, None]).T @ inputs
            found[other, :, one, :] = found[one, :, other, :].T
    diagonal = np.full((classes, width), ridge)
    diagonal[:, -1] = 0.0
    whole = found.reshape(classes * width, classes * width)
    whole[np.diag_indices(classes * width)] += diagonal.ravel()
    return whole


def _of_classes(inputs: Floats, shares: Floats, weights: Floats, ridge: float, noise: Floats) -> Floats:
    """Draws around a softmax head, (samples, classes, inputs)."""
    classes, width = shares.shape[1], inputs.shape[1]
    precision = curvature(inputs, shares, weights, ridge)
    biases = np.arange(width - 1, classes * width, width)
    precision[np.ix_(biases, biases)] += weights.sum() / classes**2  # the shift of all biases, which changes nothing
    return _draws(precision, noise.reshape(len(noise), -1)).reshape(noise.shape)


def _of_factors(inputs: Floats, shares: Floats, weights: Floats, ridge: float, noise: Floats) -> Floats:
    """The same by Kronecker factors."""
    weighted = weights[:, None]
    mean = weights.sum()
    bend = (np.diag((weighted * shares).sum(0)) - (weighted * shares).T @ shares) / mean
    values, vectors = np.linalg.eigh(bend)
    lengths, axes = np.linalg.eigh((weighted * inputs).T @ inputs)
    spread = np.sqrt(np.maximum(values, 0)[:, None] * np.maximum(lengths, 0)[None] + ridge)
    return np.asarray(vectors @ (noise / spread) @ axes.T)


def _of_row(
    inputs: Floats,
    targets: Floats,
    weights: Floats,
    ridge: float,
    row: Floats,
    task: Labels | Targets,
    noise: Floats,
) -> Floats:
    """Draws around the head of one label or number, (samples, inputs)."""
    scores = inputs @ row
    penalty = np.full(inputs.shape[1], ridge)
    penalty[-1] = 0.0
    if isinstance(task, Labels):
        share = 1 / (1 + np.exp(-np.clip(scores, -500, 500)))
        precision = (inputs * (weights * share * (1 - share))[:, None]).T @ inputs + np.diag(penalty)
        precision[-1, -1] += 1e-9 * weights.sum()  # a label that all items have leaves the bias nearly flat
        return _draws(precision, noise)
    gram = (inputs * weights[:, None]).T @ inputs
    precision = gram + np.diag(penalty)
    free = max(1.0, weights.sum() - float(np.trace(np.linalg.solve(precision, gram))))
    variance = float((weights * (targets - scores) ** 2).sum()) / free
    return np.asarray(np.sqrt(variance) * _draws(precision, noise))


def _draws(precision: Floats, noise: Floats) -> Floats:
    """Draws of a normal law with this precision, from standard ones, (samples, numbers)."""
    from scipy.linalg import solve_triangular

    factor = np.linalg.cholesky(precision)
    return np.asarray(solve_triangular(factor, noise.T, lower=True, trans="T").T)
