"""Labels as tasks of Label Studio, with the labeling configuration that shows them.

The fields are those of Label Studio's own pages: "Label Studio JSON format of annotated tasks" (guide/task_format),
"Import pre-annotated data" (guide/predictions), and the tags Choices, Number, Text, Table and Image (tags/...). What an
import does with them was read in Label Studio 1.23: an annotation belongs to whoever imports it, unless
``completed_by`` holds the address of a member; any other person's name there is refused. So a name that is an address
stands in ``completed_by``, every name in ``created_username``, and, as an import keeps the ``meta`` of a task and
little of an annotation, who said what stands in ``meta``, too.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from askance.errors import BadInput
from askance.files import whole
from askance.images import head
from askance.look import predict, threads
from askance.project.exporting import records, strict
from askance.project.features import root_of
from askance.project.formats import beside
from askance.project.items import Stored
from askance.project.project import Project
from askance.project.provenance import Labeled, Said, today
from askance.task import Classes, Labels, Named, Targets, Task

ITEM, LABEL = "item", "label"  # what the tags are called that show an item and take its label
ID = "askance_id"  # the key of a row's id among a task's data, which every export of Label Studio hands on
LOCAL = "/data/local-files/?d="  # what Label Studio serves a file of its own machine by
CONFIG = ".config.xml"

_SHOWS = {  # the tag that shows an item, by how the project reads it; what it shows is called like the project's kind
    "text": f'<Style>.htx-text {{ white-space: pre-wrap; }}</Style>\n  <Text name="{ITEM}" value="$text"/>',
    "table": f'<Table name="{ITEM}" value="$table"/>',
    "image": f'<Image name="{ITEM}" value="$image"/>',
}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # of the signs that XML 1.0 can hold


def write_label_studio(path: Path, project: Project, labeled: Sequence[Labeled]) -> int:
    """Write a task for each row of each labeled item, and the labeling configuration beside it.

    A task has the item in ``data`` and its id as ``askance_id``, the columns of `askance.project.exporting.COLUMNS` in
    ``meta``, an annotation for each person's answer, and a prediction if there is a model of today's classes. An answer
    that is no label is a cancelled annotation; ``meta`` says of which kind.

    Args:
        path: The file, which appears whole or not at all; the configuration is ``labels.config.xml`` beside
            ``labels.json``.
        project: The project.
        labeled: Its answered items.

    Returns:
        How many tasks.

    Raises:
        BadInput: If the items are rows of numbers, or a class has a name that XML cannot hold.
        StorageError: If a file cannot be written.
    """
    config = labeling_config(project.study.task, project.how.reads)
    tasks = 0
    with whole(path) as file, whole(beside(path, CONFIG)) as sheet:
        sheet.write(config)
        for task in _tasks(project, labeled):
            file.write(",\n" if tasks else "[\n")
            file.write(json.dumps(task, ensure_ascii=False, allow_nan=False))
            tasks += 1
        file.write("\n]\n" if tasks else "[]\n")
    return tasks


def labeling_config(task: Task, reads: str) -> str:
    """The page that Label Studio shows, in its XML.

    Args:
        task: What the items are labeled with.
        reads: ``text``, ``table`` or ``image``.

    Raises:
        BadInput: If Label Studio cannot show such items, ask such labels, or XML cannot hold a class's name.

    >>> print(labeling_config(Classes(("cat & mouse",)), "text").splitlines()[4].strip())
    <Choice value="cat &amp; mouse"/>
    """
    if reads not in _SHOWS:
        raise BadInput(
            "The items are rows of numbers, and Label Studio has nothing that shows them. Write .csv, .jsonl or "
            ".parquet."
        )
    if isinstance(task, Targets) and task.width != 1:
        raise BadInput(f"An item has {task.width} numbers, and a task of Label Studio takes one. Write .csv or .jsonl.")
    lines = ["<View>", f"  {_SHOWS[reads]}"]
    if isinstance(task, Named):
        choice = 'choice="single" required="true"' if isinstance(task, Classes) else 'choice="multiple"'
        lines.append(f'  <Choices name="{LABEL}" toName="{ITEM}" {choice} showInline="true">')
        lines += [f"    <Choice value={_attribute(str(name))}/>" for name in task.names]
        lines.append("  </Choices>")
    else:
        lines.append(f'  <Number name="{LABEL}" toName="{ITEM}" required="true"/>')
    return "\n".join([*lines, "</View>", ""])


def _attribute(name: str) -> str:
    if _NOT_XML.search(name):
        raise BadInput(
            f"The name {name!r} holds a sign that Label Studio's XML cannot. Give it another one first: askance "
            f"rename-class"
        )
    return quoteattr(name)


def _tasks(project: Project, labeled: Sequence[Labeled]) -> Iterator[dict[str, Any]]:
    task, number = project.study.task, count(1)
    guess = _guesses(project, labeled)
    tasks = count(1)
    for item in labeled:
        ids = project.items.rows_of(str(item.id)) or [str(item.id)]
        for id, record in zip(ids, records(item, ids), strict=True):
            (row,) = project.items.of([id])
            annotations = [_annotation(task, said, next(number)) for said in item.answers]
            place = next(tasks)
            yield {
                "id": place,
                "data": {**_data(project, row), ID: id},
                "meta": _meta(task, item, record, annotations),
                "annotations": annotations,
                "predictions": guess(item.id, place),
            }


def _data(project: Project, row: Stored) -> dict[str, Any]:
    how = project.how
    if how.reads == "image":
        if row.data is not None:
            mime = head(row.data, f"The image of {row.id!r}").mime
            return {"image": f"data:{mime};base64,{b64encode(row.data).decode()}"}
        folder = root_of(Path(project.items.fact("sources")[row.source]["path"]))
        return {"image": LOCAL + quote(f"{folder.name}/{_clean(row.cells[how.columns[0]])}")}
    raw = how.raw(row.cells, row.data, Path())
    if how.reads == "text":
        return {"text": _clean(raw)}
    return {"table": {_clean(name): _clean(cell) for name, cell in raw.items()}}


def _meta(
    task: Task, item: Labeled, record: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Where the label comes from, less what says nothing, with every answer by today's names."""
    kept = {name: strict(value) for name, value in record.items() if name not in ("by", "said")}
    kept["answers"] = [
        {"annotation": one["id"], **said} for said, one in zip(answers_today(task, item), annotations, strict=True)
    ]
    return {name: value for name, value in kept.items() if value is not None}


