"""Images to frozen features: their pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.encoders.base import Encoder, Encoding
from askance.errors import BadInput
from askance.images import square


@dataclass(frozen=True)
class Pixels(Encoder):
    """Brightness from 0 to 1 of a small square copy of each image.

    The whole image is kept: it is made smaller until it fits, and stands in the middle of a black square. An image of
    that size already is taken as it is.

    Args:
        side: The side of the square.
        gray: One channel instead of three.
    """

    reads: ClassVar[str] = "image"
    side: int = 32
    gray: bool = False

    def __post_init__(self) -> None:
        if self.side < 1:
            raise BadInput(f"Pixels(side={self.side}) shows nothing. Use 1 or more, such as 32.")

    def fit(self, items: Iterable[bytes], seed: int = 0) -> PixelEncoding:
        return PixelEncoding(self.side, self.gray)

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> PixelEncoding:
        return PixelEncoding(self.side, self.gray)


@dataclass(frozen=True)
class PixelEncoding(Encoding):
    """Nothing was fitted; see `Pixels`."""

    side: int
    gray: bool

    @property
    def width(self) -> int:
        return (1 if self.gray else 3) * self.side * self.side

    def encode(self, items: Sequence[bytes]) -> NDArray[np.float32]:
        rows = [square(item, self.side, f"image {number + 1} of {len(items)}") for number, item in enumerate(items)]
        pixels = np.stack(rows) if rows else np.zeros((0, self.side, self.side, 3), np.uint8)
        if self.gray:
            shares = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R 601
            brightness = np.asarray(pixels.astype(np.float32) @ shares / 255, dtype=np.float32)
            return brightness.reshape(len(items), self.width)
        channels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32)
        return np.asarray(channels / 255, dtype=np.float32).reshape(len(items), self.width)
