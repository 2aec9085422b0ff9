"""Folders of images: every file is read once, looked at, and fingerprinted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from askance.errors import BadInput
from askance.images import LIMITS, Limits, decode, look_of, read
from askance.sources.base import Row

SIDE = 64  # pixels; a photograph is looked at smaller than it is


@dataclass(frozen=True)
class ImageFolder:
    """The files of a folder and of the folders in it, in the order of their paths.

    Hidden files are passed over. What is no image, or broken, or over the limits, comes with the reason.

    Args:
        path: The folder.
        limits: What an image may cost.
    """

    path: Path
    limits: Limits = field(default_factory=lambda: LIMITS)
    reads: str = "images"
    columns: tuple[str, ...] = ("path", "folder")
    said: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Row]:
        for file in _files(self.path):
            inside = file.relative_to(self.path)
            folder = "" if inside.parent == Path(".") else inside.parent.as_posix()
            digest, why, look = check_image(file, self.limits)
            yield Row({"path": inside.as_posix(), "folder": folder}, _said(file), why, digest, look)


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
    """All files that are not hidden; links to folders are not followed, so that none leads in circles."""
    for place, folders, files in os.walk(folder, onerror=_refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place) / name for name in sorted(files) if not name.startswith("."))


def _said(what: object) -> str:
    """Words that can be printed and kept: a file's name may be no UTF-8."""
    return str(what).encode("utf-8", "replace").decode()


def _refused(error: OSError) -> None:
    raise BadInput(f"{error.filename} cannot be read: {error.strerror}. Check its permissions.") from error
