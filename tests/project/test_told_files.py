"""Which kind of file answers come in is seen by what it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from answered import make

from askance.errors import BadInput
from askance.project.project import Project
from askance.project.telling import tell_file


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
