"""Small projects as desks, with a clock that tests move, and without a process behind them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from askance.desk.desk import Desk
from askance.project.beginning import Wishes, begin
from askance.project.project import Project
from askance.sources.csv import write_table

_MADE: list[Path] = []
TEXTS = ["the printer jams", "invoice is wrong", "paper is stuck", "charged twice", "no ink left", "refund please"]


class Clock:
    """Time that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def write(folder: Path, rows: int = 24) -> Path:
    texts = [f"{TEXTS[row % len(TEXTS)]} ({row})" for row in range(rows)]
    write_table(folder / "tickets.csv", {"number": [str(row) for row in range(rows)], "body": texts})
    return folder / "tickets.csv"


def fresh(folder: Path, rows: int = 24, **wishes: Any) -> Path:
    """A project whose file was read, and nothing more; its folder."""
    given = {"text": ("body",), "id": "number", "encoder": None, **wishes}
    begin(write(folder, rows), Wishes(**given), folder=folder / "tickets.askance")
    return folder / "tickets.askance"


def begun(folder: Path) -> Path:
    """A project with a study that has asked for eight items."""
    if not _MADE:  # once for all tests: the rest get copies
        (folder / "first").mkdir()
        place = fresh(folder / "first", classes=("printer", "money"))
        project = Project(place)
        project.encode()
        project.settle()
        project.ask(8)
        project.close()
        _MADE.append(place)
    return Path(shutil.copytree(_MADE[0], folder / "tickets.askance"))


def desk(place: Path, clock: Clock | None = None) -> Desk:
    return Desk(place, clock or Clock())
