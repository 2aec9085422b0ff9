"""Parquet files and Hugging Face data sets: columns of Arrow, read in batches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from askance.errors import BadInput
from askance.sources.base import Row
from askance.sources.cells import cell

ROWS = 2048  # in a batch
LISTS = ("Sequence", "List", "LargeList")  # what Hugging Face calls features that hold some of another one


@dataclass(frozen=True)
class ParquetSource:
    """The rows of one Parquet file, or of a folder of them in the order of their names.

    Args:
        path: The file or folder.
    """

    path: Path
    reads: str = "rows"
    said: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the file's order."""
        names = [self._names(file) for file in self._files]
        for file, found in zip(self._files, names, strict=True):
            if found != names[0]:
                raise BadInput(
                    f"{file} has the columns {', '.join(found)}, and {self._files[0].name} has {', '.join(names[0])}. "
                    f"Give all files of the folder the same columns."
                )
        return tuple(names[0])

    def __iter__(self) -> Iterator[Row]:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile

        _ = self.columns
        for file in self._files:
            try:
                with ParquetFile(file) as opened:
                    number = 0
                    for batch in opened.iter_batches(ROWS):
                        yield from _rows(batch, file, number, {}, file.parent)
                        number += len(batch)
            except (ArrowException, OSError) as error:
                raise _unreadable(file, error) from error

    @cached_property
    def _files(self) -> list[Path]:
        return sorted(self.path.glob("*.parquet")) if self.path.is_dir() else [self.path]

    def _names(self, file: Path) -> list[str]:
        from pyarrow import ArrowException
        from pyarrow.parquet import read_schema

        try:
            return distinct(read_schema(file).names, file)
        except (ArrowException, OSError) as error:
            raise _unreadable(file, error) from error


