"""Small projects of generated tickets, whose truth is known, and the colleague who labels them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from make_tickets import tickets  # of examples/
from spreadsheets import as_libreoffice_saves

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
    """Fill in the label column by the ids, and save it as LibreOffice does."""
    known = truth(folder)
    rows = list(csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")))
    id, label = (rows[0].index(name) for name in ("id", "label"))
    for row in rows[1:]:
        row[label] = known[row[id].removeprefix("'")]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    file.write_bytes(as_libreoffice_saves(out.getvalue().encode()))
