"""CSV files in whatever dialect a spreadsheet saves them: encoding, delimiter and header are found, not asked for."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from askance.errors import BadInput
from askance.project.sheets import BOM, DELIMITERS
from askance.sources.csv import allow_long_cells

SAVE = "In the spreadsheet, save the sheet as CSV (UTF-8)."
GARBLED = BOM.encode().decode("cp1252")  # what a byte order mark looks like to a program that does not know it


def rows_of(
    path: Path, needed: Sequence[Sequence[str]], wanted: Collection[str], remarks: list[str]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The rows of a CSV file as cells by column, each with its place.

    Cells are parted by the sign that makes a header with the wanted columns: a comma, a semicolon or a tab. UTF-8 with
    or without a byte order mark and UTF-16 with one are read; what is not UTF-8 is read as Windows-1252, with a remark.
    Empty rows, empty columns at the end and a first line such as ``sep=;`` are passed over; a row that is too short
    has empty cells at its end.

    Args:
        path: The file.
        needed: Columns that must be there, each by any of its names in lower case.
        wanted: Names of all columns that mean something, in lower case; they tell the header.
        remarks: Gets what a person should know.

    Raises:
        BadInput: If the file cannot be read as a table; the message names the line.
    """
    text = _decoded(path, remarks)
    first = 1
    delimiter = ""
    head, _, rest = text.partition("\n")
    if head.lower().startswith("sep=") and head.strip("\r")[4:] in DELIMITERS:  # Excel's own way to say it
        delimiter, text, first = head.strip("\r")[4:], rest, 2
    delimiter = delimiter or _delimiter(text, wanted)
    allow_long_cells()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = first
    names: list[str] = []
    try:
        for record in reader:
            here, start = start, reader.line_num + first
            if not any(cell.strip() for cell in record):
                continue
            if not names:
                names = _named(path, here, record, needed, wanted, remarks)
                continue
            if any(cell.strip() for cell in record[len(names) :]):
                raise BadInput(
                    f"{path}, line {here}: {len(record)} cells, and the header has {len(names)}. Put quotes around a "
                    f"cell that holds the sign between cells."
                )
            yield f"{path}, line {here}", dict(zip(names, record + [""] * (len(names) - len(record)), strict=False))
    except csv.Error as error:
        raise BadInput(
            f"{path}, line {start}: {error}. Close every quote; write a quote inside a quoted cell twice."
        ) from error
    if not names:
        raise BadInput(f"{path} is empty. It needs a header with the columns id and label, then a line per item.")


def no_column(place: str, name: str, columns: Iterable[object]) -> BadInput:
    """The error for a file without a column that it needs."""
    return BadInput(
        f"{place}: there is no column {name!r} among {', '.join(map(str, columns)) or 'none'}. Keep the columns "
        f"'id' and 'label' of the file that was written; all others may go."
    )


def _delimiter(text: str, wanted: Collection[str]) -> str:
    """The sign that makes the header hold most of the wanted columns, and then most columns at all."""
    return max(DELIMITERS, key=lambda sign: _told(text, sign, wanted))


def _told(text: str, delimiter: str, wanted: Collection[str]) -> tuple[int, int]:
    allow_long_cells()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    with suppress(csv.Error):  # which reading complains about, with the line
        for record in reader:
            if any(cell.strip() for cell in record):
                return len({_plain(cell) for cell in record} & {*wanted}), len(record)
    return 0, 0


def _plain(name: str) -> str:
    return name.strip().removeprefix(BOM).removeprefix(GARBLED).strip().lower()


def _named(
    path: Path,
    line: int,
    header: list[str],
    needed: Sequence[Sequence[str]],
    wanted: Collection[str],
    remarks: list[str],
) -> list[str]:
    """The names in a header, without the empty columns at its end."""
    if header[0].strip().startswith(GARBLED):
        remarks.append(
            f"{path.name} was opened as if it were not UTF-8, so letters with accents in its texts are garbled; what "
            f"was typed since is not. Choose UTF-8 when opening the next file"
        )
    header = [header[0].strip().removeprefix(BOM).removeprefix(GARBLED), *header[1:]]
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    lowered = [name.lower() for name in names]
    twice = [name for name in sorted(wanted) if lowered.count(name) > 1]
    if twice:
        raise BadInput(
            f"{path}, line {line}: two columns are named {twice[0]!r}. Rename or remove the one that is not meant."
        )
    for spellings in needed:
        if not {*spellings} & {*lowered}:
            raise no_column(f"{path}, line {line}", spellings[0], names)
    return names


def _decoded(path: Path, remarks: list[str]) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}. Check the path and its permissions.") from error
    if data[:4] == b"PK\x03\x04":
        raise BadInput(f"{path} is a workbook or another packed file, and no CSV. {SAVE}")
    try:
        if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            text = data.decode("utf-16")
        else:
            text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.encoding.startswith("utf-16"):
            raise BadInput(f"{path} begins as UTF-16 and goes on as something else. {SAVE}") from None
        text = _as_windows(path, data)
        remarks.append(f"{path.name} is not UTF-8 and was read as Windows-1252; check names with accents")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadInput(f"{path}, line {line}: NUL characters, which no text has. {SAVE}")
    return text


def _as_windows(path: Path, data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{path}, line {line}: byte {data[error.start]:#04x} is neither UTF-8 nor Windows-1252. {SAVE}"
        ) from None
