"""What a data set holds, made into features: pixels, numbers or prose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.lab.reading import Content


@dataclass(frozen=True)
class Pixels:
    """Brightness, from 0 to 1.

    Args:
        brightest: The value of white.
    """

    name: ClassVar[str] = "pixels"
    said: ClassVar[str] = "Pixels are scaled to 0 .. 1 and flattened."
    brightest: int = 255

    def kept(self, content: Content) -> NDArray[Any]:
        """What the cache keeps: the pixels."""
        return np.asarray(content.items)

    def features(self, kept: NDArray[Any]) -> NDArray[np.float32]:
        """float32 (items, features)."""
        scaled = kept.astype(np.float32)
        scaled /= self.brightest
        return scaled


@dataclass(frozen=True)
class Numbers:
    """Columns of mean 0 and standard deviation 1."""

    name: ClassVar[str] = "numbers"
    said: ClassVar[str] = "Columns are standardized over all items."

    def kept(self, content: Content) -> NDArray[Any]:
        """What the cache keeps: the numbers."""
        return np.asarray(content.items)

    def features(self, kept: NDArray[Any]) -> NDArray[np.float32]:
        """float32 (items, features); a column that is the same everywhere becomes zeros."""
        spread = kept.std(axis=0)
        return np.asarray((kept - kept.mean(axis=0)) / np.where(spread > 0, spread, 1), dtype=np.float32)


@dataclass(frozen=True)
class Prose:
    """TF-IDF, folded into at most 256 dimensions."""

    name: ClassVar[str] = "prose"
    said: ClassVar[str] = "Texts are read as TF-IDF, then a truncated SVD (seed 0) over all items."

    def kept(self, content: Content) -> NDArray[Any]:
        """What the cache keeps beside the texts: their features, because computing them takes a while."""
        from askance.encoders.text import text_features

        return text_features([str(text) for text in content.items], seed=0)

    def features(self, kept: NDArray[Any]) -> NDArray[np.float32]:
        """float32 (items, features)."""
        return kept


Kind = Pixels | Numbers | Prose
