"""A Parquet file as a pool: its rows as items of a model, read by batches and never whole."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askance.errors import BadInput, unknown
from askance.project.intake import Reading, look_at
from askance.project.items import ITEM
from askance.scoring.columns import ids, numbers, value_columns
from askance.sources.arrow import distinct
from askance.sources.arrow import values as values_of
from askance.sources.base import Row
from askance.sources.cells import cell

BUFFER = 1 << 20  # bytes that a column is read ahead; without it whole row groups would be held
SHOWN = 5  # rows named that cannot be scored
_END = 8  # bytes of a Parquet file behind its footer: the footer's length, and PAR1


@dataclass(frozen=True)
class Identity:
    """What tells a file from another one without reading all of it.

    Args:
        bytes: Its size.
        footer: A checksum of its footer: schema, row groups, and every column's sizes, places and extremes.
        rows: How many rows it has.
        modified: When it was written, in nanoseconds; a copy differs, so by itself it means nothing.
    """

    bytes: int
    footer: str
    rows: int
    modified: int

    def same(self, other: Mapping[str, Any]) -> bool:
        """Whether another file looks like this one, whenever it was written."""
        return {**asdict(self), "modified": 0} == {**other, "modified": 0}


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows that follow each other, as an encoder reads them.

    Args:
        items: Raw items of the rows that can be read, float32 (items, features) where a model reads numbers.
        there: Which rows those are, bool (rows,).
        ids: Their ids, int64 or bytes of UTF-8, (rows,); None where row numbers are the ids.
        why: Of rows that cannot be read the first few, and why.
        digest: A fingerprint of what the rows hold.
    """

    items: Sequence[Any] | NDArray[np.float32]
    there: NDArray[np.bool_]
    ids: NDArray[Any] | None
    why: tuple[str, ...]
    digest: bytes


