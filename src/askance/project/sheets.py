"""Batches for spreadsheets: what Excel and LibreOffice must not change is written so that they do not."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from askance.files import whole

ID, LABEL = "id", "label"
CELL = 32_767  # characters that a cell of Excel holds
MARK = " […]"  # at the end of a text that was cut
BOM = "\ufeff"

_FORMULA = re.compile(r"^[\s]*[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"^[+-]?\d{1,15}([.,]\d+)?$")
_SAFE_ID = re.compile(r"^(?=.*[A-Za-z_])(?!\d)[\w.:/#-]*$", re.ASCII)
_MONTH = re.compile(r"^(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-. /]?\d", re.IGNORECASE)
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

    CSV is UTF-8 with a byte order mark, which tells Excel the encoding. A cell that a spreadsheet would compute as a
    formula, and an id that it would turn into a number or a date, gets an apostrophe in front, which makes it text;
    reading takes it off ids and labels again.

    Args:
        to: The file, ``.csv`` or ``.jsonl``, which appears whole or not at all; or a stream, which gets CSV.
        rows: For each item its ``id`` and its cells.
        columns: Which cells, in their order; one that is called like an own column gets ``(file)`` behind its name.
        delimiter: What stands between cells.

    Raises:
        StorageError: If the file cannot be written.
    """
    names = {name: f"{name} (file)" if name.strip().lower() in (ID, LABEL) else name for name in columns}
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
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.match(cell) else cell


def as_text(id: str) -> str:
    """An id that no spreadsheet turns into something else.

    >>> as_text("i3fa9"), as_text("007"), as_text("1E5"), as_text("3-4"), as_text("MAR1"), as_text("T-10")
    ('i3fa9', "'007", "'1E5", "'3-4", "'MAR1", 'T-10')
    """
    safe = _SAFE_ID.match(id) and not _MONTH.match(id) and id.lower() not in ("true", "false", "inf", "nan")
    return id if safe else f"'{id}"


def bare(cell: str) -> str:
    """A cell without the apostrophe that `guarded` or `as_text` put in front."""
    return cell.removeprefix("'")


def _write(file: TextIO, rows: Sequence[Mapping[str, str]], names: Mapping[str, str], delimiter: str) -> int:
    table = csv.writer(file, delimiter=delimiter)  # RFC 4180's \r\n
    table.writerow([ID, LABEL, *names.values()])
    cut = 0
    for row in rows:
        cells = [row.get(name, "") for name in names]
        cut += sum(len(cell) > CELL - 1 for cell in cells)
        table.writerow([as_text(_shown(row[ID])), "", *(guarded(_fitting(_shown(cell))) for cell in cells)])
    return cut


def _fitting(cell: str) -> str:
    return cell if len(cell) < CELL else cell[: CELL - 1 - len(MARK)] + MARK


def _shown(text: str) -> str:
    """The text without what no spreadsheet can hold: control characters show as signs, half surrogates as a mark."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub(lambda found: chr(0x2400 + ord(found[0])) if found[0] != "\x7f" else "\u2421", clean)
