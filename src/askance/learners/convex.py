"""Heads for labels and numbers: one-vs-rest logistic regression, and ridge regression in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from askance.kernels.softmax_head import solve_softmax_head

Floats = np.ndarray[Any, np.dtype[np.float64]]


def logistic_heads(
    features: Floats, targets: Floats, weights: Floats, ridge: Floats, tolerance: float
) -> tuple[Floats, dict[str, Any]]:
    """One logistic regression for each label and run: ``sum_i w_i BCE(y_i, sigmoid(a.h_i + b)) + ridge / 2 |a|^2``.

    A logistic regression is a softmax over two columns that are each other's negative, with twice the ridge. A label
    that every item has, or none, gets the base rate that half an item more would give.

    Args:
        features: (items, features).
        targets: Shares from 0 to 1, (items, labels).
        weights: For each run a weight for each item, (runs, items).
        ridge: For each run, (runs,).
        tolerance: The relative gradient norm to reach.

    Returns:
        Coefficients with the bias last, (runs, labels, features + 1), and the largest gradient norm and iterations.

    >>> one, _ = logistic_heads(np.array([[-1.0], [1.0]]), np.eye(2), np.ones((1, 2)), np.array([1.0]), 1e-8)
    >>> one.round(3) + 0.0  # by symmetry w = 2 p(wrong) = 2 / (1 + exp(w)), so w = 0.675
    array([[[-0.675,  0.   ],
            [ 0.675,  0.   ]]])
    """
    runs, labels = len(weights), targets.shape[1]
    heads = np.zeros((runs, labels, features.shape[1] + 1))
    facts = {"gradient_norm": 0.0, "iterations": 0}
    for label in range(labels):
        both = np.stack([1 - targets[:, label], targets[:, label]], axis=-1)  # (items, 2)
        solved = solve_softmax_head(features[None], both[None], weights, 2 * ridge, tolerance=tolerance)
        heads[:, label] = solved.coefficients[:, 1] - solved.coefficients[:, 0]
        facts["gradient_norm"] = max(facts["gradient_norm"], float(solved.gradient_norm.max()))
        facts["iterations"] = max(facts["iterations"], int(solved.iterations.max()))
    return heads, facts


def logistic_loss(heads: Floats, features: Floats, targets: Floats, weights: Floats) -> Floats:
    """The weighted cross-entropy of heads over items, summed over labels, (runs,)."""
    scores = features @ heads[..., :-1].transpose(0, 2, 1) + heads[:, None, :, -1]  # (runs, items, labels)
    losses = np.logaddexp(0, scores) - targets * scores
    return np.asarray((weights[:, None] * losses).sum((1, 2)))


def ridge_head(features: Floats, targets: Floats, weights: Floats, ridge: float) -> Floats:
    """``sum_i w_i |y_i - A h_i - b|^2 + ridge |A|^2`` solved exactly; the bias is free. (targets, features + 1)

    >>> ridge_head(np.array([[-1.0], [1.0]]), np.array([[2.0], [6.0]]), np.ones(2), 2.0)  # 4 / (2 + ridge), the mean
    array([[1., 4.]])
    """
    if not weights.sum() > 0:
        return np.zeros((targets.shape[1], features.shape[1] + 1))
    x, y, middle, mean = _centered(features, targets, weights)
    if len(x) < x.shape[1]:  # fewer items than features: the same solution from a matrix of items
        slopes = x.T @ np.linalg.solve(x @ x.T + ridge * np.eye(len(x)), y)
    else:
        slopes = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)
    return np.concatenate([slopes.T, (mean - middle @ slopes)[:, None]], axis=1)


def left_out_error(features: Floats, targets: Floats, weights: Floats, strengths: Floats) -> Floats:
    """The squared error over items, each predicted without itself, for each ridge; exact, by one decomposition.

    Targets are taken in units of their own spread, so that none of several outweighs the others. (strengths,)
    """
    x, y, _, _ = _centered(features, targets, weights)
    spread = y.std(0)
    y = y / np.where(spread > 0, spread, 1)
    vectors, lengths, _ = np.linalg.svd(x, full_matrices=False)  # items or features, whichever are fewer
    values, turned = lengths**2, vectors.T @ y
    share = weights / weights.sum()  # what the free bias takes of each item
    errors = []
    for ridge in strengths:
        kept = values / (values + ridge)
        leverage = (vectors**2 * kept).sum(1) + share
        rest = y - (vectors * kept) @ turned
        errors.append(((rest / np.maximum(1 - leverage, 1e-9)[:, None]) ** 2).sum())
    return np.array(errors)


def _centered(features: Floats, targets: Floats, weights: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Features and targets without their means, times the root of the weights; and the means."""
    share = weights / weights.sum()
    middle, mean = share @ features, share @ targets
    root = np.sqrt(weights)[:, None]
    return (features - middle) * root, (targets - mean) * root, middle, mean
