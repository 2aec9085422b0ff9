"""No reason at all: the control that every other strategy is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from askance.selection.base import Selector
from askance.selection.top import Top
from askance.strategies.base import Strategy
from askance.view import Batch, View


@dataclass(frozen=True)
class Random(Strategy):
    """Draw items uniformly, without replacement. [ohlsson1995coordination]

    The order hangs on the ids alone, so two studies with one seed draw the same items, whatever the pool's order.

    >>> paper = view(embeddings=[[1.0], [2.0], [3.0]])
    >>> sorted(Random().query(paper, 3).ids)
    [0, 1, 2]
    """

    cost: ClassVar[str] = "N"

    select: Selector = Top()

    def utility(self, view: View) -> Tensor:
        return view.dice.of("order").uniform(view.keys)

    def query(self, view: View, n: int) -> Batch:
        batch = super().query(view, n)
        share = len(batch) / max(1, len(view.candidates))
        return view.batch(batch.rows, notes=[{"propensity": share}] * len(batch))
