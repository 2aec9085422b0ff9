"""Batches whose weighted sum follows the sum over the pool."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from askance.kernels.volume import products
from askance.selection.base import Ground, Picked, Selector
from askance.selection.posterior import Points, Posterior
from askance.selection.space import Features
from askance.selection.volume import check_noise, ties


@dataclass(frozen=True)
class FrankWolfe(Selector):
    """A batch whose nonnegative combination comes nearest to the sum of all candidates' features.

    Frank and Wolfe's algorithm with exact line search: the next pick is the candidate whose direction agrees most with
    what is missing, ``x.(t - c) / |x|``, and the combination moves towards ``x (sum of all lengths) / |x|`` (Pinsler et
    al. 2019, Algorithm 1). Each item is picked once, so that a batch is full. A pick's utility is its agreement; items
    without length have no direction and come last, with 0.

    The paper's vectors are log likelihoods: how likely the model, as a function of its weights, finds what it expects
    of an item. With ``projections`` they are taken at so many draws of the weights of a linear model given the known
    items; with none, the features themselves stand for them.

    >>> from askance.seeds import Dice
    >>> from askance.selection.space import Features
    >>> rows, plane = torch.arange(3), Features(torch.tensor([[1., 0.], [3., 3.], [0., 1.]]))
    >>> FrankWolfe().pick(1, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"), space=plane).rows
    tensor([1])

    Args:
        projections: How many draws of the weights; 0 for the features themselves.
        noise: Standard deviation of the noise, as in `LargestVolume`; for projections.
    """

    weighs: ClassVar[bool] = True

    projections: int = 0
    noise: float = 1e-3  # Holzmüller et al. 2023

    def __post_init__(self) -> None:
        check_noise(self.noise)

    def choose(self, n: int, ground: Ground) -> Picked:
        """One pass over the pool per pick."""
        named = ground.candidates
        if self.projections:
            ground = self._projected(ground)
        points, draw = Points(ground, type(self).__name__, known=False), ties(ground)
        points.mean_length()  # refuses what is not finite
        lengths = points.lengths.sqrt()
        turned = torch.where(lengths > 0, points.weights.sqrt() / lengths, 0)  # a feature times this has length 1
        target = torch.zeros(points.width, dtype=torch.float64, device=lengths.device)
        for _, piece in points.pieces():
            target += piece.sum(0)
        radius = float(lengths.sum())
        current = torch.zeros_like(target)
        closed = lengths == 0
        places: list[int] = []
        values: list[float] = []
        for _ in range(min(n, int((~closed).sum()))):
            scores = products(points.array, points.rows, target - current) * turned
            scores.masked_fill_(closed, -torch.inf)
            top = (scores == scores.max()).nonzero().flatten()
            place = int(top[draw[top].argmax()])
            places.append(place)
            values.append(float(scores[place]))
            closed[place] = True
            corner = points.candidates(torch.tensor([place]))[0] * (radius / float(lengths[place]))
            edge = corner - current
            length = float(edge @ edge)
            step = float(edge @ (target - current)) / length if length > 0 else 0.0
            current = current + min(1.0, max(0.0, step)) * edge
        flat = (lengths == 0).nonzero().flatten()
        places += flat[draw[flat].argsort()][: n - len(places)].tolist()
        values += [0.0] * (len(places) - len(values))
        return Picked(named[places], torch.tensor(values, dtype=torch.float64, device=lengths.device))

    def _projected(self, ground: Ground) -> Ground:
        """The candidates alone, with log likelihoods as their features."""
        points = Points(replace(ground, weights=None), type(self).__name__)
        noise = points.noise(self.noise)
        posterior = Posterior(points, noise)
        dice = ground.dice.of("projections").torch_generator()
        draws = torch.randn(self.projections, points.width, generator=dice, dtype=torch.float64).to(points.array.device)
        features = log_likelihoods(points, posterior, draws @ posterior.root(), noise)
        rows, known = ground.candidates, ground.known[:0]
        weights = ground.weights[rows] if ground.weights is not None else None
        here = torch.arange(len(rows), device=rows.device)
        return replace(
            ground, candidates=here, known=known, keys=ground.keys[rows], space=Features(features), weights=weights
        )


def log_likelihoods(points: Points, posterior: Posterior, draws: Tensor, noise: float) -> Tensor:
    """``log(1 + v / s) / 2 - (z^2 + v) / (2 s)`` of each candidate, at each draw of the weights, float32.

    The expected log likelihood of an item's number under a linear model's prediction, with its entropy added (Pinsler
    et al. 2019, Section 3): v is the variance of the prediction, z what a draw of the weights, less their mean, makes
    of the item.

    Args:
        points: The candidates.
        posterior: What is known.
        draws: Of the weights, less their mean, float64 (draws, features).
        noise: s.

    Returns:
        (candidates, draws).
    """
    variances = posterior.variances(points)
    out = torch.empty(len(points.rows), len(draws), device=points.array.device)
    for some, piece in points.pieces():
        spread = variances[some].unsqueeze(1)
        out[some] = ((spread / noise).log1p() / 2 - ((piece @ draws.T).square() + spread) / (2 * noise)).float()
    return out
