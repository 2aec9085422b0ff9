"""One step of drawing items by how doubtful and how far from earlier picks their probabilities are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import torch
from torch import Tensor

from askance.kernels.distances import Plain

Array = np.ndarray[Any, np.dtype[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])


def draw(
    probabilities: Tensor, last: int, doubts: Tensor, gaps: Tensor, clocks: Tensor, gamma: float
) -> tuple[int, float]:
    """Bring gaps up to date with the last pick and let the clocks run until the next one rings.

    A clock runs at the speed ``((gap - least) / (most - least) + doubt) ** gamma``, least and most over the rows that
    are open; a row is closed where its gap is below 0. So the row that rings is drawn in proportion to its speed, and
    what the other clocks have left is again exponential.

    Args:
        probabilities: (items, classes), contiguous.
        last: The row picked last, or -1; it is closed.
        doubts: How doubtful each item is, from 0 to 1, (items,).
        gaps: The distance to the nearest pick, (items,); changed in place.
        clocks: What each clock has left, float64 (items,); changed in place.
        gamma: How much the most relevant ones are preferred, at least 0.

    Returns:
        The row that rings and its relevance, the base of the power; row -1 if all stand still.
    """
    if probabilities.device.type == "cpu":
        return _draw(probabilities.numpy(), last, doubts.numpy(), gaps.numpy(), clocks.numpy(), gamma, int(gamma))
    return plain(probabilities, last, doubts, gaps, clocks, gamma)


def plain(
    probabilities: Tensor, last: int, doubts: Tensor, gaps: Tensor, clocks: Tensor, gamma: float
) -> tuple[int, float]:
    """The same in torch: the reference, and what runs on other devices."""
    if last >= 0:
        gaps[last] = -1
        torch.minimum(gaps, (probabilities - probabilities[last]).abs().sum(1), out=gaps)
    open_ = gaps >= 0
    least, most = gaps[open_].min(), gaps[open_].max()
    scaled = (gaps - least) / torch.where(most > least, most - least, torch.inf)
    relevance = (scaled + doubts).double()
    row = Plain.ring(clocks, torch.where(open_, (relevance / 2) ** gamma, -1))
    return row, float(relevance[row]) if row >= 0 else 0.0


def _compiled(function: Loop) -> Loop:
    return cast(Loop, numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})(function))


@_compiled
def _draw(
    probabilities: Array, last: int, doubts: Array, gaps: Array, clocks: Array, gamma: float, whole: int
) -> tuple[int, float]:
    if last >= 0:
        gaps[last] = -1
    least, most = np.inf, 0.0
    for i in range(len(gaps)):
        if gaps[i] >= 0:
            if last >= 0:
                total = probabilities.dtype.type(0)
                for column in range(probabilities.shape[1]):
                    total += abs(probabilities[i, column] - probabilities[last, column])
                gaps[i] = min(gaps[i], total)
            least, most = min(least, gaps[i]), max(most, gaps[i])
    spread = most - least if most > least else np.inf
    speeds = np.empty(len(gaps))
    winner, soonest = -1, np.inf
    for i in range(len(gaps)):
        speeds[i] = 0.0
        if gaps[i] >= 0:
            base = ((gaps[i] - least) / spread + doubts[i]) / 2
            if gamma == whole:  # by squares, as a power is slow
                power, left, square = 1.0, whole, base
                while left > 0:
                    if left & 1:
                        power *= square
                    square *= square
                    left >>= 1
            else:
                power = base**gamma
            speeds[i] = power
            if power > 0:
                time = clocks[i] / power
                if time < soonest:
                    winner, soonest = i, time
    if winner < 0:
        return -1, 0.0
    for i in range(len(gaps)):
        if speeds[i] > 0:
            clocks[i] = max(0.0, clocks[i] - soonest * speeds[i])
    return winner, (gaps[winner] - least) / spread + doubts[winner]
