"""Answers out of files that Label Studio exports, and out of the tasks that are written for it.

JSON has a task for each item (see `askance.project.label_studio` for its fields). JSON-MIN and CSV have a record for
each annotation: the task's data beside what was chosen, ``annotator``, ``annotation_id``, ``lead_time``, and an ``id``
that is Label Studio's own. So Label Studio's page on exports has it (guide/export), and so its converter writes them:
one choice as it is, several as ``{"choices": [...]}``, a number as ``[{"number": ...}]``.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from askance.errors import BadInput
from askance.history import KINDS
from askance.project.answers_file import AnswersFile, Filled, Gathering, parse_label, read_seconds
from askance.project.finding import Wanted
from askance.project.label_studio import ID, LABEL

OWN = frozenset({"annotator", "annotation_id", "lead_time"})  # by these a record of JSON-MIN and CSV is known
_MORE = OWN | {"id", "created_at", "updated_at", "agreement", "history"}
_TYPES = {"classes": ("choices",), "labels": ("choices",), "number": ("number", "rating")}
SKIPPED = "unsure"  # what it means that somebody skips a task and nothing says why


def read_tasks(path: Path, tasks: Sequence[Any], wanted: Wanted) -> AnswersFile:
    """Read tasks with annotations: an answer for each annotation, by whoever made it.

    An item is known by ``meta.id``, by ``askance_id`` or the project's column of ids in ``data``, or by its content. An
    annotation that our own export made and nobody changed is an answer of the person who gave it then; any other one is
    of ``completed_by``. A cancelled one is of the kind that ``meta`` tells, else `SKIPPED`. One without choices says
    that an item has none of the labels, and nothing where an item has one class or a number. Predictions and drafts are
    no answers.

    Args:
        path: The file, for errors.
        tasks: What it holds.
        wanted: What is to be known of the project.

    Raises:
        BadInput: If something cannot be read, or an item is not the project's; the message names file, task and field.
    """
    found, remarks = Gathering(), list[str]()
    control, passed = _control(path, tasks, wanted)
    blank = soft = 0
    for number, task in enumerate(tasks, start=1):
        place = f"{path}, task {number}"
        data, meta = _field(task, "data", dict, place), task.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        before = answers_in(meta)
        id = ""
        annotations = list(_annotations(task, place))
        blank += not annotations
        for annotation, where in annotations:
            cancelled = bool(annotation.get("was_cancelled") or annotation.get("skipped"))
            value = None if cancelled else _value(annotation, control, wanted, where)
            if value is None and not cancelled:
                blank += 1
                continue
            known = _known(before, annotation, value)
            kind = known["kind"] if known else "label" if value is not None else SKIPPED
            if kind == "soft":
                soft += 1
                continue
            id = id or wanted.find.row([meta.get("id"), data.get(ID), data.get(wanted.id or "")], data, place)
            who = known["by"] if known else _who(annotation)
            seconds = read_seconds(annotation.get("lead_time"))
            found.add(Filled(id, _text(value), kind, who or wanted.by, seconds, where, value))
    if soft:
        remarks.append(f"{soft:,} soft answers, which are shares of classes, were passed over: study.tell takes them")
    if passed:
        remarks.append(f"{sum(passed.values()):,} results of other kinds were passed over: {', '.join(sorted(passed))}")
    return found.all(blank, remarks)


def read_records(
    path: Path, records: Iterable[tuple[str, Mapping[Any, Any]]], wanted: Wanted, remarks: Sequence[str] = ()
) -> AnswersFile:
    """Read the records of JSON-MIN or CSV: an answer for each annotation.

    Labels stand under ``label``, or the project's column of labels, or the only key that is neither Label Studio's nor
    the item's. Skipped tasks are not in such a file.

    Args:
        path: The file, for errors.
        records: Each with its place.
        wanted: What is to be known of the project.
        remarks: What is to be said of the file, once it is read.

    Raises:
        BadInput: As `read_tasks`.
    """
    rows = list(records)
    key = _key(path, [row for _, row in rows], wanted)
    found = Gathering()
    blank = 0
    for place, row in rows:
        annotated = row.get("annotation_id") not in (None, "")
        value = _plain(row.get(key), wanted, place, key)
        if value is None and annotated and wanted.kind == "labels":
            value = []
        if value is None or not annotated:
            blank += 1
            continue
        data = {str(name): cell for name, cell in row.items() if name not in _MORE and name != key}
        own = data.get(wanted.id) if wanted.id is not None else None
        id = wanted.find.row([data.get(ID), own], data, place)
        who = _person(row.get("annotator")) or wanted.by
        found.add(Filled(id, _text(value), "label", who, read_seconds(row.get("lead_time")), place, value))
    return found.all(blank, remarks)


def answers_in(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The answers that our own export keeps with an item, as far as they are still whole."""
    answers = record.get("answers")
    each = [one for one in answers if isinstance(one, dict)] if isinstance(answers, list) else []
    return [one for one in each if one.get("kind") in KINDS and isinstance(one.get("by"), str)]


