"""The rows with the highest utility."""

from __future__ import annotations

from dataclasses import dataclass

from askance.errors import BadInput
from askance.selection.base import Ground, Picked, Selector


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
        utility, candidates = ground.utility, ground.candidates
        if utility is None:
            raise BadInput("Top picks by utility and was given none. Define `utility` on the strategy.")
        values = utility[candidates]
        unknown = values.isnan()
        if bool(unknown.any()):
            row = int(candidates[int(unknown.int().argmax())])
            raise BadInput(
                f"The utility of row {row} is NaN, as are {int(unknown.sum()) - 1} others. "
                "Check the model's outputs and the utility for 0/0 and infinities."
            )
        threshold = values.topk(n).values[-1]
        wanted = candidates[values >= threshold]  # n rows and what ties with the last of them
        wanted = wanted[ground.dice.uniform(ground.keys[wanted]).argsort(stable=True)]
        rows = wanted[utility[wanted].argsort(descending=True, stable=True)][:n]
        return Picked(rows, utility[rows])
