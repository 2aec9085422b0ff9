"""A folder of images with all that such folders hold: broken, huge, animated, rotated files, and some that are none."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ORIENTATION = 0x0112


def picture(number: int, side: int = 24) -> Image.Image:
    """A picture that no other number has."""
    dice = np.random.default_rng(number)
    return Image.fromarray(dice.integers(0, 255, (side, side, 3), dtype=np.uint8))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def rotated(number: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return saved(picture(number), "JPEG", exif=exif)


def animated(number: int) -> bytes:
    frames = [picture(number + frame) for frame in range(3)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def deep(number: int) -> bytes:
    return saved(Image.fromarray(np.full((9, 9), number * 7 % 65_536, dtype=np.uint16)), "PNG")


def palette(number: int) -> bytes:
    return saved(picture(number).quantize(16), "PNG", transparency=0)


def huge() -> bytes:
    """A small file that unpacks to more pixels than anybody wants."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


GOOD: dict[str, Callable[[int], bytes]] = {
    "rotated.jpg": rotated,
    "animated.gif": animated,
    "deep.png": deep,
    "palette.png": palette,
    "cmyk.jpg": lambda number: saved(picture(number).convert("CMYK"), "JPEG"),
    "gray.png": lambda number: saved(picture(number).convert("L"), "PNG"),
}
ODD: dict[str, Callable[[int], bytes]] = {
    "cut.jpg": lambda number: saved(picture(number, 64), "JPEG")[:-400],
    "empty.png": lambda number: b"",
    "text.jpg": lambda number: f"this is no image, but number {number}".encode(),
    "notes.txt": lambda number: f"notes {number}".encode(),
    "huge.png": lambda number: huge() + b" " * number,
}


def make_folder(folder: Path, files: int, odd: int) -> list[str]:
    """A folder of so many images in two sub-folders, and so many files that cannot be used; the names of those."""
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
    (folder / "x.png").mkdir()
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "a.png").write_bytes(b"")
    (folder / ".DS_Store").write_bytes(b"")
    for number in range(files):
        place = folder / ("cats" if number % 2 else "dogs")
        kinds = list(GOOD)
        if number % 10 == 0:
            name = kinds[number // 10 % len(kinds)]
            (place / f"{number:05}-{name}").write_bytes(GOOD[name](number))
        else:
            (place / f"{number:05}.png").write_bytes(saved(picture(number), "PNG"))
    named = []
    for number in range(odd):
        kinds = list(ODD)
        name = f"{number:05}-{kinds[number % len(kinds)]}"
        (folder / "cats" / name).write_bytes(ODD[kinds[number % len(kinds)]](number))
        named.append(f"cats/{name}")
    return named
