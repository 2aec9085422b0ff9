"""Parquet files and Hugging Face data sets: columns of Arrow, read in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from askance.errors import BadInput
from askance.sources.base import Row
from askance.sources.cells import cell

ROWS = 2048  # in a batch


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
            return [str(name) for name in read_schema(file).names]
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
                return tuple(str(name) for name in ipc.open_stream(opened).schema.names)
        except (ArrowException, OSError) as error:
            raise _unreadable(file, error) from error

    def __iter__(self) -> Iterator[Row]:
        from pyarrow import ArrowException, ipc

        names = self._class_names
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
        names = [str(name) for name in _json(splits)["splits"]]
        if self.split is None and len(names) == 1:
            return self.path / names[0]
        if self.split is None or self.split not in names:
            said = "has several splits" if self.split is None else f"has no split {self.split!r}"
            raise BadInput(f"{self.path} {said}: {', '.join(names)}. Say which: --split {names[0]}")
        return self.path / self.split

    @cached_property
    def _files(self) -> list[Path]:
        state = self._folder / "state.json"
        found = [self._folder / part["filename"] for part in _json(state)["_data_files"]]
        if not found:
            raise BadInput(f"{state} names no data file. Save the data set again.")
        return found

    @cached_property
    def _class_names(self) -> dict[str, Sequence[str]]:
        """The names of the classes of each column that has classes."""
        info = self._folder / "dataset_info.json"
        features = _json(info).get("features") or {} if info.is_file() else {}
        return {
            str(column): [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }


def _rows(batch: Any, file: Path, before: int, classes: Mapping[str, Sequence[str]], root: Path) -> Iterator[Row]:
    columns = {str(name): batch.column(number).to_pylist() for number, name in enumerate(batch.schema.names)}
    for name, labels in classes.items():
        columns[name] = [labels[value] if value is not None and value >= 0 else None for value in columns[name]]
    for number in range(len(batch)):
        cells = {name: cell(values[number], root) for name, values in columns.items()}
        yield Row(cells, f"{file}, row {before + number + 1}")


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
