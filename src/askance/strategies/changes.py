"""Worth a label because the model changed its mind about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.selection.base import Selector
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.signals.dynamics import Recorded
from askance.signals.probabilities import Probabilities
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


@dataclass(frozen=True)
class OutputDiscrepancy(Strategy):
    """Ask where the model believes something else than the model of the round before. [huang2021semi]

    Half the squared distance of the class probabilities (cyclic output discrepancy, COD). Before the first fit a model
    knows nothing; whoever moved least from there is the least certain, and is asked first, as in the released code.
    Their training on unlabeled items, which holds a model to its own average, is not part of it.

    Args:
        now: What the model believes.
        before: What it believed one fit ago.
        select: Takes the top.

    >>> from dataclasses import replace
    >>> now, then = tensor([[1.0, 0.0], [0.6, 0.4]]), tensor([[0.9, 0.1], [0.1, 0.9]])
    >>> paper = replace(view(probabilities=now), read=lambda signal: then if signal.age else now)
    >>> OutputDiscrepancy().query(paper, 1).ids
    [1]
    """

    cost: ClassVar[str] = "N C; a pass over N items by the model of before"

    now: Signal = Probabilities()
    before: Signal = Probabilities(age=1)
    select: Selector = Top()

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def utility(self, view: View) -> Tensor:
        now, before = view[self.now], view[self.before].to(view[self.now])
        moved: Tensor = (now - before).square().sum(1) / 2
        return -moved if _knows_nothing(before) else moved


def _knows_nothing(beliefs: Tensor) -> bool:
    """Whether all classes are equally likely, for every item."""
    return not beliefs.numel() or torch.equal(beliefs.amax(1), beliefs.amin(1))
