"""The contract of strategies: signals in fields, a view in, an ordered batch out."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from askance.learners.base import Learner
from askance.signals.base import signals_of
from askance.task import Task
from askance.view import Batch, View

if TYPE_CHECKING:
    from askance.selection.base import Selector
    from askance.selection.space import Space

_UNFITTED = {"embeddings", "gradients"}  # what says something before the first label; nothing else does


@dataclass(frozen=True)
class Strategy:
    """Says which items are worth a label. Its fields are its needs.

    A subclass usually has a signal and a selector as fields and writes `utility` (one number per item, higher is more
    wanted) or `space` (where the items lie). One that needs more overrides `query`. It holds no state.
    """

    walks: ClassVar[bool] = False  # whether its dice walk the array: then another order of the pool keeps only the law
    reads_labels: ClassVar[bool] = False  # whether it looks at the labeled items and their labels
    revision: ClassVar[int] = 1  # goes up when its picks may change: then results of before are not its own
    cost: ClassVar[str] = ""  # time of a batch, in N items, L labeled, n picks, C classes, d features, S samples

    @property
    def select(self) -> Selector:
        """The selector: a field of the subclass."""
        raise TypeError(f"{type(self).__name__} has no field `select` and does not override `query`")

    def equip(self, learner: Learner) -> Learner:
        """What the method wants of the task learner: a loss head, dropout, mixup. By default nothing."""
        return learner

    def said(self, task: Task) -> str:
        """What asks, in words; empty where a name says it all."""
        return ""

    def serves(self, task: Task) -> bool:
        """Whether the strategy means something for a task; one that looks at the items alone always does."""
        return True

    def utility(self, view: View) -> Tensor | None:
        """How wanted each item of the pool is, (items,)."""
        return None

    def space(self, view: View) -> Space | None:
        """Where the items of the pool lie."""
        return None

    def weights(self, view: View) -> Tensor | None:
        """How much each item counts where a selector spreads picks over a space, (items,), at least 0."""
        return None

    def query(self, view: View, n: int) -> Batch:
        """Pick at most ``n`` candidates, in order of preference.

        Fewer than ``min(n, candidates)`` come with a reason: ``waiting``, ``done`` or ``stop: ...``.
        """
        picked = self.select.pick(
            min(n, len(view.candidates)),
            candidates=view.candidates,
            known=view.known,
            keys=view.keys,
            dice=view.dice.of("select"),
            utility=self.utility(view),
            weights=self.weights(view),
            space=self.space(view),
        )
        values = picked.utility.tolist() if picked.utility is not None else ()
        return view.batch(picked.rows, notes=[{"utility": value, **picked.said} for value in values])

    def needs_model(self) -> bool:
        """Whether any signal comes from a fitted model's scores, or was recorded while it trained."""
        return any(s.of is None and (s.needs - _UNFITTED or s.records) for s in signals_of(self))


def several(learner: Learner, what: str = "samples") -> Learner:
    """The learner if it gives several beliefs, else with members that each saw the labels resampled.

    Args:
        learner: Whose beliefs are wanted.
        what: As what: ``samples`` or ``votes``.
    """
    if what in learner.gives:
        return learner
    from askance.learners.many import Bootstrapped  # loads scipy, which arrays that are handed in can do without

    return Bootstrapped(learner)


def reads_labels(part: Any) -> bool:
    """Whether a strategy, or one inside it, looks at labeled items and their labels."""
    if isinstance(part, Strategy) and part.reads_labels:
        return True
    if is_dataclass(part) and not isinstance(part, type):
        return any(reads_labels(getattr(part, field.name)) for field in fields(part))
    return isinstance(part, tuple | list) and any(reads_labels(inner) for inner in part)
