"""A project as a desk: questions in rounds, answers kept one by one."""

from __future__ import annotations

import sys
from typing import Any

import torch

from askance.errors import BadInput
from askance.history import Answer
from askance.project.console import Question, Screen, Tally, label
from askance.project.keys import open_keys
from askance.project.names import looks_like
from askance.project.project import Project
from askance.task import Named


class ProjectDesk:
    """Questions of a project, for one person in one session.

    Args:
        project: The project.
        n: Items in a round.
        by: Who answers.
        suggest: Whether the model's guess is shown.
        again: Whether to begin with questions that are open; they may be in somebody's file.
    """

    def __init__(self, project: Project, n: int = 10, by: str = "", suggest: bool = False, again: bool = False) -> None:
        self._project, self._n, self._by, self._suggest = project, n, by, suggest
        self._waiting = [str(id) for id in project.study.pending] if again else []
        self._ours: set[str] = set()  # asked here, and nobody else's
        self._done: list[str] = []
        self._strategy = "an earlier round"

    @property
    def kind(self) -> str:
        """What an item gets."""
        return self._project.kind

    @property
    def labeled(self) -> int:
        """Labels so far."""
        return self._project.study.progress.labeled

    def next(self) -> Question | None:
        """The next question: what is open, then a new round."""
        if not self._waiting:
            batch = self._project.ask(self._n)
            self._waiting, self._strategy = [str(id) for id in batch.ids], batch.strategy
            self._ours |= set(self._waiting)
        if not self._waiting:
            return None
        (row,) = self._project.rows([self._waiting[0]])
        how = self._project.how
        shown = [(name, cell) for name, cell in row.cells.items() if cell and name not in (how.id, how.label)]
        return Question(row.id, shown, self._guess(row.id), f"asked by {self._strategy}")

    def leave(self) -> None:
        """Put what was asked here and not answered back, for others or for later."""
        study = self._project.study
        left = self._ours & {str(id) for id in study.pending}
        if left:
            study.release(sorted(left))

    def skip(self, id: str) -> None:
        """Ask this one at the end of the round."""
        self._waiting.remove(id)
        self._waiting.append(id)

    def answer(self, id: str, value: Any, kind: str, seconds: float) -> None:
        """Keep an answer: it is on disk when this returns."""
        self._project.study.tell({id: Answer(value, kind, self._by, round(seconds, 3))})
        self._waiting.remove(id)
        self._done.append(id)

    def undo(self) -> str | None:
        """Take the last answer back; its item comes next."""
        if not self._done:
            return None
        id = self._done.pop()
        self._project.study.withdraw([id], by=self._by)
        self._waiting.insert(0, id)
        return id

    def names(self) -> list[str]:
        """The classes or labels."""
        task = self._project.study.task
        return [str(name) for name in task.names] if isinstance(task, Named) else []

    def near(self, name: str) -> str | None:
        """A class that a new name looks like."""
        return next((known for known in self.names() if looks_like(name, known)), None)

    def declare(self, name: str) -> None:
        """Add a class."""
        self._project.study.declare(name)

    def _guess(self, id: str) -> str:
        """What the model would say; empty where nobody wants to know or there is none."""
        study = self._project.study
        if not self._suggest or self.kind != "classes" or not study.state.fits:
            return ""
        row = study.pool.row(id)
        found = study.predict(study.pool.items[row : row + 1])[0]
        return str(study.task.answer(found)) if bool(torch.isfinite(found).all()) and len(found) > 1 else ""


def label_here(project: Project, *, n: int = 10, by: str = "", suggest: bool = False, again: bool = False) -> Tally:
    """Label in this terminal until nothing is left or somebody quits; what is open then goes back to the pool.

    Raises:
        BadInput: If nobody would see the items.
    """
    if n < 1:
        raise BadInput(f"{n} items are no round. Use 1 or more (-n 10).")
    if not sys.stdout.isatty() and sys.stdin.isatty():
        raise BadInput(
            "The output is no terminal, so nobody would see the items. Run it without a pipe or redirection."
        )
    desk = ProjectDesk(project, n, by, suggest, again)
    try:
        return label(desk, Screen(open_keys()))
    finally:
        desk.leave()
