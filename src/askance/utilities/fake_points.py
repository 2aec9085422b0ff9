"""How far models that explain what is known may differ at a point, by refits with a fake point: for audits.

The bound of ``f(x)`` over all f whose loss is at most so much above the least one is found with nothing but a way to
fit: a fake point (x, target) joins what is known, and its weight is searched for at which the loss of what is known has
risen by as much. [zhu2022active] It takes some 40 fits for each bound, so it is for a few hundred points, to check
bounds that are made otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.kernels.softmax_head import solve_softmax_head

_HEAVY = 1e12  # a fake point of this weight is met as well as it can be
_STEPS = 60  # of a bisection


class Regression(Protocol):
    """Something that is fitted to numbers."""

    def fit(self, features: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """What has the least loss, from features (items, width), targets (items,) and weights (items,)."""

    def value(self, fitted: Tensor, point: Tensor) -> float:
        """What it says of a point (width,)."""

    def loss(self, fitted: Tensor, features: Tensor, targets: Tensor, weights: Tensor) -> float:
        """What `fit` makes least, penalty included."""


@dataclass(frozen=True)
class Ridge:
    """``sum w (f.h - y)^2 + ridge |f|^2``; without a bias, so give the features a one."""

    ridge: float = 1.0

    def fit(self, features: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """The coefficients, (width,)."""
        moment = (features * weights.unsqueeze(1)).T @ features
        moment.diagonal().add_(self.ridge)
        found: Tensor = torch.linalg.solve(moment, features.T @ (weights * targets))
        return found

    def value(self, fitted: Tensor, point: Tensor) -> float:
        """``f.h``."""
        return float(point @ fitted)

    def loss(self, fitted: Tensor, features: Tensor, targets: Tensor, weights: Tensor) -> float:
        """The penalized sum of squares."""
        return float((weights * (features @ fitted - targets).square()).sum() + self.ridge * fitted.square().sum())


@dataclass(frozen=True)
class Logistic:
    """``sum w BCE(y, sigmoid(f.h + b)) + ridge / 4 |f|^2``, which is `Linear(ridge)` with two classes; the bias free.

    Its value is the probability.
    """

    ridge: float = 1.0

    def fit(self, features: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """The coefficients, (width + 1,), the bias last."""
        both = torch.stack([1 - targets, targets], 1)  # (items, 2)
        found = solve_softmax_head(features[None], both[None], weights[None], [self.ridge], tolerance=1e-9)
        return torch.from_numpy(found.coefficients[0, 1] - found.coefficients[0, 0])

    def value(self, fitted: Tensor, point: Tensor) -> float:
        """The probability of target 1."""
        return float(torch.sigmoid(point @ fitted[:-1] + fitted[-1]))

    def loss(self, fitted: Tensor, features: Tensor, targets: Tensor, weights: Tensor) -> float:
        """The penalized cross-entropy."""
        scores = features @ fitted[:-1] + fitted[-1]
        losses = torch.nn.functional.softplus(scores) - targets * scores
        return float((weights * losses).sum() + self.ridge / 4 * fitted[:-1].square().sum())


def fake_bounds(
    regression: Regression, features: Tensor, targets: Tensor, weights: Tensor, points: Tensor, excess: float
) -> tuple[Tensor, Tensor]:
    """The least and the largest value at each point of all fits whose loss is at most ``excess`` above the least one.

    A bound goes no further than the target of the fake point, 0 or 1.

    Args:
        regression: How to fit.
        features: Of what is known, float64 (known, width).
        targets: From 0 to 1, float64 (known,).
        weights: float64 (known,).
        points: float64 (points, width).
        excess: Above 0.

    Raises:
        BadInput: If the excess is not above 0.

    >>> one = torch.ones(1, 1, dtype=torch.float64)  # one item at 1 with target 1/2 and no penalty to speak of
    >>> low, high = fake_bounds(Ridge(1e-9), one, one[0] / 2, one[0], one, 0.04)
    >>> round(float(low), 3), round(float(high), 3)  # (f - 1/2)^2 <= 0.04
    (0.3, 0.7)
    """
    if not excess > 0:
        raise BadInput(f"excess={excess} leaves one fit alone, and no bounds around it. Use a number above 0.")
    best = regression.loss(regression.fit(features, targets, weights), features, targets, weights)
    ends = []
    for target in (0.0, 1.0):
        found = []
        for point in points:
            told = torch.cat([targets, targets.new_tensor([target])])
            shown = torch.cat([features, point.unsqueeze(0)])

            def refit(weight: float, shown: Tensor = shown, told: Tensor = told, point: Tensor = point) -> _Tried:
                fitted = regression.fit(shown, told, torch.cat([weights, weights.new_tensor([weight])]))
                spent = regression.loss(fitted, features, targets, weights) - best
                return regression.value(fitted, point), spent

            found.append(_reached(refit, excess))
        ends.append(torch.tensor(found, dtype=torch.float64))
    return ends[0], ends[1]


_Tried = tuple[float, float]  # the value at the point, and by how much the loss of what is known has risen


def _reached(refit: Callable[[float], _Tried], excess: float) -> float:
    """The value at the point at the weight where the loss has risen by ``excess``; at the largest weight if never."""
    heavy = 1.0
    value, spent = refit(heavy)
    while spent < excess:
        if heavy >= _HEAVY:
            return value
        heavy *= 4
        value, spent = refit(heavy)
    light = heavy
    while spent > excess and light > 1 / _HEAVY:
        light /= 4
        value, spent = refit(light)
    for _ in range(_STEPS):
        middle = math.sqrt(light * heavy)
        value, spent = refit(middle)
        if abs(spent - excess) <= 1e-9 * excess:
            break
        light, heavy = (middle, heavy) if spent < excess else (light, middle)
    return value
