"""What several stochastic passes, or the members of a committee, believe."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from askance.learners.base import Outputs
from askance.signals.base import Signal
from askance.task import Task


@dataclass(frozen=True)
class Samples(Signal):
    """Probabilities of every pass or member, (items, samples, classes); a view, not always contiguous."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"samples"})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        if outputs.sampled is not None:
            return outputs.sampled
        assert outputs.samples is not None
        return task.link(outputs.samples)


@dataclass(frozen=True)
class Votes(Signal):
    """The class that every pass or member holds likeliest, int64 (items, members)."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"votes"})

    def rows(self, outputs: Outputs, task: Task) -> Tensor:
        if outputs.votes is not None:
            return outputs.votes
        found = outputs.sampled if outputs.sampled is not None else outputs.samples
        assert found is not None
        if not found.shape[-1]:  # no class is named yet
            return found.new_zeros(found.shape[:2]).long()
        return found.argmax(-1)
