"""Batches go to a spreadsheet and come back: ids, texts and answers are what they were."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from spreadsheets import as_excel_saves, as_libreoffice_saves

from askance.errors import BadInput
from askance.project.answers_file import AnswersFile, parse_label, read_answers
from askance.project.sheets import CELL, as_text, bare, guarded, write_batch

HARD_IDS = [
    "007",
    "1E5",
    "3-4",
    "MAR1",
    "TRUE",
    "1234567890123456789",
    "=1+1",
    "12",
    "1.50",
    "t-7",
    "i3fa9",
    "a b",
    "é",
]


def read(path: Path, ids: list[str], **options: object) -> AnswersFile:
    return read_answers(path, knows=lambda id: id in ids, ids=lambda: ids, **options)  # type: ignore[arg-type]


def filled_in(data: bytes, labels: list[str]) -> bytes:
    """The file with labels typed into its empty column, as it was otherwise."""
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    column = rows[0].index("label")
    for row, label in zip(rows[1:], labels, strict=True):
        row[column] = label
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def test_a_batch_has_a_mark_ids_an_empty_label_column_and_the_raw_item(tmp_path: Path) -> None:
    rows = [{"id": "a1", "text": "hello", "label": "x"}, {"id": "007", "text": "=HYPERLINK(1)", "label": ""}]
    done = write_batch(tmp_path / "b.csv", rows, columns=["text", "label"])
    assert done.rows == 2 and done.remarks == ()
    data = (tmp_path / "b.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfid,label,text,label (file)\r\n")
    assert b"a1,,hello,x\r\n" in data and b"'007,,'=HYPERLINK(1),\r\n" in data


def test_json_lines_have_no_guards(tmp_path: Path) -> None:
    write_batch(tmp_path / "b.jsonl", [{"id": "007", "text": "=1"}], columns=["text"])
    assert json.loads((tmp_path / "b.jsonl").read_text()) == {"id": "007", "label": "", "text": "=1"}


@pytest.mark.parametrize("cell", ["=1+1", "+1 234", "@SUM(A1)", "-cmd", "\tx", "  =1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_compute_is_guarded(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"
    assert guarded("-3.5") == "-3.5" and guarded("a=b") == "a=b"


@pytest.mark.parametrize("saves", [as_libreoffice_saves, as_excel_saves, bytes], ids=["libreoffice", "excel", "as is"])
def test_ids_survive_a_spreadsheet(tmp_path: Path, saves: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "b.csv"
    write_batch(file, [{"id": id, "text": f"text, of\n{id}"} for id in HARD_IDS], columns=["text"])
    file.write_bytes(saves(filled_in(file.read_bytes(), [f"class {n}" for n in range(len(HARD_IDS))])))
    found = read(file, HARD_IDS, by="Ada")
    assert [row.id for row in found.rows] == HARD_IDS
    assert [row.label for row in found.rows] == [f"class {n}" for n in range(len(HARD_IDS))]
    assert {row.by for row in found.rows} == {"Ada"} and found.remarks == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not on this machine")
def test_the_real_libreoffice_does_what_its_model_does(tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    write_batch(file, [{"id": id, "text": f"text, of\n{id}"} for id in HARD_IDS], columns=["text"])
    (tmp_path / "out").mkdir()
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to"]
    command += ["csv:Text - txt - csv (StarCalc):44,34,76,1", "--infilter=Text - txt - csv (StarCalc):44,34,76,1"]
    subprocess.run(
        [*command, "--outdir", str(tmp_path / "out"), str(file)], check=True, capture_output=True, timeout=240
    )
    theirs, ours = (tmp_path / "out" / "b.csv").read_bytes(), as_libreoffice_saves(file.read_bytes())
    cells = [list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))) for data in (theirs, ours)]
    assert [[row[0], row[2]] for row in cells[0]] == [[row[0], row[2]] for row in cells[1]]


@settings(max_examples=80, deadline=None)
@given(some.lists(some.text(some.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8), unique=True))
def test_any_id_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    ids = [name for name in names if name == name.strip() and not name.startswith("'")]
    for id in ids:
        assert bare(as_text(id)) == id
    if not ids:
        return
    file = tmp_path_factory.mktemp("ids") / "b.csv"
    write_batch(file, [{"id": id} for id in ids], columns=[])
    file.write_bytes(as_libreoffice_saves(filled_in(file.read_bytes(), ["yes"] * len(ids))))
    assert [row.id for row in read(file, ids).rows] == ids


def test_texts_that_no_cell_can_hold_are_cut_with_a_mark(tmp_path: Path) -> None:
    done = write_batch(tmp_path / "b.csv", [{"id": "a", "text": "x" * 40_000 + "\x07"}], columns=["text"])
    data = (tmp_path / "b.csv").read_bytes().decode("utf-8-sig")
    row = list(csv.reader(io.StringIO(data, newline="")))[1]
    assert len(row[2]) < CELL and row[2].endswith(" […]") and "1 texts" in done.remarks[0]


@pytest.mark.parametrize(
    "text",
    [
        "id,label\na,cat\nb,\n",
        "\ufeffid;label\r\na;cat\r\nb;\r\n",
        "label\tother\tID \ncat\tx\ta\n\t\tb\n",
        'sep=;\n"id";"label";;\n"a";"cat";;\n"b";"  ";;\n;;;\n',
        "\n".join(["who,Label,id", "Ben, cat ,a", ",,b", ""]),
    ],
)
def test_any_dialect_is_read_and_blank_labels_are_skipped(tmp_path: Path, text: str) -> None:
    file = tmp_path / "b.csv"
    file.write_bytes(text.encode("utf-8"))
    found = read(file, ["a", "b"])
    assert [(row.id, row.label) for row in found.rows] == [("a", "cat")] and found.blank == 1


def test_utf16_and_windows_1252_are_read(tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    file.write_bytes("id\tlabel\na\tcafé\n".encode("utf-16"))
    assert read(file, ["a"]).rows[0].label == "café"
    file.write_bytes("id,label\na,café\n".encode("cp1252"))
    found = read(file, ["a"])
    assert found.rows[0].label == "café" and "Windows-1252" in found.remarks[0]


def test_words_that_are_no_label_and_columns_for_people_and_kinds(tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    file.write_text("id,label,by,kind,seconds\na,?,Ada,,3\nb,!,,,\nc,none of these,,,\nd,,,unsure,x\ne,?,Ben,,\n")
    found = read(file, list("abcde"), by="Cem")
    assert [(row.kind, row.by) for row in found.rows] == [
        ("unsure", "Ada"), ("broken", "Cem"), ("none-of-these", "Cem"), ("unsure", "Cem"), ("unsure", "Ben")
    ]  # fmt: skip
    assert found.rows[0].seconds == 3.0 and found.rows[3].seconds is None
    file.write_text("id,label\na,?\n")
    assert read(file, ["a"], classes=["?"]).rows[0].kind == "label"


def test_one_person_saying_two_things_of_an_item_is_a_conflict_and_two_people_are_not(tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    file.write_text("id,label,by\na,cat,Ada\na,dog,Ada\nb,cat,Ada\nb,cat,Ada\nc,cat,Ada\nc,dog,Ben\n")
    found = read(file, ["a", "b", "c"])
    assert [(row.id, row.label, row.by) for row in found.rows] == [
        ("b", "cat", "Ada"), ("c", "cat", "Ada"), ("c", "dog", "Ben")
    ]  # fmt: skip
    assert len(found.conflicts) == 1 and "line 2" in found.conflicts[0] and "line 3" in found.conflicts[0]


def test_ids_that_a_spreadsheet_changed_are_recognized_where_one_is_meant(tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    file.write_text("id,label\n7,cat\n100000,dog\n")
    found = read(file, ["007", "1E5", "8"])
    assert [row.id for row in found.rows] == ["007", "1E5"] and "2 ids had been changed" in found.remarks[0]
    with pytest.raises(BadInput, match="no item with the id '7' \\(line 2\\)"):
        read(file, ["007", "07", "1E5"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"name,label\na,b\n", "there is no column 'id' among name, label"),
        (b"id,name\na,b\n", "there is no column 'label' among id, name"),
        (b"id,label,id\na,b,c\n", "two columns are named 'id'"),
        (b"id,label\nz,cat\n", "no item with the id 'z'"),
        (b'id,label\na,"cat\n', "line 2.*Close every quote"),
        (b"id,label\na,cat,more\n", "line 2: 3 cells, and the header has 2"),
        (b"id,label\na,c\0t\n", "NUL characters"),
        (b"id,label,kind\na,cat,odd\n", "no kind of answer named 'odd'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "b.csv"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=message) as error:
        read(file, ["a"])
    assert "b.csv" in str(error.value)


def test_json_lines_come_back_too(tmp_path: Path) -> None:
    file = tmp_path / "b.jsonl"
    file.write_text(
        '{"id": "a", "label": "cat", "by": "Ada"}\n{"id": "b", "label": ["x", "y"]}\n{"id": "c", "label": null}\n'
    )
    found = read(file, ["a", "b", "c"])
    assert [(row.id, row.label) for row in found.rows] == [("a", "cat"), ("b", '["x", "y"]')] and found.blank == 1


def test_labels_and_numbers_are_parsed() -> None:
    assert parse_label("a; b ;", "labels") == ["a", "b"] and parse_label('["a", "b;c"]', "labels") == ["a", "b;c"]
    assert parse_label("[]", "labels") == [] and parse_label("a|b", "labels") == ["a", "b"]
    assert parse_label("3,5", "number") == 3.5 and parse_label(" 1e3 ", "number") == 1000.0
    with pytest.raises(BadInput, match="b.csv, line 2: '1.234,5' has a comma and a point"):
        parse_label("1.234,5", "number", "b.csv, line 2")
    with pytest.raises(BadInput, match="'many' is not a number"):
        parse_label("many", "number")
