"""Batches for spreadsheets: what Excel and LibreOffice must not change is written so that they do not."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from askance.errors import BadInput
from askance.files import whole

ID, LABEL = "id", "label"
BY = ("by", "annotator", "who")
OURS = (ID, LABEL, *BY, "kind", "seconds")  # columns that mean something when the file comes back
CELL = 32_767  # characters that a cell of Excel holds, each of two bytes: an emoji counts twice
MARK = " […]"  # at the end of a text that was cut
BOM = "\ufeff"
DELIMITERS = (",", ";", "\t")

_FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d{1,15}([.,]\d+)?", re.ASCII)
_SAFE_ID = re.compile(r"[A-Za-z_][\w.:/#-]*", re.ASCII)
_WORDS = ("true", "false", "inf", "infinity", "nan")
# Excel reads a month and a number as a date, in the language of the machine: English, German, French, Spanish, Italian,
# Portuguese and Dutch here; names with accents are no safe ids anyhow.
_MONTH = re.compile(
    r"(jan|ene|gen|feb|fev|mar|mrt|apr|avr|abr|may|mai|mei|mag|jun|jui|giu|jul|lug|aug|aou|ago|sep|set|oct|okt|ott|out"
    r"|nov|dec|dez|dic)[a-z]*[-. /]?\d",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Written:
    """A batch that was written.

    Args:
        rows: How many items.
        remarks: What was changed so that a spreadsheet can hold it.
    """

    rows: int
    remarks: tuple[str, ...] = ()


def write_batch(
    to: Path | TextIO, rows: Sequence[Mapping[str, str]], *, columns: Sequence[str], delimiter: str = ","
) -> Written:
    """Write items with an empty label column, as CSV for a spreadsheet or as JSON lines.

    CSV is UTF-8 with a byte order mark, which tells Excel the encoding. A comma parts cells, for LibreOffice and an
    English Excel; where Excel wants semicolons, because the comma is the decimal sign there, name that delimiter. (A
    first line ``sep=,`` would serve every Excel, yet make it forget the encoding.) A cell that a spreadsheet would
    compute as a formula, and an id that it would turn into a number or a date, gets an apostrophe in front, which makes
    it text; reading takes it off ids and labels again. Line breaks and tabs stay.

    Args:
        to: The file, ``.csv`` or ``.jsonl``, which appears whole or not at all; or a stream, which gets CSV.
        rows: For each item its ``id`` and its cells.
        columns: Which cells, in their order; one that is called like an own column gets ``(file)`` behind its name.
        delimiter: What stands between cells: a comma, a semicolon or a tab.

    Raises:
        BadInput: For another delimiter.
        StorageError: If the file cannot be written.
    """
    if delimiter not in DELIMITERS:
        raise BadInput(f"{delimiter!r} cannot stand between cells. Use a comma, a semicolon or a tab.")
    names = _named(columns)
    if isinstance(to, Path) and to.suffix.lower() == ".jsonl":
        with whole(to) as file:
            for row in rows:
                made = {ID: row[ID], LABEL: "", **{new: row.get(old, "") for old, new in names.items()}}
                file.write(json.dumps(made, ensure_ascii=True) + "\n")
        return Written(len(rows))
    cut = 0
    if not isinstance(to, Path):
        cut = _write(to, rows, names, delimiter)
    else:
        with whole(to, newline="") as file:
            file.write(BOM)
            cut = _write(file, rows, names, delimiter)
    remarks = (f"{cut} texts of over {CELL:,} characters are cut, for Excel's cells hold no more",) if cut else ()
    return Written(len(rows), remarks)


def guarded(cell: str) -> str:
    """A cell that no spreadsheet computes: what begins like a formula gets an apostrophe in front.

    >>> guarded("=1+1"), guarded("-3.5"), guarded("plain")
    ("'=1+1", '-3.5', 'plain')
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def as_text(id: str) -> str:
    """An id that no spreadsheet turns into something else.

    >>> as_text("i3fa9"), as_text("007"), as_text("1E5"), as_text("3-4"), as_text("MAR1"), as_text("T-10")
    ('i3fa9', "'007", "'1E5", "'3-4", "'MAR1", 'T-10')
    """
    safe = _SAFE_ID.fullmatch(id) and not _MONTH.match(id) and id.lower() not in _WORDS
    return id if safe else f"'{id}"


def bare(cell: str) -> str:
    """A cell without the apostrophe that `guarded` or `as_text` put in front."""
    return cell.removeprefix("'")


def shown(text: str) -> str:
    r"""The text without what no spreadsheet can hold: control characters show as signs, half surrogates as a mark.

    >>> shown("bell\x07")
    'bell␇'
    """
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub(lambda found: chr(0x2400 + ord(found[0])) if found[0] != "\x7f" else "\u2421", clean)


def _named(columns: Sequence[str]) -> dict[str, str]:
    """A heading for each column that is no heading of ours, nor another column's."""
    names: dict[str, str] = {}
    taken = {*OURS, *(name.strip().lower() for name in columns)}
    for name in columns:
        heading = name
        while heading.strip().lower() in (OURS if heading == name else taken):
            heading = f"{heading} (file)"
        names[name] = heading
        taken.add(heading.strip().lower())
    return names


def _write(file: TextIO, rows: Sequence[Mapping[str, str]], names: Mapping[str, str], delimiter: str) -> int:
    table = csv.writer(file, delimiter=delimiter)  # RFC 4180's \r\n
    table.writerow([ID, LABEL, *(_fitting(guarded(shown(name))) for name in names.values())])
    cut = 0
    for row in rows:
        cells = [guarded(shown(row.get(name, ""))) for name in names]
        cut += sum(_length(cell) > CELL for cell in cells)
        table.writerow([as_text(shown(row[ID])), "", *map(_fitting, cells)])
    return cut


def _length(cell: str) -> int:
    return len(cell) if cell.isascii() else len(cell.encode("utf-16-le")) // 2


def _fitting(cell: str) -> str:
    if _length(cell) <= CELL:
        return cell
    room = 2 * (CELL - len(MARK))
    return cell.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + MARK  # half an emoji is left out
