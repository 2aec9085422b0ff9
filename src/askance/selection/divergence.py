"""The geometry of class probabilities in which far apart means that one would be surprised by the other."""

from __future__ import annotations

import torch
from torch import Tensor

from askance.kernels.distances import ready
from askance.selection.space import Space

_LEAST = 1e-12  # a probability is taken to be no less, so that a divergence is finite
_PIECE = 1 << 18  # elements of a temporary, so that it stays in the near cache


class Divergence(Space):
    """Class probabilities and the mean of their two Kullback-Leibler divergences, in the place of a squared distance.

    It is no squared distance: the triangle inequality does not hold.

    >>> Divergence(torch.tensor([[.5, .5], [.5, .5], [.8, .2]])).distances(0)
    tensor([0.0000, 0.0000, 0.2079])

    Args:
        array: Probabilities, (items, classes).
        outside: Known items that lie in no row of the pool, (points, classes).
    """

    def __init__(self, array: Tensor, outside: Tensor | None = None) -> None:
        self.array = ready(array)
        self.outside = self.array[:0] if outside is None else ready(outside.to(self.array))
        self.logs = self.array.clamp(min=_LEAST).log_()

    def __len__(self) -> int:
        return len(self.array)

    def norms(self) -> Tensor:
        """Of every row, the divergence from knowing nothing."""
        out = self.filled(torch.inf)
        classes = max(1, self.array.shape[1])
        self._approach(self.array.new_full((1, self.array.shape[1]), 1 / classes), out)
        return out

    def approach(self, rows: Tensor, nearest: Tensor) -> None:
        """Lower ``nearest``; many rows at once by a matrix product, which only says which of them is nearest."""
        self._approach(self.array[rows], nearest)

    def approach_known(self, known: Tensor, nearest: Tensor) -> bool:
        """Known rows, then the points outside of the pool."""
        self.approach(known, nearest)
        self._approach(self.outside, nearest)
        return len(known) + len(self.outside) > 0

    def beyond(self) -> int:
        """How many known points lie outside of the pool."""
        return len(self.outside)

    def approach_beyond(self, number: int, nearest: Tensor) -> None:
        """Lower ``nearest`` to one of those points."""
        self._approach(self.outside[number : number + 1], nearest)

    def take(self, rows: Tensor) -> Divergence:
        """The probabilities of some rows; this copies them."""
        return Divergence(self.array[rows], self.outside)

    def filled(self, value: float) -> Tensor:
        """A number per item, of the probabilities' type."""
        return self.array.new_full((len(self),), value)

    def _approach(self, points: Tensor, nearest: Tensor) -> None:
        if not len(points):
            return
        logs = points.clamp(min=_LEAST).log_()
        own = (points * logs).sum(1)
        step = max(1, _PIECE // max(len(points), points.shape[1], 1))
        for start in range(0, len(self), step):
            piece = slice(start, start + step)
            array, own_logs = self.array[piece], self.logs[piece]
            point, log = points, logs
            if len(points) > 1:
                rough = torch.addmm(own, array, logs.T, alpha=-1).addmm_(own_logs, points.T, alpha=-1)
                best = rough.argmin(1)
                point, log = points[best], logs[best]
            gap = ((array - point) * (own_logs - log)).sum(1) / 2
            nearest[piece] = torch.where(gap < nearest[piece], gap, nearest[piece])
