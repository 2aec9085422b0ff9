"""Features on disk by the content of their items: shards of arrays that can be mapped into memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askance.describe import describe
from askance.encoders import shards
from askance.encoders.base import Encoder, Encoding, fingerprint
from askance.encoders.shards import KEY, Keys, Shard
from askance.errors import AskanceError, BadInput

ROWS = 16_384  # in a shard, at most
SECONDS = 20.0  # after which a shard is closed: so much work is lost when a process is killed
BATCH = 256  # items that an encoder gets at once


class FeatureStore:
    """The features of one fitted encoder, in a folder of their own.

    Every shard is a file of features, a file of keys, and a manifest that is written last, under a new name: what a
    manifest names is whole, whoever is killed; any number of processes may add at once.

    Args:
        root: The folder of all features; those of each encoding lie in one named by its fingerprint.
        encoder: What encodes.
        encoding: The same, fitted.

    Attributes:
        damaged: Names of shards whose files are not what their manifest says; their items count as missing.

    Raises:
        StorageError: If the folder was written by another askance, or cannot be read.
    """

    def __init__(self, root: Path, encoder: Encoder, encoding: Encoding) -> None:
        self._encoder, self._encoding = encoder, encoding
        self.fingerprint = fingerprint(encoder, encoding)
        self.folder = root / self.fingerprint
        self.damaged: list[str] = []
        self._shards = self._open()

    @property
    def rows(self) -> int:
        """How many rows there are in all shards."""
        return sum(shard.rows for shard in self._shards)

    def missing(self, keys: Keys) -> NDArray[np.bool_]:
        """Which items have no features yet, bool (items,)."""
        return self._places(keys) < 0

    def add(
        self,
        keys: Keys,
        items: Iterable[Any],
        *,
        progress: Callable[[int], None] | None = None,
        rows: int = ROWS,
        seconds: float = SECONDS,
    ) -> None:
        """Encode items and keep what comes out, a shard at a time.

        Args:
            keys: The key of each item, uint8 (items, 16).
            items: As many items, in the same order; they are walked once.
            progress: Told how many are done.
            rows: Rows in a shard, at most.
            seconds: Time after which a shard is closed.

        Raises:
            BadInput: If an item cannot be read; what was encoded before it stays.
            StorageError: If the disk refuses.
        """
        _check(keys)
        walk = iter(items)
        done = kept = 0
        begun, parts = time.monotonic(), list[NDArray[np.float32]]()
        try:
            while batch := list(islice(walk, min(BATCH, rows - (done - kept)))):
                # A row without a key would give later items the features of others.
                if done + len(batch) > len(keys):
                    raise AskanceError(f"More items came than the {len(keys)} keys. Hand in an item for each key.")
                parts.append(checked(self._encoder, self._encoding, batch))
                done += len(batch)
                if done - kept >= rows or time.monotonic() - begun > seconds:
                    self._keep(keys[kept:done], parts)
                    kept, begun, parts = done, time.monotonic(), []
                if progress is not None:
                    progress(done)
        finally:
            if parts:
                self._keep(keys[kept:done], parts)
        if done != len(keys):
            raise AskanceError(f"{done} items came for {len(keys)} keys. Hand in an item for each key.")

    def gather(self, keys: Keys) -> NDArray[np.float32]:
        """The features of items, in the order of their keys, float32 (items, width).

        Where one shard holds just these items in this order, it is mapped into memory and nothing is copied.

        Raises:
            BadInput: If an item has none.
            StorageError: If a file went away since the store was opened.
        """
        if len(self._shards) == 1 and np.array_equal(self._keys, keys):
            return self._shards[0].features()  # the usual case of a small project: no key is looked up
        places = self._places(keys)
        if (places < 0).any():
            raise BadInput(f"{int((places < 0).sum())} of {len(keys)} items have no features yet. Run: askance encode")
        found = np.empty((len(keys), self._encoding.width), dtype=np.float32)
        start = 0
        for shard in self._shards:
            if len(places) == shard.rows and np.array_equal(places, np.arange(start, start + shard.rows)):
                return shard.features()
            here = np.flatnonzero((places >= start) & (places < start + shard.rows))
            if len(here):
                found[here] = shard.features()[places[here] - start]
            start += shard.rows
        return found

    def verify(self) -> list[str]:
        """Names of shards of which a byte is not what was written."""
        return [shard.name for shard in self._shards if not shard.is_whole()]

    def drop(self, names: Iterable[str]) -> None:
        """Take shards out, so that their items are encoded again."""
        lost = set(names)
        for name in lost:
            shards.forget(self.folder, name)
        self._shards = [shard for shard in self._shards if shard.name not in lost]
        self._forget()

    # Within

    def _forget(self) -> None:
        self.__dict__.pop("_keys", None)
        self.__dict__.pop("_order", None)

    @cached_property
    def _keys(self) -> Keys:
        parts = [shard.keys() for shard in self._shards]
        return np.concatenate(parts) if parts else np.zeros((0, KEY), np.uint8)

    @cached_property
    def _order(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        halves = _halves(self._keys)
        order = halves.argsort(kind="stable")
        return halves[order], order

    def _places(self, keys: Keys) -> NDArray[np.int64]:
        """The row of each key among all shards, -1 where there is none, int64 (items,)."""
        _check(keys)
        halves, order = self._order
        if not len(order):
            return np.full(len(keys), -1)
        wanted = _halves(keys)
        at = np.minimum(np.searchsorted(halves, wanted), len(halves) - 1)
        found = order[at]
        same = (self._keys[found] == keys).all(1)
        for number in np.flatnonzero(~same & (halves[at] == wanted)):  # half a key is shared: look at its neighbors
            for place in range(int(at[number]), len(halves)):
                if halves[place] != wanted[number]:
                    break
                if np.array_equal(self._keys[order[place]], keys[number]):
                    found[number], same[number] = order[place], True
                    break
        return np.where(same, found, -1)

    def _keep(self, keys: Keys, parts: list[NDArray[np.float32]]) -> None:
        about = {"fingerprint": self.fingerprint, "encoder": describe(self._encoder)}
        self._shards.append(shards.write(self.folder, len(self._shards), np.concatenate(parts), keys, about))
        self._forget()

    def _open(self) -> list[Shard]:
        found = dict(shards.read(self.folder, self.fingerprint, self._encoding.width))
        for name, shard in found.items():
            if shard is None:
                self.damaged.append(name)
                shards.forget(self.folder, name)
        whole = [shard for shard in found.values() if shard is not None]
        shards.clean(self.folder, {shard.name for shard in whole})
        return whole


def checked(encoder: Encoder, encoding: Encoding, batch: Sequence[Any]) -> NDArray[np.float32]:
    """The features of some items, float32 (items, width), if they are what the contract says.

    Raises:
        AskanceError: If they are of another shape or type.
        BadInput: If one is not finite.
    """
    rows = encoding.encode(batch)
    name, width = type(encoder).__name__, encoding.width
    if rows.shape != (len(batch), width) or rows.dtype != np.float32:
        raise AskanceError(
            f"{name} gave {rows.dtype} of shape {rows.shape} for {len(batch)} items. It must give float32 of shape "
            f"({len(batch)}, {width})."
        )
    if not np.isfinite(rows).all():
        row = int(np.flatnonzero(~np.isfinite(rows).all(1))[0])
        raise BadInput(
            f"{name} gave a value that is not finite for {str(batch[row])[:80]!r}. Mend the item or the encoder."
        )
    return rows


def _check(keys: Keys) -> None:
    """Refuse what are no keys."""
    if keys.ndim != 2 or keys.shape[1] != KEY or keys.dtype != np.uint8:
        raise BadInput(f"Keys are {keys.dtype} of shape {keys.shape}. Hand in uint8 of shape (items, {KEY}).")


def _halves(keys: Keys) -> NDArray[np.uint64]:
    """The first half of each key, as a number that can be sorted."""
    found: NDArray[np.uint64] = np.ascontiguousarray(keys[:, :8]).view(np.uint64).reshape(-1)
    return found
