"""What was asked and answered: plain values that know no study."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

KINDS = ("label", "soft", "none-of-these", "unsure", "broken", "withdrawn")


@dataclass(frozen=True)
class Answer:
    """What one person said of one item.

    Args:
        value: The label, in the task's words; None for a kind that carries none.
        kind: One of `KINDS`. ``withdrawn`` takes the same person's earlier answers back.
        by: Who answered.
        seconds: How long it took.
        once: A key the client made up; the same key told twice counts once.
    """

    value: Any
    kind: str = "label"
    by: str = ""
    seconds: float | None = None
    once: str | None = None


@dataclass(frozen=True)
class Asked:
    """One batch that was asked: row numbers in order of preference, with a note for each.

    Args:
        number: Which ask of the journal, from 0.
        round: Which round, from 0.
        rows: Row numbers of the pool.
        streams: ``active`` or ``control`` for each row.
        notes: What the strategy wrote beside each row.
        strategy: What the batch was picked by.
        reason: Why there are fewer than asked for; empty otherwise.
    """

    number: int
    round: int
    rows: tuple[int, ...]
    streams: tuple[str, ...]
    notes: tuple[Mapping[str, Any], ...]
    strategy: str
    reason: str = ""


@dataclass(frozen=True)
class History:
    """Everything asked, in order, and every standing answer, by row.

    Answers to different items have no order here: it is not information.
    """

    asked: tuple[Asked, ...] = ()
    answers: Mapping[int, tuple[Answer, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def digest(self) -> str:
        """A short fingerprint of all of it."""
        asked = [[one.round, one.rows, one.streams, one.notes] for one in self.asked]
        answers = [[row, self.answers[row]] for row in sorted(self.answers)]
        return blake2b(
            json.dumps([asked, answers], sort_keys=True, default=_plain).encode(), digest_size=10
        ).hexdigest()


def _plain(value: Any) -> Any:
    return vars(value) if isinstance(value, Answer) else dict(value)
