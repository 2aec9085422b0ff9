"""The state of a study: a fold of its journal, line by line, and nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from askance.describe import build
from askance.errors import BadInput
from askance.history import Answer, Asked, History
from askance.pool import ASIDE, LABELED, PENDING, UNLABELED, Pool
from askance.study.journal import Line
from askance.task import Target, Task


@dataclass(frozen=True)
class Fit:
    """One fitted line.

    Args:
        number: Which fit, from 0.
        through: The last line the lesson read.
        key: The key of the task model.
        learner: The equipped learner's description.
        companions: For each companion's digest its learner's description and model key.
        diverged: Why the task model knows nothing, if its training failed.
        columns: How often the meaning of score columns had changed before: one model's are another's if it is equal.
    """

    number: int
    through: int
    key: str
    learner: Any
    companions: Mapping[str, Mapping[str, Any]]
    diverged: str = ""
    columns: int = 0


@dataclass(frozen=True)
class Round:
    """A budget spent on one model."""

    number: int = -1
    size: int = 0
    left: int = 0
    fit: int = -1
    cold: bool = False


@dataclass
class State:
    """What the journal says up to one line. Change it by folding the next line only."""

    pool: Pool
    line: int = 0
    seed: int = 0
    control: float = 0.0
    piece: int = 0
    threads: int = 1
    digest: str = ""
    parts: dict[str, Any] = field(default_factory=dict)  # descriptions in force: task, strategy, start, learner
    task: Task = field(default_factory=Task)
    sides: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int8))
    answers: dict[int, dict[str, Answer]] = field(default_factory=dict)
    controls: set[int] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    picks: int = 0
    fits: list[Fit] = field(default_factory=list)
    columns: int = 0  # how often the meaning of score columns changed: classes were added or merged
    round: Round = field(default_factory=Round)
    taught: int = 0  # the last line that changed what a learner would see
    stopped: str = ""
    brought: dict[int, int] = field(default_factory=dict)  # answers that nobody had asked for: after how many batches
    passed: dict[int, Any] = field(default_factory=dict)  # the last prediction given of what went by unasked
    _targets: dict[int, Target] = field(default_factory=dict)
    _waiting: set[int] = field(default_factory=set)  # asked and not released: where a withdrawn item goes back to
    _ahead: list[Line] = field(default_factory=list)  # answers to items that are not offered yet

    def __post_init__(self) -> None:
        self._whole = self.pool  # `pool` holds the items that were offered up to this line
        self._standing: dict[int, tuple[Answer, ...]] = {}
        self._read: tuple[Tensor, Tensor] | None = None  # what properties gave, until an answer is folded
        self._missing: str | None = None
        self._past: History | None = None

    @classmethod
    def replay(cls, pool: Pool, lines: Iterable[Line]) -> State:
        """The state after some lines."""
        state = cls(pool)
        for line in lines:
            state.fold(line)
        return state

    def fold(self, line: Line) -> None:
        """Take in the next line."""
        getattr(self, f"_{line.kind}")(line)
        self.line = line.number

    @property
    def labeled(self) -> Tensor:
        """Rows with a target, ascending, int64."""
        return (self.sides == LABELED).nonzero().squeeze(1)

    @property
    def targets(self) -> tuple[Tensor, Tensor]:
        """Targets (labeled, width) and weights (labeled,) of the labeled side, float64, rows ascending."""
        if self._read is None:
            found = [self._targets[row] for row in self.labeled.tolist()]
            values = torch.tensor([target for target, _ in found], dtype=torch.float64)
            weights = torch.tensor([weight for _, weight in found], dtype=torch.float64)
            self._read = values.reshape(len(found), self.task.width), weights
        return self._read

    @property
    def cold(self) -> bool:
        """Whether there are too few labels to ask by a model, so that the start strategy asks."""
        return self.parts["start"] is not None and bool(self.missing)

    @property
    def missing(self) -> str:
        """Which labels a model lacks, in words; empty when it can be asked."""
        if self._missing is None:
            self._missing = self.task.missing(self.targets[0])
        return self._missing

    @property
    def history(self) -> History:
        """What was asked and answered, as a plain value."""
        if self._past is None:
            standing = {row: self._standing[row] for row in sorted(self._standing)}  # order is not information
            self._past = History(tuple(self.asked), MappingProxyType(standing))
        return self._past

    def count(self, side: int) -> int:
        """How many items are on a side."""
        return int((self.sides == side).sum())

    def _opened(self, line: Line) -> None:
        body = line.body
        self.seed, self.control = body["seed"], body["control"]
        self.piece, self.threads = body["piece"], body["threads"]
        self.parts = {name: body[name] for name in ("task", "strategy", "start", "learner")}
        self.task = build(body["task"])

    def _offered(self, line: Line) -> None:
        more = torch.zeros(line.body["items"], dtype=torch.int8)
        items = len(self.sides) + len(more)
        if items > len(self._whole):
            raise BadInput(
                f"The study has {items} items now, and this pool has {len(self._whole)}: somebody opened it with more. "
                f"Open it again with the larger pool."
            )
        self.sides = torch.cat([self.sides, more])
        self.pool = self._whole.first(items)
        self.digest = line.body["digest"]
        ahead, self._ahead = self._ahead, []
        for told in ahead:
            self._told(told)
        self._renew(line)

    def _asked(self, line: Line) -> None:
        body = line.body
        every = zip(body["ids"], body["streams"], body["notes"], strict=True)
        picks = [pick for pick in every if self.pool.knows(pick[0])]  # others were drawn early and never encoded
        rows, streams = self.pool.rows(id for id, _, _ in picks), tuple(stream for _, stream, _ in picks)
        self._waiting.update(rows)
        index = torch.tensor(rows, dtype=torch.int64)
        self.sides[index[self.sides[index] == UNLABELED]] = PENDING
        self._past = None
        self.controls.update(row for row, stream in zip(rows, streams, strict=True) if stream == "control")
        self.asked.append(
            Asked(
                body["number"],
                body["round"],
                tuple(rows),
                streams,
                tuple(note for _, _, note in picks),
                body["strategy"],
                body["reason"],
            )
        )
        self.picks += len(rows)
        self.round = Round(body["round"], body["size"], body["left"], body["fit"], body["cold"])
        self.stopped = ""  # whoever asks has not stopped; if this was the last word, the next line says so

    def _released(self, line: Line) -> None:
        for row in self.pool.rows(filter(self.pool.knows, line.body["ids"])):
            self._waiting.discard(row)
            if self.sides[row] == PENDING:
                self.sides[row] = UNLABELED
                self.controls.discard(row)  # whoever asks it next may have reasons

    def _told(self, line: Line) -> None:
        body = line.body
        if not self.pool.knows(body["id"]):  # it counts once the item has features
            self._ahead.append(line)
            return
        row, by = self.pool.row(body["id"]), body.get("by") or ""
        standing = self.answers.setdefault(row, {})
        if body["answer_kind"] == "withdrawn":
            standing.pop(by, None)
        else:
            standing[by] = Answer(body["value"], body["answer_kind"], by, body.get("seconds"))
        self._settle(row)
        self.taught = line.number

    def _fitted(self, line: Line) -> None:
        body = line.body
        self.fits.append(
            Fit(
                body["number"],
                body["through"],
                body["key"],
                body["learner"],
                body["companions"],
                str(body["facts"].get("diverged", "")),
                self.columns,
            )
        )

    def _changed(self, line: Line) -> None:
        what, new = line.body["what"], line.body["new"]
        if what == "piece":
            self.piece = new
            return
        if what == "digest":
            self.digest = new
        else:
            self.parts[what] = new
        if what == "task":
            before, self.task = self.task, build(new)
            self.columns += not self.task.keeps_columns(before)
            self._read = self._missing = None
            for row in list(self.answers):
                self._settle(row)
        if what in ("task", "digest"):
            self._renew(line)
        self.round = replace(self.round, left=0)  # its model does not fit the parts in force any more
        self.stopped = ""

    def _stopped(self, line: Line) -> None:
        self.stopped = line.body["reason"]

    def _passed(self, line: Line) -> None:
        """A stream's item that went by unasked: it stays where it is, with the prediction that was given."""
        self.passed[self.pool.row(line.body["id"])] = line.body.get("prediction")

    def _noted(self, line: Line) -> None:
        """A flag, a comment or a skip: for people to read, and no answer."""

    def _scored(self, line: Line) -> None:
        """A measurement; it moves nothing."""

    def _renew(self, line: Line) -> None:
        """The models so far learned from something else: end the round, and fit before the next."""
        self.taught = line.number
        self.round = replace(self.round, left=0)

    def _settle(self, row: int) -> None:
        """Put an item on the side that its standing answers say."""
        standing = tuple(self.answers[row][name] for name in sorted(self.answers[row]))
        target = self.task.target(standing)
        self._read = self._missing = self._past = None
        self._targets.pop(row, None)
        self._standing.pop(row, None)
        if standing:
            self._standing[row] = standing
            if self.sides[row] == UNLABELED:
                self.brought[row] = len(self.asked)
        if target is not None:
            self._targets[row] = target
            self.sides[row] = LABELED
        elif standing:
            self.sides[row] = ASIDE
        elif row in self._waiting:
            self.sides[row] = PENDING
        else:
            self.sides[row] = UNLABELED
            self.controls.discard(row)  # whoever asks it next may have reasons


class Past:
    """The states a journal was in: each is folded on from the one before, so that a walk forward reads each line once.

    Args:
        pool: The items, in the journal's order.
        read: The lines of the journal after a number.
    """

    def __init__(self, pool: Pool, read: Callable[[int], list[Line]]) -> None:
        self._pool = pool
        self._read = read
        self._state = State(pool)
        self._unread: deque[Line] = deque()

    def at(self, line: int) -> State:
        """The state up to a line; it is good until the next call."""
        if self._state.line > line:
            self._state, self._unread = State(self._pool), deque()
        while self._state.line < line:
            self._unread = self._unread or deque(self._read(self._state.line))
            self._state.fold(self._unread.popleft())
        return self._state
