"""Features on disk by the content of their items: shards of arrays that can be mapped into memory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from askance.describe import describe
from askance.encoders.base import Encoder, Encoding, fingerprint
from askance.errors import AskanceError, BadInput, StorageError

FORMAT = 1
ROWS = 16_384  # in a shard, at most
SECONDS = 20.0  # after which a shard is closed: so much work is lost when a process is killed
BATCH = 256  # items that an encoder gets at once
KEY = 16  # bytes
YOUNG = 3600.0  # seconds in which a writer surely ends

Keys = NDArray[np.uint8]  # (items, 16)


@dataclass(frozen=True)
class Shard:
    """One array of features, with its manifest.

    Args:
        name: What its files are called.
        rows: How many items it has.
        manifest: What was written down of it: dtype, shape, sizes, checksums, encoder.
    """

    name: str
    rows: int
    manifest: dict[str, Any]


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
    """

    def __init__(self, root: Path, encoder: Encoder, encoding: Encoding) -> None:
        self._encoder, self._encoding = encoder, encoding
        self.fingerprint = fingerprint(encoder, encoding)
        self.folder = root / self.fingerprint
        self.damaged: list[str] = []
        self._shards = self._read()

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
            keys: The key of each item.
            items: As many items, in the same order; they are walked once.
            progress: Told how many are done.
            rows: Rows in a shard, at most.
            seconds: Time after which a shard is closed.

        Raises:
            BadInput: If an item cannot be read; finished shards stay.
            StorageError: If the disk refuses.
        """
        walk = iter(items)
        done = kept = 0
        begun, parts = time.monotonic(), list[NDArray[np.float32]]()
        try:
            while batch := list(islice(walk, min(BATCH, rows - (done - kept)))):
                parts.append(self._encoded(batch))
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
        """
        if len(self._shards) == 1 and np.array_equal(self._keys, keys):
            return self._array(self._shards[0])
        places = self._places(keys)
        if (places < 0).any():
            raise BadInput(f"{int((places < 0).sum())} of {len(keys)} items have no features yet. Run: askance encode")
        found = np.empty((len(keys), self._encoding.width), dtype=np.float32)
        start = 0
        for shard in self._shards:
            here = np.flatnonzero((places >= start) & (places < start + shard.rows))
            if len(here):
                found[here] = self._array(shard)[places[here] - start]
            start += shard.rows
        return found

    def verify(self) -> list[str]:
        """Names of shards of which a byte is not what was written."""
        return [shard.name for shard in self._shards if not self._same(shard)]

    def drop(self, names: Iterable[str]) -> None:
        """Take shards out, so that their items are encoded again."""
        lost = set(names)
        for name in lost:
            (self.folder / f"{name}.json").unlink(missing_ok=True)
        self._shards = [shard for shard in self._shards if shard.name not in lost]
        self._forget()

    # Within

    def _forget(self) -> None:
        self.__dict__.pop("_keys", None)
        self.__dict__.pop("_order", None)

    @cached_property
    def _keys(self) -> Keys:
        parts = [np.load(self.folder / f"{shard.name}.keys.npy", allow_pickle=False) for shard in self._shards]
        return np.concatenate(parts) if parts else np.zeros((0, KEY), np.uint8)

    @cached_property
    def _order(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        halves = _halves(self._keys)
        order = halves.argsort(kind="stable")
        return halves[order], order

    def _places(self, keys: Keys) -> NDArray[np.int64]:
        """The row of each key among all shards, -1 where there is none, int64 (items,)."""
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

    def _encoded(self, batch: list[Any]) -> NDArray[np.float32]:
        rows = self._encoding.encode(batch)
        if rows.shape != (len(batch), self._encoding.width) or rows.dtype != np.float32:
            raise AskanceError(
                f"{type(self._encoder).__name__} gave {rows.dtype} of shape {rows.shape} for {len(batch)} items. It "
                f"must give float32 of shape ({len(batch)}, {self._encoding.width})."
            )
        if not np.isfinite(rows).all():
            row = int(np.flatnonzero(~np.isfinite(rows).all(1))[0])
            raise BadInput(
                f"{type(self._encoder).__name__} gave a value that is not finite for {str(batch[row])[:80]!r}. Mend "
                f"the item or the encoder."
            )
        return rows

    def _keep(self, keys: Keys, parts: list[NDArray[np.float32]]) -> None:
        """Write a shard: its arrays, then its manifest."""
        name = f"{len(self._shards):05}-{uuid4().hex[:12]}"
        rows = np.concatenate(parts)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            files: dict[str, NDArray[Any]] = {f"{name}.npy": rows, f"{name}.keys.npy": np.ascontiguousarray(keys)}
            for file, array in files.items():
                with open(self.folder / file, "xb") as opened:
                    np.save(opened, array, allow_pickle=False)
                    opened.flush()
                    os.fsync(opened.fileno())
            manifest = {
                "format": FORMAT,
                "fingerprint": self.fingerprint,
                "encoder": describe(self._encoder),
                "dtype": "float32",
                "shape": list(rows.shape),
                "rows": len(rows),
                "files": {file: _facts(self.folder / file) for file in files},
            }
            passing = self.folder / f".{name}.tmp"
            with open(passing, "x", encoding="utf-8") as opened:
                json.dump(manifest, opened)
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(passing, self.folder / f"{name}.json")
        except OSError as error:
            raise StorageError(
                f"{self.folder} cannot be written: {error.strerror or error}. Free some space or check its "
                f"permissions, then encode again: it goes on where it stopped."
            ) from error
        self._shards.append(Shard(name, len(rows), manifest))
        self._forget()

    def _read(self) -> list[Shard]:
        """All shards whose files have the size that their manifest says; leftovers of killed writers are removed."""
        shards = []
        named = set()
        for path in sorted(self.folder.glob("[!.]*.json")):
            name = path.stem
            try:
                manifest = json.loads(path.read_text("utf-8"))
                whole = all(
                    (self.folder / file).stat().st_size == facts["bytes"] for file, facts in manifest["files"].items()
                )
                width = manifest["shape"][1]
                if manifest["format"] != FORMAT or not whole or width != self._encoding.width:
                    raise ValueError("another size")
                shards.append(Shard(name, manifest["rows"], manifest))
                named.add(name)
            except (OSError, ValueError, KeyError, TypeError, IndexError):
                self.damaged.append(name)
                path.unlink(missing_ok=True)  # without a manifest its items are encoded again
        for path in self.folder.glob("*"):
            if path.name.split(".")[0 if path.name[0] != "." else 1] not in named:
                _remove_if_old(path)
        return shards

    def _array(self, shard: Shard) -> NDArray[np.float32]:
        found: NDArray[np.float32] = np.load(self.folder / f"{shard.name}.npy", mmap_mode="r", allow_pickle=False)
        return found

    def _same(self, shard: Shard) -> bool:
        files = shard.manifest["files"]
        return all(_facts(self.folder / file) == facts for file, facts in files.items())


def _facts(path: Path) -> dict[str, Any]:
    """The size and checksum of a file."""
    seen = blake2b(digest_size=16)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            seen.update(part)
    return {"bytes": path.stat().st_size, "blake2b": seen.hexdigest()}


def _halves(keys: Keys) -> NDArray[np.uint64]:
    """The first half of each key, as a number that can be sorted."""
    found: NDArray[np.uint64] = np.ascontiguousarray(keys[:, :8]).view(np.uint64).reshape(-1)
    return found


def _remove_if_old(path: Path) -> None:
    """A file that no manifest names; a young one may still have a writer."""
    try:
        if time.time() - path.stat().st_mtime > YOUNG:
            path.unlink(missing_ok=True)
    except OSError:
        return  # somebody else removed it
