"""The candidate farthest by a product of distances, found lazily: each is compared only as far as it can still win."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from askance.arrays import PIECE, spans
from askance.errors import BadInput
from askance.kernels.distances import ready

Array = np.ndarray[Any, np.dtype[Any]]


class Race:
    """Candidates, and how near each is known to be to the points so far; points are added, candidates are taken.

    The distance to a point is the distance in features times the distance in numbers, or one of them alone. What is
    kept of a candidate is the smallest of the distances that were looked at, so the true one is no larger, and a
    candidate that cannot win by what is known of it is not looked at further.

    Args:
        features: (items, features).
        numbers: (items, numbers).
        inputs: Whether features count.
        outputs: Whether numbers count.
        candidates: Rows that may be picked, int64.
        noise: Decides between candidates that are alike in all else, (items,).
    """

    def __init__(
        self, features: Tensor, numbers: Tensor, *, inputs: bool, outputs: bool, candidates: Tensor, noise: Tensor
    ) -> None:
        self.features, self.numbers = ready(features.cpu()).numpy(), ready(numbers.cpu()).numpy()
        self.inputs, self.outputs = inputs, outputs
        self.candidates, self.noise = candidates.cpu().numpy(), noise.double().cpu().numpy()[candidates.cpu().numpy()]
        self.nearest, self.closest = (np.full(len(candidates), np.inf) for _ in range(2))
        self.compared, self.approached = (np.zeros(len(candidates), dtype=np.int64) for _ in range(2))
        self.open = np.ones(len(candidates), dtype=np.bool_)

    def take(self, place: int) -> int:
        """Take a candidate out, by its place among the candidates; its row."""
        self.open[place] = False
        return int(self.candidates[place])

    def farthest(self, points: Array) -> tuple[int, float]:
        """The place of the candidate whose nearest point is farthest, and that distance.

        Args:
            points: Rows, int64; at each call those of the call before, and maybe more.

        Raises:
            BadInput: If a distance is infinite or NaN.
        """
        place = _farthest(
            self.features, self.numbers, self.inputs, self.outputs, self.candidates, self.noise, points,
            self.nearest, self.compared, self.closest, self.approached, self.open,
        )  # fmt: skip
        distance = float(np.sqrt(self.nearest[place]))
        if not np.isfinite(distance):
            raise BadInput(
                f"The distance of row {self.candidates[place]} to what is known is infinite or NaN. Check the features "
                f"and the learner for NaN, and scale the features down or hand them in as float64."
            )
        return place, distance

    def central(self) -> int:
        """The place of the candidate whose features are nearest to the mean of all candidates' features."""
        rows = torch.from_numpy(self.candidates)
        parts = [rows[start:stop] for start, stop in spans(len(rows), PIECE)]
        features = torch.from_numpy(self.features)
        middle = sum((features[part].double().sum(0) for part in parts), start=torch.tensor(0.0)) / len(rows)
        off = torch.cat([(features[part].double() - middle).square().sum(1) for part in parts]).numpy()
        tied = np.flatnonzero(off == off.min())
        return int(tied[self.noise[tied].argmin()])


# One function without calls: what numba links to a call may be other machine code when it comes from the cache.
@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _farthest(
    features: Array,
    numbers: Array,
    inputs: bool,
    outputs: bool,
    candidates: Array,
    noise: Array,
    points: Array,
    nearest: Array,
    compared: Array,
    closest: Array,
    approached: Array,
    open_: Array,
) -> int:
    best = -1
    for place in range(len(candidates)):
        if not open_[place] or (best >= 0 and nearest[place] < nearest[best]):
            continue
        row, near, done = candidates[place], nearest[place], compared[place]
        while done < len(points) and near > 0 and (best < 0 or near >= nearest[best]):
            point = points[done]
            product = 1.0
            if outputs:
                gap = numbers.dtype.type(0)
                for column in range(numbers.shape[1]):
                    difference = numbers[row, column] - numbers[point, column]
                    gap += difference * difference
                product *= gap
            if inputs and product > 0:
                apart = features.dtype.type(0)
                for column in range(features.shape[1]):
                    step = features[row, column] - features[point, column]
                    apart += step * step
                product *= apart
            if product < near:
                near = product
            done += 1
        nearest[place], compared[place] = near, done
        if best >= 0:
            if near < nearest[best]:
                continue
            if near == nearest[best]:  # then the one farther in features, then noise
                for one in (best, place):
                    while approached[one] < len(points) and closest[one] >= closest[best]:
                        apart = features.dtype.type(0)
                        for column in range(features.shape[1]):
                            step = features[candidates[one], column] - features[points[approached[one]], column]
                            apart += step * step
                        if apart < closest[one]:
                            closest[one] = apart
                        approached[one] += 1
                if closest[place] < closest[best]:
                    continue
                if closest[place] == closest[best] and noise[place] >= noise[best]:
                    continue
        best = place
    return best