@dataclass(frozen=True)
class PoolFile:
    """A Parquet file, and which of its columns a model reads.

    Args:
        path: The file.
        how: How a row becomes an item.
        columns: The columns that hold it.
        id: The column of ids; None for row numbers.
    """

    path: Path
    how: Reading
    columns: tuple[str, ...]
    id: str | None = None

    @classmethod
    def of(cls, path: str | Path, how: Reading, values: Sequence[str] = (), id: str | None = None) -> PoolFile:
        """The file as a model reads it.

        Args:
            path: The file.
            how: How the model's project read a row.
            values: Where the model reads numbers: the column of lists of them, or several columns of one number each.
                By default the column that the project's had, or else the only column of lists of numbers.
            id: The column of ids; by default the project's, if the file has it, or else row numbers.

        Raises:
            BadInput: If it cannot be read, or has not the columns that the model reads.
        """
        place = Path(path)
        schema = _opened(place).schema_arrow
        names = distinct(schema.names, place)
        if values and how.reads != "array":
            raise BadInput(
                f"The model reads {how.reads} from the columns {', '.join(how.columns)}, and no numbers. "
                f"Leave out --values {','.join(values)}."
            )
        columns = how.columns
        if how.reads == "array":
            columns = tuple(values) or value_columns(place, schema, how.columns[0])
        found = how.id if id is None and how.id in names else id
        for name in (*columns, *([found] if found is not None else [])):
            if name not in names:
                raise unknown(f"column in {place}", name, names)
        return cls(place, how, columns, found)

    @property
    def identity(self) -> Identity:
        """What the file is now."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(size - _END)
                (length,) = struct.unpack("<I", file.read(4))
                file.seek(size - _END - length)
                footer = blake2b(file.read(length), digest_size=16).hexdigest()
                modified = self.path.stat().st_mtime_ns
        except (OSError, ValueError, struct.error) as error:
            raise _unreadable(self.path, error) from error
        return Identity(size, footer, _opened(self.path).metadata.num_rows, modified)


class Reader:
    """Reads ranges of a file's rows; ranges that follow each other are read in one go.

    Args:
        file: Which.
    """

    def __init__(self, file: PoolFile) -> None:
        self._file = file
        self._at = -1
        self._batches: Iterator[Any] = iter(())
        self._left: Any = None

    def chunks(self, start: int, stop: int, size: int) -> Iterator[Chunk]:
        """The rows from ``start`` to ``stop``, so many at a time; only the last chunk may have fewer.

        Raises:
            BadInput: If the file cannot be read, an id is empty, or rows of numbers differ in length.
        """
        from pyarrow import ArrowException

        try:
            if start != self._at:
                self._begin(start)
            for first in range(start, stop, size):
                batch = self._take(min(size, stop - first))
                yield self._chunk(batch, first)
        except (ArrowException, OSError) as error:
            raise _unreadable(self._file.path, error) from error

    @cached_property
    def _opened(self) -> Any:
        return _opened(self._file.path)

    def _begin(self, start: int) -> None:
        """Go to the row group that a row lies in, and pass over what is before it."""
        sizes = [self._opened.metadata.row_group(n).num_rows for n in range(self._opened.metadata.num_row_groups)]
        ends = np.cumsum(sizes)
        group = int(np.searchsorted(ends, start, side="right"))
        wanted = list(dict.fromkeys([*self._file.columns, *([self._file.id] if self._file.id else [])]))
        self._batches = self._opened.iter_batches(
            1 << 13, row_groups=list(range(group, len(sizes))), columns=wanted, use_threads=False
        )
        self._left, self._at = None, int(ends[group] - sizes[group])
        while self._at < start:
            self._take(min(1 << 13, start - self._at))

    def _take(self, rows: int) -> Any:
        """The next rows, as one table."""
        import pyarrow as pa

        parts, missing = [], rows
        while missing:
            if self._left is None or not len(self._left):
                self._left = next(self._batches, None)
                if self._left is None:
                    raise BadInput(
                        f"{self._file.path} ends at row {self._at + rows - missing}, and its footer promises more. "
                        f"Write the file again."
                    )
            parts.append(self._left.slice(0, missing))
            self._left = self._left.slice(len(parts[-1]))
            missing -= len(parts[-1])
        self._at += rows
        return pa.Table.from_batches(parts).combine_chunks()

    def _chunk(self, table: Any, first: int) -> Chunk:
        file = self._file
        own = None if file.id is None else ids(table, file.id, file.path, first)
        seen = blake2b(digest_size=16)
        if own is not None:
            seen.update("\n".join(map(str, own.tolist())).encode())
        if file.how.reads == "array":
            rows, there = numbers(table, file.columns, file.path, first)
            seen.update(there.tobytes())
            seen.update(np.ascontiguousarray(rows).data)
            lost = np.flatnonzero(~there)[:SHOWN]
            why = tuple(f"row {first + int(row)}: its numbers are missing or not finite" for row in lost)
            return Chunk(rows, there, own, why, seen.digest())
        items, there, said = [], np.zeros(len(table), dtype=np.bool_), list[str]()
        cells = {name: values_of(table.column(name), name, file.path, first) for name in file.columns}
        for number in range(len(table)):
            held = {name: cell(column[number], file.path.parent) for name, column in cells.items()}
            found = look_at(Row(held, f"{file.path}, row {first + number}"), file.how, file.path)
            seen.update(found.digest)
            there[number] = found.state == ITEM
            if found.state == ITEM:
                items.append(file.how.raw(found.cells, found.data, file.path.parent))
            elif len(said) < SHOWN:
                said.append(f"row {first + number}: {found.why}")
        return Chunk(items, there, own, tuple(said), seen.digest())


def _opened(path: Path) -> Any:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    if path.is_dir():
        raise BadInput(f"{path} is a folder. Score its Parquet files one by one, each into a folder of its own.")
    try:
        return ParquetFile(path, pre_buffer=False, buffer_size=BUFFER)
    except (ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(file: Path, error: Exception) -> BadInput:
    return BadInput(f"{file} cannot be read: {str(error).splitlines()[0]}. Check that it is whole, or write it again.")
