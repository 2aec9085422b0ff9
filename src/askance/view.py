"""What a strategy may look at, and the batch it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from askance.errors import MissingSignal
from askance.history import History
from askance.seeds import Dice
from askance.signals.base import Rows, Signal
from askance.task import Task


@dataclass(frozen=True)
class Batch:
    """Items to ask about, in order of preference.

    A strategy gives rows, notes and a reason; whoever asked it stamps the rest.

    Args:
        rows: Row numbers, int64 (picks,).
        ids: The same as ids.
        notes: For each pick small JSON values: utility, arm, recipe.
        reason: Why there are fewer than asked for: ``waiting``, ``done``, ``stop: ...`` or ``passed``.
        streams: ``active`` or ``control`` for each pick.
        probabilities: Each pick's probability of being drawn, where it was drawn by chance.
        strategy: The name of what picked; a strategy made of others says which one.
        said: What a person should know of this batch, such as a cold start.
        number: Which ask of the journal.
        round: Which round.
        left: How many more may be asked in this round.
        model: The key of the model it used.
        seen: The last line of the journal it read.
        seed: The seed of the study.
    """

    rows: Tensor
    ids: list[Any]
    notes: tuple[Mapping[str, Any], ...]
    reason: str = ""
    streams: tuple[str, ...] = ()
    probabilities: tuple[float | None, ...] = ()
    strategy: str = ""
    said: str = ""
    number: int = 0
    round: int = 0
    left: int = 0
    model: str = ""
    seen: int = 0
    seed: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def __str__(self) -> str:
        words = [f"{len(self)} items by {self.strategy or 'a strategy'}: {self.ids}", self.reason, self.said]
        return ". ".join(word for word in words if word)


def _nothing(signal: Signal) -> Rows | None:
    return None


@dataclass(frozen=True)
class View:
    """The pool as a strategy may see it: signals of every item, and which side each item is on.

    Row numbers are the pool's. ``view[signal]`` has a row for every item of the pool.

    Args:
        name: Turns row numbers into ids.
        keys: Item keys, int64 (items,).
        task: What the items are labeled with.
        candidates: Rows that may be asked about, ascending, int64.
        labeled: Rows with a target, ascending, int64.
        targets: Their targets, (labeled, width).
        pending: Rows that were asked and not answered, ascending, int64.
        aside: Rows that were answered without a label of the task, ascending, int64.
        dice: The dice of this ask.
        read: Computes a signal over the pool.
        declared: The signals that the strategy's fields name; others are refused. None: no check.
        history: What was asked and answered.
        beyond: Rows of a signal for labeled items that lie in no row of the pool.
        beyond_targets: The targets of those, (outside, width); None where there are none.
    """

    name: Callable[[Tensor], list[Any]]
    keys: Tensor
    task: Task
    candidates: Tensor
    labeled: Tensor
    targets: Tensor
    pending: Tensor
    aside: Tensor
    dice: Dice
    read: Callable[[Signal], Rows]
    declared: frozenset[Signal] | None = None
    history: History = field(default_factory=History)
    beyond: Callable[[Signal], Rows | None] = _nothing
    beyond_targets: Tensor | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, signal: Signal) -> Any:
        """The rows of a signal, one for every item of the pool.

        Raises:
            MissingSignal: If no field of the strategy names the signal.
        """
        if self.declared is not None and signal not in self.declared:
            raise MissingSignal(
                f"{signal} is read but stands in no field of the strategy, so nobody checked that the learner gives "
                f"it. Make it a field: signal: Signal = {type(signal).__name__}(...)."
            )
        return self.read(signal)

    def outside(self, signal: Signal) -> Any:
        """Rows of a signal for labeled items that lie in no row of the pool; None where all of them do."""
        return self.beyond(signal)

    def of_labeled(self, signal: Signal) -> Any:
        """Rows of a signal for all labeled items: those of the pool, ascending, then those that lie in no row of it.

        They belong to `labels`. One array, or a tuple of arrays, as the signal gives.
        """
        rows, beyond = self[signal], self.beyond(signal)
        inside = (rows,) if isinstance(rows, Tensor) else rows
        outer = (beyond,) if isinstance(beyond, Tensor) else beyond
        found = tuple(array[self.labeled] for array in inside)
        if outer is None and self.beyond_targets is not None and len(self.beyond_targets):
            raise MissingSignal(
                f"{type(signal).__name__} of the labeled items is missing. Hand in labeled_embeddings=, and "
                f"labeled_probabilities= where probabilities are read."
            )
        if outer is not None:
            found = tuple(torch.cat([own, more.to(own)]) for own, more in zip(found, outer, strict=True))
        return found[0] if isinstance(rows, Tensor) else found

    @cached_property
    def labels(self) -> Tensor:
        """The targets of all labeled items, in the order of `of_labeled`: (labeled, width), one-hot or soft."""
        if self.beyond_targets is None:
            return self.targets
        return torch.cat([self.targets, self.beyond_targets.to(self.targets)])

    @cached_property
    def known(self) -> Tensor:
        """Rows that are labeled or pending, ascending, int64."""
        return torch.cat([self.labeled, self.pending]).sort().values

    def part(self, name: str) -> View:
        """The same view with the dice of one part of the strategy, named by its field."""
        return replace(self, dice=self.dice.of(name))

    def batch(self, rows: Tensor, *, reason: str = "", notes: Sequence[Mapping[str, Any]] = ()) -> Batch:
        """Hand back picks by row number.

        Args:
            rows: Row numbers in order of preference, int64 (picks,).
            reason: Why there are fewer than asked for.
            notes: One mapping of small JSON values for each pick.
        """
        return Batch(rows, self.name(rows), tuple(notes) or ({},) * len(rows), reason)
