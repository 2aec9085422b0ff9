"""Labeled files: read a CSV so that every complaint names the file and the line."""

from __future__ import annotations

import codecs
import csv
import gzip
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TextIO

from askance.errors import BadInput, unknown
from askance.files import whole
from askance.sources.base import Row

LONGEST = 1 << 20  # letters of a cell; what is longer is rather a quote that nobody closed


@dataclass(frozen=True)
class Table:
    """A file's cells by column, all of them text.

    Args:
        path: The file they were read from.
        cells: A list of cells per column, one per row; columns in the file's order.
        lines: The line of the file on which each row starts, counted from 1.

    >>> table = Table(Path("pets.csv"), {"text": ["purrs", "barks"], "label": ["cat", "dog"]}, [2, 3])
    >>> len(table), table.columns, table.labels("label")
    (2, ('text', 'label'), ['cat', 'dog'])
    """

    path: Path
    cells: Mapping[str, list[str]]
    lines: Sequence[int]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the file's order."""
        return tuple(self.cells)

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> list[str]:
        """The cells of one column, a cell per row.

        Raises:
            UnknownName: The file has no such column.
        """
        if name not in self.cells:
            raise unknown(f"column in {self.path}", name, self.cells)
        return self.cells[name]

    def labels(self, name: str) -> list[str]:
        """The labels in one column, a label per row, without the blanks around them.

        Raises:
            UnknownName: The file has no such column.
            BadInput: A row has no label.
        """
        labels = [cell.strip() for cell in self.column(name)]
        missing = [row for row, label in enumerate(labels) if not label]
        if missing:
            first = missing[0]
            raise BadInput(
                f"{self.path}, line {self.lines[first]} (row {first + 1}): no label in column {name!r}; "
                f"{len(missing)} of {len(self)} rows have none. Fill them in, or leave these rows out of the file."
            )
        return labels


def read_table(path: str | os.PathLike[str], *, encoding: str = "utf-8") -> Table:
    """Read a file with a header line; fields are parted by commas, or else by semicolons or tabs.

    Empty lines are skipped, and a byte order mark is no part of the first column's name.

    Args:
        path: The file.
        encoding: How its characters are written as bytes.

    Raises:
        BadInput: The file cannot be read as a table; the message names the line and what to do.
    """
    path = Path(path)
    with _opened(path, encoding) as file:
        return _table(path, file)


@dataclass(frozen=True)
class CsvSource:
    """The rows of a file with a header line, read one after another.

    Args:
        path: The file; one that ends in ``.gz`` is unpacked on the way.
        encoding: How its characters are written as bytes.
    """

    path: Path
    encoding: str = "utf-8"
    reads: str = "rows"
    said: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the file's order."""
        with _opened(self.path, self.encoding) as file:
            names, _ = _headed(self.path, file)
        return tuple(names)

    def __iter__(self) -> Iterator[Row]:
        with _opened(self.path, self.encoding) as file:
            names, records = _headed(self.path, file)
            for line, record in records:
                yield Row(dict(zip(names, record, strict=True)), f"{self.path}, line {line}")


def write_table(path: str | os.PathLike[str], columns: Mapping[str, Sequence[object]]) -> None:
    """Write columns as a CSV file in UTF-8, whole or not at all.

    Args:
        path: The file; one that is there is replaced.
        columns: The cells of each column, all equally many, in the order to be written.

    Raises:
        BadInput: The columns are not equally long.
        StorageError: The file cannot be written.
    """
    path = Path(path)
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        raise BadInput(f"{path} was not written: its columns hold {lengths} cells. Give each column a cell per row.")
    with whole(path, newline="") as file:
        writer = csv.writer(file)  # RFC 4180's \r\n stays: with \n alone it leaves a lone \r unquoted
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[TextIO]:
    """A text file, with words for what can be wrong with its bytes."""
    try:
        codec = codecs.lookup(encoding).name
    except LookupError:
        raise BadInput(
            f"There is no encoding named {encoding!r}. Common ones: utf-8, utf-16, cp1252, latin-1."
        ) from None
    codec = "utf-8-sig" if codec == "utf-8" else codec
    packed = path.suffix.lower() == ".gz"
    try:
        with (
            gzip.open(path, "rt", encoding=codec, newline="") if packed else path.open(encoding=codec, newline="") as f
        ):
            yield f
    except UnicodeError as error:
        raise _wrong_encoding(path, encoding) from error
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"{path} cannot be read: {why}. Check the path and its permissions.") from error


