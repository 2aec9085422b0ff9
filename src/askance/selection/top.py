"""The rows with the highest utility, exactly or by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.selection.base import Ground, Picked, Selector

KINDS = ("softmax", "power", "soft-rank")

_LONG = 1 << 14  # candidates; of fewer, the plain way is as fast and needs nothing compiled
_FEW = 8  # the compiled pass pays where at most one candidate in so many is wanted


@dataclass(frozen=True)
class Top(Selector):
    """The n most wanted candidates; ties go by per-item noise, so the pool's order cannot matter.

    >>> from askance.seeds import Dice
    >>> rows = torch.arange(3)
    >>> Top().pick(2, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"), utility=rows * 0.5).rows
    tensor([2, 1])
    """

    def choose(self, n: int, ground: Ground) -> Picked:
        """Sort out the top without sorting the rest."""
        utility = _given(self, ground)
        rows = _highest(utility, n, ground)
        return Picked(rows, utility[rows])


@dataclass(frozen=True)
class StochasticTop(Selector):
    """Draw n candidates without replacement, the more wanted the likelier. [kirsch2023stochastic]

    The n highest of a score plus one standard Gumbel for each item (Gumbel top-n) are draws one after the other, each
    with a probability that is proportional to the exponential of the score among what is left. With s the utility:

    - ``softmax``: the score is beta s, so the probability goes with exp(beta s).
    - ``power``: beta log s, so it goes with s to the power of beta. A utility of zero or less is never drawn before one
      above zero; among themselves such items are drawn uniformly. A utility that is nowhere above zero, as that of
      ``margin``, is therefore drawn by chance alone: use ``soft-rank`` for it.
    - ``soft-rank``: -beta log r with r the rank of s, 1 for the most wanted; ties are ranked by per-item noise.

    Args:
        kind: ``softmax``, ``power`` or ``soft-rank``.
        beta: How much the score weighs; the larger, the closer to the exact top. Above 0.

    >>> from askance.seeds import Dice
    >>> rows, utility = torch.arange(4), torch.tensor([0.0, 3.0, 0.0, 1.0])
    >>> often = StochasticTop("power", beta=1e6)  # as good as no chance
    >>> often.pick(2, candidates=rows, known=rows[:0], keys=rows, dice=Dice(0, "ask"), utility=utility).rows
    tensor([1, 3])
    """

    kind: str = "power"
    beta: float = 1.0  # Kirsch et al. 2023: no tuning was needed

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind", self.kind, KINDS)
        if not 0 < self.beta < math.inf:
            raise BadInput(
                f"StochasticTop(beta={self.beta}) is not above 0 and finite. Use Random() to draw uniformly."
            )

    def choose(self, n: int, ground: Ground) -> Picked:
        """The top of the scores once each has its Gumbel."""
        utility = _given(self, ground)
        values = utility[ground.candidates].to(torch.float64)
        refuse_nan(values, ground.candidates)
        noisy = self._scores(values, ground) * self.beta + ground.dice.of("gumbel").gumbel(
            ground.keys[ground.candidates]
        )
        spread = torch.full((len(utility),), -torch.inf, dtype=torch.float64, device=utility.device)
        spread[ground.candidates] = noisy
        rows = _highest(spread, n, ground)
        return Picked(rows, utility[rows])

    def _scores(self, values: Tensor, ground: Ground) -> Tensor:
        """The score of each candidate, before the noise."""
        if self.kind == "softmax":
            return values
        if self.kind == "power":
            return values.clamp_min(0).log()
        order = ground.dice.of("ranks").uniform(ground.keys[ground.candidates]).argsort(stable=True)
        order = order[values[order].argsort(descending=True, stable=True)]
        ranks = torch.empty_like(values)
        ranks[order] = torch.arange(1, len(values) + 1, dtype=values.dtype, device=values.device)
        return ranks.log().neg()


def _given(selector: Selector, ground: Ground) -> Tensor:
    if ground.utility is None:
        raise BadInput(
            f"{type(selector).__name__} picks by utility and was given none. Define `utility` on the strategy."
        )
    return ground.utility


def _highest(utility: Tensor, n: int, ground: Ground) -> Tensor:
    """The n candidates of the highest utility, descending; ties by per-item noise."""
    wanted = _wanted(utility, n, ground.candidates)  # n rows and what ties with the last of them
    wanted = wanted[ground.dice.uniform(ground.keys[wanted]).argsort(stable=True)]
    return wanted[utility[wanted].argsort(descending=True, stable=True)][:n]


def _wanted(utility: Tensor, n: int, candidates: Tensor) -> Tensor:
    """The candidates whose utility is at least the n-th highest."""
    plain = utility.dtype in (torch.float32, torch.float64) and utility.device.type == "cpu"
    if plain and utility.is_contiguous() and len(candidates) >= max(_LONG, _FEW * n):
        from askance.kernels import largest  # loads numba, which a small pool can do without

        rows = candidates.contiguous()
        threshold = largest.threshold(utility, rows, n)
        if not math.isnan(threshold):
            return largest.at_least(utility, rows, threshold)
    values = utility[candidates]
    refuse_nan(values, candidates)
    return candidates[values >= values.topk(n).values[-1]]


def refuse_nan(values: Tensor, candidates: Tensor) -> None:
    """Refuse utilities of candidates that are no number, naming the first row."""
    lost = values.isnan()
    if bool(lost.any()):
        row = int(candidates[int(lost.int().argmax())])
        raise BadInput(
            f"The utility of row {row} is NaN, as are {int(lost.sum()) - 1} others. "
            "Check the model's outputs and the utility for 0/0 and infinities."
        )
