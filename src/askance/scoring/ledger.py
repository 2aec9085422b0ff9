"""The ledger of a scored pool: what made it, and which shards are done, a line of JSON each.

Lines and no database: there is one writer, every line stands for itself and is flushed to disk before the next shard
counts, a line that a kill tore in two is seen by its missing end, and anybody can read the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from askance.errors import Conflict, StorageError

FORMAT = 1
FILE = "ledger.jsonl"


@dataclass(frozen=True)
class Held:
    """What a ledger says.

    Args:
        opened: What made the scores, and of what; None if there is nothing yet.
        shards: The line of each shard that is done, by its number.
        modified: When the pool's file was written, as far as its rows are known to be those that were scored.
        damaged: Lines that are not what was written; their shards count as not done.
    """

    opened: Mapping[str, Any] | None = None
    shards: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    modified: int = 0
    damaged: tuple[int, ...] = ()


def read(folder: Path) -> Held:
    """What the ledger of a folder says; later lines about a shard count.

    Raises:
        StorageError: If it cannot be read, is of another format, or its first line is damaged.
    """
    path = folder / FILE
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # behind the last end of a line there is nothing, or a torn line
    except FileNotFoundError:
        return Held()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    opened: Mapping[str, Any] | None = None
    shards: dict[int, Mapping[str, Any]] = {}
    modified, damaged = 0, []
    for number, text in enumerate(lines, start=1):
        line = _line(text)
        if line is None:
            damaged.append(number)
        elif line["kind"] == "opened":
            opened, modified = line, line["file"]["modified"]
        elif line["kind"] == "reread":
            modified = line["modified"]
        elif line["kind"] == "lost":
            shards.pop(line["shard"], None)
        elif line["kind"] == "shard":
            shards[line["shard"]] = line
    if lines and (opened is None or damaged[:1] == [1]):
        raise StorageError(f"{path} is damaged: its first line says nothing. Score into another folder.")
    if opened is not None and opened["format"] != FORMAT:
        raise StorageError(f"{path} is of format {opened['format']}, and this askance reads {FORMAT}. Update askance.")
    return Held(opened, shards, modified, tuple(damaged))


class Writer:
    """Adds lines to the ledger of a folder, each of them down to the disk; use `writing`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("r+b" if path.exists() else "x+b", buffering=0)

    def add(self, kind: str, **facts: Any) -> None:
        """Add a line, whole or not at all.

        Raises:
            StorageError: If the disk refuses.
        """
        line = {"kind": kind, **facts}
        data = json.dumps({**line, "sum": _sum(line)}, ensure_ascii=False).encode() + b"\n"
        end = self._file.seek(0, os.SEEK_END)
        try:
            if self._file.write(data) != len(data):
                raise OSError(28, "No space left on device")
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(end)
            raise refused(self._path, error) from error

    def mend(self) -> None:
        """Take away the rest of a line that a kill tore in two."""
        self._file.seek(0)
        data = bytes(self._file.read() or b"")
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._file.truncate(whole)

    def lock(self) -> None:
        """Keep other processes out until the file is closed, also by a kill.

        Raises:
            Conflict: If another process scores into the folder.
        """
        with suppress(ImportError):  # where there are no such locks, nobody is kept out
            import fcntl

            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Conflict(
                    f"Another process scores into {self._path.parent}. Wait for it, or name another folder."
                ) from error

    def close(self) -> None:
        """Let others in."""
        self._file.close()


@contextmanager
def writing(folder: Path) -> Iterator[Writer]:
    """The ledger of a folder to add lines to, for one process at a time; the folder is made if need be.

    Raises:
        Conflict: If another process scores into the folder.
        StorageError: If it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writer = Writer(folder / FILE)
    except OSError as error:
        raise refused(folder, error) from error
    try:
        writer.lock()
        writer.mend()
        yield writer
    finally:
        writer.close()


def refused(path: Path, error: OSError) -> StorageError:
    """The error where a disk takes nothing more."""
    return StorageError(
        f"{path} cannot be written: {error.strerror or error}. Free some space or check its permissions, then say the "
        f"same again: it goes on where it stopped, and nothing half-written is left."
    )


def _line(text: bytes) -> dict[str, Any] | None:
    """A line, or None where it is not what was written."""
    try:
        line: dict[str, Any] = json.loads(text)
        return line if line.pop("sum") == _sum(line) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _sum(line: Mapping[str, Any]) -> str:
    return blake2b(json.dumps(line, sort_keys=True).encode(), digest_size=8).hexdigest()
