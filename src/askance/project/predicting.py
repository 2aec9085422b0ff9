"""What the model says of every row, written to a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from askance.errors import BadInput
from askance.files import whole
from askance.project.beginning import naming
from askance.project.predictor import Predictions
from askance.project.project import Project
from askance.task import Classes, Labels, Targets, Task

ENDINGS = (".csv", ".jsonl")


def columns(task: Task) -> tuple[str, ...]:
    """The columns of a file of predictions."""
    if isinstance(task, Classes):
        return ("id", "class", "probability")
    return ("id", "labels", "probabilities") if isinstance(task, Labels) else ("id", "number")


class Written(NamedTuple):
    """What a file of predictions holds.

    Args:
        predicted: Rows with an answer.
        lacking: Rows without one, because they are empty, broken or not encoded.
        abstained: Rows that the model would rather not answer.
        surest: The largest probability of an answer among all rows, those abstained from included; 0 without any.
    """

    predicted: int
    lacking: int
    abstained: int = 0
    surest: float = 0.0


def write_predictions(project: Project, path: str | Path, abstain: float | None = None) -> Written:
    """Write a line for every row of the project's files, folded ones included, in the order in which they came.

    Args:
        project: The project.
        path: Where to; CSV or JSON lines, by its ending. It appears whole or not at all.
        abstain: What an item without an answer costs, from 0 to 1/2, where a wrong answer costs 1: where the answer is
            wrong with a greater probability its cell is empty, and the probability stands beside it. None: all are
            answered.

    Returns:
        How many rows are predicted, and how many are not.

    Raises:
        BadInput: If the file's ending is not known, or it is there and holds something else; if nothing is labeled, or
            the cost is none.
        StorageError: If it cannot be written.
    """
    place = Path(path)
    if place.suffix.lower() not in ENDINGS:
        raise BadInput(f"{path} ends in neither of {', '.join(ENDINGS)}. Name it predictions.csv, for example.")
    if place.exists() and not _holds_predictions(place, columns(project.study.task)):
        raise BadInput(
            f"{path} is there already, and holds no predictions. Name another file with -o, or move it away."
        )
    number = lacking = abstained = 0
    surest = 0.0
    rows = _listed(project, abstain)
    with whole(place, newline="") as file:
        write = _writer(file, place, columns(project.study.task))
        for row, sure in rows:
            write(row)
            number += 1
            lacking += sure is None
            abstained += row[1] is None and sure is not None
            surest = max(surest, sure or 0.0)
    return Written(number - lacking - abstained, lacking, abstained, surest)


def _listed(project: Project, abstain: float | None) -> Iterator[tuple[tuple[Any, ...], float | None]]:
    """Each row's cells, and how sure the model is of its answer: 1 of a number, None where it looked at nothing."""
    study = project.study
    if not study.progress.labeled:
        ask = f"askance ask{naming(project.folder)}"
        raise BadInput(f"Nothing is labeled, so there is nothing to predict from. Label some items first: {ask}")
    found, task = study.predict(), study.task
    said = Predictions(tuple(task.answer(row) for row in found), found, task)
    sure = [1.0] * len(said) if isinstance(task, Targets) else said.certainty.tolist()
    values = said.values if abstain is None else said.abstaining(abstain)
    numbers, ids, _ = project.items.standing()
    place = {int(number): id for number, id in zip(numbers, ids, strict=True)}
    row_of = {name: row for row, name in enumerate(study.pool.names(range(len(study.pool))))}
    for id, item, _ in project.items.present():
        row = row_of.get(place[item]) if item is not None else None
        if row is None:
            yield (id, *[None] * (len(columns(task)) - 1)), None
        else:
            yield (id, _alone(task, values[row]), *_beside(task, found[row])), sure[row]


def _alone(task: Task, value: Any) -> Any:
    """An answer as people write it: a single number stands alone."""
    return value[0] if isinstance(task, Targets) and task.n == 1 else value


def _beside(task: Task, row: Any) -> tuple[Any, ...]:
    """What stands beside the answer."""
    if isinstance(task, Classes):
        return (float(row.max()),)
    if isinstance(task, Labels):
        return ({str(name): round(float(share), 6) for name, share in zip(task.names, row, strict=True)},)
    return ()


def _holds_predictions(place: Path, names: tuple[str, ...]) -> bool:
    """Whether a file begins as one of predictions does; such a one may be written anew."""
    try:
        with place.open(encoding="utf-8") as file:
            first = file.readline().strip()
        found = json.loads(first) if place.suffix.lower() == ".jsonl" else first.split(",")
    except (OSError, ValueError):
        return False
    return isinstance(found, list | dict) and tuple(found) == names


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
