"""What the model says of every row, written to a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from askance.errors import BadInput
from askance.files import whole
from askance.project.project import Project
from askance.task import Classes, Labels, Task

ENDINGS = (".csv", ".jsonl")


def columns(task: Task) -> tuple[str, ...]:
    """The columns of a file of predictions."""
    if isinstance(task, Classes):
        return ("id", "class", "probability")
    return ("id", "labels", "probabilities") if isinstance(task, Labels) else ("id", "number")


def write_predictions(project: Project, path: str | Path) -> tuple[int, int]:
    """Write a line for every row of the project's files, folded ones included, in the order in which they came.

    Args:
        project: The project.
        path: Where to; CSV or JSON lines, by its ending. It appears whole or not at all.

    Returns:
        How many rows are predicted, and how many are not: empty, broken, or not encoded.

    Raises:
        BadInput: If the file's ending is not known, or nothing is labeled.
        StorageError: If it cannot be written.
    """
    place = Path(path)
    if place.suffix.lower() not in ENDINGS:
        raise BadInput(f"{path} ends in neither of {', '.join(ENDINGS)}. Name it predictions.csv, for example.")
    rows, lacking = list_predictions(project), 0
    number = 0
    with whole(place, newline="") as file:
        write = _writer(file, place, columns(project.study.task))
        for row in rows:
            write(row)
            number += 1
            lacking += row[1] is None
    return number - lacking, lacking


def list_predictions(project: Project) -> Iterator[tuple[Any, ...]]:
    """A prediction for every row, in the order of `columns`; None where there is none.

    Raises:
        BadInput: If nothing is labeled.
    """
    study = project.study
    if not study.progress.labeled:
        raise BadInput("Nothing is labeled, so there is nothing to predict from. Label some items first: askance ask")
    found = study.predict()
    numbers, ids, _ = project.items.standing()
    place = {int(number): id for number, id in zip(numbers, ids, strict=True)}
    row_of = {name: row for row, name in enumerate(study.pool.names(range(len(study.pool))))}
    task = study.task
    for id, item, _ in project.items.present():
        row = row_of.get(place[item]) if item is not None else None
        yield (id, *(_said(task, found[row]) if row is not None else [None] * (len(columns(task)) - 1)))


def _said(task: Task, row: Any) -> tuple[Any, ...]:
    value = task.answer(row)
    if isinstance(task, Classes):
        return value, float(row.max())
    if isinstance(task, Labels):
        return value, {str(name): round(float(share), 6) for name, share in zip(task.names, row, strict=True)}
    return (value[0] if len(value) == 1 else value,)


def _writer(file: TextIO, place: Path, names: tuple[str, ...]) -> Any:
    if place.suffix.lower() == ".jsonl":
        return lambda row: file.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n")
    table = csv.writer(file)
    table.writerow(names)
    return lambda row: table.writerow([_cell(value) for value in row])


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else "" if value is None else value
