"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

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
    place = Path(path)
    if not place.parent.is_dir():
        raise StorageError(f"{place} cannot be written: there is no folder {place.parent}. Make it, or name another.")
    made = ""
    try:
        handle, made = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8", newline=newline) as part:
            yield part
        os.chmod(made, 0o644)  # temporary files are private; this one is for others to read
        os.replace(made, place)
    except OSError as error:
        raise StorageError(
            f"{place} cannot be written: {error.strerror}. Check the disk and the permissions of its folder."
        ) from error
    finally:
        if made:
            Path(made).unlink(missing_ok=True)
