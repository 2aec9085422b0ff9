"""Data sets on disk: plain arrays and JSON with checksums, there whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from askance import cached
from askance.errors import BadInput, StorageError
from askance.lab.reading import Content
from askance.lab.registry import Entry
from askance.packages import checksum

FORMAT = 1
FEATURES, ITEMS, TEXTS, MANIFEST = "features.npy", "items.json", "texts.json", "manifest.json"


@dataclass(frozen=True, eq=False)
class Kept:
    """What the cache keeps of a data set.

    Args:
        kept: Features as they were read or, of prose, computed: (items, features).
        labels: The class of each item.
        ids: The name of each item; None counts rows.
    """

    kept: NDArray[Any]
    labels: list[str | int]
    ids: list[str] | None


def root() -> Path:
    """The folder of all data sets."""
    return cached.here() / "datasets"


def folder(entry: Entry) -> Path:
    """Where a data set is, or would be."""
    return root() / entry.name


def state(entry: Entry) -> str:
    """In the cache, not fetched, out of date or damaged, by a look at names and sizes; `read` checks every byte."""
    if not folder(entry).is_dir():
        return "not fetched"
    try:
        manifest = _manifest(entry)
        sizes = {name: (folder(entry) / name).stat().st_size for name in manifest["files"]}
        damaged = any(sizes[name] != facts["bytes"] for name, facts in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "damaged"
    if {name: manifest.get(name) for name in _facts(entry)} != _facts(entry):
        return "out of date"
    return "damaged" if damaged else "in the cache"


def read(entry: Entry) -> Kept:
    """A data set from the cache, every byte checked.

    Raises:
        BadInput: If it is not there, or made from another version than the registry names.
        StorageError: If it is damaged.
    """
    found = state(entry)
    if found in ("not fetched", "out of date"):
        what = "not in the cache" if found == "not fetched" else "in the cache as another version"
        raise BadInput(f"The data set {entry.name} is {what} ({folder(entry)}). {_get(entry)}")
    try:
        for name, facts in _manifest(entry)["files"].items():
            if checksum(folder(entry) / name) != facts["sha256"]:
                raise ValueError(f"{name} has changed since it was written")
        items = json.loads((folder(entry) / ITEMS).read_text("utf-8"))
        kept = np.load(folder(entry) / FEATURES, allow_pickle=False)
        return Kept(kept, items["labels"], items["ids"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(entry, error) from error


def read_texts(entry: Entry) -> list[str]:
    """The texts of a data set of prose, checked as `read` does."""
    read(entry)
    texts: list[str] = json.loads((folder(entry) / TEXTS).read_text("utf-8"))
    return texts


def write(entry: Entry, content: Content) -> None:
    """Put a data set into the cache; one that is there is replaced at the end.

    Raises:
        StorageError: If it cannot be written; what was there is left as it was.
    """
    kept = entry.kind.kept(content)
    with cached.making(root(), entry.name) as made:
        np.save(made / FEATURES, kept, allow_pickle=False)
        _dump(made / ITEMS, {"ids": content.ids, "labels": content.labels})
        if isinstance(content.items, list):
            _dump(made / TEXTS, content.items)
        files = {path.name: {"bytes": path.stat().st_size, "sha256": checksum(path)} for path in sorted(made.iterdir())}
        _dump(made / MANIFEST, {**_facts(entry), "files": files})
        cached.put(made, folder(entry))


def _facts(entry: Entry) -> dict[str, Any]:
    """What the registry says of a data set that the cache has to agree with."""
    package = entry.package
    assert package is not None  # what ships with scikit-learn is never cached
    return {
        "format": FORMAT,
        "name": entry.name,
        "package": [package.client.name, package.name, package.version, package.sha256],
        "shape": [entry.items, entry.features],
        "classes": entry.classes,
        "official_test": entry.official_test,
    }


def _manifest(entry: Entry) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder(entry) / MANIFEST).read_text("utf-8"))
    needed = {FEATURES, ITEMS} | ({TEXTS} if entry.kind.name == "prose" else set())
    if manifest["files"].keys() != needed:
        raise ValueError(f"{MANIFEST} names other files than {', '.join(sorted(needed))}")
    return manifest


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8", errors="surrogatepass")


def _damaged(entry: Entry, error: Exception) -> StorageError:
    return StorageError(f"The data set {entry.name} in {folder(entry)} is damaged: {error}. {_get(entry)}")


def _get(entry: Entry) -> str:
    return f"Get it with: askance datasets fetch {entry.name}"
