from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from small_projects import begun, desk

from askance.desk.exports import Exports, safe
from askance.errors import AskanceError
from askance.project.project import Project
from askance.project.telling import tell_file

FORMULAS = ["=1+1", "+SUM(A1)", "-cmd|x", "@now", "\tx"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_what_begins_like_a_formula_is_marked(cell: str) -> None:
    rows = list(csv.reader(io.StringIO(safe(f'id,label\r\n1,"{cell}"\r\n'.encode()).decode(), newline="")))
    assert rows == [["id", "label"], ["1", f"'{cell}"]]


def test_all_else_is_left_as_it_is() -> None:
    content = 'id,label,note\r\n1,-3.5,"two\nlines; ""quoted"" é"\r\n'.encode()
    assert safe(content) == content


@pytest.mark.slow
def test_what_the_page_exports_computes_nothing(tmp_path: Path) -> None:
    place = begun(tmp_path)
    here = desk(place)
    id = here.claim("ann", 1)[0]
    here.answer("ann", id, "=HYPERLINK(1)")
    here.close()
    name, content = Exports().make(place, "csv")
    (row,) = csv.DictReader(io.StringIO(content.decode(), newline=""))
    assert (name, row["label"]) == ("labels.csv", "'=HYPERLINK(1)")

    (tmp_path / name).write_bytes(content)  # and askance reads it as it was meant
    project = Project(place)
    told = tell_file(project, tmp_path / name)
    assert (told.new, told.repeated, list(told.doubts), list(told.declared)) == (0, 1, [], [])
    project.close()


@pytest.mark.slow
def test_why_there_is_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(AskanceError, match="Nothing is answered yet"):
        Exports().make(begun(tmp_path), "csv")
