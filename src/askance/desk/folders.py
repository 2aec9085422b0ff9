"""One folder, and files in it by name: no name leads out of it, not by ``..`` and not by a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from askance.errors import BadInput

BY_HANDLE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")  # not on Windows
_BLOCK = 1 << 20


class Opened:
    """A file that is open, and known to be a plain file.

    Args:
        name: What people call it.
        handle: The system's handle.
        facts: What the system says of it.

    Attributes:
        mark: What changes when the file does: where it lies, its size, and when it was written.
    """

    def __init__(self, name: str, handle: int, facts: os.stat_result) -> None:
        self._name, self._handle = name, handle
        self.mark = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)

    def read(self, limit: int) -> bytes:
        """Its bytes.

        Raises:
            BadInput: If there are more than the limit, or the disk does not give them.
        """
        data = bytearray()
        try:
            while len(data) <= limit and (block := os.read(self._handle, min(_BLOCK, limit + 1 - len(data)))):
                data += block
        except OSError as error:
            raise BadInput(f"{self._name!r} cannot be read: {error.strerror}. Check the disk.") from error
        if len(data) > limit:
            raise BadInput(f"{self._name!r} has over {limit:,} bytes. Save it smaller, or raise the limit.")
        return bytes(data)


class Folder:
    """A folder that stays open, so that nobody can put another one in its place.

    A name is opened from the folder's handle on, step by step, and no step follows a link: what is looked up is what
    is opened. Where the system cannot do that, the resolved path has to be the path itself.

    Args:
        path: The folder; it may be a link itself, for its owner named it.
        by_handle: Whether to go by handles.

    Raises:
        BadInput: If it cannot be opened.
    """

    def __init__(self, path: Path, *, by_handle: bool = BY_HANDLE) -> None:
        self._given = Path(os.path.normpath(path.absolute()))
        self._path, self._by_handle, self._handle = path.resolve(), by_handle, -1
        if not self._path.is_dir():
            raise BadInput(f"There is no folder {path}. Put it back, or make the project anew.")
        if by_handle:
            try:
                self._handle = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                raise BadInput(f"{path} cannot be opened: {error.strerror}. Check its permissions.") from error

    @contextmanager
    def open(self, name: str) -> Iterator[Opened]:
        """A file in the folder.

        Args:
            name: Its path in the folder, with ``/`` between its parts.

        Raises:
            BadInput: If it is not there, is a link or no file, or may not be read.
        """
        parts = name.split("/")
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise BadInput(f"{name!r} names no file in a folder. Ask for one of the project's own.")
        try:
            handle = self._step_by_step(parts) if self._by_handle else self._resolved(parts)
        except (OSError, ValueError):  # a name may hold what the system has no bytes for
            raise BadInput(
                f"There is no file {name!r} in the project's folder, or it is a link. Put the file itself there."
            ) from None
        try:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise BadInput(f"{name!r} is no plain file. Put the file itself there.")
            yield Opened(name, handle, facts)
        finally:
            os.close(handle)

    @contextmanager
    def listed(self, path: str) -> Iterator[Opened]:
        """A file by its path as a file of the project writes it: ``./a.png``, ``../a.png`` and whole paths are some.

        Whoever wrote that file named the other folder, as the owner named this one: what a visitor sends is no path.

        Args:
            path: The path, from this folder on.

        Raises:
            BadInput: If it is not there, is a link or no file, or may not be read.
        """
        whole = Path(os.path.normpath(self._given / path))
        for here in (self._given, self._path):
            if whole.is_relative_to(here):
                with self.open(whole.relative_to(here).as_posix()) as file:
                    yield file
                return
        try:
            other = Folder(whole.parent, by_handle=self._by_handle)
        except (BadInput, OSError, ValueError):
            raise BadInput(f"There is no file {path!r}. Put it back, or take it out of the project's file.") from None
        with closing(other), other.open(whole.name) as file:
            yield file

    def close(self) -> None:
        """Let go of the folder."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _step_by_step(self, parts: list[str]) -> int:
        here = self._handle
        try:
            for part in parts[:-1]:
                there = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                if here != self._handle:
                    os.close(here)
                here = there
            # Without waiting, for a pipe would keep a thread until somebody writes to it.
            return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
        finally:
            if here != self._handle:
                os.close(here)

    def _resolved(self, parts: list[str]) -> int:
        wanted = self._path.joinpath(*parts)
        plain = not any(sign in part for part in parts for sign in "\\:")  # Windows' other separators
        if not plain or wanted.resolve(strict=True) != wanted or not wanted.is_file():
            raise FileNotFoundError(wanted)
        return os.open(wanted, os.O_RDONLY | getattr(os, "O_BINARY", 0))
