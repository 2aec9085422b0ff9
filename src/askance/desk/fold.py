"""What a journal says, for people who label: a fold of its lines without tensors, so that the page needs no torch."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from askance.describe import build
from askance.history import Answer
from askance.study.journal import Line
from askance.task import Classes, Named, Task

LABELS = ("label", "soft")  # kinds of answers that carry one


@dataclass(frozen=True)
class Question:
    """An item that was asked.

    Args:
        id: Its id.
        stream: ``active`` or ``control``.
        strategy: What asked.
        fit: Which fit it was asked by, from 0; negative without one.
        rank: Its place in the batch, from 0.
        note: What the strategy wrote beside it.
    """

    id: str
    stream: str
    strategy: str
    fit: int
    rank: int
    note: Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """A standing answer.

    Args:
        value: The label, as it was said then.
        kind: As of an `Answer`.
        line: Its line.
        at: When.
        seconds: How long it took.
        deed: What all answers have in common that one lasso gave; empty for others.
    """

    value: Any
    kind: str
    line: int
    at: float
    seconds: float | None = None
    deed: str = ""


@dataclass(frozen=True)
class Remark:
    """A flag and a comment of one person."""

    flag: bool = False
    comment: str = ""


@dataclass
class Fold:
    """The state of a study up to a line, by id.

    Attributes:
        line: The last line.
        task: What items are labeled with.
        items: Items offered so far.
        ids: Their ids; none where they are just numbers, or the study has not begun.
        questions: What was asked and not released, in order of asking.
        open: Of these, what nobody has answered, in the same order.
        answers: Standing answers, by item and person.
        mine: Items that a person answered, the latest last; each once.
        remarks: Flags and comments, by item and person.
        skipped: The line by which somebody skipped an item last, by item and person.
        shown: Control items that were asked.
        fits: Of each model: ``through``, the last line it learned from, ``at``, ``learner`` and ``seconds``.
        scores: The last measurement, by what it was on.
        stopped: Why the strategy thinks that nothing is worth a label.
    """

    line: int = 0
    task: Task = field(default_factory=Task)
    items: int = 0
    ids: set[str] = field(default_factory=set)
    seed: int = 0
    questions: dict[str, Question] = field(default_factory=dict)
    open: dict[str, Question] = field(default_factory=dict)
    answers: dict[str, dict[str, Said]] = field(default_factory=dict)
    mine: dict[str, dict[str, int]] = field(default_factory=dict)
    remarks: dict[str, dict[str, Remark]] = field(default_factory=dict)
    skipped: dict[str, dict[str, int]] = field(default_factory=dict)
    fits: list[dict[str, Any]] = field(default_factory=list)
    scores: dict[str, Any] = field(default_factory=dict)
    strategy: str = ""
    stopped: str = ""
    labeled: int = 0
    aside: int = 0
    _counts: Counter[str] = field(default_factory=Counter)
    _told_at: list[int] = field(default_factory=list)  # the lines of standing answers, ascending

    def fold(self, line: Line) -> None:
        """Take in the next line."""
        getattr(self, f"_{line.kind}")(line)
        self.line = line.number

    @property
    def unlabeled(self) -> int:
        """Items nobody asked about."""
        return self.items - self.labeled - self.aside - len(self.open)

    @property
    def since(self) -> int:
        """Standing answers that came after the lines which the latest model learned from."""
        return self.since_fit(len(self.fits) - 1)

    def since_fit(self, number: int) -> int:
        """Standing answers that came after what a model learned from; all without one."""
        through = self.fits[number]["through"] if 0 <= number < len(self.fits) else 0
        return len(self._told_at) - bisect_right(self._told_at, through)

    def side(self, id: str) -> str:
        """Where an item is: ``labeled``, ``aside``, ``pending`` or ``unlabeled``."""
        standing = self.answers.get(id)
        if standing:
            return "labeled" if _labels(standing) else "aside"
        return "pending" if id in self.questions else "unlabeled"

    def label(self, id: str) -> Any:
        """What most people say an item is, as the study has it: in today's names, and ties go to the first name.

        Of several labels it is those that half of the people give it, of numbers the mean; None where nobody says any.
        """
        standing = sorted(self.answers.get(id, {}).items())  # sums of floats have an order
        target = self.task.target([Answer(said.value, said.kind) for _, said in standing])
        if target is None:
            return None
        shares, _ = target
        if isinstance(self.task, Classes):
            return self.task.names[shares.index(max(shares))]
        return [name for name, share in zip(self.names, shares, strict=True) if share >= 0.5] if self.names else shares

    def counts(self) -> dict[str, int]:
        """Labeled items of each class or label."""
        return {str(name): self._counts[str(name)] for name in self.names}

    @property
    def names(self) -> tuple[str | int, ...]:
        """Classes or labels."""
        return self.task.names if isinstance(self.task, Named) else ()

    def today(self, value: Any) -> Any:
        """A value in the names of today: classes may have been renamed or merged since it was said."""
        if not isinstance(self.task, Named) or value is None:
            return value
        if isinstance(value, list):
            return self.task.read(value)
        return self.task.names[self.task.index(value)]

    def last_deed(self, person: str) -> list[str]:
        """The items that a person answered last, the latest first: one, or all of a lasso."""
        ids = list(reversed(self.mine.get(person, {})))
        deed = self.answers[ids[0]][person].deed if ids else ""
        return [id for id in ids if self.answers[id][person].deed == deed] if deed else ids[:1]

    def _opened(self, line: Line) -> None:
        self.task, self.seed = build(line.body["task"]), line.body["seed"]

    def _offered(self, line: Line) -> None:
        self.items += line.body["items"]
        self.ids.update(line.body.get("ids") or ())

    def _asked(self, line: Line) -> None:
        body = line.body
        self.strategy, self.stopped = body["strategy"], ""
        rows = zip(body["ids"], body["streams"], body["notes"], strict=True)
        for rank, (id, stream, note) in enumerate(rows):
            question = Question(str(id), stream, body["strategy"], body["fit"], rank, note)
            self.questions[question.id] = question
            self._settle(question.id)

    def _released(self, line: Line) -> None:
        for id in map(str, line.body["ids"]):
            self.questions.pop(id, None)
            self.open.pop(id, None)

    def _told(self, line: Line) -> None:
        body = line.body
        id, by = str(body["id"]), body.get("by") or ""
        self._count(id, -1)
        standing = self.answers.setdefault(id, {})
        own = self.mine.setdefault(by, {})
        own.pop(id, None)
        if (before := standing.pop(by, None)) is not None:
            del self._told_at[bisect_right(self._told_at, before.line) - 1]
        if body["answer_kind"] != "withdrawn":
            insort(self._told_at, line.number)
            seconds, deed = body.get("seconds"), body.get("deed", "")
            standing[by] = Said(body["value"], body["answer_kind"], line.number, line.at, seconds, deed)
            own[id] = line.number
        if not standing:
            del self.answers[id]
        self._count(id, 1)
        self._settle(id)

    def _fitted(self, line: Line) -> None:
        body = line.body
        kept = {name: body.get(name) for name in ("number", "through", "learner", "seconds")}
        diverged = body["facts"].get("diverged", "")
        self.fits.append({**kept, "at": line.at, "labels": self._labels_through(body["through"]), "diverged": diverged})

    def _changed(self, line: Line) -> None:
        if line.body["what"] == "task":
            self.task = build(line.body["new"])
            self._counts = Counter(str(name) for id in self.answers for name in _each(self.label(id)))

    def _stopped(self, line: Line) -> None:
        self.stopped = line.body["reason"]

    def _passed(self, line: Line) -> None:
        """A stream's item that went by unasked."""

    def _noted(self, line: Line) -> None:
        body = line.body
        id, by = str(body["id"]), body.get("by") or ""
        before = self.remarks.get(id, {}).get(by, Remark())
        now = Remark(body.get("flag", before.flag), body.get("comment", before.comment))
        if now != before:
            self.remarks.setdefault(id, {})[by] = now
        if body.get("skip"):
            self.skipped.setdefault(id, {})[by] = line.number

    def _scored(self, line: Line) -> None:
        self.scores[line.body["on"]] = {**line.body, "at": line.at}

    def _labels_through(self, through: int) -> int:
        """Items that had a label at a line; what was answered since is left out, what was withdrawn since is missed."""
        return sum(any(one.line <= through for one in _labels(standing)) for standing in self.answers.values())

    def _count(self, id: str, by: int) -> None:
        side = self.side(id)
        self.labeled += by * (side == "labeled")
        self.aside += by * (side == "aside")
        if side == "labeled" and isinstance(self.task, Named):
            for name in _each(self.label(id)):
                self._counts[str(name)] += by

    def _settle(self, id: str) -> None:
        """An item is open while it is asked and nobody has answered."""
        if id in self.questions and id not in self.answers:
            self.open.setdefault(id, self.questions[id])
        else:
            self.open.pop(id, None)


def _labels(standing: Mapping[str, Said]) -> list[Said]:
    return [said for said in standing.values() if said.kind in LABELS]


def _each(value: Any) -> Iterator[Any]:
    """The names in a value: none, one, or those of a list."""
    if value is not None:
        yield from value if isinstance(value, list) else [value]
