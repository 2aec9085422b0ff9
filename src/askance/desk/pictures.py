"""Pictures for the page: decoded and encoded anew, so that nothing but pixels gets from a file to a browser."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from askance.desk.folders import Folder
from askance.errors import BadInput
from askance.images import Limits, decode, encode

LIMITS = Limits(bytes=50_000_000, pixels=64_000_000)  # below where Pillow warns of decompression bombs
KINDS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000", "PPM")  # what projects of images read; never SVG
SIDE = 2048  # pixels of the longer side, as many as a screen shows
CACHE = 64_000_000
_LARGE = 2_000_000  # bytes of a PNG from which on a JPEG, a tenth as large, looks good enough
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_QUALITY = 90
_NAMELESS = "The picture"


@dataclass(frozen=True)
class Shown:
    """A picture as it goes to a browser.

    Args:
        data: A PNG or a JPEG.
        kind: Its content type.
    """

    data: bytes
    kind: str


def picture(source: bytes | tuple[Folder, str], limits: Limits = LIMITS, *, side: int = SIDE) -> bytes:
    """The first frame of a picture, upright, without metadata, as a PNG or a JPEG.

    What was a JPEG stays one, and other kinds become a PNG, unless that is large. What is transparent becomes white,
    and deep gray is stretched, as where a model sees the picture.

    Args:
        source: What the file holds; or a folder and a name in it.
        limits: What it may cost.
        side: The longer side comes out no larger than this.

    Raises:
        BadInput: If it is not there, no picture of a known kind, broken, or over the limits.
    """
    if not isinstance(source, bytes):
        folder, name = source
        with folder.open(name) as file:
            return _drawn(file.read(limits.bytes), name, limits, side)
    if len(source) > limits.bytes:
        raise BadInput(f"{_NAMELESS} has over {limits.bytes:,} bytes. Save it smaller, or raise the limit.")
    return _drawn(source, _NAMELESS, limits, side)


def kind_of(data: bytes) -> str:
    """The content type of what `picture` made."""
    return "image/png" if data.startswith(_PNG) else "image/jpeg"


class Pictures:
    """The pictures of a project, one decoded at a time in a thread of its own, and the latest kept in memory.

    Args:
        roots: The project's folders of images, by a name of your choice.
        again: Gives them anew, when one is asked for that is not among them.
        limits: What a picture may cost.
        cache_bytes: How much is kept in memory.

    Raises:
        BadInput: If a folder cannot be opened.
    """

    def __init__(
        self,
        roots: Mapping[str, Path],
        again: Callable[[], Mapping[str, Path]] = dict,
        limits: Limits = LIMITS,
        cache_bytes: int = CACHE,
    ) -> None:
        self._again, self._limits, self._room = again, limits, cache_bytes
        self._folders: dict[str, Folder] = {}
        try:
            for name, path in roots.items():
                self._folders[name] = Folder(path)
        except BadInput:
            self._close_folders()
            raise
        self._kept: OrderedDict[object, bytes] = OrderedDict()
        self._size = 0
        # One thread: it bounds the memory, and `decode` changes the process's filter of warnings meanwhile.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")

    async def of_file(self, root: str, name: str) -> Shown:
        """A picture in one of the folders, or elsewhere if its name, as the project's file writes it, leads there.

        Raises:
            BadInput: If it is not there, no picture of a known kind, broken, or over the limits.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._of_file, root, name)

    async def of_data(self, data: bytes) -> Shown:
        """A picture that lies in a file of items, such as Parquet.

        Raises:
            BadInput: If it is no picture of a known kind, broken, or over the limits.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._of_data, data)

    def close(self) -> None:
        """Let go of thread and folders, once the picture in hand is done."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._close_folders()

    def _of_file(self, root: str, name: str) -> Shown:
        if root not in self._folders and root in (roots := self._again()):  # it was added while the desk is open
            self._folders[root] = Folder(roots[root])
        folder = self._folders.get(root)
        if folder is None:
            raise BadInput(f"The project has no folder {root!r}. Known: {', '.join(self._folders) or 'none'}.")
        with folder.listed(name) as file:
            key = (root, name, *file.mark)
            if kept := self._cached(key):
                return kept
            return self._keep(key, _drawn(file.read(self._limits.bytes), name, self._limits, SIDE))

    def _of_data(self, data: bytes) -> Shown:
        key = sha256(data).digest()
        return self._cached(key) or self._keep(key, picture(data, self._limits))

    def _cached(self, key: object) -> Shown | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return Shown(found, kind_of(found))

    def _keep(self, key: object, made: bytes) -> Shown:
        self._kept[key] = made
        self._size += len(made)
        while self._size > self._room:
            self._size -= len(self._kept.popitem(last=False)[1])
        return Shown(made, kind_of(made))

    def _close_folders(self) -> None:
        for folder in self._folders.values():
            folder.close()


def _drawn(data: bytes, name: str, limits: Limits, side: int) -> bytes:
    image = decode(data, name, side=side, limits=limits, kinds=KINDS)
    image.thumbnail((side, side))
    if not data.startswith(_JPEG) and len(made := encode(image, "PNG")) <= _LARGE:
        return made
    return encode(image, "JPEG", quality=_QUALITY)
