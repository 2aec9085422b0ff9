"""What one of several models would give as a signal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from askance.errors import BadInput, MissingSignal
from askance.learners.base import Model, Outputs
from askance.signals.base import Rows, Signal
from askance.signals.probabilities import Scores
from askance.task import Task


@dataclass(frozen=True)
class OfMember(Signal):
    """Any signal as one member of a committee, or one stochastic pass, gives it.

    Where the model is made of members, the signal is read from that member itself. Else its sample stands in the place
    of the scores, which does for signals of the scores alone.

    Args:
        signal: Which signal.
        member: Which member, from 0.
        members: How many there have to be; None: any number that it is among.
    """

    signal: Signal = Scores()
    member: int = 0
    members: int | None = None

    @property
    def needs(self) -> frozenset[str]:
        return self.signal.needs - {"scores"} | {"samples"}

    def read(self, model: Model, items: Any, task: Task) -> Rows:
        members = getattr(model, "members", None)
        if isinstance(members, tuple):
            return self.signal.read(self._of(members), items, task)
        if self.signal.needs <= {"scores"}:
            return self.rows(model.outputs(items), task)
        raise MissingSignal(
            f"{type(self.signal).__name__} reads more than scores, and a {type(model).__name__} has no members to read "
            f"it from. Use an ensemble or Architectures(...), or a strategy that reads scores."
        )

    def rows(self, outputs: Outputs, task: Task) -> Rows:
        some = outputs.samples if outputs.samples is not None else outputs.sampled
        assert some is not None
        self._of(range(some.shape[1]))
        scores, shares = (None if a is None else a[:, self.member] for a in (outputs.samples, outputs.sampled))
        own = replace(outputs, scores=scores, probabilities=shares)
        return self.signal.rows(own, task)

    def _of(self, members: Any) -> Any:
        if self.member >= len(members) or self.members not in (None, len(members)):
            asked = f"Member {self.member}" if self.members is None else f"One of {self.members} members"
            raise BadInput(
                f"{asked} is asked for, and there are {len(members)}. Ask for as many members as the learner has: "
                f"Averaged(..., members={len(members)})."
            )
        return members[self.member]
