"""Before the study: items are drawn at random and answered while features are still to come.

What people say then lies on the board; `transfer` moves it into the journal, once, whoever is killed meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from askance.describe import build, describe
from askance.desk.board import Board
from askance.desk.fold import Fold
from askance.project.items import ITEM, Items
from askance.project.kinds import TASKS
from askance.study import early
from askance.study.journal import Draft, Line
from askance.task import Named, Task

if TYPE_CHECKING:
    from askance.study.study import Study

BEGUN = "begun"  # the fact that the study has taken over
KEY = "desk:early"  # the client key of the first ask


class Early:
    """The time before the study.

    Args:
        board: The desk's board.
        items: The project's rows.
        clock: Gives the time, in seconds.
    """

    def __init__(self, board: Board, items: Items, clock: Callable[[], float] = time.time) -> None:
        self._board, self._items, self._clock = board, items, clock
        self._order: list[str] | None = None

    @property
    def over(self) -> bool:
        """Whether the study has taken over."""
        return bool(self._board.fact(BEGUN, False))

    def begin(self) -> Fold:
        """The state of a study that nobody has opened yet."""
        task = self._items.fact("task")
        fold = Fold()
        opened = {"task": describe(TASKS[task["kind"]](task["names"])), "seed": self._items.fact("seed", 0)}
        fold.fold(Line(0, "opened", 0.0, opened))
        fold.fold(Line(0, "offered", 0.0, {"items": self._items.counts()[ITEM]}))
        return fold

    def refresh(self, fold: Fold) -> None:
        """Take in what was written since."""
        for line in self._board.early(fold.line):
            fold.fold(line)

    def draw(self, fold: Fold, n: int) -> bool:
        """Ask for items at random until ``n`` are open, if there are so many; whether any was asked."""
        with self._board.write(durable=True):
            if self.over:
                return False
            self.refresh(fold)
            lacking = n - len(fold.open)
            if lacking <= 0:
                return False
            order = self._drawn()
            ids = order[len(fold.questions) : len(fold.questions) + lacking]
            if ids:
                body = early.asked(ids, len(order), 0, fold.seed)
                self._board.add_early("asked", body, self._clock(), None)
            self.refresh(fold)
            return bool(ids)

    def write(self, kind: str, body: dict[str, Any], once: str | None) -> bool:
        """Keep a line; it is on disk when this returns. False if the study has taken over: write to its journal."""
        with self._board.write(durable=True):
            if self.over:
                return False
            self._board.add_early(kind, body, self._clock(), once)
            return True

    def _drawn(self) -> list[str]:
        """Everything that could be asked, in the order of drawing."""
        if self._order is None:
            sure = {id for id, labels in self._items.labels().items() if len(labels) == 1}
            _, ids, _ = self._items.standing()
            seed = self._items.fact("seed", 0)
            self._order = early.drawn((str(id) for id in ids if id not in sure), seed)
        return self._order


def transfer(board: Board, study: Study) -> None:
    """Move what was asked and answered early into the journal, and let the study take over.

    A kill in between does no harm: each line has a key, and it is all done again.
    """
    with board.write(durable=True):
        if board.fact(BEGUN, False):
            return
        lines = board.early()
        study.refresh()
        ids = [id for line in lines if line.kind == "asked" for id in line.body["ids"]]
        if ids and study.journal.find(KEY) is None:
            names = [line.body["new"] for line in lines if line.kind == "changed"]
            if names:
                _rename(study, build(names[-1]))
            body = early.asked(ids, study.progress.unlabeled, study.state.line, study.state.seed)
            study.journal.add([Draft("asked", body, KEY)])
        keys = board.early_keys()
        kept = [line for line in lines if line.kind in ("told", "noted")]
        study.journal.add(
            [Draft(line.kind, line.body, keys.get(line.number) or f"{KEY}:{line.number}") for line in kept]
        )
        study.refresh()
        board.put(BEGUN, True)


def _rename(study: Study, task: Task) -> None:
    """Give the study the names that people made."""
    if isinstance(task, Named) and isinstance(study.task, Named) and type(task) is type(study.task):
        for name in study.task.names:  # what the files of labels named meanwhile
            if not task.knows(name):
                task = task.grown(name)
        if task != study.task:
            change = {"what": "task", "old": describe(study.task), "new": describe(task)}
            study.journal.add([Draft("changed", change)])
            study.refresh()
