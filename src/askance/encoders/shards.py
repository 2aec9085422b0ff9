"""Shards of features on disk: an array, its keys, and a manifest that is written last."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from askance.errors import StorageError

FORMAT = 1
KEY = 16  # bytes
YOUNG = 3600.0  # seconds in which a writer surely ends

Keys = NDArray[np.uint8]  # (items, 16)


@dataclass(frozen=True)
class Shard:
    """One array of features, with its manifest.

    Args:
        folder: Where its files are.
        name: What they are called.
        rows: How many items it has.
        manifest: What was written down of it: dtype, shape, sizes, checksums, encoder.
    """

    folder: Path
    name: str
    rows: int
    manifest: dict[str, Any]

    def features(self) -> NDArray[np.float32]:
        """Its array, mapped into memory and not to be written."""
        return self._load(f"{self.name}.npy", self.manifest["shape"][1], "r")

    def keys(self) -> Keys:
        """The key of each row."""
        return self._load(f"{self.name}.keys.npy", KEY)

    def is_whole(self) -> bool:
        """Whether every byte is what was written; reads all of them."""
        try:
            return all(_facts(self.folder / file) == facts for file, facts in self.manifest["files"].items())
        except OSError:  # a file that is gone or cannot be read is not what was written
            return False

    def _load(self, file: str, width: int, mmap_mode: Literal["r"] | None = None) -> NDArray[Any]:
        path = self.folder / file
        try:
            found: NDArray[Any] = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
            if found.shape != (self.rows, width):
                raise ValueError(f"it holds {found.shape}, and its manifest says {(self.rows, width)}")
        except (OSError, ValueError, EOFError) as error:
            raise StorageError(
                f"{path} cannot be read: {error}. Remove it if it is there, and run: askance encode"
            ) from error
        return found


def write(folder: Path, number: int, rows: NDArray[np.float32], keys: Keys, about: dict[str, Any]) -> Shard:
    """Write a shard under a new name: its arrays, then its manifest, each of them down to the disk.

    Args:
        folder: Where to; it is made if need be.
        number: How many shards there were: names sort by it.
        rows: The features.
        keys: Their keys.
        about: What else its manifest says.

    Raises:
        StorageError: If the disk refuses; nothing of the shard is left.
    """
    name = f"{number:05}-{uuid4().hex[:12]}"
    files: dict[str, NDArray[Any]] = {f"{name}.npy": rows, f"{name}.keys.npy": np.ascontiguousarray(keys)}
    passing = folder / f".{name}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, array in files.items():
            with open(folder / file, "xb") as opened:
                np.save(opened, array, allow_pickle=False)
                opened.flush()
                os.fsync(opened.fileno())
        manifest = {
            "format": FORMAT,
            **about,
            "dtype": "float32",
            "shape": list(rows.shape),
            "rows": len(rows),
            "files": {file: _facts(folder / file) for file in files},
        }
        with open(passing, "x", encoding="utf-8") as text:
            json.dump(manifest, text)
            text.flush()
            os.fsync(text.fileno())
        os.replace(passing, folder / f"{name}.json")
    except OSError as error:
        for path in (passing, *(folder / file for file in files)):  # a full disk needs the space back at once
            with suppress(OSError):
                path.unlink()
        raise StorageError(
            f"{folder} cannot be written: {error.strerror or error}. Free some space or check its "
            f"permissions, then encode again: it goes on where it stopped."
        ) from error
    return Shard(folder, name, len(rows), manifest)


def read(folder: Path, fingerprint: str, width: int | None = None) -> Iterator[tuple[str, Shard | None]]:
    """Every shard that a manifest names, by name; None where its files are not of the size that the manifest says.

    Args:
        folder: Where they lie.
        fingerprint: Of the features.
        width: How wide they are; None takes what the manifests say.

    Raises:
        StorageError: If one is of another format, or may not be read.
    """
    for path in sorted(folder.glob("[!.]*.json")):
        yield path.stem, _read(path, fingerprint, width)


def forget(folder: Path, name: str) -> None:
    """Take a shard's manifest away, so that its items are encoded again; its files are leftovers now.

    Raises:
        StorageError: If the disk refuses.
    """
    path = folder / f"{name}.json"
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be removed: {error.strerror}. Check the permissions of its folder."
        ) from error


def clean(folder: Path, named: set[str]) -> None:
    """Remove old files that no manifest names, of writers that were killed; a young one may still have a writer."""
    for path in folder.glob("*"):
        if path.name.split(".")[0 if path.name[0] != "." else 1] not in named:
            try:
                if time.time() - path.stat().st_mtime > YOUNG:
                    path.unlink(missing_ok=True)
            except OSError:
                continue  # somebody else removed it


def _read(path: Path, fingerprint: str, width: int | None) -> Shard | None:
    name, folder = path.stem, path.parent
    try:
        manifest = json.loads(path.read_text("utf-8"))
        found = manifest["format"]
        if isinstance(found, int) and found != FORMAT:  # of somebody who knows more: not ours to remove
            raise StorageError(
                f"{path} is of format {found}, and this askance reads {FORMAT}. Bring askance up to date, or move "
                f"{folder} away: its items are encoded again."
            )
        files = manifest["files"]
        whole = (
            manifest["fingerprint"] == fingerprint
            and manifest["shape"] == [manifest["rows"], manifest["shape"][1] if width is None else width]
            and files.keys() == {f"{name}.npy", f"{name}.keys.npy"}
            and all((folder / file).stat().st_size == facts["bytes"] for file, facts in files.items())
        )
        return Shard(folder, name, manifest["rows"], manifest) if whole else None
    except PermissionError as error:  # it may be whole for somebody else
        raise StorageError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _facts(path: Path) -> dict[str, Any]:
    """The size and checksum of a file."""
    seen = blake2b(digest_size=16)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            seen.update(part)
    return {"bytes": path.stat().st_size, "blake2b": seen.hexdigest()}