def _annotations(task: Any, place: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The annotations of a task, each with its place; before version 1 they were called completions."""
    name = "completions" if "annotations" not in task and "completions" in task else "annotations"
    for number, annotation in enumerate(_field(task, name, list, place, optional=True), start=1):
        where = f"{place}, annotation {number}"
        _field(annotation, "result", list, where)
        yield annotation, where


def _control(path: Path, tasks: Sequence[Any], wanted: Wanted) -> tuple[str | None, Counter[str]]:
    """The name of the tag that takes the labels, and how many results there are of other types."""
    named: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for number, task in enumerate(tasks, start=1):
        place = f"{path}, task {number}"
        _field(task, "data", dict, place)
        for annotation, where in _annotations(task, place):
            for which, result in enumerate(annotation["result"], start=1):
                kind = _field(result, "type", str, f"{where}, result {which}")
                if kind in _TYPES[wanted.kind]:
                    named[_field(result, "from_name", str, f"{where}, result {which}")] += 1
                else:
                    others[kind] += 1
    if not named and others:
        takes = " or ".join(_TYPES[wanted.kind])
        raise BadInput(
            f"{path}: its results are of type {', '.join(sorted(others))}, and this project takes {takes}. Export a "
            f"project of Label Studio that asks for {takes}."
        )
    return _one_of(path, list(named), wanted), others


def _key(path: Path, rows: Sequence[Mapping[Any, Any]], wanted: Wanted) -> str:
    keys = dict.fromkeys(str(name) for row in rows for name in row)
    known = {*_MORE, ID, "text", "table", "image", *wanted.columns, wanted.id}
    free = [key for key in keys if key not in known or key in (LABEL, wanted.label)]
    if rows and not free:
        raise BadInput(f"{path} has no field with labels among {', '.join(keys)}. Call the one that has them 'label'.")
    return _one_of(path, free, wanted) or LABEL


def _one_of(path: Path, names: Sequence[str], wanted: Wanted) -> str | None:
    """The name that labels go by: ours, the project's, or the only one."""
    for name in (LABEL, wanted.label):
        if name in names:
            return name
    if len(names) > 1:
        raise BadInput(
            f"{path} has several things that could be the labels: {', '.join(names)}. Call the one that is meant "
            f"'label' in its file, or export a project that asks for one."
        )
    return names[0] if names else None


def _value(annotation: Mapping[str, Any], control: str | None, wanted: Wanted, place: str) -> Any:
    """What an annotation says: a name, names, a number; None if it says nothing."""
    given: list[Any] = []
    for number, result in enumerate(annotation["result"], start=1):
        kind = result["type"]
        if kind in _TYPES[wanted.kind] and result["from_name"] == control:
            where = f"{place}, result {number}"
            held = _field(result, "value", dict, where)
            if kind != "choices":
                given.append(_number(held.get(kind), where, f"value.{kind}"))
            else:
                choices = _field(held, "choices", list, f"{where}, value")
                given += [wanted.name(choice, where, "value.choices") for choice in choices]
    return _settled(given, wanted, place)


def _settled(given: Sequence[Any], wanted: Wanted, place: str) -> Any:
    distinct = list(dict.fromkeys(given))
    if wanted.kind == "labels":
        return sorted(distinct)
    if len(distinct) > 1:
        what = "class" if wanted.kind == "classes" else "number"
        raise BadInput(
            f"{place}: {len(distinct)} answers ({', '.join(map(repr, distinct[:3]))}), and an item of this project has "
            f"one {what}. Leave one of them."
        )
    return distinct[0] if distinct else None


def _plain(cell: Any, wanted: Wanted, place: str, key: str) -> Any:
    """The value of a field in JSON-MIN, or of a cell in CSV; None if it is empty."""
    if cell is None or cell == "":
        return None
    types = _TYPES[wanted.kind]
    given: list[Any] = []
    for one in _opened(cell, types):
        kind = next((kind for kind in types if isinstance(one, Mapping) and kind in one), None)
        if kind is None and isinstance(one, Mapping):
            raise BadInput(
                f"{place}, {key}: {json.dumps(one)[:60]} holds no {' or '.join(types)}. Export a project of Label "
                f"Studio that asks for that."
            )
        held = one if kind is None else one[kind]
        if wanted.kind == "number":
            given.append(_number(held, place, key))
        else:
            given += [wanted.name(name, place, key) for name in (held if isinstance(held, list) else [held])]
    return _settled(given, wanted, place)


def _opened(cell: Any, types: Sequence[str]) -> list[Any]:
    """What a field holds: one thing or several. In CSV, what is more than a name is JSON; a name may look like that."""
    found = cell
    if isinstance(cell, str) and cell.startswith(("{", "[{")):
        with suppress(ValueError, RecursionError):
            found = json.loads(cell)
    each = found if isinstance(found, list) else [found]
    meant = all(isinstance(one, Mapping) and any(kind in one for kind in types) for one in each)
    return each if meant or not isinstance(cell, str) else [cell]


def _known(answers: list[dict[str, Any]], annotation: Mapping[str, Any], value: Any) -> dict[str, Any] | None:
    """The answer of our export that an annotation still is; each answer is one annotation only."""
    if annotation.get("import_id", 0) is None:
        return None  # it was made in Label Studio
    number = annotation.get("import_id", annotation.get("id"))
    same = [one for one in answers if _says(one) == value]
    found = next((one for one in same if one.get("annotation") == number), same[0] if same else None)
    if found is not None:
        answers.remove(found)
    return found


def _says(answer: Mapping[str, Any]) -> Any:
    """What an answer of our export is as an annotation; a cancelled one is None."""
    value = answer.get("leans") if answer["kind"] == "soft" else answer.get("value")
    if answer["kind"] not in ("label", "soft"):
        return None
    return sorted(map(str, value)) if isinstance(value, list) else value


def _who(annotation: Mapping[str, Any]) -> str:
    return _person(annotation.get("completed_by")) or _person(annotation.get("created_username"))


def _person(given: Any) -> str:
    """What somebody is called: by address, else by number."""
    if isinstance(given, Mapping):
        given = given.get("email") or given.get("id")
    return "" if given is None else str(given).strip()


def _number(given: Any, place: str, field: str) -> float:
    if isinstance(given, str):
        found = parse_label(given, "number", f"{place}, {field}")
        return float(found)
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise BadInput(f"{place}, {field}: {given!r} is no number. Write it as in 12.5")
    return float(given)


def _field(of: Any, name: str, kind: type, place: str, *, optional: bool = False) -> Any:
    """A field that must be there, and of some type."""
    words: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}
    if not isinstance(of, Mapping):
        raise BadInput(f"{place} is {type(of).__name__} and no object. Write it as Label Studio does.")
    found = of.get(name)
    if found is None and optional:
        return kind()
    if not isinstance(found, kind):
        said = f"is no {words[kind].split()[-1]} but {found!r:.60}" if name in of else "is missing"
        raise BadInput(f"{place}: the field {name!r} {said}. It must be {words[kind]}, as Label Studio writes it.")
    return found


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
