"""Where each label comes from: who said it, when, and how the item was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from askance.history import Answer
from askance.pool import Pool
from askance.study.journal import Line
from askance.study.study import Study

UNASKED = "unasked"  # how an item was chosen that nobody asked about, such as one whose label came with the file


@dataclass(frozen=True)
class Said:
    """One person's standing answer.

    Args:
        by: Who.
        value: What, as it was said.
        kind: One of `askance.history.KINDS`.
        at: When, in UTC.
        seconds: How long it took, if that was measured.
    """

    by: str
    value: Any
    kind: str
    at: str
    seconds: float | None


@dataclass(frozen=True)
class Labeled:
    """An item with a standing answer.

    Args:
        id: The item.
        label: What most people say, by today's names; None for an item without a label.
        answers: Everyone's standing answer, in the order in which they came.
        agreement: The share of the answers that give this label; None without a label.
        chosen: ``active``, ``control`` or ``unasked``.
        strategy: What chose it; empty if it was not asked about.
        round: Which round it was asked in, from 1; None likewise, as all below.
        rank: Its place in its batch, from 1.
        probability: How likely this item was to be drawn; None where a rule chose it.
        utility: What the strategy thought of it.
        asked_at: When it was asked, in UTC.
        model: The key of the model that chose it.
        line: The line of the journal that asked.
    """

    id: Any
    label: Any
    answers: Sequence[Said]
    agreement: float | None
    chosen: str = UNASKED
    strategy: str = ""
    round: int | None = None
    rank: int | None = None
    probability: float | None = None
    utility: float | None = None
    asked_at: str = ""
    model: str = ""
    line: int | None = None


def provenance(study: Study) -> list[Labeled]:
    """Every item with a standing answer, in the order of the pool.

    An item that was asked, released and asked again counts by the ask that its first standing answer followed.
    """
    lines = study.lines()
    asks: dict[Any, list[tuple[Line, int]]] = {}
    told: dict[tuple[Any, str], Line] = {}
    for line in lines:
        if line.kind == "asked":
            for place, id in enumerate(line.body["ids"]):
                asks.setdefault(id, []).append((line, place))
        elif line.kind == "told":
            told[(line.body["id"], line.body.get("by") or "")] = line
    labels = study.labels
    history = study.history.answers
    return [_labeled(study, study.pool, row, history[row], asks, told, labels) for row in sorted(history)]


def when(at: float) -> str:
    """A time of the journal in UTC, to the second.

    >>> when(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _labeled(
    study: Study,
    pool: Pool,
    row: int,
    standing: Sequence[Answer],
    asks: Mapping[Any, Sequence[tuple[Line, int]]],
    told: Mapping[tuple[Any, str], Line],
    labels: Mapping[Any, Any],
) -> Labeled:
    (id,) = pool.names([row])
    from_lines = sorted((told[(id, answer.by)] for answer in standing), key=lambda line: line.number)
    answers = [
        Said(
            line.body.get("by") or "", line.body["value"], line.body["answer_kind"], when(line.at), line.body["seconds"]
        )
        for line in from_lines
    ]
    label = labels.get(id)
    agreement = None
    if label is not None:
        agreement = sum(_same(study, answer, label) for answer in standing) / len(standing)
    before = [(line, place) for line, place in asks.get(id, ()) if line.number < from_lines[0].number]
    if not before:
        return Labeled(id, label, answers, agreement)
    line, place = before[-1]
    body = line.body
    return Labeled(
        id=id,
        label=label,
        answers=answers,
        agreement=agreement,
        chosen=body["streams"][place],
        strategy="random" if body["streams"][place] == "control" else body["strategy"],
        round=body["round"] + 1,
        rank=place + 1,
        probability=body["probabilities"][place],
        utility=body["notes"][place].get("utility"),
        asked_at=when(line.at),
        model=body["model"],
        line=line.number,
    )


def _same(study: Study, answer: Answer, label: Any) -> bool:
    """Whether an answer gives a label, by today's names."""
    return answer.kind == "label" and study.task.read(answer.value) == label
