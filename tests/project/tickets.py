"""Small projects of generated tickets, whose truth is known, and the colleague who labels them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from make_tickets import tickets  # of examples/

from askance.project.project import Project
from askance.project.starting import Wishes, init
from askance.project.telling import tell_file
from askance.sources.csv import write_table


def write_tickets(folder: Path, rows: int = 400) -> Path:
    """A file of tickets and, beside it, the truth."""
    numbers, subjects, bodies, kinds = tickets(rows)
    write_table(folder / "tickets.csv", {"number": numbers, "subject": subjects, "body": bodies})
    write_table(folder / "truth.csv", {"number": numbers, "kind": kinds})
    return folder / "tickets.csv"


def make_project(folder: Path, rows: int = 400, **wishes: object) -> Project:
    """A project of tickets, which are told apart by their number."""
    file = write_tickets(folder, rows)
    given = {"text": ("subject", "body"), "id": "number", **wishes}
    started = init(file, Wishes(**given), folder=folder / "tickets.askance")  # type: ignore[arg-type]
    return Project(started.project)


def truth(folder: Path) -> Mapping[str, str]:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        return {row["number"]: row["kind"] for row in csv.DictReader(file)}


def label_batch(project: Project, folder: Path, n: int = 40, by: str = "Ada") -> int:
    """One round: ask into a file, have it filled in, tell it; how many answers were new."""
    from askance.project.asking import ask

    file = folder / f"batch-{len(project.study.history.asked)}.csv"
    ask(project, n, out=file)
    fill(file, folder)
    return tell_file(project, file, by=by).new


def fill(file: Path, folder: Path) -> None:
    """Fill in the label column by the ids."""
    known = truth(folder)
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    for row in rows:
        row["label"] = known[row["id"].removeprefix("'")]
    write_table(file, {name: [row[name] for row in rows] for name in rows[0]})
