"""Which kind of file answers come in is seen by what it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from answered import NAMES, ids_of, make, said

from askance.errors import BadInput
from askance.project.project import Project
from askance.project.telling import tell_file
from askance.sources.csv import write_table


@pytest.fixture
def tickets(tmp_path: Path) -> Project:
    return make(tmp_path, names=("cat", "dog", "cow"))


ANNOTATIONS = [{"result": [{"from_name": "label", "type": "choices", "value": {"choices": ["cat"]}}]}]
TASK = {"data": {"askance_id": "3"}, "annotations": ANNOTATIONS}
RECORD = {"askance_id": "3", "label": "cat", "annotator": 1, "annotation_id": 2, "lead_time": 3}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([TASK]),
        json.dumps(TASK, indent=2),
        "\ufeff" + json.dumps([TASK]),
        json.dumps([RECORD]),
        '{"id": "3", "label": "cat"}',
        '\n{"id": "3", "label": "cat"}\n{"id": "4", "label": ""}\n',
    ],
)
def test_one_ending_is_of_many_kinds(tickets: Project, tmp_path: Path, content: str) -> None:
    (tmp_path / "a.JSON").write_text(content, encoding="utf-8")
    assert tell_file(tickets, tmp_path / "a.JSON").new == 1 and tickets.study.labels == {"3": "cat"}


@pytest.mark.parametrize("content", ["id,label\n3,cat\n", "id,label,annotator\n3,cat,Ada\n"])
def test_a_spreadsheet_is_no_export_of_label_studio(tickets: Project, tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    assert tell_file(tickets, tmp_path / "a.csv").new == 1 and tickets.study.labels == {"3": "cat"}


@pytest.mark.parametrize("content", [[], [3], {"id": "3"}, {"images": {}}, {"data": "x", "annotations": []}, 3, None])
def test_what_is_none_of_them_takes_nothing(tickets: Project, tmp_path: Path, content: Any) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content))
    if content == []:
        assert tell_file(tickets, tmp_path / "a.json").new == 0
        return
    with pytest.raises(BadInput, match="a.json"):
        tell_file(tickets, tmp_path / "a.json")
    assert not tickets.study.labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[{]", "is no JSON: .*line 1"),
        (b'{\n "images": [\n', "is no JSON"),
        (b"\xff\xfe[", "byte 1 is not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_json_is_refused(tickets: Project, tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(BadInput, match=message) as error:
        tell_file(tickets, tmp_path / "a.json")
    assert "a.json" in str(error.value)
    with pytest.raises(BadInput, match="missing.json cannot be read"):
        tell_file(tickets, tmp_path / "missing.json")


def test_json_lines_may_still_be_called_json(tickets: Project, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"id": "1", "label": "cat"}\n{"id": "2", "label": "dog"}\n')
    assert tell_file(tickets, tmp_path / "a.json").new == 2
    (tmp_path / "b.json").write_text('{"id": "3", "label": "cat"}')
    assert tell_file(tickets, tmp_path / "b.json").new == 1


ODD = (None, True, 0, -1, 1.5, float("nan"), "", "odd", "[", [], [3], [[]], [{}], {}, {"id": {}}, {"kind": []})
ANSWERS = [{"annotation": 1, "by": "Ada", "kind": "label", "value": "cat", "at": "2026", "seconds": 1.0}]
META = {"id": "1", "label": "cat", "answers": ANSWERS}
TASKS = [
    {
        "id": 1,
        "data": {"askance_id": "1", "text": "Ticket 1"},
        "meta": META,
        "annotations": [
            {
                "id": 1,
                "import_id": 1,
                "completed_by": {"email": "a@b.org"},
                "was_cancelled": False,
                "lead_time": 1.0,
                "result": [{"type": "choices", "from_name": "label", "value": {"choices": ["cat"]}}],
            }
        ],
    }
]
RECORDS = [{"text": "Ticket 1", **RECORD}]
COCO = {
    "images": [{"id": 1, "file_name": "p 1.png"}],
    "categories": [{"id": 1, "name": "cat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1}],
    "askance": {"images": {"1": META}},
}


def spoiled(content: Any) -> Iterator[Any]:
    """Some JSON with something else in the place of each of its parts, or without it."""
    yield from ODD
    if isinstance(content, dict):
        for key, inner in content.items():
            yield {name: held for name, held in content.items() if name != key}
            yield from ({**content, key: odd} for odd in spoiled(inner))
    elif isinstance(content, list):
        for place, inner in enumerate(content):
            yield from ([*content[:place], odd, *content[place + 1 :]] for odd in spoiled(inner))


@pytest.mark.slow
@pytest.mark.parametrize(("reads", "content"), [("text", TASKS), ("table", RECORDS), ("image", COCO)])
@pytest.mark.parametrize("kind", ["classes", "labels", "number"])
def test_whatever_stands_where_it_should_not_is_passed_over_or_refused_in_words(
    tmp_path: Path, reads: str, kind: str, content: Any
) -> None:
    project = make(tmp_path, reads, kind, names=("cat", "dog"))
    file = tmp_path / "odd.json"
    for tried in spoiled(content):
        file.write_text(json.dumps(tried))
        try:
            tell_file(project, file)
        except BadInput as error:
            assert "odd.json" in str(error), tried


def test_a_row_of_several_people_whose_label_was_changed_is_one_answer_of_whoever_tells_it(tmp_path: Path) -> None:
    project = make(tmp_path)
    first, second = ids_of(project)[:2]
    rows = {
        "id": [first, second],
        "label": [NAMES[2], NAMES[0]],  # of the first two people say another
        "people": ["3", "3"],
        "by": ["Ada; Ben; Cem", "Ada; Ben; Cem"],
        "said": [json.dumps([NAMES[0], NAMES[0], NAMES[1]]), json.dumps([NAMES[0], NAMES[0], "[unsure]"])],
    }
    write_table(tmp_path / "back.csv", rows)
    told = tell_file(project, tmp_path / "back.csv", by="Dee")
    assert told.new == 4
    assert said(project)[first] == [("Dee", NAMES[2], "label", None)]
    assert said(project)[second] == [
        ("Ada", NAMES[0], "label", None),
        ("Ben", NAMES[0], "label", None),
        ("Cem", "None", "unsure", None),
    ]


def test_rows_of_soft_answers_are_passed_over_and_counted(tmp_path: Path) -> None:
    project = make(tmp_path)
    first = ids_of(project)[0]
    shares = json.dumps({NAMES[0]: 0.6, NAMES[1]: 0.4})
    rows = {"id": [first], "label": [NAMES[0]], "people": ["1"], "by": ["Ada"], "said": [json.dumps([shares])]}
    write_table(tmp_path / "back.csv", rows)
    told = tell_file(project, tmp_path / "back.csv")
    assert told.new == 0 and any("1 rows with soft answers" in remark for remark in told.remarks)


def test_other_columns_of_those_names_are_no_voices_of_people(tickets: Project, tmp_path: Path) -> None:
    rows = {
        "id": ["3", "4"],
        "label": ["cat", "dog"],
        "people": ["²", "many"],
        "by": ["Ada", "Ben"],
        "said": ["a", "b"],
    }
    write_table(tmp_path / "back.csv", rows)
    assert tell_file(tickets, tmp_path / "back.csv").new == 2
    assert said(tickets)["3"] == [("Ada", "cat", "label", None)]
