"""The features of a project's items: the encoder is fitted once, and only what is new or changed is encoded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from askance.encoders.base import Encoder, Encoding
from askance.encoders.saved import load_encoding, save_encoding
from askance.encoders.store import FeatureStore
from askance.errors import AskanceError, BadInput
from askance.pool import Pool
from askance.project.beginning import naming
from askance.project.intake import Reading
from askance.project.items import Items, Stored
from askance.study import early

Progress = Callable[[str, int, int, float], None]  # what is done, items so far, items in all, seconds so far


@dataclass(frozen=True)
class Raws:
    """Items as an encoder reads them, one after another; it can be walked again and again.

    Args:
        items: The project's rows.
        how: How a row is read.
        roots: For each file of the project the folder that paths of images start from.
        numbers: Which rows, by number; None is for all items that are not gone.
    """

    items: Items
    how: Reading
    roots: Sequence[Path]
    numbers: Sequence[int] | None = None

    def __iter__(self) -> Iterator[Any]:
        rows = self.items.rows("item") if self.numbers is None else self.items.numbered(self.numbers)
        for row in rows:
            if self.numbers is not None or not row.gone:
                yield self.raw(row)

    def raw(self, row: Stored) -> Any:
        """One item."""
        return self.how.raw(row.cells, row.data, self.roots[row.source])


class Features:
    """Features on disk, and the pool that they make.

    Args:
        folder: The project's folder.
        items: Its rows.
        raws: Its items, as the encoder reads them.
        encoder: What encodes them.
    """

    def __init__(self, folder: Path, items: Items, raws: Raws, encoder: Encoder) -> None:
        self._folder, self._items, self._raws, self._encoder = folder, items, raws, encoder

    @property
    def encoding(self) -> Encoding:
        """The fitted encoder.

        Raises:
            BadInput: If it is not fitted yet.
        """
        place = self._folder / "encoder"
        if not place.is_dir():
            raise BadInput(
                f"The items of {self._folder} are not encoded yet. Run: askance encode{naming(self._folder)}"
            )
        return load_encoding(place)[1]

    def fit(self, progress: Progress) -> None:
        """Fit the encoder on the items, if it is not fitted yet.

        Raises:
            BadInput: If nothing can be learned from them, or what the encoder stands on is not there.
        """
        if not (self._folder / "encoder").is_dir():
            progress("fitting the encoder", 0, 0, 0.0)
            save_encoding(
                self._folder / "encoder", self._encoder, self._encoder.fit(self._raws, self._items.fact("seed", 0))
            )

    def bring_up(self, limit: int | None, progress: Progress) -> int:
        """Encode what has no features yet, and go on where a run that was stopped left off.

        Args:
            limit: Encode so many items in all at most, drawn uniformly by a hash of their ids, in the order in which
                they are drawn early; None is for all. What people were shown early is encoded in any case.
            progress: Told how far it is.

        Returns:
            How many items were encoded.
        """
        self.fit(progress)
        store = self.store()
        numbers, ids, keys = self._items.standing()
        edited = set(self._items.fact("edited", []))
        lacking = store.missing(keys)
        gone = self._items.gone()
        may = np.array([id not in gone for id in ids], dtype=bool) if gone else np.ones(len(ids), dtype=bool)
        met = self._items.met_early() if limit is not None else set()
        must = np.array([id in edited or (id in met and id not in gone) for id in ids], dtype=bool)
        chosen = np.flatnonzero(lacking & (may | must))
        if limit is not None:
            chosen = self._within(limit - int((~lacking).sum()), chosen, ids, must)
        if len(chosen):
            self._encode(store, numbers[chosen], keys[chosen], progress)
        self._items.put("edited", [])
        return len(chosen)

    def pool(self) -> Pool:
        """All items that have features, in the order in which they came.

        Raises:
            AskanceError: If there is none.
        """
        _, ids, keys = self._items.standing()
        store = self.store()
        there = ~store.missing(keys)
        if not there.any():
            raise AskanceError(f"No item of {self._folder} is encoded yet. Run: askance encode{naming(self._folder)}")
        array = store.gather(keys if there.all() else keys[there])
        return Pool(_tensor(array), ids if there.all() else ids[there])

    def missing(self) -> int:
        """How many items that are not gone have no features yet."""
        if not (self._folder / "encoder").is_dir():
            return len(self._items.standing()[0])
        _, ids, keys = self._items.standing()
        gone = self._items.gone()
        return sum(id not in gone for id in ids[self.store().missing(keys)])

    def store(self) -> FeatureStore:
        """Where features lie."""
        return FeatureStore(self._folder / "features", self._encoder, self.encoding)

    def _within(self, room: int, chosen: NDArray[Any], ids: NDArray[Any], must: NDArray[Any]) -> NDArray[Any]:
        """As many of the chosen as there is room for, those that must be in any case."""
        order = early.drawn(map(str, ids[chosen]), self._items.fact("seed", 0))
        drawn = set(order[: max(0, room)])
        return np.array([row for row in chosen if must[row] or ids[row] in drawn], dtype=np.int64)

    def _encode(self, store: FeatureStore, numbers: NDArray[Any], keys: NDArray[Any], progress: Progress) -> None:
        begun = time.monotonic()
        raws = Raws(self._items, self._raws.how, self._raws.roots, numbers.tolist())
        store.add(keys, raws, progress=lambda done: progress("encoding", done, len(numbers), time.monotonic() - begun))


def root_of(path: Path) -> Path:
    """Where paths of images in a file or folder start from."""
    return path if path.is_dir() else path.parent


def _tensor(array: NDArray[np.float32]) -> torch.Tensor:
    """The features as a tensor over the same memory, which may be a read-only map of a file: nobody writes to it."""
    from askance.arrays import raw

    return raw(array, "features")
