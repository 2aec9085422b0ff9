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
from spreadsheets import as_excel_saves, as_libreoffice_saves, filled_in

from askance.errors import BadInput
from askance.project.answers_file import AnswersFile, read_answers
from askance.project.sheets import CELL, as_text, bare, guarded, write_batch

HARD_IDS = [
    "007", "1E5", "3-4", "MAR1", "OKT-3", "TRUE", "1234567890123456789", "123456789012", "=1+1", "-abc", "-1e5", ".5e3",
    "12", "1.50", "t-7", "i3fa9", "a b", "é", "'q", " lead", "trail ", "x\n", "a,b", "a;b", 'q"q', "＝1",
]  # fmt: skip
HARD_CELLS = [
    "'=1+1", "'-cmd", "+49 1", "-cmd", "@A1", "-3.5", "1,234.5", "12,34", "1e20", "1e-7", "1e-15", "0.1234567890123456",
    "9007199254740993", "254537768463839.7", "1.3619502359550518e-07", "1e309", "00", "-0", " 7 ", "7\t", "1/2", "1:30",
    "2024-01-05", "5%", "true", "a\r\nb", "a\rb", "tab\there", 'say "hi"', "a;b", "a,b", " lead", "'", "", "日本", "😀",
]  # fmt: skip


def read(path: Path, ids: list[str]) -> AnswersFile:
    return read_answers(path, by="Ada", knows=lambda id: id in ids, ids=lambda: ids)


def cells_of(path: Path, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=delimiter))


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


@pytest.mark.parametrize("cell", ["=1+1", "+1 234", "@SUM(A1)", "-cmd", "\tx", "\rx", "  =1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_compute_is_guarded(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"
    assert guarded("-3.5") == "-3.5" and guarded("a=b") == "a=b"


def test_columns_that_would_mean_something_on_the_way_back_are_renamed(tmp_path: Path) -> None:
    row = {"id": "a", "kind": "bug", "Who": "Zed", "label": "x", "label (file)": "y", "=1+1": "z"}
    for name in ("b.csv", "b.jsonl"):
        write_batch(tmp_path / name, [row], columns=list(row)[1:])
    names = ["id", "label", "kind (file)", "Who (file)", "label (file) (file)", "label (file)"]
    assert cells_of(tmp_path / "b.csv") == [[*names, "'=1+1"], ["a", "", "bug", "Zed", "x", "y", "z"]]
    assert list(json.loads((tmp_path / "b.jsonl").read_text())) == [*names, "=1+1"]
    (tmp_path / "b.csv").write_bytes(filled_in((tmp_path / "b.csv").read_bytes(), ["cat"]))
    (found,) = read(tmp_path / "b.csv", ["a"]).rows
    assert (found.label, found.kind, found.by) == ("cat", "label", "Ada")


def test_only_signs_that_spreadsheets_know_part_cells(tmp_path: Path) -> None:
    write_batch(tmp_path / "b.csv", [{"id": "a", "text": "x;y"}], columns=["text"], delimiter=";")
    assert (tmp_path / "b.csv").read_bytes().endswith(b'a;;"x;y"\r\n')
    with pytest.raises(BadInput, match="'|' cannot stand between cells. Use a comma, a semicolon or a tab"):
        write_batch(tmp_path / "c.csv", [], columns=[], delimiter="|")
    assert not (tmp_path / "c.csv").exists()


@pytest.mark.parametrize(
    "id", ["-abc", "-1e5", ".5e3", "abc\n", "OKT-3", "mai1", "DEZ5", "avr 1", "nan", "007", "12%", "1:30", "a b", "+x"]
)
def test_an_id_that_a_spreadsheet_may_change_is_text(id: str) -> None:
    assert as_text(id) == f"'{id}" and bare(as_text(id)) == id


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("saves", [as_libreoffice_saves, as_excel_saves, None], ids=["libreoffice", "excel", "as is"])
def test_ids_survive_a_spreadsheet(tmp_path: Path, saves: Callable[[bytes, str], bytes] | None, delimiter: str) -> None:
    file = tmp_path / "b.csv"
    rows = [{"id": id, "text": f"=text, of;\n{id}"} for id in HARD_IDS]
    write_batch(file, rows, columns=["text"], delimiter=delimiter)
    labels = [f"class {n}" for n in range(len(HARD_IDS))]
    sent = filled_in(file.read_bytes(), labels, delimiter)
    file.write_bytes(saves(sent, delimiter) if saves else sent)
    found = read(file, HARD_IDS)
    assert [row.id for row in found.rows] == HARD_IDS and [row.label for row in found.rows] == labels
    assert found.remarks == [] and found.conflicts == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not on this machine")
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_the_real_libreoffice_does_what_its_model_does(tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "b.csv"
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([[id, "x", id] for id in [*map(as_text, HARD_IDS), *HARD_CELLS]])
    file.write_bytes(b"\xef\xbb\xbf" + out.getvalue().encode())
    kind = f"Text - txt - csv (StarCalc):{ord(delimiter)},34,76,1,,0,false"
    command = ["soffice", "--headless", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"]
    command += ["--convert-to", f"csv:{kind},true,false", f"--infilter={kind},false"]
    command += ["--outdir", str(tmp_path / "out"), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    assert (tmp_path / "out" / "b.csv").read_bytes() == as_libreoffice_saves(file.read_bytes(), delimiter)


@settings(max_examples=80, deadline=None)
@given(some.lists(some.text(some.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8), min_size=1))
def test_any_id_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    ids = list({name.strip().lower(): name for name in names}.values())  # the rest differs by case and blanks alone
    assert [bare(as_text(id)) for id in ids] == ids
    file = tmp_path_factory.mktemp("ids") / "b.csv"
    write_batch(file, [{"id": id} for id in ids], columns=[])
    file.write_bytes(as_libreoffice_saves(filled_in(file.read_bytes(), ["yes"] * len(ids))))
    assert [row.id for row in read(file, ids).rows] == ids


def test_texts_that_no_cell_can_hold_are_cut_with_a_mark(tmp_path: Path) -> None:
    texts = ["x" * 40_000, "x" * CELL, "=" * CELL, "😀" * 20_000, "😀" * 16_000]
    done = write_batch(
        tmp_path / "b.csv", [{"id": f"t{n}", "text": text} for n, text in enumerate(texts)], columns=["text"]
    )
    cells = [row[2] for row in cells_of(tmp_path / "b.csv")[1:]]
    assert [cell.endswith(" […]") for cell in cells] == [True, False, True, True, False]
    assert [len(cell.encode("utf-16-le")) // 2 for cell in cells] == [CELL, CELL, CELL, CELL - 1, 32_000]
    assert "3 texts" in done.remarks[0] and cells[2].startswith("'=")


def test_control_characters_show_and_an_id_with_one_comes_back(tmp_path: Path) -> None:
    write_batch(tmp_path / "b.csv", [{"id": "a\x07b", "text": "x\x00\x7f\ud800"}], columns=["text"])
    assert cells_of(tmp_path / "b.csv")[1] == ["'a␇b", "", "x␀␡?"]
    (tmp_path / "b.csv").write_bytes(filled_in((tmp_path / "b.csv").read_bytes(), ["cat"]))
    found = read(tmp_path / "b.csv", ["a\x07b"])
    assert [row.id for row in found.rows] == ["a\x07b"] and "'a␇b' for" in found.remarks[0]
