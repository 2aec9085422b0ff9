"""Small projects of every kind of item and label, the same ones anew, and what people said in them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from askance.history import Answer
from askance.project.project import Project
from askance.project.provenance import provenance
from askance.project.starting import Wishes, init
from askance.sources.csv import write_table

sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))

from pictures import picture, saved

READS = ("text", "table", "image")
KINDS = ("classes", "labels", "number")
NAMES = ("cat & <mouse>", 'it\'s "so";\nlong | said', "fox 🦊")
ITEMS = 10


def make(folder: Path, reads: str = "text", kind: str = "classes", names: Sequence[str] = NAMES) -> Project:
    """A project of ten items; another one of the same folder has the same items and no answers."""
    folder.mkdir(exist_ok=True)
    numbers = [str(number) for number in range(1, ITEMS + 1)]
    wishes: dict[str, Any] = {"task": kind, "classes": () if kind == "number" else tuple(names), "no_label": True}
    file = folder / "items.csv"
    if reads == "text":
        bodies = [f'The "body" of ticket {number}:\nprinter <b>& more</b> 🦊' for number in numbers]
        write_table(file, {"number": numbers, "subject": [f"Ticket {number}" for number in numbers], "body": bodies})
        wishes |= {"text": ("subject", "body"), "id": "number"}
    elif reads == "table":
        sizes, colors = [str(int(number) * 1.5) for number in numbers], ["red", "blue"] * (ITEMS // 2)
        write_table(file, {"number": numbers, "id": sizes, 'the "label"': colors})
        wishes |= {"table": ("id", 'the "label"'), "id": "number"}
    else:
        file = folder / "photos"
        for number in range(ITEMS):
            place = file / ("a b" if number % 2 else "c") / f"p {number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(saved(picture(number), "PNG"))
    place = folder / f"{len(list(folder.glob('*.askance')))}.askance"
    return Project(init(file, Wishes(**wishes), folder=place).project)


def ids_of(project: Project) -> list[str]:
    return [str(id) for id in project.study.pool.names(range(len(project.study.pool)))]


def value(kind: str, number: int, names: Sequence[str] = NAMES) -> Any:
    """A label for each number; of labels every third item has none."""
    if kind == "number":
        return number * 1.25 - 2.0
    return names[number % len(names)] if kind == "classes" else [*names[: number % 3]]


def answer(project: Project, names: Sequence[str] = NAMES) -> None:
    """Six labels by Ada, of which Ben has one otherwise, and answers of every kind that is no label."""
    ids, kind = ids_of(project), project.kind
    for number, id in enumerate(ids[:6]):
        project.study.tell({id: Answer(value(kind, number, names), by="Ada", seconds=number + 0.5)})
    project.study.tell({ids[0]: value(kind, 1, names)}, by="ben@example.org")
    project.study.tell({ids[1]: value(kind, 1, names)})
    project.study.tell({ids[6]: None}, kind="unsure", by="Ada")
    project.study.tell({ids[6]: None}, kind="broken", by="Ben")
    project.study.tell({ids[7]: None}, kind="none-of-these", by="Cem; Jr.")


def said(project: Project) -> dict[str, list[tuple[str, str, str, float | None]]]:
    """Everyone's standing answer, by item."""
    return {
        item.id: sorted((one.by, str(one.value), one.kind, one.seconds) for one in item.answers)
        for item in provenance(project.study)
    }
