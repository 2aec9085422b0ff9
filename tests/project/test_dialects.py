"""CSV files in the dialects that spreadsheets save, and files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from askance.errors import BadInput
from askance.project.dialects import rows_of

NEEDED, WANTED = [["id"], ["label", "class"]], {"id", "label", "class", "by"}


def rows(path: Path, data: bytes) -> tuple[list[dict[str, str]], list[str]]:
    path.write_bytes(data)
    remarks: list[str] = []
    return [dict(cells) for _, cells in rows_of(path, NEEDED, WANTED, remarks)], remarks


@pytest.mark.parametrize(
    "header",
    [
        'id;label;"x, y, z, w"', "id;label;x, y, z, w", '"a, b";id;label', "id\tlabel\tx, y, z; w", "id,label,x;y;z;w",
        '"two\nlines, or, more";id;label', "\n;;;\n id ; LABEL ;x", "sep=;\nid;label;a,b,c,d", "sep=\t\nid\tlabel",
        "id;label;;;", '"\ufeffid";label',
    ],
)  # fmt: skip
def test_the_sign_between_cells_is_the_one_that_makes_the_header(tmp_path: Path, header: str) -> None:
    sign = next(sign for sign in ("\t", ";", ",") if f"id{sign}" in header.replace(" ", "").replace('"', ""))
    last = f'"a, b; c"{sign}' if header.startswith('"') and "id" in header[1:] and "\ufeff" not in header else ""
    ((found,), _) = rows(tmp_path / "b.csv", f"{header}\r\n{last}7{sign}cat\r\n".encode())
    named = {name.lower(): cell for name, cell in found.items()}
    assert (named["id"], named["label"]) == ("7", "cat")


def test_places_are_lines_of_the_file_whatever_runs_over_several(tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    file.write_bytes(b'sep=,\n"id",label\n\na,"x\ny\nz"\n,\nb,cat\n')
    assert [place for place, _ in rows_of(file, NEEDED, WANTED, [])] == [f"{file}, line 4", f"{file}, line 8"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_say_what_they_are_need_no_remark(tmp_path: Path, encoding: str) -> None:
    found, remarks = rows(tmp_path / "b.csv", "id\tlabel\na\tcafé 日本\n".encode(encoding))
    assert found == [{"id": "a", "label": "café 日本"}] and remarks == []


def test_a_file_that_libreoffice_opened_in_the_wrong_encoding_is_read_with_a_remark(tmp_path: Path) -> None:
    # soffice --convert-to csv:…:44,34,76 without an import filter does this: UTF-8 read as Windows-1252
    garbled = "\ufeffid,label,text\na,cat,café\n".encode().decode("cp1252").encode()
    found, remarks = rows(tmp_path / "b.csv", garbled)
    assert found == [{"id": "a", "label": "cat", "text": "cafÃ©"}] and "garbled" in remarks[0]
    found, remarks = rows(tmp_path / "b.csv", "id,label\na,café\n".encode("cp1252"))
    assert found == [{"id": "a", "label": "café"}] and "Windows-1252" in remarks[0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\n;;\n\n", "line 2: there is no column 'id' among ;;. Keep"),
        (b"id;text\n", "line 1: there is no column 'label' among id, text"),
        (b"PK\x03\x04\x14\x00", "is a workbook .* save the sheet as CSV"),
        (b"id,label\na,caf\x81\n", "line 2: byte 0x81 is neither UTF-8 nor Windows-1252"),
        ("id,label\na,cat\n".encode("utf-16") + b"\x00", "begins as UTF-16"),
        (b"id,label\na,b\nc,\0\n", "line 3: NUL characters"),
        (b'id,label\na,cat\nb,"dog\n', "line 3: .* Close every quote"),
        (b'id,label\na,"cat"s\n', "line 2: .* Close every quote"),
        (b"id,label\na,cat,more\n", "line 2: 3 cells, and the header has 2"),
        (b"id,label\na," + b"x" * 1_100_000, "line 2: field larger"),
        (b"id,label,By,by\n", "line 1: two columns are named 'by'"),
    ],
)
def test_what_is_no_table_is_refused_with_file_and_line(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(BadInput, match=message) as error:
        rows(tmp_path / "b.csv", data)
    assert "b.csv" in str(error.value)


@settings(max_examples=200, deadline=None)
@given(some.binary(max_size=60), some.sampled_from([b"", b"id,label\n", b"id;label\na;", b"sep=;\n", b"\xff\xfe"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "b.csv"
    try:
        found, _ = rows(file, head + data)
    except BadInput as error:
        assert "b.csv" in str(error)
    else:
        assert all(isinstance(cell, str) for row in found for cell in row.values())
