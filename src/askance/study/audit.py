"""The audit: every batch ever asked, computed again from the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from askance.look import threads
from askance.pool import UNLABELED, Pool
from askance.study.early import NO_FIT, drawn, stream
from askance.study.journal import Line
from askance.study.models import Models, Parts
from askance.study.pick import pick
from askance.study.state import State
from askance.study.stream import weigh


@dataclass(frozen=True)
class Audited:
    """One batch, as it was asked and as it is computed now.

    Args:
        line: Its line in the journal.
        asked: The ids that were asked.
        again: The ids that come out now.
        why: Why it could not be computed, or what differs; empty if nothing does.
    """

    line: int
    asked: list[Any]
    again: list[Any]
    why: str = ""

    @property
    def ok(self) -> bool:
        """Whether the same items come out, in the same order and streams, drawn with the same probabilities."""
        return not self.why


def audit(pool: Pool, lines: Sequence[Line], parts: Parts, models: Models) -> list[Audited]:
    """Compute every batch again from what the journal held when it was picked.

    Args:
        pool: The items, in the journal's order.
        lines: The whole journal.
        parts: Strategies and learners by description.
        models: Where models come from.

    Returns:
        A row for each asked line, in the order of the journal.
    """
    state = State(pool)
    unread = iter(lines)
    rows = []
    for line in sorted((line for line in lines if line.kind == "asked"), key=lambda line: int(line.body["seen"])):
        while state.line < line.body["seen"]:
            state.fold(next(unread))
        rows.append(_again(state, parts, models, line))
    return sorted(rows, key=lambda row: row.line)


def _again(state: State, parts: Parts, models: Models, line: Line) -> Audited:
    body = line.body
    if state.digest != state.pool.digest:
        why = "the items looked different then: another encoder, another file, or items that were added since"
        return Audited(line.number, body["ids"], [], why)
    if body["fit"] == NO_FIT:
        return _again_early(state, line)
    with threads(state.threads):
        if "considered" in body:
            batch = weigh(state, parts, models, body["considered"], body["budget"]).picks.batch
        else:
            batch = pick(state, parts, models, body["wanted"]).batch
    why = ""
    if batch.ids != body["ids"]:
        why = "other items come out"
    elif list(batch.streams) != body["streams"]:
        why = "the control items stand at other places"
    elif list(batch.probabilities) != body["probabilities"]:
        why = "the probabilities of being drawn differ"
    return Audited(line.number, body["ids"], batch.ids, why)


def _again_early(state: State, line: Line) -> Audited:
    """The items that were drawn before anything was encoded."""
    names = state.pool.names((state.sides == UNLABELED).nonzero().squeeze(1))
    ids: list[Any] = drawn(names, state.seed)[: len(line.body["ids"])]
    streams = [stream(id, state.seed) for id in ids]
    why = "other items come out" if ids != line.body["ids"] else ""
    if not why and streams != line.body["streams"]:
        why = "the control items stand at other places"
    return Audited(line.number, line.body["ids"], ids, why)
