"""Arrays to frozen features: the numbers as they came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.encoders.base import Encoder, Encoding
from askance.errors import BadInput


@dataclass(frozen=True)
class AsIs(Encoder):
    """Rows of numbers as they are: whoever made them, such as a large model's embeddings, has scaled them."""

    reads: ClassVar[str] = "array"

    def fit(self, items: Iterable[NDArray[np.float32]], seed: int = 0) -> AsIsEncoding:
        for item in items:
            return AsIsEncoding(len(item))
        raise BadInput("There is no row of numbers. Hand in at least one.")

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> AsIsEncoding:
        return AsIsEncoding(int(facts["width"]))


@dataclass(frozen=True)
class AsIsEncoding(Encoding):
    """Rows of one width.

    Args:
        features: How many numbers a row has.
    """

    features: int

    @property
    def width(self) -> int:
        return self.features

    def encode(self, items: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        for number, item in enumerate(items):
            if np.shape(item) != (self.features,):
                raise BadInput(
                    f"Row {number} has the shape {np.shape(item)}, and the first items have ({self.features},). Give "
                    f"all rows the same width."
                )
        return np.stack(items).astype(np.float32) if len(items) else np.zeros((0, self.features), np.float32)

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {}, {"width": self.features}
