"""Which kind of file somebody's answers come in, and its reader."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from askance.errors import BadInput
from askance.history import Answer
from askance.project import coco, label_studio_file
from askance.project.answers_file import AnswersFile, parse_label, read_answers
from askance.project.dialects import rows_of
from askance.project.finding import Finder, Wanted
from askance.project.label_studio_file import OWN
from askance.project.project import Project
from askance.project.together import Voice
from askance.task import Named, Task


def read_told(project: Project, path: Path, by: str = "") -> AnswersFile:
    """Read a file of answers, whatever program wrote it.

    A ``.json`` file is told apart by what it holds: tasks of Label Studio, the records of its JSON-MIN, a COCO file, or
    an object a line. CSV with Label Studio's columns is its export; there an ``id`` is Label Studio's own.

    Args:
        project: The project.
        path: The file.
        by: Who answers, where the file does not say.

    Raises:
        BadInput: If it cannot be read, or is about items that the project does not have.
    """
    task, how = project.study.task, project.how
    names = [str(name) for name in task.names] if isinstance(task, Named) else []
    wanted = Wanted(Finder(project), project.kind, frozenset(names), how.columns, how.id, how.label, by)
    if path.suffix.lower() == ".json":
        content = _whole(path)
        if isinstance(content, dict) and isinstance(content.get("images"), list):
            return coco.read_coco(path, content, wanted)
        if isinstance(content, dict) and isinstance(content.get("data"), dict):
            return label_studio_file.read_tasks(path, [content], wanted)
        if isinstance(content, list):
            if any(isinstance(one, dict) and one.keys() >= OWN and "data" not in one for one in content):
                return label_studio_file.read_records(path, _numbered(path, content), wanted)
            return label_studio_file.read_tasks(path, content, wanted)
    elif path.suffix.lower() not in (".jsonl", ".ndjson") and _of_label_studio(path):
        remarks: list[str] = []
        return label_studio_file.read_records(path, rows_of(path, [], OWN, remarks), wanted, remarks)
    return read_answers(
        path,
        by=by,
        knows=lambda id: project.items.find(id) is not None,
        ids=lambda: [str(name) for name in project.items.standing()[1]],
        label_column=how.label,
        classes=names,
        agree=partial(_agree, task, project.kind),
    )


def _agree(task: Task, kind: str, each: Sequence[Voice], text: str) -> bool:
    """Whether a label is still what several people say together."""
    with suppress(BadInput):  # a name that nobody knows is asked about later
        said = [Answer(task.read(parse_label(one.text, kind)), by=one.by) for one in each if one.kind == "label"]
        target = task.target(sorted(said, key=lambda answer: answer.by))
        if target is None:
            return not text
        return bool(task.answer(torch.tensor(target[0], dtype=torch.float64)) == task.read(parse_label(text, kind)))
    return False


def _whole(path: Path) -> Any:
    """What a file of JSON holds; None if it has an object a line."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}. Check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: byte {error.start + 1} is not UTF-8. Write the file in UTF-8.") from None
    try:
        return json.loads(text)
    except RecursionError:
        raise BadInput(f"{path} is nested too deeply for JSON of answers. Write the file once more.") from None
    except ValueError as error:
        first = next((line for line in text.splitlines() if line.strip()), "")
        with suppress(ValueError, RecursionError):
            if isinstance(json.loads(first), dict):
                return None
        raise BadInput(f"{path} is no JSON: {error}. Write the file once more, or one object a line.") from None


def _of_label_studio(path: Path) -> bool:
    with suppress(BadInput):  # which the reader says, with the line
        return any(cells.keys() >= OWN for _, cells in islice(rows_of(path, [], OWN, []), 1))
    return False


def _numbered(path: Path, records: Sequence[Any]) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise BadInput(f"{path}, record {number} is {type(record).__name__} and no object. Export it once more.")
        yield f"{path}, record {number}", record
