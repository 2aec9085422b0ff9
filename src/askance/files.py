"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO, cast

from askance.errors import StorageError


@contextmanager
def whole(path: str | os.PathLike[str], *, newline: str | None = None) -> Iterator[TextIO]:
    """Write a text file in UTF-8 beside its place, and move it there at the end; whoever reads meets all or nothing.

    Args:
        path: The file; its folder must exist, a file that is there is replaced.
        newline: As for `open`.

    Raises:
        StorageError: If it cannot be written; what was there is left as it was.
    """
    with _beside(path, "w", encoding="utf-8", newline=newline) as file:
        yield cast(TextIO, file)


@contextmanager
def whole_bytes(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """The same for a file of bytes."""
    with _beside(path, "wb") as file:
        yield cast(BinaryIO, file)


@contextmanager
def _beside(
    path: str | os.PathLike[str], mode: str, *, encoding: str | None = None, newline: str | None = None
) -> Iterator[IO[Any]]:
    place = Path(path)
    if not place.parent.is_dir():
        raise StorageError(f"{place} cannot be written: there is no folder {place.parent}. Make it, or name another.")
    made = ""
    try:
        handle, made = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=".part")
        with os.fdopen(handle, mode, encoding=encoding, newline=newline) as part:
            yield part
            part.flush()
            os.fsync(part.fileno())
        os.chmod(made, 0o644)  # temporary files are private; this one is for others to read
        os.replace(made, place)
    except OSError as error:
        raise StorageError(
            f"{place} cannot be written: {error.strerror}. Check the disk and the permissions of its folder."
        ) from error
    finally:
        if made:
            Path(made).unlink(missing_ok=True)
