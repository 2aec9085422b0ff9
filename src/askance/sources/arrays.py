"""Arrays on disk: a row of numbers for each item."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from askance.errors import BadInput
from askance.sources.base import Cell, Row

VALUES = "values"
NAMES = ("features", "embeddings")  # of the array among several


@dataclass(frozen=True)
class ArraySource:
    """The rows of an ``.npy`` file, mapped into memory, or of an ``.npz`` file with one array and perhaps ``ids``.

    Args:
        path: The file.
    """

    path: Path
    reads: str = "array"
    said: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """``values``, and ``id`` where the file holds ids."""
        return (VALUES,) if self._arrays[1] is None else (VALUES, "id")

    def __iter__(self) -> Iterator[Row]:
        array, ids = self._arrays
        for number, values in enumerate(array):
            with np.errstate(over="ignore"):  # which is said below
                row = np.ascontiguousarray(values, dtype=np.float32)
            if not np.isfinite(row).all():
                column = int(np.flatnonzero(~np.isfinite(row))[0])
                large = ", which is too large for float32" if np.isfinite(values[column]) else ""
                raise BadInput(
                    f"{self.path}, row {number}, column {column} holds {values[column]}{large}. "
                    f"{'Scale the column down' if large else 'Clean that row'} or leave it out."
                )
            cells: dict[str, Cell] = {VALUES: row}
            if ids is not None:
                cells["id"] = str(ids[number])
            yield Row(cells, f"{self.path}, row {number}")

    @cached_property
    def _arrays(self) -> tuple[Any, Any]:
        try:
            with self.path.open("rb") as file:  # of a damaged archive, numpy would leave it open
                if file.read(2) == b"PK":
                    file.seek(0)
                    with np.load(file, allow_pickle=False) as found:
                        array, ids = self._of_several(dict(found))
                else:
                    array, ids = np.load(self.path, mmap_mode="r", allow_pickle=False), None
        except (BadZipFile, zlib.error) as error:
            raise BadInput(
                f"{self.path} cannot be read: {error}. It is damaged or cut off: copy it again, or save it again."
            ) from error
        except (OSError, ValueError, EOFError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"{self.path} cannot be read: {error}. Save it with numpy.save, without objects.") from error
        if array.ndim != 2 or array.dtype.kind not in "fiub":
            raise BadInput(
                f"{self.path} holds {array.dtype} of shape {array.shape}. Save numbers of shape (items, features)."
            )
        if ids is not None and ids.shape != (len(array),):
            raise BadInput(f"{self.path} has ids of shape {ids.shape} for {len(array)} items. Give an id for each.")
        if ids is not None and ids.dtype.kind == "S":
            try:
                ids = np.char.decode(ids, "utf-8")
            except UnicodeDecodeError as error:
                raise BadInput(
                    f"{self.path} has ids that are not UTF-8: {error.object!r}. Save them as text."
                ) from None
        return array, ids

    def _of_several(self, arrays: dict[str, Any]) -> tuple[Any, Any]:
        ids = arrays.pop("ids", None)
        name = next((name for name in NAMES if name in arrays), None) if len(arrays) > 1 else next(iter(arrays), None)
        if name is None:
            raise BadInput(
                f"{self.path} holds {', '.join(arrays) or 'no array'}. Name the one that is meant 'features'."
            )
        return arrays[name], ids
