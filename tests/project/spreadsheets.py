"""What spreadsheets do to a CSV file that is opened and saved again."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal

_NUMBER = re.compile(r" *([+-]?(?:\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?) *", re.ASCII)
_LARGE = 2**53  # whole numbers up to here show all their digits
_SMALL = 1e-14
_ROUNDING = Context(prec=15, rounding=ROUND_HALF_UP)


def as_libreoffice_saves(data: bytes, delimiter: str = ",") -> bytes:
    r"""A file as LibreOffice Calc 7.4.7.2 (Debian 12, en-US) writes it after reading it, byte for byte.

    Read as UTF-8 with the delimiter, "detect special numbers" off; written as UTF-8 with "save cell content as shown"
    on, "quote all text cells" off. Seen there, on 27 November 2026, and modeled here:

    - The byte order mark is gone, lines end with \n, and so do lines within a cell; a cell is quoted if it must be.
    - A cell that looks like a number, with commas for thousands and blanks around it or not, is one: 007 is 7, 1E5 is
      100000, 1.50 is 1.5, +1 is 1; 15 digits are kept, and 1e16 shows as 1E+016. Dates, times, TRUE and 12% stay.
    - An apostrophe in front stays, and what is behind it is text. Tabs, blanks and an empty row's commas stay.
    - What begins with = is computed, =A1 too. This model has no formulas: it refuses such a cell.

    The same came out by way of .xlsx; by way of .ods tabs within a cell are lost.
    """
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([_saved(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8")


def as_excel_saves(data: bytes, delimiter: str = ",") -> bytes:
    """A file as a German Excel writes it: semicolons, decimal commas, a byte order mark, empty columns at the end.

    No Excel was at hand: this follows what it is known to do. From twelve digits on it shows and saves five decimals.
    """
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter)
    out = io.StringIO()
    table = csv.writer(out, delimiter=";", lineterminator="\r\n")
    table.writerows([*map(_shown_by_excel, row), "", ""] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8")


def filled_in(data: bytes, labels: Sequence[str], delimiter: str = ",") -> bytes:
    """The file with labels typed into its empty column, as it was otherwise."""
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))
    column = rows[0].index("label")
    for row, label in zip(rows[1:], labels, strict=True):
        row[column] = label
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _saved(cell: str) -> str:
    assert not cell.startswith("="), f"LibreOffice computes {cell!r}: guard it"
    value = _number(cell)
    return re.sub(r"\r\n|\n\r|\r", "\n", cell) if value is None else _general(value)


def _number(cell: str) -> float | None:
    found = _NUMBER.fullmatch(cell)
    if not found:
        return None
    value = float(found[1].replace(",", ""))
    nothing = not re.search("[1-9]", re.split("[eE]", found[1])[0])
    return value if nothing or 1e-307 < abs(value) < float("inf") else None  # else too large or small for a cell


def _general(value: float) -> str:
    """A number in the format that cells have by default."""
    size = abs(value)
    whole = size < _LARGE and value == int(value)
    if whole:
        return str(int(value))
    shown = _ROUNDING.create_decimal(repr(value))
    if size >= 1e15 or size < _SMALL:
        digits, exponent = f"{shown:.14E}".split("E")
        return f"{digits.rstrip('0').rstrip('.')}E{exponent[0]}{int(exponent[1:]):03d}"
    if shown.as_tuple().exponent < -20:  # no more decimals than that, rounded once
        shown = Decimal(repr(value)).quantize(Decimal("1e-20"), rounding=ROUND_HALF_UP)
    plain = f"{shown:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _shown_by_excel(cell: str) -> str:
    value = _number(cell)
    if value is None:
        return cell
    if abs(value) < 1e11:
        return f"{value:.15g}".replace(".", ",")
    digits, exponent = f"{value:.5E}".split("E")
    return f"{digits.rstrip('0').rstrip('.')}E{exponent}".replace(".", ",")
