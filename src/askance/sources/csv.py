"""Labeled files: read a CSV so that every complaint names the file and the line."""

from __future__ import annotations

import codecs
import csv
import gzip
import os
import re
import shlex
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from askance.errors import BadInput, unknown
from askance.files import whole
from askance.sources.base import Row

LONGEST = 1 << 20  # letters of a cell; what is longer is rather a quote that nobody closed
AHEAD = 20  # lines below a header that are looked at where it alone does not tell what parts the fields
_MARKS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_TOLD = re.compile(r"sep=([,;\t|])", re.IGNORECASE)


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
    """Read a file with a header line; fields are parted by commas, semicolons or tabs, whichever the header holds.

    Where it holds several, the rows below decide, or a line such as ``sep=;`` above it; in a file that ends in ``.tsv``
    it is the tabs. Empty lines are skipped, and a byte order mark is no part of the first column's name.

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
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> BadInput:
    """What to say of a file, packed or not, that the system or the packer gives up on."""
    why = getattr(error, "strerror", None)
    if why is None and path.suffix.lower() == ".gz":
        return BadInput(f"{path} cannot be read: {error}. It is damaged or cut off: copy it again, or pack it again.")
    return BadInput(f"{path} cannot be read: {why or error}. Check the path and its permissions.")


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
    before, delimiter, lines = _begun(path, _without_nul(path, file))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = before + 1
    try:
        for record in reader:
            if record:
                yield start, record
            start = before + reader.line_num + 1  # a quoted field may run over several lines
    except csv.Error as error:
        raise _broken_record(path, start, before + reader.line_num, str(error)) from error


def _begun(path: Path, file: Iterator[str]) -> tuple[int, str, Iterator[str]]:
    """How many lines stand before the table, what parts its fields, and its lines from there on."""
    blank = []
    for head in file:
        if head.strip("\r\n"):
            break
        blank.append(head)
    else:
        return 0, ",", iter(())
    if told := _TOLD.fullmatch(head.rstrip("\r\n")):  # Excel's own way to say it
        return len(blank) + 1, told[1], file
    found = _marks(head)
    if "\t" in found and (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower() == ".tsv":
        return len(blank), "\t", chain([head], file)
    if len(found) < 2:
        return len(blank), (found or [","])[0], chain([head], file)
    ahead = [head, *islice(file, AHEAD)]
    fitting = _fitting(ahead, found)
    if len(fitting) != 1:
        raise BadInput(
            f"{path}, line {len(blank) + 1}: the header holds {' and '.join(_MARKS[mark] for mark in found)}, and "
            f"{'more than one' if fitting else 'none'} of them parts it and the rows below into equally many fields. "
            f"Say in a line above the header which one does, such as sep=; or put quotes around names and cells that "
            f"hold one."
        )
    return len(blank), fitting[0], chain(ahead, file)


def _marks(head: str) -> list[str]:
    """What may part a header's fields.

    >>> _marks('id;"text, as written";label')
    [';']
    """
    bare = re.sub(r'"[^"]*"', "", head)
    return [mark for mark in _MARKS if mark in bare]


def _fitting(lines: Sequence[str], marks: Sequence[str]) -> list[str]:
    """The marks that part a header and the rows below into equally many fields, and into more than others do.

    Decimal commas part each row of prices as often, too, but into fewer fields.

    >>> _fitting(["name;price, EUR;size", "a;2,5;3", "b;1,0;4"], [",", ";"])
    [';']
    """
    widths = {mark: _width(lines, mark) for mark in marks}
    widest = max(2, *widths.values())
    return [mark for mark in marks if widths[mark] == widest]


def _width(lines: Sequence[str], mark: str) -> int:
    """How many fields each record has; 0 if they differ."""
    widths = set()
    with suppress(csv.Error):  # a quote may be closed further down; if it is not, reading complains, with the line
        for record in csv.reader(lines, delimiter=mark, strict=True):
            widths.update([len(record)] if record else [])
    return widths.pop() if len(widths) == 1 else 0


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
    packed = path.suffix.lower() == ".gz"
    try:
        data = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:  # what it was unpacked to is nobody's text
        return unreadable(path, error)
    try:
        data.decode(encoding)
        place = "line 1"  # the codec missed a mark at the start, which it wants in a stream only
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, errors="ignore")
        line = len(re.findall(r"\r\n|\r|\n", before)) + 1
        place = f"line {line}: byte {data[error.start]:#04x} (number {error.start + 1:,} of the file)"
    if _is_utf_8(data):
        return BadInput(f"{path}, {place} is not {encoding}. The file is UTF-8: leave out the encoding (--encoding).")
    likely = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "cp1252"
    made = shlex.quote(str(path.with_name(f"utf8-{path.stem if packed else path.name}")))
    convert = f"iconv -f {likely} -t utf-8"
    given = shlex.quote(str(path))
    said = f"gzip -dc {given} | {convert} > {made}" if packed else f"{convert} {given} > {made}"
    return BadInput(
        f"{path}, {place} is not {encoding}. Name the file's encoding, such as encoding={likely!r} "
        f"(--encoding {likely}), or convert it: {said}"
    )


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in data  # which UTF-16 without its mark holds, and which is UTF-8 as well
