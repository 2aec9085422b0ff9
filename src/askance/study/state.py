"""The state of a study: a fold of its journal, line by line, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from askance.describe import build
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
    """

    number: int
    through: int
    key: str
    learner: Any
    companions: Mapping[str, Mapping[str, Any]]


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
    round: Round = field(default_factory=Round)
    taught: int = 0  # the last line that changed what a learner would see
    stopped: str = ""
    _targets: dict[int, Target] = field(default_factory=dict)
    _waiting: set[int] = field(default_factory=set)  # asked and not released: where a withdrawn item goes back to

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
        found = [self._targets[row] for row in self.labeled.tolist()]
        values = torch.tensor([target for target, _ in found], dtype=torch.float64)
        weights = torch.tensor([weight for _, weight in found], dtype=torch.float64)
        return values.reshape(len(found), self.task.width), weights

    @property
    def cold(self) -> bool:
        """Whether there are too few labels to ask by a model, so that the start strategy asks."""
        return self.parts["start"] is not None and bool(self.task.missing(self.targets[0]))

    @property
    def history(self) -> History:
        """What was asked and answered, as a plain value."""
        standing = {row: tuple(by[name] for name in sorted(by)) for row, by in sorted(self.answers.items()) if by}
        return History(tuple(self.asked), MappingProxyType(standing))

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
        self.digest = line.body["digest"]
        more = torch.zeros(line.body["items"], dtype=torch.int8)
        self.sides = torch.cat([self.sides, more])

    def _asked(self, line: Line) -> None:
        body = line.body
        rows = self.pool.rows(body["ids"])
        for row in rows:
            self._waiting.add(row)
            if self.sides[row] == UNLABELED:
                self.sides[row] = PENDING
        self.controls.update(row for row, stream in zip(rows, body["streams"], strict=True) if stream == "control")
        self.asked.append(
            Asked(
                body["number"],
                body["round"],
                tuple(rows),
                tuple(body["streams"]),
                tuple(body["notes"]),
                body["strategy"],
                body["reason"],
            )
        )
        self.picks += len(rows)
        self.round = Round(body["round"], body["size"], body["left"], body["fit"], body["cold"])

    def _released(self, line: Line) -> None:
        for row in self.pool.rows(line.body["ids"]):
            self._waiting.discard(row)
            if self.sides[row] == PENDING:
                self.sides[row] = UNLABELED

    def _told(self, line: Line) -> None:
        body = line.body
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
        self.fits.append(Fit(body["number"], body["through"], body["key"], body["learner"], body["companions"]))

    def _changed(self, line: Line) -> None:
        what, new = line.body["what"], line.body["new"]
        if what == "digest":
            self.digest = new
        else:
            self.parts[what] = new
        if what == "task":
            self.task = build(new)
            for row in list(self.answers):
                self._settle(row)
            self.taught = line.number

    def _stopped(self, line: Line) -> None:
        self.stopped = line.body["reason"]

    def _passed(self, line: Line) -> None:
        """A stream's item that went by unasked: it stays where it is."""

    def _scored(self, line: Line) -> None:
        """A measurement; it moves nothing."""

    def _settle(self, row: int) -> None:
        """Put an item on the side that its standing answers say."""
        standing = [self.answers[row][name] for name in sorted(self.answers[row])]
        target = self.task.target(standing)
        self._targets.pop(row, None)
        if target is not None:
            self._targets[row] = target
            self.sides[row] = LABELED
        elif standing:
            self.sides[row] = ASIDE
        else:
            self.sides[row] = PENDING if row in self._waiting else UNLABELED