def _table(path: Path, file: TextIO) -> Table:
    names, records = _headed(path, file)
    cells: list[list[str]] = [[] for _ in names]
    lines = []
    for line, record in records:
        lines.append(line)
        for column, cell in zip(cells, record, strict=True):
            column.append(cell)
    if not lines:
        raise BadInput(f"{path} has a header and nothing below it. Add a line per item.")
    return Table(path, dict(zip(names, cells, strict=True)), lines)


def _headed(path: Path, file: Iterable[str]) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The names in the header, and every record below it with the line it starts on, each as long as the header."""
    records = _records(path, iter(file))
    line, header = next(records, (0, []))
    if not header:
        raise BadInput(f"{path} is empty. It needs a header line with the names of its columns, then a line per item.")
    names = _names(path, line, header)
    return names, _whole_records(path, names, records)


def _whole_records(
    path: Path, names: list[str], records: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    for line, record in records:
        if len(record) != len(names):
            raise BadInput(
                f"{path}, line {line}: {len(record)} fields, and the header has {len(names)} ({', '.join(names)}). "
                f"Complete the row, or put quotes around a field that holds the delimiter."
            )
        yield line, record


def _names(path: Path, line: int, header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    for place, name in enumerate(names):
        if not name:
            raise BadInput(
                f"{path}, line {line}: column {place + 1} has no name. Name it in the header; "
                f"if pandas wrote the file, write it with index=False."
            )
        if name in names[:place]:
            raise BadInput(
                f"{path}, line {line}: columns {names.index(name) + 1} and {place + 1} are both named {name!r}. "
                f"Rename one of them."
            )
    return names


def allow_long_cells() -> None:
    """Let readers of this process take cells of up to `LONGEST` letters: Python's own limit is that of a short mail."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))


def _records(path: Path, file: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """Every record that is not an empty line, with the line it starts on."""
    allow_long_cells()
    head = next(file, "")
    reader = csv.reader(_without_nul(path, chain([head], file)), delimiter=_delimiter(head), strict=True)
    start = 1
    try:
        for record in reader:
            if record:
                yield start, record
            start = reader.line_num + 1  # a quoted field may run over several lines
    except csv.Error as error:
        raise _broken_record(path, start, reader.line_num, str(error)) from error


def _delimiter(head: str) -> str:
    """A comma, unless the header has none and has either semicolons or tabs.

    >>> _delimiter('id;"text, as written";label')
    ';'
    """
    bare = re.sub(r'"[^"]*"', "", head)
    found = [mark for mark in ",;\t" if mark in bare]
    return found[0] if len(found) == 1 else ","


def _without_nul(path: Path, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise BadInput(
                f"{path}, line {number}: a NUL character (character {line.index(chr(0)) + 1} of the line). The file is "
                f"not plain text, or it is UTF-16 without its mark: try encoding='utf-16-le' (--encoding utf-16-le)."
            )
        yield line


def _broken_record(path: Path, start: int, line: int, complaint: str) -> BadInput:
    where = f"{path}, line {start}"
    if "unexpected end" in complaint:
        return BadInput(
            f"{where}: a field opens with a quote that is never closed, so it runs to the end of the file "
            f"(line {line}). Close it, or write a quote inside a quoted field twice."
        )
    if "field larger" in complaint:
        return BadInput(
            f"{where}: a field is longer than {csv.field_size_limit():,} characters (it still runs on in line {line}). "
            f"Close its quote if that is missing, else shorten the text."
        )
    return BadInput(
        f"{where}: text follows a closing quote (seen in line {line}: {complaint}). "
        f"Write a quote inside a quoted field twice, or close the quote of the field before."
    )


def _wrong_encoding(path: Path, encoding: str) -> BadInput:
    """Where the bytes stop making sense; the file is read again, because a stream forgets where it was."""
    data = gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes()
    try:
        data.decode(encoding)
        place = "line 1"  # the codec missed a mark at the start, which it wants in a stream only
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, errors="ignore")
        line = len(re.findall(r"\r\n|\r|\n", before)) + 1
        place = f"line {line}: byte {data[error.start]:#04x} (number {error.start + 1:,} of the file)"
    likely = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "cp1252"
    return BadInput(
        f"{path}, {place} is not {encoding}. Name the file's encoding, such as encoding={likely!r} "
        f"(--encoding {likely}), or convert it: iconv -f {likely} -t utf-8 {path.name} > utf8-{path.name}"
    )