def answers_today(task: Task, item: Labeled) -> list[dict[str, Any]]:
    """Everyone's answer to an item by today's names, for JSON: a number alone, and what a soft answer leans to."""
    found = []
    for said in item.answers:
        value = today(task, said)
        value = value[0] if isinstance(task, Targets) and value is not None else value
        soft = {"value": task.read(said.value, "soft"), "leans": value} if said.kind == "soft" else {"value": value}
        found.append({**vars(said), **soft})
    return found


def _annotation(task: Task, said: Said, number: int) -> dict[str, Any]:
    value = today(task, said)
    made: dict[str, Any] = {
        "id": number,
        "result": [] if value is None else _result(task, value, f"a{number}"),
        "was_cancelled": value is None,
        "ground_truth": False,
        "lead_time": said.seconds,
        "created_at": said.at,
        "created_username": said.by,
    }
    return {**made, "completed_by": {"email": said.by}} if _ADDRESS.fullmatch(said.by) else made


def _result(task: Task, value: Any, id: str) -> list[dict[str, Any]]:
    """What a label is in Label Studio; an item that has none of the labels has no result."""
    if isinstance(task, Named):
        names = [str(name) for name in (value if isinstance(value, list) else [value])]
        kind, held = "choices", {"choices": names}
        if not names:
            return []
    else:
        kind, held = "number", {"number": value[0]}
    return [{"id": id, "from_name": LABEL, "to_name": ITEM, "type": kind, "value": held}]


def _guesses(project: Project, labeled: Sequence[Labeled]) -> Callable[[Any, int], list[dict[str, Any]]]:
    """What the latest model says of an item, as predictions of a task; none without a model of today's classes.

    Nothing is trained for that: a model that is not there is not wanted.
    """
    study = project.study
    fits = study.state.fits
    changes = [line.number for line in study.lines() if line.kind == "changed" and line.body["what"] == "task"]
    if not fits or fits[-1].diverged or fits[-1].through < max(changes, default=0):
        return lambda id, place: []
    ids = [item.id for item in labeled]
    rows = study.pool.rows(ids)
    model = study.models.task(fits, len(fits) - 1)
    with threads(study.state.threads):
        found = dict(zip(ids, predict(model, study.pool.items[rows], study.task, study.state.piece), strict=True))
    key = fits[-1].key

    def predictions(id: Any, place: int) -> list[dict[str, Any]]:
        row = found[id]
        made: dict[str, Any] = {"model_version": key}
        if isinstance(study.task, Named):  # of labels, how sure the model is of the one it is least sure of
            sure = (row - 0.5).abs().min() + 0.5 if isinstance(study.task, Labels) else row.max()
            made["score"] = round(float(sure), 6)
        return [{**made, "result": _result(study.task, study.task.answer(row), f"p{place}")}]

    return predictions


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no UTF-8
