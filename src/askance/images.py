"""Image files as pixels: one door that knows limits, rotation, color spaces and what a broken file looks like."""

from __future__ import annotations

import io
import math
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from askance.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

ENDINGS = frozenset(
    {".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".jp2", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}
)


@dataclass(frozen=True)
class Limits:
    """What an image may cost.

    Args:
        bytes: The largest file.
        pixels: The most pixels of a frame; a small file can unpack to a huge one.
    """

    bytes: int = 100_000_000
    pixels: int = 100_000_000


LIMITS = Limits()


def read(path: str | Path, *, limits: Limits = LIMITS) -> bytes:
    """The bytes of an image file.

    Raises:
        BadInput: If it cannot be read, is no plain file, is empty or is over the limit; the message names the file.
    """
    file = Path(path)
    try:
        facts = file.stat()
        if not stat.S_ISREG(facts.st_mode):  # reading a pipe would wait until somebody writes to it
            raise BadInput(f"{path} is no plain file. Put the image itself there, or take it out of the folder.")
        if facts.st_size > limits.bytes:
            raise BadInput(
                f"{path} has {facts.st_size:,} bytes, and the limit is {limits.bytes:,}. "
                f"Save it smaller, or raise the limit."
            )
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}. Check the file and its permissions.") from error
    if not data:
        raise BadInput(f"{path} is empty. Save it again, or take it out of the folder.")
    return data


def png(gray: NDArray[np.float32]) -> bytes:
    """A PNG file of a gray picture.

    Args:
        gray: From 0 (black) to 1, (height, width).
    """
    import numpy as np
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray((gray * 255).round().clip(0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def decode(
    data: bytes,
    name: str,
    *,
    side: int | None = None,
    limits: Limits = LIMITS,
    kinds: tuple[str, ...] | None = None,
) -> Image:
    """The first frame of an image, upright and in RGB.

    What is transparent becomes white. Gray values of more than 8 bits have no scale that all files share (12 bits in
    16, degrees, distances), so they are stretched: the least one of the image is black, the largest white, and where
    all are one value it is a middle gray.

    Args:
        data: What the file holds.
        name: What people call it; errors use this name.
        side: Whether the longer side may come out smaller than it is, down to so many pixels: faster for photographs.
        limits: What it may cost.
        kinds: Pillow's names of the kinds of file that may be read, None for all.

    Returns:
        A decoded image of mode RGB.

    Raises:
        BadInput: If it is no image, is cut off, is over the limit, or holds gray values that are not finite; the
            message names the image.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd tags
        if limits.pixels <= (Image.MAX_IMAGE_PIXELS or 0):  # else the warning comes below our own limit
            warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=kinds) as image:
                pixels = image.width * image.height
                if pixels > limits.pixels:
                    raise BadInput(
                        f"{name} has {image.width} x {image.height} = {pixels:,} pixels, and the limit is "
                        f"{limits.pixels:,}. Save it smaller, or raise the limit."
                    )
                if side is not None:
                    image.draft("RGB", (side, side))  # a JPEG is decoded at an eighth, a quarter or half of its size
                return _rgb(ImageOps.exif_transpose(image), name)
        except BadInput:
            raise
        except UnidentifiedImageError:
            raise BadInput(
                f"{name} is no image, or of a kind that is not known here. Take it out, or convert it."
            ) from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise BadInput(f"{name} unpacks to too many pixels ({str(error).rstrip('.')}). Save it smaller.") from None
        except Exception as error:  # decoders raise nearly everything on broken files
            raise BadInput(
                f"{name} is broken: {type(error).__name__}: {error}. Save it again, or take it out."
            ) from error


def _rgb(image: Image, name: str) -> Image:
    """An image over white, with deep gray values stretched; its colors as they are otherwise."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _stretched(image, name).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGBA").convert("RGB") if image.mode == "P" else image.convert("RGB")
    from PIL import Image

    seen = image.convert("LA" if image.mode == "La" else "RGBA").convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def _stretched(image: Image, name: str) -> Image:
    """Gray values of more than 8 bits, from the least one to the largest, in 8 bits."""
    import numpy as np
    from PIL import Image

    values = np.asarray(image)
    clear = values == image.info.get("transparency", np.nan)  # a PNG may say which one value is transparent
    used = values[~clear] if clear.any() else values
    low, high = (float(used.min()), float(used.max())) if used.size else (0.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise BadInput(f"{name} holds gray values that are not finite. Fill them in, or take it out.")
    gray = np.full(values.shape, 128, dtype=np.uint8)
    if high > low:
        for row, line in enumerate(values):  # one at a time: as float64, a large image would take gigabytes
            gray[row] = ((line.astype(np.float64) - low) * (255 / (high - low))).round().clip(0, 255)
    gray[clear] = 255
    return Image.fromarray(gray)


def encode(image: Image, kind: str, **options: int) -> bytes:
    """An image as a file that holds its pixels and nothing else: no place, no camera, no comment, no color profile.

    Args:
        image: The image.
        kind: Pillow's name of the kind of file.
        options: What Pillow takes for that kind.
    """
    bare = image.copy()
    bare.info = {}  # encoders would write some of it
    file = io.BytesIO()
    bare.save(file, kind, **options)
    return file.getvalue()


@dataclass(frozen=True)
class Head:
    """What the first bytes of an image say.

    Args:
        width: Pixels in a row, as they are stored: a photograph may have to be turned to stand upright.
        height: Rows.
        mime: What it is, as ``image/png``.
    """

    width: int
    height: int
    mime: str


def head(source: bytes | Path, name: str) -> Head:
    """What an image is and how large, without decoding it.

    Args:
        source: What the file holds, or where it lies.
        name: What people call it; errors use this name.

    Raises:
        BadInput: If it cannot be read, or is no image.
    """
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                mime = Image.MIME.get(image.format or "", "application/octet-stream")
                return Head(image.width, image.height, "image/jpeg" if mime == "image/mpo" else mime)
        except UnidentifiedImageError:
            raise BadInput(f"{name} is no image, or of a kind that is not known here. Save it again.") from None
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            why = str(getattr(error, "strerror", None) or error).rstrip(".")
            raise BadInput(f"{name} cannot be read: {why}. Check the file and its permissions.") from error


def look_of(image: Image) -> int:
    """What an image looks like, in 64 bits: in each of eight rows, where it gets brighter. Near ones differ in few."""
    import numpy as np
    from PIL import Image

    gray = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    return int.from_bytes(np.packbits(gray[:, 1:] > gray[:, :-1]).tobytes(), "big")


def square(data: bytes, side: int, name: str) -> NDArray[np.uint8]:
    """An image as it fits into a square, black around it, uint8 (side, side, 3).

    Raises:
        BadInput: If it cannot be decoded.
    """
    import numpy as np
    from PIL import Image, ImageOps

    image = decode(data, name, side=side)
    if image.size != (side, side):
        image = ImageOps.pad(
            image, (side, side), method=Image.Resampling.BOX if side < 16 else Image.Resampling.BICUBIC
        )
    return np.asarray(image)
