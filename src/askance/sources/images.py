"""Folders of images: every file is read once, looked at, and fingerprinted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from askance.errors import BadInput
from askance.images import LIMITS, Limits, decode, look_of, read
from askance.sources.base import Row

SHOWN = 5  # links that are named
SIDE = 64  # pixels; a photograph is looked at smaller than it is


@dataclass(frozen=True)
class ImageFolder:
    """The files of a folder and of the folders in it, in the order of their paths.

    Hidden files are passed over, and so are folders elsewhere that a link leads to, which is said. What is no image, or
    broken, or over the limits, comes with the reason.

    Args:
        path: The folder.
        limits: What an image may cost.
    """

    path: Path
    limits: Limits = field(default_factory=lambda: LIMITS)
    reads: str = "images"
    columns: tuple[str, ...] = ("path", "folder")

    @property
    def said(self) -> tuple[str, ...]:
        """Which links were not followed."""
        links = self._links
        if not links:
            return ()
        shown = ", ".join(links[:SHOWN]) + (f" and {len(links) - SHOWN} more" if len(links) > SHOWN else "")
        return (f"links to folders elsewhere are not followed: {shown} (put the folders themselves there)",)

    def __iter__(self) -> Iterator[Row]:
        file = None
        for file in _files(self.path):
            inside = file.relative_to(self.path)
            folder = "" if inside.parent == Path(".") else inside.parent.as_posix()
            digest, why, look = check_image(file, self.limits)
            yield Row({"path": inside.as_posix(), "folder": folder}, _said(file), why, digest, look)
        if file is None and self._links:
            raise BadInput(
                f"{self.path} holds links to folders alone, such as {self._links[0]}, and links are not followed. "
                f"Put the folders themselves there, or name one of them."
            )

    @cached_property
    def _links(self) -> list[str]:
        """Links to folders outside of this one, by their paths in it; what they lead to is met nowhere else."""
        whole, found = Path(os.path.realpath(self.path)), []
        for place, folders, _ in os.walk(self.path, onerror=_refused):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for link in (Path(place) / name for name in folders):
                if link.is_symlink() and not Path(os.path.realpath(link)).is_relative_to(whole):
                    found.append(_said(link.relative_to(self.path).as_posix()))
        return found


def check_image(path: Path, limits: Limits = LIMITS) -> tuple[bytes, str, int | None]:
    """A fingerprint of an image file, 16 bytes; why it cannot be used, empty if it can; and what it looks like."""
    try:
        data = read(path, limits=limits)
    except BadInput as error:
        return b"", _said(error), None
    return check_bytes(data, _said(path), limits)


def check_bytes(data: bytes, name: str, limits: Limits = LIMITS) -> tuple[bytes, str, int | None]:
    """The same for the bytes of an image."""
    digest = blake2b(data, digest_size=16).digest()
    try:
        image = decode(data, name, side=SIDE, limits=limits)
    except BadInput as error:
        return digest, str(error), None
    return digest, "", look_of(image)


def _files(folder: Path) -> Iterator[Path]:
    """All files that are not hidden; links to folders are not followed, for none may lead in circles or out of it."""
    for place, folders, files in os.walk(folder, onerror=_refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place) / name for name in sorted(files) if not name.startswith("."))


def _said(what: object) -> str:
    """Words that can be printed and kept: a file's name may be no UTF-8."""
    return str(what).encode("utf-8", "replace").decode()


def _refused(error: OSError) -> None:
    raise BadInput(f"{error.filename} cannot be read: {error.strerror}. Check its permissions.") from error
