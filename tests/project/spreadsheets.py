"""What spreadsheets do to a CSV file that is opened and saved again."""

from __future__ import annotations

import csv
import io
import re

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def as_libreoffice_saves(data: bytes, delimiter: str = ",") -> bytes:
    r"""A file as LibreOffice Calc writes it after reading it with automatic column types.

    Cells that look like numbers become numbers in their shortest form, so leading zeros are lost; what begins with an
    apostrophe stays as it is, with the apostrophe. There is no byte order mark, lines end with \n, and a cell is quoted
    only where it must be.
    """
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    out = io.StringIO()
    table = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    table.writerows([_saved(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8")


def as_excel_saves(data: bytes) -> bytes:
    """A file as a German Excel writes it: semicolons, decimal commas, a byte order mark, empty columns at the end."""
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    out = io.StringIO()
    table = csv.writer(out, delimiter=";", lineterminator="\r\n")
    shown = ([_saved(cell).replace(".", ",") if _is_number(cell) else cell for cell in row] for row in rows)
    table.writerows([*row, "", ""] for row in shown)
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8")


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def _saved(cell: str) -> str:
    if not _is_number(cell):
        return cell
    return f"{float(cell):.15g}"
