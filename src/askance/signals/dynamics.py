"""What was recorded while the model trained."""

from __future__ import annotations

from dataclasses import dataclass

from askance.signals.base import Signal


@dataclass(frozen=True)
class Recorded(Signal):
    """An array by pool row that the learner recorded while training, (items, ...).

    Args:
        name: What the learner calls it, one of its `gives_records`.
    """

    name: str

    @property
    def records(self) -> frozenset[str]:
        return frozenset({self.name})
