"""The files of one shard: arrays under temporary names, then down to the disk, then in their places."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from askance.errors import StorageError
from askance.scoring.ledger import refused

Facts = dict[str, dict[str, Any]]

PART = ".part"
_READ = 1 << 20  # bytes at once


def write(folder: Path, number: int, arrays: Mapping[str, NDArray[Any]]) -> Facts:
    """Write the arrays of a shard, all or none of them.

    Written twice, by a worker that was taken for dead, they are the same files.

    Args:
        folder: Where to.
        number: Which shard.
        arrays: Arrays by what they hold.

    Returns:
        For each name of a file its size, checksum, type and shape.

    Raises:
        StorageError: If the disk refuses; nothing of the shard is left.
    """
    made: dict[str, Path] = {}
    facts: Facts = {}
    try:
        for what, array in arrays.items():
            name = f"{what}-{number:05}.npy"
            made[name] = folder / f".{name}.{uuid4().hex[:8]}{PART}"
            with made[name].open("xb") as file:
                summed = _Summed(file)
                np.lib.format.write_array(summed, np.ascontiguousarray(array), allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            shape = {"dtype": array.dtype.str, "shape": list(array.shape)}
            facts[name] = {"bytes": summed.bytes, "blake2b": summed.seen.hexdigest(), **shape}
        for name, part in made.items():
            os.replace(part, folder / name)
            made[name] = folder / name
        sync(folder)
    except OSError as error:
        for part in made.values():  # a full disk needs the space back at once
            with suppress(OSError):
                part.unlink()
        raise refused(folder, error) from error
    return facts


def wrong(folder: Path, files: Mapping[str, Mapping[str, Any]], *, sums: bool = True) -> str:
    """What is not as it was written, in words; empty if all is.

    Args:
        folder: Where the files lie.
        files: What `write` gave.
        sums: Whether to read every byte, or to look at sizes alone.
    """
    for name, facts in files.items():
        path = folder / name
        try:
            if path.stat().st_size != facts["bytes"]:
                return f"{name} has {path.stat().st_size:,} bytes, and {facts['bytes']:,} were written"
            if sums and _sum(path) != facts["blake2b"]:
                return f"{name} holds other bytes than were written"
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
    return ""


def load(folder: Path, name: str, facts: Mapping[str, Any], mode: Literal["r"] | None = "r") -> NDArray[Any]:
    """One array, mapped into memory and not to be written.

    Raises:
        StorageError: If it is not there, or of another type or shape than was written.
    """
    try:
        found: NDArray[Any] = np.load(folder / name, mmap_mode=mode, allow_pickle=False)
        if found.dtype.str != facts["dtype"] or list(found.shape) != facts["shape"]:
            raise ValueError(f"it holds {found.dtype} of shape {found.shape}")
    except (OSError, ValueError, EOFError) as error:
        raise StorageError(
            f"{folder / name} cannot be read: {error}. Say askance score-pool again: that shard is computed anew."
        ) from error
    return found


def sync(folder: Path) -> None:
    """Bring the names of a folder down to the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def clean(folder: Path) -> None:
    """Remove what a process that was killed had begun to write."""
    for path in folder.glob(f".*{PART}"):
        with suppress(OSError):
            path.unlink()


class _Summed:
    """A file that adds up what is written to it, so that nothing is read again for its checksum."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seen = blake2b(digest_size=16)
        self.bytes = 0

    def write(self, data: Any) -> int:
        self.seen.update(data)
        self.bytes += len(data)
        return self._file.write(data)


def _sum(path: Path) -> str:
    seen = blake2b(digest_size=16)
    with path.open("rb") as file:
        while part := file.read(_READ):
            seen.update(part)
    return seen.hexdigest()
