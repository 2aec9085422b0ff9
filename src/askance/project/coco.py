"""Labels of images as a file in COCO's form, and back.

The lists ``info``, ``licenses``, ``images``, ``categories`` and ``annotations`` are those of COCO's page on its data
format. COCO has no word for the class of a whole image; as others do, an image's class is an annotation whose box is
the whole image. What COCO has no place for, such as who said what, stands under a key of our own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from mimetypes import guess_extension
from pathlib import Path
from typing import Any
from urllib.parse import quote

from askance.errors import BadInput
from askance.files import whole
from askance.images import Head, head
from askance.project.answers_file import AnswersFile, Filled, Gathering, read_seconds
from askance.project.exporting import records, strict
from askance.project.features import root_of
from askance.project.finding import Wanted
from askance.project.items import Stored
from askance.project.label_studio import answers_today
from askance.project.label_studio_file import answers_in
from askance.project.project import Project
from askance.project.provenance import Labeled
from askance.task import Named

OURS = "askance"


def write_coco(path: Path, project: Project, labeled: Sequence[Labeled]) -> int:
    """Write an image for each row of each labeled item, and an annotation for each class or label that most people say.

    Images that are in none of the project's files any more are left out, as nobody knows their size.

    Args:
        path: The file, which appears whole or not at all.
        project: The project.
        labeled: Its answered items.

    Returns:
        How many images.

    Raises:
        BadInput: If the items are no images, or labeled with numbers, or an image's file cannot be read.
        StorageError: If the file cannot be written.
    """
    task = project.study.task
    if project.how.reads != "image" or not isinstance(task, Named):
        what = f"items of kind {project.how.reads!r}" if project.how.reads != "image" else "numbers"
        raise BadInput(
            f"COCO is for images that have classes or labels, and this project has {what}. Write .csv, .jsonl or "
            f".parquet, or a file for Label Studio."
        )
    number = {str(name): place for place, name in enumerate(task.names, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    kept: dict[str, Any] = {}
    for item in labeled:
        ids = project.items.rows_of(str(item.id)) or [str(item.id)]
        answers = answers_today(task, item)
        for record in records(item, ids):
            (row,) = project.items.of([record["id"]])
            if row.gone:
                continue
            name, found = _image(project, row)
            place = len(images) + 1
            images.append({"id": place, "file_name": name, "width": found.width, "height": found.height})
            kept[str(place)] = {"file_name": name, **_kept(record, answers)}
            box = {"bbox": [0, 0, found.width, found.height], "area": found.width * found.height, "iscrowd": 0}
            for label in _names(item.label):
                made = {"id": len(annotations) + 1, "image_id": place, "category_id": number[label]}
                annotations.append({**made, **box, "segmentation": []})
    last = max((answer.at for item in labeled for answer in item.answers), default="")
    content = {
        "info": {"description": f"Labels of {project.name}", "date_created": last},
        "licenses": [],
        "images": images,
        "categories": [{"id": place, "name": name, "supercategory": ""} for name, place in number.items()],
        "annotations": annotations,
        OURS: {"task": project.kind, "images": kept},
    }
    with whole(path) as file:
        json.dump(content, file, ensure_ascii=False, allow_nan=False, indent=1)
        file.write("\n")
    return len(images)


def read_coco(path: Path, content: Mapping[str, Any], wanted: Wanted) -> AnswersFile:
    """Read the classes of images: those of their annotations, wherever the boxes are.

    An image is known by ``file_name``, or, without that, by ``id``. What our export kept of an image counts for the one
    that is called as it was then, whatever its number is now: programs number images anew. As long as its annotations
    say what our export said, the answers are those of the people who gave them; otherwise there is one answer, of
    whoever tells the file. An image without annotations says nothing then.

    Args:
        path: The file, for errors.
        content: What it holds.
        wanted: What is to be known of the project.

    Raises:
        BadInput: If something cannot be read, or an image is not the project's; the message names file and field.
    """
    if wanted.kind == "number":
        raise BadInput(f"{path} is a COCO file of classes, and this project's items get numbers. Tell a CSV file.")
    names = _categories(path, content, wanted)
    said: dict[Any, list[str]] = {}
    images = _list(path, content, "images")
    known = {_key(image, "id", f"{path}, images {place}") for place, image in enumerate(images, start=1)}
    for place, annotation in enumerate(_list(path, content, "annotations"), start=1):
        where = f"{path}, annotations {place}"
        of, category = _key(annotation, "image_id", where), _key(annotation, "category_id", where)
        if of not in known or category not in names:
            field, given = ("image_id", of) if of not in known else ("category_id", category)
            raise BadInput(f"{where}: there is no {field} {given!r} in this file. Write the file once more.")
        said.setdefault(of, []).append(names[category])
    kept = _kept_of(content)
    found, blank, soft = Gathering(), 0, 0
    for place, image in enumerate(images, start=1):
        where = f"{path}, images {place}"
        now = sorted(set(said.get(image["id"], ())))
        name = image.get("file_name")
        record = kept.get(name, {}) if isinstance(name, str) else {}
        answers = _answers(record, now, wanted.kind)
        if not now and not answers:
            blank += 1
            continue
        id = _row(image, record, wanted, where)
        for answer in answers or [{"value": _value(now, wanted, where), "kind": "label"}]:
            if answer["kind"] == "soft":
                soft += 1
                continue
            value = answer["value"] if answer["kind"] == "label" else None
            text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            who = answer.get("by") or wanted.by
            found.add(Filled(id, text, answer["kind"], who, read_seconds(answer.get("seconds")), where, value))
    remarks = [f"{blank:,} images have no annotation and were passed over"] if blank else []
    if soft:
        remarks.append(f"{soft:,} soft answers, which are shares of classes, were passed over: study.tell takes them")
    return found.all(blank, remarks)


def _image(project: Project, row: Stored) -> tuple[str, Head]:
    """What an image's file is called, and how large it is; one that lies in the project is called by its row's id."""
    if row.data is not None:
        found = head(row.data, f"The image of {row.id!r}")
        return quote(row.id, safe="") + (guess_extension(found.mime) or ""), found
    name = row.cells[project.how.columns[0]]
    place = root_of(Path(project.items.fact("sources")[row.source]["path"])) / name
    return name.encode("utf-8", "replace").decode("utf-8"), head(place, str(place))


def _kept(record: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What COCO has no place for, less what says nothing."""
    made = {name: strict(value) for name, value in record.items() if name not in ("by", "said")}
    return {name: value for name, value in {**made, "answers": answers}.items() if value is not None}


