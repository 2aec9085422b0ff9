"""Answers out of files that Label Studio exports; their shape is what Label Studio 1.23 writes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from answered import NAMES, answer, make, said

from askance.errors import BadInput
from askance.project.giving import give_labels
from askance.project.project import Project
from askance.project.telling import Told, tell_file


def choices(*names: str, control: str = "label") -> dict[str, Any]:
    return {
        "id": "aB3", "from_name": control, "to_name": "item", "type": "choices", "origin": "manual",
        "value": {"choices": list(names)},
    }  # fmt: skip


def number(value: Any, kind: str = "number") -> dict[str, Any]:
    return {"id": "aB3", "from_name": "size", "to_name": "item", "type": kind, "value": {kind: value}}


def annotation(*results: dict[str, Any], by: Any = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": 85, "completed_by": by, "result": list(results), "was_cancelled": False, "ground_truth": False,
        "created_at": "2026-09-09T21:52:49.513742Z", "lead_time": 4.25, "import_id": None, "task": 71, **more,
    }  # fmt: skip


def task(data: dict[str, Any], *annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = {"id": 71, "annotations": list(annotations), "drafts": [], "predictions": [71], "meta": {}, "inner_id": 1}
    return {**made, "data": data, **more}


def tell(project: Project, folder: Path, content: Any, **options: Any) -> Told:
    file = folder / "studio.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return tell_file(project, file, **options)


def body(row: int) -> str:
    return f'The "body" of ticket {row}:\nprinter <b>& more</b> 🦊'


def text(row: int) -> str:
    return f"Ticket {row}\n{body(row)}"


@pytest.fixture
def tickets(tmp_path: Path) -> Project:
    return make(tmp_path, names=("cat", "dog", "cow"))


def test_people_who_labeled_in_label_studio_are_told_apart(tickets: Project, tmp_path: Path) -> None:
    ada = {"id": 7, "email": "ada@example.org", "first_name": "Ada", "last_name": ""}
    content = [
        task({"text": text(1)}, annotation(choices("cat"), by=ada), annotation(choices("dog"), by=3)),
        task({"text": text(2)}, annotation(choices("dog"), by=None, lead_time=None)),
        task({"text": text(3)}),
    ]
    told = tell(tickets, tmp_path, content, by="Ben")
    assert (told.new, told.blank, told.disagreed) == (3, 1, ["1"])
    assert said(tickets) == {
        "1": [("3", "dog", "label", 4.25), ("ada@example.org", "cat", "label", 4.25)],
        "2": [("Ben", "dog", "label", None)],
    }


@pytest.mark.parametrize(
    "data",
    [
        {"number": "4", "my_text": "something else"},
        {"number": 4},
        {"askance_id": "4"},
        {"subject": "Ticket 4", "body": body(4)},
        {"my_text": text(4), "lang": "en"},
        {"text": text(4).replace("\n", "\r\n") + "\n"},
    ],
)
def test_an_item_is_known_by_its_id_or_by_its_content(tickets: Project, tmp_path: Path, data: dict[str, Any]) -> None:
    assert tell(tickets, tmp_path, [task(data, annotation(choices("cow")))]).new == 1
    assert tickets.study.labels == {"4": "cow"}


def test_what_was_imported_and_not_changed_is_still_the_answer_of_whoever_gave_it(tmp_path: Path) -> None:
    """An import gives annotations to whoever imports; Label Studio keeps `meta`, and our number as `import_id`."""
    project, fresh = make(tmp_path), make(tmp_path)
    answer(project)
    give_labels(project, tmp_path / "labels.label-studio.json")
    tasks = json.loads((tmp_path / "labels.label-studio.json").read_text("utf-8"))
    for one in tasks:
        for given in one["annotations"]:
            given.pop("created_username")
            given |= {
                "import_id": given["id"],
                "id": given["id"] + 84,
                "completed_by": 1,
                "lead_time": given["lead_time"],
            }
    (changed,) = (given for given in tasks[2]["annotations"])
    changed["result"][0]["value"]["choices"] = [NAMES[0]]
    tasks[3]["annotations"].append(annotation(choices(NAMES[0]), by=1))
    skipped = annotation(by=2, was_cancelled=True)
    tasks[4]["annotations"].append(skipped)
    assert tell(fresh, tmp_path, tasks).new == 13
    found, before = said(fresh), said(project)
    assert found.pop("3") == [("1", NAMES[0], "label", 2.5)], "a change is of whoever made it"
    assert found.pop("4") == [("1", NAMES[0], "label", 4.25), *before.pop("4")]
    assert found.pop("5") == [("2", "None", "unsure", 4.25), *before.pop("5")]
    del before["3"]
    assert found == before


def test_of_labels_an_annotation_without_choices_says_that_there_is_none(tmp_path: Path) -> None:
    project = make(tmp_path, kind="labels", names=("cat", "dog"))
    content = [
        task({"askance_id": "1"}, annotation()),
        task({"askance_id": "2"}, annotation(choices("dog", "cat"))),
        task({"askance_id": "3"}, annotation(choices("dog"), choices("cat"))),
    ]
    assert tell(project, tmp_path, content).new == 3
    assert project.study.labels == {"1": [], "2": ["cat", "dog"], "3": ["cat", "dog"]}


def test_numbers_and_ratings_are_numbers(tmp_path: Path) -> None:
    project = make(tmp_path, kind="number")
    content = [
        task({"askance_id": "1"}, annotation(number(-1.5))),
        task({"askance_id": "2"}, annotation(number(4, "rating"))),
        task({"askance_id": "3"}, annotation()),
    ]
    told = tell(project, tmp_path, content)
    assert (told.new, told.blank) == (2, 1) and project.study.labels == {"1": [-1.5], "2": [4.0]}


def test_files_from_before_version_1_and_of_one_task_are_read(tickets: Project, tmp_path: Path) -> None:
    old = {
        "id": 1,
        "data": {"text": text(1)},
        "completions": [{"id": 1001, "lead_time": 15, "result": [choices("cat")]}],
    }
    assert tell(tickets, tmp_path, old).new == 1
    old["completions"] = [{"id": 1002, "skipped": True, "result": []}]
    assert tell(tickets, tmp_path, [old], by="Ben").new == 1
    assert said(tickets) == {"1": [("", "cat", "label", 15.0), ("Ben", "None", "unsure", None)]}


def test_the_control_that_is_meant_is_ours_or_the_only_one(tickets: Project, tmp_path: Path) -> None:
    both = annotation(choices("cat", control="animal"), choices("late", control="mood"))
    with pytest.raises(BadInput, match="several things that could be the labels: animal, mood"):
        tell(tickets, tmp_path, [task({"askance_id": "1"}, both)])
    ours = annotation(choices("late", control="mood"), choices("cat"))
    note = {"id": "x", "from_name": "note", "to_name": "item", "type": "textarea", "value": {"text": ["hm"]}}
    told = tell(tickets, tmp_path, [task({"askance_id": "1"}, {**ours, "result": [*ours["result"], note]})])
    assert told.new == 1 and told.remarks == ["1 results of other kinds were passed over: textarea"]
    assert tickets.study.labels == {"1": "cat"}


def test_soft_answers_are_passed_over_with_a_word(tickets: Project, tmp_path: Path) -> None:
    tickets.study.tell({"1": {"cat": 0.25, "dog": 0.75}}, kind="soft", by="Ada")
    tickets.study.tell({"1": "dog"}, by="Ben")
    give_labels(tickets, tmp_path / "a.label-studio.json")
    told = tell_file(tickets, tmp_path / "a.label-studio.json")
    assert (told.new, told.repeated) == (0, 1) and "1 soft answers" in told.remarks[0]


RECORDS: dict[str, tuple[Any, Any]] = {  # what JSON-MIN holds, and what is meant
    "classes": ("dog", "dog"),
    "labels": ({"choices": ["cow", "cat"]}, ["cat", "cow"]),
    "number": ([{"number": -1.5}], [-1.5]),
}


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("ending", [".json", ".csv", ".tsv"])
def test_records_of_json_min_and_csv_are_read(tmp_path: Path, kind: str, ending: str) -> None:
    project = make(tmp_path, kind=kind, names=("cat", "dog", "cow"))
    held, meant = RECORDS[kind]
    more = {"created_at": "2026-09-09", "updated_at": "2026-09-09"}
    rows = [
        # Label Studio's own number stands under "id", also where the project has items of such numbers
        {"text": text(2), "id": 1, "mood": held, "annotator": 1, "annotation_id": 98, "lead_time": 0.5, **more},
        {
            "text": text(3),
            "id": 2,
            "mood": None,
            "annotator": "a@b.org",
            "annotation_id": 99,
            "lead_time": None,
            **more,
        },
        {"text": text(4), "id": 3, "annotator": {}, "annotation_id": None, "lead_time": None, **more},
    ]
    file = tmp_path / f"project-1-at-2026{ending}"
    if ending == ".json":
        file.write_text(json.dumps(rows), encoding="utf-8")
    else:
        with file.open("w", encoding="utf-8", newline="") as opened:
            table = csv.DictWriter(
                opened, sorted(rows[0]), quoting=csv.QUOTE_NONNUMERIC, delimiter="\t" if ending == ".tsv" else ","
            )
            table.writeheader()
            for row in rows:
                cells = {
                    name: json.dumps(cell) if isinstance(cell, list | dict) else cell for name, cell in row.items()
                }
                table.writerow({**cells, "annotator": cells["annotator"] if row["annotation_id"] else ""})
    told = tell_file(project, file)
    assert project.study.labels == ({"2": meant, "3": []} if kind == "labels" else {"2": meant})
    assert (told.new, told.blank) == ((2, 1) if kind == "labels" else (1, 2))
    assert said(project)["2"] == [("1", str(meant), "label", 0.5)]


def test_a_name_that_looks_like_json_stays_a_name(tmp_path: Path) -> None:
    odd = '{"a": 1}'
    project = make(tmp_path, names=(odd, '["x"]', "dog"))
    row = {"askance_id": "1", "label": odd, "annotator": 1, "annotation_id": 9, "lead_time": 1.0}
    assert tell(project, tmp_path, [row, {**row, "askance_id": "2", "label": '["x"]'}]).new == 2
    assert project.study.labels == {"1": odd, "2": '["x"]'}


BAD: dict[str, tuple[Any, str]] = {
    "no object": ([3], "task 1 is int and no object"),
    "no data": ([{"annotations": []}], "task 1: the field 'data' is missing. It must be an object"),
    "data of another kind": ([{"data": "text"}], "task 1: the field 'data' is no object but 'text'"),
    "annotations of another kind": ([{"data": {}, "annotations": {}}], "task 1: the field 'annotations' is no list"),
    "no result": ([task({}), task({}, {"id": 3})], "task 2, annotation 1: the field 'result' is missing"),
    "no type": ([task({}, annotation({"value": {}}))], "task 1, annotation 1, result 1: the field 'type' is missing"),
    "choices of another kind": (
        [task({"askance_id": "1"}, annotation({**choices(), "value": {"choices": "cat"}}))],
        "annotation 1, result 1, value: the field 'choices' is no list but 'cat'",
    ),
    "a path of a taxonomy": (
        [task({"askance_id": "1"}, annotation({**choices(), "value": {"choices": [["animal", "cat"]]}}))],
        r"result 1, value.choices: \['animal', 'cat'\] is no name",
    ),
    "two classes": (
        [task({"askance_id": "1"}, annotation(choices("cat", "dog")))],
        r"task 1, annotation 1: 2 answers \('cat', 'dog'\), and an item of this project has one class",
    ),
    "boxes": (
        [task({"askance_id": "1"}, annotation({"type": "rectanglelabels", "value": {}, "from_name": "x"}))],
        "its results are of type rectanglelabels, and this project takes choices",
    ),
    "an id that is not there": (
        [task({"askance_id": "99", "text": "nothing of this"}, annotation(choices("cat")))],
        "task 1: the project has no item with the id '99', nor one of this content. Nothing was taken",
    ),
    "nothing to know it by": (
        [task({"image": "x.png"}, annotation(choices("cat")))],
        "task 1: the project has no item with an id that it knows, nor one of this content",
    ),
    "numbers": (
        [task({"askance_id": "1"}, annotation(number("many")))],
        "its results are of type number, and this project takes choices",
    ),
    "records without labels": (
        [{"text": "x", "annotator": 1, "annotation_id": 2, "lead_time": 3}],
        "no field with labels among text, annotator, annotation_id, lead_time",
    ),
    "records with two": (
        [{"mood": "x", "kind of": "y", "annotator": 1, "annotation_id": 2, "lead_time": 3}],
        "several things that could be the labels: mood, kind of",
    ),
    "a record that is none": (
        [{"label": "x", "annotator": 1, "annotation_id": 2, "lead_time": 3}, "x"],
        "record 2 is str and no object",
    ),
    "boxes in a record": (
        [{"label": [{"height": 1}], "annotator": 1, "annotation_id": 2, "lead_time": 3}],
        'record 1, label: {"height": 1} holds no choices',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_named_with_file_task_and_field(tickets: Project, tmp_path: Path, case: str) -> None:
    content, message = BAD[case]
    with pytest.raises(BadInput, match=message) as error:
        tell(tickets, tmp_path, content)
    assert str(tmp_path / "studio.json") in str(error.value) and not tickets.study.labels


@pytest.mark.parametrize("value", [True, None, "many", float("inf"), [1]])
def test_what_is_no_number_is_named_with_its_place(tmp_path: Path, value: Any) -> None:
    project = make(tmp_path, kind="number")
    with pytest.raises(BadInput, match=r"task 1, annotation 1, result 1, value.number: .* (no|not a) number"):
        tell(project, tmp_path, [task({"askance_id": "1"}, annotation(number(value)))])


def test_two_annotations_of_one_person_that_differ_are_a_conflict(tickets: Project, tmp_path: Path) -> None:
    told = tell(tickets, tmp_path, [task({"askance_id": "1"}, annotation(choices("cat")), annotation(choices("dog")))])
    assert told.new == 0 and "task 1, annotation 1" in told.conflicts[0] and "annotation 2" in told.conflicts[0]
