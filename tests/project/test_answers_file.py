"""Files of answers: who said what of which item, in whatever file it comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from askance.errors import BadInput
from askance.project.answers_file import AnswersFile, parse_label, read_answers


def read(path: Path, ids: list[str], **options: object) -> AnswersFile:
    return read_answers(path, knows=lambda id: id in ids, ids=lambda: ids, **options)  # type: ignore[arg-type]


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


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "1_000", "٣", "", "1,234,567", "1 000"])
def test_what_is_no_plain_finite_number_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is not a number"):
        parse_label(text, "number")


def test_an_apostrophe_that_is_the_names_own_stays(tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    file.write_text("id,label\n''a,'tis\n'b,'cat\n")
    found = read(file, ["'a", "a", "b"], classes=["'tis", "cat"])
    assert [(row.id, row.label) for row in found.rows] == [("'a", "'tis"), ("b", "cat")]
    file = tmp_path / "b.jsonl"
    file.write_text('{"id": "\'a", "label": "x"}\n{"id": "a", "label": "y"}\n{"ID": 7, "label": 3.5}\n')
    found = read(file, ["'a", "a", "007"])
    assert [(row.id, row.label) for row in found.rows] == [("'a", "x"), ("a", "y"), ("007", "3.5")]


def test_an_id_of_another_file_is_not_taken_for_one_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    file.write_text("id,label\n10,cat\nx,cat\ny,cat\nz,cat\n")
    with pytest.raises(BadInput, match=r"id '10' \(line 2\), 'x' \(line 3\), 'y' \(line 4\) and 1 more. Nothing"):
        read(file, ["1_0", "b"])


def test_words_and_kinds_may_be_written_with_blanks_and_capitals(tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    file.write_text('id,label,kind,seconds\na,None  of these,,"3,5"\nb,,None of these,\nc,x, Label ,\n')
    found = read(file, ["a", "b", "c"])
    assert [row.kind for row in found.rows] == ["none-of-these", "none-of-these", "label"]
    assert found.rows[0].seconds == 3.5


def test_a_json_value_that_is_no_text_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    file.write_text('{"id": "a", "label": "cat"}\n{"id": "b", "label": {"cat": 1}}\n')
    with pytest.raises(BadInput, match=r'b.json, line 2: {"cat": 1} is no text'):
        read(file, ["a", "b"])
