"""The contract of sources: rows of a file or folder, read again and again in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Cell = str | bytes | NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a source.

    Args:
        cells: A cell by column: text for nearly everything, bytes for an image, float32 (features,) for an array's row.
        place: Where it stands, for errors: ``tickets.csv, line 7``.
        broken: Why it cannot be used; empty if it can.
        digest: A fingerprint of what a cell only points at, such as the bytes of an image file.
        look: What an image looks like, in 64 bits; see `askance.images.look_of`.
    """

    cells: Mapping[str, Cell]
    place: str
    broken: str = ""
    digest: bytes = b""
    look: int | None = None


class Source(Protocol):
    """A file or folder of items. Iterating over it reads it from the start, in memory that does not grow with it."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that every row has a cell for."""

    @property
    def reads(self) -> str:
        """``rows``: cells of text (or bytes). ``images``: files of a folder. ``array``: rows of numbers."""

    @property
    def said(self) -> tuple[str, ...]:
        """Remarks about how it was read, for people."""

    def __iter__(self) -> Iterator[Row]:
        """Every row, in the order of the file."""
