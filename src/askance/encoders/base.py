"""The contract of encoders: raw items in, frozen features out, no label ever seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.describe import describe


class Encoding:
    """A fitted encoder: turns raw items into features, each item by itself.

    The features of an item depend on nothing but the item and what was fitted: not on its neighbors, the size of the
    batch or the number of threads, up to the last bits.
    """

    @property
    def width(self) -> int:
        """How many features an item gets."""
        raise TypeError(f"{type(self).__name__} does not say how wide its features are")

    def encode(self, items: Sequence[Any]) -> NDArray[np.float32]:
        """Finite features, float32 (items, width).

        Raises:
            BadInput: If an item cannot be read.
        """
        raise TypeError(f"{type(self).__name__} encodes nothing")

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and small JSON that `Encoder.restore` makes this encoding from; empty where nothing was fitted."""
        return {}, {}


@dataclass(frozen=True)
class Encoder:
    """A recipe for features: a frozen dataclass whose fields are its options and have defaults.

    Attributes:
        reads: What an item is: ``text`` (a string), ``table`` (a mapping of column to text), ``image`` (the bytes of a
            file), or ``array`` (float32 (features,)).
    """

    reads: ClassVar[str] = "text"
    revision: ClassVar[int] = 1  # goes up when its features may change: then those that the lab keeps are not its own

    def fit(self, items: Iterable[Any], seed: int = 0) -> Encoding:
        """Look at items, and no labels, to learn what the features are.

        Args:
            items: Raw items; it can be iterated over more than once, and may be larger than memory.
            seed: For dice.

        Raises:
            BadInput: If nothing can be learned from them.
        """
        raise TypeError(f"{type(self).__name__} does not fit")

    def stands_on(self) -> Any:
        """What features hang on beside its fields and the items it is fitted to, such as checksums of weights: JSON.

        Raises:
            BadInput: If that is not there.
        """
        return None

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> Encoding:
        """The encoding whose `Encoding.state` these are.

        Raises:
            BadInput: If what it stands on (a package, a folder of weights) is not there or has changed.
        """
        raise TypeError(f"{type(self).__name__} restores nothing")


def fingerprint(encoder: Encoder, encoding: Encoding) -> str:
    """A name for features: two encodings with one name give the same features for the same item, 24 hex digits."""
    arrays, facts = encoding.state()
    seen = blake2b(digest_size=12)
    seen.update(json.dumps([describe(encoder), facts], sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        seen.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
        seen.update(np.ascontiguousarray(array).tobytes())
    return seen.hexdigest()
