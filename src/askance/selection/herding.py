"""Batches whose weighted sum follows the sum over the pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from askance.kernels.volume import products
from askance.selection.base import Ground, Picked, Selector
from askance.selection.posterior import Points
from askance.selection.volume import ties


@dataclass(frozen=True)
class FrankWolfe(Selector):
    """A batch whose nonnegative combination comes nearest to the sum of all candidates' features.

    Frank and Wolfe's algorithm with exact line search: the next pick is the candidate whose direction agrees most with
    what is missing, ``x.(t - c) / |x|``, and the combination moves towards ``x (sum of all lengths) / |x|`` (Pinsler et
    al. 2019, Algorithm 1). Each item is picked once, so that a batch is full. A pick's utility is its agreement; items
    without length have no direction and come last, with 0.

    >>> from askance.seeds import Dice
    >>> from askance.selection.space import Features
    >>> rows, plane = torch.arange(3), Features(torch.tensor([[1., 0.], [3., 3.], [0., 1.]]))
    >>> FrankWolfe().pick(1, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"), space=plane).rows
    tensor([1])
    """

    weighs: ClassVar[bool] = True

    def choose(self, n: int, ground: Ground) -> Picked:
        """One pass over the pool per pick."""
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
        return Picked(points.named[places], torch.tensor(values, dtype=torch.float64, device=lengths.device))
