"""Worth a label for a reason that somebody put together by hand."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from askance.errors import BadInput
from askance.selection.base import Selector
from askance.selection.space import Features, Product, Space, normalized
from askance.selection.top import Top
from askance.signals.base import Signal
from askance.strategies.base import Strategy
from askance.utilities.named import Utility, utility
from askance.view import View


@dataclass(frozen=True)
class Composed(Strategy):
    """Any signal, any utility, any geometry and any selector, put together by hand. [settles2009active]

    With ``signal`` and ``by`` it has a utility; with ``place`` a space. With both, and a selector that takes weights,
    the utility weighs the items: it is scaled to 0 for the least wanted candidate and 1 for the most wanted one.

    Args:
        select: Picks from them.
        signal: What the utility reads.
        by: The utility: a name of `askance.utilities.named.UTILITIES`, ``module:function`` or a function of the
            signal's rows that gives one number per item, higher is more wanted.
        place: Where the items lie: rows of features, or two factors whose outer products are meant.
        cosine: Whether features are scaled to length one first.
        labeled: Whether known items outside of the pool count where it has any.

    >>> from askance.selection.spread import FarthestFirst
    >>> from askance.signals.embeddings import Embeddings
    >>> paper = view(embeddings=[[0.0], [1.0], [3.0]], labeled=[0])
    >>> Composed(place=Embeddings(), select=FarthestFirst()).query(paper, 1).ids
    [2]
    """

    select: Selector = Top()
    signal: Signal | None = None
    by: str | Utility = "margin"
    place: Signal | None = None
    cosine: bool = False
    labeled: bool = True

    def __post_init__(self) -> None:
        if self.signal is None and self.place is None:
            raise BadInput("Composed reads nothing. Give it a signal for a utility, a place for a space, or both.")
        if self.signal is not None and self.place is not None and not self.select.weighs:
            raise BadInput(
                f"{type(self.select).__name__} takes no weights, so signal={self.signal} would not count. Leave out "
                f"signal or place, or use a selector that takes weights."
            )
        utility(self.by)

    def utility(self, view: View) -> Tensor | None:
        return self._wanted(view) if self.place is None else None

    def weights(self, view: View) -> Tensor | None:
        if self.place is None or self.signal is None:
            return None
        wanted = self._wanted(view)
        assert wanted is not None
        shown = wanted[view.candidates]
        if not len(shown):
            return wanted.new_ones(len(wanted))
        low, high = shown.min(), shown.max()
        return ((wanted - low) / (high - low)).clamp(0, 1) if high > low else wanted.new_ones(len(wanted))

    def space(self, view: View) -> Space | None:
        if self.place is None:
            return None
        rows, outside = view[self.place], view.outside(self.place) if self.labeled else None
        if not isinstance(rows, Tensor):
            return Product(*rows)
        if not self.cosine:
            return Features(rows, outside=outside)
        return Features(normalized(rows), outside=None if outside is None else normalized(outside))

    def _wanted(self, view: View) -> Tensor | None:
        return None if self.signal is None else utility(self.by)(view[self.signal])
