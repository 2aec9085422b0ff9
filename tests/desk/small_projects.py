"""Small projects as desks, with a clock that tests move, and without a process behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from askance.desk.desk import Desk
from askance.project.beginning import Wishes, begin
from askance.project.project import Project
from askance.sources.csv import write_table

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


def begun(folder: Path, asked: int = 8, **wishes: Any) -> Path:
    """A project with a study that has asked."""
    place = fresh(folder, classes=("printer", "money"), strategy="random", **wishes)
    project = Project(place)
    project.encode()
    project.settle()
    project.ask(asked)
    project.close()
    return place


def desk(place: Path, clock: Clock | None = None) -> Desk:
    return Desk(place, clock or Clock())
