"""Before the study: items are drawn at random and answered while features are still to come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from askance.describe import describe
from askance.desk.fold import Fold
from askance.project.items import BEGUN, ITEM, Items
from askance.project.kinds import TASKS
from askance.study import early
from askance.study.journal import Line

Row = tuple[str, dict[str, Any], str | None]  # kind of line, body, client key


class Early:
    """The time before the study. Its lines lie in the project's own file; call it from one thread at a time.

    Args:
        items: The project's rows.
        clock: Gives the time, in seconds.
    """

    def __init__(self, items: Items, clock: Callable[[], float] = time.time) -> None:
        self._items, self._clock = items, clock
        self._order: list[str] | None = None

    @property
    def over(self) -> bool:
        """Whether the study has taken over."""
        return bool(self._items.fact(BEGUN, False))

    def lines(self, after: int = 0) -> Iterator[Line]:
        """What happened, after a number."""
        for number, kind, _, at, body in self._items.early(after):
            yield Line(number, kind, at, body)

    def written(self, once: str) -> dict[str, Any] | None:
        """The body of the line that was written under a client's key."""
        return next((body for _, _, key, _, body in self._items.early() if key == once), None)

    def begin(self) -> Fold:
        """The state of a study that nobody has opened yet."""
        task = self._items.fact("task")
        fold = Fold()
        opened = {"task": describe(TASKS[task["kind"]](task["names"])), "seed": self._items.fact("seed", 0)}
        fold.fold(Line(0, "opened", 0.0, opened))
        items, limit = self._items.counts()[ITEM], self._items.fact("limit")
        fold.fold(Line(0, "offered", 0.0, {"items": items if limit is None else min(items, limit)}))
        return fold

    def refresh(self, fold: Fold) -> None:
        """Take in what was written since."""
        for line in self.lines(fold.line):
            fold.fold(line)

    def draw(self, fold: Fold, n: int) -> None:
        """Ask for items at random until ``n`` are open, if there are so many."""
        with self._items.write():
            if self.over:
                return
            self.refresh(fold)
            order = self._drawn()
            ids = [id for id in order if id not in fold.questions][: max(0, n - len(fold.open))]
            if ids:
                self._items.add_early("asked", early.asked(ids, len(order), 0, fold.seed), self._clock(), None)
            self.refresh(fold)

    def write(self, rows: Sequence[Row]) -> bool:
        """Keep lines; they are on disk when this returns. False if the study has taken over: write to its journal."""
        with self._items.write():
            if self.over:
                return False
            for kind, body, once in rows:
                self._items.add_early(kind, body, self._clock(), once)
            return True

    def _drawn(self) -> list[str]:
        """Everything that could be asked, in the order of drawing; with a limit only what will be encoded."""
        if self._order is None:
            sure = {id for id, labels in self._items.labels().items() if len(labels) == 1}
            gone = self._items.gone()
            _, ids, _ = self._items.standing()
            order = early.drawn((str(id) for id in ids if id not in gone), self._items.fact("seed", 0))
            self._order = [id for id in order[: self._items.fact("limit")] if id not in sure]
        return self._order