@dataclass(frozen=True)
class HuggingFaceSource:
    """The rows of a folder that ``save_to_disk`` of the datasets package wrote, without that package.

    Args:
        path: The folder, of one data set or of several splits.
        split: Which split; the only one if None.
    """

    path: Path
    split: str | None = None
    reads: str = "rows"

    @property
    def said(self) -> tuple[str, ...]:
        """Which split is read."""
        return () if self._folder == self.path else (f"the split {self._folder.name!r} is read",)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the schema."""
        from pyarrow import ArrowException, ipc

        file = self._files[0]
        try:
            with file.open("rb") as opened:
                return tuple(distinct(ipc.open_stream(opened).schema.names, file))
        except (ArrowException, OSError) as error:
            raise _unreadable(file, error) from error

    def __iter__(self) -> Iterator[Row]:
        from pyarrow import ArrowException, ipc

        _, names = self.columns, self._class_names
        for file in self._files:
            number = 0
            try:
                with file.open("rb") as opened:
                    for batch in ipc.open_stream(opened):
                        for start in range(0, len(batch), ROWS):
                            yield from _rows(batch.slice(start, ROWS), file, number + start, names, self._folder)
                        number += len(batch)
            except (ArrowException, OSError) as error:
                raise _unreadable(file, error) from error

    @cached_property
    def _folder(self) -> Path:
        splits = self.path / "dataset_dict.json"
        if not splits.is_file():
            if self.split is not None:
                raise BadInput(f"{self.path} is one data set without splits. Leave out --split {self.split}.")
            return self.path
        names = [str(name) for name in _listed(splits, "splits")]
        if self.split is None and len(names) == 1:
            return self.path / names[0]
        if self.split is None or self.split not in names:
            said = "has several splits" if self.split is None else f"has no split {self.split!r}"
            raise BadInput(f"{self.path} {said}: {', '.join(names)}. Say which: --split {names[0]}")
        return self.path / self.split

    @cached_property
    def _files(self) -> list[Path]:
        state = self._folder / "state.json"
        parts = _listed(state, "_data_files")
        names = [part.get("filename") if isinstance(part, dict) else None for part in parts]
        if not names or not all(isinstance(name, str) and name for name in names):
            raise BadInput(f"{state} names no data file. Save the data set again with save_to_disk.")
        return [self._folder / str(name) for name in names]

    @cached_property
    def _class_names(self) -> dict[str, Sequence[str]]:
        """The names of the classes of each column that has classes, or lists of them."""
        info = self._folder / "dataset_info.json"
        features = _json(info).get("features") or {} if info.is_file() else {}
        found = {str(column): _classes(feature) for column, feature in features.items()}
        return {column: names for column, names in found.items() if names}


def distinct(names: Iterable[object], file: Path) -> list[str]:
    """The names of a file's columns.

    Raises:
        BadInput: If two have one name, for one of them would be lost.
    """
    found = [str(name) for name in names]
    for place, name in enumerate(found):
        if name in found[:place]:
            raise BadInput(
                f"{file}: columns {found.index(name) + 1} and {place + 1} are both named {name!r}. Rename one of them."
            )
    return found


def values(column: Any, name: str, file: Path, first: int) -> list[Any]:
    """The values of a column of Arrow as Python has them; times with nanoseconds, which it has not, as texts.

    Args:
        column: The column, or a part of it.
        name: What it is called.
        file: The file, for errors.
        first: The number of the first row, for errors.

    Raises:
        BadInput: If Python has no such value, such as a date after the year 9999.
    """
    if getattr(column.type, "unit", "") == "ns":
        return _to_the_nano(column)
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return _one_by_one(column, name, file, first)


def _to_the_nano(column: Any) -> list[Any]:
    """Times in nanoseconds as pandas writes them, for Arrow needs it for those; the same whether it is there or not."""
    import pyarrow as pa

    counts = column.cast(pa.int64()).to_pylist()
    if pa.types.is_duration(column.type):
        return [None if count is None else _lasting(count) for count in counts]
    kind = pa.timestamp("us", column.type.tz) if pa.types.is_timestamp(column.type) else pa.time64("us")
    times = pa.array([None if count is None else count // 1000 for count in counts], kind).to_pylist()
    return [
        time if time is None or not count % 1000 else _at(time, count % 1000)
        for time, count in zip(times, counts, strict=True)
    ]


def _at(time: Any, rest: int) -> str:
    """A date or time, and some nanoseconds."""
    bare = time.replace(tzinfo=None)
    zone = time.isoformat()[len(bare.isoformat()) :]
    return f"{bare.isoformat(timespec='microseconds')}{rest:03}{zone}"


def _lasting(count: int) -> str:
    """So many nanoseconds.

    >>> _lasting(93_784_000_000_000), _lasting(-1)
    ('1 days 02:03:04', '-1 days +23:59:59.999999999')
    """
    seconds, rest = divmod(count, 10**9)
    days, seconds = divmod(seconds, 86_400)
    part = f".{rest:09}" if rest % 1000 else f".{rest // 1000:06}" if rest else ""
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{days} days {'+' if days < 0 else ''}{clock}{part}"


def _one_by_one(column: Any, name: str, file: Path, first: int) -> list[Any]:
    found = []
    for number in range(len(column)):
        try:
            found.append(column[number].as_py())
        except (ValueError, OverflowError) as error:
            raise BadInput(
                f"{file}, row {first + number}: the value in column {name!r} cannot be read: {error}. Change it, or "
                f"take the column out of the file."
            ) from error
    return found


def _classes(feature: Any) -> list[str]:
    """The names of the classes that a feature, or each element of its lists, is one of."""
    while isinstance(feature, list) or (isinstance(feature, dict) and feature.get("_type") in LISTS):
        feature = feature.get("feature") if isinstance(feature, dict) else feature[0] if feature else None
    if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
        return []
    return [str(name) for name in feature.get("names") or ()]


def _named(value: Any, names: Sequence[str]) -> Any:
    """The name of a class, or of each in a list; what is below 0 is none.

    Raises:
        IndexError: If there are fewer.
    """
    if isinstance(value, list):
        return [name for one in value if (name := _named(one, names)) is not None]
    return names[value] if value is not None and value >= 0 else None


def _rows(batch: Any, file: Path, before: int, classes: Mapping[str, Sequence[str]], root: Path) -> Iterator[Row]:
    columns = {
        str(name): values(batch.column(number), str(name), file, before + 1)
        for number, name in enumerate(batch.schema.names)
    }
    for name, names in classes.items():
        for number, value in enumerate(columns.get(name, ())):
            try:
                columns[name][number] = _named(value, names)
            except IndexError:
                raise BadInput(
                    f"{file}, row {before + number + 1}: column {name!r} holds the class {value}, and there are "
                    f"{len(names)} names of classes, the first of which is 0. Save the data set again with a name for "
                    f"each."
                ) from None
    for number in range(len(batch)):
        cells = {name: cell(held[number], root) for name, held in columns.items()}
        yield Row(cells, f"{file}, row {before + number + 1}")


def _listed(path: Path, key: str) -> list[Any]:
    found = _json(path).get(key)
    if not isinstance(found, list):
        raise BadInput(f"{path} has no list of {key!r}. Save the data set again with save_to_disk.")
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}. Save the data set again with save_to_disk.") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path} is no JSON object. Save the data set again with save_to_disk.")
    return found


def _unreadable(file: Path, error: Exception) -> BadInput:
    return BadInput(f"{file} cannot be read: {str(error).splitlines()[0]}. Check that it is whole, or write it again.")
