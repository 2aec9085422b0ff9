"""Worth a label because the model changed its mind about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.dynamics import Recorded
from askance.strategies.base import Strategy
from askance.task import Classes, Task
from askance.utilities.history import dispersion
from askance.view import View


@dataclass(frozen=True)
class LabelDispersion(Strategy):
    """Ask where the guess was another class at most looks while the model trained. [bengar2021deep]

    The share of looks at which the guess is not the class that was guessed most often. The paper looks at every epoch;
    here it is the learner's `looks`, 10 by default, so many items are equally wanted and dice decide among them.
    Of large pools a learner records some items alone; the others come last.

    Args:
        history: What the model believed at each look.
        select: Takes the top.

    >>> from askance.signals.samples import Samples
    >>> looks = [[[0.9, 0.1], [0.9, 0.1]], [[0.8, 0.2], [0.4, 0.6]], [[0.9, 0.1], [0.7, 0.3]]]  # (looks, items, ...)
    >>> LabelDispersion(history=Samples()).query(view(mc_probabilities=looks), 1).ids
    [1]
    """

    cost: ClassVar[str] = "N looks C; looks passes of the network over N items while it trains"

    history: Signal = Recorded("probabilities")
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        beliefs: Tensor = view[self.history]  # (items, looks, classes)
        if not beliefs.shape[2]:
            return beliefs.new_zeros(len(beliefs))
        return dispersion(beliefs).nan_to_num(nan=-1.0)