def _kept_of(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What our export kept, by the names that its images had; images of one name are one file."""
    ours = content.get(OURS)
    images = ours.get("images") if isinstance(ours, dict) else None
    records = [one for one in images.values() if isinstance(one, dict)] if isinstance(images, dict) else []
    return {name: one for one in records if isinstance(name := one.get("file_name"), str)}


def _names(label: Any) -> list[str]:
    return [] if label is None else [str(name) for name in (label if isinstance(label, list) else [label])]


def _categories(path: Path, content: Mapping[str, Any], wanted: Wanted) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for place, category in enumerate(_list(path, content, "categories"), start=1):
        where = f"{path}, categories {place}"
        names[_key(category, "id", where)] = wanted.name(category.get("name"), where, "name")
    return names


def _answers(record: Mapping[str, Any], now: Sequence[str], kind: str) -> list[dict[str, Any]]:
    """Everyone's answers, if the annotations still say what was exported with them."""
    label = record.get("label")
    if sorted({str(name) for name in (label if isinstance(label, list) else [label]) if name is not None}) != now:
        return []
    answers = answers_in(record)
    values = [answer.get("value") for answer in answers if answer["kind"] == "label"]
    each = [value if kind == "labels" else [value] for value in values]
    named = all(isinstance(one, list) and all(isinstance(name, str) and name.strip() for name in one) for one in each)
    return answers if named else []


def _row(image: Mapping[str, Any], record: Mapping[str, Any], wanted: Wanted, place: str) -> str:
    name = image.get("file_name")
    if not isinstance(name, str) or not name.strip():
        return wanted.find.row([record.get("id"), image["id"]], {}, place)
    return wanted.find.row([record.get("id")], {"image": name}, place)


def _value(now: Sequence[str], wanted: Wanted, place: str) -> Any:
    if wanted.kind == "labels":
        return list(now)
    if len(now) > 1:
        raise BadInput(
            f"{place}: its annotations are of {len(now)} categories ({', '.join(map(repr, now[:3]))}), and an item of "
            f"this project has one class. Leave one of them."
        )
    return now[0]


def _key(of: Mapping[str, Any], name: str, place: str) -> int | str:
    found = of.get(name)
    if not isinstance(found, int | str):
        raise BadInput(f"{place}: the field {name!r} is {found!r:.60} and no number. Write the file as COCO does.")
    return found


def _list(path: Path, content: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = content.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadInput(f"{path}: the field {name!r} is no list of objects. Write the file as COCO does.")
    return found
