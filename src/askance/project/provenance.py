"""Where each label comes from: who said it, when, and how the item was chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import torch

from askance.history import Answer
from askance.project.settling import GONE
from askance.study.journal import Line
from askance.study.study import Study
from askance.task import Targets, Task

UNASKED = "unasked"  # how an item was chosen that nobody asked about, such as one whose label came with the file
RELEASED = "released"  # of one that was asked, given back, and answered all the same


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
        agreement: The share of the answers that give this label; None without a label, and for numbers.
        chosen: ``active``, ``control``, ``unasked`` or ``released``.
        strategy: What chose it; empty if it was not asked about.
        round: Which round it was asked in, from 1; None likewise, as all below.
        rank: Its place in its batch, from 1.
        probability: How likely this item was to be drawn; None where a rule chose it.
        utility: What the strategy thought of it.
        asked_at: When it was asked, in UTC.
        model: The key of the model that chose it.
        line: The line of the journal that asked.
        ask: Which ask of the journal that is, from 1.
        seen: The last line of the journal that was known when it was chosen.
        flagged: Whether somebody's flag stands.
        comment: The comment that stands; where several people's do, each after its person's name.
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
    ask: int | None = None
    seen: int | None = None
    flagged: bool = False
    comment: str = ""

    @property
    def kind(self) -> str:
        """``label``, or what most people say instead of one: ``unsure``, ``broken``, ``none-of-these``."""
        return "label" if self.label is not None else Counter(one.kind for one in self.answers).most_common(1)[0][0]


def provenance(study: Study) -> list[Labeled]:
    """Every item with a standing answer, in the order of the pool.

    An item that was asked several times counts by the last ask before the first of its standing answers. That a row is
    in no file any more is no answer of a person.
    """
    books: dict[Any, _Book] = {}
    for line in study.lines():
        _enter(books, line)
    answered = [id for id, book in books.items() if book.standing and study.pool.knows(id)]
    rows = dict(zip(answered, study.pool.rows(answered), strict=True))
    reader = _Reader(study.task)
    return [_labeled(id, books[id], reader) for id in sorted(answered, key=rows.__getitem__)]


def today(task: Task, said: Said) -> Any:
    """What an answer says by today's names; of a soft one the label that it leans to, of one without a label None."""
    if said.kind == "label":
        return task.read(said.value)
    return task.answer(torch.tensor(task.vector(said.value, "soft"))) if said.kind == "soft" else None


@lru_cache(maxsize=4096)
def when(at: float) -> str:
    """A time of the journal in UTC, to the second.

    >>> when(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class _Book:
    """What the journal says of one item up to a line."""

    standing: dict[str, Line] = field(default_factory=dict)
    ask: tuple[Line, int] | None = None
    released: bool = False
    chosen: tuple[Line, int, bool] | None = None
    flags: dict[str, bool] | None = None
    comments: dict[str, str] | None = None

    def notes(self) -> dict[str, Any]:
        """What stands of flags and comments, as a record has them."""
        if self.flags is None or self.comments is None:
            return {}
        left = {by: comment for by, comment in self.comments.items() if comment.strip()}
        named = (f"{by or 'nobody named'}: {comment}" for by, comment in left.items())
        comment = "; ".join(named) if len(left) > 1 else "".join(left.values())
        return {"flagged": any(self.flags.values()), "comment": comment}


def _enter(books: dict[Any, _Book], line: Line) -> None:
    """Take in the next line: what is asked is chosen once the first standing answer comes."""
    body = line.body
    if line.kind == "asked":
        for place, id in enumerate(body["ids"]):
            book = books.setdefault(id, _Book())
            if not book.standing:
                book.ask, book.released = (line, place), False
    elif line.kind == "released":
        for id in body["ids"]:
            book = books.setdefault(id, _Book())
            book.released = book.released or not book.standing
    elif line.kind == "told":
        by, kind = body.get("by") or "", body["answer_kind"]
        if by == GONE and kind in ("broken", "withdrawn"):
            return
        book = books.setdefault(body["id"], _Book())
        before = book.standing.pop(by, None)  # a later answer stands where it came
        if kind == "withdrawn":
            return
        if not book.standing and before is None:
            book.chosen = (*book.ask, book.released) if book.ask else None
        book.standing[by] = line
    elif line.kind == "noted":
        book, by = books.setdefault(body["id"], _Book()), body.get("by") or ""
        book.flags, book.comments = book.flags or {}, book.comments or {}
        if "flag" in body:
            book.flags[by] = body["flag"]
        if "comment" in body:
            book.comments.pop(by, None)  # a later comment stands where it came
            book.comments[by] = body["comment"]


def _labeled(id: Any, book: _Book, reader: _Reader) -> Labeled:
    lines = list(book.standing.values())
    answers = [
        Said(by, line.body["value"], line.body["answer_kind"], when(int(line.at)), line.body.get("seconds"))
        for by, line in book.standing.items()
    ]
    label, agreement = reader.read(lines)
    if book.chosen is None:
        return Labeled(id, label, answers, agreement, **book.notes())
    line, place, released = book.chosen
    body = line.body
    stream = body["streams"][place]
    note: Mapping[str, Any] = body["notes"][place]
    return Labeled(
        id=id,
        label=label,
        answers=answers,
        agreement=agreement,
        chosen=RELEASED if released else stream,
        strategy="random" if stream == "control" else body["strategy"],
        round=body["round"] + 1,
        rank=place + 1,
        probability=body["probabilities"][place],
        utility=note.get("utility"),
        asked_at=when(int(note.get("at", line.at))),  # the first ask of a study may gather several draws
        model=body["model"],
        line=line.number,
        ask=body["number"] + 1,
        seen=body["seen"],
        **book.notes(),
    )


class _Reader:
    """Reads answers by today's names, as the study does, each value once."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._known: dict[Any, Any] = {}

    def read(self, lines: Sequence[Line]) -> tuple[Any, float | None]:
        """The label that some answers give, and the share of them that give it."""
        carrying = [line for line in lines if line.body["answer_kind"] in ("label", "soft")]
        if not carrying:
            return None, None
        each = [self._value(line) for line in carrying]
        label = each[0] if len(carrying) == 1 else self._most(carrying)
        share = sum(value == label for value in each) / len(lines)
        return label, None if isinstance(self._task, Targets) else share

    def _value(self, line: Line) -> Any:
        value, kind = line.body["value"], line.body["answer_kind"]
        if kind == "soft":
            return self._most([line])
        if not isinstance(value, str | int):
            return self._task.read(value)
        if value not in self._known:
            self._known[value] = self._task.read(value)
        return self._known[value]

    def _most(self, lines: Iterable[Line]) -> Any:
        said = [Answer(line.body["value"], line.body["answer_kind"], line.body.get("by") or "") for line in lines]
        target = self._task.target(sorted(said, key=lambda answer: answer.by))
        return None if target is None else self._task.answer(torch.tensor(target[0], dtype=torch.float64))
