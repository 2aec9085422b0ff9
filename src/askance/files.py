"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, BinaryIO, TextIO, cast

from askance.errors import StorageError


@contextmanager
def whole(path: str | os.PathLike[str], *, newline: str | None = None) -> Iterator[TextIO]:
    """Write a text file in UTF-8 beside its place, and move it there at the end; whoever reads meets all or nothing.

    Args:
        path: The file; its folder must exist, a file that is there is replaced. Of a link, the file it leads to is
            written; a pipe or a device is written to as it is.
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
def whole_folder(path: str | os.PathLike[str], *, there: str = "refuse") -> Iterator[Path]:
    """Make a folder beside its place, and move it there at the end, on disk and for others to read.

    Args:
        path: The folder; the one that it goes into must exist.
        there: What becomes of one that is there at the end: ``refuse`` is an error, ``keep`` leaves it, and ``replace``
            puts the new one in its place, or the old one back if that fails.

    Raises:
        StorageError: If it cannot be made; what was there is left as it was.
    """
    place = Path(path)
    real = Path(os.path.realpath(place))  # of a link, the folder that it leads to
    parent = real.parent
    if not parent.is_dir():
        raise StorageError(f"{place} cannot be made: there is no folder {parent}. Make it, or name another.")
    made: Path | None = None
    try:
        prefix = f".{real.name}{_OURS}"
        _sweep(parent, prefix, real)
        new = parent / f"{prefix}{token_hex(8)}{_HALF}"
        new.mkdir()  # by the umask: temporary folders would be private
        made = new
        yield made
        for file in made.rglob("*"):
            if file.is_file():
                with file.open("rb+") as opened:
                    os.fsync(opened.fileno())
        if there != "keep" or not real.is_dir():
            _move(made, real, replace=there == "replace")
    except OSError as error:
        raise StorageError(
            f"{place} cannot be made: {error.strerror or error}. Check the disk and the permissions of {parent}."
        ) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


_YOUNG = 3600.0  # seconds in which whoever makes a folder surely ends
_LINKS = 40  # one after another, as the system follows them
_OURS, _HALF, _ASIDE = ".askance-", ".part", ".old"  # in the names of folders beside: no one else's are called so


def _sweep(parent: Path, prefix: str, place: Path) -> None:
    """Remove what was left behind by whoever was killed."""
    for old in parent.glob(f"{escape(prefix)}*"):
        half = old.suffix == _HALF and time.time() - old.stat().st_mtime > _YOUNG
        if half or (old.suffix == _ASIDE and place.exists()):  # else it is the only one there is
            shutil.rmtree(old, ignore_errors=True)


def _move(made: Path, place: Path, *, replace: bool) -> None:
    """Put a folder in its place; one cannot be replaced in one step, so the old one steps aside first."""
    if place.exists() and not replace:
        raise StorageError(f"{place} is there already. Name another folder.")
    if not place.exists():
        os.rename(made, place)
        return
    aside = made.with_suffix(_ASIDE)
    os.rename(place, aside)
    try:
        os.rename(made, place)
    except OSError:
        os.rename(aside, place)
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _beside(
    path: str | os.PathLike[str], mode: str, *, encoding: str | None = None, newline: str | None = None
) -> Iterator[IO[Any]]:
    place = Path(path)
    if not place.parent.is_dir():
        raise StorageError(f"{place} cannot be written: there is no folder {place.parent}. Make it, or name another.")
    if place.is_file() and _open_already(place):
        raise StorageError(f"{place} is a file that a process writes to already. Name a file of its own.")
    real = Path(os.path.realpath(place))  # of a link, the file that it leads to
    made: Path | None = None
    try:
        if place.exists() and not place.is_file() and not place.is_dir():  # a pipe, a terminal, /dev/null
            with open(place, mode, encoding=encoding, newline=newline) as stream:
                yield stream
            return
        new = real.parent / f".{real.name}.{token_hex(8)}.part"
        with open(new, mode.replace("w", "x"), encoding=encoding, newline=newline) as part:  # by the umask
            made = new
            yield part
            part.flush()
            os.fsync(part.fileno())
        os.replace(made, real)
    except OSError as error:
        raise StorageError(
            f"{place} cannot be written: {error.strerror}. Check the disk and the permissions of its folder."
        ) from error
    finally:
        if made is not None:
            made.unlink(missing_ok=True)


def _open_already(place: Path) -> bool:
    """Whether a place is named by the process that has it open, as /dev/stdout is; what replaced it would be lost."""
    for _ in range(_LINKS):
        if Path(os.path.realpath(place.parent)).parts[1:2] == ("proc",):
            return True
        if not place.is_symlink():
            break
        place = place.parent / os.readlink(place)
    return False
